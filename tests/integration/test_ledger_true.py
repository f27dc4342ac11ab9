"""Whatever happens in whatever order, the ledger says of each task exactly who answered it and who holds it."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from databases import ask, change
from ledgers import World, known, person, source_texts, texts
from prodigy_team.allocation.draw import base, doubled
from prodigy_team.allocation.ledger import Ledger
from prodigy_team.allocation.rules import Rules
from prodigy_team.store import Mark, News, Store, StoreError
from prodigy_team.store.base import Identify
from prodigy_team.store.locking import hold_alone, lock_path
from prodigy_team.store.sqlite import SqliteStore

NAMES = ("joe", "jane", "cy", "ana")


class Walk:
    """A random history of a project."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.dice = world, random.Random(seed)
        self.lines, self.next_line = texts(30), 30
        self.k, self.people, self.order = "1.4", {"joe": False, "jane": False}, "source"
        self.world.write(self.lines)
        self.ledgers = [self.world.ledger(self.rules()) for _ in range(2)]
        self.held: dict[str, list[int]] = {}
        self.events = {
            self.pull: 30,
            self.answer: 20,
            self.confirm: 10,
            self.wait: 4,
            self.edit_people: 4,
            self.edit_source: 4,
            self.edit_k: 3,
            self.delete: 2,
            self.drop: 1,
            self.rebuild: 2,
            self.unlink: 1,
        }

    def rules(self) -> Rules:
        people = [
            person(name, paused=paused, limit=12 if name == "cy" else None) for name, paused in self.people.items()
        ]
        return self.world.rules(people=people, k=self.k, order=self.order)

    @property
    def ledger(self) -> Ledger:
        return self.dice.choice(self.ledgers)

    def step(self) -> None:
        self.dice.choices(list(self.events), list(self.events.values()))[0]()

    def pull(self) -> None:
        name = self.dice.choice(NAMES)
        screen = self.dice.choice([None, f"{name}-1", f"{name}-2"])
        pull = self.ledger.pull(name, count=self.dice.choice([1, 3, 10]), screen=screen)
        found = source_texts(self.world)
        for lease in pull.leases:
            assert known(found[lease.place - 1]) == lease.identity
        self.held.setdefault(name, []).extend(found.index(found[lease.place - 1]) for lease in pull.leases)
        assert pull.leases or pull.outlook.for_me == 0, "nothing left is said though there is"

    def answer(self) -> None:
        name = self.dice.choice(NAMES)
        found = source_texts(self.world)
        given = [at for at in self.held.pop(name, []) if at < len(found)]
        self.world.answer(name, *dict.fromkeys(found[at] for at in given[: self.dice.randrange(1, 12)]))

    def confirm(self) -> None:
        name = self.dice.choice(NAMES)
        shown = [known(text) for text in self.dice.sample(source_texts(self.world), 2)]
        self.ledger.confirm(name, shown, screen=f"{name}-1")

    def wait(self) -> None:
        self.world.time += self.dice.choice([10, 2000])

    def edit_people(self) -> None:
        name = self.dice.choice(NAMES)
        if name in self.people and self.dice.random() < 0.5:
            del self.people[name]
        else:
            self.people[name] = self.dice.random() < 0.2
        self.sync()

    def edit_source(self) -> None:
        new = texts(self.dice.randrange(0, 4), self.next_line)
        self.next_line += len(new)
        gone = self.dice.sample(self.lines, self.dice.randrange(0, 3))
        back = [text for text in texts(5) if text not in self.lines and self.dice.random() < 0.5]
        self.lines = [*new, *(text for text in self.lines if text not in gone), *back]
        self.world.write(self.lines)
        self.sync()

    def edit_k(self) -> None:
        self.k, self.order = self.dice.choice(["1", "1.4", "2", "2.5", "all"]), self.dice.choice(["source", "shuffled"])
        self.sync()

    def sync(self) -> None:
        for ledger in self.ledgers:
            ledger.sync(self.rules(), self.world.index())

    def delete(self) -> None:
        links = [link for (link,) in ask(self.world.database, "SELECT id FROM link ORDER BY id")]
        for link in self.dice.sample(links, min(3, len(links))):
            change(self.world.database, f"DELETE FROM link WHERE id = {link}")

    def drop(self) -> None:
        name = f"headlines_{self.dice.choice(NAMES)}"
        change(
            self.world.database,
            f"DELETE FROM link WHERE dataset_id = (SELECT id FROM dataset WHERE name = '{name}')",
            f"DELETE FROM dataset WHERE name = '{name}'",
        )

    def rebuild(self) -> None:
        self.ledger.rebuild()

    def unlink(self) -> None:
        self.world.path.unlink()

    def check(self) -> None:
        """The file against the answers themselves."""
        self.ledger.follow()
        answered = self.answered()
        with closing(sqlite3.connect(self.world.path)) as connection:
            numbers = dict(connection.execute("SELECT name, number FROM person"))
            leases: dict[int, int] = Counter()
            shown = set()
            for task, holder, on_screen in connection.execute("SELECT task, person, shown FROM lease"):
                leases[task] |= 1 << holder
                shown |= {task} if on_screen else set()
            rows = connection.execute(
                "SELECT number, identity, place, chosen, target, people, bucket FROM task JOIN bucket ON id = bucket"
            ).fetchall()
            counts = dict(connection.execute("SELECT id, tasks FROM bucket WHERE tasks"))
            active = sum(1 << number for (number,) in connection.execute("SELECT number FROM person WHERE active"))
        assert counts == Counter(row[-1] for row in rows)
        places = {known(text): place for place, text in enumerate(self.lines, 1)}
        assert {row[1]: row[2] for row in rows if row[2] is not None} == places
        for number, identity, place, chosen, target, people, _ in rows:
            by_answers = sum(1 << numbers[name] for name in answered.get(identity, ()))
            assert int(people, 16) == by_answers | leases.get(number, 0)
            assert not by_answers & leases.get(number, 0)
            assert leases.get(number, 0) & ~active == 0
            wanted = 0 if place is None else -1 if self.k == "all" else base(self.rules().annotations_per_task) + chosen
            assert target == wanted
            if target > 0 and number in leases and number not in shown:
                assert int(people, 16).bit_count() <= target, "more are planned than wanted"
        if self.k != "all":
            drawn = sum(row[3] for row in rows if row[2] is not None)
            assert drawn == doubled(self.rules().annotations_per_task, len(self.lines))

    def answered(self) -> dict[bytes, set[str]]:
        """Identity -> who has an answer whose link is there."""
        found: dict[bytes, set[str]] = {}
        rows = ask(
            self.world.database,
            "SELECT json_extract(CAST(content AS TEXT), '$.text'), "
            "json_extract(CAST(content AS TEXT), '$._session_id') "
            "FROM link JOIN example ON example.id = example_id JOIN dataset ON dataset.id = dataset_id",
        )
        for text, owner in rows:
            found.setdefault(known(text), set()).add(owner.rpartition("-")[2])
        return found


