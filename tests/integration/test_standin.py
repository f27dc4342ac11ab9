"""A server on the `prodigy` engine, end to end against the stand-in: planned, started, asked, saved to, ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from databases import ask
from prodigy_team.roster import load_roster
from prodigy_team.servers import alive, logs, ports, processes, readiness
from prodigy_team.servers.ending import Ended, Outcome, Target, end_groups
from prodigy_team.servers.engines import PRODIGY, plan_server
from prodigy_team.servers.processes import Mark
from prodigy_team.servers.runners.base import Launch
from prodigy_team.servers.runners.local import LocalRunner, LocalRunning
from server_support import Team, team
from standin_fixture import VERSION, standin_python
from support import eventually, free_ports

__all__ = ["standin_python", "team"]


class Server:
    """One started server and what its test needs of it."""

    def __init__(self, team: Team, launch: Launch, running: LocalRunning) -> None:
        self.plan, self.mark, self.running = launch.plan, launch.mark, running
        [self.started] = running.started
        self.log = launch.log
        self.target = Target(self.plan.name, self.started.pgid, self.mark)
        self.address = (self.plan.host, self.plan.port or 0)
        team.follow([self.started.pgid])

    def wait_until_ready(self) -> None:
        """It answers."""
        eventually(lambda: readiness.probe([self.address]), within=200)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """What it replies to a request."""
        reply = httpx.post(f"http://127.0.0.1:{self.plan.port}{path}", json=body, timeout=100)
        reply.raise_for_status()
        found: dict[str, Any] = reply.json()
        return found


Start = Callable[..., Server]
LONG = 100.0  # seconds; an interrupted server ends at once, but on a busy machine that takes a while


@pytest.fixture
def start(team: Team, standin_python: Path) -> Iterator[Start]:
    """Start joe's server of a roster whose `python` has the stand-in."""
    runs: list[LocalRunning] = []

    def begin(**env: str) -> Server:
        [port] = free_ports(1)
        (team.folder / "texts.jsonl").write_text("".join(f'{{"text": "Text {n}"}}\n' for n in (1, 2, 2, 3)))
        variables = ", ".join(f"{name} = {json.dumps(value)}" for name, value in env.items())
        (team.folder / "team.toml").write_text(
            f'[team]\nname = "headlines"\npython = "{standin_python}"\n'
            '[task]\nrecipe = "ner.manual"\nmodel = "blank:en"\nsource = "texts.jsonl"\nlabels = ["A", "B"]\n'
            f'[[annotator]]\nname = "joe"\nport = {port}\nenv = {{ {variables} }}\n[prodigy]\nbatch_size = 2\n'
        )
        roster = load_roster(team.folder / "team.toml", os.environ)
        plan = plan_server(roster, roster.servers[0], engine=PRODIGY, environ=os.environ)
        mark = Mark(roster.name, "joe", roster.state)
        held = alive.acquire(mark.alive)
        assert held is not None
        ports.check_free(plan.host, port, annotator="joe")
        launch = Launch(plan, mark, None, held, team.log("joe"), {"PRODIGY_BASIC_AUTH_USER": ""})
        runs.append(LocalRunner(os.environ).start([launch]))
        return Server(team, launch, runs[-1])

    yield begin
    for each in runs:
        each.close()


def test_prodigy_is_started_as_the_contract_says(start: Start, team: Team) -> None:
    """What it was given is what it records; it then serves this annotator, without repeats, until interrupted."""
    record = team.folder / "record.jsonl"
    server = start(STANDIN_RECORD=str(record))
    server.wait_until_ready()

    [seen] = [json.loads(line) for line in record.read_text().splitlines()]
    assert seen["pid"] == server.started.pid
    assert tuple(seen["argv"]) == server.plan.argv
    assert seen["cwd"] == str(team.folder)
    environ = seen["environ"]
    assert environ["PRODIGY_PORT"] == str(server.plan.port)
    assert environ["PRODIGY_ALLOWED_SESSIONS"] == "joe"
    assert json.loads(environ["PRODIGY_CONFIG_OVERRIDES"]) == {"batch_size": 2}
    assert environ["PRODIGY_HOME"] == os.environ["PRODIGY_HOME"]
    assert processes.is_ours(server.started.pid, server.mark)

    assert server.plan.url == f"http://127.0.0.1:{server.plan.port}/?session=joe"
    found = server.post("/get_session_questions", {"session_id": "headlines_joe-joe"})
    assert [task["text"] for task in found["tasks"]] == ["Text 1", "Text 2"]

    [ended] = end_groups([server.target], grace=LONG)
    assert ended.outcome is Outcome.INTERRUPTED
    assert ports.is_free(*server.address)
    assert eventually(server.running.poll_exits)[0].name == "joe"


