"""An export is byte for byte what is stored, in link order, one record a line."""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from databases import Database, add_as_prodigy, make_prodigy_database, new_answer
from prodigy_team.curation.drop import drop_dataset
from prodigy_team.curation.export import export_dataset
from prodigy_team.errors import TeamError, UsageError
from prodigy_team.store import Store, open_store
from support import shared_data


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return make_prodigy_database(tmp_path / "prodigy.db")


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    opened = open_store(Database("sqlite", path), write=True)
    yield opened
    opened.close()


def exported(store: Store, dataset: str) -> bytes:
    stream = io.BytesIO()
    count = export_dataset(store, dataset, stream)
    assert count == len(list(store.answers(dataset)))
    return stream.getvalue()


@pytest.mark.parametrize(
    "name",
    [
        "annotated_news_headlines-ORG-PERSON-LOCATION-ner.jsonl",
        "annotated_github-issues-DOCUMENTATION-textcat.jsonl",
        "prodigy14_ner_fashion_10rows.jsonl",
        "prodigy14_textcat_choice_25rows.jsonl",
    ],
)
def test_real_answers_come_out_as_they_went_in(path: Path, store: Store, name: str) -> None:
    data = shared_data(name).read_bytes()
    add_as_prodigy(path, "d", data.splitlines(), session="d-joe")
    assert exported(store, "d") == exported(store, "d-joe") == data.rstrip(b"\n") + b"\n"


def test_order_is_that_of_links_across_pages_and_datasets(path: Path, store: Store) -> None:
    for start in range(0, 3000, 50):
        add_as_prodigy(path, "even", [b"%d" % number for number in range(start, start + 50, 2)])
        add_as_prodigy(path, "odd", [b"%d" % number for number in range(start + 1, start + 50, 2)])
    assert exported(store, "odd") == b"".join(b"%d\n" % number for number in range(1, 3000, 2))


@pytest.mark.parametrize("others", [0, 20, 400])
def test_all_that_is_left_comes_out_wherever_it_lies(path: Path, store: Store, others: int) -> None:
    """Close together or far apart, and with long gaps where something was removed."""
    for start in range(0, 2000, 100):
        add_as_prodigy(path, "d", [b"%d" % number for number in range(start, start + 100)])
        add_as_prodigy(path, "e", [b"{}"] * others)
    with closing(sqlite3.connect(path)) as connection, connection:
        own = [link for (link,) in connection.execute("SELECT id FROM link WHERE dataset_id = 1 ORDER BY id")]
        connection.executemany("DELETE FROM link WHERE id = ?", [(link,) for link in own[300:1000]])
    wanted = [*range(300), *range(1000, 2000)]
    assert exported(store, "d") == b"".join(b"%d\n" % number for number in wanted)


@pytest.mark.parametrize(
    ("stored", "line"),
    [
        (b'{"a":"\x00b"}', b'{"a":"\x00b"}'),
        (b'{"a": 1.50, "b": "\\u00e9"}', b'{"a": 1.50, "b": "\\u00e9"}'),
        (b'{\n  "a": [1,\r\n 2],\n "b c": "d \\" e\\n"\n}', b'{"a":[1,2],"b c":"d \\" e\\n"}'),
        (b'{"a":"raw\nbreak"}', b'{"a":"raw\\nbreak"}'),
        (b'{"a":"\xff\xfe not utf-8"}', b'{"a":"\xff\xfe not utf-8"}'),
        (b"", b""),
    ],
)
def test_records_of_every_kind_stay_on_a_line(path: Path, store: Store, stored: bytes, line: bytes) -> None:
    around = [b'{"x":%d}' % number for number in range(40)]
    add_as_prodigy(path, "d", [*around, stored, *around])
    assert exported(store, "d").split(b"\n") == [*around, line, *around, b""]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(JSON, st.sampled_from([None, 1, "\t"]), st.booleans()), max_size=30))
def test_whatever_is_stored_keeps_its_meaning_one_record_a_line(
    tmp_path_factory: pytest.TempPathFactory, records: list[tuple[object, int | str | None, bool]]
) -> None:
    path = make_prodigy_database(tmp_path_factory.mktemp("any") / "a.db")
    texts = [json.dumps(value, indent=indent, ensure_ascii=False) for value, indent, _ in records]
    add_as_prodigy(path, "d", [t if as_text else t.encode() for t, (*_, as_text) in zip(texts, records, strict=True)])
    with closing(open_store(Database("sqlite", path), write=False)) as store:
        lines = exported(store, "d").split(b"\n")[:-1]
    assert [json.loads(line) for line in lines] == [value for value, _, _ in records]
    assert all(line.decode() == text for line, text in zip(lines, texts, strict=True) if "\n" not in text)


def test_large_records(path: Path, store: Store) -> None:
    contents = [b'{"image":"%s"}' % (bytes([65 + number % 26]) * 1_000_000) for number in range(30)]
    add_as_prodigy(path, "d", contents)
    assert exported(store, "d") == b"".join(content + b"\n" for content in contents)


def test_a_file_is_there_as_a_whole_or_not_at_all(path: Path, store: Store, tmp_path: Path) -> None:
    add_as_prodigy(path, "d", [b"1", b"2"])
    output, plain = tmp_path / "out.jsonl", tmp_path / "plain.txt"
    assert export_dataset(store, "d", output) == 2
    assert output.read_bytes() == b"1\n2\n"
    plain.touch()
    assert output.stat().st_mode == plain.stat().st_mode, "as of any file that this account makes"
    with pytest.raises(TeamError, match="cannot be written"):
        export_dataset(store, "d", tmp_path / "none" / "out.jsonl")
    assert [each.name for each in tmp_path.glob("*.part")] + [each.name for each in tmp_path.glob(".*.part")] == []


def test_an_unknown_dataset_is_refused_with_what_there_is(path: Path, store: Store) -> None:
    add_as_prodigy(path, "d", [b"1"])
    with pytest.raises(UsageError, match=r"no dataset e. There is: d"):
        export_dataset(store, "e", io.BytesIO())


def test_dropping_shows_the_counts_and_keeps_a_copy(store: Store, tmp_path: Path) -> None:
    store.append("d", [[new_answer("a", sessions=("d-joe",)), new_answer("b")]])
    folder = tmp_path / "dropped"

    planned = drop_dataset(store, "d", folder, dry_run=True)
    assert (planned.answers, planned.sessions, planned.copy) == (2, (("d-joe", 1),), None)
    assert not folder.exists()

    done = drop_dataset(store, "d", folder, now=1_700_000_000)
    assert done.copy is not None
    assert done.answers == 2
    assert done.copy.read_bytes() == new_answer("a").content + b"\n" + new_answer("b").content + b"\n"
    assert store.datasets() == []
    with pytest.raises(UsageError, match="no dataset d"):
        drop_dataset(store, "d", folder)
