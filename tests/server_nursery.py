"""Servers forked from one process that has imported everything: a test waits a tenth of a second for one.

They are real servers in processes of their own; only Python's start and the imports are shared. Each process of a
parallel test run has its own nursery.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from support import ROOT, eventually

PROGRAM = Path(__file__).with_name("forking_servers.py")


class Forked:
    """A process that the nursery forked, as far as tests use a `Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._ended = False

    def poll(self) -> int | None:
        """None while it lives; the nursery lets the kernel forget the code it ended with."""
        try:
            if not self._ended:
                os.kill(self.pid, 0)
        except ProcessLookupError:
            self._ended = True  # from now on the pid may be somebody else's
        return 0 if self._ended else None

    def send_signal(self, number: int) -> None:
        """Signal it, unless it has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait(self, within: float) -> int:
        """Wait for its end."""
        eventually(lambda: self.poll() is not None, within=within, message=f"the end of process {self.pid}")
        return 0


class Nursery:
    """The process that forks servers."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def fork(self, argv: list[str], folder: Path, env: Mapping[str, str], log: Path) -> Forked:
        """Start a server."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"argv": argv, "cwd": str(folder), "env": dict(env), "log": str(log)}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return Forked(int(self._process.stdout.readline()))

    def close(self) -> None:
        """End it."""
        self._process.communicate(timeout=30)


@functools.cache
def nursery() -> Nursery:
    """The one of this process; the servers are ended by whoever asked for them."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PRODIGY_")}
    env = {**kept, "PYTHONPATH": str(ROOT / "src"), "PYTHONWARNINGS": "error"}
    pipe = subprocess.PIPE
    made = Nursery(subprocess.Popen([sys.executable, str(PROGRAM)], stdin=pipe, stdout=pipe, env=env, text=True))
    atexit.register(made.close)
    return made
