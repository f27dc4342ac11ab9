"""Which tasks a session gets: those it has open, then new ones; each to everybody, or each to one person."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import msgspec

from prodigy_team.annotate.history import Past, find_answers, newest_answers
from prodigy_team.annotate.sessions import Session
from prodigy_team.errors import TeamError
from prodigy_team.store.base import Row

log = logging.getLogger(__name__)

Value = TypeVar("Value")
COUNT_WAIT = 0.25
"""Seconds that a page's first tasks wait for the count of answers, which on a million answers takes longer."""


@dataclass(frozen=True)
class Offer:
    """A task as it is shown.

    Attributes:
        place: Its place in the source's index.
        identity: Its 16 bytes.
        key: Its ``_task_hash``, by which a page says that it has the task already.
        json: The task as it is sent, without the session's keys, as a JSON object.
    """

    place: int
    identity: bytes
    key: int
    json: bytes


@dataclass(frozen=True)
class Count:
    """How far the asker is, or everybody where tasks are shared out.

    Attributes:
        total: What progress is measured by; None: the whole project.
    """

    answered: int
    total: int | None = None


@dataclass(frozen=True)
class Held:
    """Open tasks on somebody else's screen.

    Attributes:
        session: Whose, as a person reads it.
        until: Unix seconds when the last of them may be given to somebody else; None: not before a restart.
    """

    session: str
    tasks: int
    until: float | None = None


@dataclass(frozen=True)
class Waiting:
    """Why nothing is left for the asker while something is for others; in tasks.

    Attributes:
        others: They have done their part of these, which wait for somebody else.
        not_yours: Kept from them by what the roster says.
        limit: There is more, but their limit is reached.
        paused: They are paused, or not in the roster.
    """

    others: int = 0
    not_yours: int = 0
    limit: bool = False
    paused: bool = False
    held: tuple[Held, ...] = ()


@dataclass(frozen=True)
class Batch:
    """What a pull gives.

    Attributes:
        tasks: JSON objects, with commas between.
        skip: Hashes of tasks on the asker's page that are somebody else's now.
        elsewhere: Open tasks on other screens; told to those who get nothing.
        waiting: Why there is nothing, where tasks are dealt out.
    """

    tasks: bytes
    count: Count
    skip: tuple[int, ...] = ()
    elsewhere: tuple[Held, ...] = ()
    waiting: Waiting | None = None


class Deals(Protocol):
    """What hands out tasks. Called in the event loop only."""

    async def pull(
        self, session: Session, *, held: Collection[int] = (), screen: str | None = None, shown: Collection[int] = ()
    ) -> Batch:
        """The asker's open tasks in the same order, without those they hold already, then new ones.

        Args:
            held: Hashes of the tasks that their page has.
            screen: Which load of a page asks; None for clients that never say what they show.
            shown: Hashes of the tasks that came on that screen.
        """

    async def confirm(self, session: Session, shown: Collection[int], *, screen: str | None) -> tuple[int, ...]:
        """Note what is on somebody's screen; returns the hashes of those tasks that are no longer theirs."""

    def answered(self, session: Session, identity: bytes, *, first: bool) -> None:
        """A task has this session's answer: it is open no longer, and counts if this is the first of it."""

    def count(self, session: Session) -> Count:
        """How far they are, as far as that is known yet."""

    def at_hand(self, session: Session) -> Batch | None:
        """What a pull by somebody who holds nothing gives, where that is known without asking anybody; else None."""

    async def count_own(self, session: Session) -> int | None:
        """How many tasks a named session itself has answered, where ``count`` is of everybody; None elsewhere."""

    async def own_answers(self, session: Session, *, before: int | None, limit: int, wanted: str = "") -> Past:
        """A session's own answers, newest first; those that hold ``wanted``, where that is not empty."""


class Earlier(Protocol):
    """What is known of answers given before, where tasks are asked again."""

    def mark(self, offer: Offer, session_id: str) -> Offer:
        """The task, carrying the id of the answer that a new one would replace."""


