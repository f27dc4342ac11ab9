"""A backup put back in place of what stands there, which is kept; and whether a backup is sound."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sqlite3
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from prodigy_team.errors import TeamError, UsageError
from prodigy_team.presence import exists, is_file
from prodigy_team.roster import Roster
from prodigy_team.servers.backups import ANSWERS, BESIDE, DUMP, Backup, backups_folder, list_backups, read_backup
from prodigy_team.servers.dumps import counts_in
from prodigy_team.servers.lockfile import guard
from prodigy_team.servers.observing import names_alive, observe
from prodigy_team.servers.statefolder import lockfile_path, prepare_state
from prodigy_team.servers.tools import team_database
from prodigy_team.settings import Database
from prodigy_team.store.backup import find_damage, sync_file
from prodigy_team.store.base import open_store
from prodigy_team.store.locking import WriteLock, lock_path

_LOGS = ("-wal", "-shm", "-journal")
"""What SQLite puts beside a file."""


@dataclass(frozen=True)
class DatasetCounts:
    """Answers of one dataset: as the backup says, as they are in it, as they are in the database now; None: none."""

    name: str
    said: int | None
    there: int | None
    now: int | None


@dataclass(frozen=True)
class RestoreReport:
    """What a backup holds against what stands now, and what was done.

    Attributes:
        problem: Why it cannot be used; "" for a sound one.
        kept: Where the files that were replaced are now; empty where nothing was.
        differing: Copies in the backup of files that are not put back, and are not as they are now.
    """

    backup: Path
    created: float
    datasets: tuple[DatasetCounts, ...]
    problem: str
    kept: tuple[Path, ...] = ()
    differing: tuple[Path, ...] = ()
    restored: bool = False


def find_backup(state: Path, name: Path | None) -> Backup:
    """The backup that is meant: its folder, a file in it, or its name among the roster's; the newest without one."""
    known = list_backups(state)
    if name is None:
        if not known:
            raise UsageError(f"There is no backup in {backups_folder(state)}.", remedy="First: prodigy-team backup")
        return known[-1]
    for path in (name, name.parent, backups_folder(state) / name):
        found = read_backup(path.absolute())
        if found is not None:
            return found
    names = ", ".join(each.path.name for each in known[-5:]) or "none"
    raise UsageError(f"{name} is no backup.", remedy=f"The newest are: {names}.")


def check_backup(roster: Roster, environ: Mapping[str, str], backup: Backup) -> RestoreReport:
    """Open every database of a backup, look at every page and index, and count."""
    answers = () if backup.dumped else (ANSWERS,)
    problems = [
        f"{name}: {found}"
        for name in (*answers, *BESIDE)
        if (name == ANSWERS or exists(backup.path / name)) and (found := find_damage(backup.path / name, thorough=True))
    ]
    there: Mapping[str, int] = {}
    try:
        if not problems:
            there = counts_in(backup.path / DUMP) if backup.dumped else _counts(backup.path / ANSWERS)
    except TeamError as error:
        problems = [error.message]
    database = team_database(roster, environ)
    now = _counts(database.path) if database.path is not None and is_file(database.path) else {}
    if not problems and there != dict(backup.datasets):
        problems = ["it does not hold the answers that it held when it was made"]
    names = sorted({*there, *backup.datasets, *now})
    counts = tuple(DatasetCounts(each, backup.datasets.get(each), there.get(each), now.get(each)) for each in names)
    return RestoreReport(backup.path, backup.created, counts, "; ".join(problems), differing=_differing(roster, backup))


def restore(roster: Roster, environ: Mapping[str, str], backup: Backup, *, now: float | None = None) -> RestoreReport:
    """Put answers, ledger and accounts of a backup in place of those there are, which are kept beside them.

    Roster and settings stay as they are. A process that is killed leaves the old answers or the backup's.

    Raises:
        TeamError: The backup is not sound, servers run, or a file cannot be written; nothing was changed then.
    """
    report = check_backup(roster, environ, backup)
    if report.problem:
        problem = report.problem.rstrip(".")
        raise TeamError(f"The backup {backup.path} cannot be used: {problem}.", remedy="Choose another one.")
    database = team_database(roster, environ)
    if backup.dumped:
        raise TeamError(
            f"{backup.path} is sound, and of {backup.database}, which is put back by PostgreSQL's own program.",
            remedy=f"Stop the servers, then: pg_restore --clean --if-exists --single-transaction --no-owner "
            f"--dbname=NAME {shlex.quote(str(backup.path / DUMP))}",
        )
    if database.kind != "sqlite" or database.path is None:
        raise TeamError(f"The answers are in a {database.kind} database ({database.origin}), not in a file.")
    with _translated(database.path):
        prepare_state(roster.state)
        database.path.parent.mkdir(parents=True, exist_ok=True)
        with guard(lockfile_path(roster.state)):
            _refuse_while_servers_run(roster)
            targets = {ANSWERS: database.path, **{name: roster.state / name for name in BESIDE}}
            stamp = _free_stamp(targets.values(), time.time() if now is None else now)
            with contextlib.closing(WriteLock(lock_path(database.path))) as lock, lock:
                kept = _put_back(backup, targets, stamp)
    return RestoreReport(
        report.backup, report.created, report.datasets, "", tuple(kept), report.differing, restored=True
    )


