"""Servers on this machine: Prodigy's are executed, embedded ones are forked from one warm launcher process."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import prodigy_team
from prodigy_team.servers import alive
from prodigy_team.servers.engines import EMBEDDED, passed_environment
from prodigy_team.servers.logs import cause_in
from prodigy_team.servers.processes import Identity, identity_of
from prodigy_team.servers.runners.base import Exit, FailedStart, Launch, Started

LAUNCHER = "prodigy_team.annotate.launcher"
_PATIENCE = 60.0  # seconds for the launcher to import the engine and fork; a second is usual
_CAN_FORK = sys.platform == "linux"  # macOS' own libraries do not survive a fork
_ENDED = "ended"  # stands for the start of a process that ended before it could be looked at
_left: list[int] = []  # pids of servers nobody follows any more: reaped later, should they end before this process


class LocalRunner:
    """Starts servers as processes of this machine, each leading a session of its own."""

    name = "local"

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def start(self, launches: Sequence[Launch]) -> LocalRunning:
        """Start servers; see ``Runner.start``."""
        _reap_left()
        forked = [each for each in launches if _is_forked(each)]
        running = LocalRunning()
        try:
            if forked:
                running.fork(forked, self._environ)
            for each in launches:
                if not _is_forked(each):
                    running.execute(each, self._environ)
            running.hear()
        except BaseException:
            running.close()
            raise
        return running


class LocalRunning:
    """The servers of one start; see ``Running``."""

    def __init__(self) -> None:
        self.started: list[Started] = []
        self.failed: list[FailedStart] = []
        self._executed: dict[str, subprocess.Popen[bytes]] = {}
        self._offsets: dict[str, int] = {}
        self._launcher: _Launcher | None = None

    def __enter__(self) -> LocalRunning:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def execute(self, launch: Launch, environ: Mapping[str, str]) -> None:
        """Start one server by exec, and write into its alive file who it is."""
        plan, offset = launch.plan, _size(launch.log)
        try:
            process = execute(launch, environ)
        except OSError as error:
            self.failed.append(FailedStart(plan.name, _explain(error)))
            return
        finally:
            launch.close()
        self._executed[plan.name] = process
        identity = identity_of(process.pid) or Identity(process.pid, _ENDED)
        alive.update(launch.mark.alive, pid=process.pid, started_at=identity.started_at, pgid=process.pid)
        self.started.append(Started(plan.name, identity, process.pid, offset))

    def fork(self, launches: Sequence[Launch], environ: Mapping[str, str]) -> None:
        """Ask a new launcher for servers; ``hear`` waits for its answers."""
        self._offsets = {each.plan.name: _size(each.log) for each in launches}
        try:
            self._launcher = _Launcher(launches, environ)
        except OSError as error:
            self.failed += [FailedStart(each.plan.name, _explain(error)) for each in launches]
        finally:
            for each in launches:
                each.close()

    def hear(self) -> None:
        """Wait until the launcher has said of each server that it is there or why not."""
        if self._launcher is None:
            return
        replies = self._launcher.replies(set(self._offsets))
        for name, offset in self._offsets.items():
            reply = replies[name]
            if "pid" in reply:
                identity = Identity(reply["pid"], reply["started_at"])
                self.started.append(Started(name, identity, identity.pid, offset))
            else:
                self.failed.append(FailedStart(name, reply["failed"]))

    def poll_exits(self) -> list[Exit]:
        """Servers that have ended since the last call."""
        codes = {name: process.poll() for name, process in self._executed.items()}
        exits = [Exit(name, code) for name, code in codes.items() if code is not None]
        for each in exits:
            del self._executed[each.name]
        return exits + (self._launcher.exits() if self._launcher else [])

    def close(self) -> None:
        """Stop following; the servers run on."""
        for process in self._executed.values():
            leave(process)
        self._executed.clear()
        if self._launcher is not None:
            self._launcher.close()
            self._launcher = None


class _Launcher:
    """The process that forks embedded servers, and the pipes to it."""

    def __init__(self, launches: Sequence[Launch], environ: Mapping[str, str]) -> None:
        self._complaints: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `close`
        self._unread = b""
        self._exits: list[Exit] = []
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", LAUNCHER],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._complaints,
                env=_launcher_environment(launches, environ),
                pass_fds=[descriptor for each in launches for descriptor in _descriptors(each)],
                start_new_session=True,  # Ctrl+C in the terminal is for the command, not for what it started
            )
        except OSError:
            self._complaints.close()
            raise
        request = json.dumps({"servers": [_request(each) for each in launches]}).encode() + b"\n"
        with contextlib.suppress(BrokenPipeError):  # why it died is read from its complaints
            _write_all(self._input, request)

    @property
    def _input(self) -> int:
        assert self._process.stdin is not None, "opened as a pipe"
        return self._process.stdin.fileno()

    @property
    def _output(self) -> int:
        assert self._process.stdout is not None, "opened as a pipe"
        return self._process.stdout.fileno()

    def replies(self, names: set[str]) -> dict[str, dict[str, Any]]:
        """One answer for each server; where the launcher died or hangs, its reason."""
        found: dict[str, dict[str, Any]] = {}
        deadline = time.monotonic() + _PATIENCE
        while names - set(found):
            lines = self._lines(max(0.0, deadline - time.monotonic()))
            if lines is None or (not lines and time.monotonic() >= deadline):
                reason = self._reason(ended=lines is None)
                return {name: {"failed": reason} for name in names} | found
            for line in lines:
                if "exit" in line:
                    self._exits.append(Exit(line["name"], line["exit"]))
                else:
                    found[line["name"]] = line
        return found

    def exits(self) -> list[Exit]:
        """The ends it has reported since the last call."""
        for line in self._lines(0.0) or []:
            if "exit" in line:
                self._exits.append(Exit(line["name"], line["exit"]))
        exits, self._exits = self._exits, []
        return exits

    def close(self) -> None:
        """Let it end: it does once its input closes. One that hangs is ended; its children are not."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._complaints.close()

    def _lines(self, timeout: float) -> list[dict[str, Any]] | None:
        """What it has said, waiting at most so long; None once it has ended."""
        poll = select.poll()
        poll.register(self._output, select.POLLIN | select.POLLHUP)
        if not poll.poll(timeout * 1000):
            return []
        chunk = os.read(self._output, 65536)
        if not chunk:
            return None
        *whole, self._unread = (self._unread + chunk).split(b"\n")
        return [json.loads(line) for line in whole]

    def _reason(self, *, ended: bool) -> str:
        if not ended:
            return f"the launcher of embedded servers gave no answer within {_PATIENCE:.0f} s"
        self._complaints.seek(0)
        lines = self._complaints.read().decode(errors="replace").splitlines()
        return f"the launcher of embedded servers ended: {cause_in(lines) or 'no reason given'}"


