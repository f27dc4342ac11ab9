"""Which tasks of a source are still open: the source's index and the index of answers, joined."""

from __future__ import annotations

import os
import struct
from collections.abc import Generator, Iterator
from itertools import islice
from pathlib import Path
from urllib.parse import quote

from prodigy_team.store.base import StoreError
from prodigy_team.store.handle import Handle

# How far ahead of the last note the first open place must lie to be worth a note of its own.
_FRONTIER_STEP = 1000
_WINDOW = 4096
# Answers read ahead of the tasks they belong to; beyond, they were not given in the order of the source (some 10 MB).
_READ_AHEAD = 100_000
_IDENTITY_BYTES = 16


def unanswered(handle: Handle, index: Path, name: str, annotator: str | None, *, after: int, limit: int) -> list[int]:
    """Places above ``after`` without an answer, in order."""
    source = _attach(handle, index)
    dataset = _index_id(handle, name)
    if dataset is None:
        return [place for (place,) in handle.all(f"{_PLACES} ORDER BY place LIMIT ?", (after, limit))]
    known = _frontier(handle, dataset, annotator, source)
    places = list(islice(_open(handle, dataset, annotator, max(after, known), limit), limit))
    if handle.write and after <= known and limit > 0:
        _note_frontier(handle, dataset, annotator, source, known, places)
    return places


def count_answered(handle: Handle, index: Path, name: str, annotator: str | None) -> int:
    """How many of the source's tasks have an answer."""
    source = _attach(handle, index)
    dataset = _index_id(handle, name)
    if dataset is None:
        return 0
    known = _frontier(handle, dataset, annotator, source)
    tasks = int(handle.one("SELECT count(*) FROM source.task"))
    return tasks - sum(1 for _ in _open(handle, dataset, annotator, known, _WINDOW))


def _open(handle: Handle, dataset: int, annotator: str | None, after: int, at_once: int) -> Iterator[int]:
    """Open places above ``after``, in order.

    From the start of the source tasks and answers are both read in their order and matched a window at a time, since
    people answer about in the order of the source: a quarter of the time of asking for each of 900,000 tasks.
    """
    if after < 0:
        after = yield from _open_by_order(handle, dataset, annotator)
    query = f"{_PLACES} AND NOT {_answered(annotator)} ORDER BY place LIMIT ?"
    while True:
        rows = handle.all(query, (after, dataset, *_names(annotator), at_once))
        yield from (place for (place,) in rows)
        if len(rows) < at_once:
            return
        after = rows[-1][0]


def _open_by_order(handle: Handle, dataset: int, annotator: str | None) -> Generator[int, None, int]:
    """Open places as long as the answers come in about the order of the source; returns how far that went."""
    answers = _answered_in_order(handle, dataset, annotator)
    ahead: set[bytes] = set()
    after = -1
    while True:
        places, identities = _window(handle, after)
        if not identities:
            return after
        missing = set(identities) - ahead
        while missing and len(ahead) < _READ_AHEAD and (some := next(answers, None)):
            missing.difference_update(some)
            ahead.update(some)
        if missing and len(ahead) >= _READ_AHEAD:
            return after
        ahead.difference_update(identities)
        if missing:
            yield from (place for place, each in zip(places, identities, strict=True) if each in missing)
        after = places[-1]


def _window(handle: Handle, after: int) -> tuple[list[int] | range, tuple[bytes, ...]]:
    """Places and identities of the next tasks; joined by SQLite and cut in one call, an object each costs more."""
    page = "SELECT place, identity FROM source.task WHERE place > ? ORDER BY place LIMIT ?"
    [(first, last, count, joined)] = handle.all(
        f"SELECT min(place), max(place), count(*), CAST(group_concat(identity, '') AS BLOB) FROM ({page})",
        (after, _WINDOW),
    )
    if not count:
        return [], ()
    places = range(first, last + 1)
    if len(places) == count and len(joined) == count * _IDENTITY_BYTES:
        return places, _cut(joined)
    rows = handle.all(page, (after, _WINDOW))
    return [place for place, _ in rows], tuple(identity for _, identity in rows)


