"""The dealing out of tasks: one's own that are open, then free ones, then those that others let lie."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

from prodigy_team.allocation.buckets import Bucket, People, may, need
from prodigy_team.allocation.ledger.buckets import Key
from prodigy_team.allocation.ledger.pool import NEVER, Pool
from prodigy_team.allocation.ledger.values import Held, Leased, Pull
from prodigy_team.allocation.policy import Choice, Loose, Taken, choose, from_pages, is_open_enough, takeover
from prodigy_team.allocation.reach import outlook

_AT_ONCE = 20
_OTHER_SCREEN = "(? AND lease.screen IS NOT ?)"
"""Another browser by the asker's own name."""


@dataclass
class Asker:
    """Who asks for how many tasks, and from where.

    Attributes:
        held: Identities they have already.
        fed: Identities that this client's stream was ever given.
        screen: The load of the page that asks.
        apart: Several browsers go by this name; each has open tasks of its own, told by ``screen``.
        seen: Place, identity and gold of the tasks that were looked at for this pull.
        position: Of the last of their leases.
    """

    number: int
    count: int
    held: Collection[bytes]
    fed: Collection[bytes]
    screen: str | None
    apart: bool

    seen: dict[int, tuple[int, bytes, int]] = field(default_factory=dict)
    position: int = 0

    def has(self, identity: bytes) -> bool:
        """Whether the client has this task already."""
        return identity in self.held or identity in self.fed


def pull(pool: Pool, asker: Asker) -> Pull:
    """See `Ledger.pull`; in a transaction, after the answers have been followed."""
    kept = _drop_unwanted(pool, asker, _open_leases(pool, asker))
    own = [each.lease for each in kept if each.theirs]
    asker.position = max((each.lease.position for each in kept), default=0)
    leases = [lease for lease in own if not asker.has(lease.identity)][: asker.count]
    _hand_over(pool, asker, leases)
    people = pool.people(asker.count)
    buckets = _buckets(pool, people)
    if len(leases) < asker.count and people.active >> asker.number & 1:
        leases += _deal(pool, asker, _choices(pool, asker, buckets, people, asker.count - len(leases)))
        missing = asker.count - len(leases)
        if not leases and pool.terms.stealing:
            leases += _take_over(pool, asker, people, len(own), missing)
        pool.buckets.flush()
    if leases:
        return Pull(tuple(leases))
    return Pull((), outlook(buckets, asker.number, people), tuple(_elsewhere(pool, asker, people)))


def _buckets(pool: Pool, people: People) -> list[Bucket]:
    """What is to be known for a choice: mostly not the many buckets whose tasks lack nobody."""
    found = pool.buckets.read_open() if pool.terms.gold is None else []
    return found if is_open_enough(found, people) else pool.buckets.read()


@dataclass(frozen=True)
class _OpenLease:
    """One of the asker's.

    Attributes:
        shown: On the screen that asks.
        theirs: To be given back to them: the source still has it, and no other browser by their name.
    """

    task: int
    bucket: int
    shown: bool
    theirs: bool
    lease: Leased


def _open_leases(pool: Pool, asker: Asker) -> list[_OpenLease]:
    """The asker's open tasks in the order they were dealt."""
    rows = pool.connection.execute(
        "SELECT lease.task, bucket, shown AND screen IS ?1, place IS NOT NULL AND (NOT ?2 OR screen IS ?1), "
        "place, identity, position, gold FROM lease JOIN task ON task.number = lease.task "
        "WHERE lease.pool = ?3 AND person = ?4 ORDER BY position",
        (asker.screen, asker.apart, pool.id, asker.number),
    )
    return [
        _OpenLease(task, bucket, bool(shown), bool(theirs), Leased(place, identity, position, bool(gold)))
        for task, bucket, shown, theirs, place, identity, position, gold in rows
    ]


def _drop_unwanted(pool: Pool, asker: Asker, leases: Sequence[_OpenLease]) -> list[_OpenLease]:
    """End the asker's leases of tasks that others have answered often enough, but for what this screen shows."""
    kept = []
    for each in leases:
        key = pool.buckets.key(each.bucket)
        if each.shown or key.gold or not 0 < key.target < key.people.bit_count():
            kept.append(each)
            continue
        pool.connection.execute("DELETE FROM lease WHERE task = ? AND person = ?", (each.task, asker.number))
        pool.buckets.move([each.task], each.bucket, pool.buckets.id_of(key.without([asker.number])))
    pool.buckets.flush()
    return kept


