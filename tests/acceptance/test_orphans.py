"""No process and no port is left behind after a stop, whatever became of the server (S11)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from prodigy_team.servers import processes
from prodigy_team.servers.alive import is_held
from support import eventually
from team_support import Project, a_project, give, pull


@pytest.fixture
def stubborn(tmp_path: Path, standin_python: Path) -> Iterator[Project]:
    """A server with a child that ignores INT and TERM and holds the listening socket too."""
    with a_project(tmp_path, engine="prodigy") as found:
        found.write_roster(("joe",), team=f'python = "{standin_python}"', task='env = { STANDIN_STUBBORN = "1" }')
        found.run("up")
        yield found


def group(project: Project) -> list[int]:
    """Every process of the server's group."""
    return processes.group_members(project.record()["servers"][0]["pgid"])


def test_stop_ends_a_child_that_ignores_signals(stubborn: Project) -> None:
    assert len(group(stubborn)) == 2
    done = stubborn.run("stop", "--grace", "3")
    assert "is free" in done.stdout
    assert stubborn.marked() == {}
    assert stubborn.listeners() == []
    assert stubborn.entries("up")["joe"]["state"] == "running"


@pytest.mark.parametrize("damage", ["none", "lockfile"])
def test_a_child_that_outlives_its_killed_server_is_ended(stubborn: Project, damage: str) -> None:
    leader = stubborn.pids()["joe"]
    os.kill(leader, signal.SIGKILL)
    eventually(lambda: processes.identity_of(leader) is None)
    [child] = stubborn.marked()["joe"]
    assert stubborn.listeners()  # it goes on holding the port
    if damage == "lockfile":
        stubborn.lockfile.write_text("")
    assert stubborn.states()["joe"] in ("stale", "stopped")
    stubborn.run("stop", "--grace", "2")
    assert processes.identity_of(child) is None
    assert stubborn.listeners() == []
    assert stubborn.entries("up")["joe"]["state"] == "running"


def test_nothing_is_put_back_or_erased_under_a_child_that_may_still_write(stubborn: Project) -> None:
    name = stubborn.json("backup")["path"]
    leader = stubborn.pids()["joe"]
    os.kill(leader, signal.SIGKILL)
    eventually(lambda: processes.identity_of(leader) is None)

    for command in (("restore", name), ("erase", "joe", "--yes")):
        assert "joe runs" in stubborn.run(*command, code=1).stderr, command


@pytest.mark.parametrize("command", [("up",), ("up", "--revive")])
def test_up_clears_away_what_a_killed_server_left(stubborn: Project, command: tuple[str, ...]) -> None:
    leader = stubborn.pids()["joe"]
    os.kill(leader, signal.SIGKILL)
    eventually(lambda: processes.identity_of(leader) is None)
    [child] = stubborn.marked()["joe"]
    stubborn.run(*command)
    assert processes.identity_of(child) is None
    assert stubborn.states() == {"joe": "running"}
    assert len(group(stubborn)) == 2


def test_a_save_in_flight_is_stored_before_the_server_ends(tmp_path: Path, standin_python: Path) -> None:
    with a_project(tmp_path, engine="prodigy") as team:
        gate = tmp_path / "gate"
        os.mkfifo(gate)
        env = f'env = {{ STANDIN_SAVE_GATE = "{gate}" }}'
        team.write_roster(("joe",), team=f'python = "{standin_python}"', task=env)
        team.run("up")
        statuses: list[int] = []
        with team.client("joe") as client:
            session = "headlines_joe-joe"
            tasks = pull(client, session)[:5]
            saving = threading.Thread(target=lambda: statuses.append(give(client, tasks, session).status_code))
            saving.start()
            with gate.open("wb"):  # opened once the save has begun; it goes on when this is closed
                stopping = team.begin("stop", "--force")
                eventually(lambda: not team.listeners(), message="a server that has heard the signal")
            saving.join()
            assert stopping.wait(60) == 0
        assert statuses == [200]
        assert team.status()["joe"]["answers"] == 5
        assert team.listeners() == []
        assert team.entries("up")["joe"]["state"] == "running"


def test_an_embedded_server_leaves_nothing(project: Project) -> None:
    project.run("up")
    pids = list(project.pids().values())
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not project.marked())
    done = project.run("stop")
    assert "was not running" in done.stdout
    assert project.listeners() == []
    project.run("up")
    assert set(project.states().values()) == {"running"}


def test_what_left_its_group_is_found_by_its_mark(project: Project) -> None:
    project.run("up", "joe")
    alive = project.state / "servers" / "joe.alive"
    code = f"import fcntl, signal; f = open({str(alive)!r}, 'r+'); fcntl.flock(f, fcntl.LOCK_EX); signal.pause()"
    joe = project.pids()["joe"]
    os.kill(joe, signal.SIGKILL)
    eventually(lambda: not project.marked())
    mark = f'{{"team": "headlines", "name": "joe", "state": "{project.state}"}}'
    environ = dict(project.environ, PRODIGY_TEAM_SERVER=mark)
    runaway = subprocess.Popen([sys.executable, "-c", code], env=environ, start_new_session=True)
    project.strangers.append(runaway)
    eventually(lambda: project.marked().get("joe") == [runaway.pid] and is_held(alive))
    assert project.states()["joe"] == "stale"
    project.run("stop", "joe", "--grace", "2")
    assert runaway.wait(30) < 0
    assert project.entries("up", "joe")["joe"]["state"] == "running"


def test_a_child_in_a_session_of_its_own_is_ended_and_an_older_process_only_named(
    tmp_path: Path, standin_python: Path
) -> None:
    """The mark tells whose it is; only what is no older than the server can have been started by it."""
    with a_project(tmp_path, engine="prodigy") as team:
        mark = json.dumps({"team": "headlines", "name": "joe", "state": str(team.state)})
        environ = dict(team.environ, PRODIGY_TEAM_SERVER=mark)
        older = subprocess.Popen(["sleep", "600"], env=environ, start_new_session=True)
        team.strangers.append(older)
        team.write_roster(("joe",), team=f'python = "{standin_python}"', task='env = { STANDIN_RUNAWAY = "1" }')
        team.run("up")
        leader = team.pids()["joe"]
        [child] = set(team.marked()["joe"]) - {leader, older.pid}
        assert processes.group_of(child) != processes.group_of(leader)

        [joe] = team.entries("stop").values()

        assert processes.identity_of(child) is None
        assert older.poll() is None
        assert (joe["state"], str(older.pid) in joe["detail"]) == ("stopped", True)
