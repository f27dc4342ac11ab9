"""The stream of one annotator whose server reads it lazily: each task is leased when the reader wants it."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import msgspec

from prodigy_team import settings
from prodigy_team.allocation.ledger import Leased, Ledger
from prodigy_team.allocation.routers import load_router
from prodigy_team.allocation.rules import Rules, rules_path
from prodigy_team.annotate.arguments import Options
from prodigy_team.annotate.ground import Ground, GroundHolder, GroundIdentifier, RulesFile
from prodigy_team.annotate.recipes import Recipe, find_recipe
from prodigy_team.annotate.supply import without_answer
from prodigy_team.errors import TeamError
from prodigy_team.sources import SourceIndex, SourceReader, index_source
from prodigy_team.store.base import Store, open_store
from prodigy_team.tasks import By, Task

log = logging.getLogger(__name__)

_VIEWS = {"textcat.manual": "choice", "textcat.correct": "choice"}
_MARKED = ("ner.", "spans.", "rel.")
_OF_AN_ANSWER = frozenset({"answer", "_view_id", "_session_id", "_annotator_id", "_timestamp", "_answer_id"})


class Nothing(Enum):
    """Why there is no task.

    ``WAIT``: others hold tasks that may come back. ``END``: nothing can come that this stream has not had.
    """

    WAIT = "wait"
    END = "end"


@dataclass(frozen=True)
class Order:
    """What is to be fed to whom.

    Attributes:
        server: In the roster; it has one annotator.
        state: The roster's state folder.
        recipe: Its name.
        source: As the roster resolved it.
        by: What tells tasks apart.
        label: The only label of ``textcat.manual``, which is part of its question; None for all else.
        database: Where Prodigy keeps the answers.
    """

    server: str
    state: Path
    recipe: str
    source: str
    by: By
    label: str | None
    database: settings.Database

    @property
    def shape(self) -> Recipe | None:
        """What Prodigy will make of each task before it asks it; None where it asks it as it is."""
        if self.label is None:
            return None
        return find_recipe(Options(self.recipe, "", self.source, labels=(self.label,)))

    def open_store(self) -> Store:
        """Open the answers' database for writing."""
        return open_store(self.database, write=True, create=True)


