"""Hands out tasks by the ledger: leased when somebody asks, to as many different people as the rules want."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import TypeVar

from prodigy_team.allocation.ledger import Leased, LeaseState, Ledger, PoolState, Pull
from prodigy_team.allocation.reach import outlook
from prodigy_team.allocation.routers import load_router
from prodigy_team.allocation.rules import Rules
from prodigy_team.annotate.ground import Ground, GroundHolder, MakeGround
from prodigy_team.annotate.history import Past, find_answers, newest_answers
from prodigy_team.annotate.sessions import Session
from prodigy_team.annotate.stream import Batch, Count, Held, Offer, Waiting, with_session
from prodigy_team.annotate.supply import SourceSupply
from prodigy_team.errors import TeamError
from prodigy_team.sources import SourceChangedError
from prodigy_team.sources.index import IndexGoneError
from prodigy_team.store.base import Row

log = logging.getLogger(__name__)

Value = TypeVar("Value")


class StaleIndexError(TeamError):
    """The ledger deals out tasks of another state of the source than this server has read."""

    def __init__(self) -> None:
        super().__init__("The source is being read anew.", remedy="Ask again.")


@dataclass(frozen=True)
class Asker:
    """Who asks, as the ledger knows them.

    Attributes:
        person: The ledger's name for them.
        browser: Tells the browsers that share one name apart; None where a name is one person's.
        moves_on: They cannot be told from others and get the next batch at each call, so that nothing stays theirs.
    """

    session: Session
    person: str
    browser: str | None = None
    moves_on: bool = False

    @property
    def key(self) -> tuple[str, str | None]:
        """What tells whose open tasks these are."""
        return self.person, self.browser

    @property
    def apart(self) -> bool:
        """Whether others go by the same name."""
        return not self.session.named

    def screen(self, given: str | None) -> str | None:
        """What the ledger tells their screens apart by: the load of the page, or all that one browser has."""
        return self.browser if self.apart else given


@dataclass(frozen=True)
class Supplies:
    """Where tasks are read from: the source, and those with known answers."""

    source: SourceSupply
    gold: SourceSupply | None = None

    def close(self) -> None:
        """Let go of both."""
        self.source.close()
        if self.gold is not None:
            self.gold.close()


@dataclass(frozen=True)
class Dealing:
    """What came of one pull."""

    offers: tuple[Offer, ...]
    pull: Pull
    skip: tuple[int, ...]
    count: Count


class Dealer:
    """The blocking part: ledger, source and store. Used from the one thread that first calls it."""

    def __init__(
        self,
        *,
        rules: Callable[[], Rules],
        holder: GroundHolder,
        make_ground: MakeGround,
        open_ledger: Callable[[], Ledger],
        open_supplies: Callable[[Ground], Supplies],
        batch_size: int,
        gone: Callable[[str], bool] | None = None,
    ) -> None:
        """Prepare; nothing is opened before the first call.

        Args:
            rules: Tells the rules as they are now; asked at every pull.
            holder: The ground that the rules' first state was indexed to.
            make_ground: Indexes the source anew.
            gone: Whose pages an earlier process of this server had, and nobody has any more.
        """
        self._find_rules, self._holder, self._make_ground = rules, holder, make_ground
        self._open_ledger, self._open_supplies = open_ledger, open_supplies
        self._batch_size, self._gone = batch_size, gone
        self._ledger: Ledger | None = None
        self._rules: Rules | None = None
        self._supplies: Supplies | None = None
        self._dealt: dict[tuple[str, str | None], dict[bytes, Offer]] = {}

    def warm_up(self) -> None:
        """Open everything, so that the first page need not wait; what fails is told to the first page that asks."""
        try:
            self._refresh()
        except TeamError as error:
            log.error("Tasks cannot be dealt out: %s", error)

    def pull(self, asker: Asker, held: Collection[int], screen: str | None, shown: Collection[int]) -> Dealing:
        """As `Deals.pull`."""
        try:
            return self._pull(asker, held, screen, shown)
        except (StaleIndexError, SourceChangedError, IndexGoneError):
            self._read_anew()
            return self._pull(asker, held, screen, shown)

    def _pull(self, asker: Asker, held: Collection[int], screen: str | None, shown: Collection[int]) -> Dealing:
        ledger = self._refresh()
        skip = self.confirm(asker, shown, screen)
        holding = {each for each, offer in self._known(asker).items() if asker.moves_on or offer.key in held}
        while True:
            pull = ledger.pull(
                asker.person,
                count=self._batch_size,
                held=holding,
                screen=asker.screen(screen),
                apart=asker.apart,
            )
            offers = [self._offer(asker, each) for each in pull.leases]
            unheard = {each.identity for each in offers if each.key in held}
            if not unheard:
                break
            holding |= unheard  # the page has them although the ledger did not know so
        count, own = self._standing(asker)
        # What lies on other screens may still become theirs; it is only known where nothing else is left.
        count = replace(count, total=(count.total or 0) + sum(each.tasks for each in pull.elsewhere))
        gone = () if asker.moves_on else self._not_theirs(asker, held, [each for each in holding if each not in own])
        return Dealing(tuple(offers), pull, tuple(dict.fromkeys((*skip, *gone))), count)

    def _not_theirs(self, asker: Asker, held: Collection[int], lost: Collection[bytes]) -> tuple[int, ...]:
        """Which tasks on a page are no longer theirs: those known as lost, and those lost while this did not run.

        A process knows what it dealt and what was leased at its start, so that any other is somebody else's.
        """
        dropped = self._drop(asker, lost)
        known = {offer.key for offer in self._known(asker).values()}
        return (*dropped, *(key for key in held if key not in known))

    def confirm(self, asker: Asker, shown: Collection[int], screen: str | None) -> tuple[int, ...]:
        """As `Deals.confirm`."""
        if not shown or screen is None or asker.moves_on:
            return ()
        ledger = self._refresh()
        known = {offer.key: identity for identity, offer in self._known(asker).items()}
        identities = [known[key] for key in shown if key in known]
        if not identities:
            return ()
        own = asker.screen(screen) or ""
        gone = ledger.confirm(asker.person, identities, screen=own, apart=asker.apart)
        if gone:  # then the others on their page may be somebody else's too: said at once, not one after the other
            _, leased = self._standing(asker)
            gone += [each for each in self._known(asker) if each not in leased]
        return self._drop(asker, gone)

    def _drop(self, asker: Asker, identities: Collection[bytes]) -> tuple[int, ...]:
        known = self._known(asker)
        return tuple(offer.key for each in identities if (offer := known.pop(each, None)) is not None)

    def forget(self, asker: Asker, identity: bytes) -> None:
        """They have answered a task."""
        self._dealt.get(asker.key, {}).pop(identity, None)

    def own_answers(self, session: Session, *, before: int | None, limit: int, wanted: str) -> Past:
        """As `Deals.own_answers`."""
        self._refresh()

        def read(below: int | None, most: int) -> list[Row]:
            assert self._supplies is not None, "opened by refreshing"
            return self._supplies.source.newest_answers(session.id, before=below, limit=most)

        if wanted:
            return find_answers(read, wanted, before=before, limit=limit)
        return newest_answers(read, before=before, limit=limit)

    def close(self) -> None:
        """Let go of everything, in the same thread."""
        self._close_supplies()
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None

    # The rules and the source as they are now.

    def _refresh(self) -> Ledger:
        """The ledger, brought up to date where the rules have changed."""
        rules = self._find_rules()
        if self._ledger is None:
            self._ledger = self._open_ledger()
        if rules is not self._rules:
            if self._rules is not None and rules.stamp != self._rules.stamp:
                self._take_up(self._make_ground(rules))
            self._sync(rules)
        return self._ledger

    def _read_anew(self) -> None:
        """The source was edited, or another server went on to a newer state of it than this one has read."""
        rules = self._find_rules()
        self._take_up(self._make_ground(rules))
        self._sync(rules)

    def _take_up(self, ground: Ground) -> None:
        self._close_supplies()
        self._dealt.clear()
        self._holder.now = ground

    def _sync(self, rules: Rules) -> None:
        assert self._ledger is not None, "opened before"
        if self._supplies is None:
            self._supplies = self._open_supplies(self._holder.now)
        ground = self._holder.now
        router = load_router(rules.router)
        self._ledger.sync(rules, ground.index, gold=ground.gold, read=self._supplies.source.read, router=router)
        if self._rules is None and self._gone is not None:
            self._ledger.give_back(self._gone)
        self._rules = rules

    def _close_supplies(self) -> None:
        if self._supplies is not None:
            self._supplies.close()
        self._supplies = None

    # One asker's tasks.

    def _known(self, asker: Asker) -> dict[bytes, Offer]:
        """The open tasks that somebody was given, as they were shown; those from before this process's start too."""
        if asker.key not in self._dealt:
            self._dealt[asker.key] = {}
            state, leases = self._leases(asker)
            gold = {each.id for each in state.buckets if each.gold} if state is not None else set()
            for each in leases:
                if each.place is not None:
                    self._offer(asker, Leased(each.place, each.identity, 0, each.bucket in gold))
        return self._dealt[asker.key]

    def _leases(self, asker: Asker) -> tuple[PoolState | None, list[LeaseState]]:
        """How the pool stands, and what in it is theirs."""
        assert self._ledger is not None, "opened by refreshing"
        state = self._ledger.state(asker.person)
        name = self._name(asker)
        found = [each for each in state.leases if each.person == name] if state is not None else []
        return state, [each for each in found if not asker.apart or each.screen == asker.browser]

    def _name(self, asker: Asker) -> str:
        person = self._rules.person(asker.person) if self._rules is not None else None
        return asker.person if person is None else person.name

    def _offer(self, asker: Asker, leased: Leased) -> Offer:
        known = self._known(asker)
        found = known.get(leased.identity)
        if found is None:
            found = known[leased.identity] = with_session(self._read(leased), asker.session)
        if leased.taken_from:
            log.info("ROUTING: %s takes over task %d from %s", asker.person, found.key, leased.taken_from)
        return found

    def _read(self, leased: Leased) -> Offer:
        assert self._supplies is not None, "opened by refreshing"
        supply = self._supplies.gold if leased.gold else self._supplies.source
        try:
            offer = supply.offer(leased.place) if supply is not None else None
        except ValueError:
            offer = None  # there is no such place
        if offer is None or offer.identity != leased.identity:
            raise StaleIndexError
        return offer

    def _standing(self, asker: Asker) -> tuple[Count, frozenset[bytes]]:
        """How far somebody is, and which tasks are theirs."""
        state, leases = self._leases(asker)
        member = state.members.get(self._name(asker)) if state is not None else None
        if state is None or member is None:
            return Count(0, 0), frozenset()
        left = outlook(state.buckets, member.number, state.people(self._batch_size)).for_me
        answered = state.answered(member.name)
        return Count(answered, answered + len(leases) + left), frozenset(each.identity for each in leases)


