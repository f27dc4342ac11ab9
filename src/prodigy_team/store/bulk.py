"""Many rows at once without anybody waiting: written and removed in small transactions, named in one more."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from itertools import islice

from prodigy_team.store.base import DatasetInfo, Row, StoreError
from prodigy_team.store.handle import HIDDEN, Handle

# Another writer waits for one transaction at most; half of the time the file is nobody's, since a Prodigy writing it
# knows nothing of our lock and tries again only now and then.
_TRANSACTION_SECONDS = 0.03
_MOVED_AT_ONCE = 2000
_PAGE_BYTES = 4_000_000


class _Pace:
    """How many rows go into the next transaction, judged by how long the last one took."""

    def __init__(self) -> None:
        self.rows = 200
        self._started = 0.0

    def __enter__(self) -> None:
        self._started = time.monotonic()

    def __exit__(self, *_: object) -> None:
        took = max(time.monotonic() - self._started, 1e-4)
        self.rows = max(20, min(self.rows * 2, int(self.rows * _TRANSACTION_SECONDS / took), 20_000))
        time.sleep(min(took, 2 * _TRANSACTION_SECONDS))


def write_rows(handle: Handle, hidden: str, rows: Iterable[Row]) -> int:
    """Copy rows to the end of a hidden dataset, as examples of their own."""
    _check_hidden(hidden)
    left, pace, written = iter(rows), _Pace(), 0
    while page := _page(left, pace.rows):
        with pace, handle.writing() as connection:
            dataset = handle.ensure(hidden, session=True)
            example = handle.one("SELECT max(id) FROM example") or 0
            connection.executemany(
                "INSERT INTO example (id, input_hash, task_hash, content) VALUES (?, ?, ?, ?)",
                [(example + at, row.input_hash, row.task_hash, row.content) for at, row in enumerate(page, 1)],
            )
            connection.executemany(
                "INSERT INTO link (example_id, dataset_id) VALUES (?, ?)",
                [(example + at, dataset) for at in range(1, len(page) + 1)],
            )
        written += len(page)
    return written


def publish(handle: Handle, hidden: str, name: str) -> None:
    """Give a hidden dataset's answers to a name, in one transaction: before it none is there, after it all are."""
    _check_hidden(hidden)
    source = handle.dataset_id(hidden)
    if source is None:
        return
    with handle.writing() as connection:
        target = handle.dataset_id(name)
        if target is None:
            connection.execute(
                "UPDATE dataset SET name = ?, session = 0, created = ? WHERE id = ?",
                (name, int(handle.clock()), source),
            )
            return
        if _count(handle, source) <= _MOVED_AT_ONCE:
            connection.execute("UPDATE link SET dataset_id = ? WHERE dataset_id = ?", (target, source))
            connection.execute("DELETE FROM dataset WHERE id = ?", (source,))
            return
    _publish_behind(handle, hidden, name)


def replace(handle: Handle, hidden: Mapping[str, str]) -> None:
    """Give hidden datasets names in one transaction; what stood under the names is removed afterwards."""
    for each in hidden:
        _check_hidden(each)
    olds = []
    with handle.writing() as connection:
        for source, name in hidden.items():
            old = f"{HIDDEN}merge:old:{name}"
            if handle.dataset_id(name) is not None:
                connection.execute("UPDATE dataset SET name = ?, session = 1 WHERE name = ?", (old, name))
                olds.append(old)
            connection.execute(
                "UPDATE dataset SET name = ?, session = 0, created = ? WHERE name = ?",
                (name, int(handle.clock()), source),
            )
    for old in olds:
        discard(handle, old)


def discard(handle: Handle, hidden: str, *, sessions: bool = False) -> int:
    """Remove a hidden dataset and the examples that nothing else links to.

    Args:
        sessions: Also remove its answers from the session datasets that share them, and those when they become empty.
    """
    _check_hidden(hidden)
    dataset = handle.dataset_id(hidden)
    if dataset is None:
        return 0
    shared = [handle.dataset_id(each.name) for each in read_sessions(handle, hidden)] if sessions else []
    ids = [dataset, *(each for each in shared if each is not None)]
    pace, removed = _Pace(), 0
    while count := _remove_some(handle, ids, pace):
        removed += count
    with handle.writing() as connection:
        for each in ids:
            connection.execute(
                "DELETE FROM dataset WHERE id = ? AND NOT EXISTS (SELECT 1 FROM link WHERE dataset_id = dataset.id)",
                (each,),
            )
    return removed


def drop(handle: Handle, name: str) -> int:
    """Take a dataset out of sight in one step, then remove what it held, and what an earlier drop left."""
    with handle.writing() as connection:
        dataset = handle.dataset_id(name)
        answers = _count(handle, dataset) if dataset is not None else 0
        connection.execute(
            "UPDATE dataset SET name = ?, session = 1 WHERE id = ?",
            (f"{HIDDEN}drop:{handle.clock():.6f}:{name}", dataset),
        )
        connection.execute("UPDATE prodigy_team_dataset SET name = NULL WHERE name = ?", (name,))
    for hidden in leftovers(handle, "drop"):
        discard(handle, hidden, sessions=True)
    return answers


