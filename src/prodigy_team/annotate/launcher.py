"""A clean process that imports the embedded engine once and forks a server for each entry of one request.

Started by exec, it holds neither guard nor database and has no thread and no event loop, so that its children inherit
nothing that could hang or stay locked. It says on its output who was started and who ended, and goes when its input
closes; the servers stay. Only `servers.runners.local` talks to it:

    request, one line:  {"servers": [{"name", "team", "annotators", "state", "argv", "env", "cwd", "log",
                                      "alive_fd", "listener_fd"}]}
    replies, one each:  {"name", "pid", "started_at"}, {"name", "failed": reason}; later {"name", "exit": code}
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import setproctitle

from prodigy_team.annotate.context import ServerContext, read_context
from prodigy_team.annotate.serve import serve
from prodigy_team.annotate.warm import warm
from prodigy_team.errors import TeamError
from prodigy_team.servers import alive
from prodigy_team.servers.processes import Mark, identity_of

_STDIN, _STDOUT, _STDERR = 0, 1, 2
Request = Mapping[str, Any]


def main() -> int:
    """Fork every server of the request, then report their ends. In a forked child: serve, and return its exit code."""
    requests: list[Request] = json.loads(sys.stdin.buffer.readline() or b'{"servers": []}')["servers"]
    gc.disable()  # a collection would touch, and so copy, pages that all servers share
    warm()
    gc.freeze()
    children: dict[int, str] = {}
    for place, request in enumerate(requests):
        pid = _fork(request)
        if pid == 0:
            _leave(_run(request, strangers=requests[place + 1 :]))
        _close(request)
        if pid is not None:
            children[pid] = request["name"]
            identity = identity_of(pid)
            _say(name=request["name"], pid=pid, started_at=identity.started_at if identity else "ended")
    with contextlib.suppress(BrokenPipeError):
        _follow(children)
    os._exit(0)  # nothing to tidy up, and a warm process takes long to unload


def _leave(code: int) -> None:
    """End a server that has closed all it had open; unloading what it shares with its siblings would copy it first."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _fork(request: Request) -> int | None:
    try:
        return os.fork()
    except OSError as error:
        _say(name=request["name"], failed=f"no process could be forked: {error.strerror}")
        return None


def _say(**words: Any) -> None:
    with contextlib.suppress(BrokenPipeError):  # the starter was killed; the servers it asked for are started
        os.write(_STDOUT, json.dumps(words).encode() + b"\n")


def _close(request: Request) -> None:
    """Close descriptors meant for one child."""
    os.close(request["alive_fd"])
    if request["listener_fd"] is not None:
        os.close(request["listener_fd"])


def _run(request: Request, *, strangers: Sequence[Request]) -> int:
    """What a forked child does: become a session of its own, then serve."""
    os.setsid()
    mark = Mark(request["team"], request["name"], Path(request["state"]))
    _introduce(mark)
    for each in strangers:  # a sibling's socket kept here would accept for it after its death, and hang
        _close(each)
    _move_in(request, mark)
    try:
        return serve(
            request["argv"],
            os.environ,
            Path(request["cwd"]),
            listener=_listener(request["listener_fd"]),
            server=_context(request, mark),
        )
    except TeamError as error:
        print(f"Error: {error}", file=sys.stderr)
        return error.exit_code


def _introduce(mark: Mark) -> None:
    """Write into the alive file who holds it, so that a server is known even if its starter dies at once."""
    identity = identity_of(os.getpid())
    assert identity is not None, "a process that runs is alive"
    alive.update(mark.alive, pid=identity.pid, started_at=identity.started_at, pgid=identity.pid)


def _move_in(request: Request, mark: Mark) -> None:
    """Take on the server's own output, environment, directory and title, and a Python's usual habits."""
    setproctitle.setproctitle(mark.title)  # before the environment goes, over whose memory it writes
    _redirect(request["log"])
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored if the starter ran in the background
    os.set_inheritable(request["alive_fd"], False)
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    os.chdir(request["cwd"])
    sys.argv = ["prodigy-team", *request["argv"]]
    gc.enable()


def _redirect(log: str) -> None:
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    for source, target in ((nothing, _STDIN), (output, _STDOUT), (output, _STDERR)):
        os.dup2(source, target)
    os.close(output)
    os.close(nothing)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # as a TextIO it cannot, as it is it can


def _listener(descriptor: int | None) -> socket.socket | None:
    if descriptor is None:
        return None
    os.set_inheritable(descriptor, False)
    return socket.socket(fileno=descriptor)


def _context(request: Request, mark: Mark) -> ServerContext:
    """What the environment tells of the server, as it would tell it to one that was started alone."""
    log, alive_file = Path(request["log"]), mark.alive
    told = read_context(request["env"])
    if told is not None:
        return replace(told, log=log, alive=alive_file)
    return ServerContext(mark.name, mark.team, tuple(request["annotators"]), mark.state, log, alive_file)


def _follow(children: dict[int, str]) -> None:
    """Report each child's end until the input closes."""
    bell, ringer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(ringer)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        _reap(children)
        ready, _, _ = select.select([_STDIN, bell], [], [])
        if _STDIN in ready and not os.read(_STDIN, 4096):
            return
        with contextlib.suppress(BlockingIOError):
            os.read(bell, 4096)


def _reap(children: dict[int, str]) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        _say(name=children.pop(pid), exit=os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    sys.exit(main())