def _hand_over(pool: Pool, asker: Asker, leases: Sequence[Leased]) -> None:
    """Give open tasks to the screen that asks. Those over their time nobody wanted meanwhile: they are dealt anew."""
    if not leases:
        return
    pool.connection.executemany(
        "UPDATE lease SET shown = CASE WHEN screen IS ?1 THEN shown ELSE 0 END, screen = ?1, "
        "until = CASE WHEN until <= ?2 THEN ?3 ELSE until END WHERE pool = ?4 AND person = ?5 AND position = ?6",
        [(asker.screen, pool.now, pool.lease_end(), pool.id, asker.number, lease.position) for lease in leases],
    )


def _choices(pool: Pool, asker: Asker, buckets: list[Bucket], people: People, count: int) -> list[Choice]:
    def heads(bucket: int, wanted: int) -> list[tuple[int, int]]:
        return _heads(pool, asker, bucket, wanted)

    return choose(buckets, asker.number, people, heads, count, gold=pool.terms.gold)


def _heads(pool: Pool, asker: Asker, bucket: int, wanted: int) -> list[tuple[int, int]]:
    """The first tasks of a bucket, without those that the client's stream was given before."""
    query = "SELECT ord, number, place, identity, gold FROM task WHERE bucket = ? ORDER BY ord, number"
    cursor = pool.connection.execute(query, (bucket,))
    found: list[tuple[int, int]] = []
    while len(found) < wanted and (rows := cursor.fetchmany(wanted)):
        for order, number, *task in rows:
            if task[1] not in asker.fed:
                asker.seen[number] = task[0], task[1], task[2]
                found.append((order, number))
    cursor.close()
    return found[:wanted]


def _deal(pool: Pool, asker: Asker, choices: Sequence[Choice]) -> list[Leased]:
    new = {
        bucket: pool.buckets.id_of(pool.buckets.key(bucket).with_person(asker.number))
        for bucket in dict.fromkeys(each.bucket for each in choices)
    }
    pool.buckets.move_all([(each.task, each.bucket, new[each.bucket]) for each in choices])
    return _lease(pool, asker, [each.task for each in choices])


def _lease(pool: Pool, asker: Asker, tasks: Sequence[int], taken_from: str = "") -> list[Leased]:
    """Enter leases behind those the asker has."""
    if not tasks:
        return []
    first, until = asker.position + 1, pool.lease_end()
    asker.position += len(tasks)
    for start in range(0, len(tasks), _AT_ONCE):
        some = tasks[start : start + _AT_ONCE]
        numbered = enumerate(some, first + start)
        values = [(task, asker.number, pool.id, asker.screen, position, until) for position, task in numbered]
        pool.connection.execute(
            "INSERT INTO lease (task, person, pool, screen, position, until) "
            f"VALUES {', '.join(['(?, ?, ?, ?, ?, ?)'] * len(some))}",
            list(chain.from_iterable(values)),
        )
    rows = [
        asker.seen.get(task)
        or pool.connection.execute("SELECT place, identity, gold FROM task WHERE number = ?", (task,)).fetchone()
        for task in tasks
    ]
    return [
        Leased(place, identity, position, bool(gold), taken_from)
        for position, (place, identity, gold) in enumerate(rows, first)
    ]


def _take_over(pool: Pool, asker: Asker, people: People, held: int, missing: int) -> list[Leased]:
    """Leases over their time, oldest first; then tasks that lie unseen in pages longer than the asker's."""
    leases = _loose_leases(pool, asker, people)
    lapsed = [Loose(each.task, each.bucket, each.holder) for each in leases if each.until <= pool.now]
    pages: dict[tuple[int, str], list[int]] = {}
    bucket_of: dict[int, int] = {}
    for each in leases:
        bucket_of[each.task] = each.bucket
        if each.until > pool.now:
            pages.setdefault((each.holder, each.screen or ""), []).append(each.task)
    unseen = [Loose(task, bucket_of[task], page[0]) for page, task in from_pages(pages, longer_than=held)]
    taken = takeover(pool.buckets.read(), asker.number, people, lapsed + unseen, missing) if leases else []
    return [lease for each in taken for lease in _take(pool, asker, each)]


