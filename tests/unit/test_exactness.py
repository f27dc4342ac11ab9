"""The scenarios that users reported, and any other: after every step nobody is idle, and the end is exact."""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from prodigy_team.allocation.buckets import ALL
from prodigy_team.allocation.reach import Outlook
from pure_ledger import PureLedger, drain, largest_total, work

JOE, JANE, SVEN = 0, 1, 2


def pairs(ledger: PureLedger) -> Counter[tuple[int, ...]]:
    """How many tasks were answered by whom."""
    return Counter(tuple(sorted(task.answers)) for task in ledger.tasks)


RUNS = [50, pytest.param(1000, marks=pytest.mark.long)]
KS = [("1", 150), ("1.2", 180), ("1.5", 225), ("2", 300)]


@pytest.mark.parametrize(("k", "total"), KS)
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("first", "second"), list(permutations((JOE, JANE))))
def test_s1_one_alone_then_the_other(k: str, total: int, seed: int, first: int, second: int) -> None:
    ledger = PureLedger(Decimal(k), 150, active=0b11, seed=seed)
    assert work(ledger, first) == 150
    assert ledger.outlook(first) == Outlook(0, total - 150, 0, 0)
    assert work(ledger, second) == total - 150
    assert pairs(ledger) == +Counter({(first,): 300 - total, (JOE, JANE): total - 150})
    assert ledger.outlook(first).left == ledger.outlook(second).left == 0


@pytest.mark.parametrize("runs", RUNS)
@pytest.mark.parametrize(("k", "total"), KS)
def test_s1_both_at_once(k: str, total: int, runs: int) -> None:
    """Random interleavings, with prefetching, lost replies and reloads in them."""
    for seed in range(runs):
        ledger = PureLedger(Decimal(k), 150, active=0b11, seed=seed)
        play_pages(ledger, random.Random(seed), {JOE, JANE})
        assert ledger.answers == total
        assert pairs(ledger)[JOE, JANE] == total - 150
        assert ledger.surplus == 0


def play_pages(ledger: PureLedger, chance: random.Random, people: set[int]) -> None:
    """Pages that fetch ahead, save one by one, reload, and pull again when their replies were lost."""
    pages: dict[int, list[int]] = {person: [] for person in people}
    idle: set[int] = set()
    while len(idle) < len(people):
        person = chance.choice(sorted(people))
        page = pages[person]
        what = chance.random()
        if what < 0.05:
            page.clear()  # reloaded, or the reply never arrived
        elif what < 0.4 or not page:
            own = [number for number in ledger.held_by(person) if number not in page][:10]
            expecting = ledger.has_free(person)
            got = ledger.pull(person, 10, held=page)
            assert got[: len(own)] == own
            assert got or not expecting
            page += got
        else:
            for number in [page.pop(0) for _ in range(min(len(page), chance.randint(1, 10)))]:
                ledger.answer(person, number)
        resting = not page and not ledger.held_by(person) and not ledger.has_free(person)
        idle = idle | {person} if resting else idle - {person}


class TestS2:
    """Joe is fast, jane idle; one answer a task."""

    def test_jane_never_comes(self) -> None:
        assert work(PureLedger(Decimal(1), 150, active=0b11), JOE) == 150

    def test_jane_opened_a_page_that_never_confirms(self) -> None:
        ledger = PureLedger(Decimal(1), 150, active=0b11)
        hers = ledger.pull(JANE, 10)
        assert work(ledger, JOE) == 140
        assert ledger.pull(JOE, 10) == []
        ledger.now += 1799
        assert ledger.pull(JOE, 10) == []
        ledger.now += 1
        assert sorted(ledger.pull(JOE, 10)) == hers

    def test_jane_saves_four_after_joe_did_them(self) -> None:
        ledger = PureLedger(Decimal(1), 150, active=0b11)
        hers = ledger.pull(JANE, 10)
        work(ledger, JOE)
        ledger.now += 1800
        assert work(ledger, JOE) == 10
        for number in hers[:4]:
            ledger.answer(JANE, number)
        assert (ledger.answers, ledger.surplus) == (154, 4)
        assert ledger.pull(JANE, 10) == []

    def test_one_task_on_a_confirming_screen_waits(self) -> None:
        """With our page: all but the one jane sees, at once; that one after her lease."""
        ledger = PureLedger(Decimal(1), 150, active=0b11)
        hers = ledger.pull(JANE, 10, screen="jane")
        ledger.confirm(JANE, hers[:1], screen="jane")
        assert work(ledger, JOE) == 149
        assert ledger.outlook(JOE).left == 0
        assert ledger.confirm(JANE, hers[1:2], screen="jane") == hers[1:2]
        ledger.now += 1800
        assert ledger.pull(JOE, 10) == hers[:1]
        assert ledger.surplus == 0

    def test_a_tab_that_is_reloaded_leases_nothing_more(self) -> None:
        ledger = PureLedger(Decimal(1), 150, active=0b11)
        hers = ledger.pull(JANE, 10)
        assert all(ledger.pull(JANE, 10) == hers for _ in range(10))
        assert ledger.held_by(JANE) == hers