class Supply(Protocol):
    """Where tasks come from. Both methods block, and are called from one thread only."""

    def next_offers(self, annotator: str | None, *, after: int, limit: int) -> list[Offer]:
        """Up to ``limit`` tasks behind a place that this annotator (None: nobody) has answered, in order."""

    def count_answered(self, annotator: str | None) -> int:
        """How many of the source's tasks this annotator (None: anybody) has answered."""

    def newest_answers(self, session_id: str, *, before: int | None, limit: int) -> list[Row]:
        """A session's answers below a link, newest first."""


@dataclass
class _Desk:
    """The tasks that one asker has and has not answered, in the order they were given."""

    open: dict[bytes, Offer] = field(default_factory=dict)
    joined: bytes | None = None


@dataclass
class _Pool:
    """One run through the source: of one session with overlap, of everybody together without.

    Everything up to ``mark`` is answered or on a desk, so that the next tasks are looked for behind it. What is
    answered while they are looked for may be among them: a page goes on with what it had from before a restart.
    """

    annotator: str | None
    mark: int = -1  # below every place: the store notes how far all is answered for those who ask from the beginning
    answered: int = 0
    counted: asyncio.Future[None] | None = None
    desks: dict[str, _Desk] = field(default_factory=dict)
    holder: dict[bytes, _Desk] = field(default_factory=dict)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    answered_meanwhile: set[bytes] = field(default_factory=set)