@dataclass(frozen=True)
class _LooseLease:
    task: int
    bucket: int
    holder: int
    until: float
    screen: str | None


def _loose_leases(pool: Pool, asker: Asker, people: People) -> list[_LooseLease]:
    """What others let lie and the asker might be asked if all of it were given back.

    That is over its time, or lies unseen in a page that says what it shows.
    """
    rows = pool.connection.execute(
        "SELECT lease.task, bucket, lease.person, until, lease.screen, identity "
        "FROM lease JOIN task ON task.number = lease.task WHERE lease.pool = ? "
        f"AND (lease.person <> ? OR {_OTHER_SCREEN}) AND (until <= ? OR (NOT shown "
        "AND EXISTS (SELECT 1 FROM screen WHERE pool = lease.pool AND id = lease.screen))) "
        "ORDER BY until, lease.person, position",
        (pool.id, asker.number, asker.apart, asker.screen, pool.now),
    )
    leases = [_LooseLease(*row[:5]) for row in rows if row[5] not in asker.fed]
    loose: dict[int, int] = {}
    for each in leases:
        loose[each.task] = loose.get(each.task, 0) | 1 << each.holder
    return [each for each in leases if _may_if_given_back(pool, each.bucket, loose[each.task], asker.number, people)]


def _may_if_given_back(pool: Pool, bucket: int, holders: int, number: int, people: People) -> bool:
    key = pool.buckets.key(bucket)
    freed = _one(key._replace(people=key.people & ~holders))
    return may(freed, number, people.active) and need(freed, people.active) > 0


def _one(key: Key) -> Bucket:
    """A single task of this kind, to be asked about."""
    return Bucket(0, *key[:4], 1, key.gold)


def _take(pool: Pool, asker: Asker, taken: Taken) -> list[Leased]:
    pool.connection.executemany(
        "DELETE FROM lease WHERE task = ? AND person = ?", [(taken.task, holder) for holder in taken.holders]
    )
    key = pool.buckets.key(taken.bucket).without(taken.holders).with_person(asker.number)
    pool.buckets.move([taken.task], taken.bucket, pool.buckets.id_of(key))
    return _lease(pool, asker, [taken.task], ", ".join(pool.name(holder) for holder in taken.holders))


def _elsewhere(pool: Pool, asker: Asker, people: People) -> Iterator[Held]:
    """Who holds tasks that the asker might be asked if they were given back."""
    found: dict[int, tuple[int, float]] = {}
    for holder, bucket, tasks, until in _held_by_others(pool, asker):
        key = pool.buckets.key(bucket)
        if holder == asker.number:
            key = key.without([holder])  # another browser by the same name
        if key.target and may(_one(key), asker.number, people.active):
            before, latest = found.get(holder, (0, 0.0))
            found[holder] = before + tasks, max(latest, until)
    for holder, (tasks, until) in heapq.nlargest(len(found), found.items(), key=lambda each: each[1]):
        yield Held(pool.name(holder), tasks, None if until == NEVER else until)


def _held_by_others(pool: Pool, asker: Asker) -> Iterator[tuple[int, int, int, float]]:
    """(Person, bucket, number of tasks, latest end) of leases, without tasks that the asker is not given again."""
    end = f"FROM lease JOIN task ON task.number = lease.task WHERE lease.pool = ? AND (person <> ? OR {_OTHER_SCREEN})"
    values = (pool.id, asker.number, asker.apart, asker.screen)
    if not asker.fed:
        query = f"SELECT person, bucket, count(*), max(until) {end} GROUP BY person, bucket"
        return iter(pool.connection.execute(query, values).fetchall())
    rows = pool.connection.execute(f"SELECT person, bucket, 1, until, identity {end}", values).fetchall()
    return (row[:4] for row in rows if row[4] not in asker.fed)
