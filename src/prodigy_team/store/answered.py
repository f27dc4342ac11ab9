"""The index of who answered what, kept true to the links there are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from prodigy_team.store.appending import newest_digest
from prodigy_team.store.base import Identify
from prodigy_team.store.handle import Handle, as_bytes
from prodigy_team.store.reopening import reopened_between, sent_back
from prodigy_team.store.rules import answer_id_in, content_digest

_AT_ONCE = 1000
_INSERT = """
    INSERT INTO prodigy_team_answer (dataset, identity, annotator, version, link, digest, answer_id)
    SELECT ?1, ?2, ?3, coalesce(max(version) + 1, 0), ?4, ?5, ?6
    FROM prodigy_team_answer WHERE dataset = ?1 AND identity = ?2 AND annotator = ?3
"""
_NAMELESS = "SELECT id FROM prodigy_team_dataset WHERE name IS NULL"


@dataclass(frozen=True)
class _State:
    """What the index says of itself, and whether that is still so."""

    index: int
    dataset: int
    mark: int
    links: int
    true: bool
    complete: bool


def reconcile(handle: Handle, name: str, identify: Identify) -> None:
    """Bring the index of a dataset up to date, or build it anew where rows have been removed or replaced.

    Building happens in small transactions under a nameless generation, which takes the name in the last one: until
    then the old index stands, and nobody waits.
    """
    state = _state(handle, name)
    if state and state.true and state.complete and not handle.all(_NAMELESS):
        return
    with handle.indexing:
        sweep(handle)
        while not _brought_up_to_date(handle, name, identify):
            pass  # the dataset was dropped and made again while its index was built
        sweep(handle)


def _brought_up_to_date(handle: Handle, name: str, identify: Identify) -> bool:
    state = _state(handle, name)
    if state is None:
        _forget(handle, name)
        return True
    if not state.true:
        return _rebuilt(handle, name, state, identify)
    _extend(handle, name, state, identify)
    return True


def _state(handle: Handle, name: str) -> _State | None:
    """Compare the index with the links, in one statement and so in one moment; None without such a dataset."""
    rows = handle.all(
        "SELECT dataset.id, dataset.created, (SELECT max(id) FROM link WHERE dataset_id = dataset.id), "
        "indexed.id, indexed.dataset_id, indexed.created, indexed.mark, indexed.links, indexed.newest, "
        "(SELECT count(*) FROM link WHERE dataset_id = dataset.id AND id <= indexed.mark), "
        f"(SELECT {handle.content} FROM link JOIN example ON example.id = link.example_id "
        " WHERE link.id = indexed.mark AND link.dataset_id = dataset.id), "
        "(SELECT example_id FROM link WHERE id = indexed.mark), "
        "(SELECT max(link) FROM prodigy_team_answer WHERE dataset = indexed.id) "
        "FROM dataset LEFT JOIN prodigy_team_dataset AS indexed ON indexed.name = dataset.name WHERE dataset.name = ?",
        (name,),
    )
    if not rows:
        return None
    dataset, created, newest_link, index, of, of_created, mark, links, newest, count, content, example, top = rows[0]
    if index is None:
        return _State(0, dataset, 0, 0, true=False, complete=False)
    # Ids are given out again from the top: whatever was put below the mark since lies at the mark too.
    true = (
        (of, of_created) == (dataset, created)
        and count == links
        and (not mark or newest_digest(example, content) == newest)
    )
    return _State(index, dataset, mark, links, true=true, complete=(newest_link or 0) == mark >= (top or 0))


def _extend(handle: Handle, name: str, state: _State, identify: Identify) -> int:
    """Index every link above the mark; returns the mark reached.

    Entries of the generation that bears the name are taken over where they still fit: contents may lack their ids.
    """
    mark = state.mark
    while True:
        page = handle.all(
            f"SELECT link.id, {handle.content}, example_id FROM link LEFT JOIN example ON example.id = link.example_id "
            "WHERE link.dataset_id = ? AND link.id > ? ORDER BY link.id LIMIT ?",
            (state.dataset, mark, _AT_ONCE),
        )
        if not page:
            _drop_above(handle, state, mark)
            return mark
        # Asked anew for each page: `append` may have begun a generation meanwhile.
        named = handle.one("SELECT id FROM prodigy_team_dataset WHERE name = ?", (name,)) or 0
        known = _known(handle, named, mark, page[-1][0])
        back = reopened_between(handle, state.dataset, mark, page[-1][0])
        entries = [_entry(link, content, identify, known, back) for link, content, _ in page]
        with handle.writing():
            mark = _index_page(handle, state.index, mark, page, [entry for entry in entries if entry])


Entry = tuple[bytes, str, int, bytes, "str | None"]


def _known(handle: Handle, index: int, mark: int, last: int) -> dict[int, Entry]:
    rows = handle.all(
        "SELECT identity, annotator, link, digest, answer_id FROM prodigy_team_answer "
        "WHERE dataset = ? AND link > ? AND link <= ?",
        (index, mark, last),
    )
    return {row[2]: (row[0], row[1], row[2], row[3], row[4]) for row in rows}


def _entry(
    link: int, content: Any, identify: Identify, known: dict[int, Entry], back: Collection[tuple[int, bytes]]
) -> Entry | None:
    if content is None:
        return None
    stored = as_bytes(content)
    digest = content_digest(stored)
    have = known.get(link)
    if have and have[3] == digest:
        return have
    found = identify(stored)
    if found is None:
        return None
    task = sent_back(found[1], link) if (link, digest) in back else found[1]
    return (task, found[0], link, digest, answer_id_in(stored))


def _index_page(handle: Handle, index: int, mark: int, page: list[tuple[Any, ...]], entries: list[Entry]) -> int:
    """Enter one page and move the mark over it; answers that `append` has entered meanwhile stay as they are."""
    last = page[-1][0]
    row = handle.connection.execute("SELECT mark, links FROM prodigy_team_dataset WHERE id = ?", (index,)).fetchone()
    if row is None or row[0] != mark:  # `append` moved on, or the dataset was replaced: read again from there
        return int(row[0]) if row else last
    present = _known(handle, index, mark, last)
    wanted = {entry[2]: entry for entry in entries}
    stale = [link for link, entry in present.items() if wanted.get(link) != entry]
    handle.connection.executemany(
        "DELETE FROM prodigy_team_answer WHERE dataset = ? AND link = ?", [(index, link) for link in stale]
    )
    if stale:
        handle.connection.execute("DELETE FROM prodigy_team_frontier WHERE dataset = ?", (index,))
    new = [entry for link, entry in wanted.items() if link not in present or link in stale]
    handle.connection.executemany(
        _INSERT, [(index, identity, name, link, digest, key) for identity, name, link, digest, key in new]
    )
    handle.connection.execute(
        "UPDATE prodigy_team_dataset SET mark = ?, links = ?, newest = ? WHERE id = ?",
        (last, row[1] + len(page), newest_digest(page[-1][2], page[-1][1]), index),
    )
    return int(last)


def _drop_above(handle: Handle, state: _State, mark: int) -> None:
    """Remove entries above the last link there is: answers that were deleted before the mark reached them."""
    above = "FROM prodigy_team_answer WHERE dataset = ? AND link > ?"
    if not handle.one(f"SELECT 1 {above} LIMIT 1", (state.index, mark)):
        return
    with handle.writing() as connection:
        if not handle.one("SELECT 1 FROM link WHERE dataset_id = ? AND id > ? LIMIT 1", (state.dataset, mark)):
            connection.execute(f"DELETE {above}", (state.index, mark))
            connection.execute("DELETE FROM prodigy_team_frontier WHERE dataset = ?", (state.index,))


def _rebuilt(handle: Handle, name: str, old: _State, identify: Identify) -> bool:
    """Build a new generation beside the old one; False where the dataset itself changed under it."""
    with handle.writing() as connection:
        created = handle.one("SELECT created FROM dataset WHERE id = ?", (old.dataset,)) or 0
        cursor = connection.execute(
            "INSERT INTO prodigy_team_dataset (name, dataset_id, created) VALUES (NULL, ?, ?)", (old.dataset, created)
        )
    index, mark = int(cursor.lastrowid or 0), 0
    while True:
        state = _State(index, old.dataset, mark, 0, true=True, complete=False)
        mark = _extend(handle, name, state, identify)
        with handle.writing() as connection:
            if not handle.one(
                "SELECT 1 FROM dataset WHERE (name, id, created) = (?, ?, ?)", (name, old.dataset, created)
            ):
                return False
            newest = handle.one("SELECT max(id) FROM link WHERE dataset_id = ?", (old.dataset,)) or 0
            if newest <= mark:
                connection.execute("UPDATE prodigy_team_dataset SET name = NULL WHERE name = ?", (name,))
                connection.execute("UPDATE prodigy_team_dataset SET name = ? WHERE id = ?", (name, index))
                return True


def _forget(handle: Handle, name: str) -> None:
    with handle.writing() as connection:
        if handle.dataset_id(name) is None:
            connection.execute("UPDATE prodigy_team_dataset SET name = NULL WHERE name = ?", (name,))


def sweep(handle: Handle) -> None:
    """Remove nameless generations, a little at a time. Only under `Handle.indexing`: another may be building one."""
    for (index,) in handle.all(_NAMELESS):
        removed = 1
        while removed:
            with handle.writing() as connection:
                removed = connection.execute(
                    "DELETE FROM prodigy_team_answer WHERE rowid IN "
                    "(SELECT rowid FROM prodigy_team_answer WHERE dataset = ? LIMIT 5000)",
                    (index,),
                ).rowcount
        with handle.writing() as connection:
            connection.execute("DELETE FROM prodigy_team_frontier WHERE dataset = ?", (index,))
            connection.execute("DELETE FROM prodigy_team_dataset WHERE id = ?", (index,))
