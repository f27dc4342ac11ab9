"""New answers into the database: many batches, one transaction, and the rules of `rules.judge`."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import mmh3

from prodigy_team.store.base import NewAnswer, Outcome
from prodigy_team.store.handle import Handle, as_bytes
from prodigy_team.store.rules import KnownAnswer, content_digest, judge

_KNOWN = """
    SELECT rowid, 1, version, link, digest, answer_id FROM prodigy_team_answer
    WHERE dataset = ?1 AND identity = ?2 AND annotator = ?3
    UNION ALL
    SELECT rowid, 0, version, link, digest, answer_id FROM prodigy_team_answer
    WHERE dataset = ?1 AND answer_id = ?4 AND NOT (identity = ?2 AND annotator = ?3)
"""


_ENTRY = "prodigy_team_answer (dataset, identity, annotator, version, link, digest, answer_id)"
_Entry = tuple[int, bytes, str, int, int, bytes, "str | None"]
_AT_ONCE = 16
"""Answers judged by one statement, and rows stored by one: each lets a server's other threads take their turn, and
this one wait for the next. More in one would be more statements to keep prepared."""


def append(handle: Handle, dataset: str, batches: Sequence[Sequence[NewAnswer]]) -> list[list[Outcome]]:
    """Judge and store in one transaction; when this returns, what is said to be stored is on disk."""
    answers = [(answer, content_digest(answer.content)) for batch in batches for answer in batch]
    outcomes: list[Outcome] = []
    with handle.writing():
        appending = _Appending(handle, dataset)
        for first in range(0, len(answers), _AT_ONCE):
            outcomes += appending.take_all(answers[first : first + _AT_ONCE])
        appending.finish()
    each = iter(outcomes)
    return [[next(each) for _ in batch] for batch in batches]


class _Appending:
    """One transaction's worth of new answers.

    Ids are given out here as SQLite would, the highest plus one, which is safe under the write lock and lets all rows
    of a kind go in with one statement.
    """

    def __init__(self, handle: Handle, dataset: str) -> None:
        self._handle = handle
        self._connection = handle.connection
        self._dataset = handle.ensure(dataset, session=False)
        self._index, mark, self._links, at_mark = current_index(handle, dataset, self._dataset)
        example, link, newest, top, content, at_mark_example = self._connection.execute(
            "SELECT (SELECT max(id) FROM example), (SELECT max(id) FROM link), "
            "(SELECT max(id) FROM link WHERE dataset_id = ?1), "
            "(SELECT max(link) FROM prodigy_team_answer WHERE dataset = ?3), "
            f"(SELECT {handle.content} FROM link JOIN example ON example.id = link.example_id "
            " WHERE link.id = ?2 AND link.dataset_id = ?1), "
            "(SELECT example_id FROM link WHERE id = ?2)",
            (self._dataset, mark, self._index),
        ).fetchone()
        self._example, self._link = example or 0, link or 0
        # The mark stays where rows above it are not indexed yet, or where it tells that rows below were replaced.
        self._complete = (newest or 0) == mark and (not mark or newest_digest(at_mark_example, content) == at_mark)
        if (top or 0) > (newest or 0):
            self._forget_deleted(newest or 0)
        self._sessions: dict[str, int] = {}
        self._examples: list[tuple[int, int, int, bytes]] = []
        self._new_links: list[tuple[int, int, int]] = []
        self._last: tuple[int, int, bytes] | None = None
        self._stored = 0

    def _forget_deleted(self, newest: int) -> None:
        """Remove entries above the newest link: their answers are gone, and their ids are given out again now."""
        self._connection.execute(
            "DELETE FROM prodigy_team_answer WHERE dataset = ? AND link > ?", (self._index, newest)
        )
        self._connection.execute("DELETE FROM prodigy_team_frontier WHERE dataset = ?", (self._index,))

    def take_all(self, answers: Sequence[tuple[NewAnswer, bytes]]) -> list[Outcome]:
        """Judge answers in their order, and store those that the rules say so of.

        Nearly always all are first answers with new ids, which two statements see to.
        """
        if not self._are_all_new([answer for answer, _ in answers]):
            return [self.take(answer, digest) for answer, digest in answers]
        entries = [self._prepare(answer, digest, 0) for answer, digest in answers]
        _insert(self._connection, _ENTRY, entries)
        return [Outcome.STORED] * len(answers)

    def _are_all_new(self, answers: Sequence[NewAnswer]) -> bool:
        """Whether nothing is known that a rule could hold against any of these answers, one of themselves included."""
        tasks = {(answer.identity, answer.annotator) for answer in answers}
        ids = {answer.answer_id for answer in answers if answer.answer_id is not None}
        if len(answers) < 2 or len(tasks) + len(ids) < len(answers) + sum(
            each.answer_id is not None for each in answers
        ):
            return False
        marks = ",".join("?" * len(answers))
        found = self._connection.execute(
            f"SELECT identity, annotator FROM prodigy_team_answer WHERE dataset = ? AND identity IN ({marks}) "
            f"UNION ALL SELECT answer_id, NULL FROM prodigy_team_answer WHERE dataset = ? AND answer_id IN ({marks})",
            (self._index, *[each.identity for each in answers], self._index, *[each.answer_id for each in answers]),
        )
        return not any(annotator is None or (identity, annotator) in tasks for identity, annotator in found)

    def take(self, answer: NewAnswer, digest: bytes) -> Outcome:
        """Judge one answer, and store it where the rules say so."""
        key = (self._index, answer.identity, answer.annotator)
        found = self._connection.execute(_KNOWN, (*key, answer.answer_id)).fetchall()
        if found:
            found = self._still_true(found)
        known = [KnownAnswer(bool(own), answer_id, mark) for _, own, _, _, mark, answer_id in found]
        outcome = judge(answer, digest, known)
        if outcome is Outcome.STORED:
            version = max((row[2] for row in found if row[1]), default=-1) + 1
            self._store(answer, digest, version)
        return outcome

    def finish(self) -> None:
        """Write what is left, and how far the index reaches."""
        self._flush()
        if self._last is not None and self._complete:
            link, example, content = self._last
            self._connection.execute(
                "UPDATE prodigy_team_dataset SET mark = ?, links = ?, newest = ? WHERE id = ?",
                (link, self._links + self._stored, newest_digest(example, content), self._index),
            )

    def _store(self, answer: NewAnswer, digest: bytes, version: int) -> None:
        # At once, not at the end: the next answer of the same batch may be to the same task.
        _insert(self._connection, _ENTRY, [self._prepare(answer, digest, version)])

    def _prepare(self, answer: NewAnswer, digest: bytes, version: int) -> _Entry:
        """Note an answer's rows for the end; returns its entry in the index."""
        self._example += 1
        self._examples.append((self._example, answer.input_hash, answer.task_hash, answer.content))
        self._link += 1
        main = self._link
        self._new_links.append((main, self._example, self._dataset))
        for name in answer.sessions:
            self._link += 1
            self._new_links.append((self._link, self._example, self._session(name)))
        self._last = (main, self._example, answer.content)
        self._stored += 1
        return (self._index, answer.identity, answer.annotator, version, main, digest, answer.answer_id)

    def _session(self, name: str) -> int:
        if name not in self._sessions:
            self._sessions[name] = self._handle.ensure(name, session=True)
        return self._sessions[name]

    def _flush(self) -> None:
        if self._examples:
            _insert(self._connection, "example (id, input_hash, task_hash, content)", self._examples)
            _insert(self._connection, "link (id, example_id, dataset_id)", self._new_links)
            self._examples, self._new_links = [], []

    def _still_true(
        self, found: list[tuple[int, int, int, int, bytes, str | None]]
    ) -> list[tuple[int, int, int, int, bytes, str | None]]:
        """Leave out answers whose row somebody has deleted: nothing may be refused for the sake of what is gone."""
        self._flush()
        true = []
        for row in sorted(found, key=lambda row: row[2]):
            content = self._handle.one(
                f"SELECT {self._handle.content} FROM link JOIN example ON example.id = link.example_id "
                "WHERE link.id = ? AND link.dataset_id = ?",
                (row[3], self._dataset),
            )
            if content is not None and content_digest(as_bytes(content)) == row[4]:
                true.append(row)
            else:
                self._connection.execute("DELETE FROM prodigy_team_answer WHERE rowid = ?", (row[0],))
                self._connection.execute("DELETE FROM prodigy_team_frontier WHERE dataset = ?", (self._index,))
        return true


