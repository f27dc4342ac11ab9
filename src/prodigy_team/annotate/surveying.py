"""The pools of a roster as those look at them who count and plan: tasks, answers, leases; nothing is dealt out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from prodigy_team import settings as configuration
from prodigy_team.allocation.ledger import LedgerError, PoolState, Snapshot, Synced
from prodigy_team.allocation.ledger.ledger import Ledger, alone_in
from prodigy_team.allocation.ledger.people import Naming
from prodigy_team.allocation.ledger.targets import Targets
from prodigy_team.allocation.routers import load_router
from prodigy_team.allocation.rules import Rules, pool_name
from prodigy_team.annotate.arguments import Options, read_arguments
from prodigy_team.annotate.context import read_context
from prodigy_team.annotate.ground import Ground, GroundHolder, GroundIdentifier, own_rules
from prodigy_team.annotate.preparing import gold_of, index_of, with_loader
from prodigy_team.annotate.recipes import Recipe, find_recipe
from prodigy_team.annotate.settling import Setup
from prodigy_team.annotate.supply import Identifier
from prodigy_team.curation.given import Given, read_given
from prodigy_team.curation.planning import Collision, Duplicate, SourceFacts, Unusable
from prodigy_team.curation.standing import Answers, Dealt, Standing, sum_up, take_stock
from prodigy_team.errors import TeamError
from prodigy_team.presence import exists
from prodigy_team.roster import Roster, Routing, Server
from prodigy_team.servers.engines import EMBEDDED, ServerPlan, decide_engine, plan_server, server_environment
from prodigy_team.servers.pools import asked_by, read_pools
from prodigy_team.servers.statefolder import prepare_state
from prodigy_team.sources import SourceIndex, SourceReader
from prodigy_team.sources.faults import find_collisions, find_repeats
from prodigy_team.sources.index import open_index
from prodigy_team.store import Store
from prodigy_team.tasks import INPUT_KEYS, Task

_EXCERPT = 60


@dataclass(frozen=True)
class Unreadable:
    """A pool that cannot be looked at."""

    name: str
    source: str
    problem: str
    remedy: str


@dataclass
class Pool:
    """One pool, opened to read. A context manager: it keeps its source open.

    Attributes:
        rules: By which it is dealt out; without [routing] what its servers do comes to.
        routed: Whether there are [routing] rules, and with them a ledger.
        servers: Their names.
        setup: Of one of its servers.
        store: The answers; None where there is no database yet.
        ledger: The ledger's file, which need not exist.
        others: Datasets of people who left, where no register of dealt tasks tells them.
    """

    rules: Rules
    routed: bool
    servers: tuple[str, ...]
    setup: Setup
    ground: Ground
    store: Store | None
    ledger: Path
    others: tuple[str, ...] = ()
    _open: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def index(self) -> SourceIndex:
        """Of the source as it stands."""
        return self.ground.index

    @cached_property
    def reader(self) -> SourceReader:
        """The source's tasks by place."""
        return self._open.enter_context(SourceReader(self.index))

    @cached_property
    def known(self) -> SourceReader | None:
        """The tasks with known answers."""
        return None if self.ground.gold is None else self._open.enter_context(SourceReader(self.ground.gold))

    def excerpt(self, place: int) -> str:
        """How the task at a place begins."""
        return excerpt(self.reader.read(place))

    @cached_property
    def gold(self) -> frozenset[bytes]:
        """Identities of the tasks with known answers."""
        return frozenset(self._gold_places)

    @cached_property
    def _gold_places(self) -> dict[bytes, int]:
        if self.ground.gold is None:
            return {}
        with contextlib.closing(open_index(self.ground.gold.path)) as connection:
            return dict(connection.execute("SELECT identity, place FROM task"))

    def tasks(self) -> list[tuple[int, bytes]]:
        """Place and identity of every task that counts: those with known answers are left out."""
        with contextlib.closing(open_index(self.index.path)) as connection:
            rows = connection.execute("SELECT place, identity FROM task ORDER BY place")
            return [(place, identity) for place, identity in rows if identity not in self.gold]

    @property
    def datasets(self) -> tuple[str, ...]:
        """Where its answers are: its people's datasets, and those of people who left."""
        routed = self.store.routed(self.rules.team, self.rules.recipe) if self.store and self.routed else []
        names = [*(person.dataset for person in self.rules.people), *(each.dataset for each in routed)]
        return tuple(dict.fromkeys([*names, self.setup.dataset, *self.others]))

    def given(self) -> Iterator[Given]:
        """Every stored answer in link order."""
        if self.store is None:
            return
        routed = self.store.routed(self.rules.team, self.rules.recipe) if self.routed else []
        naming = Naming(self.rules, alone=alone_in(self.rules, routed))
        indexes = [each for each in (self.index, self.ground.gold) if each is not None]
        gold = self.gold
        with contextlib.ExitStack() as stack:
            ways = [stack.enter_context(contextlib.closing(Identifier(each))) for each in indexes]

            def find(content: bytes) -> tuple[bytes, bool] | None:
                found = next((found for way in ways if (found := way.find(content))), None)
                return None if found is None else (found, found in gold)

            yield from read_given(self.store, self.datasets, find=find, person=naming.person)

    def known_line(self, identity: bytes) -> bytes | None:
        """The line of a task with a known answer; None where there is none of this identity."""
        if self.known is None or identity not in self._gold_places:
            return None
        return msgspec.json.encode(self.known.read(self._gold_places[identity]))

    def answers(self) -> Answers:
        """All answers, summed up."""
        return sum_up(self.rules, self.given())

    def standing(self, answers: Answers, *, leases: bool) -> Standing:
        """Tasks, targets and answers together.

        Args:
            leases: What somebody holds counts as theirs.
        """
        targets = Targets(self.rules, {}, self.reader.read, load_router(self.rules.router))
        return take_stock(targets, self.tasks(), answers, self.dealt, leases=leases)

    @cached_property
    def dealt(self) -> Dealt:
        """What the ledger knows; nothing where there is none."""
        if not exists(self.ledger):
            return Dealt()
        try:
            with Snapshot(self.ledger) as snapshot:
                state = snapshot.pool(self.rules.pool)
                return _dealt(state, snapshot) if state is not None and state.digest is not None else Dealt()
        except LedgerError:
            return Dealt()

    def index_answers(self) -> None:
        """Bring the index of answers up to date with what Prodigy wrote past it; the store is open to write."""
        if self.store is None:
            return
        with contextlib.closing(GroundIdentifier(GroundHolder(self.ground))) as identifier:
            for dataset in self.datasets:
                self.store.reconcile(dataset, identifier.owner_and_task)

    def facts(self) -> SourceFacts:
        """What is wrong with the source; duplicates are looked for where its index counted some."""
        index, name = self.index, self.rules.source.removeprefix("dataset:")
        store = self.store
        rows = (lambda: store.answers(name)) if store is not None and self.rules.source.startswith("dataset:") else None
        source = with_loader(self.setup.options, index.path.parent)
        with self._known_tasks() as text_of:
            repeats = find_repeats(source, index, transform=self.setup.recipe.transform, rows=rows)
            duplicates = tuple(Duplicate(tuple(lines), text_of(identity)) for identity, lines in repeats)
        unusable = tuple(Unusable(each.line, each.reason) for each in index.bad)
        collisions = tuple(Collision(number, tuple(places)) for number, places in find_collisions(index))
        return SourceFacts(index.lines, index.repeats, index.bad_count, duplicates, unusable, collisions)

    @contextlib.contextmanager
    def _known_tasks(self) -> Iterator[Callable[[bytes], str]]:
        """How the task of an identity begins."""
        with contextlib.closing(open_index(self.index.path)) as connection:
            query = "SELECT identity, place FROM task"
            places = dict(connection.execute(query)) if self.index.repeats else {}
        yield lambda identity: self.excerpt(places[identity]) if identity in places else ""

    def sync(self, open_store: Callable[[], Store]) -> Synced:
        """Bring the ledger in line, as the first server would that asks."""
        holder = GroundHolder(self.ground)
        identifier = GroundIdentifier(holder)
        with (
            contextlib.closing(identifier),
            contextlib.closing(Ledger(self.ledger, store=open_store, identify=identifier.owner_and_task)) as ledger,
        ):
            router = load_router(self.rules.router)
            return ledger.sync(self.rules, self.index, gold=self.ground.gold, read=self.reader.read, router=router)


