"""`import`: answers from files count as given on the page, once each, for whoever gave them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from itertools import chain, product
from typing import Any

import pytest

from counting_support import Team, team, text
from databases import ask
from prodigy_team.allocation.ledger import Ledger
from prodigy_team.cli.answers import read_roster
from prodigy_team.cli.pools import roster_pools
from prodigy_team.curation.incoming import Said, Verdict, decide
from prodigy_team.store.base import Row
from prodigy_team.tasks import with_hashes

__all__ = ["team"]

A, R, S = b"accept", b"reject", b"skip"


def write(team: Team, rows: Iterable[Mapping[str, Any] | str], name: str = "old.jsonl") -> str:
    """A file of rows; a string is a line as it is."""
    lines = [each if isinstance(each, str) else json.dumps(each) for each in rows]
    (team.folder / name).write_text("".join(f"{line}\n" for line in lines))
    return str(team.folder / name)


def row(number: int, answer: str = "accept", **more: Any) -> dict[str, Any]:
    """A row as db-out writes it."""
    return {**with_hashes(text(number)), "answer": answer, **more}


def contents(team: Team, dataset: str) -> list[dict[str, Any]]:
    with team.store() as store:
        return [json.loads(each) for each in store.answers(dataset)]


def counts(told: Mapping[str, Any]) -> list[int]:
    assert told["read"] == sum(told[key] for key in KEYS)
    return [told[key] for key in KEYS]


KEYS = ("imported", "already", "older", "refused", "unreadable")


@pytest.fixture
def begun(team: Team) -> Team:
    team.write({"joe": 'aliases = ["joseph"]', "jane": ""}, tasks=10, routing="annotations_per_task = 1")
    return team


def test_rows_go_where_the_persons_server_writes(begun: Team) -> None:
    """Also before there is a database; hashes and answers that are missing are filled in."""
    file = write(begun, [row(1, "reject", _session_id="other-x", meta={"n": 1.50}), text(2), text(99)])
    dry = begun.json("import", file, "--annotator", "joe", "--answer", "ignore", "--dry-run")
    assert not begun.database.exists()
    told = begun.json("import", file, "--annotator", "joseph", "--answer", "ignore")

    assert {**dry, "dry_run": False} == told
    assert (counts(told), told["elsewhere"]) == ([3, 0, 0, 0, 0], 1)
    assert told["people"] == [
        {"name": "joe", "dataset": "headlines_joe", "imported": 3, "already": 0, "older": 0, "refused": 0}
    ]
    found = contents(begun, "headlines_joe")
    assert [each["answer"] for each in found] == ["reject", "ignore", "ignore"]
    assert {(each["_annotator_id"], each["_session_id"]) for each in found} == {("headlines_joe-joe",) * 2}
    for each in found:
        expected = with_hashes({"text": each["text"]})
        assert (each["_input_hash"], each["_task_hash"]) == (expected["_input_hash"], expected["_task_hash"])
    sql = "SELECT input_hash, task_hash FROM example JOIN link ON example_id = example.id JOIN dataset ON name = ? "
    sql += "AND dataset.id = dataset_id ORDER BY link.id"
    hashes = [(each["_input_hash"], each["_task_hash"]) for each in found]
    for dataset in ("headlines_joe", "headlines_joe-joe"):
        assert ask(begun.database, sql.replace("?", f"'{dataset}'")) == hashes


def test_a_second_run_stores_nothing(begun: Team) -> None:
    """Whatever somebody said in which order, with times, ids or none."""
    bare = [row(1), row(1, "reject"), row(1)]
    timed = [row(2, _timestamp=10), row(2, "reject", _timestamp=20), row(2, _timestamp=30)]
    named = [row(3, _answer_id="a"), row(3, "reject", _answer_id="b", _replaces="a")]
    file = write(begun, [*bare, *timed, *named, row(4), row(4)])

    assert counts(begun.json("import", file, "--annotator", "joe")) == [9, 1, 0, 0, 0]
    assert counts(begun.json("import", file, "--annotator", "joe")) == [0, 10, 0, 0, 0]
    assert [each["answer"] for each in contents(begun, "headlines_joe")][-6:] == [
        *("accept", "reject", "accept"),
        *("accept", "reject"),
        "accept",
    ]


def test_a_second_run_stores_nothing_whatever_files_are_named_together(begun: Team) -> None:
    """Also where what somebody said without a time differs from one file to the next."""
    one, two = write(begun, [row(1), row(2)], "one.jsonl"), write(begun, [row(1, "reject")], "two.jsonl")
    as_joe = ("--annotator", "joe")
    assert counts(begun.json("import", one, *as_joe)) == [2, 0, 0, 0, 0]
    assert counts(begun.json("import", two, *as_joe)) == [1, 0, 0, 0, 0]
    for files in ((one,), (two,), (one, two), (two, one)):
        assert counts(begun.json("import", *files, *as_joe))[0] == 0
    begun.run("reopen", "--annotator", "joe", "--last", "2")
    assert counts(begun.json("import", two, one, *as_joe))[0] == 0
    assert [each["answer"] for each in contents(begun, "headlines_joe")] == ["accept", "accept", "reject"]


def test_what_a_dataset_holds_is_not_imported_into_it(begun: Team) -> None:
    """As Prodigy stored it too: by an unnamed session, in another order of keys, about tasks that left the source."""
    begun.answer("joe", 1, _timestamp=10, _answer_id="a")
    rows = [row(n, _timestamp=5, _session_id="2024-01-02_03-04-05") for n in (2, 50)]
    with begun.store() as store:
        hidden = "prodigy-team:merge:test"
        encoded = [json.dumps(dict(reversed(each.items()))).encode() for each in rows]
        hashes = [(each["_input_hash"], each["_task_hash"]) for each in rows]
        store.write_rows(hidden, [Row(0, *own, content) for own, content in zip(hashes, encoded, strict=True)])
        store.publish(hidden, "headlines_joe")
    exported = begun.run("export", "headlines_joe")

    told = begun.json("import", write(begun, exported.splitlines()), "--annotator", "joe")
    assert counts(told) == [0, 3, 0, 0, 0]
    assert len(contents(begun, "headlines_joe")) == 3


def test_an_older_answer_does_not_pass_for_the_newest(begun: Team) -> None:
    begun.answer("joe", 1, _timestamp=100, _answer_id="page", answer="reject")
    file = write(
        begun, [row(1, _timestamp=50), row(1, _timestamp=150), row(1, "ignore", _timestamp=160, _answer_id="x")]
    )
    assert counts(begun.json("import", file, "--annotator", "joe")) == [1, 0, 1, 1, 0]
    assert [each["answer"] for each in contents(begun, "headlines_joe")] == ["reject", "accept"]


def test_the_rows_say_whose_they_are(begun: Team) -> None:
    """By annotator, else session, else file; earlier names by the roster's aliases."""
    owners: list[dict[str, str]] = [{"_annotator_id": "headlines_joe-joe"}, {"_session_id": "news-joseph"}, {}]
    file = write(begun, [row(n, **each) for n, each in enumerate(owners)], "jane.jsonl")
    told = begun.json("import", file)
    assert {each["name"]: each["imported"] for each in told["people"]} == {"joe": 2, "jane": 1}
    assert len(contents(begun, "headlines_jane")) == 1


