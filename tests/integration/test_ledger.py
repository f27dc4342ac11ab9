"""Who gets which task: the scenarios that users complain of, on real files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledgers import World, people_per_task, places, texts, work


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


@pytest.mark.parametrize(("first", "second"), [("joe", "jane"), ("jane", "joe")])
@pytest.mark.parametrize(("k", "again"), [("1", 0), ("1.2", 30), ("1.5", 75), ("2", 150)])
def test_one_does_all_alone_and_the_other_exactly_what_needs_two(
    world: World, first: str, second: str, k: str, again: int
) -> None:
    world.write(texts(150))
    ledger = world.ledger(world.rules("joe", "jane", k=k))

    assert work(world, ledger, first) == 150
    assert ledger.pull(first, count=10).outlook.waits_for_others == again
    assert work(world, ledger, second) == again
    assert people_per_task(world) == {count: n for count, n in ((1, 150 - again), (2, again)) if n}


def test_a_reload_gives_the_same_tasks_in_the_same_order(world: World) -> None:
    world.write(texts(50))
    ledger = world.ledger(world.rules("joe", "jane"))
    first = ledger.pull("joe", count=10)

    assert places(first) == list(range(1, 11))
    for _ in range(10):
        assert ledger.pull("joe", count=10) == first
    held = [lease.identity for lease in first.leases]
    assert places(ledger.pull("joe", count=2, held=held)) == [11, 12]
    assert places(ledger.pull("jane", count=3)) == [13, 14, 15]
