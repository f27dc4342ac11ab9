"""Answers removed for good or written anew where they stand, and names taken out of our own tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice

from prodigy_team.store.answered import sweep
from prodigy_team.store.handle import Handle

_AT_ONCE = 200


@contextmanager
def _for_good(handle: Handle) -> Iterator[None]:
    """What is deleted inside is overwritten in the file, and no longer in its log."""
    handle.one("PRAGMA secure_delete=ON")
    try:
        yield
    finally:
        handle.one("PRAGMA secure_delete=OFF")
        with suppress(sqlite3.Error):
            handle.one("PRAGMA wal_checkpoint(TRUNCATE)")


def erase_answers(handle: Handle, links: Collection[int], contents: Mapping[int, bytes]) -> None:
    """Remove the answers at some links from every dataset that shares them, and give others new contents."""
    left = iter(sorted(links))
    with _for_good(handle):
        while some := list(islice(left, _AT_ONCE)):
            with handle.writing() as connection:
                examples = _examples(connection, some)
                connection.executemany("DELETE FROM link WHERE example_id = ?", examples)
                connection.executemany("DELETE FROM example WHERE id = ?", examples)
        new = iter(contents.items())
        while page := dict(islice(new, _AT_ONCE)):
            with handle.writing() as connection:
                connection.executemany(
                    "UPDATE example SET content = ? WHERE id = (SELECT example_id FROM link WHERE id = ?)",
                    [(content, link) for link, content in page.items()],
                )


def _examples(connection: sqlite3.Connection, links: Sequence[int]) -> list[tuple[int]]:
    marks = ", ".join("?" * len(links))
    return connection.execute(f"SELECT DISTINCT example_id FROM link WHERE id IN ({marks})", links).fetchall()


def forget(
    handle: Handle, team: str, is_theirs: Callable[[str, str], bool], names: Collection[str], datasets: Collection[str]
) -> None:
    """Take somebody out of our tables, and the datasets that were theirs out of the file where they are empty.

    Args:
        is_theirs: Dataset and the annotator as the index of answers has it.
        names: Theirs, as the register of dealt tasks has them.
        datasets: Theirs alone.
    """
    with _for_good(handle):
        _forget_in_index(handle, is_theirs)
        with handle.writing() as connection:
            connection.execute("DELETE FROM prodigy_team_reopened WHERE link NOT IN (SELECT id FROM link)")
            connection.executemany(
                "UPDATE prodigy_team_routed SET person = '' WHERE team = ? AND person = ?",
                [(team, each) for each in names],
            )
            for name in datasets:
                connection.execute(
                    "DELETE FROM dataset WHERE name = ? "
                    "AND NOT EXISTS (SELECT 1 FROM link WHERE dataset_id = dataset.id)",
                    (name,),
                )
                if handle.dataset_id(name) is None:
                    connection.execute("DELETE FROM prodigy_team_writer WHERE dataset = ?", (name,))
                    connection.execute("DELETE FROM prodigy_team_routed WHERE dataset = ?", (name,))
                    connection.execute("UPDATE prodigy_team_dataset SET name = NULL WHERE name = ?", (name,))
        with handle.indexing:
            sweep(handle)


def _forget_in_index(handle: Handle, is_theirs: Callable[[str, str], bool]) -> None:
    for index, name in handle.all("SELECT id, name FROM prodigy_team_dataset WHERE name IS NOT NULL"):
        found = handle.all(
            "SELECT annotator FROM prodigy_team_answer WHERE dataset = ?1 "
            "UNION SELECT annotator FROM prodigy_team_frontier WHERE dataset = ?1",
            (index,),
        )
        for (annotator,) in found:
            if is_theirs(name, annotator):
                _forget_entries(handle, index, annotator)


def _forget_entries(handle: Handle, index: int, annotator: str) -> None:
    removed, key = 1, (index, annotator)
    while removed:
        with handle.writing() as connection:
            removed = connection.execute(
                "DELETE FROM prodigy_team_answer WHERE rowid IN "
                "(SELECT rowid FROM prodigy_team_answer WHERE dataset = ? AND annotator = ? LIMIT 2000)",
                key,
            ).rowcount
            connection.execute("DELETE FROM prodigy_team_frontier WHERE dataset = ? AND annotator = ?", key)