def excerpt(task: Task) -> str:
    """How a task begins, on one line."""
    shown = next((task[key] for key in INPUT_KEYS if task.get(key)), "")
    text = " ".join(str(shown).split())
    return text if len(text) <= _EXCERPT else f"{text[: _EXCERPT - 1]}…"


def _dealt(state: PoolState, snapshot: Snapshot) -> Dealt:
    names = {member.number: name for name, member in state.members.items()}
    buckets = {each.id: each for each in state.buckets}
    known: dict[bytes, int] = {}
    chosen = set()
    for task in snapshot.tasks(state.name):
        if task.place is None or buckets[task.bucket].gold:
            continue
        known[task.identity] = task.place
        if task.chosen:
            chosen.add(task.identity)
    held: dict[bytes, tuple[str, ...]] = {}
    for lease in state.leases:
        held[lease.identity] = (*held.get(lease.identity, ()), lease.person)
    targets = [each.target for each in state.buckets if each.target > 0 and not each.gold and each.tasks]
    closed = tuple(
        (tuple(name for number, name in names.items() if each.people >> number & 1), each.tasks)
        for each in state.buckets
        if each.target == 0 and each.people and not each.gold
    )
    return Dealt(known, frozenset(chosen), min(targets, default=None), held, closed)


# Which pools a roster has.


