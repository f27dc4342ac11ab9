"""gateway.db: accounts, invitations, logins and failures, in a file that only its owner can read."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from urllib.parse import quote

from prodigy_team.errors import TeamError
from prodigy_team.presence import exists
from prodigy_team.store.connection import is_network_file_system, translated
from prodigy_team.store.locking import WriteLock, lock_path

FILE = "gateway.db"


class GatewayFile:
    """One process's way to the file; for any number of threads, one at a time.

    The gateway and commands have it open at once: what a command revokes counts up the revision, by which the gateway
    notices.
    """

    def __init__(self, state: Path) -> None:
        self.path = state / FILE
        self._lock = WriteLock(lock_path(self.path))
        # whoever reads does not wait for those who write
        self._reading, self._writing = threading.Lock(), threading.Lock()
        with self._lock, translated(self.path):
            self._writer = self._open()
            self._reader = self._connect()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The file as it is now.

        Raises:
            TeamError: It cannot be read.
        """
        with self._reading, translated(self.path):
            yield self._reader

    @contextmanager
    def writing(self, *, revokes: bool = False) -> Iterator[sqlite3.Connection]:
        """One transaction: kept when the block is left, undone when it raises.

        Args:
            revokes: Others must forget at once what they remember of logins.

        Raises:
            TeamError: It cannot be written.
        """
        with self._writing, translated(self.path), self._lock:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                if revokes:
                    self._writer.execute("UPDATE revision SET number = number + 1")
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    def forget_deleted(self) -> None:
        """Leave nothing of what was deleted in the log beside the file.

        The gateway has both open for weeks, so that nobody else would ever empty it.
        """
        with self._writing, translated(self.path), self._lock:
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def revision(self) -> int:
        """Counts up with everything that ends logins."""
        with self.reading() as connection:
            number: int = connection.execute("SELECT number FROM revision").fetchone()[0]
            return number

    def close(self) -> None:
        """Close the file."""
        with self._reading, self._writing:
            self._reader.close()
            self._writer.close()
            self._lock.close()

    def _open(self) -> sqlite3.Connection:
        made = not exists(self.path)
        try:
            if made:  # else closing it would take the locks of whoever in this process has it open
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise TeamError(f"{self.path} cannot be opened: {error.strerror}.", remedy="Check its owner.") from error
        if self.path.stat().st_mode & 0o077:
            raise TeamError(f"{self.path} can be read by others.", remedy=f"chmod 600 {self.path}")
        connection = self._connect()
        if made and not is_network_file_system(self.path):
            connection.execute("PRAGMA journal_mode=WAL").fetchone()
        # what the gateway writes oftest, that a login was used, may be lost with the machine's power
        connection.execute("PRAGMA synchronous=NORMAL")
        sql = resources.files("prodigy_team.gateway").joinpath("schema.sql").read_text(encoding="utf-8")
        connection.executescript(f"BEGIN IMMEDIATE;{sql}COMMIT;")
        return connection

    def _connect(self) -> sqlite3.Connection:
        uri = "file:" + quote(os.fsencode(self.path))
        return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=10.0)
