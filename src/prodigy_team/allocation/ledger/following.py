"""The ledger kept true to the answers: what was answered, by whom, since somebody last looked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from prodigy_team.allocation.ledger.buckets import Key, marks
from prodigy_team.allocation.ledger.pool import Seen
from prodigy_team.store import Mark, News

if TYPE_CHECKING:
    from prodigy_team.allocation.ledger.pool import Pool

_AT_ONCE = 5000
_PAGE = 100


@dataclass(frozen=True)
class _Given:
    """Answers of one person.

    Attributes:
        tasks: Those of them that they held.
    """

    person: str
    identities: Sequence[bytes]
    tasks: Sequence[int]


@dataclass(frozen=True)
class Ahead:
    """What was read of the answers before the ledger's lock was taken.

    Attributes:
        seen: The answers' database then.
        since: How far each dataset that has news was followed then.
        marks: How far they are once ``given`` is entered.
    """

    seen: Seen
    since: Mapping[str, Mark]
    marks: Mapping[str, Mark]
    given: Mapping[str, Sequence[_Given]]


def read_ahead(pool: Pool, seen: Seen) -> Ahead | None:
    """Read what is new since ``seen`` while others may still write the ledger, so that it costs nobody's turn.

    None where it is more than some answers: that is read under the lock.
    """
    now, names = _look(pool, seen)
    since = read_marks(pool, names)
    news = _news(pool, since)
    if any(each.whole for each in news.values()):
        return None
    given = {dataset: list(islice(each.answers, _PAGE + 1)) for dataset, each in news.items()}
    if any(len(answers) > _PAGE for answers in given.values()):
        return None
    return Ahead(
        now,
        {dataset: since[dataset] for dataset in news},
        {dataset: each.mark for dataset, each in news.items()},
        {dataset: _by_person(pool, dataset, answers) for dataset, answers in given.items()},
    )


def _look(pool: Pool, seen: Seen | None) -> tuple[Seen, Sequence[str]]:
    """The answers' database now, and which datasets may have news since it was seen."""
    version = pool.answers.version()
    if seen is not None and seen.version == version:
        return seen, ()
    sight, touched = pool.answers.touched(seen.sight if seen is not None else None)
    if touched is None:
        return Seen(version, sight), pool.datasets
    # What others than this pool write may be entered into the index of answers later than it was stored.
    late = touched | pool.others
    return Seen(version, sight), [name for name in pool.datasets if name in late]


def _by_person(pool: Pool, dataset: str, answers: Iterable[tuple[str, bytes]]) -> list[_Given]:
    given: dict[str, list[bytes]] = {}
    for annotator, identity in answers:
        given.setdefault(annotator, []).append(identity)
    return [_look_up(pool, pool.naming.person(dataset, annotator), each) for annotator, each in given.items()]


def _look_up(pool: Pool, person: str, identities: Sequence[bytes]) -> _Given:
    """By what they hold: these are few and lie together, unlike identities."""
    member = pool.everybody.get(person)
    held: dict[bytes, int] = {}
    if member is not None:
        query = "SELECT identity, task FROM lease JOIN task ON number = task WHERE lease.pool = ? AND person = ?"
        held = dict(pool.connection.execute(query, (pool.id, member.number)).fetchall())
    return _Given(person, identities, [held[each] for each in identities if each in held])


def follow(pool: Pool) -> None:
    """Read what is new in every dataset of a pool. In a transaction; costs next to nothing where nothing is new.

    What was stored after a claim began need not be known to it: `Pool.ahead` is enough where it fits.
    """
    ahead, pool.ahead = pool.ahead, None
    if ahead is None or not _enter_ahead(pool, ahead):
        follow_all(pool)