def _answered_in_order(handle: Handle, dataset: int, annotator: str | None) -> Iterator[tuple[bytes, ...]]:
    """Identities of the tasks answered, in the order of the answers, some thousand at a time."""
    person = " AND annotator = ?" if annotator is not None else ""
    page = (
        "SELECT link, identity FROM prodigy_team_answer INDEXED BY prodigy_team_answer_link "
        f"WHERE dataset = ? AND link > ?{person} ORDER BY link LIMIT ?"
    )
    query = f"SELECT max(link), count(*), CAST(group_concat(identity, '') AS BLOB) FROM ({page})"
    after = 0
    while True:
        parameters = (dataset, after, *_names(annotator), _WINDOW)
        [(last, count, joined)] = handle.all(query, parameters)
        if not count:
            return
        if len(joined) == count * _IDENTITY_BYTES:
            yield _cut(joined)
        else:  # identities of another length than ours
            yield tuple(identity for _, identity in handle.all(page, parameters))
        after = last


def _cut(joined: bytes) -> tuple[bytes, ...]:
    return struct.unpack(f"{_IDENTITY_BYTES}s" * (len(joined) // _IDENTITY_BYTES), joined)


_PLACES = "SELECT place FROM source.task AS task WHERE place > ?"


def _answered(annotator: str | None) -> str:
    person = " AND answer.annotator = ?" if annotator is not None else ""
    return (
        "EXISTS (SELECT 1 FROM prodigy_team_answer AS answer INDEXED BY prodigy_team_answer_key "
        f"WHERE answer.dataset = ? AND answer.identity = task.identity{person})"
    )


def _names(annotator: str | None) -> tuple[str, ...]:
    return () if annotator is None else (annotator,)


def _index_id(handle: Handle, name: str) -> int | None:
    """The index of a dataset as it stands now; None where nobody has indexed it, or it has been dropped since."""
    if not handle.has_table("prodigy_team_dataset"):
        return None
    found = handle.one(
        "SELECT indexed.id FROM prodigy_team_dataset AS indexed JOIN dataset ON dataset.name = indexed.name "
        "WHERE indexed.name = ? AND dataset.id = indexed.dataset_id AND dataset.created = indexed.created",
        (name,),
    )
    return int(found) if found is not None else None


def _attach(handle: Handle, index: Path) -> str:
    """Make a source index readable as `source`; returns what tells it from another, an earlier one at that path too."""
    try:
        state = index.stat()
    except OSError as error:
        raise StoreError(
            f"The index of the source, {index}, cannot be read: {error.strerror}.",
            remedy="The next `up` makes it again.",
        ) from error
    stamp = f"{index.resolve()}:{state.st_ino}:{state.st_size}:{state.st_mtime_ns}"
    if handle.source != stamp:
        if handle.source:
            handle.all("DETACH DATABASE source")
            handle.source = ""
        handle.all("ATTACH DATABASE ? AS source", (f"file:{quote(os.fsencode(index.resolve()))}?mode=ro",))
        handle.source = stamp
    return stamp


def _frontier(handle: Handle, dataset: int, annotator: str | None, source: str) -> int:
    """The place up to which all was answered when somebody last looked; -1 where nobody has."""
    found = handle.one(
        "SELECT place FROM prodigy_team_frontier WHERE dataset = ? AND annotator = ? AND source = ?",
        (dataset, annotator or "", source),
    )
    return int(found) if found is not None else -1


def _note_frontier(
    handle: Handle, dataset: int, annotator: str | None, source: str, known: int, places: list[int]
) -> None:
    """Note how far all is answered: looking again at 900,000 answered tasks takes a second at every start."""
    reached = places[0] - 1 if places else int(handle.one("SELECT max(place) FROM source.task") or 0)
    if reached < known + _FRONTIER_STEP:
        return
    with handle.writing() as connection:
        # Answers found deleted in the meantime have taken the notes with them, and the index with its rebuilding.
        connection.execute(
            "INSERT OR REPLACE INTO prodigy_team_frontier SELECT id, ?, ?, ? FROM prodigy_team_dataset "
            "WHERE id = ? AND name IS NOT NULL",
            (annotator or "", source, reached, dataset),
        )
