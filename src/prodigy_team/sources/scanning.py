"""The lines of a JSON lines file: where each good task stands, and what is wrong with the others.

Also a program: ``python scanning.py`` does so for the second part of a large file, beside the process that builds its
index. A process of its own, because Python's threads would share one core; started anew, because a fork of a process
with threads or an event loop may hang.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from prodigy_team.sources.formats import BadContentError, BadLine, check_task, decode, parse_line
from prodigy_team.sources.origins import file_stamp
from prodigy_team.tasks import By, fingerprint

BAD_LINES_KEPT = 1000
LARGE = 20_000_000
"""Bytes from which on a second process is worth its start."""
OWN_PART = 0.45
"""Of a file, for the process that also stores all rows."""

Row = tuple[int, int, int, bytes]
_ROW = struct.Struct("<qqq16s")
_SIZE = struct.Struct("<q")
_ROWS_AT_ONCE = 1024
_PROGRAM = "import sys; sys.path[:] = sys.argv[5:]; from prodigy_team.sources import scanning; scanning.main()"


@dataclass
class Scan:
    """What was met in a source's lines.

    Attributes:
        lines: How many had something on them.
        passed: How many there were, blank ones too.
    """

    by: By
    lines: int = 0
    passed: int = 0
    bad_count: int = 0
    bad: list[BadLine] = field(default_factory=list)

    def note(self, line: int, reason: str) -> None:
        """Remember a bad line, or at least that there was one more."""
        self.bad_count += 1
        if len(self.bad) < BAD_LINES_KEPT:
            self.bad.append(BadLine(line, reason))

    def rows(self, lines: Iterable[bytes], offset: int) -> Iterator[Row]:
        """Where each good task stands. The loop that a million lines go through."""
        by, before = self.by, self.passed
        for number, line in enumerate(lines, before + 1):
            length = len(line)
            try:
                task = decode(line)
                text = task["text"]
                plain = len(task) == 1 or (len(task) == 2 and "meta" in task)
                if not plain or type(text) is not str or text.isspace() or not text:
                    check_task(task, by)
                row = (offset, length, *fingerprint(task, by))
            except Exception:
                slow = self._slow_row(number, offset, line)
                if slow is not None:
                    yield slow
            else:
                self.lines += 1
                yield row
            offset += length
            self.passed = number

    def _slow_row(self, number: int, offset: int, line: bytes) -> Row | None:
        """A line that is not plainly good: blank, bad, or good without a text."""
        if line.isspace():
            return None
        self.lines += 1
        try:
            return (offset, len(line), *fingerprint(parse_line(line, self.by), self.by))
        except BadContentError as problem:
            self.note(number, str(problem))
        except RecursionError:
            self.note(number, "nested too deeply")
        return None

    def add(self, later: Scan) -> None:
        """Count in what another has met in the lines that follow."""
        for each in later.bad:
            if len(self.bad) < BAD_LINES_KEPT:
                self.bad.append(BadLine(self.passed + each.line, each.reason))
        self.bad_count += later.bad_count
        self.lines += later.lines
        self.passed += later.passed


def scan_file(scan: Scan, file: IO[bytes], path: Path, *, folder: Path, large: int = LARGE) -> Iterator[Row]:
    """The rows of a file from where it stands; of a large one the second part comes from another process.

    Whatever becomes of that process, the rows are the same: without it they are found here.

    Args:
        folder: Where there is room for the other's rows, 40 bytes each, until they are read.
        large: Bytes from which on there is another process.
    """
    start, size = file.tell(), os.fstat(file.fileno()).st_size
    if size < large or _cores() < 2:
        yield from scan.rows(file, start)
        return
    middle = _line_start(file, start + int((size - start) * OWN_PART))
    file.seek(start)
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(tempfile.TemporaryFile(dir=folder))
        helper = _start_helper(path, file_stamp(os.fstat(file.fileno())), middle, scan.by, output)
        if helper is not None:
            stack.enter_context(helper)
            stack.callback(helper.kill)
        yield from scan.rows(_until(file, start, middle), start)
        found = _read_trailer(output) if helper is not None and helper.wait() == 0 else None
        if found is None:
            file.seek(middle)
            yield from scan.rows(file, middle)
            return
        yield from _read_rows(output, found[0])
        scan.add(found[1])


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _line_start(file: IO[bytes], near: int) -> int:
    """Where the first line behind a place begins."""
    file.seek(near)
    file.readline()
    return file.tell()


def _until(file: IO[bytes], offset: int, end: int) -> Iterator[bytes]:
    for line in file:
        yield line
        offset += len(line)
        if offset >= end:
            return


def _start_helper(path: Path, stamp: str, middle: int, by: By, output: IO[bytes]) -> subprocess.Popen[bytes] | None:
    folders = [
        str(Path(each).absolute()) for each in sys.path if each
    ]  # not the folder that happens to be the current one
    command = [sys.executable, "-I", "-c", _PROGRAM, str(path), stamp, str(middle), by, *folders]
    try:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.DEVNULL)
    except OSError:
        return None


def main() -> None:
    """PATH STAMP START BY: the rows of a file from an offset on, packed, then what else was met, to stdout."""
    path, stamp, start, by = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
    scan = Scan("input" if by == "input" else "task")
    with path.open("rb") as file, open(1, "wb", closefd=False) as out:
        if file_stamp(os.fstat(file.fileno())) != stamp:
            raise SystemExit(1)  # another file by now
        file.seek(start)
        pack, count, packed = _ROW.pack, 0, []
        for row in scan.rows(file, start):
            packed.append(pack(*row))
            if len(packed) == _ROWS_AT_ONCE:
                count += len(packed)
                out.write(b"".join(packed))
                packed.clear()
        out.write(b"".join(packed))
        trailer = json.dumps({**asdict(scan), "rows": count + len(packed)}).encode()
        out.write(trailer + _SIZE.pack(len(trailer)))


def _read_trailer(output: IO[bytes]) -> tuple[int, Scan] | None:
    """How many rows a helper has written, and what it met; None where it did not come to its end."""
    size = output.seek(0, os.SEEK_END)
    if size < _SIZE.size:
        return None
    output.seek(size - _SIZE.size)
    [length] = _SIZE.unpack(output.read())
    output.seek(size - _SIZE.size - length)
    found = json.loads(output.read(length))
    rows, bad = found.pop("rows"), [BadLine(**each) for each in found.pop("bad")]
    return rows, Scan(**found, bad=bad)


def _read_rows(output: IO[bytes], count: int) -> Iterator[Row]:
    output.seek(0)
    while count > 0:
        some = min(count, _ROWS_AT_ONCE)
        yield from _ROW.iter_unpack(output.read(some * _ROW.size))
        count -= some
