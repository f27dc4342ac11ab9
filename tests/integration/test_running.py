"""Servers started by exec and by fork: what they get, what their starter learns, and that they outlive it."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from prodigy_team.errors import TeamError
from prodigy_team.servers import alive, logs, processes, readiness, starting
from prodigy_team.servers.lockfile import Lockfile, guard
from prodigy_team.servers.runners.local import LocalRunner, LocalRunning
from server_support import BEHAVED, Team, team
from support import eventually, open_files

__all__ = ["team"]
TELL = (
    "import json, os, sys; print(json.dumps([dict(os.environ), os.getcwd(), os.listdir('/proc/self/fd')])); sys.exit(7)"
)
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="forks where Linux does")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Three texts to annotate."""
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(f'{{"text": "Text number {number}"}}\n' for number in range(3)))
    return path


def start(team: Team, *launches: object) -> LocalRunning:
    """Start servers, to be ended with the test."""
    running = LocalRunner(os.environ).start(launches)  # type: ignore[arg-type]
    team.follow([each.pgid for each in running.started])
    return running


def test_an_executed_server_gets_exactly_what_it_should(team: Team) -> None:
    """Its own environment, directory and session; of this process only the descriptor of its lock."""
    with start(team, team.script("joe", TELL, env={"LABELS": "Ü b"})) as running:
        [started] = running.started
        [ended] = eventually(running.poll_exits)
    assert (ended.name, ended.code) == ("joe", 7)
    assert started.pgid == started.pid
    environment, directory, descriptors = json.loads(team.log("joe").read_text())
    assert environment["LABELS"] == "Ü b"
    assert "PYTHONPATH" not in environment
    assert directory == str(team.folder)
    assert len(descriptors) == 5, "stdin, output twice, the lock, and the listing itself"
    assert team.log("joe").stat().st_mode & 0o777 == 0o600


