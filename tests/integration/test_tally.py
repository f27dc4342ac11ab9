"""Answers counted at a glance come to what parsing them all comes to: files are always parsed, datasets mostly not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from databases import Database, compact
from prodigy_team.curation.gathering import Marks, gather, people_of
from prodigy_team.curation.merge import MergeReport, merge
from prodigy_team.curation.rows import Entry, compose, compose_lines
from prodigy_team.curation.sources import resolve_sources
from prodigy_team.curation.tally import Tally
from prodigy_team.store import Row, Store, open_store
from prodigy_team.store.reading import one_line

PEOPLE = ("cy", "jane", "joe")


def stored(who: str, number: int, says: str, shape: str = "plain") -> bytes:
    """An answer as it may stand in a database."""
    text = f'„{number}“ \\ {{"answer":"reject","_view_id":"text"}}'
    task: dict[str, Any] = {"text": text, "meta": {"answer": "reject", "n": number}, "label": "A"}
    task |= {"_input_hash": number, "_task_hash": number if shape != "shared hash" else 1}
    task |= {"_view_id": "classification" if shape != "other view" else "text"}
    if shape == "nested behind":
        return compact({**task, "answer": says, "_timestamp": 1700000000, "config": {"answer": "accept"}})
    end = {"_annotator_id": f"{who}-{who}", "_session_id": f"{who}-{who}"}
    whole = {**task, "answer": says, "_timestamp": 1700000000 + number, **end}
    if shape == "spaced":
        return json.dumps(whole).encode()
    if shape == "escaped":
        return json.dumps(whole, separators=(",", ":")).encode()
    if shape == "other order":
        return compact({"answer": says, **whole})
    if shape == "no time":
        return compact({**task, "answer": says, **end})
    if shape == "odd time":
        return compact({**whole, "_timestamp": 1700000000.25})
    if shape == "answered twice in it":
        return compact(task)[:-1] + b',"answer":"accept","answer":"%b","_timestamp":1700000000}' % says.encode()
    if shape == "broken":
        return compact(whole).replace(b'"label"', b'"label', 1)
    return compact(whole)


SHAPES = (
    *("plain", "plain", "plain", "plain", "spaced", "escaped", "other order", "no time", "odd time", "shared hash"),
    *("other view", "nested behind", "answered twice in it", "broken"),
)
ANSWER = st.tuples(
    st.integers(1, 6), st.sampled_from(["accept", "accept", "reject", "ignore"]), st.sampled_from(SHAPES)
)


def counts(report: MergeReport) -> dict[str, Any]:
    keys = ("read", "used", "repeated", "conflicting", "rejected", "ignored", "unreadable", "conflicts", "collisions")
    return {key: getattr(report, key) for key in (*keys, "tasks", "unsettled", "outvoted", "views")}


@settings(max_examples=60)
@given(
    said=st.tuples(*(st.lists(ANSWER, max_size=12) for _ in PEOPLE)),
    policy=st.sampled_from(["majority", "review", "prefer=jane"]),
    by=st.sampled_from(["auto", "task", "input"]),
)
def test_counting_at_a_glance_is_parsing(tmp_path_factory: Any, said: Any, policy: str, by: Any) -> None:
    folder: Path = tmp_path_factory.mktemp("tally")
    contents = {who: [stored(who, *each) for each in own] for who, own in zip(PEOPLE, said, strict=True)}
    with closing(open_store(Database("sqlite", folder / "a.db"), write=True, create=True)) as store:
        fill(store, contents)
        for who, own in contents.items():
            (folder / f"{who}.jsonl").write_bytes(b"\n".join(own))
        if policy.startswith("prefer") and not any(b'"jane-jane"' in each for each in contents["jane"]):
            policy = "unanimous"
        files = [str(folder / f"{who}.jsonl") for who in PEOPLE]
        parsed = merge(None, files, str(folder / "gold.jsonl"), policy, by=by, conflicts=str(folder / "left.jsonl"))
        glanced = merge(store, PEOPLE, "gold", policy, by=by, conflicts="left")
        assert counts(glanced) == counts(parsed)
        merge(store, PEOPLE, str(folder / "gold.copy.jsonl"), policy, by=by, conflicts=str(folder / "left.copy.jsonl"))
        for name in ("gold", "left"):
            file, copy = folder / f"{name}.jsonl", folder / f"{name}.copy.jsonl"
            assert list(store.answers(name)) == (file.read_bytes().splitlines() if file.exists() else [])
            assert (copy.read_bytes() if copy.exists() else b"") == (file.read_bytes() if file.exists() else b"")


def fill(store: Store, contents: dict[str, list[bytes]]) -> None:
    for who, own in contents.items():
        store.write_rows("prodigy-team:test", (Row(0, *_hashes(each), each) for each in own))
        if own:
            store.publish("prodigy-team:test", who)
        else:
            store.ensure_dataset(who)


def _hashes(content: bytes) -> tuple[int, int]:
    try:
        answer = json.loads(content)
    except ValueError:
        return 0, 0
    return answer["_input_hash"], answer["_task_hash"]


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with closing(open_store(Database("sqlite", tmp_path / "a.db"), write=True, create=True)) as opened:
        yield opened


def test_what_is_alike_is_counted_and_the_rest_is_named(store: Store) -> None:
    """Otherwise the test above would compare parsing with parsing."""
    contents = {who: [stored(who, number, "accept") for number in range(1, 40)] for who in PEOPLE}
    contents["cy"] += [stored("cy", 3, "reject"), stored("cy", 50, "accept", "spaced"), stored("cy", 51, "accept")]
    contents["joe"] += [stored("joe", 7, "accept", "escaped"), stored("joe", 60, "accept", "shared hash")]
    fill(store, contents)
    first = next(row.link for row in store.rows("jane"))
    tally = Tally(store, resolve_sources(store, PEOPLE), people_of(store), {"jane": Marks(gold=frozenset({first}))})
    assert tally.read()
    # Task 3 twice by cy, 7 once escaped, 50 spaced, 60 with the hash of 1, and 1 with an answer that does not count.
    assert {name: len(links) for name, links in tally.rest.items()} == {"cy": 5, "jane": 3, "joe": 5}
    assert (tally.view, sorted(tally.people), tally.counted.total()) == ("classification", list(PEOPLE), 122 - 13)


def test_pages_are_the_rows_whatever_stands_in_them(store: Store) -> None:
    contents = [b'{"a":1}', b'{\n"a":2}', b"", b"x" * 5_000_000, *(b'{"b":%d}' % each for each in range(700))]
    store.write_rows("prodigy-team:test", (Row(0, 1, 1, each) for each in contents))
    store.publish("prodigy-team:test", "d")
    rows = [(row.link, row.content) for row in store.rows("d")]
    assert rows_of(store.pages("d")) == rows
    assert list(store.pages("nowhere")) == []
    for step in (1, 7):
        links = [link for link, _ in rows][::step]
        assert rows_of(store.pages_at("d", links)) == rows[::step]
        assert [(row.link, row.content) for row in store.rows_at("d", links)] == rows[::step]


def rows_of(pages: Iterable[tuple[Sequence[int], bytes]]) -> list[tuple[int, bytes]]:
    """Link and content of each row."""
    found = []
    for links, lines in pages:
        assert lines.endswith(b"\n")
        contents = lines[:-1].split(b"\n") if len(links) > 1 else [lines[:-1]]
        found += list(zip(links, contents, strict=True))
    return found


@pytest.mark.parametrize(
    "odd",
    [
        *(
            b'{"a":1, "b":2} ',
            b'{"a":\r1}',
            b'{\n"a":1}',
            b"{}",
            b'{"a":"}\\n{}"}',
            b'{"versions":[],"_view_id":"review"}',
        ),
        *(b'{"_votes":0,"_annotators":["x"]}', b'{"a":1}'),
    ],
)
def test_lines_of_a_training_set_are_its_rows(store: Store, odd: bytes) -> None:
    """Written by the page or row by row, whatever stands in one of them."""
    contents = [b'{"n":%d,"_annotator_id":"joe"}' % number for number in range(40)]
    contents[30] = odd
    store.write_rows("prodigy-team:test", (Row(0, 1, 1, each) for each in contents))
    store.publish("prodigy-team:test", "d")
    sources = resolve_sources(store, ["d"])
    for more in ({}, {"annotator": "joe"}, {"spans": frozenset({(0, 1, "A")})}):
        for added in (b'"_votes":1', b""):
            entries = [Entry((0, row.link), added, **more) for row in store.rows("d")]  # type: ignore[arg-type]
            wanted = [one_line(row.content) for row in compose(store, sources, entries)]
            assert b"\n".join(compose_lines(store, sources, entries)) == b"\n".join(wanted)


def test_too_little_that_is_alike_is_left_to_parsing(store: Store) -> None:
    contents = {"joe": [stored("joe", number, "accept", "spaced") for number in range(1, 1500)]}
    fill(store, contents)
    sources = resolve_sources(store, ["joe"])
    assert not Tally(store, sources, people_of(store), {}).read()
    assert gather(store, sources).only is None
