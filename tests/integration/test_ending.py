"""Whole groups are ended, many at once, and never a stranger (scenario S11)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from prodigy_team.servers import ports, processes
from prodigy_team.servers.ending import Outcome, Target, _Group, end_groups
from prodigy_team.servers.halting import halt
from prodigy_team.servers.lockfile import Lockfile, ServerRecord, write_lockfile
from prodigy_team.servers.runners.local import LocalRunner, LocalRunning
from server_support import BEHAVED, STUBBORN, Team, team
from support import eventually

__all__ = ["team"]

PARENT = """
import os, signal, socket, subprocess, sys, time
listener = socket.create_server(("127.0.0.1", int(os.environ["PRODIGY_PORT"])))
signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
subprocess.Popen([sys.executable, "-c", sys.argv[1]], pass_fds=[listener.fileno()])
while True: time.sleep(60)
"""


@pytest.fixture
def start(team: Team) -> Iterator[object]:
    """Start servers and wait until each has said that it is there."""
    runs: list[LocalRunning] = []

    def begin(*launches: object) -> list[Target]:
        runs.append(LocalRunner(os.environ).start(launches))  # type: ignore[arg-type]
        started = runs[-1].started
        team.follow([each.pgid for each in started])
        for each in started:
            eventually(lambda name=each.name: "here I am" in team.log(name).read_text(), within=60)
        return [Target(each.name, each.pgid, team.mark(each.name)) for each in started]

    yield begin
    for each in runs:
        each.close()


@pytest.mark.alone
def test_a_server_is_interrupted_terminated_or_killed(team: Team, start) -> None:  # type: ignore[no-untyped-def]
    """The gentlest signal that works; each is reported with what it took."""
    deaf = STUBBORN.replace("(signal.SIGINT, signal.SIGTERM)", "(signal.SIGINT,)")
    targets = start(team.script("joe", BEHAVED), team.script("jane", deaf), team.script("ana", STUBBORN))

    ended = {each.name: each for each in end_groups(targets, grace=3.0)}

    assert {name: each.outcome for name, each in ended.items()} == {
        "joe": Outcome.INTERRUPTED,
        "jane": Outcome.TERMINATED,
        "ana": Outcome.KILLED,
    }
    assert ended["joe"].seconds < 1.5 <= ended["jane"].seconds < 3.0 <= ended["ana"].seconds < 4.5
    assert not any(processes.members_of([each.pgid for each in targets]).values())
    assert [each.outcome for each in end_groups(targets)] == [Outcome.GONE] * 3


def test_no_grace_is_a_kill(team: Team, start) -> None:  # type: ignore[no-untyped-def]
    """`--grace 0`."""
    [ended] = end_groups(start(team.script("joe", STUBBORN)), grace=0)
    assert ended.outcome is Outcome.KILLED
    assert ended.seconds < 5


@pytest.mark.parametrize(("child", "grace"), [(BEHAVED, 60), (STUBBORN, 6)], ids=["behaved", "ignores TERM"])
@pytest.mark.parametrize("leader_killed", [False, True])
def test_a_child_with_the_socket_is_ended_and_the_port_is_free(
    team: Team,
    start,  # type: ignore[no-untyped-def]
    child: str,
    grace: float,
    leader_killed: bool,
) -> None:
    """S11: the leader is killed with -9 or not, the child ignores TERM or not, and holds the listening socket."""
    launch = team.script("joe", PARENT, child)
    [target] = start(launch)
    port = launch.plan.port or 0
    if leader_killed:
        os.kill(target.pgid, signal.SIGKILL)
        eventually(lambda: len(processes.group_members(target.pgid)) == 1)
    assert not ports.is_free("127.0.0.1", port)

    [ended] = end_groups([target], grace=grace)

    assert ended.outcome is (Outcome.KILLED if child == STUBBORN else Outcome.INTERRUPTED)
    assert ended.seconds < grace
    assert processes.group_members(target.pgid) == []
    assert ports.is_free("127.0.0.1", port)


def test_a_record_that_was_removed_while_its_server_ended_is_no_fault(team: Team, start) -> None:  # type: ignore[no-untyped-def]
    """`up --remove-orphans` beside `stop`, or somebody who deletes the lockfile."""
    book = team.state / "team.lock"
    launch = team.script("joe", BEHAVED.replace("sys.exit(0)", "(os.remove(sys.argv[1]), sys.exit(0))"), str(book))
    [target] = start(launch)
    identity = processes.identity_of(target.pgid)
    assert identity is not None
    record = ServerRecord("joe", pid=identity.pid, started_at=identity.started_at, pgid=target.pgid)
    write_lockfile(book, Lockfile("headlines", servers={"joe": record}))

    ended = halt(["joe"], book, team.state, team="headlines", grace=5)

    assert ended["joe"].ran
    assert not ended["joe"].problem


def test_a_stranger_with_a_recorded_pid_is_left_alone(team: Team) -> None:
    """A pid from the lockfile that is somebody else's by now is never signalled, whatever the grace."""
    with subprocess.Popen([sys.executable, "-c", BEHAVED], stdout=subprocess.PIPE, start_new_session=True) as stranger:
        assert stranger.stdout is not None
        stranger.stdout.readline()
        for grace in (0.0, 0.2):
            [ended] = end_groups([Target("joe", stranger.pid, team.mark("joe"))], grace=grace)
            assert (ended.outcome, ended.pids) == (Outcome.FOREIGN, (stranger.pid,))
        assert stranger.poll() is None
        stranger.kill()


def test_what_ends_just_when_the_next_signal_is_due_has_ended(team: Team) -> None:
    """Of a process that is gone nothing can be proved: it was told as one that survives SIGKILL, or as a stranger."""
    with subprocess.Popen([sys.executable, "-c", ""], start_new_session=True) as ended:
        ended.wait()
        group = _Group(Target("joe", ended.pid, team.mark("joe")), members={ended.pid: None})
        group.begin(now=0.0, grace=1.0)
        assert group.outcome is Outcome.GONE
        group = _Group(group.target, members={ended.pid: None}, sent=signal.SIGINT)
        group.escalate(now=1.0, grace=1.0)
        assert group.outcome is None


def test_our_own_group_is_never_signalled(team: Team) -> None:
    """Nor are the numbers that the kernel reads as "everybody"."""
    for pgid in (os.getpgrp(), 0, 1, -1):
        [ended] = end_groups([Target("joe", pgid, team.mark("joe"))], grace=0)
        assert ended.outcome in (Outcome.FOREIGN, Outcome.GONE)


SLOW_EXIT = BEHAVED.replace("sys.exit(0)", "(time.sleep(2), os._exit(0))")


@pytest.mark.alone
def test_many_servers_end_in_the_time_of_the_slowest(team: Team, start) -> None:  # type: ignore[no-untyped-def]
    """16 servers that take 2 s each to end are gone after little more than that."""
    targets = start(*[team.script(f"a{number}", SLOW_EXIT) for number in range(16)])
    began = time.monotonic()
    ended = end_groups(targets)
    assert time.monotonic() - began < 2 * 1.3 + 0.2
    assert {each.outcome for each in ended} == {Outcome.INTERRUPTED}
    assert [each.name for each in ended] == [each.name for each in targets]
