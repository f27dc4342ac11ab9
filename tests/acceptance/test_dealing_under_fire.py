"""Eight servers of four people each, killed at any moment: every task gets exactly its people, and nothing is lost."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

from dealing_support import Crew, Somebody, answered, given
from support import eventually
from team_support import Project, a_project

Done = TypeVar("Done")

SERVERS, PEOPLE = 8, 32
NAMES = [f"p{number}" for number in range(PEOPLE)]
TEAM = {f"s{number}": NAMES[number::SERVERS] for number in range(SERVERS)}
SERVER_OF = {name: server for server, names in TEAM.items() for name in names}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Servers that are brought up by the test; each person's lease outlasts it, so no answer is a late one."""
    with a_project(tmp_path) as found:
        yield found


def write_team(project: Project, *, tasks: int, wanted: str) -> None:
    """The roster of all servers, and so many tasks."""
    listed = {server: ", ".join(f'"{name}"' for name in names) for server, names in TEAM.items()}
    servers = "".join(f'[[server]]\nname = "{server}"\nannotators = [{names}]\n' for server, names in listed.items())
    routing = f'[routing]\nannotations_per_task = {wanted}\nlease = "1h"\n'
    project.write_source(tasks)
    project.write_roster((), more=f"{servers}{routing}[prodigy]\nbatch_size = 5\n")


class Crowd:
    """Everybody at work at once; whoever's server is dead asks it again until it answers.

    Attributes:
        ceiling: With so many answers acknowledged they pause, so that nobody is done before a server is killed.
        acknowledged: (who, text) of every answer that was told to be stored.
        broken: What went wrong for somebody, other than that a server was not there.
    """

    def __init__(self, people: list[Somebody]) -> None:
        self.ceiling = 0
        self.acknowledged: set[tuple[str, str]] = set()
        self.broken: list[str] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(each,)) for each in people]

    def __enter__(self) -> Crowd:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for each in self._threads:
            each.join()

    def has(self, count: int) -> bool:
        """Whether so many answers are acknowledged; what went wrong meanwhile fails the test at once."""
        assert not self.broken
        return len(self.acknowledged) >= count

    def _work(self, person: Somebody) -> None:
        try:
            while not self._over.is_set():
                if len(self.acknowledged) >= self.ceiling or not (person.queue or self._pull(person)):
                    self._over.wait(0.02)
                else:
                    self._answer(person)
        except Exception as error:
            self.broken.append(f"{person.name}: {error!r}")

    def _pull(self, person: Somebody) -> bool:
        self._insist(person.pull)
        assert not self.acknowledged & {(person.name, task["text"]) for task in person.queue}, "asked again"
        return bool(person.queue)

    def _answer(self, person: Somebody) -> None:
        queue = list(person.queue)

        def give_first() -> int:
            person.queue = list(queue)
            return person.give(1)

        if self._insist(give_first):
            self.acknowledged.add((person.name, queue[0]["text"]))

    def _insist(self, ask: Callable[[], Done]) -> Done | None:
        while not self._over.is_set():
            try:
                return ask()
            except httpx.TransportError:
                self._over.wait(0.02)
        return None


def kill_and_revive(project: Project, crowd: Crowd, *, at: int, servers: list[str]) -> None:
    """Servers that die in the middle of whatever they do, and are brought back as cron does it."""
    eventually(lambda: crowd.has(at), within=200)
    project.kill(*servers)
    project.run("up", "--revive", "--quiet")


@pytest.mark.alone
@pytest.mark.parametrize(("tasks", "rounds", "killed"), [(120, 1, 3), pytest.param(3000, 6, 2, marks=pytest.mark.long)])
def test_every_task_gets_exactly_its_people_whichever_servers_are_killed(
    project: Project, tasks: int, rounds: int, killed: int
) -> None:
    write_team(project, tasks=tasks, wanted="2.3")
    total, dice = tasks * 23 // 10, random.Random(7)
    project.run("up")
    with Crew(project, NAMES, shared=SERVER_OF) as crew:
        with Crowd(list(crew.people.values())) as crowd:
            for number in range(1, rounds + 1):
                crowd.ceiling = total * (number + 1) // (rounds + 1)
                doomed = dice.sample(sorted(TEAM), killed)
                kill_and_revive(project, crowd, at=total * number // (rounds + 1), servers=doomed)
            eventually(lambda: crowd.has(total), within=200)
        assert not any(crew[name].pull() for name in NAMES)
    assert Counter(answered(project).values()) == {2: tasks * 7 // 10, 3: tasks * 3 // 10}
    assert crowd.acknowledged == {(name.rpartition("-")[2], text) for name, text in given(project)}