def leftovers(handle: Handle, purpose: str) -> list[str]:
    """Hidden datasets of a purpose, left by a process that was killed."""
    start = f"{HIDDEN}{purpose}:"
    return [name for (name,) in handle.all("SELECT name FROM dataset") if name.startswith(start)]


def read_sessions(handle: Handle, name: str) -> list[DatasetInfo]:
    """Session datasets that share answers with a dataset, and how many each.

    CROSS JOIN keeps the order: begun at the other end, SQLite would compare every answer with every other.
    """
    rows = handle.all(
        "SELECT session.name, session.created, count(*) FROM link AS main "
        "CROSS JOIN link AS other ON other.example_id = main.example_id AND other.dataset_id <> main.dataset_id "
        "CROSS JOIN dataset AS session ON session.id = other.dataset_id AND session.session = 1 "
        "WHERE main.dataset_id = (SELECT id FROM dataset WHERE name = ?) GROUP BY session.id ORDER BY session.id",
        (name,),
    )
    return [
        DatasetInfo(other, int(created), True, count) for other, created, count in rows if not other.startswith(HIDDEN)
    ]


def _check_hidden(name: str) -> None:
    if not name.startswith(HIDDEN):
        raise ValueError(f"{name} is no hidden dataset")


def _page(rows: Iterable[Row], limit: int) -> list[Row]:
    page: list[Row] = []
    size = 0
    for row in islice(rows, limit):
        page.append(row)
        size += len(row.content)
        if size > _PAGE_BYTES:
            break
    return page


def _count(handle: Handle, dataset: int) -> int:
    return int(handle.one("SELECT count(*) FROM link WHERE dataset_id = ?", (dataset,)))


def _publish_behind(handle: Handle, hidden: str, name: str) -> None:
    """Too many to move in one short transaction: link old and new anew under a third name, and exchange the names."""
    both, old = f"{HIDDEN}merge:both:{name}", f"{HIDDEN}merge:old:{name}"
    mark = _copy_links(handle, name, both, 0)
    before = handle.one("SELECT count(*) FROM link WHERE dataset_id = ? AND id <= ?", (handle.dataset_id(name), mark))
    _copy_links(handle, hidden, both, 0)
    with handle.writing() as connection:
        target = handle.dataset_id(name)
        now = handle.one("SELECT count(*) FROM link WHERE dataset_id = ? AND id <= ?", (target, mark))
        if now != before:
            raise StoreError(
                f"The dataset {name} was changed while it was merged into.", remedy="Run the command again."
            )
        connection.execute(  # what came meanwhile
            "INSERT INTO link (example_id, dataset_id) SELECT example_id, (SELECT id FROM dataset WHERE name = ?) "
            "FROM link WHERE dataset_id = ? AND id > ? ORDER BY id",
            (both, target, mark),
        )
        created, meta = connection.execute("SELECT created, meta FROM dataset WHERE id = ?", (target,)).fetchone()
        connection.execute("UPDATE dataset SET name = ?, session = 1 WHERE id = ?", (old, target))
        connection.execute(
            "UPDATE dataset SET name = ?, session = 0, created = ?, meta = ? WHERE name = ?",
            (name, created, meta, both),
        )
    discard(handle, old)
    discard(handle, hidden)


def _copy_links(handle: Handle, name: str, to: str, mark: int) -> int:
    """Link every example of one dataset to another as well; returns the last link copied."""
    pace = _Pace()
    while True:
        with pace, handle.writing() as connection:
            target = handle.ensure(to, session=True)
            rows = connection.execute(
                "SELECT id, example_id FROM link WHERE dataset_id = (SELECT id FROM dataset WHERE name = ?) AND id > ? "
                "ORDER BY id LIMIT ?",
                (name, mark, pace.rows),
            ).fetchall()
            connection.executemany(
                "INSERT INTO link (example_id, dataset_id) VALUES (?, ?)", [(example, target) for _, example in rows]
            )
        if not rows:
            return mark
        mark = rows[-1][0]


def _remove_some(handle: Handle, ids: list[int], pace: _Pace) -> int:
    """Remove some answers of the first dataset from it and from the others."""
    marks = ", ".join("?" * len(ids))
    with pace, handle.writing() as connection:
        rows = connection.execute(
            "SELECT DISTINCT example_id FROM (SELECT example_id FROM link WHERE dataset_id = ? ORDER BY id LIMIT ?)",
            (ids[0], pace.rows),
        ).fetchall()
        for (example,) in rows:  # the plus keeps SQLite from looking for it among all of the dataset's links
            connection.execute(f"DELETE FROM link WHERE example_id = ? AND +dataset_id IN ({marks})", (example, *ids))
        connection.executemany(
            "DELETE FROM example WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM link WHERE example_id = ?1)", rows
        )
    return len(rows)
