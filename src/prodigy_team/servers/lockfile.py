"""team.lock, the record of a team's running servers: read, written whole, and guarded. Nothing else touches it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from prodigy_team.errors import TeamError
from prodigy_team.presence import is_file
from prodigy_team.servers import alive

VERSION = 1
GATEWAY = "gateway"
"""The gateway's name among the servers, which the roster gives nobody, and its engine."""
GUARD_SECONDS = 60.0


@dataclass(frozen=True)
class ServerRecord:
    """What is known of one server that this team started.

    Attributes:
        pid: Its process, or None while none is known to live.
        started_at: With ``pid`` its identity: the kernel's start ticks and boot id (see ``processes.Identity``).
        pgid: Its process group.
        spec: Roster key to a short hash of its value, so that a changed key can be named without keeping the value.
        log_offset: How long its log was before it was last started.
        restarts: How often it was brought back since a person last started it.
        wanted: False once a person stopped it, and while it is asleep.
        asleep: The gateway starts it when somebody who annotates there comes.
        stopping: A stop has been sent and has not been seen to end.
        ready: It answered HTTP since it was started.
        failures: When it died without being told to, in Unix seconds, the latest last.
        given_up: Not brought back any more until a person names it.
        blocked: It could not even be launched, for the reason in ``problem``.
        exit_code: What it last ended with, negative for a signal; None where nobody saw it.
        problem: Why it does not run, in a sentence.
        reported: The problem last reported to a person.
        orphan: It was not in the roster any more at the last `up`.
        database: The SQLite file it writes, or "" where it is another kind of database.
        part_of: The shared server of which this is one annotator's part, or "".
    """

    name: str
    annotators: tuple[str, ...] = ()
    pid: int | None = None
    started_at: str | None = None
    pgid: int | None = None
    host: str = "127.0.0.1"
    port: int | None = None
    dataset: str = ""
    engine: str = "embedded"
    runner: str = "local"
    command: tuple[str, ...] = ()
    spec_hash: str = ""
    spec: Mapping[str, str] = field(default_factory=dict)
    log: str = ""
    log_offset: int = 0
    url: str = ""
    database: str = ""
    restarts: int = 0
    wanted: bool = True
    asleep: bool = False
    stopping: bool = False
    ready: bool = False
    failures: tuple[float, ...] = ()
    given_up: bool = False
    blocked: bool = False
    exit_code: int | None = None
    problem: str = ""
    reported: str = ""
    orphan: bool = False
    part_of: str = ""


_KNOWN = frozenset(each.name for each in fields(ServerRecord))
_UNSAID = {**vars(ServerRecord("")), "name": None}  # what a record says of which nothing is written


@dataclass(frozen=True)
class Lockfile:
    """The content of team.lock.

    Attributes:
        engine: Which engine the team runs on; "" before the first start.
        roster_digest: SHA-256 of the roster that was last brought up, so that `status` need not load it again.
        servers: By name, in roster order.
    """

    team: str
    engine: str = ""
    roster_digest: str = ""
    servers: Mapping[str, ServerRecord] = field(default_factory=dict)

    def with_records(self, *records: ServerRecord) -> Lockfile:
        """The same with these records added or put in place of those of the same name."""
        return replace(self, servers={**self.servers, **{record.name: record for record in records}})

    def without(self, *names: str) -> Lockfile:
        """The same without the records of these names."""
        return replace(self, servers={name: record for name, record in self.servers.items() if name not in names})


class UnreadableLockfileError(TeamError):
    """The lockfile is not what this tool wrote: cut off, empty or overwritten."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path} cannot be read: {reason}.",
            remedy="`prodigy-team up` keeps a copy and rebuilds it from the servers that run.",
        )


def read_lockfile(path: Path, *, team: str = "") -> Lockfile:
    """Read a lockfile; an empty one where there is none yet.

    Raises:
        UnreadableLockfileError: It is no lockfile.
        TeamError: A newer version of this tool wrote it, or it may not be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Lockfile(team)
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, UnicodeDecodeError):
            raise UnreadableLockfileError(path, "it is not text") from error
        raise TeamError(f"{path} cannot be read: {error.strerror}.", remedy="Run as the user who ran `up`.") from error
    try:
        content = json.loads(text)
    except ValueError as error:
        raise UnreadableLockfileError(path, "it is not whole JSON") from error
    return _lockfile_of(content, path)