@contextlib.contextmanager
def survey(roster: Roster, environ: Mapping[str, str], store: Store | None) -> Iterator[list[Pool | Unreadable]]:
    """Every pool of a roster, with or without [routing], in the roster's order.

    What cannot be read is told of that pool alone.

    Raises:
        TeamError: Roster or settings do not say which pools there are.
    """
    engine = decide_engine(roster, recorded=None, environ=environ)
    servers = {each.name: each for each in (*roster.servers, *roster.resting)}
    with contextlib.ExitStack() as stack:
        found: list[Pool | Unreadable] = []
        for rules, names in _pools(roster, environ, engine, list(servers.values())):
            try:
                plan = plan_server(roster, servers[names[0]], engine=engine, environ=environ)
                pool = _open(roster, rules, names, _setup(plan, rules.source), store)
                found.append(stack.enter_context(pool))
            except TeamError as error:
                found.append(Unreadable(rules.pool, rules.source, error.message, error.remedy))
        yield found


def _pools(
    roster: Roster, environ: Mapping[str, str], engine: str, servers: Sequence[Server]
) -> Iterator[tuple[Rules, tuple[str, ...]]]:
    """Rules and servers; without [routing] as if everybody were to answer everything, or by a server's own settings."""
    pools = {each.name: _pool_name(roster, each, environ) for each in servers if each.source is not None}
    if roster.routing is not None:
        for rules in read_pools(roster, environ):
            yield rules, tuple(name for name, pool in pools.items() if pool == rules.pool)
        return
    shared = {each.name: own for each in servers if (own := _own_rules(roster, each, engine, environ)) is not None}
    alone = replace(
        roster,
        routing=Routing(annotations_per_task="all"),
        servers=tuple(each for each in roster.servers if each.name not in shared),
        resting=tuple(each for each in roster.resting if each.name not in shared),
    )
    for rules in read_pools(alone, environ):
        names = tuple(name for name, pool in pools.items() if pool == rules.pool and name not in shared)
        yield replace(rules, open=any(each.open for each in servers if each.name in names)), names
    for name, own in shared.items():
        yield own, (name,)


def _pool_name(roster: Roster, server: Server, environ: Mapping[str, str]) -> str:
    found = configuration.read_settings(server_environment(roster, server, environ), server.directory)
    by = asked_by(server, str(found.get("exclude_by", "task")))
    return pool_name(server.recipe, server.source or "", by)


def _own_rules(roster: Roster, server: Server, engine: str, environ: Mapping[str, str]) -> Rules | None:
    """What a shared server comes to whose people share the tasks; None where everybody gets every task."""
    if server.source is None or not (server.open or len(server.annotators) > 1):
        return None
    plan = plan_server(roster, server, engine=engine, environ=environ)
    setup = _setup(plan, server.source)
    if setup.overlap:
        return None
    return own_rules(setup.options, setup.settings, setup.allowed, by=setup.by, team=roster.name)


def _setup(plan: ServerPlan, source: str) -> Setup:
    """What a server would be asked for; of a recipe that only Prodigy knows: the source's tasks as they are."""
    try:
        options = read_arguments(plan.argv, directory=plan.cwd)
        recipe = find_recipe(options)
    except TeamError:
        if plan.engine == EMBEDDED:
            raise
        options, recipe = Options(plan.argv[0], plan.dataset, source), Recipe(plan.argv[0], "", None)
    settings: Mapping[str, Any] = configuration.read_settings(plan.env, plan.cwd, recipe=recipe.config)
    return Setup(options, recipe, settings, plan.database, plan.env, plan.cwd, read_context(plan.env))


def _open(roster: Roster, rules: Rules, servers: tuple[str, ...], setup: Setup, store: Store | None) -> Pool:
    if store is None and any(each and each.startswith("dataset:") for each in (rules.source, rules.gold)):
        raise TeamError(f"{rules.source} is in a database that is not there yet.", remedy="First: prodigy-team up")
    prepare_state(roster.state)
    index = index_of(setup, rules.source, store)  # type: ignore[arg-type]
    gold = gold_of(setup, rules, store)  # type: ignore[arg-type]
    routed = roster.routing is not None
    others = () if routed or store is None else _left(roster, store)
    return Pool(rules, routed, servers, setup, Ground(index, gold), store, roster.state / "ledger.db", others)


def _left(roster: Roster, store: Store) -> tuple[str, ...]:
    """Datasets that this team wrote and that no server of the roster writes now."""
    now = {each.dataset for each in (*roster.servers, *roster.resting)}
    return tuple(
        each.name
        for each in store.team_datasets(roster.name)
        if each.kind == "answers" and each.exists and each.name not in now
    )
