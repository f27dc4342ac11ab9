"""What tests share: waiting for a condition, free ports, the command line, the shared data where it is at hand."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from command_nursery import run_command

Value = TypeVar("Value")

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
PROGRAM = (sys.executable, "-m", "prodigy_team")
TASK = """
[task]
recipe = "ner.manual"
model = "blank:en"
source = "{source}"
labels = ["A"]
"""
# Below the ports that Linux (from 32768) and macOS (from 49152) give out by themselves.
FIRST_PORT, BLOCK, BLOCKS = 20_000, 400, 30


def eventually(condition: Callable[[], Value], *, within: float = 100.0, message: str = "") -> Value:
    """Wait until a condition gives something true, and return that; fail after ``within`` seconds."""
    deadline = time.monotonic() + within
    pause = 0.005
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"{message or 'condition'} not met within {within} s; last value: {value!r}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


@contextlib.contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Meanwhile this process writes no file beyond so many bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    compiles, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # a module cut off there is never read again
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        sys.dont_write_bytecode = compiles


def small_roster(
    *people: str, name: str = "headlines", source: str = "headlines.jsonl", team: str = "", more: str = ""
) -> str:
    """The roster of a few people who mark entities.

    Args:
        team: Further lines of [team].
        more: Lines after the last person's name: theirs first, then tables.
    """
    annotators = "".join(f'[[annotator]]\nname = "{each}"\n' for each in people)
    return f'[team]\nname = "{name}"\n{team}{TASK.format(source=source)}{annotators}{more}\n'


def open_files(pid: int) -> list[str]:
    """What a process has open, as Linux names it; one that it closes meanwhile is left out."""
    found = []
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(str(each.readlink()))
    return found


class PortBlock:
    """Ports that only this process gives out, each again only after all the others.

    Tests take ports first and start servers on them later, in several processes at once. Each of these processes
    therefore has a block of its own, whose first port it keeps bound: the system frees it at the process's end.
    """

    def __init__(self) -> None:
        self._holder, self._first = self._claim()
        self._next = 1

    def take(self, count: int) -> list[int]:
        """So many neighbouring ports that nobody uses at the moment.

        Raises:
            RuntimeError: The block has no more so many.
        """
        for _ in range(BLOCK):
            start = self._next if self._next + count <= BLOCK else 1
            self._next = start + 1
            ports = [self._first + offset for offset in range(start, start + count)]
            if all(map(_is_unused, ports)):
                self._next = start + count
                return ports
        raise RuntimeError(f"no {count} free ports between {self._first} and {self._first + BLOCK}")

    def close(self) -> None:
        """Leave the block to others."""
        self._holder.close()

    @staticmethod
    def _claim() -> tuple[socket.socket, int]:
        for first in range(FIRST_PORT, FIRST_PORT + BLOCK * BLOCKS, BLOCK):
            holder = socket.socket()
            with contextlib.suppress(OSError):
                holder.bind(("127.0.0.1", first))
                return holder, first
            holder.close()
        raise RuntimeError("no block of ports is free: are so many tests running?")


def _is_unused(port: int) -> bool:
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False


@functools.cache
def _own_block() -> PortBlock:
    block = PortBlock()
    atexit.register(block.close)
    return block


def free_ports(count: int) -> list[int]:
    """Neighbouring TCP ports on loopback that nobody uses, and that no test is given again for a while."""
    return _own_block().take(count)


def team_environment(**more: str) -> dict[str, str]:
    """What a command is run with: this test's environment and the sources of this checkout."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "src"), **more}


def run_team(folder: Path, *arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """`prodigy-team` in a folder, without a terminal."""
    return run_command(arguments, cwd=folder, env=team_environment(**environment), stdin=stdin)


def shared_data(name: str) -> Path:
    """A file of the real annotation data beside the project; the test is skipped where it is not at hand."""
    path = SHARED / "data" / name
    if not path.exists():
        pytest.skip(f"{name} is not at hand: the real annotation data is not part of the project")
    return path
