"""A team on disk without servers: a roster, a source, and answers stored as the embedded engine stores them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from databases import Database, compact
from prodigy_team.cli.main import run
from prodigy_team.store import NewAnswer, Store, open_store
from prodigy_team.tasks import identity, with_hashes


def text(number: int) -> dict[str, Any]:
    """A task of the source."""
    return {"text": f"text {number}"}


@dataclass
class Team:
    """A folder with a roster."""

    folder: Path
    capture: pytest.CaptureFixture[str]

    @property
    def database(self) -> Path:
        return self.folder / "answers.db"

    def write(
        self,
        people: Mapping[str, str] | Iterable[str],
        *,
        tasks: Iterable[Mapping[str, Any] | str] | int = 10,
        routing: str | None = "annotations_per_task = 1.2",
        task: str = "",
        more: str = "",
    ) -> None:
        """Write roster and source; a task that is a string becomes a line as it is."""
        lines = [text(number) for number in range(tasks)] if isinstance(tasks, int) else list(tasks)
        content = [each if isinstance(each, str) else json.dumps(each) for each in lines]
        (self.folder / "source.jsonl").write_text("".join(f"{line}\n" for line in content))
        named = dict(people) if isinstance(people, Mapping) else dict.fromkeys(people, "")
        annotators = "".join(f'[[annotator]]\nname = "{name}"\n{keys}\n' for name, keys in named.items())
        (self.folder / "team.toml").write_text(
            '[team]\nname = "headlines"\nengine = "embedded"\ndatabase = "answers.db"\n'
            f'[task]\nrecipe = "textcat.manual"\nlabels = ["A", "B"]\nsource = "source.jsonl"\n{task}\n{annotators}'
            + ("" if routing is None else f"[routing]\n{routing}\n")
            + more
        )

    def store(self) -> Any:
        """The answers' database, opened to write."""
        return closing(open_store(Database("sqlite", self.database), write=True, create=True))

    def answer(self, name: str, *tasks: int | Mapping[str, Any], into: str | None = None, **more: Any) -> None:
        """Store somebody's answers, each a row of its own; ``more`` goes into each."""
        dataset = into or f"headlines_{name}"
        with self.store() as store:
            store.ensure_dataset(dataset, team="headlines")
            store.append(dataset, [[stored(dataset, name, each, more)] for each in tasks])

    def routed(self, dataset: str, person: str, pool: str) -> None:
        """Register a dataset as servers do whose tasks are dealt out."""
        from prodigy_team.store.base import Routed

        with self.store() as store:
            store.register_routed("headlines", "textcat.manual", [Routed(pool, dataset, person)])

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run a command in this process and return what it prints on stdout."""
        self.capture.readouterr()
        found = run(["-f", str(self.folder / "team.toml"), *arguments])
        said = self.capture.readouterr()
        assert found == code, said.err
        self.errors = said.err
        return said.out

    def json(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """The object a command prints."""
        found: dict[str, Any] = json.loads(self.run(*arguments, "--json", code=code))
        return found

    def pool(self, *arguments: str) -> dict[str, Any]:
        """What a command says of the only pool."""
        (found,) = self.json(*arguments)["pools"]
        assert isinstance(found, dict)
        return found


def stored(dataset: str, name: str, task: int | Mapping[str, Any], more: Mapping[str, Any]) -> NewAnswer:
    """An answer as the embedded engine stores it."""
    question = with_hashes(text(task) if isinstance(task, int) else dict(task))
    owner = f"{dataset}-{name}"
    content = {"answer": "accept", **question, **more, "_annotator_id": owner, "_session_id": owner}
    return NewAnswer(
        compact(content),
        question["_input_hash"],
        question["_task_hash"],
        owner,
        identity(question, "input"),
        more.get("_answer_id"),
        more.get("_replaces"),
    )


@pytest.fixture
def team(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Team:
    """A folder; nothing outside it is looked at."""
    monkeypatch.setenv("PRODIGY_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PRODIGY_TEAM_ROSTER", raising=False)
    return Team(tmp_path, capsys)


__all__ = ["Store", "Team", "stored", "team", "text"]