def test_s3_five_names_two_workers() -> None:
    ledger = PureLedger(Decimal("1.2"), 5000, active=0b11111)
    anna, marina, rosa, day = 3, 4, 2, 0
    while day < 6:
        work(ledger, (anna, marina)[day % 2], tasks=700)
        day += 1
    assert ledger.answers == 4200
    assert work(ledger, rosa, tasks=100) == 100
    assert work(ledger, anna) + work(ledger, marina) == 1700
    assert Counter(len(task.answers) for task in ledger.tasks) == {1: 4000, 2: 1000}


def test_s3_without_rosa() -> None:
    """Nobody sees an empty list before all 6,000 are there, however many days they take."""
    ledger = PureLedger(Decimal("1.2"), 5000, active=0b11111)
    while work(ledger, 3, tasks=450) + work(ledger, 4, tasks=450):
        pass
    assert ledger.answers == 6000
    assert pairs(ledger)[3, 4] == 1000


class TestS4:
    """12 tasks, 6 people, two answers each, one at a time."""

    @pytest.mark.parametrize("count", [6, 4, 3, 2])
    def test_the_same_pace(self, count: int) -> None:
        """In each round everybody does one, in any order; two who never come are six each for the others."""
        for seed in range(200):
            chance = random.Random(seed)
            ledger = PureLedger(Decimal(2), 12, active=0b111111, batch_size=1)
            done: Counter[int] = Counter()
            while ledger.answers < 24:
                for person in chance.sample(range(count), count):
                    done[person] += work(ledger, person, tasks=1, batch=1)
            assert set(done.values()) == {24 // count}

    def test_one_alone_is_told_what_waits(self) -> None:
        ledger = PureLedger(Decimal(2), 12, active=0b111111, batch_size=1)
        assert work(ledger, JOE, batch=1) == 12
        assert ledger.outlook(JOE) == Outlook(0, 12, 0, 0)

    @pytest.mark.parametrize("runs", RUNS)
    def test_any_pace(self, runs: int) -> None:
        for seed in range(runs):
            ledger = PureLedger(Decimal(2), 12, active=0b111111, batch_size=1)
            drain(ledger, random.Random(seed), most=2)
            assert {len(task.answers) for task in ledger.tasks} == {2}


def test_s5_everybody_does_everything() -> None:
    """740 and, without 6 repeats and 2 empty lines, 732: for each, in source order."""
    for tasks in (740, 732):
        ledger = PureLedger("all", tasks, active=0b11)
        chance = random.Random(tasks)
        assert drain(ledger, chance) == {JOE: tasks, JANE: tasks}
    ledger.join(SVEN)
    assert ledger.pull(SVEN, 3) == [0, 1, 2]
    assert ledger.reach().short == {}


@pytest.mark.parametrize("runs", RUNS)
@pytest.mark.parametrize("bob_returns", [False, True])
def test_s8_people_and_tasks_come_and_go(bob_returns: bool, runs: int) -> None:
    """At any pace; where cy alone is left, each task that is not done lacks somebody other than cy."""
    ana, bob, cy = 0, 1, 2
    for seed in range(runs):
        chance = random.Random(seed)
        ledger = PureLedger(Decimal(2), 200, active=0b001)
        work(ledger, ana, tasks=50)
        ledger.join(bob)
        step_until(ledger, 100, {ana, bob}, chance)
        ledger.leave(bob)
        ledger.join(cy)
        ledger.append(50)
        step_until(ledger, 180, {ana, cy}, chance)
        ledger.leave(ana)
        if bob_returns:
            ledger.join(bob)
        expected = largest_total(ledger) if seed < 5 else None
        found = ledger.reach()
        drain(ledger, chance)
        assert found.wanted == 500
        assert ledger.answers == found.reachable == (expected or found.reachable)
        missing = Counter(
            {tuple(task.answers): 2 - len(task.answers) for task in ledger.tasks if len(task.answers) < 2}
        )
        assert ledger.reach().wanted - ledger.answers == sum(2 - len(task.answers) for task in ledger.tasks)
        if bob_returns:
            assert ledger.answers == 500
        else:
            assert set(missing) == {(cy,)}, "each lacks somebody other than cy"


def step_until(ledger: PureLedger, answers: int, people: set[int], chance: random.Random) -> None:
    while ledger.answers < answers:
        person = chance.choice(sorted(people))
        work(ledger, person, tasks=min(chance.randint(1, 10), answers - ledger.answers))


MASKS = some.lists(some.one_of(some.none(), some.integers(1, 7)), max_size=10)
LIMITS = some.dictionaries(some.integers(0, 2), some.integers(1, 6), min_size=1)


@settings(max_examples=300, deadline=None)
@given(some.sampled_from(["1", "1.5", "2"]), MASKS, LIMITS, some.integers(0, 9))
def test_limits_and_only_never_cost_a_total(k: str, masks: list[int | None], limits: dict[int, int], seed: int) -> None:
    """Whoever comes when and asks for how many: what could be reached at the start is reached."""
    ledger = PureLedger(Decimal(k), masks, active=0b111, limits=limits, seed=seed)
    best = largest_total(ledger)
    drain(ledger, random.Random(seed), most=3)
    assert ledger.answers == best


class AnyProject(RuleBasedStateMachine):
    """Anything that may happen to a pool; the common rules after every step, the exact totals at the end."""

    people = some.integers(0, 2)

    @initialize(
        k=some.sampled_from(["all", *map(Decimal, ("1", "1.2", "1.5", "2", "2.7", "3"))]),
        tasks=some.lists(some.one_of(some.none(), some.integers(1, 7)), min_size=1, max_size=6),
        active=some.integers(1, 7),
        limits=some.one_of(some.just({}), some.dictionaries(some.integers(0, 2), some.integers(1, 4))),
        seed=some.integers(0, 9),
        order=some.sampled_from(["source", "shuffled"]),
    )
    def begin(
        self, k: Decimal, tasks: list[int | None], active: int, limits: dict[int, int], seed: int, order: str
    ) -> None:
        self.ledger = PureLedger(k, tasks, active=active, limits=limits, seed=seed, order=order, batch_size=2)
        self.pages: dict[int, list[int]] = {person: [] for person in range(3)}
        self.given: dict[int, set[int]] = {person: set() for person in range(3)}
        self.acknowledged: set[tuple[int, int]] = set()
        self.loads = 0
        self.chance = random.Random(seed)

    @rule(person=people, count=some.integers(1, 6), ours=some.booleans())
    def pull(self, person: int, count: int, ours: bool) -> None:
        """A page asks for more; with (our page) or without saying which screen it is."""
        page, ledger = self.pages[person], self.ledger
        own = [at for at in ledger.held_by(person) if at not in page and not ledger.is_superfluous(at)][:count]
        expecting, unseen = ledger.has_free(person), self._has_unseen(person, len(page))
        got = ledger.pull(person, count, held=page, screen=self._screen(person) if ours else None)
        assert len(got) == len(set(got)) <= count
        assert not {(person, number) for number in got} & self.acknowledged, "(a) asked again"
        assert got or not (expecting or unseen), "(c) nothing, though something is free"
        assert got[: len(own)] == own or not ledger.active >> person & 1
        self.given[person] |= set(got)
        page += [number for number in got if number not in page]

    @rule(person=people)
    def lose_the_reply(self, person: int) -> None:
        """What was dealt never reaches the page."""
        self.ledger.pull(person, 3, held=self.pages[person])

    @rule(person=people, count=some.integers(1, 4))
    def answer(self, person: int, count: int) -> None:
        """In time or late: whatever lies in the page."""
        for number in self.pages[person][:count]:
            self._save(person, number)
        del self.pages[person][:count]

    @rule(person=people, chance=some.randoms(use_true_random=False))
    def answer_late(self, person: int, chance: random.Random) -> None:
        """From a page that was closed long ago, perhaps a second time."""
        if self.given[person]:
            self._save(person, chance.choice(sorted(self.given[person])))

    @rule(person=people)
    def reload(self, person: int) -> None:
        """Or crash: the page is empty, its screen another."""
        self.pages[person].clear()
        self.loads += 1

    @rule(person=people)
    def show(self, person: int) -> None:
        """Our page says what is on the screen, and leaves out what has become somebody else's."""
        page = self.pages[person]
        skipped = self.ledger.confirm(person, page[:1], screen=self._screen(person))
        self.pages[person] = [number for number in page if number not in skipped]

    @rule(seconds=some.sampled_from([60, 1740, 1800]))
    def wait(self, seconds: int) -> None:
        self.ledger.now += seconds

    @rule(person=people)
    def join(self, person: int) -> None:
        self.ledger.join(person)

    @rule(person=people)
    def leave(self, person: int) -> None:
        self.ledger.leave(person)

    @precondition(lambda self: len(self.ledger.tasks) < 9)
    @rule(tasks=some.lists(some.one_of(some.none(), some.integers(1, 7)), max_size=3))
    def append(self, tasks: list[int | None]) -> None:
        self.ledger.append(tasks)

    @invariant()
    def rules_hold(self) -> None:
        for number, task in enumerate(self.ledger.tasks):
            assert len(task.answers) == len(set(task.answers)), "(a) answered twice"
            assert task.target == ALL or task.people.bit_count() <= task.target + task.late, "(b) too many planned"
            assert all(self.ledger.active >> person & 1 for person in task.leases)
            assert not set(task.leases) & set(task.answers)
            assert {person for person, at in self.acknowledged if at == number} == set(task.answers), "(d) lost"

    def teardown(self) -> None:
        """All work on until nobody gets anything: that is the largest total that could still be reached."""
        if not hasattr(self, "ledger"):
            return
        ledger = self.ledger
        if ledger.limits:  # a lease is a promise, and a page that never answers may cost somebody's limit
            for person in range(3):
                ledger.release(person)
        best, late = largest_total(ledger), ledger.surplus
        drain(ledger, self.chance, most=3)
        reached = sum(
            len(each.answers) if each.target == ALL else min(len(each.answers), each.target) for each in ledger.tasks
        )
        assert reached == best
        assert ledger.surplus == late, "nobody was asked beyond what was wanted"
        assert ledger.reach().reachable == ledger.reach().planned == best
        assert not any(ledger.held_by(person) for person in range(3))

    def _save(self, person: int, number: int) -> None:
        self.ledger.answer(person, number)
        self.acknowledged.add((person, number))

    def _screen(self, person: int) -> str:
        return f"{person}/{self.loads}"

    def _has_unseen(self, person: int, held: int) -> bool:
        """Whether only unseen tasks in a confirming page longer than the asker's stand between them and a task."""
        ledger = self.ledger
        if held or not ledger.room(person) or not ledger.active >> person & 1:
            return False
        return any(
            task.target != ALL
            and not task.people >> person & 1
            and (task.eligible is None or task.eligible >> person & 1)
            and len(task.answers) < task.target
            and all(ledger.is_unseen(lease) or lease.until <= ledger.now for lease in task.leases.values())
            for task in ledger.tasks
        )


class LongProject(AnyProject):
    """The same, for longer."""


@pytest.mark.long
@pytest.mark.timeout(900)
class TestAnyProjectForLonger(LongProject.TestCase):  # type: ignore[name-defined, misc]
    settings = settings(max_examples=2000, stateful_step_count=60, deadline=None)


TestAnyProject = AnyProject.TestCase
TestAnyProject.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