def test_strangers_stop_it_before_anything_is_stored(begun: Team) -> None:
    file = write(begun, [row(1, _session_id="news-joe"), row(2, _session_id="bob"), row(3, _session_id="bob")])
    begun.run("import", file, code=2)
    assert "Not on the roster: bob (2 rows)." in begun.errors
    assert 'aliases = ["bob"]' in begun.errors
    assert "--annotator NAME" in begun.errors
    assert contents(begun, "headlines_joe") == []
    begun.run("import", file, "--annotator", "jo", code=2)
    assert "Did you mean joe?" in begun.errors


def test_rows_that_nobody_could_read_back_are_not_stored(begun: Team) -> None:
    (begun.folder / "odd.jsonl").write_bytes(
        b'{"text": "a", "_input_hash": 1, "_task_hash": 2, "meta": "\xff"}\n'
        b'{"text": "b", "_input_hash": 1, "_task_hash": 3, "meta": "\\ud800"}\n'
    )
    told = begun.json("import", str(begun.folder / "odd.jsonl"), "--annotator", "joe")
    assert counts(told) == [0, 0, 0, 0, 2]
    assert [each["position"] for each in told["broken"]] == [1, 2]


def test_broken_rows_are_told_by_number(begun: Team) -> None:
    lines = ['{"text": ', "", "[1]", '{"label": "A"}', json.dumps(row(1, "maybe")), json.dumps(row(1))]
    told = begun.json("import", write(begun, lines), "--annotator", "joe")
    assert counts(told) == [1, 0, 0, 0, 4]
    assert [each["position"] for each in told["broken"]] == [1, 3, 4, 5]
    begun.run("import", write(begun, lines), "--annotator", "joe")
    assert "line 5: the answer is none of accept, reject, ignore" in begun.errors


