"""Whether somebody whose stream has ended could be dealt something if it began anew. Leases nothing."""

from __future__ import annotations

from prodigy_team.allocation.ledger import PoolState
from prodigy_team.allocation.policy import Loose, takeover
from prodigy_team.allocation.reach import outlook


def has_work(pool: PoolState, person: str, *, now: float) -> bool:
    """Whether there are free tasks for them, tasks of theirs whose lease has run out, or others' that they could have.

    Their own tasks whose lease still runs are left out: they may be on their screen.

    Args:
        now: Unix seconds.
    """
    member = pool.members.get(person)
    if member is None or not member.active:
        return False
    people = pool.people(1)
    if outlook(pool.buckets, member.number, people).for_me:
        return True
    loose = []
    for task, lease in enumerate(pool.leases):
        if lease.until < now and lease.place is not None:
            if lease.person == person:
                return True
            loose.append(Loose(task, lease.bucket, pool.members[lease.person].number))
    return bool(takeover(pool.buckets, member.number, people, loose, 1))
