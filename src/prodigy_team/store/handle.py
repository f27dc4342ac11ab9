"""An open SQLite file: its connection, its locks, and the rows of the dataset table."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prodigy_team.store.connection import store_error, translated
from prodigy_team.store.locking import WriteLock, lock_path

# Datasets under such a name are half written or half removed; nobody is shown them. A colon is in no dataset's name.
HIDDEN = "prodigy-team:"


@dataclass
class Handle:
    """What the parts of the SQLite store share.

    Attributes:
        path: None for a database in memory.
        lock: Held for each write.
        indexing: Held by the one process that rebuilds an index of answers.
        followed: Datasets and generations whose marks were seen to fit this file.
        clock: Unix seconds, for `created`.
    """

    connection: sqlite3.Connection
    path: Path | None
    write: bool
    clock: Callable[[], float] = time.time
    lock: WriteLock = field(init=False)
    indexing: WriteLock = field(init=False)
    content: str = field(init=False)
    source: str = field(init=False, default="")
    file: tuple[int, int] | None = field(init=False, default=None)
    followed: set[tuple[str, int]] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self.file = self._file_at_path()
        self.lock = WriteLock(lock_path(self.path) if self.path else None)
        self.indexing = WriteLock(lock_path(self.path, "index") if self.path else None, timeout=600.0)
        encoding = self.one("PRAGMA encoding")
        # The blob as it is, a text as its UTF-8 bytes. In a UTF-16 file the cast would give UTF-16.
        self.content = "CAST(content AS BLOB)" if encoding == "UTF-8" else "content"

    def one(self, sql: str, parameters: tuple[Any, ...] = ()) -> Any:
        """First column of the first row, or None."""
        try:  # not `translated`: a claim asks much
            row = self.connection.execute(sql, parameters).fetchone()
        except sqlite3.Error as error:
            raise store_error(self.path, error) from error
        return row[0] if row else None

    def all(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Every row."""
        try:
            return self.connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise store_error(self.path, error) from error

    def replaced(self) -> bool:
        """Whether another file, or none, lies at the path by now."""
        return self._file_at_path() != self.file

    def _file_at_path(self) -> tuple[int, int] | None:
        try:
            state = self.path.stat() if self.path else None
        except OSError:
            return None
        return (state.st_dev, state.st_ino) if state else None

    def has_table(self, name: str) -> bool:
        """Whether a table is there; ours are missing from databases that only Prodigy has written."""
        return bool(self.one("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (name,)))

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One write transaction under the lock: on disk when the block is left, undone when it raises."""
        if not self.write:
            raise ValueError("this store was opened for reading")
        with self.lock, translated(self.path):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    def dataset_id(self, name: str) -> int | None:
        """Row id of a dataset."""
        found = self.one("SELECT id FROM dataset WHERE name = ?", (name,))
        return int(found) if found is not None else None

    def ensure(self, name: str, *, session: bool) -> int:
        """Row id of a dataset, made where it is missing. Inside `writing` only."""
        found = self.dataset_id(name)
        if found is not None:
            return found
        cursor = self.connection.execute(
            "INSERT INTO dataset (name, created, meta, session) VALUES (?, ?, ?, ?)",
            (name, int(self.clock()), b"{}", int(session)),
        )
        return int(cursor.lastrowid or 0)

    def close(self) -> None:
        """Close the file and its locks."""
        with translated(self.path):
            self.connection.close()
        self.lock.close()
        self.indexing.close()


def as_bytes(content: bytes | str) -> bytes:
    """Stored content as bytes, whichever way an older Prodigy stored it."""
    return content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
