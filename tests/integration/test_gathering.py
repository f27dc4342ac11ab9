"""Answers of any sources: whose they are, which task they belong to, which is the newest, and what does not count."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from databases import Database, add_as_prodigy, compact
from prodigy_team.curation.gathering import Marks, People, gather, grouped
from prodigy_team.curation.sources import Source, resolve_sources
from prodigy_team.errors import TeamError, UsageError
from prodigy_team.store import Row, Store, open_store
from support import SHARED


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(Database("sqlite", tmp_path / "answers.db"), write=True, create=True)
    yield opened
    opened.close()


def put(store: Store, dataset: str, *answers: dict[str, Any]) -> None:
    rows = (Row(0, len(each.get("text", "")), 7, compact({"_view_id": "ner_manual", **each})) for each in answers)
    store.write_rows("prodigy-team:test", rows)
    store.publish("prodigy-team:test", dataset)


def write(path: Path, *lines: bytes | dict[str, Any]) -> str:
    path.write_bytes(b"\n".join(each if isinstance(each, bytes) else compact(each) for each in lines) + b"\n")
    return str(path)


def said(store: Store | None, names: list[str], **more: Any) -> dict[tuple[str, str], str]:
    """Text and person -> the answer that counts."""
    gathering = gather(store, resolve_sources(store, names), **more)
    return {
        (each.kept.record.text, each.annotator): each.kept.answer
        for task in grouped(gathering)
        for each in task.opinions
    }


@pytest.mark.parametrize(
    ("source", "stored", "name"),
    [
        ("my-data", "my-data-jane", "jane"),
        ("my-data", "my-data-jane-b", "jane-b"),
        ("my-data", "miracle", "miracle"),
        ("my-data", None, "my-data"),
        ("my-data", "my-data-2023-10-27_16-51-38", "my-data"),
        ("my-data", "2023-10-27_16-51-38", "my-data"),
        ("t_joe", "t_joe-jane", "joe"),
        ("t_joe-joe", "t_joe-joe", "joe"),
        ("t_joe-joe", None, "joe"),
        ("out/joe.jsonl", None, "joe"),
        ("out/joe.jsonl", "2023-10-27_16-51-38", "joe"),
        ("out/joe.jsonl", "my-data-jane", "jane"),
        ("out/joe.jsonl", "elsewhere-jane", "jane"),
        ("out/joe.jsonl", "elsewhere-unknown", "elsewhere-unknown"),
        ("my-data", "my-data-joseph", "joe"),
    ],
)
def test_who_answered(source: str, stored: str | None, name: str) -> None:
    aliases = {"joe": "joe", "jane": "jane", "joseph": "joe"}
    people = People(
        writers={"t_joe": "joe"}, aliases=aliases, datasets=["my", "my-data", "t_joe"], sessions=["t_joe-joe"]
    )
    path = Path(source) if source.endswith(".jsonl") else None
    assert people.name(Source(source, path), stored, stored) == name


def test_datasets_and_files_together(store: Store, tmp_path: Path) -> None:
    put(store, "t_joe", {"text": "a", "answer": "accept"}, {"text": "b", "answer": "ignore"})
    file = write(tmp_path / "jane.jsonl", {"text": "a", "answer": "reject", "_view_id": "ner_manual"}, b"", b"{broken")
    gathering = gather(store, resolve_sources(store, [file, "t_joe", "t_joe"]))
    found = [(each.source.name, each.position, each.annotator, each.answer) for each in gathering]
    assert [each[1:] for each in found[-1:]] == [(1, "jane", "reject")]
    assert [(name, answer) for name, _, _, answer in found[:-1]] == [("t_joe", "accept"), ("t_joe", "ignore")]
    assert dict(gathering.counts) == {"read": 4, "unreadable": 1}
    assert [(each.source, each.position) for each in gathering.broken] == [(file, 3)]
    assert dict(gathering.views) == {"ner_manual": 3}


def test_hashes_are_computed_where_they_are_missing(tmp_path: Path) -> None:
    """A row without hashes belongs to the same task as one with them, spaced and escaped as it may be."""
    uber = "Uber\u2019s Lesson: Silicon Valley\u2019s Start-Up Machine Needs Fixing"
    task = {"text": uber, "meta": {"source": "The New York Times"}, "_view_id": "ner_manual"}
    with_hashes = {**task, "_input_hash": 1886699658, "_task_hash": -1952856502, "answer": "accept", "spans": []}
    spaced = b'{ "text": "%s", "spans": [ {"start": 0, "end": 4, "label": "A"} ], "answer": "accept" , "tokens":[]}'
    escaped = uber.encode("ascii", "backslashreplace")
    sources = [write(tmp_path / "a.jsonl", with_hashes), write(tmp_path / "b.jsonl", spaced % escaped)]
    (first, second) = gather(None, resolve_sources(None, sources))
    assert (first.task, first.input_hash) == (second.task, second.input_hash)
    assert first.judgement != second.judgement


def test_a_row_that_asks_nothing_is_told(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", {"answer": "accept"}, {"answer": "accept", "_input_hash": 1, "_task_hash": 2})
    gathering = gather(None, resolve_sources(None, [file]))
    assert [each.position for each in gathering] == [2]
    assert [each.reason for each in gathering.broken] == ["no text, image, html, input or hash"]


def test_the_newest_answer_of_each_person_counts(store: Store, tmp_path: Path) -> None:
    put(store, "b", {"text": "a", "answer": "accept", "_annotator_id": "joe", "_timestamp": 9})
    put(store, "a", {"text": "a", "answer": "reject", "_annotator_id": "joe", "_timestamp": 8})
    assert said(store, ["a", "b"]) == {("a", "joe"): "reject"}, "in the database what was stored last"
    row = {"text": "a", "_view_id": "ner_manual", "_input_hash": 1, "_annotator_id": "joe"}
    file = write(
        tmp_path / "x.jsonl",
        {**row, "answer": "accept", "_timestamp": 20},
        {**row, "answer": "ignore", "_timestamp": 10},
    )
    assert said(store, [file]) == {("a", "joe"): "ignore"}, "in a file what stands last"
    for names in permutations(["a", "b", file]):
        assert said(store, list(names)) == {("a", "joe"): "ignore"}, "between them the later time"


def test_hashes_that_collide_and_views_that_differ_are_kept_apart(store: Store) -> None:
    hashes = {"_input_hash": 1, "_task_hash": 1}
    put(
        store,
        "a",
        {"text": "a", "answer": "accept", **hashes},
        {"text": "b", "answer": "accept", **hashes},
        {"text": "a", "answer": "accept", **hashes, "_view_id": "choice", "options": [], "accept": []},
        {"text": "a", "answer": "accept", **hashes, "_view_id": "classification", "label": "A"},
        {"text": "a", "answer": "accept", **hashes, "_view_id": "classification", "label": "B"},
    )
    gathering = gather(store, resolve_sources(store, ["a"]))
    assert len(list(grouped(gathering))) == 5
    assert gathering.counts["collisions"] == 2
    by_input = gather(store, resolve_sources(store, ["a"]), by="input")
    assert len(list(grouped(by_input))) == 4, "both labels are then answers to one input"
    assert dict(gathering.views) == {"ner_manual": 2, "choice": 1, "classification": 2}


def test_what_does_not_count_is_counted_and_its_copies_are_repeats(store: Store) -> None:
    put(store, "d", *({"text": text, "answer": "accept", "_session_id": "d-joe"} for text in "abcd"))
    put(store, "d-joe", *({"text": text, "answer": "accept", "_session_id": "d-joe"} for text in "abcd"))
    links = [row.link for row in store.rows("d")]
    marks = {"d": Marks(frozenset(links[:1]), frozenset(links[1:2]), frozenset({links[0], links[2]}))}
    gathering = gather(store, resolve_sources(store, ["d", "d-joe"]), marks=marks)
    assert [each.opinions[0].kept.record.text for each in grouped(gathering)] == ["d"]
    expected = {"read": 8, "reopened": 2, "surplus": 1, "repeated": 4, "collisions": 0}
    assert dict(gathering.counts) == {**expected, "collisions": gathering.counts["collisions"]}


def test_a_decision_stands_beside_what_it_decides(store: Store) -> None:
    asked = {"text": "a", "_input_hash": 1, "_task_hash": 1}
    put(store, "d", {**asked, "answer": "accept", "_annotator_id": "joe"})
    put(store, "r", {**asked, "answer": "accept", "view_id": "ner_manual", "_view_id": "review", "versions": []})
    (task,) = grouped(gather(store, resolve_sources(store, ["d", "r"])))
    assert [(each.annotator, each.decision) for each in task.opinions] == [("joe", False), ("r", True)]


def test_what_is_not_there_is_refused_with_the_nearest_names(store: Store, tmp_path: Path) -> None:
    put(store, "headlines_joe", {"text": "a", "answer": "accept"})
    file = write(tmp_path / "jane.jsonl", {"text": "a"})
    with pytest.raises(UsageError, match=r"no dataset headlines_jo\. Did you mean headlines_joe"):
        resolve_sources(store, ["headlines_jo"])
    with pytest.raises(UsageError, match=rf"no file .*Did you mean {file}"):
        resolve_sources(store, [file.replace("jane", "jan")])
    with pytest.raises(UsageError, match="no dataset to merge"):
        resolve_sources(store, [])
    Path(file).unlink()
    with pytest.raises(TeamError, match="cannot be read: No such file"):
        list(gather(None, [Source(file, Path(file))]))


def test_answers_as_prodigy_of_every_age_stored_them(store: Store, tmp_path: Path) -> None:
    add_as_prodigy(tmp_path / "answers.db", "d", ['{"text":"a","answer":"accept"}', b"\xff", b"[1]", b'{"text":"b"}'])
    gathering = gather(store, resolve_sources(store, ["d"]))
    assert [(each.record.text, each.answer, each.view) for each in gathering] == [
        ("a", "accept", "text"),
        ("b", "", "text"),
    ]
    assert gathering.counts["unreadable"] == 2


@pytest.mark.skipif(not (SHARED / "data").is_dir(), reason="the shared data are not here")
def test_real_files_lose_nothing() -> None:
    for path in sorted((SHARED / "data").glob("*rows.jsonl")) + sorted((SHARED / "data").glob("annotated*.jsonl")):
        gathering = gather(None, resolve_sources(None, [str(path)]))
        tasks = list(grouped(gathering))
        assert gathering.counts["read"] == len(path.read_bytes().splitlines())
        assert gathering.counts["unreadable"] == 0
        assert sum(len(each.opinions) for each in tasks) + gathering.counts["repeated"] == gathering.counts["read"]
        assert {opinion.annotator for each in tasks for opinion in each.opinions} == {path.name.partition(".")[0]}


def test_rows_whose_unread_parts_are_broken_are_counted(tmp_path: Path) -> None:
    """Where a hash is to be computed all of a row is read, and what no agreement looks at may be no text."""
    good = {"text": "a", "answer": "accept"}
    odd = (
        b'{"text": "b", "meta": "\xff"}',
        rb'{"text": "c", "meta": "\ud800"}',
        b'{"text": "d", "m": %b}' % (b"[" * 5000),
    )
    gathering = gather(None, resolve_sources(None, [write(tmp_path / "a.jsonl", *odd, good)]))
    assert [each.record.text for each in gathering] == ["a"]
    assert [each.position for each in gathering.broken] == [1, 2, 3]
