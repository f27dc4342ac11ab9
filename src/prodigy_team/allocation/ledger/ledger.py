"""The ledger: who is to answer which task, for any number of processes that deal out the same pool."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar

from prodigy_team.allocation.ledger import carrying, claims, confirming, following
from prodigy_team.allocation.ledger.buckets import Buckets
from prodigy_team.allocation.ledger.handle import FileReplacedError, LedgerFile
from prodigy_team.allocation.ledger.people import Members, Naming
from prodigy_team.allocation.ledger.pool import Pool
from prodigy_team.allocation.ledger.snapshot import PoolState, Snapshot, read_leases
from prodigy_team.allocation.ledger.syncing import Sync, release
from prodigy_team.allocation.ledger.targets import Targets
from prodigy_team.allocation.ledger.values import LedgerError, Pull, ReadTask, Router, Synced
from prodigy_team.allocation.reach import Outlook, outlook
from prodigy_team.allocation.rules import Rules
from prodigy_team.errors import TeamError
from prodigy_team.sources import SourceIndex
from prodigy_team.sources.index import open_index
from prodigy_team.store import Routed, Store
from prodigy_team.store.base import Identify

Value = TypeVar("Value")
_ATTEMPTS = 5


@dataclass(frozen=True)
class Progress:
    """How far somebody is.

    Attributes:
        answered: Tasks they answered, as far as the ledger has followed the answers.
        held: Tasks they hold and have not answered.
        outlook: What is left; ``for_me`` does not count what they hold.
    """

    answered: int
    held: int
    outlook: Outlook


@dataclass(frozen=True)
class _Wish:
    """What a pool was last to be brought in line with, kept to do it again where the file was replaced."""

    rules: Rules
    source: SourceIndex
    gold: SourceIndex | None
    read: ReadTask | None
    router: Router | None

    @property
    def digest(self) -> str:
        """What changes whenever anything of it does; an index's name tells the state of its source."""
        gold = self.gold.path.name if self.gold is not None else ""
        parts = (self.rules.digest, str(self.source.path), gold)
        return blake2b(repr(parts).encode(), digest_size=8).hexdigest()


