"""Databases that Prodigy left behind since 2017: each opens, reads, exports, and takes answers beside Prodigy's."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from databases import (
    PRODIGY_DDL,
    Database,
    add_as_prodigy,
    ask,
    change,
    identify,
    make_index,
    make_prodigy_database,
    new_answer,
)
from prodigy_team.store import Outcome, Store, open_store

AGES = {
    "2022": PRODIGY_DDL,
    "2018, big integers": [line.replace('_hash" INTEGER', '_hash" BIGINT') for line in PRODIGY_DDL],
    "text in place of blobs": [line.replace('"content" BLOB', '"content" TEXT') for line in PRODIGY_DDL],
    "structured tables beside": [*PRODIGY_DDL, "CREATE TABLE structured_example (id INTEGER PRIMARY KEY, data TEXT)"],
    "without session column": [line.replace(', "session" INTEGER NOT NULL', "") for line in PRODIGY_DDL[:1]]
    + list(PRODIGY_DDL[1:]),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "prodigy.db"


def read(path: Path) -> Store:
    return open_store(Database("sqlite", path), write=False)


def exported(store: Store, dataset: str) -> bytes:
    parts: list[bytes] = []
    store.export(dataset, parts.append)
    return b"".join(parts)


@pytest.mark.parametrize("age", [name for name in AGES if name != "without session column"])
def test_answers_of_every_age_are_read_and_joined_by_new_ones(path: Path, tmp_path: Path, age: str) -> None:
    make_prodigy_database(path, ddl=AGES[age])
    old = [new_answer(f"{number} ü").content for number in range(30)]
    add_as_prodigy(path, "d", [each.decode() for each in old] if "text" in age else old, session="2018-02-01_10-00-00")
    before = path.read_bytes()

    with closing(read(path)) as store:
        assert list(store.answers("d")) == old
        assert exported(store, "d") == b"".join(each + b"\n" for each in old)
        assert store.activity(["d"])["d"].answers == 30
        assert [info.answers for info in store.datasets()] == [30, 30]
        assert store.team_datasets("t") == []
        index = make_index(tmp_path / "index.db", ["a", "b"])
        assert store.unanswered(index, "d", None, after=-1, limit=9) == [0, 1]
        assert store.count_answered(index, "d", None) == 0
    assert path.read_bytes() == before

    with closing(open_store(Database("sqlite", path), write=True)) as store:
        store.reconcile("d", identify)
        assert store.append("d", [[new_answer("3 ü"), new_answer("new")]]) == [[Outcome.REPEATED, Outcome.STORED]]
        assert list(store.answers("d"))[-1] == new_answer("new").content
    assert ask(path, "PRAGMA journal_mode") == [("delete",)]
    assert not list(tmp_path.glob("*-wal"))


def test_a_database_without_the_session_column_is_read(path: Path) -> None:
    make_prodigy_database(path, ddl=AGES["without session column"])
    change(path, "INSERT INTO dataset VALUES (1, 'd', 5, x'7b7d')")
    with closing(read(path)) as store:
        assert [(info.name, info.session) for info in store.datasets()] == [("d", False)]


def test_orphans_and_empty_sessions_do_no_harm(path: Path) -> None:
    make_prodigy_database(path)
    add_as_prodigy(path, "gone", [new_answer("x").content], session="gone-joe")
    add_as_prodigy(path, "d", [new_answer("a").content, new_answer("b").content])
    change(
        path,
        "INSERT INTO dataset (name, created, meta, session) VALUES ('2022-06-01_16-44-07', 1, x'7b7d', 1)",
        "DELETE FROM link WHERE dataset_id = (SELECT id FROM dataset WHERE name = 'gone')",
        "DELETE FROM dataset WHERE name = 'gone'",
        "INSERT INTO link (example_id, dataset_id) VALUES (999, (SELECT id FROM dataset WHERE name = 'd'))",
    )
    with closing(read(path)) as store:
        assert [json.loads(content)["text"] for content in store.answers("d")] == ["a", "b"]
        assert exported(store, "d").count(b"\n") == 2
        assert {info.name for info in store.datasets()} == {"d", "gone-joe", "2022-06-01_16-44-07"}
    with closing(open_store(Database("sqlite", path), write=True)) as store:
        store.reconcile("d", identify)
        store.append("d", [[new_answer("c")]])
        store.reconcile("d", identify)
        assert len(list(store.answers("d"))) == 3
        assert store.drop("d") == 4
        assert [info.answers for info in store.datasets()] == [1, 0]


def test_text_in_a_file_of_sixteen_bit_characters(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA encoding = 'UTF-16le'")
        for statement in PRODIGY_DDL:
            connection.execute(statement)
    contents = ['{"text":"ü \U0001f600"}', '{"text":\n"b"}']
    add_as_prodigy(path, "d", contents)
    add_as_prodigy(path, "d", [each.encode() for each in contents])
    with closing(read(path)) as store:
        assert list(store.answers("d")) == [each.encode() for each in contents] * 2
        assert exported(store, "d") == ('{"text":"ü \U0001f600"}\n{"text":"b"}\n' * 2).encode()


def test_a_file_of_prodigys_own_stays_in_use_by_it(path: Path) -> None:
    """A Prodigy that has the file open, even reading, is not disturbed by our opening it for writing."""
    make_prodigy_database(path)
    add_as_prodigy(path, "d", [new_answer("a").content])
    with closing(sqlite3.connect(path)) as prodigy:
        reading = prodigy.execute("SELECT id FROM example UNION ALL SELECT 2")
        reading.fetchone()
        with closing(read(path)) as store:
            assert len(list(store.answers("d"))) == 1
        reading.close()
        with closing(open_store(Database("sqlite", path), write=True)) as store:
            store.append("d", [[new_answer("b")]])
        with prodigy:
            prodigy.execute("INSERT INTO example (input_hash, task_hash, content) VALUES (1, 2, x'7b7d')")
        assert prodigy.execute("SELECT count(*) FROM example").fetchone() == (3,)