def _is_forked(launch: Launch) -> bool:
    return _CAN_FORK and launch.plan.engine == EMBEDDED


def leave(process: subprocess.Popen[bytes]) -> None:
    """Let an executed server run on without following it."""
    if process.poll() is None:
        process.returncode = 0  # it is meant to outlive this object: no ResourceWarning
        _left.append(process.pid)


def execute(launch: Launch, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start one server as a program of its own, which leads its own session.

    Nothing of this process reaches the server but its environment, its log and the descriptor of its lock.

    Raises:
        OSError: No process came about.
    """
    if launch.listener is not None:
        launch.listener.close()  # whoever is executed binds by itself
    log = os.open(launch.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        with _interruptible():
            return subprocess.Popen(
                launch.plan.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=launch.plan.cwd,
                env=_own_path(launch, environ) | launch.environment,
                pass_fds=(launch.alive_fd,),
                start_new_session=True,
            )
    finally:
        os.close(log)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let what is executed here hear SIGINT, by which `stop` ends it first.

    A shell starts what it runs in the background with SIGINT ignored, and that is inherited; a handler is not.
    """
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _request(launch: Launch) -> dict[str, Any]:
    plan, listener = launch.plan, launch.listener
    return {
        "name": plan.name,
        "team": launch.mark.team,
        "annotators": list(plan.annotators),
        "state": str(launch.mark.state),
        "argv": list(plan.argv),
        "env": launch.environment,
        "cwd": str(plan.cwd),
        "log": str(launch.log),
        "alive_fd": launch.alive_fd,
        "listener_fd": listener.fileno() if listener else None,
    }


def _descriptors(launch: Launch) -> list[int]:
    return [launch.alive_fd] + ([launch.listener.fileno()] if launch.listener else [])


def _launcher_environment(launches: Sequence[Launch], environ: Mapping[str, str]) -> dict[str, str]:
    """Enough to find this very package, and room for its children's titles, which may be as long as what is here."""
    env = passed_environment(environ) | _path_to_this_package(environ)
    env["PRODIGY_TEAM_ROOM"] = " " * max(len(os.fsencode(each.mark.title)) for each in launches)
    return env


def _own_path(launch: Launch, environ: Mapping[str, str]) -> dict[str, str]:
    """What this package's own programs need to be found; Prodigy's interpreter is not told of it."""
    return _path_to_this_package(environ) if launch.plan.command[0] == sys.executable else {}


def _path_to_this_package(environ: Mapping[str, str]) -> dict[str, str]:
    """PYTHONPATH, where that is how this package is found."""
    source = Path(prodigy_team.__file__).parents[1]
    entries = environ.get("PYTHONPATH", "").split(os.pathsep)
    return {"PYTHONPATH": str(source)} if any(Path(each).resolve() == source.resolve() for each in entries) else {}


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _explain(error: OSError) -> str:
    return f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror or error)


def _reap_left() -> None:
    """Collect servers that have ended since nobody followed them, or they would stay zombies of this process."""
    for pid in list(_left):
        with contextlib.suppress(ChildProcessError):
            if os.waitpid(pid, os.WNOHANG)[0] == 0:
                continue
        _left.remove(pid)
