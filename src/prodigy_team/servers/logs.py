"""Servers' logs: their last lines, following them, why a server died, and rotation under the feet of its writer."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from io import RawIOBase
from pathlib import Path
from typing import BinaryIO

LIMIT = 10_000_000  # bytes
KEEP = 3
_BLOCK = 65_536
_CAUSE_WITHIN = 262_144  # bytes at the end of a log in which a cause of death is looked for
_TRACEBACK = re.compile(r"^(\s*\+ )?(Exception Group )?Traceback \(most recent call last\):")
_ERROR = re.compile(r"✘|\b(error|critical|fatal|exception)\b|\w+(Error|Exception|Exit|Interrupt)\b:", re.IGNORECASE)
_NOISE = re.compile(r"^(INFO|DEBUG):|^\W*$")

_log = logging.getLogger(__name__)


def tail(path: Path, lines: int, *, since: int = 0) -> list[str]:
    """The last lines of a log, without line ends; read from the end, so that a large log costs no more.

    Args:
        since: Nothing before this offset counts, unless the log has been rotated meanwhile.
    """
    return _tail(path, lines, since, _size(path))


def follow(path: Path, *, lines: int = 10, wait: Callable[[float], object] = time.sleep) -> Iterator[str]:
    """The last lines of a log, then each line as it is written, for as long as the caller goes on.

    Survives rotation: what was written before it and not yet read is taken from the copy. ``wait`` is called with the
    seconds until the next look; it may raise to end the iteration.
    """
    place, copied, rest = _size(path), _stamp(path), b""
    yield from _tail(path, lines, 0, place)
    while True:
        chunk, place, newest = _news(path, place, copied)
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.decode(errors="replace") for line in whole)
        if not chunk and newest == copied:
            wait(0.2)
        copied = newest


def rotate(path: Path, *, limit: int = LIMIT, keep: int = KEEP) -> bool:
    """Where a log has grown beyond its limit, copy it to NAME.log.1 and empty it; older copies move on, ``keep`` stay.

    Its writer keeps its descriptor, and, since that appends, goes on at the start. The copy is caught up with the log
    before this is emptied, so that only lines written within those last microseconds could be lost.

    Returns:
        Whether the log was rotated; False where it is small, is being rotated by somebody else, or cannot be copied.
    """
    try:
        with path.open("rb+", buffering=0) as file:
            if os.fstat(file.fileno()).st_size <= limit:
                return False
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return os.fstat(file.fileno()).st_size > limit and _copy_and_truncate(file, path, keep)
    except (FileNotFoundError, BlockingIOError):
        return False
    except OSError as error:  # a full disk: the log is of more use than its rotation
        _log.warning("%s could not be rotated: %s", path, error)
        with suppress(OSError):
            _copy(path, 0).unlink(missing_ok=True)
        return False


def last_cause(path: Path, *, since: int = 0) -> str:
    """The line of a log that says why its server died; "" where it says nothing.

    Args:
        since: The log's length before the server was started, as ``Started.log_offset`` says: an earlier server's
            cause is not this one's.
    """
    with suppress(FileNotFoundError), path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        start = since if since <= end else 0
        file.seek(max(start, end - _CAUSE_WITHIN))
        return cause_in(_decode(file.read()))
    return ""


def cause_in(lines: Sequence[str]) -> str:
    """The exception line of the last traceback, else the last line that speaks of an error, else the last line at all.

    An error reported after a traceback, as `uvicorn` and shells do it, is less telling than the traceback's own end.
    """
    for place in range(len(lines) - 1, -1, -1):
        if _TRACEBACK.match(lines[place]) and (found := _exception_after(lines, place + 1)):
            return found
    telling = [line.strip() for line in lines if not _NOISE.match(line)]
    errors = [line for line in telling if _ERROR.search(line)]
    return (errors or telling or [""])[-1]


def _exception_after(lines: Sequence[str], place: int) -> str:
    """The first line that is not part of the traceback's frames."""
    for line in lines[place:]:
        if line.strip(" |") and not line.startswith((" ", "\t")):
            return line.strip()
    return ""


def _last_blocks(file: BinaryIO, start: int, end: int, lines: int) -> bytes:
    """Enough of the end of a file to hold so many lines."""
    found = b""
    while end > start and found.count(b"\n") <= lines:
        size = min(_BLOCK, end - start)
        end -= size
        file.seek(end)
        found = file.read(size) + found
    return found


def _decode(content: bytes) -> list[str]:
    return content.decode(errors="replace").removesuffix("\n").split("\n") if content else []


def _tail(path: Path, lines: int, since: int, until: int) -> list[str]:
    """The last lines between two offsets; an offset beyond the end is one from before a rotation."""
    if lines <= 0:
        return []
    with suppress(FileNotFoundError), path.open("rb") as file:
        start = since if since <= until else 0
        return _decode(_last_blocks(file, start, until, lines))[-lines:]
    return []


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _stamp(path: Path) -> int | None:
    """Which file is the newest copy: another one means that the log was rotated."""
    try:
        return _copy(path, 1).stat().st_ino
    except FileNotFoundError:
        return None


def _news(path: Path, place: int, copied: int | None) -> tuple[bytes, int, int | None]:
    """What was written since, where to go on, and the newest copy. The lock keeps rotation away meanwhile."""
    with suppress(FileNotFoundError), path.open("rb") as log:
        fcntl.flock(log, fcntl.LOCK_SH)
        newest = _stamp(path)
        if newest != copied and newest is not None:
            return _read_from(_copy(path, 1), place), 0, newest
        size = os.fstat(log.fileno()).st_size
        log.seek(place if place <= size else 0)  # emptied by somebody else
        chunk = log.read()
        return chunk, log.tell(), copied
    return b"", 0, copied


def _read_from(path: Path, place: int) -> bytes:
    with suppress(FileNotFoundError), path.open("rb") as file:
        file.seek(place)
        return file.read()
    return b""


def _copy(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _copy_and_truncate(file: BinaryIO, path: Path, keep: int) -> bool:
    """The copy gets its name before the log is emptied: whatever interrupts this, no line is in neither."""
    descriptor = os.open(_copy(path, 0), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb", buffering=0) as copy:
        _catch_up(file, copy)
        _move_on(path, keep)
        _copy(path, 0).replace(_copy(path, 1))
        os.sched_yield()  # with a time slice of its own, the rest is not interrupted
        while os.fstat(file.fileno()).st_size > copy.tell():
            _catch_up(file, copy)
        os.ftruncate(file.fileno(), 0)
    return True


def _catch_up(source: BinaryIO, target: RawIOBase) -> None:
    while chunk := source.read(_BLOCK):
        target.write(chunk)


def _move_on(path: Path, keep: int) -> None:
    """NAME.log.2 becomes .3, .1 becomes .2; what would be one too many is overwritten or deleted."""
    for number in range(keep - 1, 0, -1):
        with suppress(FileNotFoundError):
            _copy(path, number).replace(_copy(path, number + 1))