def follow_all(pool: Pool) -> bool:
    """As `follow`, up to this moment; whether anything had been stored."""
    before = pool.seen_here or pool.seen
    seen, names = _look(pool, before)
    if seen is before:
        return False
    news = _news(pool, read_marks(pool, names))
    if any(each.whole for each in news.values()):
        recount(pool)
    else:
        for dataset, each in news.items():
            _apply(pool, dataset, each.answers)
        write_marks(pool, {dataset: each.mark for dataset, each in news.items()})
    pool.note_seen(seen)
    return True


def _enter_ahead(pool: Pool, ahead: Ahead) -> bool:
    """Enter what was read ahead, but for what others entered meanwhile; False where it tells nothing any more."""
    known = read_marks(pool, ahead.since) if ahead.since else {}
    new = [dataset for dataset, mark in ahead.marks.items() if not _reaches(known[dataset], mark)]
    if any(known[dataset] != ahead.since[dataset] for dataset in new):
        return False
    for dataset in new:
        _enter(pool, ahead.given[dataset])
    write_marks(pool, {dataset: ahead.marks[dataset] for dataset in new})
    pool.note_seen(ahead.seen)
    return True


def _reaches(known: Mark, mark: Mark) -> bool:
    return (known.generation, known.deletions) == (mark.generation, mark.deletions) and known.link >= mark.link


def _news(pool: Pool, marks: Mapping[str, Mark | None]) -> dict[str, News]:
    own = {name: mark for name, mark in marks.items() if name in pool.own_datasets}
    others = {name: mark for name, mark in marks.items() if name not in pool.own_datasets}
    return pool.answers.follow(own, pool.identify) | (pool.answers.follow(others, None) if others else {})


def read_marks(pool: Pool, names: Collection[str]) -> dict[str, Mark]:
    """How far datasets have been read."""
    if not names:
        return {}
    query = "SELECT dataset, generation, link, deletions, newest FROM followed WHERE pool = ?"
    some = names if len(names) < _PAGE else ()
    rows = pool.connection.execute(f"{query} AND dataset IN ({marks(len(some))})" if some else query, (pool.id, *some))
    found = {name: Mark(*row) for name, *row in rows.fetchall()}
    return {name: found.get(name) or Mark() for name in names}


def write_marks(pool: Pool, marks: Mapping[str, Mark]) -> None:
    """Note how far datasets have been read."""
    pool.connection.executemany(
        "INSERT OR REPLACE INTO followed VALUES (?, ?, ?, ?, ?, ?)",
        [
            (pool.id, dataset, mark.generation, mark.link, mark.deletions, mark.newest)
            for dataset, mark in marks.items()
        ],
    )


def _apply(pool: Pool, dataset: str, answers: Iterable[tuple[str, bytes]]) -> None:
    left = iter(answers)
    while page := list(islice(left, _PAGE)):
        _enter(pool, _by_person(pool, dataset, page))


def _enter(pool: Pool, given: Iterable[_Given]) -> None:
    """Enter new answers: each ends the answerer's lease, and renews their others, since they are at work."""
    for each in given:
        number = pool.members.number(each.person)
        ended = _end_leases(pool, each.tasks, number)
        if ended < len(each.identities):  # whoever holds a task is among its bucket's people already
            _touch(pool, each.identities, number)
        pool.connection.execute(
            "UPDATE lease SET until = ? WHERE pool = ? AND person = ?", (pool.lease_end(), pool.id, number)
        )
    pool.buckets.flush()


def _end_leases(pool: Pool, tasks: Sequence[int], person: int) -> int:
    query = f"DELETE FROM lease WHERE person = ? AND task IN ({marks(len(tasks))})"
    return pool.connection.execute(query, (person, *tasks)).rowcount if tasks else 0


def _touch(pool: Pool, identities: Sequence[bytes], person: int) -> None:
    rows = pool.connection.execute(
        f"SELECT number, bucket FROM task WHERE pool = ? AND identity IN ({marks(len(identities))})",
        (pool.id, *identities),
    ).fetchall()
    _end_leases(pool, [task for task, _ in rows], person)
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
