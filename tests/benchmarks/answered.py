"""A project whose annotators have answered everything: a roster and a database as Prodigy leaves it."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import mmh3
from measuring import ROOT, environment

sys.path.insert(0, str(ROOT / "tests"))

NAMES = ("joe", "jane", "cy", "dee", "eve", "flo", "gus", "hal")
LABELS = ("BUSINESS", "SPORT", "POLITICS", "CULTURE", "OTHER")
_TEXT = (
    "the market said on Monday that its quarterly profit rose by after new figures from London show how people and "
    "companies in Europe, Asia or America try to “cope” with higher prices – while 東京 waits for the next train"
)
WORDS = _TEXT.split()
TEAM = "bench"


@dataclass(frozen=True)
class Project:
    """Where it lies.

    Attributes:
        people: Number of datasets, one a person.
        answers: In each of them.
    """

    folder: Path
    people: int
    answers: int

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.folder / "answers.db"

    @property
    def datasets(self) -> tuple[str, ...]:
        """By person."""
        return tuple(f"{TEAM}_{name}" for name in NAMES[: self.people])

    @property
    def size_mb(self) -> float:
        """Of the database."""
        return self.database.stat().st_size / 1e6

    @property
    def env(self) -> dict[str, str]:
        """For the commands."""
        return environment(self.folder)

    def command(self, *words: str) -> list[str]:
        """A command line of this package."""
        return [sys.executable, "-m", "prodigy_team", "--roster", str(self.folder / "team.toml"), *words]


@dataclass(frozen=True)
class Ran:
    """What a command took: wall and processor seconds, and the most memory it had resident."""

    seconds: float
    cpu: float
    peak_mb: float


def measure(command: Sequence[str], env: Mapping[str, str], output: Path | None = None) -> Ran:
    """Run a command to its end, its standard output into a file; a failure ends the benchmark."""
    # The peak of a child begins at what its parent had at the fork; a small helper in between keeps ours out of it.
    helper = [
        sys.executable,
        "-I",
        "-S",
        str(Path(__file__).parent / "programs" / "measured.py"),
        str(output or os.devnull),
    ]
    done = subprocess.run([*helper, *command], env=dict(env), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-1500:]}")
    seconds, cpu, peak = map(float, done.stdout.split())
    return Ran(seconds, cpu, peak)


def make_project(folder: Path, people: int, answers: int) -> Project:
    """Write roster and database; a database of this size that is there already is used."""
    if not 2 <= people <= len(NAMES):
        raise SystemExit(f"2 to {len(NAMES)} people")
    project = Project(folder, people, answers)
    roster = [
        f'[team]\nname = "{TEAM}"\nengine = "embedded"\ndatabase = "answers.db"',
        '[task]\nrecipe = "mark"\nsource = "source.jsonl"\nview_id = "classification"',
        *(f'[[annotator]]\nname = "{name}"' for name in NAMES[:people]),
    ]
    (folder / "team.toml").write_text("\n".join(roster) + "\n", encoding="utf-8")
    (folder / "source.jsonl").write_text('{"text":"a"}\n', encoding="utf-8")
    marker = folder / f"made-{people}-{answers}"
    if not marker.exists():
        project.database.unlink(missing_ok=True)
        _fill(project)
        marker.touch()
    return project


def _fill(project: Project) -> None:
    from databases import make_prodigy_database

    make_prodigy_database(project.database)
    with closing(sqlite3.connect(project.database, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        for number, dataset in enumerate(project.datasets, 1):
            connection.execute("INSERT INTO dataset VALUES (?, ?, 1700000000, '{}', 0)", (number, dataset))
            first = (number - 1) * project.answers + 1
            connection.executemany(
                "INSERT INTO example (input_hash, task_hash, content) VALUES (?, ?, ?)", _answers(project, number)
            )
            ids = ((each, number) for each in range(first, first + project.answers))
            connection.executemany("INSERT INTO link (example_id, dataset_id) VALUES (?, ?)", ids)
        connection.execute("COMMIT")
        connection.execute("ANALYZE")


def _answers(project: Project, person: int) -> Iterator[tuple[int, int, bytes]]:
    """One person's answers to all tasks, in an order of their own: four in five as everybody, one in twenty ignored."""
    name, dataset = NAMES[person - 1], project.datasets[person - 1]
    chance, order = random.Random(f"{person}"), list(range(project.answers))
    chance.shuffle(order)
    for at, number in enumerate(order):
        input_hash, task_hash, shown = _task(number)
        drawn = chance.random()
        agreed, other = ("accept", "reject") if number % 3 else ("reject", "accept")
        answer = agreed if drawn < 0.8 else other if drawn < 0.95 else "ignore"
        content = (
            f'{{{shown},"_input_hash":{input_hash},"_task_hash":{task_hash},"_view_id":"classification",'
            f'"answer":"{answer}","_timestamp":{1_700_000_000 + at},"_annotator_id":"{dataset}-{name}",'
            f'"_session_id":"{dataset}-{name}"}}'
        )
        yield input_hash, task_hash, content.encode()


def _task(number: int) -> tuple[int, int, str]:
    """Both hashes and the beginning of the JSON: the same for everybody."""
    chance = random.Random(number)
    text = " ".join(chance.choices(WORDS, k=26)) + f" {number}"
    label = LABELS[number % len(LABELS)]
    meta = f'"meta":{{"source":"The Daily Example","section":"{number % 40}"}}'
    first = mmh3.hash(text)
    return first, mmh3.hash(f"{first}{label}"), f'"text":"{text}",{meta},"label":"{label}"'


if __name__ == "__main__":
    start = time.perf_counter()
    made = make_project(Path(sys.argv[1]), 4, int(sys.argv[2]))
    print(f"{made.size_mb:.0f} MB in {time.perf_counter() - start:.1f} s")
