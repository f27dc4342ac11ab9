"""One writer at a time: a lock beside the database file, because SQLite's own back-off is unfair under many writers."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prodigy_team.store.values import StoreError

# A file system without flock (some FUSE mounts): SQLite's own locks and its busy timeout are left, slower but safe.
_UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}
_MOMENT_SECONDS, _BLINK_SECONDS = 0.004, 0.00005
"""Most locks are given back within a moment. Who is next looks for that again and again: a thread that waits in the
kernel has to be started and woken, and this one by it, each of which a busy system may put off for milliseconds."""


class WriteLock:
    """A `flock` on a file beside the database, held for each write of ours.

    The kernel lets whoever asks first after a release have the lock, even past those who wait, so a writer in a hurry
    would starve all others. Hence a turnstile: a second lock that the next in line holds while it waits for the first.
    They guard against our own processes only; against a Prodigy writing the same file stand SQLite's locks. Not
    reentrant.
    """

    def __init__(self, path: Path | None, *, timeout: float = 30.0) -> None:
        self._lock = _FileLock(path, timeout) if path else None
        self._turnstile = _FileLock(path.with_name(f"{path.name}.next"), timeout) if path else None

    def __enter__(self) -> None:
        if self._lock is None or self._turnstile is None:
            return
        self._turnstile.acquire()
        try:
            self._lock.acquire(is_next=True)
        finally:
            self._turnstile.release()

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            self._lock.release()

    def close(self) -> None:
        """Let go of the locks' files."""
        for lock in (self._lock, self._turnstile):
            if lock is not None:
                lock.close()


class _FileLock:
    """One file to lock, opened when first needed."""

    def __init__(self, path: Path, timeout: float) -> None:
        self._path = path
        self._timeout = timeout
        self._descriptor: int | None = None
        self._owner = 0

    def acquire(self, *, is_next: bool = False) -> None:
        """Take the lock, waiting for others at most the timeout; ``is_next``: nobody else waits for it."""
        descriptor = self._open()
        try:
            free = _try(descriptor) or (is_next and _try_for_a_moment(descriptor))
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
            return
        if not free:
            self._wait(descriptor)

    def release(self) -> None:
        """Give the lock to whoever waits."""
        if self._descriptor is None:
            return
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise

    def close(self) -> None:
        """Close the file, and with it release the lock."""
        if self._descriptor is not None and self._owner == os.getpid():
            os.close(self._descriptor)
        self._descriptor = None

    def _open(self) -> int:
        # After a fork parent and child would share one open file, and with it the lock.
        if self._descriptor is None or self._owner != os.getpid():
            self._descriptor = open_lock_file(self._path)
            self._owner = os.getpid()
        return self._descriptor

    def _wait(self, descriptor: int) -> None:
        """Wait, but not for ever: a holder that was suspended must not silently stop everybody."""
        waiter = _Waiter(descriptor)
        waiter.start()
        if not waiter.done.wait(self._timeout) and not waiter.give_up():
            self._descriptor = None  # the waiter's from now on
            raise StoreError(
                f"Another process has held the write lock {self._path} for {self._timeout:.0f} s.",
                remedy=f"See who holds it with `fuser -v '{self._path}'`: a program that was suspended or hangs.",
            )
        if waiter.error is not None:
            raise StoreError(f"The write lock {self._path} cannot be taken: {waiter.error}.") from waiter.error


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _try_for_a_moment(descriptor: int) -> bool:
    end = time.monotonic() + _MOMENT_SECONDS
    while time.monotonic() < end:
        time.sleep(_BLINK_SECONDS)
        if _try(descriptor):
            return True
    return False


class _Waiter(threading.Thread):
    """Waits in the kernel for a lock; once given up it releases the lock as soon as it comes."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(daemon=True, name="write-lock")
        self.done = threading.Event()
        self.error: OSError | None = None
        self._descriptor = descriptor
        self._guard = threading.Lock()
        self._given_up = False

    def run(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        except OSError as error:
            self.error = error
        with self._guard:
            self.done.set()
            if self._given_up:
                os.close(self._descriptor)

    def give_up(self) -> bool:
        """Stop waiting; True where the lock came at the last moment."""
        with self._guard:
            self._given_up = not self.done.is_set()
            return not self._given_up


def lock_path(database: Path, purpose: str = "write") -> Path:
    """Where the lock of a database lies: beside the file itself, even where a link leads to it."""
    real = database.resolve()
    return real.with_name(f"{real.name}.{purpose}.lock")


def open_lock_file(path: Path) -> int:
    """A descriptor to lock; with no more rights than the folder has, since a team may share one database."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o666 & path.parent.stat().st_mode)
    except PermissionError:
        try:
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # made by somebody else: readable is enough for flock
        except OSError as error:
            raise _unusable(path, error) from error
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"The lock file {path} cannot be opened: {error.strerror}.",
        remedy="Give the account that runs the servers the right to write in that folder.",
    )


@contextmanager
def hold_alone(path: Path, purpose: str) -> Iterator[None]:
    """Hold the right to a long task for as long as it takes.

    Raises:
        StoreError: Another process has it.
    """
    descriptor = open_lock_file(path)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(
                f"Another `{purpose}` is at work on this database.", remedy="Wait until it has ended, then try again."
            ) from None
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
        yield
    finally:
        os.close(descriptor)