@pytest.mark.parametrize("arguments", [("--answer", "yes"), ("--annotator", "zoe")])
def test_wrong_usage_is_refused(begun: Team, arguments: tuple[str, str]) -> None:
    begun.run("import", write(begun, [row(1)]), *arguments, code=2)
    begun.run("import", str(begun.folder / "none.jsonl"), code=2)
    assert not begun.database.exists()


def test_ledger_stream_and_counts_know_them(begun: Team) -> None:
    """What joe answered elsewhere is asked of nobody again, in a ledger that was made before."""
    begun.answer("joe", 0)
    begun.run("ledger", "rebuild")
    begun.run("import", write(begun, [row(n) for n in range(6)]), "--annotator", "joe")
    assert begun.pool("coverage")["counted"] == 6
    with roster_pools(read_roster(begun.folder / "team.toml"), write=True) as (pools, _):
        (pool,) = pools
        with closing(Ledger(pool.ledger, store=pool.setup.open_store, identify=lambda _: None)) as ledger:
            ledger.sync(pool.rules, pool.index)
            places = sorted(each.place for each in ledger.pull("jane", count=100).leases)
        assert places == [7, 8, 9, 10]
        assert pool.store is not None
        who = "headlines_joe", "headlines_joe-joe"
        assert pool.store.unanswered(pool.index.path, *who, after=-1, limit=100) == [7, 8, 9, 10]


def test_no_file_is_stored_twice_and_a_killed_import_is_finished() -> None:
    """All files of up to four rows of one person for one task, with times and without."""
    some = [Said(each, at) for each in (A, R) for at in (None, 1, 2)]
    for rows in chain.from_iterable(product(some, repeat=count) for count in (1, 2, 3, 4)):
        kept = new(rows, [])
        assert not new(rows, kept)
        assert all([*kept[:end], *new(rows, kept[:end])] == kept for end in range(len(kept)))


def new(rows: Sequence[Said], stored: list[Said]) -> list[Said]:
    """Those that are to be stored."""
    return [row for row, each in zip(rows, decide(stored, rows), strict=True) if each is Verdict.NEW]


@pytest.mark.parametrize(
    ("stored", "rows", "expected"),
    [
        ([], [Said(A, None), Said(A, None), Said(R, None)], "NEW ALREADY NEW"),
        ([Said(A, None), Said(R, None)], [Said(A, None)], "ALREADY"),  # the first of two files once more
        ([Said(A, None), Said(R, None), Said(S, None)], [Said(R, None)], "ALREADY"),
        ([Said(A, None), Said(R, None)], [Said(R, None), Said(A, None)], "ALREADY NEW"),
        ([Said(A, None), Said(R, None)], [Said(A, None), Said(R, None), Said(A, None)], "ALREADY ALREADY NEW"),
        ([Said(A, None), Said(R, 10)], [Said(A, None)], "ALREADY"),  # imported once, and corrected on the page
        ([Said(A, 10)], [Said(A, 20), Said(R, 10)], "ALREADY OLDER"),
        ([Said(A, 10), Said(R, 20)], [Said(A, 5), Said(S, 5), Said(A, 30)], "ALREADY OLDER NEW"),
        ([Said(A, 10, "a")], [Said(R, 20, "a")], "REFUSED"),
        ([Said(A, 10, "a")], [Said(R, 20, "b", "a")], "NEW"),
        ([Said(A, None, "a", counts=False)], [Said(A, None, "a")], "ALREADY"),
        ([Said(A, 10, counts=False)], [Said(A, 10), Said(A, 20)], "ALREADY NEW"),  # sent back, and answered again
    ],
)
def test_which_rows_are_new(stored: list[Said], rows: list[Said], expected: str) -> None:
    assert [each.name for each in decide(stored, rows)] == expected.split()
    kept = [row for row, each in zip(rows, decide(stored, rows), strict=True) if each is Verdict.NEW]
    assert Verdict.NEW not in decide([*stored, *kept], rows)
