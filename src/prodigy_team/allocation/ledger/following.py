"""The ledger kept true to the answers: what was answered, by whom, since somebody last looked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from prodigy_team.allocation.ledger.buckets import Key, marks
from prodigy_team.allocation.ledger.pool import Seen
from prodigy_team.store import Mark, News

if TYPE_CHECKING:
    from prodigy_team.allocation.ledger.pool import Pool

_AT_ONCE = 5000
_PAGE = 100


def follow(pool: Pool) -> None:
    """Read what is new in every dataset of a pool. In a transaction; costs next to nothing where nothing is new."""
    version = pool.answers.version()
    if pool.seen is not None and pool.seen.version == version:
        return
    sight, touched = pool.answers.touched(pool.seen.sight if pool.seen is not None else None)
    # What others than this pool write may be entered into the index of answers later than it was stored.
    names: Sequence[str] = pool.datasets
    if touched is not None:
        late = touched | pool.others
        names = [name for name in pool.datasets if name in late]
    news = _news(pool, read_marks(pool, names))
    if any(each.whole for each in news.values()):
        recount(pool)
    else:
        for dataset, each in news.items():
            _apply(pool, dataset, each.answers)
        write_marks(pool, {dataset: each.mark for dataset, each in news.items()})
    pool.note_seen(Seen(version, sight))


def _news(pool: Pool, marks: dict[str, Mark | None]) -> dict[str, News]:
    own = {name: mark for name, mark in marks.items() if name in pool.own_datasets}
    others = {name: mark for name, mark in marks.items() if name not in pool.own_datasets}
    return pool.answers.follow(own, pool.identify) | (pool.answers.follow(others, None) if others else {})


def read_marks(pool: Pool, names: Iterable[str]) -> dict[str, Mark | None]:
    """How far datasets have been read."""
    query = "SELECT generation, link, deletions, newest FROM followed WHERE pool = ? AND dataset = ?"
    found = {name: pool.connection.execute(query, (pool.id, name)).fetchone() for name in names}
    return {name: Mark(*row) if row else Mark() for name, row in found.items()}


def write_marks(pool: Pool, marks: dict[str, Mark]) -> None:
    """Note how far datasets have been read."""
    pool.connection.executemany(
        "INSERT OR REPLACE INTO followed VALUES (?, ?, ?, ?, ?, ?)",
        [
            (pool.id, dataset, mark.generation, mark.link, mark.deletions, mark.newest)
            for dataset, mark in marks.items()
        ],
    )


def _apply(pool: Pool, dataset: str, answers: Iterable[tuple[str, bytes]]) -> None:
    """Enter new answers: each ends the answerer's lease, and renews their others, since they are at work."""
    at_work: set[int] = set()
    left = iter(answers)
    while page := list(islice(left, _PAGE)):
        given: dict[str, list[bytes]] = {}
        for annotator, identity in page:
            given.setdefault(annotator, []).append(identity)
        for annotator, identities in given.items():
            number = pool.members.number(pool.naming.person(dataset, annotator))
            _answered(pool, identities, number)
            at_work.add(number)
    pool.connection.executemany(
        "UPDATE lease SET until = ? WHERE pool = ? AND person = ?",
        [(pool.lease_end(), pool.id, number) for number in at_work],
    )
    pool.buckets.flush()


def _answered(pool: Pool, identities: Sequence[bytes], person: int) -> None:
    rows = pool.connection.execute(
        f"SELECT number, bucket FROM task WHERE pool = ? AND identity IN ({marks(len(identities))})",
        (pool.id, *identities),
    ).fetchall()
    pool.connection.execute(
        f"DELETE FROM lease WHERE person = ? AND task IN ({marks(len(rows))})", (person, *(task for task, _ in rows))
    )
    for task, bucket in rows:
        key = pool.buckets.key(bucket)
        if not key.people >> person & 1:
            key = _without_surplus(pool, task, key.with_person(person))
            pool.buckets.move([task], bucket, pool.buckets.id_of(key))


def give_back_surplus(pool: Pool) -> None:
    """End leases beyond what is wanted, as after `annotations_per_task` went down."""
    rows = pool.connection.execute(
        "SELECT DISTINCT task, bucket FROM lease JOIN task ON task.number = lease.task WHERE lease.pool = ?", (pool.id,)
    )
    for task, bucket in rows.fetchall():
        key = pool.buckets.key(bucket)
        pool.buckets.move([task], bucket, pool.buckets.id_of(_without_surplus(pool, task, key)))
    pool.buckets.flush()