class Ledger:
    """One pool's tasks dealt out, in a file that other processes use at the same time. One thread at a time.

    Every claim is one transaction under the ledger's lock, and follows the answers first: the answers' database alone
    says what is answered.
    """

    def __init__(
        self, path: Path, *, store: Callable[[], Store], identify: Identify, now: Callable[[], float] = time.time
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            path: The ledger's file, made where there is none.
            store: Opens the answers' database for writing, by a connection of this ledger's own; again where the
                database was replaced.
            identify: A stored content to its annotator as stored and its task's identity; for answers that a licensed
                Prodigy wrote. None for an answer to no task of the source.
            now: Unix seconds.
        """
        self._file = LedgerFile(path)
        self._open_store, self._identify, self._now = store, identify, now
        self._store: Store | None = None
        self._wish: _Wish | None = None
        self._pool: Pool | None = None
        self._bound: tuple[int, int, str] | None = None

    def sync(
        self,
        rules: Rules,
        index: SourceIndex,
        *,
        gold: SourceIndex | None = None,
        read: ReadTask | None = None,
        router: Router | None = None,
    ) -> Synced:
        """Bring tasks, targets and people in line with rules and source; only what differs is touched.

        Where several processes ask for the same, the first does it and the others wait. Before the first sync nothing
        can be pulled.

        Args:
            index: Of the source, as it stands now.
            gold: Of ``rules.gold``.
            read: The task at a place; needed where ``only`` or ``router`` depend on the task.
            router: ``rules.router``, loaded.

        Raises:
            LedgerError, StoreError: Ledger or answers cannot be read or written.
        """
        self._wish = _Wish(rules, index, gold, read, router)
        self._bound = None
        return self._sync(self._wish)

    def pull(
        self,
        person: str,
        *,
        count: int,
        held: Collection[bytes] = (),
        screen: str | None = None,
        fed: Collection[bytes] = (),
        apart: bool = False,
    ) -> Pull:
        """The next tasks for somebody: their own open ones in the same order, free ones, then what others let lie.

        Args:
            person: By name or alias. Who is not in the roster gets nothing, unless the rules are open.
            count: At most so many come back.
            held: Identities that the page has already; they do not come back.
            screen: The load of the page that asks, if it confirms what it shows.
            fed: Identities that this client's stream was ever given: they are not given again, even where free.
            apart: Several browsers go by this one name; each gets tasks of its own, told by ``screen``.
        """
        with self._claiming() as pool:
            following.follow(pool)
            number = self._number(pool, person)
            given = claims.pull(pool, claims.Asker(number, count, held, fed, screen, apart))
            if not given.leases and following.follow_all(pool):
                given = claims.pull(pool, claims.Asker(number, count, held, fed, screen, apart))
            return given

    def confirm(self, person: str, identities: Iterable[bytes], *, screen: str, apart: bool = False) -> list[bytes]:
        """A page shows these tasks: their leases are renewed, and what it showed before is no longer shown.

        Returns:
            Those to skip: answered, or no longer theirs and not free to be leased again.
        """
        with self._claiming() as pool:
            following.follow(pool)
            return confirming.confirm(pool, self._number(pool, person), identities, screen, apart=apart)

    def give_back(self, gone: Callable[[str], bool]) -> int:
        """End the leases of those whose pages are gone for good, told by their names; returns how many there were."""
        with self._claiming() as pool:
            return release(pool, {each.number for name, each in pool.everybody.items() if gone(name)})

    def follow(self) -> None:
        """Read what is new in the datasets of the pool; every claim does so by itself."""
        with self._claiming() as pool:
            following.follow(pool)

    def progress(self, person: str) -> Progress:
        """How far somebody is; read without the lock, up to the last claim of anybody's."""
        name = self._name(person)
        state = self.state(person)
        if state is None or name not in state.members:
            return Progress(0, 0, Outlook())
        left = outlook(state.buckets, state.members[name].number, state.people())
        held = sum(1 for each in state.leases if each.person == name)
        return Progress(state.answered(name), held, left)

    def state(self, person: str) -> PoolState | None:
        """The pool as of the last claim of anybody's, with the leases of one person; read without the lock.

        What this process remembers of the buckets is used, so that it costs far less than `snapshot`.
        """
        pool, opened = self._pool, self._file.opened
        if pool is None or self._bound is None or self._bound[0] != opened or not self._file.is_open:
            with self.snapshot() as snapshot:
                return snapshot.pool(self._wished().rules.pool)
        with self._file.reading(opened=opened) as connection:
            pool.begin(self._now())
            member = pool.everybody.get(self._name(person))
            number = -1 if member is None else member.number
            leases = tuple(read_leases(connection, pool.id, pool.everybody, person=number))
            return PoolState(
                self._wished().rules.pool, pool.terms.digest, pool.everybody, tuple(pool.buckets.read()), leases
            )

    def rebuild(self, *, forget: Collection[str] = ()) -> None:
        """Make the ledger anew from roster, sources and answers; leases and drawn tasks are carried over if readable.

        Nobody need stop: each process notices at its next claim, and the first brings its pool up to date.

        Args:
            forget: Names of people of whom nothing is carried over.
        """
        carrying.rebuild(self._file, forget=forget)

    def snapshot(self) -> Snapshot:
        """All pools of the ledger at this moment, without a lock."""
        return Snapshot(self._file.path)

    def close(self) -> None:
        """Let go of ledger and answers."""
        self._file.close()
        if self._store is not None:
            self._store.close()
            self._store = None

    def _name(self, person: str) -> str:
        known = self._wished().rules.person(person)
        return known.name if known is not None else person

    def _number(self, pool: Pool, person: str) -> int:
        """Somebody's number; in open pools whoever comes is entered, and is active as long as nobody says otherwise."""
        name = self._name(person)
        member = pool.everybody.get(name)
        if member is None or not member.active:
            known = self._wished().rules.person(name)
            if pool.terms.open and known is None:
                number = pool.members.number(name, active=True)
                pool.connection.execute("UPDATE person SET active = 1 WHERE pool = ? AND number = ?", (pool.id, number))
                pool.everybody = pool.members.read()
                return number
        return pool.members.number(name)

    def _wished(self) -> _Wish:
        if self._wish is None:
            raise ValueError("sync comes first")
        return self._wish

    @contextmanager
    def _claiming(self) -> Iterator[Pool]:
        """One transaction on a pool that is up to date; it is made so again where the file was replaced."""
        wish = self._wished()
        for _ in range(_ATTEMPTS):
            self._read_ahead(wish)
            with self._writing(wish) as pool:
                if pool.terms.digest is not None:
                    yield pool
                    return
            self._sync(wish)
        raise LedgerError(
            f"The ledger {self._file.path} is replaced again and again.", remedy="See which program does so."
        )

    def _read_ahead(self, wish: _Wish) -> None:
        """Read the answers before the lock is taken; what cannot be read now is read, or told, under it."""
        answers, pool, opened = self._answers(), self._pool, self._file.opened
        bound = self._file.is_open and self._bound == (opened, id(answers), wish.rules.digest)
        if pool is None or pool.seen is None or not bound:
            return
        pool.ahead = None
        with contextlib.suppress(TeamError), self._file.reading(opened=opened):
            pool.ahead = following.read_ahead(pool, pool.seen)

    @contextmanager
    def _writing(self, wish: _Wish, opened: int | None = None) -> Iterator[Pool]:
        answers = self._answers()
        try:
            with self._file.writing(opened=opened):
                pool = self._bind(wish, answers)
                yield pool
        except BaseException:  # at the commit too: buckets that were made are not in the file
            if self._pool is not None:
                self._pool.undone()
            self._bound = None
            raise
        pool.kept()

    def _bind(self, wish: _Wish, answers: Store) -> Pool:
        """The pool through the file that is open now."""
        bound = (self._file.opened, id(answers), wish.rules.digest)
        if self._pool is None or self._bound != bound:
            self._pool = self._make_pool(wish, answers)
            self._bound = bound
        self._pool.begin(self._now())
        return self._pool

    def _make_pool(self, wish: _Wish, answers: Store) -> Pool:
        rules, connection = wish.rules, self._file.connection
        connection.execute("INSERT OR IGNORE INTO pool (name) VALUES (?)", (rules.pool,))
        number = connection.execute("SELECT id FROM pool WHERE name = ?", (rules.pool,)).fetchone()[0]
        routed = answers.routed(rules.team, rules.recipe)
        own = frozenset(
            [person.dataset for person in rules.people] + [each.dataset for each in routed if each.pool == rules.pool]
        )
        datasets = tuple(sorted(own | {each.dataset for each in routed}))
        naming = Naming(rules, alone=alone_in(rules, routed))
        return Pool(
            number,
            self._file,
            answers,
            self._identify,
            naming,
            datasets,
            own,
            Buckets(connection, number),
            Members(connection, number),
        )

    def _answers(self) -> Store:
        if self._store is not None and self._store.replaced():
            self._store.close()
            self._store = None
        if self._store is None:
            self._store = self._open_store()
            self._pool = None
        return self._store

    def _sync(self, wish: _Wish) -> Synced:
        self._prepare_answers(wish)
        for _ in range(_ATTEMPTS):
            try:
                with self._file.syncing:  # the first does it, the others wait here
                    return Synced() if self._is_done(wish) else self._run(wish)
            except FileReplacedError:
                continue
        raise LedgerError(
            f"The ledger {self._file.path} is replaced again and again.", remedy="See which program does so."
        )

    def _is_done(self, wish: _Wish) -> bool:
        with self._writing(wish) as pool:
            return pool.terms.digest == wish.digest

    def _run(self, wish: _Wish) -> Synced:
        with contextlib.closing(open_index(wish.source.path)), self._file.writing_much():
            access = _Access(self, wish)
            targets = Targets(wish.rules, {}, wish.read, wish.router)
            return Sync(access, wish.rules, targets, wish.digest, wish.source, wish.gold).run()

    def _prepare_answers(self, wish: _Wish) -> None:
        """Register what is written where, and bring the index of answers up to date, before any lock is taken."""
        answers, rules = self._answers(), wish.rules
        people: dict[str, set[str]] = {}
        for person in rules.people:
            people.setdefault(person.dataset, set()).add(person.name)
        answers.register_routed(
            rules.team,
            rules.recipe,
            [
                Routed(rules.pool, dataset, next(iter(names)) if len(names) == 1 and not rules.open else "")
                for dataset, names in people.items()
            ],
        )
        answers.follow(dict.fromkeys(people), self._identify)
        if wish.gold is not None:
            with contextlib.closing(open_index(wish.gold.path)) as index:
                answers.register_gold(rules.team, [each for (each,) in index.execute("SELECT identity FROM task")])


class _Access:
    """A sync's way to its pool, through the file it began with."""

    def __init__(self, ledger: Ledger, wish: _Wish) -> None:
        self._ledger, self._wish = ledger, wish
        self._opened = ledger._file.opened

    @contextmanager
    def writing(self) -> Iterator[Pool]:
        """See `syncing.Access`."""
        with self._ledger._writing(self._wish, self._opened) as pool:
            yield pool

    @contextmanager
    def reading(self) -> Iterator[Pool]:
        """See `syncing.Access`."""
        with self._ledger._file.reading(opened=self._opened):
            pool = self._ledger._pool
            if pool is None:
                raise FileReplacedError
            pool.begin(self._ledger._now())
            yield pool

    def attach(self, index: Path) -> None:
        """See `syncing.Access`."""
        self._ledger._file.attach(index, opened=self._opened)


def alone_in(rules: Rules, routed: Iterable[Routed]) -> Mapping[str, str]:
    """Dataset -> the one person who ever answered there; without the datasets of several."""
    people: dict[str, set[str]] = {}
    for each in routed:
        people.setdefault(each.dataset, set()).add(each.person)
    for person in rules.people:
        people.setdefault(person.dataset, set()).add("" if rules.open else person.name)
    return {dataset: next(iter(names)) for dataset, names in people.items() if len(names) == 1 and "" not in names}
