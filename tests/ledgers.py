"""A small world for tests of the ledger: a source, an answers' database, people, a clock that is moved by hand."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from databases import Database, ask, compact
from prodigy_team.allocation.ledger import Ledger, Pull
from prodigy_team.allocation.rules import Person, Rules, pool_name
from prodigy_team.sources import SourceIndex, SourceReader, index_source
from prodigy_team.store import NewAnswer, Store, open_store
from prodigy_team.tasks import identity, with_hashes

RECIPE = "textcat.manual"


@dataclass
class World:
    """Everything that lies on disk, and the time."""

    folder: Path
    time: float = 1_000_000.0
    ledgers: list[Ledger] = field(default_factory=list)

    @property
    def source(self) -> Path:
        return self.folder / "source.jsonl"

    @property
    def database(self) -> Path:
        return self.folder / "prodigy.db"

    @property
    def path(self) -> Path:
        return self.folder / "ledger.db"

    def write(self, tasks: Iterable[str | dict[str, Any]]) -> None:
        """Write the source."""
        lines = [each if isinstance(each, dict) else {"text": each} for each in tasks]
        self.source.write_text("".join(json.dumps(each) + "\n" for each in lines), encoding="utf-8")

    def index(self, source: Path | None = None) -> SourceIndex:
        """Of the source as it stands."""
        return index_source(str(source or self.source), by="task", folder=self.folder / "index")

    def rules(self, *names: str, k: str = "1", people: Iterable[Person] = (), **more: Any) -> Rules:
        """One server and dataset for each person."""
        everybody = (*(person(name) for name in names), *people)
        wanted: Any = k if k == "all" else Decimal(k)
        name = pool_name(RECIPE, str(self.source), "task")
        return Rules(name, "headlines", RECIPE, str(self.source), "", everybody, wanted, **more)

    def open_store(self) -> Store:
        return open_store(Database("sqlite", self.database), write=True, create=True)

    def ledger(self, rules: Rules | None = None, **more: Any) -> Ledger:
        """A ledger as one process opens it, in line with the rules."""
        ledger = Ledger(self.path, store=self.open_store, identify=self.identify, now=lambda: self.time)
        self.ledgers.append(ledger)
        if rules is not None:
            ledger.sync(rules, self.index(), **more)
        return ledger

    def identify(self, content: bytes) -> tuple[str, bytes] | None:
        """As servers do it: who is in the answer, the task by what is asked."""
        answer = json.loads(content)
        owner = answer.get("_annotator_id")
        with SourceReader(self.index()) as reader:
            found = reader.find(answer)
        return None if found is None or owner is None else (owner, found)

    def answer(self, name: str, *texts: str, dataset: str | None = None) -> None:
        """Store somebody's answers as an embedded server does."""
        into = dataset or f"headlines_{name}"
        with self.open_store_once() as store:
            store.append(into, [[new_answer(into, name, text)] for text in texts])

    def open_store_once(self) -> Any:
        from contextlib import closing

        return closing(self.open_store())

    def close(self) -> None:
        for ledger in self.ledgers:
            ledger.close()


def person(name: str, **more: Any) -> Person:
    """Somebody with a server and a dataset of their own."""
    return Person(name, f"headlines_{name}", name, **more)


def new_answer(dataset: str, name: str, text: str | dict[str, Any]) -> NewAnswer:
    """An answer as an embedded server stores it."""
    task = with_hashes(text if isinstance(text, dict) else {"text": text})
    owner = f"{dataset}-{name}"
    content = compact({**task, "answer": "accept", "_annotator_id": owner, "_session_id": owner})
    return NewAnswer(content, task["_input_hash"], task["_task_hash"], owner, known(text))


def known(text: str | dict[str, Any]) -> bytes:
    """The identity of a task."""
    return identity(text if isinstance(text, dict) else {"text": text}, "task")


def texts(count: int, start: int = 0) -> list[str]:
    """So many different texts."""
    return [f"Headline number {number}" for number in range(start, start + count)]


def places(pull: Pull) -> list[int]:
    """Where the tasks lie that were given."""
    return [lease.place for lease in pull.leases]


def work(
    world: World, ledger: Ledger, name: str, *, most: int = 10**6, count: int = 10, screen: str | None = None
) -> int:
    """Let somebody answer what they get until nothing comes, or so many; returns how many they answered."""
    done = 0
    by_place = dict(enumerate(source_texts(world), 1))
    while done < most and (leases := ledger.pull(name, count=min(count, most - done), screen=screen).leases):
        world.answer(name, *(by_place[lease.place] for lease in leases))
        done += len(leases)
    return done


def source_texts(world: World) -> list[str]:
    """What the source asks."""
    return [json.loads(line)["text"] for line in world.source.read_text(encoding="utf-8").splitlines()]


def people_per_task(world: World) -> Counter[int]:
    """How many tasks have how many different people's answers."""
    rows = ask(
        world.database,
        "SELECT count(DISTINCT annotator) FROM prodigy_team_answer AS answer "
        "JOIN prodigy_team_dataset AS indexed ON indexed.id = answer.dataset AND indexed.name IS NOT NULL "
        "GROUP BY identity",
    )
    return Counter(count for (count,) in rows)