def test_a_start_that_fails_before_its_launch_holds_no_lock(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway would hold it for weeks, and the server could not be started."""

    def fails(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files", "gateway.key")

    prepared = team.script("joe", BEHAVED)
    os.close(prepared.alive_fd)
    monkeypatch.setattr(starting, "_basic_authentication", fails)
    with pytest.raises(TeamError, match="Too many open files"):
        starting.launch([prepared.plan], Lockfile("headlines"), team.state, LocalRunner(os.environ), lambda _: None)
    assert not alive.is_held(team.mark("joe").alive)


def test_an_executed_server_holds_its_lock_and_is_known_by_it(team: Team) -> None:
    """From the moment the start returns, however it ends."""
    with start(team, team.script("joe", BEHAVED)) as running:
        [started] = running.started
        path = team.mark("joe").alive
        assert alive.is_held(path)
        assert alive.read(path) == {
            "pid": started.pid,
            "pgid": started.pid,
            "started_at": started.identity.started_at,
        }
        assert processes.is_ours(started.pid, team.mark("joe"))
        os.kill(started.pid, signal.SIGKILL)
        assert [(each.name, each.code) for each in eventually(running.poll_exits)] == [("joe", -signal.SIGKILL)]
        assert running.poll_exits() == []
        eventually(lambda: not alive.is_held(path))


def test_one_servers_failure_does_not_keep_the_others_from_starting(team: Team) -> None:
    """A missing interpreter is that server's problem, named; its lock is free again."""
    broken = team.script("jane", BEHAVED)
    object.__setattr__(broken.plan, "command", ("/no/such/python", "-m", "prodigy"))
    with start(team, broken, team.script("joe", BEHAVED)) as running:
        assert [each.name for each in running.started] == ["joe"]
        [failed] = running.failed
        assert failed.name == "jane"
        assert "/no/such/python" in failed.reason
        assert not alive.is_held(team.mark("jane").alive)


def test_servers_live_on_when_nobody_follows_them(team: Team) -> None:
    """Closing is no stop, and leaves neither warnings nor zombies."""
    running = start(team, team.script("joe", BEHAVED))
    [started] = running.started
    running.close()
    assert processes.is_alive(started.identity)
    os.kill(started.pid, signal.SIGKILL)
    eventually(lambda: not processes.is_alive(started.identity))
    start(team, team.script("jane", BEHAVED)).close()
    with pytest.raises(ProcessLookupError):
        os.kill(started.pid, 0)


@linux_only
def test_embedded_servers_are_forked_and_answer(team: Team, source: Path) -> None:
    """Each leads a session, holds its lock, carries its title, serves on the socket it was handed; its end is told."""
    names = ("joe", "jane", "ana")
    launches = [team.embedded(name, source) for name in names]
    with start(team, *launches) as running:
        assert [each.name for each in running.started] == list(names)
        assert not running.failed
        addresses = {(each.plan.host, each.plan.port or 0) for each in launches}
        eventually(lambda: readiness.probe(addresses) == addresses)
        for each in running.started:
            mark = team.mark(each.name)
            assert each.pgid == each.pid == os.getsid(each.pid)
            assert processes.command_line(each.pid) == mark.title
            assert alive.read(mark.alive)["pid"] == each.pid
            assert alive.read(mark.alive)["started_at"] == each.identity.started_at
            assert alive.is_held(mark.alive)
            assert Path(f"/proc/{each.pid}/cwd").readlink() == team.folder
        joe, jane, _ = running.started
        os.kill(joe.pid, signal.SIGKILL)
        assert [(each.name, each.code) for each in eventually(running.poll_exits)] == [("joe", -signal.SIGKILL)]
        eventually(lambda: not alive.is_held(team.mark("joe").alive))
        os.kill(jane.pid, signal.SIGTERM)
        assert [each.name for each in eventually(running.poll_exits)] == ["jane"]


@linux_only
def test_a_forked_server_keeps_nothing_of_its_siblings(team: Team, source: Path) -> None:
    """A sibling's socket kept open would accept for it after its death, and hang; its lock would make it alive."""
    launches = [team.embedded(name, source) for name in ("joe", "jane", "ana")]
    with start(team, *launches) as running:
        eventually(lambda: len(readiness.probe((each.plan.host, each.plan.port or 0) for each in launches)) == 3)
        for each in running.started:
            links = open_files(each.pid)
            assert sum(link.endswith(".alive") for link in links) == 1
            sockets = [link for link in links if link.startswith("socket:")]
            assert len(set(sockets) & _listening()) == 1


def _listening() -> set[str]:
    """Every TCP socket that listens, as /proc/PID/fd shows it."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {f"socket:[{row[9]}]" for row in rows if row[3] == "0A"}


@linux_only
def test_the_launcher_is_alone_and_goes_with_its_starter(team: Team, source: Path) -> None:
    """No thread is there when it forks; once nobody listens it ends, and the servers are init's."""
    launch = team.embedded("joe", source)
    running = start(team, launch)
    [started] = running.started
    parent = _parent(started.pid)
    assert "prodigy_team.annotate.launcher" in processes.command_line(parent)
    assert len(list(Path(f"/proc/{parent}/task").iterdir())) == 1
    assert not processes.is_ours(parent, team.mark("joe")), "it has let go of the lock"
    running.close()
    assert processes.identity_of(parent) is None
    assert processes.is_alive(started.identity)
    assert _parent(started.pid) != parent
    assert running.poll_exits() == []


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@linux_only
def test_a_server_that_cannot_serve_says_why(team: Team, tmp_path: Path) -> None:
    """Its exit code reaches the starter, its reason the log, the others run."""
    broken = team.embedded("joe", tmp_path / "missing.jsonl")
    with start(team, broken) as running:
        [started] = running.started
        [ended] = eventually(running.poll_exits)
        assert ended.code in (1, 2)
        assert "missing.jsonl" in logs.last_cause(team.log("joe"), since=started.log_offset)


@linux_only
def test_a_launcher_that_cannot_work_is_explained(
    team: Team, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken installation is each server's reason, and frees locks and ports."""
    broken = tmp_path / "broken-python"
    broken.write_text("#!/bin/sh\necho 'ImportError: no module named uvicorn' >&2\nexit 1\n")
    broken.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(broken))
    launch = team.embedded("joe", source)
    with start(team, launch) as running:
        assert not running.started
        [failed] = running.failed
        assert "ImportError: no module named uvicorn" in failed.reason
    assert not alive.is_held(team.mark("joe").alive)


STARTER = """
import os, sys
from pathlib import Path
sys.path[:0] = sys.argv[3:]
from prodigy_team.servers.lockfile import guard
from prodigy_team.servers.runners.local import LocalRunner
from server_support import BEHAVED, Team
folder, source = Path(sys.argv[1]), Path(sys.argv[2])
team = Team(folder)
with guard(folder / "team.lock"):
    launches = [team.script("joe", BEHAVED)]
    if sys.platform == "linux":
        launches.append(team.embedded("jane", source))
    running = LocalRunner(os.environ).start(launches)
    print(*[each.pgid for each in running.started], flush=True)
    sys.stdin.read()
"""


def test_killing_the_starter_leaves_the_servers_and_frees_the_guard(tmp_path: Path, source: Path) -> None:
    """kill -9 of `up` in the middle: its servers run on, and no descriptor of its guard or its other files stays."""
    folder = tmp_path / "team"
    folder.mkdir()
    tests = str(Path(__file__).parents[1])
    command = [sys.executable, "-c", STARTER, str(folder), str(source), tests]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        pgids = [int(word) for word in starter.stdout.readline().split()]
        starter.kill()
    try:
        assert len(pgids) == (2 if sys.platform == "linux" else 1)
        with guard(folder / "team.lock", timeout=0):
            pass
        # A server makes its session itself, perhaps a moment after the starter has named it, and then takes its title.
        eventually(lambda: all(processes.group_members(pgid) for pgid in pgids))
        eventually(lambda: {each.name for each in processes.find_marked(folder / ".prodigy-team")} == {"joe", "jane"})
        for name in ("joe", "jane"):
            assert alive.is_held(folder / ".prodigy-team" / "servers" / f"{name}.alive")
    finally:
        for pgid in pgids:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pgid, signal.SIGKILL)
