"""Which tasks are asked once more often: exactly so many, and lines added later leave the drawn ones where they are."""

from __future__ import annotations

import random
from decimal import Decimal
from statistics import mean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from prodigy_team.allocation.draw import base, doubled, draw, order_key, preferred


def identities(*numbers: int) -> list[bytes]:
    return [number.to_bytes(16, "big") for number in numbers]


def test_halves_go_up_in_every_one_of_299000_cases() -> None:
    """Against whole numbers; floating point is wrong in thousands of these."""
    floats_wrong = 0
    for hundredths in range(101, 400):
        k = Decimal(hundredths) / 100
        for tasks in range(1, 1001):
            exact = (hundredths % 100 * tasks * 2 + 100) // 200
            assert doubled(k, tasks) == exact
            floats_wrong += round((hundredths / 100 - hundredths // 100) * tasks) != exact
    assert floats_wrong > 1000


@pytest.mark.parametrize(
    ("k", "tasks", "extra"),
    [
        ("1.2", 150, 30),
        ("1.13", 150, 20),
        ("1.0", 150, 0),
        ("1.5", 150, 75),
        ("2.0", 150, 0),
        ("1.5", 1, 1),
        ("3", 0, 0),
    ],
)
def test_how_many_are_drawn(k: str, tasks: int, extra: int) -> None:
    assert doubled(Decimal(k), tasks) == extra
    assert base(Decimal(k)) == int(Decimal(k))
    assert len(draw(Decimal(k), seed=1, tasks=tasks, fresh=identities(*range(tasks))).added) == extra


def test_the_first_draw_depends_on_nothing_but_seed_and_identities() -> None:
    """So a ledger that is built anew draws the same; another seed draws others, just as many."""
    tasks = identities(*range(150))
    mixed = random.Random(3).sample(tasks, 150)
    first, again, other = (
        set(draw(Decimal("1.2"), seed=seed, tasks=150, fresh=iter(each)).added)
        for seed, each in ((1, tasks), (1, mixed), (2, tasks))
    )
    assert first == again
    assert first != other
    assert len(first) == len(other) == 30


def test_lines_added_leave_the_drawn_where_they_are() -> None:
    old = identities(*range(150))
    chosen = set(draw(Decimal("1.2"), seed=1, tasks=150, fresh=old).added)
    touched = set(old[:40]) - chosen
    untouched = set(old[40:]) - chosen
    new = identities(*range(150, 200))
    more = draw(Decimal("1.2"), seed=1, tasks=200, chosen=chosen, fresh=[*untouched, *new], touched=touched)
    assert more.removed == ()
    assert len(more.added) == 10
    assert not set(more.added) & (chosen | touched)


def test_touched_tasks_are_drawn_only_when_nothing_else_is_left() -> None:
    tasks = identities(*range(10))
    drawn = draw(Decimal("1.5"), seed=1, tasks=10, fresh=tasks[:3], touched=tasks[3:])
    assert set(drawn.added[:3]) == set(tasks[:3])
    assert len(set(drawn.added)) == 5


def test_when_k_falls_what_has_used_its_extra_answer_goes_last() -> None:
    tasks = identities(*range(100))
    chosen = draw(Decimal("1.4"), seed=1, tasks=100, fresh=tasks).added
    used = set(chosen[-15:])
    fewer = draw(Decimal("1.2"), seed=1, tasks=100, chosen=chosen, used=used)
    assert fewer.added == ()
    assert len(set(fewer.removed)) == 20
    assert not used & set(fewer.removed)
    gone = draw(Decimal("1.1"), seed=1, tasks=100, chosen=chosen, used=used)
    assert len(gone.removed) == 30
    assert len(used & set(gone.removed)) == 5


@settings(max_examples=100, deadline=None)
@given(some.decimals(1, 4, places=3), some.integers(0, 5), some.lists(some.integers(0, 40), min_size=1, max_size=5))
def test_however_lines_are_added_the_number_is_exact(k: Decimal, seed: int, steps: list[int]) -> None:
    chosen: set[bytes] = set()
    tasks: list[bytes] = []
    for step in steps:
        tasks += identities(*range(len(tasks), len(tasks) + step))
        change = draw(k, seed=seed, tasks=len(tasks), chosen=chosen, fresh=set(tasks) - chosen)
        assert not set(change.added) & chosen
        assert not change.removed
        chosen |= set(change.added)
        assert len(chosen) == doubled(k, len(tasks))


def test_shuffled_order_does_not_hang_together_with_the_draw() -> None:
    """Else the tasks for several people would come first: a warm-up bias."""
    tasks = identities(*range(2000))
    chosen = set(draw(Decimal("1.2"), seed=1, tasks=2000, fresh=tasks).added)
    ordered = sorted(tasks, key=lambda each: order_key(1, each))
    assert 60 < sum(each in chosen for each in ordered[:400]) < 100
    assert all(0 <= order_key(1, each) < 2**63 for each in tasks)


def test_shares_are_kept_in_the_mean() -> None:
    shares = {0: Decimal(1), 1: Decimal(2), 4: Decimal(1)}
    masks = [preferred(each, 1, shares, 7) for each in identities(*range(4000))]
    assert {mask.bit_count() for mask in masks} == {1}
    assert mean(mask == 2 for mask in masks) == pytest.approx(0.5, abs=0.03)
    assert mean(mask == 16 for mask in masks) == pytest.approx(0.25, abs=0.03)


def test_somebody_more_takes_only_what_becomes_theirs() -> None:
    shares = {number: Decimal(number + 1) for number in range(9)}
    for each in identities(*range(500)):
        before, after = preferred(each, 2, shares, 7), preferred(each, 2, {**shares, 9: Decimal(3)}, 7)
        assert before.bit_count() == after.bit_count() == 2
        assert before == after or after >> 9 & 1


def test_nobody_without_a_share_while_others_are_there() -> None:
    shares = {0: Decimal(0), 1: Decimal(1), 2: Decimal(1)}
    assert {preferred(each, 2, shares, 7) for each in identities(*range(50))} == {6}
    assert {preferred(each, 5, shares, 7) for each in identities(*range(5))} == {7}
    assert preferred(b"x", 2, {}, 7) == 0
