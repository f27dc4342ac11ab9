"""What is new in a dataset since a mark, whatever was done to the database in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from databases import (
    Database,
    add_as_prodigy,
    ask,
    change,
    compact,
    identify,
    identity,
    make_prodigy_database,
    new_answer,
)
from prodigy_team.store import Mark, Routed, Store, open_store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "prodigy.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with closing(open_store(Database("sqlite", path), write=True, create=True)) as store:
        yield store


def read(store: Store, since: Mark | None, dataset: str = "d") -> tuple[Mark, bool, list[bytes]] | None:
    """The news of one dataset, read out."""
    news = store.follow({dataset: since}, identify).get(dataset)
    return None if news is None else (news.mark, news.whole, [task for _, task in news.answers])


def ids(*texts: str) -> list[bytes]:
    return [identity(text) for text in texts]


def answer(store: Store, *texts: str, dataset: str = "d") -> None:
    store.append(dataset, [[new_answer(text) for text in texts]])


def delete(path: Path, *texts: str) -> None:
    for text in texts:
        examples = f"""SELECT id FROM example WHERE CAST(content AS TEXT) LIKE '%"{text}"%'"""
        change(path, f"DELETE FROM link WHERE example_id IN ({examples})")


def test_only_what_is_new_comes(store: Store) -> None:
    assert read(store, None) is None  # no such dataset
    answer(store, "a", "b")
    first = read(store, Mark())
    assert first is not None
    assert first[1:] == (False, ids("a", "b"))
    assert read(store, first[0]) is None
    answer(store, "c")
    second = read(store, first[0])
    assert second is not None
    assert second[1:] == (False, ids("c"))
    assert read(store, None) == (second[0], True, ids("a", "b", "c"))


def test_what_prodigy_wrote_is_entered_first(store: Store, path: Path) -> None:
    answer(store, "a")
    mark = read(store, Mark())
    assert mark is not None
    add_as_prodigy(path, "d", [compact({"text": "b", "who": "jane"})], session="d-jane")
    news = read(store, mark[0])
    assert news is not None
    assert news[1:] == (False, ids("b"))


def test_an_answer_to_no_task_is_no_news(store: Store, path: Path) -> None:
    answer(store, "a")
    mark = read(store, Mark())
    assert mark is not None
    add_as_prodigy(path, "d", [compact({"text": "nobody's"})])
    assert read(store, mark[0]) is None


@pytest.mark.parametrize("removed", [("a",), ("b",), ("c",), ("b", "c"), ("a", "b", "c")])
def test_removed_answers_are_noticed_though_as_many_came_again(
    store: Store, path: Path, removed: tuple[str, ...]
) -> None:
    """SQLite gives the highest ids out again: neither the newest link nor the number of links moves."""
    answer(store, "a", "b", "c")
    before = read(store, Mark())
    assert before is not None
    delete(path, *removed)
    after = [f"new {text}" for text in removed]
    answer(store, *after)
    news = read(store, before[0])
    assert news is not None
    assert news[1]
    assert sorted(news[2]) == sorted(ids(*({"a", "b", "c"} - set(removed)), *after))
    assert read(store, news[0]) is None


def test_a_dropped_dataset_is_noticed_and_so_is_its_successor(store: Store, path: Path) -> None:
    answer(store, *"abc")
    before = read(store, Mark())
    assert before is not None
    change(path, "DELETE FROM link", "DELETE FROM example", "DELETE FROM dataset")  # as `prodigy drop` does
    gone = read(store, before[0])
    assert gone == (Mark(), True, [])
    assert read(store, gone[0]) is None
    answer(store, "x", "y", "z", "a")
    again = read(store, before[0])
    assert again is not None
    assert again[1:] == (True, ids("x", "y", "z", "a"))


def test_an_older_copy_in_the_files_place_is_noticed(store: Store, path: Path, tmp_path: Path) -> None:
    answer(store, "a", "b")
    change(path, f"VACUUM INTO '{tmp_path / 'copy.db'}'")
    answer(store, "c")
    before = read(store, Mark())
    assert before is not None
    assert not store.replaced()
    store.close()
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    (tmp_path / "copy.db").replace(path)
    assert store.replaced()
    with closing(open_store(Database("sqlite", path), write=True)) as other:
        answer(other, "x", "y")  # reaches beyond the mark
        news = read(other, before[0])
    assert news is not None
    assert news[1:] == (True, ids("a", "b", "x", "y"))


def test_another_connections_writes_change_the_version(store: Store, path: Path) -> None:
    version = store.version()
    assert store.version() == version
    with closing(open_store(Database("sqlite", path), write=True)) as other:
        answer(other, "a")
    assert store.version() != version


def test_a_file_that_prodigy_made_gets_the_trigger(path: Path) -> None:
    make_prodigy_database(path)
    add_as_prodigy(path, "d", [compact({"text": "a", "who": "joe"}), compact({"text": "b", "who": "joe"})])
    with closing(open_store(Database("sqlite", path), write=True)) as store:
        before = read(store, None)
        assert before is not None
        delete(path, "a")
        after = read(store, before[0])
    assert after is not None
    assert after[1:] == (True, ids("b"))
    assert ask(path, "SELECT times FROM prodigy_team_deletion") == [(1,)]


def test_links_moved_into_a_dataset_count_as_a_change(store: Store, path: Path) -> None:
    answer(store, "x", dataset="other")
    answer(store, "a")
    before = read(store, Mark())
    assert before is not None
    change(path, "UPDATE link SET dataset_id = (SELECT id FROM dataset WHERE name = 'd')")
    after = read(store, before[0])
    assert after is not None
    assert sorted(after[2]) == sorted(ids("x", "a"))


def test_who_wrote_where_is_remembered(store: Store) -> None:
    store.register_routed("team", "ner", [Routed("p", "d_joe", "joe"), Routed("p", "d", "")])
    store.register_routed("team", "ner", [Routed("p", "d_joe", "jane")])
    store.register_routed("other", "ner", [Routed("p", "d_cy", "cy")])
    assert store.routed("team", "ner") == [Routed("p", "d", ""), Routed("p", "d_joe", "")]
    assert store.routed("team", "textcat") == []


def test_gold_is_remembered_by_team(store: Store) -> None:
    store.register_gold("team", ids("a", "b"))
    store.register_gold("team", ids("b", "c"))
    assert store.gold("team") == set(ids("a", "b", "c"))
    assert store.gold("other") == set()
