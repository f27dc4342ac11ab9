"""The alive files: each server locks one for its whole life, so that held means alive, whatever became of its pid.

The lock belongs to the open file, which passes through fork and exec: the starter takes it, the server keeps it, and
the kernel lets go when the last process of the server ends, however it ends.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any

PATIENCE = 0.1  # seconds
ASKING = 10.0
"""Seconds for which others may only ask: `is_held` shares the lock for some microseconds, but a busy machine may stop
whoever asks just then, or start one after the other."""
_BUSY = (errno.EWOULDBLOCK, errno.EACCES)


def acquire(path: Path, *, patience: float = PATIENCE) -> int | None:
    """Take the lock for a server about to start; the guard of the lockfile is taken the same way.

    Args:
        patience: Seconds to go on trying while somebody has it for himself.

    Returns:
        The descriptor that holds the lock, to be handed to the server and then closed here; None where somebody who
        lives has it. The file's earlier content is wiped.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    began, pause = time.monotonic(), 0.005
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if _lock(descriptor, fcntl.LOCK_EX) and _is_still(path, descriptor):
            os.ftruncate(descriptor, 0)
            return descriptor
        lives = not _lock(descriptor, fcntl.LOCK_SH)
        os.close(descriptor)
        if time.monotonic() - began > (patience if lives else max(patience, ASKING)):
            return None
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


def is_held(path: Path) -> bool:
    """Whether a server holds the lock. Asking needs no right to write and leaves no trace."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def read(path: Path) -> dict[str, Any]:
    """What the server wrote about itself (pid, started_at, pgid, tasks, …); empty where nothing readable is there."""
    try:
        text = path.read_bytes().decode()
        value, _ = json.JSONDecoder().raw_decode(text)  # during an update the old end may still follow
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def update(path: Path, **values: Any) -> None:
    """Add facts to an alive file; for the server that holds its lock, and for its starter. None takes a fact out."""
    merged = {key: value for key, value in (read(path) | values).items() if value is not None}
    content = json.dumps(merged).encode()
    with contextlib.suppress(FileNotFoundError):  # somebody deleted the state folder: the server goes on without it
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.pwrite(descriptor, content, 0)
            os.ftruncate(descriptor, len(content))
        finally:
            os.close(descriptor)


def _lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _BUSY:
            return False
        raise
    return True


def _is_still(path: Path, descriptor: int) -> bool:
    """The file may have been deleted or replaced between opening and locking; the lock would then guard nothing."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
