"""The program that forks commands: imports the command line once, then each request becomes a process of its own.

A request is a line of JSON, `{"arguments", "cwd", "env"}`, and comes with the three standard streams of the command; it
is answered with a line for its pid, and one for the code it ended with. Nothing of the tests is imported.
"""

from __future__ import annotations

import json
import os
import pkgutil
import socket
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import prodigy_team
import prodigy_team.cli
import prodigy_team.roster
import prodigy_team.servers
import prodigy_team.store

CALLED = str(Path(prodigy_team.__file__).with_name("__main__.py"))


def main() -> int:
    """Fork for each request, until whoever asks has ended; in a fork the code of the command."""
    asked = socket.socket(fileno=int(sys.argv[1]))
    import_everything()
    while (found := next_request(asked)) is not None:
        request, streams = found
        child = os.fork()
        if child == 0:
            asked.close()
            return carry_out(request, streams)
        for each in streams:
            os.close(each)
        asked.sendall(b"%d\n" % child)
        asked.sendall(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    return 0


def import_everything() -> None:
    """What commands import, and with it what takes long: the parser, the validator, the database."""
    for package in (prodigy_team.cli, prodigy_team.roster, prodigy_team.servers, prodigy_team.store):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if not module.name.endswith(".macos"):
                import_module(module.name)


def next_request(asked: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """The next request with its streams; None at the end."""
    line, streams, _, _ = socket.recv_fds(asked, 65_536, 3)
    while line and not line.endswith(b"\n"):
        more = asked.recv(65_536)
        line = line + more if more else b""
    return (json.loads(line), streams) if line else None


def carry_out(request: Mapping[str, Any], streams: list[int]) -> int:
    """Become the command."""
    from prodigy_team.cli.main import run

    for target, each in enumerate(streams):
        os.dup2(each, target)
        os.close(each)
    # What Python made of its own streams at its start knows whether one could seek in them.
    sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, errors="backslashreplace", closefd=False)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    sys.argv = [CALLED, *request["arguments"]]
    sys.path[0] = request["cwd"]
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