def _without_surplus(pool: Pool, task: int, key: Key) -> Key:
    surplus = key.people.bit_count() - key.target if key.target > 0 and not key.gold else 0
    return key.without(_give_back(pool, task, surplus)) if surplus > 0 else key


def _give_back(pool: Pool, task: int, surplus: int) -> list[int]:
    """End leases of a task that has got enough answers otherwise, where nobody looks at it yet."""
    rows = pool.connection.execute(
        "SELECT person FROM lease WHERE task = ? AND NOT shown ORDER BY until LIMIT ?", (task, surplus)
    ).fetchall()
    pool.connection.executemany(
        "DELETE FROM lease WHERE task = ? AND person = ?", [(task, person) for (person,) in rows]
    )
    return [person for (person,) in rows]


def recount(pool: Pool) -> None:
    """Enter who answered what from the beginning: answers were removed or replaced."""
    marks = collect_answers(pool)
    after: int | None = 0
    while after is not None:
        after = correct(pool, after)
    finish_recount(pool, marks)


def collect_answers(pool: Pool) -> dict[str, Mark]:
    """Put who answered what into a table of this connection's own; the first step of a recount.

    The steps may be transactions of their own, so that none of them takes long, as long as nobody else uses the pool.
    """
    pool.connection.execute(
        "CREATE TEMP TABLE IF NOT EXISTS answered (task INTEGER NOT NULL, person INTEGER NOT NULL, "
        "PRIMARY KEY (task, person)) WITHOUT ROWID"
    )
    pool.connection.execute("DELETE FROM temp.answered")
    news = _news(pool, dict.fromkeys(pool.datasets))
    for dataset, each in news.items():
        _collect(pool, dataset, each.answers)
    pool.connection.execute(
        "DELETE FROM lease WHERE pool = ? AND EXISTS "
        "(SELECT 1 FROM temp.answered WHERE answered.task = lease.task AND answered.person = lease.person)",
        (pool.id,),
    )
    return {dataset: Mark() for dataset in pool.datasets} | {name: each.mark for name, each in news.items()}


def correct(pool: Pool, after: int) -> int | None:
    """Let the next tasks behind a number pass to the bucket of those who answered or hold them; None at the end."""
    answered = pool.connection.execute("SELECT 1 FROM temp.answered LIMIT 1").fetchone()
    if not answered and not any(each.people for each in pool.buckets.read()):
        return None
    # By number, not by pool: else SQLite would sort all tasks of the pool for each page.
    rows = pool.connection.execute(
        "SELECT number, bucket FROM task NOT INDEXED WHERE pool = ? AND number > ? ORDER BY number LIMIT ?",
        (pool.id, after, _AT_ONCE),
    ).fetchall()
    if not rows:
        return None
    touched = _touched(pool, rows[0][0], rows[-1][0])
    kinds = {(old, touched.get(task, 0)) for task, old in rows}
    new = {kind: _bucket_for(pool, *kind) for kind in kinds}
    moves = [(task, old, new[old, touched.get(task, 0)]) for task, old in rows]
    pool.buckets.move_all([move for move in moves if move[1] != move[2]])
    pool.buckets.flush()
    return int(rows[-1][0])


def finish_recount(pool: Pool, marks: dict[str, Mark]) -> None:
    """The last step: note how far the answers were read."""
    give_back_surplus(pool)
    pool.connection.execute("DELETE FROM temp.answered")
    write_marks(pool, marks)


def _collect(pool: Pool, dataset: str, answers: Iterable[tuple[str, bytes]]) -> None:
    left = iter(answers)
    while page := list(islice(left, _AT_ONCE)):
        pool.connection.executemany(
            "INSERT OR IGNORE INTO temp.answered SELECT number, ? FROM task WHERE pool = ? AND identity = ?",
            [
                (pool.members.number(pool.naming.person(dataset, annotator)), pool.id, identity)
                for annotator, identity in page
            ],
        )


def _touched(pool: Pool, first: int, last: int) -> dict[int, int]:
    masks: dict[int, int] = {}
    for table in ("temp.answered", "lease"):
        query = f"SELECT task, person FROM {table} WHERE task BETWEEN ? AND ?"
        for task, person in pool.connection.execute(query, (first, last)):
            masks[task] = masks.get(task, 0) | 1 << person
    return masks


def _bucket_for(pool: Pool, old: int, people: int) -> int:
    key = pool.buckets.key(old)
    return old if key.people == people else pool.buckets.id_of(key._replace(people=people))
