"""What tests of servers' processes share: plans of small servers, their launch, and their certain end."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from prodigy_team.servers import alive, ports, processes
from prodigy_team.servers.engines import EMBEDDED, MARK_VARIABLE, PRODIGY, ServerPlan, passed_environment
from prodigy_team.servers.processes import Identity, Mark
from prodigy_team.servers.runners.base import Launch
from prodigy_team.servers.statefolder import log_path
from prodigy_team.settings import Database
from support import free_ports

BEHAVED = """
import os, signal, sys, time
signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
print("here I am", flush=True)
while True: time.sleep(60)
"""
STUBBORN = """
import signal, sys, time
for number in (signal.SIGINT, signal.SIGTERM): signal.signal(number, signal.SIG_IGN)
print("here I am", flush=True)
while True: time.sleep(60)
"""


class Team:
    """A state folder and the servers that a test starts in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / ".prodigy-team"
        (self.state / "logs").mkdir(parents=True)
        self._leaders: dict[int, Identity | None] = {}

    def mark(self, name: str) -> Mark:
        """The mark of a server of this team."""
        return Mark("headlines", name, self.state)

    def log(self, name: str) -> Path:
        """A server's log."""
        return log_path(self.state, name)

    def script(self, name: str, source: str, *arguments: str, env: dict[str, str] | None = None) -> Launch:
        """A server that is a few lines of Python, started as Prodigy is."""
        return self._launch(name, PRODIGY, (sys.executable, "-c", source, *arguments), (), free_ports(1)[0], env or {})

    def embedded(self, name: str, source: Path, **env: str) -> Launch:
        """A server of the embedded engine that annotates a source by `textcat.manual`."""
        argv = ("textcat.manual", f"headlines_{name}", str(source), "--label", "A,B")
        command = (sys.executable, "-m", "prodigy_team.annotate", *argv)
        return self._launch(name, EMBEDDED, command, argv, free_ports(1)[0], env)

    def follow(self, pgids: Sequence[int]) -> None:
        """Have these groups ended with the test."""
        self._leaders |= {pgid: processes.identity_of(pgid) for pgid in pgids}

    def end(self) -> None:
        """End what the test started, and nothing else: a group may be someone else's by now."""
        for pgid, leader in self._leaders.items():
            lives = leader is not None and processes.is_alive(leader)
            marks = map(processes.mark_of, processes.group_members(pgid))
            if lives or any(mark and mark.state == self.state for mark in marks):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pgid, signal.SIGKILL)
            if lives:  # a forked server may not lead its group yet when the test was quick
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pgid, signal.SIGKILL)

    def _launch(
        self, name: str, engine: str, command: tuple[str, ...], argv: tuple[str, ...], port: int, env: dict[str, str]
    ) -> Launch:
        mark = self.mark(name)
        env = {**passed_environment(os.environ), "PYTHONUNBUFFERED": "1", **env}
        env |= {"PRODIGY_HOST": "127.0.0.1", "PRODIGY_PORT": str(port)}
        env[MARK_VARIABLE] = f'{{"team": "{mark.team}", "name": "{name}", "state": "{mark.state}"}}'
        plan = ServerPlan(
            name=name,
            annotators=(name,),
            engine=engine,
            argv=argv,
            command=command,
            env=env,
            cwd=self.folder,
            host="127.0.0.1",
            port=port,
            dataset=f"headlines_{name}",
            url=f"http://127.0.0.1:{port}/",
            database=Database("sqlite", self.folder / "prodigy.db", "a test"),
            spec={},
        )
        listener = ports.bind(plan.host, port, annotator=name) if engine == EMBEDDED else None
        held = alive.acquire(mark.alive)
        assert held is not None, f"{name} is alive already"
        return Launch(plan, mark, listener, held, self.log(name))


@contextlib.contextmanager
def a_team(folder: Path) -> Iterator[Team]:
    """A team whose servers are ended whatever becomes of the test."""
    team = Team(folder)
    try:
        yield team
    finally:
        team.end()


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    """A team whose servers are ended whatever becomes of the test."""
    with a_team(tmp_path) as found:
        yield found
