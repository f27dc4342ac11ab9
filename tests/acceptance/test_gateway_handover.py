"""A gateway is restarted while people work: nobody is sent away; and what is killed half-way is mended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections import Counter
from dataclasses import replace

import aiohttp
import httpx
import pytest

from prodigy_team.servers import alive, processes
from prodigy_team.servers.supervisor import Supervisor
from support import eventually, free_ports, open_files
from team_support import Project

REQUESTS = 2_400


@pytest.fixture
def port(project: Project) -> int:
    """Where the gateway of a project of one listens."""
    (port,) = free_ports(1)
    project.write_roster(("joe",), more=f"[gateway]\nport = {port}\n")
    project.run("up")
    return port


class Load:
    """Clients that ask again and again: half of them on one connection each, the others on a new one each time."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: Counter[str] = Counter()
        self.over = asyncio.Event()

    async def keep_asking(self, clients: int = 8) -> None:
        await asyncio.gather(*(self._client(place % 2 == 0) for place in range(clients)))

    async def _client(self, keeps: bool) -> None:
        connector = aiohttp.TCPConnector(force_close=not keeps)
        async with aiohttp.ClientSession(connector=connector) as session:
            while not self.over.is_set():
                try:
                    async with session.get(self.url) as reply:
                        await reply.read()
                        self.answers[str(reply.status)] += 1
                except (aiohttp.ClientError, OSError) as error:
                    self.answers[repr(error)] += 1
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self.over.wait(), 0.002)


async def restart_under_load(project: Project, url: str) -> tuple[Counter[str], float]:
    """What clients were answered, and how long the restart took."""
    load = Load(url)
    asking = asyncio.ensure_future(load.keep_asking())
    began = time.monotonic()
    done = await asyncio.to_thread(project.entries, "restart", "gateway")
    seconds = time.monotonic() - began
    assert (done["gateway"]["action"], done["gateway"]["state"]) == ("restart", "running")
    await asyncio.to_thread(eventually, lambda: load.answers.total() >= REQUESTS, within=200)
    load.over.set()
    await asking
    return load.answers, seconds


def test_a_planned_restart_fails_no_request(project: Project, port: int) -> None:
    before = project.pids()["gateway"]
    answers, _ = asyncio.run(restart_under_load(project, f"http://127.0.0.1:{port}/healthz"))
    assert set(answers) == {"200"}, answers
    assert answers["200"] >= REQUESTS
    after = project.pids()["gateway"]
    assert after != before
    assert project.marked()["gateway"] == [after]
    eventually(lambda: processes.identity_of(before) is None, message="the old one's end")
    assert alive.read(project.state / "servers" / "gateway.alive")["pid"] == after

    project.write_roster(("joe", "jane"), more=f"[gateway]\nport = {port}\n")
    entry = project.entries("up")["gateway"]
    assert (entry["action"], entry["changed"]) == ("restart", ["annotators", "servers"])
    assert entry["state"] == "running"
    assert project.entries("up")["gateway"]["action"] == "keep"

    project.kill("gateway")
    assert project.entries("up")["gateway"]["state"] == "running"


@pytest.mark.usefixtures("port")
@pytest.mark.parametrize("victim", ["command", "old", "successor"])
def test_whatever_is_killed_in_the_middle_of_it_is_mended(project: Project, victim: str) -> None:
    old = project.pids()["gateway"]
    os.kill(old, signal.SIGSTOP)  # the successor waits for it: however late its end comes, it is in the middle
    command = project.begin("restart", "gateway")
    found = eventually(lambda: set(gateways(project)) - {old}, message="a successor")
    killed = {"command": command.pid, "old": old, "successor": found.pop()}[victim]
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: processes.identity_of(killed) is None, message="its end")
    if victim != "old":
        os.kill(old, signal.SIGCONT)
    command.wait(120)
    eventually(lambda: len(gateways(project)) == 1, message="one gateway")
    project.run("up")
    states = project.status()
    assert states["gateway"]["state"] == "running", states
    assert project.marked()["gateway"] == [states["gateway"]["pid"]]


@pytest.mark.usefixtures("port")
def test_two_restarts_at_once_leave_one_gateway(project: Project) -> None:
    """A second successor would go on beside the first, at the same address and on no record."""
    commands = [project.begin("restart", "gateway") for _ in range(2)]
    assert [each.wait(120) for each in commands] == [0, 0]
    eventually(lambda: len(gateways(project)) == 1, message="one gateway")
    assert project.marked()["gateway"] == [project.pids()["gateway"]]
    assert project.states()["gateway"] == "running"


@pytest.mark.usefixtures("port")
def test_a_restart_has_succeeded_though_another_follows_before_it_looks(project: Project) -> None:
    """What it started has handed over and ended by then."""
    old = project.pids()["gateway"]
    paused: list[float] = []

    def pause(seconds: float) -> None:
        paused.append(seconds)
        if len(paused) == 1:
            first = eventually(lambda: serving(project, but=old))
            project.run("restart", "gateway")
            eventually(lambda: processes.identity_of(first) is None)

    supervisor = replace(Supervisor.for_roster(project.roster, project.environ), pause=pause)
    [entry] = supervisor.restart(("gateway",)).entries
    assert paused
    assert (entry.action, entry.problem) == ("restart", "")
    assert project.marked()["gateway"] == [project.pids()["gateway"]]


def serving(project: Project, *, but: int) -> int | None:
    """The gateway that has said that it serves, unless it is that one."""
    found: int | None = alive.read(project.state / "servers" / "gateway.alive").get("pid")
    return None if found == but else found


@pytest.mark.usefixtures("port")
def test_a_gateway_that_can_hand_nothing_over_serves_and_is_restarted(project: Project) -> None:
    """Its state lies where there are no sockets, or under a path that is too long for one."""
    project.run("stop", "gateway")
    door = project.state / "gateway.sock"
    door.unlink(missing_ok=True)
    door.mkdir()
    project.run("up")
    before = project.pids()["gateway"]
    project.run("restart", "gateway")
    assert project.states()["gateway"] == "running"
    assert project.pids()["gateway"] != before


def gateways(project: Project) -> list[int]:
    """Every process that is a gateway of this project, also one that has just been executed."""
    return [pid for pid in project.marked().get("gateway", []) if pid]


@pytest.mark.alone
def test_a_killed_gateway_is_back_within_two_seconds_under_watch(project: Project, port: int) -> None:
    watcher = project.begin("watch", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    eventually(lambda: project.states() == {"gateway": "running", "joe": "asleep"})
    eventually(lambda: hears_an_end(watcher.pid), message="a watch that listens")
    os.kill(project.pids()["gateway"], signal.SIGKILL)
    began = time.monotonic()
    eventually(lambda: answers(port), message="a gateway that answers")
    assert time.monotonic() - began < 2
    watcher.send_signal(signal.SIGTERM)
    assert watcher.wait(60) == 0
    assert project.states()["gateway"] == "running"


def hears_an_end(pid: int) -> bool:
    """Whether a process waits for the end of another."""
    return any("pidfd" in each for each in open_files(pid))


def answers(port: int) -> bool:
    """Whether the gateway answers."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False, timeout=1).status_code == 200
    except httpx.HTTPError:
        return False
