"""A pipe that is one task ahead of its reader at most, however the reader reads and however long a task is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from prodigy_team.feeding.pipe import TaskPipe
from support import team_environment

READERS = {
    "lines of the text layer": "for line in sys.stdin: told(line)",
    "readline": "while line := sys.stdin.readline(): told(line)",
    "lines of the byte layer": "for line in sys.stdin.buffer: told(line.decode())",
    "one byte at a time": """
line = b""
while byte := os.read(0, 1):
    line += byte
    if byte == b"\\n":
        told(line.decode())
        line = b""
""",
}
PROGRAM = """
import os, sys
def told(line):
    sys.stdout.write(line)
    sys.stdout.flush()
    os.read({turn}, 1)
"""


@contextmanager
def a_reader(pipe: TaskPipe, code: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A process that reads a line, prints it, and goes on when it is told to."""
    turn, go_on = os.pipe()
    words = [sys.executable, "-u", "-c", PROGRAM.format(turn=turn) + code]
    process = subprocess.Popen(words, stdin=pipe.reader, stdout=subprocess.PIPE, pass_fds=[turn])
    pipe.hand_over()
    os.close(turn)
    try:
        yield process, go_on
    finally:
        pipe.close()
        os.close(go_on)
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("code", READERS.values(), ids=READERS.keys())
@pytest.mark.parametrize("size", [30, 20_000])
def test_one_line_is_ahead_of_the_reader(code: str, size: int, told: bool) -> None:
    """A line that the reader has taken, and one that lies in the pipe; none is lost or torn."""
    wanted = [f"{number} {'x' * size}\n" for number in range(4)]
    pipe = TaskPipe(told=told)
    with a_reader(pipe, code) as (process, go_on):
        assert process.stdout is not None
        seen = []
        for line in wanted:
            assert pipe.wait([], timeout=200)  # it has taken the one before, and does nothing until it is told to
            pipe.send(line.encode())
            if seen:
                assert not pipe.wait([], timeout=0.1)
                os.write(go_on, b".")
            assert pipe.wait([], timeout=200)
            seen.append(process.stdout.readline().decode())
    assert seen == wanted


def test_a_reader_that_has_closed_its_end_is_noticed() -> None:
    pipe = TaskPipe()
    pipe.send(b"nobody reads this\n")
    with a_reader(pipe, "os.close(0); told('closed')"):
        assert not pipe.wait([], timeout=200)
        assert pipe.closed


def test_a_signal_ends_the_wait() -> None:
    """The feeder listens to what its signals write."""
    ears, mouth = os.pipe()
    pipe = TaskPipe()
    pipe.send(b"one\n")
    os.write(mouth, bytes([signal.SIGTERM]))
    assert not pipe.wait([ears])
    pipe.close()
    os.close(ears)
    os.close(mouth)


FAILING = """
import os, sys
from prodigy_team.feeding.feeder import Feeder

class Leases:
    tasks = fed = 0
    def refresh(self): pass
    def next_line(self): raise RuntimeError("nobody thought of this")
    def close(self): pass

sys.exit(Feeder(Leases(), sys.argv[1:], os.environ, tell=lambda told: None).run())
"""
STAYING = "import select, sys; sys.exit(1 if select.select([0], [], [], 1)[0] else 7)"
"""Ends with 1 once its standard input has ended."""


def test_a_fault_of_the_feeders_does_not_leave_prodigy_alone() -> None:
    """The feeder leads the group: with it gone, the next `up` would end a Prodigy with answers in its pages."""
    command = [sys.executable, "-c", FAILING, sys.executable, "-c", STAYING]
    done = subprocess.run(command, env=team_environment(), capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 7, done.stderr
    assert done.stderr.count("fed: nobody thought of this") == 1  # the log's line, and its traceback once
    assert done.stderr.count("RuntimeError: nobody thought of this") == 1
