"""Who gets which task next: never nothing while something is free, the largest total, everybody's exact number."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as some

from prodigy_team.allocation.buckets import ALL, Bucket, People, need
from prodigy_team.allocation.policy import (
    Choice,
    Gold,
    Loose,
    Taken,
    choose,
    feasible,
    from_pages,
    is_open_enough,
    near_end,
    takeover,
)
from prodigy_team.allocation.reach import Outlook, outlook, reach
from pure_ledger import PureLedger, drain, largest_total

JOE, JANE, SVEN = 0, 1, 2


def heads_of(buckets: Iterable[Bucket]) -> dict[int, list[tuple[int, int]]]:
    """Tasks numbered through all buckets in turn, so that source order takes from them in turn too."""
    return {each.id: [(100 * at + each.id, 100 * at + each.id) for at in range(each.tasks)] for each in buckets}


def chosen(buckets: list[Bucket], person: int, people: People, count: int, **more: Gold) -> list[Choice]:
    tasks = heads_of(buckets)
    return choose(buckets, person, people, lambda bucket, wanted: tasks[bucket][:wanted], count, **more)


class TestNeverLosingATotal:
    """Trap 14: greedy orders miss totals that could be reached."""

    def test_english_and_swedish(self) -> None:
        """Joe reads English only, jane at most 10 of both: 20 of 20, whoever comes when and asks for how many."""
        english, swedish = 0b11, 0b10
        for seed in range(300):
            chance = random.Random(seed)
            texts = [english] * 10 + [swedish] * 10
            chance.shuffle(texts)
            ledger = PureLedger(Decimal(1), texts, active=0b11, limits={JANE: 10})
            drain(ledger, chance)
            assert ledger.answers == 20
            assert min(len(task.answers) for task in ledger.tasks) == 1

    def test_jane_first_gets_what_only_she_may(self) -> None:
        buckets = [Bucket(1, 0b11, None, 1, 0, 10), Bucket(2, 0b10, None, 1, 0, 10)]
        people = People(0b11, {JANE: 10})
        assert feasible(buckets, JANE, people) == {2}
        assert feasible(buckets, JOE, people) == {1}
        assert {each.bucket for each in chosen(buckets, JANE, people, 15)} == {2}

    def test_what_is_feasible_changes_within_one_pull(self) -> None:
        """Jane at most 12: two of the English ones, in source order, and no more."""
        buckets = [Bucket(1, 0b11, None, 1, 0, 10), Bucket(2, 0b10, None, 1, 0, 10)]
        got = Counter(each.bucket for each in chosen(buckets, JANE, People(0b11, {JANE: 12}), 20))
        assert got == {1: 2, 2: 10}

    def test_only_alone_never_costs_a_total(self) -> None:
        """Without limits everybody may begin with anything."""
        buckets = [Bucket(1, 0b11, None, 1, 0, 10), Bucket(2, 0b10, None, 1, 0, 10)]
        assert feasible(buckets, JANE, People(0b11)) == {1, 2}


WORLDS = some.builds(
    lambda buckets, limits: (
        [Bucket(at, *each) for at, each in enumerate(buckets, 1)],
        People(0b111, {number: limit for number, limit in enumerate(limits) if limit is not None}),
    ),
    some.lists(
        some.tuples(
            some.one_of(some.none(), some.integers(0, 15)),
            some.none(),
            some.sampled_from([0, 1, 2, 3, ALL]),
            some.integers(0, 15),
            some.integers(0, 3),
        ),
        max_size=4,
    ),
    some.lists(some.one_of(some.none(), some.integers(0, 7)), min_size=3, max_size=3),
)


def as_ledger(buckets: list[Bucket], people: People) -> PureLedger:
    """The same world task by task, touched tasks as answered ones."""
    ledger = PureLedger(Decimal(1), 0, active=people.active, limits=dict(people.limits))
    for bucket in buckets:
        for _ in range(bucket.tasks):
            ledger.append([bucket.eligible])
            task = ledger.tasks[-1]
            task.target = bucket.target
            task.answers = [number for number in range(4) if bucket.people >> number & 1]
    return ledger


def total_if_given(buckets: list[Bucket], person: int, bucket: Bucket, people: People) -> int:
    """The largest total after one task of a bucket went to somebody."""
    ledger = as_ledger(buckets, people)
    at = sum(each.tasks for each in buckets if each.id < bucket.id)
    ledger.tasks[at].answers.append(person)
    return largest_total(ledger)


@settings(max_examples=400, deadline=None)
@given(WORLDS, some.integers(0, 3))
def test_feasible_against_brute_force(world: tuple[list[Bucket], People], person: int) -> None:
    """Exactly those whose choice keeps the largest total; never none while somebody may be asked something."""
    buckets, people = world
    best = largest_total(as_ledger(buckets, people))
    assert reach(buckets, people).reachable == best
    standing = outlook(buckets, person, people)
    able = [
        each
        for each in buckets
        if each.tasks
        and need(each, people.active)
        and people.active & ~each.people & (15 if each.eligible is None else each.eligible) & 1 << person
    ]
    if not standing.for_me:
        able = []
    expected = {each.id for each in able if total_if_given(buckets, person, each, people) == best}
    assert feasible(buckets, person, people) == expected
    assert bool(expected) == bool(able)


@settings(max_examples=300, deadline=None)
@given(WORLDS, some.integers(0, 2), some.integers(0, 8))
def test_a_pull_keeps_the_total_and_gives_all_it_can(
    world: tuple[list[Bucket], People], person: int, count: int
) -> None:
    buckets, people = world
    ledger = as_ledger(buckets, people)
    best = largest_total(ledger)
    numbers = iter(range(len(ledger.tasks)))
    tasks = {each.id: [(at, at) for at in (next(numbers) for _ in range(each.tasks))] for each in buckets}
    choices = choose(buckets, person, people, lambda bucket, wanted: tasks[bucket][:wanted], count)
    assert len({each.task for each in choices}) == len(choices) == min(count, outlook(buckets, person, people).for_me)
    for each in choices:
        ledger.tasks[each.task].answers.append(person)
    assert largest_total(ledger) == best


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(WORLDS, some.integers(0, 2), some.integers(0, 1))
def test_what_lacks_nobody_may_be_left_out(world: tuple[list[Bucket], People], person: int, batch_size: int) -> None:
    """Wherever the rest is said to be enough it leads to the same choice and the same outlook."""
    buckets, people = world[0], People(world[1].active, batch_size=batch_size)
    assert not is_open_enough(buckets, world[1]) or not world[1].limits
    lacking = [each for each in buckets if need(each, people.active)]
    assume(is_open_enough(lacking, people))
    tasks = {each.id: [(10 * at + each.id, 10 * at + each.id) for at in range(each.tasks)] for each in buckets}
    given = [
        choose(known, person, people, lambda bucket, wanted: tasks[bucket][:wanted], 5) for known in (lacking, buckets)
    ]
    assert given[0] == given[1]
    assert outlook(lacking, person, people) == outlook(buckets, person, people)
    assert near_end(lacking, people) == near_end(buckets, people)


@settings(max_examples=200, deadline=None)
@given(WORLDS)
def test_what_will_be_missing(world: tuple[list[Bucket], People]) -> None:
    buckets, people = world
    found = reach(buckets, people)
    assert found.planned <= found.reachable <= found.wanted
    assert found.wanted - found.reachable == sum(found.short.values())
    for each in buckets:
        assert 0 <= found.short.get(each.id, 0) <= need(each, people.active) * each.tasks


class TestOrder:
    """Which of the feasible tasks comes first."""

    def test_source_order_until_the_end_is_near(self) -> None:
        """Tasks for two people do not come first: that would be a warm-up bias."""
        ones, twos = Bucket(1, None, None, 1, 0, 80), Bucket(2, None, None, 2, 0, 20)
        people = People(0b11, batch_size=5)
        assert not near_end([ones, twos], people)
        assert [each.bucket for each in chosen([ones, twos], JOE, people, 6)] == [1, 2, 1, 2, 1, 2]

    def test_least_slack_near_the_end(self) -> None:
        done = Bucket(3, None, None, 1, 0b1, 100)
        ones, twos = Bucket(1, None, None, 1, 0, 5), Bucket(2, None, None, 2, 0, 5)
        people = People(0b11, batch_size=5)
        assert near_end([ones, twos, done], people)
        assert [each.bucket for each in chosen([ones, twos, done], JOE, people, 6)] == [2, 2, 2, 2, 2, 1]

    def test_slack_counts_only_those_with_something_left_of_their_limit(self) -> None:
        """Jane has used hers up: what only joe may still answer comes before what sven may too."""
        done = Bucket(3, None, None, 1, 1 << JANE, 100)
        both, joes = Bucket(1, 0b101, None, 1, 0, 5), Bucket(2, 0b011, None, 1, 0, 5)
        people = People(0b111, {JANE: 100}, batch_size=5)
        assert [each.bucket for each in chosen([both, joes, done], JOE, people, 6)] == [2, 2, 2, 2, 2, 1]

    def test_a_small_set_is_not_near_its_end_from_the_beginning(self) -> None:
        assert not near_end([Bucket(1, None, None, 2, 0, 12)], People(0b111111, batch_size=10))

    def test_shares_come_first_and_leave_nobody_idle(self) -> None:
        joes, janes = Bucket(1, None, 1 << JOE, 1, 0, 3), Bucket(2, None, 1 << JANE, 1, 0, 3)
        people = People(0b11)
        assert [each.bucket for each in chosen([joes, janes], JANE, people, 10)] == [2, 2, 2, 1, 1, 1]
        assert [each.bucket for each in chosen([joes, janes], JOE, people, 4)] == [1, 1, 1, 2]

    def test_little_is_read(self) -> None:
        """One row of each bucket, then more only where the order leads."""
        buckets = [Bucket(at, None, None, 40, (1 << at) - 1 << 1, 1000) for at in range(1, 31)]
        rows: list[int] = []

        def heads(bucket: int, wanted: int) -> list[tuple[int, int]]:
            rows.append(wanted)
            return [(at if bucket == 7 else at + 10_000 + bucket, 1000 * bucket + at) for at in range(wanted)]

        assert len(choose(buckets, JOE, People(0b1), heads, 10)) == 10
        assert len(rows) <= 33
        assert sum(rows) <= 60

    def test_what_is_left_out_for_the_asker_is_passed_over(self) -> None:
        """A bucket that gives fewer than it has, since the rest was sent to this stream before."""
        buckets = [Bucket(1, None, None, 1, 0, 50), Bucket(2, None, None, 2, 0, 50)]
        tasks = {1: [(1, 11)], 2: [(2, 21), (3, 22), (4, 23)]}
        got = choose(buckets, JOE, People(0b1), lambda bucket, wanted: tasks[bucket][:wanted], 10)
        assert [each.task for each in got] == [11, 21, 22, 23]


class TestGold:
    """Tasks with known answers lie between the others and count for nothing."""

    BUCKETS = (Bucket(1, None, None, 1, 0, 1000), Bucket(2, None, None, 1, 0, 100, gold=True))

    def test_about_its_rate(self) -> None:
        got = chosen(list(self.BUCKETS), JOE, People(0b1), 1000, gold=Gold(Decimal("0.05"), 3))
        assert 25 < sum(each.bucket == 2 for each in got) < 80
        assert len(got) == 1000

    def test_the_same_places_whatever_the_batch(self) -> None:
        gold = Gold(Decimal("0.3"), 3)
        whole = [each.bucket for each in chosen(list(self.BUCKETS), JOE, People(0b1), 60, gold=gold)]
        parts: list[int] = []
        while len(parts) < 60:
            seen = Counter(parts)
            left = [Bucket(each.id, None, None, 1, 0, each.tasks - seen[each.id], each.gold) for each in self.BUCKETS]
            had = [Bucket(each.id + 2, None, None, 1, 1, seen[each.id], each.gold) for each in self.BUCKETS]
            parts += [each.bucket for each in chosen([*left, *had], JOE, People(0b1), 7, gold=gold)]
        assert parts[:60] == whole

    def test_never_alone_at_the_end_nor_in_totals_and_limits(self) -> None:
        known = [Bucket(2, None, None, 1, 0, 100, gold=True), Bucket(3, None, None, 1, 1, 5, gold=True)]
        assert chosen(known, JOE, People(0b1), 10, gold=Gold(Decimal(1))) == []
        assert reach(known, People(0b1)).wanted == 0
        one = Bucket(1, None, None, 1, 0, 1)
        assert outlook([one, *known], JOE, People(0b1, {JOE: 1})) == Outlook(for_me=1)


class TestTakingOver:
    """Leases over their time and tasks nobody has seen."""

    def test_the_first_that_the_asker_may_be_asked(self) -> None:
        mine, barred, free = (
            Bucket(1, None, None, 2, 0b11, 1),
            Bucket(2, 0b10, None, 1, 2, 1),
            Bucket(3, None, None, 1, 2, 2),
        )
        loose = [Loose(10, 1, JANE), Loose(20, 2, JANE), Loose(30, 3, JANE), Loose(31, 3, JANE)]
        people = People(0b11)
        assert takeover([mine, barred, free], JOE, people, loose, 1) == [Taken(30, 3, (JANE,))]
        assert [each.task for each in takeover([mine, barred, free], JOE, people, loose, 9)] == [30, 31]

    def test_no_more_planned_than_wanted_after_a_late_answer(self) -> None:
        """Somebody answered late, so two leases lie on a place for one: both end, or none."""
        over = Bucket(1, None, None, 2, 0b0111, 1)
        people = People(0b1111)
        both = [Loose(5, 1, 1), Loose(5, 1, 2)]
        assert takeover([over], 3, people, both, 9) == [Taken(5, 1, (1, 2))]
        assert takeover([over], 3, people, both[:1], 9) == []

    def test_a_total_is_kept_here_too(self) -> None:
        """Jane's last one is not the English text that joe can do, while sven's Swedish one lies there."""
        english, swedish = Bucket(1, 0b111, None, 1, 1 << SVEN, 1), Bucket(2, 0b110, None, 1, 1 << SVEN, 1)
        gone = People(0b011, {JANE: 1})
        loose = [Loose(1, 1, SVEN), Loose(2, 2, SVEN)]
        assert takeover([english, swedish], JANE, gone, loose, 5) == [Taken(2, 2, (SVEN,))]

    def test_where_everybody_answers_nobody_takes_from_another(self) -> None:
        assert takeover([Bucket(1, None, None, ALL, 0b10, 1)], JOE, People(0b11), [Loose(1, 1, JANE)], 5) == []

    def test_unseen_tasks_go_from_the_end_of_the_longest_page(self) -> None:
        pages = {"a": [1, 2, 3, 4, 5, 6], "b": [7, 8, 9, 10], "c": [11]}
        assert [task for _, task in from_pages(pages)] == [6, 5, 4, 10, 9, 11]
        assert from_pages(pages, longer_than=3) == [("a", 6), ("a", 5), ("a", 4), ("b", 10)]
        assert from_pages({"a": []}) == []


def test_why_nothing_is_left() -> None:
    buckets = [
        Bucket(1, None, None, 2, 0b01, 30),
        Bucket(2, 0b10, None, 1, 0, 4),
        Bucket(3, None, None, 1, 0, 6),
        Bucket(4, None, None, 1, 0b10, 9),
    ]
    assert outlook(buckets, JOE, People(0b11, {JOE: 31})) == Outlook(1, 30, 4, 5)
    assert outlook(buckets, JOE, People(0b10)) == Outlook(0, 30, 4, 6, paused=True)
    assert outlook(buckets, JOE, People(0b11)).left == 40
