"""How an SQLite file is opened: read-only or for writing, in the journal mode that suits the file and where it lies."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from prodigy_team.presence import exists, is_file
from prodigy_team.store.locking import WriteLock, lock_path
from prodigy_team.store.values import StoreError

BUSY_SECONDS = 30.0
NETWORK_FILE_SYSTEMS = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "lustre", "gpfs", "beegfs", "ceph", "glusterfs", "9p"),
        *("davfs", "ocfs2", "gfs2", "orangefs", "panfs", "webdav", "afpfs", "fuse.sshfs", "fuse.glusterfs"),
        *("fuse.ceph", "fuse.rclone", "fuse.s3fs", "fuse.gcsfuse", "fuse.davfs"),
    }
)


@contextmanager
def translated(path: Path | None) -> Iterator[None]:
    """Turn SQLite's errors into what a person can do about them."""
    try:
        yield
    except sqlite3.Error as error:
        raise store_error(path, error) from error


def store_error(path: Path | None, error: sqlite3.Error) -> StoreError:
    """The sentence for an error of SQLite's."""
    text = str(error)
    where = f"The database {path}" if path else "The database in memory"
    for part, problem, remedy in (
        (
            "locked",
            "is locked by another program for too long",
            "End the program that keeps a write open, then try again.",
        ),
        ("disk is full", "cannot grow: the disk is full", "Make room; answers that were confirmed are safe."),
        (
            "disk I/O",
            "cannot be read or written any more",
            "Check the disk. Where the file was moved or deleted under running servers, put it back together with its "
            "-wal file, then: prodigy-team restart",
        ),
        ("not a database", "is not an SQLite file", "Check `database` in team.toml and `db_settings` in prodigy.json."),
        ("malformed", "is damaged", "Stop the servers, copy the file, and try `sqlite3 FILE .recover`."),
        ("readonly", "cannot be written", "Give the account that runs the servers the right to write file and folder."),
        ("unable to open", "cannot be opened", "Check that file and folder exist and may be read."),
        ("no such table", "has none of Prodigy's tables", "Check that it is the file that Prodigy uses."),
    ):
        if part in text:
            return StoreError(f"{where} {problem} ({text}).", remedy=remedy)
    return StoreError(f"{where} failed: {text}.")


def filesystem_type(path: Path, mounts: Path = Path("/proc/mounts")) -> str:
    """Type of the file system on which a path lies or would lie, such as "ext4" or "nfs4"; "" where nothing tells."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    target = path.resolve()
    best, kind = -1, ""
    for fields in (line.split(" ") for line in lines):
        if len(fields) < 3:
            continue
        point = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[1]))  # a space is \040
        # A later mount on the same point hides the earlier one.
        if (point == target or point in target.parents) and len(point.parts) >= best:
            best, kind = len(point.parts), fields[2]
    return kind


def is_network_file_system(path: Path) -> bool:
    """Whether a path lies where SQLite's WAL must not be used."""
    return bool(network_kind(path))


def network_kind(path: Path) -> str:
    """The network file system a path lies on; "" for a local one, or where nothing tells."""
    kind = filesystem_type(path)
    return kind if kind in NETWORK_FILE_SYSTEMS else ""


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open so that nothing can be written, neither by us nor by SQLite.

    A file in WAL mode needs a place for its shared memory even to be read. Where there is none because nobody can write
    there, it is read as the unchanging file that it is.
    """
    if not is_file(path):
        raise StoreError(f"There is no database {path}.", remedy="It is made by the first `prodigy-team up`.")
    connection = _connect(f"{_uri(path)}?mode=ro")
    try:
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        if not _needs_shared_memory(path):
            raise store_error(path, error) from error
        return _connect_unchanging(path, error)
    except sqlite3.Error as error:
        connection.close()
        raise store_error(path, error) from error
    return connection


def connect_to_write(path: Path | None, *, create: bool) -> sqlite3.Connection:
    """Open for writing, with Prodigy's tables and ours.

    Only a file that we make gets a write-ahead log: switching somebody's own fails while a Prodigy reads it, and on
    network file systems it is unsafe.
    """
    if path is None:
        connection = _connect(":memory:")
        connection.executescript(schema())
        return connection
    if not create and not is_file(path):
        raise StoreError(f"There is no database {path}.", remedy="It is made by the first `prodigy-team up`.")
    if create:
        _make_folder(path)
    with closing(WriteLock(lock_path(path))) as lock, lock, translated(path):
        ours = not exists(path) or path.stat().st_size == 0
        connection = _connect(f"{_uri(path)}?mode={'rwc' if create else 'rw'}")
        try:
            if ours and not is_network_file_system(path):
                connection.execute("PRAGMA journal_mode=WAL").fetchone()
            connection.execute("PRAGMA synchronous=FULL")
            if not _has_all_tables(connection):
                connection.executescript(f"BEGIN IMMEDIATE;{schema()}COMMIT;")
        except BaseException:
            connection.close()
            raise
    return connection


@lru_cache
def schema() -> str:
    """Prodigy's tables and ours, as SQL that may be run again."""
    from importlib import resources  # slow to import, and only who writes asks

    return resources.files("prodigy_team.store").joinpath("schema/sqlite.sql").read_text(encoding="utf-8")


def _connect(uri: str) -> sqlite3.Connection:
    try:
        # Not tied to the thread that opened it: a server opens its store before its writer thread starts.
        return sqlite3.connect(
            uri, uri=True, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False, cached_statements=128
        )
    except sqlite3.Error as error:
        raise store_error(Path(uri), error) from error


def _uri(path: Path) -> str:
    return "file:" + quote(os.fsencode(path.absolute()))


def _has_all_tables(connection: sqlite3.Connection) -> bool:
    wanted = set(re.findall(r'TABLE IF NOT EXISTS "?(\w+)', schema()))
    have = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return wanted <= have


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The folder {path.parent} for the database cannot be made: {error.strerror}.",
            remedy="Choose another `database` in team.toml, or make the folder.",
        ) from error


def _needs_shared_memory(path: Path) -> bool:
    """Whether the file is in WAL mode: bytes 18 and 19 of its header (sqlite.org/fileformat.html) are 2.

    Only asked after opening failed: closing a file drops the locks that SQLite holds on it in this process.
    """
    try:
        with path.open("rb") as file:
            return file.read(20)[18:20] == b"\x02\x02"
    except OSError:
        return False


def _connect_unchanging(path: Path, error: sqlite3.Error) -> sqlite3.Connection:
    if "disk I/O" in str(error):
        raise store_error(path, error) from error
    log = path.with_name(path.name + "-wal")
    if os.access(path, os.W_OK) or os.access(path.parent, os.W_OK) or (exists(log) and log.stat().st_size):
        raise StoreError(
            f"The database {path} is in use with a write-ahead log and cannot be read by this account ({error}).",
            remedy=f"Give this account the right to write in {path.parent}, or read a copy made with `.backup`.",
        ) from error
    return _connect(f"{_uri(path)}?mode=ro&immutable=1")
