"""Copies of a database while people write it, each of one single moment, and whether a copy is sound."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from prodigy_team.store.base import StoreError
from prodigy_team.store.connection import connect_to_read, store_error, translated

# Some 16 MB: what is copied while somebody who writes a file with a rollback journal has to wait.
_PAGES = 4096
_RESTARTS = 10
_PAUSE = 0.005


class _RestartedError(Exception):
    """The copy begins anew too often, since others write all the time."""


def copy_database(source: Path, target: Path) -> bool:
    """Copy a database by SQLite's online backup, while others write it; the copy is readable by its owner alone.

    All that was committed before the call is in the copy. With a write-ahead log nobody waits: the copy is of the
    moment of its first page. With a rollback journal writers get their turn every 16 MB, and the copy begins anew when
    they do; after ten times the rest is copied in one go, which a writer waits for (about 2 s per GB).

    Returns:
        Whether the source has a write-ahead log; the copy never has one.

    Raises:
        StoreError: The source cannot be read or is damaged, or the copy cannot be written. The copy is of no use then.
    """
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError as error:
        raise _cannot(target, error.strerror or str(error)) from error
    with closing(connect_to_read(source)) as connection, closing(_open_copy(target)) as copy:
        with translated(source):
            log = connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
            if log:  # a transaction that is open keeps its moment for all steps
                connection.execute("BEGIN")
                connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
        try:
            _copy(connection, copy)
        except _RestartedError:
            _copy_in_one_go(connection, copy, target)
        except sqlite3.Error as error:
            raise _failed(source, target, error) from error
        finally:
            if log:
                connection.execute("ROLLBACK")
        try:
            copy.execute("PRAGMA journal_mode=DELETE").fetchone()  # one file, without a log of its own
        except sqlite3.Error as error:
            raise _failed(source, target, error) from error
    problem = find_damage(target)
    if problem:
        raise StoreError(
            f"The database {source} is damaged ({problem}); a copy of it would be as well.",
            remedy="Stop the servers, keep the file, and try `sqlite3 FILE .recover`, or: prodigy-team restore",
        )
    sync_file(target)
    return bool(log)


def find_damage(path: Path, *, thorough: bool = False) -> str:
    """What is wrong with a database file; "" where nothing is.

    Args:
        thorough: Also compare every index with its table.
    """
    try:
        with closing(connect_to_read(path)) as connection:
            name = "integrity_check" if thorough else "quick_check"
            found = [str(row[0]) for row in connection.execute(f"PRAGMA {name}(1)")]
    except (sqlite3.Error, StoreError) as error:
        return str(error)
    return "" if found == ["ok"] else found[0]


def answering_since(path: Path, team: str) -> int | None:
    """Unix seconds since when this team has had a dataset with answers in it; None where nobody has answered."""
    with closing(connect_to_read(path)) as connection, translated(path):
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'prodigy_team_writer'").fetchone():
            return None
        found = connection.execute(
            "SELECT min(since) FROM prodigy_team_writer AS writer JOIN dataset ON dataset.name = writer.dataset "
            "WHERE team = ? AND EXISTS (SELECT 1 FROM link WHERE dataset_id = dataset.id)",
            (team,),
        ).fetchone()
    return None if found[0] is None else int(found[0])


def sync_file(path: Path) -> None:
    """Let a file, or what stands in a folder, outlive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open_copy(target: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(target, isolation_level=None)
    connection.execute("PRAGMA synchronous=OFF")  # synced once, at the end
    return connection


def _copy(connection: sqlite3.Connection, copy: sqlite3.Connection) -> None:
    left, restarts = -1, 0

    def watch(_status: int, remaining: int, _total: int) -> None:
        nonlocal left, restarts
        restarts += 0 <= left < remaining
        left = remaining
        if restarts > _RESTARTS:
            raise _RestartedError
        time.sleep(_PAUSE)

    connection.backup(copy, pages=_PAGES, progress=watch, sleep=0.01)


def _copy_in_one_go(connection: sqlite3.Connection, copy: sqlite3.Connection, target: Path) -> None:
    try:
        connection.backup(copy, pages=-1, sleep=0.01)
    except sqlite3.Error as error:
        raise _cannot(target, str(error)) from error


def _failed(source: Path, target: Path, error: sqlite3.Error) -> StoreError:
    """Whichever of the two files the error is about: a full disk and the like is the copy's."""
    text = str(error)
    if "malformed" in text or "not a database" in text or "locked" in text:
        return store_error(source, error)
    return _cannot(target, text)


def _cannot(target: Path, why: str) -> StoreError:
    return StoreError(
        f"The copy {target} cannot be written: {why}.",
        remedy="Check free space and rights there. Nothing was changed, and earlier backups are as they were.",
    )
