"""Backups of a team: answers, ledger, accounts, roster and settings of one moment, each in a folder of its own."""

from __future__ import annotations

import calendar
import contextlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prodigy_team.errors import TeamError
from prodigy_team.presence import exists, is_file
from prodigy_team.roster import Roster
from prodigy_team.servers.dumps import Connection, connection_of, counts_in, dump
from prodigy_team.servers.statefolder import prepare_state
from prodigy_team.servers.tools import team_database
from prodigy_team.settings import Database
from prodigy_team.store.backup import answering_since, copy_database, sync_file
from prodigy_team.store.base import open_store
from prodigy_team.store.locking import WriteLock

KEEP = 14
KEEP_BEFORE = 3
"""Backups kept of those that commands make of themselves; they push out none that a person or cron made."""
ANSWERS, DUMP, MANIFEST = "answers.db", "answers.dump", "backup.json"
"""Of an SQLite file, and of a PostgreSQL database as `pg_restore` reads it; a backup has one of the two."""
BESIDE = ("ledger.db", "gateway.db")
DAY = 86_400.0
_DRAFT = ".partial-"
_NAME = re.compile(r"(\d{8}T\d{6})Z(?:-([a-z]+))?(?:-\d+)?")
_SETTLED = 2.0  # a file system's times are as coarse as this at worst (FAT)


@dataclass(frozen=True)
class Backup:
    """One backup, as it says of itself.

    Attributes:
        path: Its folder.
        team: Whose it is.
        reason: The command that made it for safety, such as "merge"; "" where one was asked for.
        created: Unix seconds.
        database: Where the answers were.
        log: Whether that file had a write-ahead log.
        datasets: Name -> answers.
        source: Size and time of change of the database's files when it was begun.
    """

    path: Path
    team: str
    reason: str
    created: float
    database: str
    log: bool
    datasets: Mapping[str, int]
    source: Sequence[int] = ()

    @property
    def answers(self) -> int:
        """How many it holds, over all datasets that are no session's share of another."""
        return sum(self.datasets.values())

    @property
    def dumped(self) -> bool:
        """Whether it is of a PostgreSQL database."""
        return exists(self.path / DUMP)

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(each.stat().st_size for each in self.path.iterdir())


@dataclass(frozen=True)
class BackupReport:
    """A backup that was made, and those that made room for it."""

    backup: Backup
    removed: tuple[Path, ...] = ()


@dataclass(frozen=True)
class _Draft:
    """What goes into a backup, and the folder that becomes it."""

    roster: Roster
    database: Path | Connection
    folder: Path
    reason: str
    now: float
    source: tuple[int, ...] = field(default=())


def backups_folder(state: Path) -> Path:
    """Where a roster's backups are."""
    return state / "backups"


def make_backup(
    roster: Roster, environ: Mapping[str, str], *, keep: int = KEEP, reason: str = "", now: float | None = None
) -> BackupReport:
    """Copy everything that cannot be made again, while people annotate; nobody waits for it.

    What was saved before the call is in the backup, whole or not at all: a process that is killed leaves a draft, which
    goes with the next backup. The oldest of the same reason are removed once the new one is on disk.

    Args:
        keep: How many of this reason stay, at least 1.
        now: Unix seconds; the time of the call when left out.

    Raises:
        TeamError: There is no database yet, or it is of a kind that cannot be copied, or damaged, or the copy cannot be
            written.
    """
    found = team_database(roster, environ)
    database = connection_of(roster, environ) if found.kind == "postgresql" else _file_of(found)
    now = time.time() if now is None else now
    folder = backups_folder(roster.state)
    with _writing(folder):
        prepare_state(roster.state)
        folder.mkdir(mode=0o700, exist_ok=True)
        # Who comes second waits: it may be a command that only wants one to be there.
        with contextlib.closing(WriteLock(folder / ".lock", timeout=600.0)) as turn, turn:
            for old in folder.glob(f"{_DRAFT}*"):
                shutil.rmtree(old)
            source = _state_of(database) if isinstance(database, Path) else ()
            draft = _Draft(roster, database, _draft_folder(folder, now, reason), reason, now, source)
            try:
                backup = _write(draft)
            except BaseException:
                shutil.rmtree(draft.folder, ignore_errors=True)
                raise
            return BackupReport(backup, tuple(_prune(folder, keep, reason)))


