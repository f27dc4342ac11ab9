"""Many processes claim and answer at once, and are killed at any moment: the numbers come out exact."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from databases import ask
from ledgers import World, people_per_task, texts
from support import ROOT, eventually

PEOPLE = [f"person{number}" for number in range(32)]
PROCESSES = 8


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


class Crew:
    """Processes with four people each, started again when they are killed."""

    def __init__(self, world: World, k: str, batch: int) -> None:
        self._world, self._k, self._batch = world, k, batch
        self._printed: list[Path] = []
        self.processes = [self._start(number) for number in range(PROCESSES)]

    def _start(self, number: int) -> subprocess.Popen[bytes]:
        ours = ",".join(PEOPLE[number::PROCESSES])
        program = [sys.executable, str(ROOT / "tests" / "claimer.py")]
        arguments = [str(self._world.folder), self._k, str(self._batch), ",".join(PEOPLE), ours]
        env = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT / 'tests'}"}
        # A file for each process: a kill may cut its last line anywhere, and the next one would write on behind it.
        self._printed.append(self._world.folder / f"acknowledged-{len(self._printed)}.txt")
        with self._printed[-1].open("wb") as file:
            return subprocess.Popen([*program, *arguments], stdout=file, env=env)

    def kill(self, number: int) -> bool:
        """Kill one in the middle and start it again; False where it had ended by itself."""
        process = self.processes[number]
        process.kill()
        if process.wait() == 0:
            return False
        self.processes[number] = self._start(number)
        return True

    def all_ended(self) -> bool:
        """Whether everybody got all they can."""
        return all(process.poll() is not None for process in self.processes)

    def acknowledged(self) -> set[tuple[str, int]]:
        """Who was told that which task is stored; a line that was cut by a kill says nothing."""
        found = set()
        for file in self._printed:
            lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
            found |= {(line.split()[0], int(line.split()[1])) for line in lines if line.endswith("\n")}
        return found

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.mark.alone
@pytest.mark.parametrize(("k", "tasks", "expected"), [("2.3", 600, {2: 420, 3: 180}), ("1", 400, {1: 400})])
def test_every_task_gets_exactly_its_people_whoever_is_killed(
    world: World, k: str, tasks: int, expected: dict[int, int]
) -> None:
    world.write(texts(tasks))
    world.index()
    world.open_store().close()
    crew, dice, kills = Crew(world, k, batch=2), random.Random(4), 0
    try:
        deadline = time.monotonic() + 120
        while not crew.all_ended() and kills < 25 and time.monotonic() < deadline:
            wanted = len(crew.acknowledged()) + dice.randrange(5, 60)
            eventually(lambda: len(crew.acknowledged()) >= wanted or crew.all_ended(), within=60)  # noqa: B023
            kills += crew.kill(dice.randrange(PROCESSES))
        eventually(crew.all_ended, within=120)
        assert [process.returncode for process in crew.processes] == [0] * PROCESSES
        acknowledged = crew.acknowledged()
    finally:
        crew.end()

    assert kills > 3
    assert people_per_task(world) == Counter(expected)
    stored = ask(
        world.database,
        "SELECT annotator, json_extract(CAST(content AS TEXT), '$.text') FROM prodigy_team_answer "
        "JOIN link ON link.id = prodigy_team_answer.link JOIN example ON example.id = link.example_id",
    )
    assert len(stored) == len(set(stored))  # nobody was asked again
    names = {(annotator.rpartition("-")[2], text) for annotator, text in stored}
    assert {(name, texts(tasks)[place - 1]) for name, place in acknowledged} <= names
