"""The ledger's file: its lock, its transactions, and the noticing that another file has taken its place."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from urllib.parse import quote

from prodigy_team.allocation.ledger.log import KEPT_BYTES, LogCopier
from prodigy_team.allocation.ledger.values import LedgerError
from prodigy_team.presence import exists, is_file
from prodigy_team.store.connection import BUSY_SECONDS, is_network_file_system
from prodigy_team.store.locking import WriteLock, lock_path

FORMAT = 1
_PATIENCE_SECONDS = 120.0
_CACHE_KB = 4096
_LARGE_CACHE_KB = 65536


class FileReplacedError(Exception):
    """Another file lies at the path since the task at hand began; whoever began it starts anew."""


class LedgerFile:
    """One process's way to the ledger. One thread at a time.

    Attributes:
        path: Where it lies.
        opened: Counts the files opened so far: what was remembered of an earlier one is void.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.opened = 0
        self.syncing = WriteLock(lock_path(path, "sync"), timeout=600.0)
        self._lock = WriteLock(lock_path(path), timeout=_PATIENCE_SECONDS)
        self._copier = LogCopier(path)
        self._writes_much = False
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None

    @property
    def connection(self) -> sqlite3.Connection:
        """The open file, for reading; only while `writing` or after it."""
        if self._connection is None:
            raise ValueError("the ledger is not open")
        return self._connection

    @property
    def is_open(self) -> bool:
        """Whether there is a connection."""
        return self._connection is not None

    @contextmanager
    def writing(self, *, opened: int | None = None) -> Iterator[sqlite3.Connection]:
        """One transaction under the lock: kept when the block is left, undone when it raises.

        Args:
            opened: The file that the task at hand began with.

        Raises:
            FileReplacedError: It is another one by now.
        """
        with self.alone():
            if opened is not None and opened != self.opened:
                raise FileReplacedError
            connection = self.connection
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        if self._writes_much:
            self._copier.copy_here(self.connection)
        else:
            self._copier.copy_beside()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the lock, with the file open that lies at the path now."""
        with ledger_errors(self.path):
            self._make_folder()
            with self._lock:
                if self._connection is None or self._file != file_at(self.path):
                    self._open()
                yield

    @contextmanager
    def reading(self, *, opened: int) -> Iterator[sqlite3.Connection]:
        """One moment of the file, without the lock; see `writing` for ``opened``."""
        if opened != self.opened:
            raise FileReplacedError
        with ledger_errors(self.path):
            self.connection.execute("BEGIN")
            try:
                yield self.connection
            finally:
                self.connection.execute("ROLLBACK")

    def attach(self, index: Path, *, opened: int) -> None:
        """Make a source's index readable as `source`, in place of the one before; outside of transactions."""
        with ledger_errors(self.path):
            if opened != self.opened:
                raise FileReplacedError
            if any(name == "source" for _, name, _ in self.connection.execute("PRAGMA database_list").fetchall()):
                self.connection.execute("DETACH DATABASE source")
            # A finished index never changes, so it needs no locks.
            self.connection.execute("ATTACH DATABASE ? AS source", (f"{_uri(index)}?mode=ro&immutable=1",))

    @contextmanager
    def writing_much(self) -> Iterator[None]:
        """Keep the indexes in memory, as most of a million tasks go to a page of their own; copy the log in between."""
        with ledger_errors(self.path):
            self.connection.execute(f"PRAGMA cache_size = -{_LARGE_CACHE_KB}")
        self._writes_much = True
        try:
            yield
        finally:
            self._writes_much = False
            with contextlib.suppress(sqlite3.Error):
                self.connection.executescript(f"PRAGMA cache_size = -{_CACHE_KB}; PRAGMA shrink_memory")

    @contextmanager
    def replacing(self) -> Iterator[Path]:
        """Put another file, built at the path given, in this one's place when the block is left; under both locks."""
        with ledger_errors(self.path):
            self._make_folder()
            with self.syncing, self._lock:
                new = self.path.with_name(f"{self.path.name}.building")
                with folder_errors(self.path):
                    new.unlink(missing_ok=True)
                    remove_log(new)
                yield new
                self._drop_connection()
                with folder_errors(self.path):
                    remove_log(self.path)
                    new.replace(self.path)

    def close(self) -> None:
        """Let go of file and locks."""
        self._copier.close()
        self._drop_connection()
        self._lock.close()
        self.syncing.close()

    def _make_folder(self) -> None:
        if self._connection is None or self._file != file_at(self.path):
            with folder_errors(self.path):
                self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)

    def _open(self) -> None:
        self._drop_connection()
        if not exists(self.path):
            with folder_errors(self.path):
                remove_log(self.path)
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        self._connection = connect(self.path)
        self._file = file_at(self.path)
        self.opened += 1

    def _drop_connection(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None


def connect(path: Path) -> sqlite3.Connection:
    """Open a ledger for writing, with its tables. Under its lock only.

    Raises:
        LedgerError: A later release of this program made it.
    """
    connection = sqlite3.connect(
        _uri(path), uri=True, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False, cached_statements=128
    )
    try:
        if connection.execute("PRAGMA user_version").fetchone()[0] not in (0, FORMAT):
            raise LedgerError(
                f"The ledger {path} was made by another release.", remedy="Run `prodigy-team ledger rebuild`."
            )
        connection.execute("PRAGMA synchronous=NORMAL")
        if not is_network_file_system(path):
            connection.execute("PRAGMA journal_mode=WAL").fetchone()
        connection.executescript(
            f"PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit={KEPT_BYTES}; PRAGMA cache_size = -{_CACHE_KB}"
        )
        if not connection.execute("PRAGMA user_version").fetchone()[0]:
            connection.executescript(f"BEGIN IMMEDIATE;{_schema()}COMMIT;")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open a ledger so that nothing can be written."""
    if not is_file(path):
        raise LedgerError(f"There is no ledger {path}.", remedy="It is made by the first `prodigy-team up`.")
    with ledger_errors(path):
        connection = sqlite3.connect(f"{_uri(path)}?mode=ro", uri=True, isolation_level=None, timeout=BUSY_SECONDS)
        try:
            connection.execute("PRAGMA user_version").fetchone()
        except BaseException:
            connection.close()
            raise
    return connection


def examine_ledger(path: Path) -> None:
    """Read all of a ledger, to find damage before somebody's claim does.

    Raises:
        LedgerError: It is damaged, or cannot be read.
    """
    connection = connect_to_read(path)
    try:
        with ledger_errors(path):
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            connection.execute("SELECT count(*) FROM pool").fetchone()
            if found != "ok":
                raise sqlite3.DatabaseError(f"malformed: {found}")
    finally:
        connection.close()


@contextmanager
def ledger_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into what a person can do about them."""
    try:
        yield
    except sqlite3.Error as error:
        text = str(error)
        if "malformed" in text or "not a database" in text or "no such table" in text:
            raise LedgerError(
                f"The ledger {path} is damaged ({text}).", remedy="Run `prodigy-team ledger rebuild`."
            ) from error
        if "full" in text:
            raise LedgerError(f"The ledger {path} cannot grow: the disk is full.", remedy="Make room.") from error
        raise LedgerError(
            f"The ledger {path} failed: {text}.", remedy="Check that its folder can be written."
        ) from error


@contextmanager
def folder_errors(path: Path) -> Iterator[None]:
    """As `ledger_errors`, for what the system says of the file and its folder."""
    try:
        yield
    except OSError as error:
        raise LedgerError(
            f"The ledger {path} cannot be made: {error.strerror}.", remedy="Check that its folder can be written."
        ) from error


def file_at(path: Path) -> tuple[int, int] | None:
    """What tells the file at a path from any other that is or was open here."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino


def remove_log(path: Path) -> None:
    """Remove what an earlier file at this path left beside it: SQLite would take it for the new one's."""
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def _schema() -> str:
    return resources.files("prodigy_team.allocation.ledger").joinpath("schema.sql").read_text(encoding="utf-8")


def _uri(path: Path) -> str:
    return "file:" + quote(os.fsencode(path.absolute()))
