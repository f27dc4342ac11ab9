"""Who gets which task: the scenarios that users complain of, on real files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from databases import add_as_prodigy, change, compact
from ledgers import World, known, people_per_task, person, places, texts, work
from prodigy_team.allocation.ledger import Ledger, LedgerError, Snapshot, Synced
from prodigy_team.allocation.reach import Outlook
from prodigy_team.sources import SourceReader
from support import full_disk, open_files


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


def test_five_names_of_whom_two_work(world: World) -> None:
    """S3, smaller: who never comes keeps nobody waiting."""
    world.write(texts(500))
    ledger = world.ledger(world.rules("miguel", "francesca", "rosa", "anna", "marina", k="1.2"))

    for day in range(20):
        work(world, ledger, ("anna", "marina")[day % 2], most=40)
    assert work(world, ledger, "anna") + work(world, ledger, "marina") + 20 * 40 >= 600
    assert people_per_task(world) == {1: 400, 2: 100}


def test_a_lost_reply_leases_nothing_more(world: World) -> None:
    world.write(texts(30))
    ledger = world.ledger(world.rules("joe"))
    given = ledger.pull("joe", count=10)
    assert ledger.pull("joe", count=10) == given
    world.answer("joe", *texts(4))
    after = ledger.pull("joe", count=10)
    assert places(after) == [5, 6, 7, 8, 9, 10, 11, 12, 13, 14]


def test_an_idle_lease_runs_out_only_when_somebody_else_needs_it(world: World) -> None:
    """S2 (b) for a client that never confirms, and (c): a late answer is kept and counts."""
    world.write(texts(150))
    ledger = world.ledger(world.rules("joe", "jane"))
    jane = ledger.pull("jane", count=10)
    assert work(world, ledger, "joe") == 140
    empty = ledger.pull("joe", count=10)
    assert not empty.leases
    [held] = empty.elsewhere
    assert (held.person, held.tasks, held.until) == ("jane", 10, world.time + 1800)
    world.time += 1801
    assert ledger.pull("jane", count=10) == jane  # nobody needed it yet: dealt to her anew
    world.time += 1801
    taken = ledger.pull("joe", count=10)
    assert [lease.taken_from for lease in taken.leases] == ["jane"] * 10
    assert work(world, ledger, "joe") == 10
    world.answer("jane", *texts(4))
    assert not ledger.pull("jane", count=10).leases
    assert people_per_task(world) == {1: 146, 2: 4}


def test_an_answer_renews_the_others_that_its_author_holds(world: World) -> None:
    world.write(texts(10))
    ledger = world.ledger(world.rules("joe", "jane"))
    ledger.pull("jane", count=10)
    world.time += 1000
    world.answer("jane", texts(1)[0])
    assert ledger.pull("joe", count=1).elsewhere[0].until == world.time + 1800


def test_tasks_that_lie_unseen_are_taken_from_pages_that_confirm_and_from_no_other(world: World) -> None:
    """S2 (b) with pages that say what they show: one task waits for the lease, not ten."""
    world.write(texts(150))
    ledger = world.ledger(world.rules("joe", "jane"))
    jane = ledger.pull("jane", count=10, screen="hers")
    assert work(world, ledger, "joe", screen="his") == 140
    assert ledger.confirm("jane", [jane.leases[0].identity], screen="hers") == []
    given = []
    while leases := ledger.pull("joe", count=10, screen="his").leases:
        given.append(len(leases))
        world.answer("joe", *(texts(150)[lease.place - 1] for lease in leases))
    assert given == [4, 2, 1, 1, 1]
    assert ledger.pull("joe", count=10).elsewhere[0].tasks == 1
    lost = [lease.identity for lease in jane.leases[1:]]
    assert ledger.confirm("jane", lost, screen="hers") == lost
    # She went on to another task, so the first is no longer on screen.
    assert len(ledger.pull("joe", count=10).leases) == 1


def test_a_task_taken_over_and_free_again_is_leased_again_when_it_is_shown(world: World) -> None:
    world.write(texts(2))
    ledger = world.ledger(world.rules("joe", "jane", k="1"))
    jane = ledger.pull("jane", count=2, screen="hers")
    world.time += 1801
    assert len(ledger.pull("joe", count=2).leases) == 2
    ledger.sync(world.rules("jane", people=[person("joe", paused=True)]), world.index())
    assert ledger.confirm("jane", [jane.leases[0].identity], screen="hers") == []
    assert places(ledger.pull("jane", count=2)) == [1, 2]


def test_without_stealing_leases_never_run_out(world: World) -> None:
    world.write(texts(10))
    ledger = world.ledger(world.rules("joe", "jane", stealing=False))
    jane = ledger.pull("jane", count=5, screen="hers")
    ledger.confirm("jane", [jane.leases[0].identity], screen="hers")
    world.time += 10**9
    assert work(world, ledger, "joe") == 5
    assert ledger.pull("joe", count=5).elsewhere[0].until is None


def test_dropped_answers_make_their_tasks_open_again(world: World) -> None:
    """Trap 5: 110 are offered after a drop and 40 new answers, though none of them lies above the old mark."""
    world.write(texts(150))
    ledger = world.ledger(world.rules("joe"))
    assert work(world, ledger, "joe") == 150
    assert not ledger.pull("joe", count=10).leases
    change(world.database, "DELETE FROM link", "DELETE FROM example", "DELETE FROM dataset")
    world.answer("joe", *texts(40))
    assert len(ledger.pull("joe", count=200).leases) == 110


def test_deleted_answers_make_their_tasks_open_again(world: World) -> None:
    world.write(texts(20))
    ledger = world.ledger(world.rules("joe"))
    assert work(world, ledger, "joe", most=12) == 12
    ledger.follow()
    change(world.database, "DELETE FROM link WHERE id IN (SELECT id FROM link ORDER BY id DESC LIMIT 3)")
    world.answer("joe", *texts(3, 12))  # as many again, with the ids of those that were deleted
    assert places(ledger.pull("joe", count=200)) == [10, 11, 12, 16, 17, 18, 19, 20]


def test_answers_that_prodigy_wrote_count(world: World) -> None:
    world.write(texts(10))
    ledger = world.ledger(world.rules("joe", "jane"))
    ledger.pull("joe", count=3)
    contents = [
        compact({"text": text, "answer": "accept", "_annotator_id": "2026-01-01_00-00-00"}) for text in texts(3)
    ]
    add_as_prodigy(world.database, "headlines_joe", contents, session="2026-01-01_00-00-00")
    assert len(ledger.pull("jane", count=10).leases) == 7


def test_joining_pausing_leaving_and_new_lines(world: World) -> None:
    """S8."""
    world.write(texts(200))
    ledger = world.ledger(world.rules("ana", k="2"))
    assert work(world, ledger, "ana", most=50) == 50
    joined = ledger.sync(world.rules("ana", "bob", k="2"), world.index())
    assert (joined.joined, joined.added) == (("bob",), 0)
    assert work(world, ledger, "bob", most=50) == 50
    held = ledger.pull("bob", count=10)
    paused = ledger.sync(world.rules("ana", "cy", k="2", people=[person("bob", paused=True)]), world.index())
    assert (paused.left, paused.joined, paused.released) == (("bob",), ("cy",), len(held.leases))
    assert not ledger.pull("bob", count=10).leases
    world.write(texts(250))
    added = ledger.sync(world.rules("ana", "cy", k="2", people=[person("bob", paused=True)]), world.index())
    assert (added.added, added.gone) == (50, 0)
    assert work(world, ledger, "ana", most=130) == 130
    left = ledger.sync(world.rules("cy", k="2", people=[person("bob", paused=True)]), world.index())
    assert left.left == ("ana",)
    work(world, ledger, "cy")
    ledger.sync(world.rules("cy", "bob", k="2"), world.index())
    work(world, ledger, "bob")
    counts = people_per_task(world)
    assert max(counts) == 2
    with ledger.snapshot() as snapshot:
        state = snapshot.pool(world.rules().pool)
    assert state is not None
    assert [(name, each.number) for name, each in state.members.items()] == [("ana", 0), ("bob", 1), ("cy", 2)]
    # What ana would have had to do: tasks that only cy and bob were left for have both.
    assert sum(n * count for n, count in counts.items()) == 500


def test_lines_that_leave_the_source_are_closed_until_they_return(world: World) -> None:
    world.write(texts(20))
    rules = world.rules("joe", "jane", k="1.5")
    ledger = world.ledger(rules)
    assert work(world, ledger, "joe", most=5) == 5
    world.write(texts(10, 10))
    gone = ledger.sync(rules, world.index())
    assert (gone.gone, gone.added) == (10, 0)
    assert work(world, ledger, "joe") == 10
    assert work(world, ledger, "jane") == 5
    world.write(["A new line on top", *texts(20)])
    back = ledger.sync(rules, world.index())
    assert (back.gone, back.added, back.returned) == (0, 1, 10)
    work(world, ledger, "joe")
    work(world, ledger, "jane")
    assert people_per_task(world) == {1: 10, 2: 11}  # 1.5 * 21 = 31.5, half up: 11 doubled


@pytest.mark.parametrize(
    ("before", "after"), [("1", "2"), ("1.2", "1.5"), ("2", "1.5"), ("1.5", "1.2"), ("1.2", "all")]
)
def test_targets_change_mid_project(world: World, before: str, after: str) -> None:
    world.write(texts(40))
    ledger = world.ledger(world.rules("joe", "jane", k=before))
    work(world, ledger, "joe", most=20)
    work(world, ledger, "jane", most=5)
    ledger.sync(world.rules("joe", "jane", k=after), world.index())
    work(world, ledger, "joe")
    work(world, ledger, "jane")
    twice = {"2": 40, "1.5": 20, "1.2": 8, "all": 40}[after]
    assert people_per_task(world) == {count: n for count, n in ((1, 40 - twice), (2, twice)) if n}


def test_only_a_router_and_a_limit_keep_tasks_from_people(world: World) -> None:
    """Trap 14: ten English and ten Swedish tasks, joe English only, jane at most ten."""
    lines = [{"text": text, "meta": {"language": "en" if at < 10 else "sv"}} for at, text in enumerate(texts(20))]
    world.write(lines)
    people = [person("joe", only={"language": ("en",)}), person("jane", limit=10)]
    index = world.index()
    ledger = Ledger(world.path, store=world.open_store, identify=world.identify, now=lambda: world.time)
    world.ledgers.append(ledger)
    with SourceReader(index) as reader:
        ledger.sync(world.rules(people=people), index, read=reader.read)
        jane = ledger.pull("jane", count=20)
        joe = ledger.pull("joe", count=20)
        assert sorted(places(jane) + places(joe)) == list(range(1, 21))
        router = lambda task, name: name == "joe" or task["text"].endswith("5")  # noqa: E731
        ledger.sync(world.rules("jane", "joe", router="r.py:f"), index, read=reader.read, router=router)
    assert len(ledger.pull("jane", count=20).leases) == 10  # hers stay


def test_gold_is_mixed_in_and_counts_nowhere(world: World) -> None:
    world.write(texts(100))
    gold = world.folder / "gold.jsonl"
    gold.write_text("".join(f'{{"text":"Gold {at}"}}\n' for at in range(5)), encoding="utf-8")
    ledger = world.ledger()
    rules = world.rules("joe", "jane", k="1.2", gold=str(gold), gold_rate=Decimal("0.2"))
    ledger.sync(rules, world.index(), gold=world.index(gold))
    given: list[bool] = []
    while leases := ledger.pull("joe", count=10).leases:
        given += [lease.gold for lease in leases]
        for lease in leases:
            world.answer("joe", f"Gold {lease.place - 1}" if lease.gold else texts(100)[lease.place - 1])
    assert (given.count(True), given.count(False)) == (5, 100)
    assert ledger.pull("joe", count=10).outlook == Outlook(waits_for_others=20)
    with world.open_store_once() as store:
        assert store.gold("headlines") == {known(f"Gold {at}") for at in range(5)}


def test_whoever_comes_is_let_in_where_the_rules_are_open(world: World) -> None:
    world.write(texts(20))
    ledger = world.ledger(world.rules("joe", open=True))
    assert len(ledger.pull("somebody", count=5).leases) == 5
    ledger.sync(world.rules("joe", open=True, lease=60.0), world.index())
    assert len(ledger.pull("somebody", count=5).leases) == 5
    closed = world.ledger(world.rules("joe"))
    assert closed.pull("a stranger", count=5).outlook.paused


def test_browsers_that_share_a_name_have_tasks_of_their_own(world: World) -> None:
    world.write(texts(20))
    ledger = world.ledger(world.rules(open=True))
    session = "2026-11-22_10-00-00"
    assert places(ledger.pull(session, count=5, screen="a", apart=True)) == [1, 2, 3, 4, 5]
    assert places(ledger.pull(session, count=5, screen="b", apart=True)) == [6, 7, 8, 9, 10]
    assert places(ledger.pull(session, count=5, screen="a", apart=True)) == [1, 2, 3, 4, 5]


def test_what_a_stream_was_fed_is_not_given_again(world: World) -> None:
    world.write(texts(3))
    ledger = world.ledger(world.rules("joe"))
    fed: set[bytes] = set()
    for _ in range(3):
        [lease] = ledger.pull("joe", count=1, fed=fed).leases
        fed.add(lease.identity)
    assert not ledger.pull("joe", count=1, fed=fed).leases
    assert places(ledger.pull("joe", count=3)) == [1, 2, 3]


def test_answers_under_other_names_are_known(world: World) -> None:
    """A server's own session where it is one person's, an alias, and somebody who left."""
    world.write(texts(10))
    world.answer("2026-01-01_00-00-00", texts(10)[0], dataset="headlines_joe")
    world.answer("janet", texts(10)[1], dataset="headlines_jane")
    world.ledger(world.rules("cy")).pull("cy", count=1)
    world.answer("cy", texts(10)[2])
    ledger = world.ledger(world.rules("joe", people=[person("jane", aliases=("janet",))]))
    assert ledger.progress("joe").answered == 1
    assert ledger.progress("janet").answered == 1
    assert ledger.progress("cy").answered == 1
    assert len(ledger.pull("joe", count=10).leases) == 7


def test_a_rebuilt_ledger_keeps_leases_numbers_and_draw(world: World) -> None:
    world.write(texts(60))
    rules = world.rules("joe", "jane", k="1.5")
    ledger, other = world.ledger(rules), world.ledger(rules)
    work(world, ledger, "jane", most=20)
    world.write(texts(100))
    for each in (ledger, other):
        each.sync(rules, world.index())
    joe = ledger.pull("joe", count=10, screen="his")
    with ledger.snapshot() as snapshot:
        drawn = {each.identity for each in snapshot.tasks(rules.pool) if each.chosen}
    ledger.rebuild()
    assert other.pull("joe", count=10) == joe
    assert ledger.pull("joe", count=10) == joe
    with other.snapshot() as snapshot:
        assert {each.identity for each in snapshot.tasks(rules.pool) if each.chosen} == drawn
    work(world, other, "joe")
    work(world, ledger, "jane")
    assert people_per_task(world) == {1: 50, 2: 50}


def test_a_ledger_deleted_by_hand_comes_back_from_the_answers(world: World) -> None:
    world.write(texts(60))
    rules = world.rules("joe", "jane", k="1.5")
    ledger = world.ledger(rules)
    work(world, ledger, "jane", most=25)
    work(world, ledger, "joe", most=10)
    world.path.unlink()
    work(world, ledger, "joe")
    work(world, ledger, "jane")
    assert people_per_task(world) == {1: 30, 2: 30}


def test_another_answers_database_in_the_files_place_is_noticed(world: World) -> None:
    world.write(texts(30))
    ledger = world.ledger(world.rules("joe"))
    work(world, ledger, "joe", most=20)
    for ending in ("", "-wal", "-shm"):
        world.database.with_name(world.database.name + ending).unlink(missing_ok=True)
    world.answer("joe", *texts(5))
    assert len(ledger.pull("joe", count=100).leases) == 25


def test_what_could_not_be_written_is_forgotten(world: World) -> None:
    """The disk fails at the commit: what the process had in mind of that transaction is not in the file."""
    world.write(texts(20))
    rules = world.rules("joe", "jane", k="1.5")
    ledger = world.ledger(rules)
    ledger.pull("joe", count=3)
    with full_disk(0), pytest.raises(LedgerError):
        ledger.pull("jane", count=5)
    work(world, ledger, "jane")
    work(world, ledger, "joe")
    work(world, world.ledger(rules), "jane")
    assert people_per_task(world) == {1: 10, 2: 10}


def test_a_damaged_ledger_says_what_to_do(world: World) -> None:
    world.write(texts(30))
    rules = world.rules("joe")
    world.ledger(rules).close()
    world.path.write_bytes(b"no database at all" * 500)
    ledger = world.ledger()
    with pytest.raises(LedgerError) as raised:
        ledger.sync(rules, world.index())
    assert "ledger rebuild" in str(raised.value.remedy)
    ledger.rebuild()
    assert ledger.sync(rules, world.index()).added == 30


def test_who_cannot_read_a_damaged_ledger_has_let_go_of_it(world: World) -> None:
    world.path.parent.mkdir(parents=True, exist_ok=True)
    world.path.write_bytes(b"no database at all" * 500)
    with pytest.raises(LedgerError, match="is damaged") as raised:
        Snapshot(world.path)
    assert str(world.path) not in open_files(os.getpid()), raised.value


def test_a_second_process_finds_the_work_done(world: World) -> None:
    world.write(texts(30))
    first = world.ledger()
    rules = world.rules("joe", k="1.5")
    assert first.sync(rules, world.index()).added == 30
    assert world.ledger().sync(rules, world.index()) == Synced()