def backup_before(roster: Roster, environ: Mapping[str, str], reason: str) -> Backup | None:
    """Make sure that there is a backup of what stands now, before a command that rewrites much.

    Where nothing was written since the newest one, that is it.

    Returns:
        The backup; None where there is no database yet, or one that is no file.
    """
    database = team_database(roster, environ)
    if database.kind != "sqlite" or database.path is None or not is_file(database.path):
        return None
    known = list_backups(roster.state)
    newest = known[-1] if known else None
    if newest and newest.source == _state_of(database.path) and newest.database == str(database.path):
        return newest
    return make_backup(roster, environ, keep=KEEP_BEFORE, reason=reason).backup


def list_backups(state: Path) -> list[Backup]:
    """The backups there are, oldest first; what is none is passed over."""
    return [backup for path in _folders(backups_folder(state)) if (backup := read_backup(path)) is not None]


def read_backup(path: Path) -> Backup | None:
    """What a backup says of itself; None where a folder is none."""
    try:
        said = json.loads((path / MANIFEST).read_bytes())
        source = tuple(said["source"])
        keys = ("team", "reason", "created", "database", "log", "datasets")
        return Backup(path, **{key: said[key] for key in keys}, source=source)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def backup_notes(roster: Roster, environ: Mapping[str, str], *, now: float) -> list[str]:
    """A sentence where the newest backup is older than a day; nothing for a team whose first day it is.

    Costs a look at a folder, and where no backup is new enough a look at the database.
    """
    times = [_time_in(path.name) for path in _folders(backups_folder(roster.state))]
    newest = max(times, default=None)
    if newest is not None and now - newest < DAY:
        return []
    try:
        database = team_database(roster, environ)
        if database.kind == "postgresql":  # nobody asks it since when people answer
            return [] if newest is None else [_old(now - newest)]
        since = answering_since(database.path, roster.name) if _is_file(database) and database.path else None
    except TeamError:
        return []  # the servers themselves say what is wrong with it
    if since is None or now - since < DAY:
        return []
    return ["There is no backup of the answers: prodigy-team backup" if newest is None else _old(now - newest)]


def _old(seconds: float) -> str:
    return f"The newest backup is {_days(seconds)} old: prodigy-team backup"


# Making one.


def _write(draft: _Draft) -> Backup:
    roster, state = draft.roster, draft.roster.state
    draft.folder.mkdir(mode=0o700)
    _require_room(draft)
    # The answers last: a ledger that is older than they are learns of the rest; a newer one would know too much.
    for name in BESIDE:
        if is_file(state / name):
            copy_database(state / name, draft.folder / name)
    if isinstance(draft.database, Path):
        log, datasets = copy_database(draft.database, draft.folder / ANSWERS), _count(draft.folder / ANSWERS)
    else:
        dump(draft.database, draft.folder / DUMP)
        sync_file(draft.folder / DUMP)
        log, datasets = False, counts_in(draft.folder / DUMP)
    for path, name in ((roster.path, "team.toml"), (roster.config, "prodigy.json")):
        if is_file(path):
            _copy_file(path, draft.folder / name)
    said = _manifest(draft, datasets, log=log)
    _copy_bytes(json.dumps(said, ensure_ascii=False, indent=1).encode(), draft.folder / MANIFEST)
    sync_file(draft.folder)
    final = draft.folder.with_name(draft.folder.name.removeprefix(_DRAFT))
    draft.folder.rename(final)
    sync_file(final.parent)
    return Backup(final, **{key: value for key, value in said.items() if key != "version"})


def _count(copy: Path) -> dict[str, int]:
    store = open_store(Database("sqlite", copy, "a backup"), write=False)
    try:
        return {each.name: each.answers for each in store.datasets() if not each.session}
    finally:
        store.close()


