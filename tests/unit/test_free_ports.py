"""Ports for tests: nobody else's, and not the same ones again, however many processes run tests at once."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import closing

from support import BLOCK, ROOT, PortBlock

ASKING = "import sys; sys.path[:0] = sys.argv[1:]; from support import free_ports; print(*free_ports(30), flush=True)"


def ask() -> subprocess.Popen[str]:
    """A process that takes ports and keeps its block until its input closes."""
    command = [sys.executable, "-c", f"{ASKING}; sys.stdin.read()", str(ROOT / "tests")]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_two_processes_are_never_given_the_same_ports() -> None:
    with ask() as first, ask() as second:
        said = [process.stdout.readline().split() for process in (first, second) if process.stdout]
        for process in (first, second):
            process.communicate(timeout=60)
    assert len(said[0]) == len({*said[0], *said[1]}) - len(said[1]) == 30


def test_a_port_comes_again_only_after_all_the_others_and_never_while_it_is_used() -> None:
    """A few may be in use already, by what ran before or runs beside: they are passed over."""
    with closing(PortBlock()) as ports:
        first = ports.take(3)
        with socket.create_server(("127.0.0.1", first[0])):
            later = [port for _ in range(BLOCK) for port in ports.take(1)]
    assert first[0] not in later
    assert not {*first} & {*later[: BLOCK - 20]}
    assert len({*later[: BLOCK - 20]}) == BLOCK - 20