class Dealt:
    """The part in the event loop; see `Deals`."""

    def __init__(self, dealer: Dealer, executor: Executor, *, dataset: str, keep_order: bool = False) -> None:
        """Start.

        Args:
            executor: One thread, in which the dealer is asked.
            keep_order: Clients that cannot be told apart get the same tasks until they are answered
                (``force_stream_order``); otherwise each of their calls gets the next batch, as with Prodigy.
        """
        self._dealer, self._executor, self._dataset, self._keep_order = dealer, executor, dataset, keep_order
        self._counts: dict[str, Count] = {}

    async def pull(
        self, session: Session, *, held: Collection[int] = (), screen: str | None = None, shown: Collection[int] = ()
    ) -> Batch:
        """As `Deals.pull`."""
        asker = self._asker(session)
        found = await self._ask(lambda: self._dealer.pull(asker, frozenset(held), screen, shown))
        self._counts[asker.person] = found.count
        elsewhere = tuple(Held(each.person, each.tasks, each.until) for each in found.pull.elsewhere)
        waiting = None if found.offers else _waiting(found.pull, elsewhere)
        tasks = b",".join(each.json for each in found.offers)
        return Batch(tasks, found.count, found.skip, elsewhere, waiting)

    async def confirm(self, session: Session, shown: Collection[int], *, screen: str | None) -> tuple[int, ...]:
        """As `Deals.confirm`."""
        asker = self._asker(session)
        return await self._ask(lambda: self._dealer.confirm(asker, shown, screen))

    def answered(self, session: Session, identity: bytes, *, first: bool) -> None:
        """As `Deals.answered`; the ledger itself learns of it from the database."""
        asker = self._asker(session)
        self._executor.submit(self._dealer.forget, asker, identity)
        known = self._counts.get(asker.person)
        if first and known is not None:
            total = max(known.total or 0, known.answered + 1)
            self._counts[asker.person] = replace(known, answered=known.answered + 1, total=total)

    def count(self, session: Session) -> Count:
        """As `Deals.count`: as of the last pull, and what was answered since."""
        return self._counts.get(self._asker(session).person, Count(0))

    def at_hand(self, session: Session) -> Batch | None:  # noqa: ARG002
        """As `Deals.at_hand`: only the ledger knows."""
        return None

    async def count_own(self, session: Session) -> int | None:  # noqa: ARG002
        """As `Deals.count_own`: all counts are somebody's own here."""
        return None

    async def own_answers(self, session: Session, *, before: int | None, limit: int, wanted: str = "") -> Past:
        """As `Deals.own_answers`."""
        return await self._ask(lambda: self._dealer.own_answers(session, before=before, limit=limit, wanted=wanted))

    def _asker(self, session: Session) -> Asker:
        person = session.id.removeprefix(f"{self._dataset}-") if session.named else session.id
        browser = None if session.named or session.desk is None else session.desk.partition("\0")[2]
        return Asker(session, person, browser, moves_on=session.desk is None and not self._keep_order)

    async def _ask(self, question: Callable[[], Value]) -> Value:
        return await asyncio.get_running_loop().run_in_executor(self._executor, question)


def _waiting(pull: Pull, held: tuple[Held, ...]) -> Waiting:
    """Why somebody gets nothing."""
    outlook = pull.outlook
    if outlook is None:
        return Waiting(held=held)
    return Waiting(
        others=outlook.waits_for_others,
        not_yours=outlook.not_for_me,
        limit=outlook.over_limit > 0 and not outlook.paused,
        paused=outlook.paused,
        held=held,
    )
