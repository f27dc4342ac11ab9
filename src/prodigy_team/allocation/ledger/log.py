"""The ledger's write-ahead log, copied into its file beside the claims, so that none of them waits for the disk."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from prodigy_team.errors import TeamError
from prodigy_team.store.locking import WriteLock, hold_alone, lock_path

_HEADER, _FRAME_HEADER = 32, 24
_LONG_BYTES = 32 << 20
"""A log of this length is copied; most pages in it were written many times, and are copied once."""
_MOST_BYTES = 128 << 20
KEPT_BYTES = 64 << 20
"""A file of a log that is begun anew is cut to this; longer than a log mostly gets, since cutting takes long."""
_PASSES = 100
_BREATH_SECONDS = 0.005
_PAUSE_SECONDS = 0.1
"""It is not asked more often how long the log is."""


class LogCopier:
    """Copies the log once it is long, on a thread with a connection of its own.

    While the log is copied others go on claiming, and what they write must be copied too before the log can begin
    anew: so it is copied again and again, each time less, until there is a moment when nobody is in the middle.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = WriteLock(lock_path(path))  # the claims' own is theirs alone
        self._thread: threading.Thread | None = None
        self._next = 0.0

    def copy_beside(self) -> None:
        """See to it that a long log is copied; returns at once."""
        now = time.monotonic()
        if now < self._next or (self._thread is not None and self._thread.is_alive()):
            return
        self._next = now + _PAUSE_SECONDS
        if is_longer(self._path, _LONG_BYTES):
            self._thread = threading.Thread(target=self._copy, name="ledger-log")
            self._thread.start()

    def copy_here(self, connection: sqlite3.Connection) -> None:
        """Copy a long log before more is written, for who writes so much that it would outgrow a copy beside."""
        if is_longer(self._path, _LONG_BYTES):
            with contextlib.suppress(sqlite3.Error):
                copy_log(connection)

    def close(self) -> None:
        """Wait for a copy that is being made."""
        if self._thread is not None:
            self._thread.join()
        self._lock.close()

    def _copy(self) -> None:
        # What fails here was committed before, and the next claim tries again. One process copies: each that opened the
        # file to learn that another is at it would take the claims' lock for that, twice.
        alone = hold_alone(lock_path(self._path, "log"), "copy of the ledger's log")
        with contextlib.suppress(sqlite3.Error, TeamError), alone, self._connected() as connection:
            before: tuple[int, ...] = ()
            for _ in range(_PASSES):
                found = copy_log(connection)
                if found[0] or found == before or not is_longer(self._path, _LONG_BYTES):
                    return  # somebody else is at it, nobody claims, it has begun anew
                before = found
                time.sleep(_BREATH_SECONDS)
            if is_longer(self._path, _MOST_BYTES):
                with self._lock:
                    copy_log(connection)

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        uri = f"file:{quote(os.fsencode(self._path.absolute()))}?mode=rw"
        with self._lock:  # while nobody puts another file in this one's place: its log goes by the same name
            connection = sqlite3.connect(uri, uri=True, isolation_level=None)
            with contextlib.suppress(sqlite3.Error):
                connection.executescript("PRAGMA synchronous=NORMAL; SELECT 1 FROM sqlite_master")
        try:
            yield connection
        finally:
            with self._lock:
                connection.close()


def copy_log(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Copy what nobody reads an older state of; whether somebody else is at it, pages in the log, pages copied."""
    busy, pages, copied = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return busy, pages, copied


def is_longer(path: Path, size: int) -> bool:
    """Whether the log of a database holds so many bytes since it was last begun anew.

    Its file stays as long as it ever got. What of it is valid bears the salt of its header
    (sqlite.org/fileformat.html#the_write_ahead_log).
    """
    try:
        file = os.open(path.with_name(f"{path.name}-wal"), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        header = os.pread(file, _HEADER, 0)
        frame = _FRAME_HEADER + int.from_bytes(header[8:12], "big")
        return os.pread(file, 8, _HEADER + size // frame * frame + 8) == header[16:24] != b""
    finally:
        os.close(file)