class Stream:
    """Hands out tasks. Its state belongs to the event loop; only the supply is asked from a thread."""

    def __init__(
        self,
        supply: Supply,
        executor: Executor,
        *,
        overlap: bool,
        batch_size: int,
        keep_order: bool = False,
        newest: Earlier | None = None,
    ) -> None:
        """Start a stream.

        Args:
            executor: One thread, in which the supply is asked.
            overlap: Every session gets every task; otherwise each task goes to one.
            keep_order: Clients that cannot be told apart get the same tasks until they are answered
                (``force_stream_order``); otherwise each of their calls gets the next batch, as with Prodigy.
            newest: Earlier answers, where tasks that have one are asked again.
        """
        self._supply, self._executor = supply, executor
        self._overlap, self._batch_size, self._keep_order = overlap, batch_size, keep_order
        self._newest = newest
        self._pools: dict[str | None, _Pool] = {}

    async def pull(
        self,
        session: Session,
        *,
        held: Collection[int] = (),
        screen: str | None = None,  # noqa: ARG002
        shown: Collection[int] = (),  # noqa: ARG002
    ) -> Batch:
        """As `Deals.pull`; what is on which screen makes no difference here."""
        at_hand = None if held else self.at_hand(session)
        if at_hand is not None:
            return at_hand
        pool = self._pool(session)
        desk = self._desk(pool, session)
        async with pool.turn:
            return await self._fill(pool, desk, session, frozenset(held))

    def at_hand(self, session: Session) -> Batch | None:
        """What a pull by somebody who holds nothing gives, if that is the asker's open tasks alone; else None."""
        pool = self._pool(session)
        desk = self._desk(pool, session)
        return None if desk.joined is None else Batch(desk.joined, Count(pool.answered))

    async def _fill(self, pool: _Pool, desk: _Desk, session: Session, held: frozenset[int]) -> Batch:
        offers = [each for each in desk.open.values() if each.key not in held][: self._batch_size]
        missing = self._batch_size - len(offers)
        if missing > 0:
            offers += await self._take(pool, desk, session, missing)
        await self._count(pool)
        joined = b",".join([each.json for each in offers])
        if not held and len(offers) == self._batch_size and not self._moves_on(session):
            desk.joined = joined
        elsewhere = () if offers else self._elsewhere(pool, desk)
        return Batch(joined, Count(pool.answered), elsewhere=elsewhere)

    async def _take(self, pool: _Pool, desk: _Desk, session: Session, missing: int) -> list[Offer]:
        pool.answered_meanwhile.clear()
        offered = await self._ask(lambda: self._supply.next_offers(pool.annotator, after=pool.mark, limit=missing))
        if offered:
            pool.mark = offered[-1].place
        found = [each for each in offered if each.identity not in pool.answered_meanwhile]
        if offered and not found:
            return await self._take(pool, desk, session, missing)
        if self._newest is not None:
            found = [self._newest.mark(each, session.id) for each in found]
        owned = [with_session(each, session) for each in found]
        for each in owned:
            desk.open[each.identity] = each
            pool.holder[each.identity] = desk
        desk.joined = None
        return owned

    def answered(self, session: Session, identity: bytes, *, first: bool) -> None:
        """A task has this session's answer: take it off its desk, and count it if it was the first of it."""
        pool = self._pool(session)
        if pool.turn.locked():
            pool.answered_meanwhile.add(identity)
        desk = pool.holder.pop(identity, None)
        if desk is not None:
            del desk.open[identity]
            desk.joined = None
        if first and pool.counted is not None:
            pool.answered += 1

    async def confirm(self, session: Session, shown: Collection[int], *, screen: str | None) -> tuple[int, ...]:  # noqa: ARG002
        """As `Deals.confirm`; nothing is ever taken from a screen here."""
        return ()

    def count(self, session: Session) -> Count:
        """How many tasks are answered, by this session or by everybody, as far as that is known yet."""
        return Count(self._pool(session).answered)

    async def count_own(self, session: Session) -> int | None:
        """As `Deals.count_own`."""
        if self._overlap or not session.named:
            return None
        return await self._ask(lambda: self._supply.count_answered(session.id))

    def _elsewhere(self, pool: _Pool, own: _Desk) -> tuple[Held, ...]:
        """How many open tasks of the same run through the source lie on whose other screens."""
        found: dict[str, int] = {}
        for key, desk in pool.desks.items():
            if desk is not own and desk.open:
                name = key.partition("\0")[0]
                found[name] = found.get(name, 0) + len(desk.open)
        return tuple(Held(name, tasks) for name, tasks in found.items())

    async def own_answers(self, session: Session, *, before: int | None, limit: int, wanted: str = "") -> Past:
        """A session's own answers, newest first; those that hold ``wanted``, where that is not empty."""

        def read(below: int | None, most: int) -> list[Row]:
            return self._supply.newest_answers(session.id, before=below, limit=most)

        if wanted:
            return await self._ask(lambda: find_answers(read, wanted, before=before, limit=limit))
        return await self._ask(lambda: newest_answers(read, before=before, limit=limit))

    def _moves_on(self, session: Session) -> bool:
        return session.desk is None and not self._keep_order

    def _pool(self, session: Session) -> _Pool:
        key = session.id if self._overlap else None
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = _Pool(key)
        return pool

    def _desk(self, pool: _Pool, session: Session) -> _Desk:
        if self._moves_on(session):
            return _Desk()
        key = session.desk or session.id
        desk = pool.desks.get(key)
        if desk is None:
            desk = pool.desks[key] = _Desk()
        return desk

    async def _count(self, pool: _Pool) -> None:
        if pool.counted is None:
            pool.counted = asyncio.ensure_future(self._count_answers(pool))
        if not pool.counted.done():
            await asyncio.wait({pool.counted}, timeout=COUNT_WAIT)

    async def _count_answers(self, pool: _Pool) -> None:
        # An answer saved while this counts may be counted twice; progress is a display, the database is the truth.
        try:
            earlier = await self._ask(lambda: self._supply.count_answered(pool.annotator))
        except TeamError as error:
            log.error("Answers cannot be counted: %s", error)
            pool.counted = None  # the next pull tries again
        else:
            pool.answered += earlier  # after the wait: what was answered during it stays counted

    async def _ask(self, question: Callable[[], Value]) -> Value:
        return await asyncio.get_running_loop().run_in_executor(self._executor, question)


def with_session(offer: Offer, session: Session) -> Offer:
    """The task as a named session gets it, carrying whose it is."""
    if not session.named:
        return offer
    owner = dumps(session.id)
    json = b'%s,"_session_id":%s,"_annotator_id":%s}' % (offer.json[:-1], owner, owner)
    return Offer(offer.place, offer.identity, offer.key, json)


def dumps(text: str) -> bytes:
    """A string as JSON."""
    return msgspec.json.encode(text)
