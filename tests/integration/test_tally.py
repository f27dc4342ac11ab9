"""Answers counted at a glance come to what parsing them all comes to: files are always parsed, datasets mostly not."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from databases import Database, compact
from prodigy_team.curation.ahead import read_ahead
from prodigy_team.curation.entries import Entries, Entry
from prodigy_team.curation.gathering import Marks, gather, people_of
from prodigy_team.curation.merge import MergeReport, merge
from prodigy_team.curation.rows import compose, compose_lines
from prodigy_team.curation.sources import resolve_sources
from prodigy_team.curation.tally import Tally
from prodigy_team.store import Page, Row, Store, open_store
from prodigy_team.store.reading import one_line

PEOPLE = ("cy", "jane", "joe")


# What a training set's row is written anew for, or must not be: replaced in an answer that is plain otherwise.
INSIDE = {
    "on two lines": (b'{"text"', b'{\n"text"'),
    "on two lines, as of old": (b'{"text"', b'{\r"text"'),
    "spaced before": (b'{"text"', b'{ "text"'),
    "merged before": (b'"meta":{', b'"_annotators":["x"],"_votes":[],"meta":{'),
    "merged, as it is escaped": (b'"meta":{', b'"_annot\\u0061tors":["x"],"meta":{'),
    "in conflict before": (b'"meta":{', b'"_conflict":null,"meta" : {'),
    "versions": (b'"meta":{', b'"versions":[1],"meta" : {'),
    "versions of something in it": (b'"meta":{', b'"meta" : {"versions":"\\u00e9",'),
    "what looks like versions": (b'"meta":{', b'"meta" : {"v":"\\"versions\\"",'),
    "answered before": (b'"meta":{', b'"answer":"reject","meta":{'),
    "text twice": (b'"meta":{', b'"text":"another","meta":{'),
}


def stored(who: str, number: int, says: str, shape: str = "plain", dataset: str = "") -> bytes:
    """An answer as it may stand in a database."""
    text = f'„{number}“ \\ {{"answer":"reject","_view_id":"text"}}'
    task: dict[str, Any] = {"text": text, "meta": {"answer": "reject", "n": number}, "label": "A"}
    task |= {"_input_hash": number, "_task_hash": number if shape != "shared hash" else 1}
    task |= {"_view_id": "classification" if shape != "other view" else "text"}
    if shape == "nested behind":
        return compact({**task, "answer": says, "_timestamp": 1700000000, "config": {"answer": "accept"}})
    name = f"{dataset or who}-{who}"
    end = {"_annotator_id": name, "_session_id": name}
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
    if shape == "odd word":
        return compact(whole).replace(b'"answer":"%b"' % says.encode(), b'"answer":"%b"' % (says[:1].encode() * 6))
    if shape == "broken time":
        return compact(whole).replace(b'"_timestamp":1', b'"_timestamp":x', 1)
    if shape in INSIDE:
        return compact(whole).replace(*INSIDE[shape])
    if shape == "broken":
        return compact(whole).replace(b'"label"', b'"label', 1)
    return compact(whole)


SHAPES = (
    *("spaced", "escaped", "other order", "no time", "odd time", "shared hash", "plain", "plain", "plain", "plain"),
    *("other view", "nested behind", "answered twice in it", "odd word", "broken time", "broken"),
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
        if policy.startswith("prefer") and not any(map(_names_jane, contents["jane"])):
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


def _names_jane(content: bytes) -> bool:
    try:
        return "jane-jane" in json.loads(content).values()
    except ValueError:
        return False


SAYS = st.sampled_from(["accept", "accept", "reject", "ignore"])
MOSTLY_PLAIN = st.sampled_from([*["plain"] * 60, *SHAPES, *INSIDE])
# By whom; whether it counts: `Marks` by number; then `stored`.
GIVEN = st.tuples(st.sampled_from(PEOPLE), st.integers(0, 12), st.tuples(st.integers(1, 20), SAYS, MOSTLY_PLAIN))


@settings(max_examples=60)
@given(
    said=st.tuples(*(st.lists(GIVEN, max_size=12) for _ in PEOPLE)),
    policy=st.sampled_from(["majority", "review", "unanimous"]),
)
def test_datasets_of_several_people_with_answers_that_do_not_count(
    tmp_path_factory: Any, said: Any, policy: str
) -> None:
    compare_with_parsing(tmp_path_factory.mktemp("tally"), said, policy)


@pytest.mark.parametrize("seed", range(8))
def test_pages_of_answers_by_one_person_each(tmp_path: Path, seed: int) -> None:
    """Which are counted as a whole; few that look different or do not count are among them."""
    chance, odd = random.Random(seed), [("odd word",), ("broken time",), SHAPES, [*INSIDE]][seed % 4]

    def given_by(who: str) -> Any:
        by = who if chance.random() < 0.998 else "jane"
        shape = "plain" if chance.random() < 0.99 else chance.choice(odd)
        says = chance.choices(["accept", "reject", "ignore"], [6, 3, 1])[0]
        return by, chance.randrange(1000), (chance.randrange(1000), says, shape)

    said = [[given_by(who) for _ in range(300)] for who in PEOPLE]
    compare_with_parsing(tmp_path, said, ["majority", "review"][seed // 4])


@pytest.mark.parametrize("shape", INSIDE)
def test_rows_as_they_were_stored_and_rows_written_anew(tmp_path: Path, shape: str) -> None:
    compare_with_parsing(tmp_path, [[(who, 9, (n, "accept", shape)) for n in range(40)] for who in PEOPLE], "majority")


def compare_with_parsing(folder: Path, said: Sequence[Sequence[Any]], policy: str) -> None:
    """Merge datasets twice: a file among the sources, though nothing is in it, has all of them parsed."""
    contents = {
        dataset: [stored(who, *each, dataset) for who, _, each in own]
        for dataset, own in zip(PEOPLE, said, strict=True)
    }
    with closing(open_store(Database("sqlite", folder / "a.db"), write=True, create=True)) as store:
        fill(store, contents)
        marks = {}
        for dataset, own in zip(PEOPLE, said, strict=True):
            kinds = {row.link: kind for row, (_, kind, _) in zip(store.rows(dataset), own, strict=True)}
            chosen = (frozenset(link for link, kind in kinds.items() if kind == each) for each in range(4))
            marks[dataset] = Marks(*chosen)
        (folder / "nothing.jsonl").touch()
        reports = []
        for name, more in (("parsed", [str(folder / "nothing.jsonl")]), ("glanced", [])):
            into, left = str(folder / f"{name}.jsonl"), str(folder / f"{name}-left.jsonl")
            report = merge(store, [*PEOPLE, *more], into, policy, conflicts=left, marks=marks)
            reports.append({**counts(report), "gold": report.gold, "surplus": report.surplus})
    assert reports[0] == reports[1]
    for name in ("", "-left"):
        parsed, glanced = (folder / f"{each}{name}.jsonl" for each in ("parsed", "glanced"))
        assert parsed.exists() == glanced.exists()
        assert not parsed.exists() or parsed.read_bytes() == glanced.read_bytes()


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


@pytest.mark.parametrize("between", [0, 60, 500])
def test_pages_are_the_rows_whatever_stands_in_them(store: Store, between: int) -> None:
    """And whether few, many or no links of another dataset lie between."""
    contents = [b'{"a":1}', b'{\n"a":2}', b"", b"x" * 5_000_000, *(b'{"b":%d}' % each for each in range(700))]
    contents.insert(99, b"y" * 5_000_000)  # after it little is read at a time, where links of others follow
    for start in range(0, len(contents), 100):
        for dataset, some in (("d", contents[start : start + 100]), ("e", [b"{}"] * between)):
            store.write_rows("prodigy-team:test", (Row(0, 1, 1, each) for each in some))
            store.publish("prodigy-team:test", dataset)
    rows = [(row.link, row.content) for row in store.rows("d")]
    assert [content for _, content in rows] == contents
    assert rows_of(store.pages("d")) == rows
    assert list(store.pages("nowhere")) == []
    lines: list[bytes] = []
    assert store.export("d", lines.append) == len(contents)
    assert b"".join(lines) == b"".join(one_line(content) + b"\n" for content in contents)
    for step in (1, 7):
        links = [link for link, _ in rows][::step]
        assert rows_of(store.pages_at("d", links)) == rows[::step]
        assert [(row.link, row.content) for row in store.rows_at("d", links)] == rows[::step]


def rows_of(pages: Iterable[Page]) -> list[tuple[int, bytes]]:
    """Link and content of each row."""
    found = []
    for links, lines in pages:
        assert all(line.endswith(b"\n") for line in lines)
        assert len(lines) == 1 or not any(b"\n" in line[:-1] for line in lines)
        found += [(link, line[:-1]) for link, line in zip(links, lines, strict=True)]
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
            entries = Entries(Entry((0, row.link), added, **more) for row in store.rows("d"))  # type: ignore[arg-type]
            wanted = [one_line(row.content) for row in compose(store, sources, entries)]
            assert b"\n".join(compose_lines(store, sources, entries)) == b"\n".join(wanted)


def test_too_little_that_is_alike_is_left_to_parsing(store: Store) -> None:
    contents = {"joe": [stored("joe", number, "accept", "spaced") for number in range(1, 1500)]}
    fill(store, contents)
    sources = resolve_sources(store, ["joe"])
    assert not Tally(store, sources, people_of(store), {}).read()
    assert gather(store, sources).only is None


def test_reading_ahead_gives_everything_in_order_and_fails_where_reading_failed() -> None:
    def items(last: int) -> Iterator[int]:
        yield from range(last)
        raise ValueError("here")

    assert list(read_ahead(range(100))) == list(range(100))
    found: list[int] = []
    with pytest.raises(ValueError, match="here"):
        found.extend(read_ahead(items(10)))
    assert found == list(range(10))


def test_reading_ahead_ends_with_whoever_reads() -> None:
    drawn = []
    with closing(read_ahead(drawn.append(each) or each for each in range(1, 1000))) as items:  # type: ignore[func-returns-value]
        assert next(items) == 1
    assert len(drawn) < 10
    assert not any(each.name == "read-ahead" for each in threading.enumerate())