def _put_back(backup: Backup, targets: Mapping[str, Path], stamp: str) -> list[Path]:
    """Replace the targets; returns where the files are now that stood there."""
    try:
        drafts = {name: _draft(backup, name, target) for name, target in targets.items()}
        # The answers last: should it end before, the ledger is brought in line with them at the next start.
        return [path for name in (*BESIDE, ANSWERS) for path in _replace(targets[name], drafts[name], stamp)]
    finally:  # where it failed a whole copy of the answers would stay
        for target in targets.values():
            _draft_beside(target).unlink(missing_ok=True)


def _draft(backup: Backup, name: str, target: Path) -> Path | None:
    """A copy of one of the backup's files beside the place it is to take; None where the backup has none."""
    source = backup.path / name
    if not exists(source):
        return None
    draft = _draft_beside(target)
    draft.unlink(missing_ok=True)
    shutil.copyfile(source, draft)
    mode = target.stat().st_mode & 0o777 if exists(target) else 0o600
    draft.chmod(mode)
    if backup.log or name != ANSWERS:
        with contextlib.closing(sqlite3.connect(draft)) as connection:
            connection.execute("PRAGMA journal_mode=WAL").fetchone()
    sync_file(draft)
    return draft


def _draft_beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.restoring")


def _free_stamp(targets: Collection[Path], now: float) -> str:
    """What the files to be replaced are kept under: another one where something is kept from the same second."""
    second = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    stamps = (second, *(f"{second}-{number}" for number in range(2, 1000)))
    ends = ("", *_LOGS)
    return next(
        stamp
        for stamp in stamps
        if not any(exists(Path(f"{_kept(each, stamp)}{end}")) for each in targets for end in ends)
    )


def _kept(target: Path, stamp: str) -> Path:
    return target.with_name(f"{target.name}.replaced-{stamp}")


def _replace(target: Path, draft: Path | None, stamp: str) -> Iterator[Path]:
    """Put a draft in the place of a file, which stays under another name; its log goes with it."""
    kept = _kept(target, stamp)
    if exists(target):
        # a sound file takes its log in; a damaged one is kept with its log
        with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(target)) as connection:
            connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        try:
            os.link(target, kept)  # so that the old file stands in its place until the new one does
        except OSError:
            target.rename(kept)  # a file system without hard links
        yield kept
    for end in _LOGS:
        beside = Path(f"{target}{end}")
        if exists(beside):
            beside.rename(f"{kept}{end}")
    if draft is not None:
        draft.replace(target)
    else:
        target.unlink(missing_ok=True)
    sync_file(target.parent)


def _refuse_while_servers_run(roster: Roster) -> None:
    found = observe(lockfile_path(roster.state), roster.state, team=roster.name, keep_copy=False)
    running = sorted(names_alive(found, roster.state))
    if running:
        raise TeamError(
            f"{', '.join(running)} {'runs' if len(running) == 1 else 'run'}; answers would be lost.",
            remedy="First: prodigy-team stop",
        )


def _differing(roster: Roster, backup: Backup) -> tuple[Path, ...]:
    pairs = ((backup.path / "team.toml", roster.path), (backup.path / "prodigy.json", roster.config))
    return tuple(
        copy for copy, path in pairs if is_file(copy) and (not is_file(path) or path.read_bytes() != copy.read_bytes())
    )


def _counts(path: Path) -> dict[str, int]:
    try:
        store = open_store(Database("sqlite", path, "a backup"), write=False)
        try:
            return {each.name: each.answers for each in store.datasets() if not each.session}
        finally:
            store.close()
    except TeamError:
        return {}  # a database that cannot be read is what backups are for


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise TeamError(
            f"The backup cannot be put back in place of {path}: {reason}.",
            remedy="Check free space and rights there; what stood there is there still, or beside it.",
        ) from error
