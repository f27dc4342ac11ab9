"""`prodigy-team` as tests run it some thousand times: a process of its own each time, without Python's start.

It is forked from one that has imported everything. What starts Python is tested with `PROGRAM` of `support`.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

FORKING = Path(__file__).with_name("forking_commands.py")
AT_THE_START = ("PYTHON", "LANG", "LC_", "TZ")
"""Variables that Python reads when it starts: commands that differ in one are forked from different processes."""


class Nursery:
    """The process that forks commands, one at a time."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._asking, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, str(FORKING), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )

    def run(
        self, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], stdin: str, within: float
    ) -> subprocess.CompletedProcess[str]:
        """See `run_command`."""
        request = {"arguments": list(arguments), "cwd": str(cwd), "env": dict(env)}
        deadline = time.monotonic() + within
        with tempfile.TemporaryFile() as given, contextlib.ExitStack() as ends:
            given.write(stdin.encode())
            given.seek(0)
            pipes = [os.pipe() for _ in range(2)]
            said: list[IO[bytes]] = [ends.enter_context(os.fdopen(reading, "rb", 0)) for reading, _ in pipes]
            streams = [given.fileno(), *(writing for _, writing in pipes)]
            socket.send_fds(self._asking, [json.dumps(request).encode() + b"\n"], streams)
            for _, writing in pipes:
                os.close(writing)
            pid = self._number()
            try:
                out, err = _read_to_the_end(said, deadline)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):  # it has ended, what it left behind has not
                    os.kill(pid, signal.SIGKILL)
                raise subprocess.TimeoutExpired(["prodigy-team", *arguments], within) from None
        return subprocess.CompletedProcess(["prodigy-team", *arguments], self._number(), out.decode(), err.decode())

    def _number(self) -> int:
        line = b""
        while not line.endswith(b"\n"):
            byte = self._asking.recv(1)
            assert byte, "the process that forks commands has ended"
            line += byte
        return int(line)

    def close(self) -> None:
        """End it."""
        self._asking.close()
        self._process.wait(30)


def _read_to_the_end(pipes: Sequence[IO[bytes]], deadline: float) -> list[bytes]:
    """What comes out of some pipes until the last writer has closed each.

    Raises:
        TimeoutError: One is still open at the deadline.
    """
    found = dict.fromkeys(pipes, b"")
    with selectors.DefaultSelector() as selector:
        for pipe in pipes:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            if time.monotonic() > deadline:
                raise TimeoutError
            for key, _ in selector.select(deadline - time.monotonic()):
                pipe = next(each for each in pipes if each is key.fileobj)
                chunk = os.read(key.fd, 65_536)
                found[pipe] += chunk
                if not chunk:
                    selector.unregister(pipe)
    return [found[pipe] for pipe in pipes]


@functools.cache
def _nursery(start: frozenset[tuple[str, str]]) -> Nursery:
    nursery = Nursery({"PATH": os.environ["PATH"], **dict(start)})
    atexit.register(nursery.close)
    return nursery


def run_command(
    arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], stdin: str = "", within: float = 200
) -> subprocess.CompletedProcess[str]:
    """Run `prodigy-team` to its end, without a terminal; not in several threads at once.

    Raises:
        subprocess.TimeoutExpired: It, or something that it left behind, still had its output open after ``within``
            seconds.
    """
    start = frozenset((name, value) for name, value in env.items() if name.startswith(AT_THE_START))
    try:
        return _nursery(start).run(arguments, cwd=cwd, env=env, stdin=stdin, within=within)
    except BaseException:  # what is left of this command is not to be taken for an answer to the next
        _nursery.cache_clear()
        raise