def _manifest(draft: _Draft, datasets: Mapping[str, int], *, log: bool) -> dict[str, Any]:
    return {
        "version": 1,
        "team": draft.roster.name,
        "reason": draft.reason,
        "created": draft.now,
        "database": str(draft.database) if isinstance(draft.database, Path) else draft.database.name,
        "log": log,
        "datasets": dict(datasets),
        "source": draft.source,
    }


def _require_room(draft: _Draft) -> None:
    files = [draft.roster.state / name for name in BESIDE]
    if isinstance(draft.database, Path):
        files.append(draft.database)
    needed = sum(_size(Path(f"{file}{end}")) for file in files for end in ("", "-wal"))
    free = shutil.disk_usage(draft.folder).free
    if free < needed:
        raise TeamError(
            f"A backup needs {needed / 1e6:,.1f} MB in {draft.folder.parent}, where {free / 1e6:,.1f} MB are free.",
            remedy="Make room, or keep fewer with --keep. Earlier backups are as they were.",
        )


def _prune(folder: Path, keep: int, reason: str) -> Iterator[Path]:
    alike = [path for path in _folders(folder) if _reason_in(path.name) == reason]
    for path in alike[: -max(1, keep)]:
        hidden = path.with_name(f"{_DRAFT}{path.name}")  # half removed, it must not look like a backup
        path.rename(hidden)
        shutil.rmtree(hidden)
        yield path


def _file_of(database: Database) -> Path:
    if database.kind != "sqlite" or database.path is None:
        raise TeamError(
            f"The answers are in a {database.kind} database ({database.origin}), which is not backed up from here.",
            remedy="Use the database's own tool, such as mysqldump.",
        )
    if not is_file(database.path):
        raise TeamError(f"There is no database {database.path} yet.", remedy="It is made by `prodigy-team up`.")
    return database.path


def _is_file(database: Database) -> bool:
    return database.kind == "sqlite" and database.path is not None and is_file(database.path)


def _state_of(database: Path) -> tuple[int, ...]:
    """What tells that a database was written: sizes and times of its files; nothing while it was just written."""
    states = []
    for path in (database, Path(f"{database}-wal")):
        with contextlib.suppress(FileNotFoundError):  # the log goes with the last one who has the database open
            states.append(path.stat())
    states = [each for each in states if each.st_size]  # who only reads leaves an empty log
    if any(time.time() - each.st_mtime < _SETTLED for each in states):
        return (time.time_ns(),)
    return tuple(number for each in states for number in (each.st_size, each.st_mtime_ns))


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TeamError(
            f"No backup could be made in {folder}: {error.strerror or error}.",
            remedy="Check free space and rights there. Earlier backups are as they were.",
        ) from error


def _draft_folder(folder: Path, now: float, reason: str) -> Path:
    name = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now)) + (f"-{reason}" if reason else "")
    free = (each for each in (name, *(f"{name}-{n}" for n in range(2, 1000))) if not exists(folder / each))
    return folder / f"{_DRAFT}{next(free)}"


def _folders(folder: Path) -> list[Path]:
    try:
        names = sorted(each.name for each in folder.iterdir() if _NAME.fullmatch(each.name))
    except OSError:
        return []
    return [folder / name for name in names]


def _time_in(name: str) -> float:
    return float(calendar.timegm(time.strptime(name[:15], "%Y%m%dT%H%M%S")))


def _reason_in(name: str) -> str:
    found = _NAME.fullmatch(name)
    return (found[2] or "") if found else ""


def _copy_file(source: Path, target: Path) -> None:
    _copy_bytes(source.read_bytes(), target)


def _copy_bytes(content: bytes, target: Path) -> None:
    with os.fdopen(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _size(path: Path) -> int:
    return path.stat().st_size if exists(path) else 0


def _days(seconds: float) -> str:
    days = int(seconds // DAY)
    return "1 day" if days == 1 else f"{days} days"