def _insert(connection: sqlite3.Connection, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
    for first in range(0, len(rows), _AT_ONCE):
        some = rows[first : first + _AT_ONCE]
        connection.execute(_insertion(columns, len(some[0]), len(some)), list(chain.from_iterable(some)))


@lru_cache
def _insertion(columns: str, width: int, count: int) -> str:
    row = f"({','.join('?' * width)})"
    return f"INSERT INTO {columns} VALUES {','.join([row] * count)}"


def newest_digest(example: int | None, content: bytes | str | None) -> bytes:
    """What tells the answer at the mark from any other; empty where its example is gone.

    The id of the example counts too: Prodigy's `drop` leaves examples, so the same content saved again has another.
    """
    return mmh3.hash_bytes(b"%d:" % (example or 0) + as_bytes(content)) if content is not None else b""


def current_index(handle: Handle, name: str, dataset: int) -> tuple[int, int, int, bytes]:
    """Id, mark, number of links and newest digest of the index of a dataset row; a fresh one where it has none.

    Prodigy's ids come back after a drop, so an index belongs to name, id and time of creation together. Inside
    `Handle.writing` only.
    """
    created = handle.one("SELECT created FROM dataset WHERE id = ?", (dataset,))
    row = handle.connection.execute(
        "SELECT id, mark, links, newest, dataset_id, created FROM prodigy_team_dataset WHERE name = ?", (name,)
    ).fetchone()
    if row and row[4:] == (dataset, created):
        return int(row[0]), int(row[1]), int(row[2]), bytes(row[3])
    if row:  # nameless, it is swept away by the next `reconcile`
        handle.connection.execute("UPDATE prodigy_team_dataset SET name = NULL WHERE id = ?", (row[0],))
    cursor = handle.connection.execute(
        "INSERT INTO prodigy_team_dataset (name, dataset_id, created) VALUES (?, ?, ?)", (name, dataset, created)
    )
    return int(cursor.lastrowid or 0), 0, 0, b""