class SlowStore(SqliteStore):
    """Answers whose reading takes long enough for something to happen."""

    def __init__(self, store: SqliteStore, meanwhile: Callable[[], None]) -> None:
        super().__init__(store._handle)
        self._meanwhile = meanwhile

    def follow(self, datasets: Mapping[str, Mark | None], identify: Identify | None) -> dict[str, News]:
        news = super().follow(datasets, identify)
        self._meanwhile()
        return news


@dataclass
class SlowWorld(World):
    """As `World`, where something happens while answers are read."""

    meanwhile: Callable[[], None] = lambda: None

    def open_store(self) -> Store:
        store = super().open_store()
        assert isinstance(store, SqliteStore)
        return SlowStore(store, lambda: self.meanwhile())


class CrossingWalk(Walk):
    """As `Walk`, with others at work in the middle of claims: before these hold the lock, and while they do."""

    def __init__(self, world: SlowWorld, seed: int) -> None:
        self.claiming: Ledger | None = None
        self.inside = False
        self.crossings = Counter[bool]()
        super().__init__(world, seed)
        world.meanwhile = self.meanwhile

    @property
    def ledger(self) -> Ledger:
        return self.dice.choice([each for each in self.ledgers if each is not self.claiming])

    def step(self) -> None:
        if self.dice.random() < 0.5:
            super().step()
            return
        self.claiming, self.ledgers = self.ledgers[0], self.ledgers[::-1]
        name = self.dice.choice(NAMES)
        self.held.setdefault(name, []).extend(each.place - 1 for each in self.claiming.pull(name, count=3).leases)
        self.claiming = None

    def meanwhile(self) -> None:
        if self.claiming is None or self.inside or self.dice.random() < 0.3:
            return
        self.inside = True
        free = self.is_free()
        events = [self.answer, self.answer, self.delete, self.drop]
        self.dice.choice([*events, self.pull, self.pull, self.confirm, self.rebuild] if free else events)()
        self.crossings[free] += 1
        self.inside = False

    def is_free(self) -> bool:
        """Whether nobody holds the ledger's lock."""
        try:
            with hold_alone(lock_path(self.world.path), "claim"):
                return True
        except StoreError:
            return False


@pytest.mark.parametrize("seed", range(16))
def test_the_ledger_stays_true(tmp_path: Path, seed: int) -> None:
    run(Walk(World(tmp_path), seed))


@pytest.mark.parametrize("seed", range(8))
def test_the_ledger_stays_true_whatever_happens_in_the_middle_of_a_claim(tmp_path: Path, seed: int) -> None:
    walk = CrossingWalk(SlowWorld(tmp_path), seed)
    run(walk)
    assert walk.crossings[True], "nothing happened"


def run(walk: Walk) -> None:
    """Some steps, after each of which everything is as it should be."""
    try:
        for _ in range(60):
            walk.step()
            walk.check()
    finally:
        walk.world.close()