def _lockfile_of(content: Any, path: Path) -> Lockfile:
    if isinstance(content, dict) and isinstance(content.get("version"), int) and content["version"] > VERSION:
        raise TeamError(
            f"{path} was written by a newer prodigy-team (version {content['version']} of the file).",
            remedy="Upgrade: pip install --upgrade prodigy-team",
        )
    try:
        records = [_record_of(each) for each in content["servers"]]
        return Lockfile(
            str(content["team"]),
            str(content["engine"]),
            str(content["roster_digest"]),
            {record.name: record for record in records},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableLockfileError(path, f"its content is not a lockfile's ({error!r})") from error


def _record_of(content: Mapping[str, Any]) -> ServerRecord:
    record = ServerRecord.__new__(ServerRecord)
    values = vars(record)  # set one by one, as a frozen dataclass does, they take four times as long
    values.update(_UNSAID)
    values.update(content if content.keys() <= _KNOWN else {key: content[key] for key in content if key in _KNOWN})
    for key in ("annotators", "command", "failures"):
        values[key] = tuple(values[key])
    if not isinstance(record.name, str) or not isinstance(record.pid, (int, type(None))):
        raise ValueError("a server without name or with a strange pid")
    return record


def write_lockfile(path: Path, lockfile: Lockfile) -> None:
    """Put the lockfile in place of the old one in one step; after a crash one of the two is there, whole.

    Raises:
        TeamError: It cannot be written: folder not writable, disk full.
    """
    head = {"version": VERSION, **{key: getattr(lockfile, key) for key in ("team", "engine", "roster_digest")}}
    servers = json.dumps([vars(record) for record in lockfile.servers.values()], default=dict)[1:-1]
    # One line a server: readable, and ten times as fast as json's own indentation. A text's quotes are escaped.
    servers = servers.replace('}, {"name": ', '},\n{"name": ')
    write_private(path, f'{json.dumps(head)[:-1]}, "servers": [\n{servers}\n]}}\n'.encode())


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all.

    Callers hold the guard, so the draft has one name: what a killed command leaves is overwritten by the next.

    Raises:
        TeamError: It cannot be written.
    """
    draft = path.with_name(f"{path.name}.new")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            if is_file(draft):
                draft.unlink()
    except OSError as error:
        raise TeamError(
            f"{path} cannot be written: {error.strerror}.",
            remedy="Check free space (df) and the owner of the folder (ls -ld); nothing was changed.",
        ) from error


def keep_aside(path: Path) -> Path:
    """Move an unreadable lockfile out of the way, under a name that says when, and return that name."""
    aside = path.with_name(f"{path.name}.unreadable-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}")
    path.replace(aside)
    return aside


@contextmanager
def guard(lockfile: Path, *, timeout: float = GUARD_SECONDS) -> Iterator[None]:
    """Hold the guard: one command at a time changes a team's servers. The kernel frees it when the holder dies.

    Args:
        timeout: Seconds to wait for another command to end.

    Raises:
        TeamError: Another command held it all that time, or the folder is not writable.
    """
    path = lockfile.with_name(f"{lockfile.name}.guard")
    try:
        descriptor = alive.acquire(path, patience=timeout)
    except OSError as error:
        raise TeamError(f"{path} cannot be locked: {error.strerror}.", remedy="Is the folder yours?") from error
    if descriptor is None:
        raise TeamError(
            f"Another prodigy-team command has held {path} for {timeout:.0f} seconds.",
            remedy="See what it waits for (ps aux | grep prodigy-team), end it, and try again.",
        )
    try:
        yield
    finally:
        os.close(descriptor)