def test_a_prodigy_that_fails_says_why(start: Start) -> None:
    """Exit code and cause, for the report."""
    server = start(STANDIN_FAIL="3")
    [ended] = eventually(server.running.poll_exits, within=200)
    assert ended.code == 3
    cause = logs.last_cause(server.log, since=server.started.log_offset)
    assert cause == "OSError: [E050] Can't find model 'en_core_web_md'."


def sleeping(start: Start, team: Team) -> Server:
    """A server that takes its time to bind its port, and does nothing else any more: an interrupt ends it at once."""
    record = team.folder / "record.jsonl"
    server = start(STANDIN_SLOW="600", STANDIN_RECORD=str(record))
    eventually(lambda: record.exists() and record.read_bytes().endswith(b"\n"), within=200)
    return server


def test_a_slow_start_is_no_readiness(start: Start, team: Team) -> None:
    """It lives, but nobody answers yet."""
    server = sleeping(start, team)
    assert processes.is_alive(server.started.identity)
    assert readiness.probe([server.address], timeout=0.2) == frozenset()
    assert end_groups([server.target], grace=LONG)[0].outcome is Outcome.INTERRUPTED


def test_who_starts_in_the_background_starts_servers_that_can_be_interrupted(start: Start, team: Team) -> None:
    """Shells let what runs in the background ignore SIGINT; a server that inherited that would be ended late."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        server = sleeping(start, team)
    finally:
        signal.signal(signal.SIGINT, before)
    assert processes.is_alive(server.started.identity)
    assert end_groups([server.target], grace=LONG)[0].outcome is Outcome.INTERRUPTED


@pytest.mark.parametrize("leader_killed", [False, True])
def test_a_stubborn_child_does_not_keep_the_port(start: Start, leader_killed: bool) -> None:
    """S11: the child inherited the listening socket and ignores INT and TERM."""
    server = start(STANDIN_STUBBORN="1")
    server.wait_until_ready()
    if leader_killed:
        os.kill(server.started.pid, 9)
        eventually(server.running.poll_exits)
        assert not ports.is_free(*server.address)

    [ended] = end_groups([server.target], grace=3)

    assert ended.outcome is Outcome.KILLED
    assert processes.group_members(server.started.pgid) == []
    assert ports.is_free(*server.address)
    assert not alive.is_held(server.mark.alive)


def test_a_save_in_flight_is_stored(start: Start, team: Team) -> None:
    """S11: stopped in the middle of a save that takes long, it finishes the save first."""
    gate = team.folder / "gate"
    os.mkfifo(gate)
    server = start(STANDIN_SAVE_GATE=str(gate))
    server.wait_until_ready()
    [task, *_] = server.post("/get_session_questions", {"session_id": "headlines_joe-joe"})["tasks"]
    answers = {"answers": [task | {"answer": "accept"}], "session_id": "headlines_joe-joe"}
    replies: list[dict[str, Any]] = []
    saving = threading.Thread(target=lambda: replies.append(server.post("/give_answers", answers)))
    found: list[Ended] = []
    ending = threading.Thread(target=lambda: found.extend(end_groups([server.target], grace=LONG)))
    saving.start()
    with gate.open("wb"):  # opened once the save has begun; it goes on when this is closed
        ending.start()
        eventually(lambda: ports.is_free(*server.address), message="an end of listening")
        assert _stored(server) == 0

    saving.join()
    ending.join()
    assert [each.outcome for each in found] == [Outcome.INTERRUPTED]
    assert len(replies) == 1
    assert _stored(server) == 1


def _stored(server: Server) -> int:
    """How many answers its database holds."""
    assert server.plan.database.path is not None
    return int(ask(server.plan.database.path, "SELECT count(*) FROM example")[0][0])


def test_statistics_tell_the_version(standin_python: Path) -> None:
    """`prodigy stats` is how an installation is asked."""
    command = [str(standin_python), "-m", "prodigy", "stats"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "✨  Prodigy Stats" in printed
    assert f"{VERSION}" in next(line for line in printed.splitlines() if line.startswith("Version"))
