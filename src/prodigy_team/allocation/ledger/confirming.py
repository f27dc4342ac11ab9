"""What a page says it shows: its tasks' leases are renewed, and it learns which tasks are no longer its own."""

from __future__ import annotations

from collections.abc import Iterable

from prodigy_team.allocation.buckets import may, need, remaining
from prodigy_team.allocation.ledger.pool import Pool


def confirm(pool: Pool, number: int, identities: Iterable[bytes], screen: str, *, apart: bool = False) -> list[bytes]:
    """See `Ledger.confirm`; in a transaction, after the answers have been followed."""
    pool.connection.execute(
        "INSERT OR REPLACE INTO screen (pool, id, person, confirmed) VALUES (?, ?, ?, ?)",
        (pool.id, screen, number, pool.now),
    )
    pool.connection.execute(
        "UPDATE lease SET shown = 0 WHERE pool = ? AND person = ? AND screen = ? AND shown", (pool.id, number, screen)
    )
    skip = [identity for identity in identities if not _show(pool, number, identity, screen, apart=apart)]
    pool.buckets.flush()
    return skip


def _show(pool: Pool, number: int, identity: bytes, screen: str, *, apart: bool) -> bool:
    """Renew a lease, or make it anew where the task was taken over and is free again; False where it is neither."""
    row = pool.connection.execute(
        "SELECT number, bucket, place FROM task WHERE pool = ? AND identity = ?", (pool.id, identity)
    ).fetchone()
    if row is None or row[2] is None:
        return False
    task, bucket, _ = row
    renewed = pool.connection.execute(
        "UPDATE lease SET until = ?, shown = 1, screen = ? WHERE task = ? AND person = ? AND (NOT ? OR screen IS ?)",
        (pool.lease_end(), screen, task, number, apart, screen),
    ).rowcount
    return bool(renewed) or _lease_again(pool, number, task, bucket, screen)


def _lease_again(pool: Pool, number: int, task: int, bucket: int, screen: str) -> bool:
    buckets = pool.buckets.read()
    people = pool.people(1)
    here = next(each for each in buckets if each.id == bucket)
    full = not here.gold and remaining(buckets, people).get(number) == 0
    if full or not may(here, number, people.active) or not (here.gold or need(here, people.active)):
        return False
    pool.buckets.move([task], bucket, pool.buckets.id_of(pool.buckets.key(bucket).with_person(number)))
    pool.connection.execute(
        "INSERT INTO lease (task, person, pool, screen, position, until, shown) "
        "SELECT ?, ?, ?, ?, coalesce(max(position), 0) + 1, ?, 1 FROM lease WHERE pool = ? AND person = ?",
        (task, number, pool.id, screen, pool.lease_end(), pool.id, number),
    )
    return True