class Leases:
    """A stream of tasks as JSON lines. Used from one thread.

    A task is given once: Prodigy drops repeats within a stream, so that one given again would never be asked.
    """

    def __init__(self, order: Order) -> None:
        self.order = order
        self._find_rules = RulesFile(rules_path(order.state), order.server)
        self._holder: GroundHolder | None = None
        self._ledger: Ledger | None = None
        self._rules: Rules | None = None
        self._readers: dict[bool, SourceReader] = {}
        self._fed: set[bytes] = set()

    @property
    def fed(self) -> int:
        """How many tasks were given."""
        return len(self._fed)

    @property
    def tasks(self) -> int:
        """How many the source has."""
        return 0 if self._holder is None else self._holder.now.index.tasks

    def refresh(self) -> Ledger:
        """Bring the ledger in line with rules and source as they are now; nothing is done where it is.

        Raises:
            TeamError: Rules, source, ledger or answers cannot be read.
        """
        rules = self._find_rules()
        if self._ledger is None or self._holder is None:
            self._holder = GroundHolder(self._make_ground(rules))
            identify = GroundIdentifier(self._holder).owner_and_task
            self._ledger = Ledger(self.order.state / "ledger.db", store=self.order.open_store, identify=identify)
            self._make_shared_dataset(rules)
        if rules is not self._rules:
            if self._rules is not None and rules.stamp != self._rules.stamp:
                self._read_anew(rules)
            self._sync(rules)
        return self._ledger

    def next_line(self) -> bytes | Nothing:
        """Lease the next task: the annotator's own open ones first, as after a restart.

        Raises:
            TeamError: As ``refresh``.
        """
        ledger = self.refresh()
        for _ in range(2):
            person = self._person()
            pull = ledger.pull(person, count=1, fed=self._fed) if person else None
            if pull is None or not pull.leases:
                # Who was never given anything is told so at once: Prodigy is not up before it has its first task.
                return Nothing.WAIT if pull is not None and pull.elsewhere and self._fed else Nothing.END
            lease = pull.leases[0]
            task = self._read(lease)
            if task is not None:
                self._fed.add(lease.identity)
                if lease.taken_from:
                    log.info("ROUTING: %s takes over task %s from %s", person, task["_task_hash"], lease.taken_from)
                return msgspec.json.encode(task) + b"\n"
            self._read_anew(self._find_rules())  # another server has gone on to a newer state of the source
            self._sync(self._find_rules())
        raise TeamError("The source changes while it is read.", remedy="It is read again in a moment.")

    def close(self) -> None:
        """Let go of everything."""
        self._close_readers()
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None

    def _person(self) -> str:
        rules = self._find_rules()
        return next((each.name for each in rules.people if each.server == self.order.server), "")

    def _make_shared_dataset(self, rules: Rules) -> None:
        """Make the dataset that several Prodigys are about to write: each would look for it first, and then make it."""
        own = {each.dataset for each in rules.people if each.server == self.order.server}
        others = {each.dataset for each in rules.people if each.server != self.order.server}
        for dataset in own & others:
            with contextlib.closing(self.order.open_store()) as store:
                store.ensure_dataset(dataset, team=rules.team)

    def _sync(self, rules: Rules) -> None:
        assert self._ledger is not None, "opened by refresh"
        assert self._holder is not None, "opened by refresh"
        ground, router = self._holder.now, load_router(rules.router)
        self._ledger.sync(rules, ground.index, gold=ground.gold, read=self._reader(gold=False).read, router=router)
        self._rules = rules

    def _read_anew(self, rules: Rules) -> None:
        assert self._holder is not None, "opened by refresh"
        self._holder.now = self._make_ground(rules)
        self._close_readers()

    def _make_ground(self, rules: Rules) -> Ground:
        with contextlib.closing(self.order.open_store()) as store:
            gold = self._index(rules.gold, store) if rules.gold and rules.gold_rate else None
            return Ground(self._index(self.order.source, store), gold)

    def _index(self, source: str, store: Store) -> SourceIndex:
        shape, name = self.order.shape, source.removeprefix("dataset:")
        return index_source(
            source,
            by=self.order.by,
            folder=self.order.state / "index",
            transform=shape.transform if shape else None,
            transform_key=shape.transform_key if shape else "",
            rows=(lambda: store.answers(name)) if source.startswith("dataset:") else None,
        )

    def _reader(self, *, gold: bool) -> SourceReader:
        assert self._holder is not None, "opened by refresh"
        if gold not in self._readers:
            index = self._holder.now.gold if gold else self._holder.now.index
            assert index is not None, "gold is leased only where there is some"
            self._readers[gold] = SourceReader(index)
        return self._readers[gold]

    def _read(self, lease: Leased) -> Task | None:
        """The leased task as it is fed; None where it is not at its place any more."""
        if self._holder is None or (lease.gold and self._holder.now.gold is None):
            return None
        reader = self._reader(gold=lease.gold)
        try:
            if reader.identity(lease.place) != lease.identity:
                return None
            task = reader.read(lease.place)
        except (ValueError, TeamError):
            return None
        task = {key: value for key, value in task.items() if key not in _OF_AN_ANSWER}
        return without_answer(task, view_of(self.order.recipe)) if lease.gold else task

    def _close_readers(self) -> None:
        for each in self._readers.values():
            each.close()
        self._readers.clear()


def view_of(recipe: str) -> str:
    """A view whose answers lie where this recipe's do."""
    return "ner_manual" if recipe.startswith(_MARKED) else _VIEWS.get(recipe, "text_input")
