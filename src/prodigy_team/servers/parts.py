"""How many tasks are each server's part under [routing]: read from the ledger without a lock, and nothing is dealt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from prodigy_team.errors import TeamError
from prodigy_team.presence import exists
from prodigy_team.servers.lockfile import ServerRecord

if TYPE_CHECKING:
    from prodigy_team.allocation.ledger.snapshot import PoolState


def read_parts(records: Iterable[ServerRecord], state: Path) -> dict[str, int]:
    """By server what its annotators answered, hold, or may still be asked; those without [routing] are left out.

    A server is left out, too, before its annotators' first page, and where the ledger cannot be read.
    """
    routed = {record.name for record in records if "routing" in record.spec}
    ledger = state / "ledger.db"
    if not routed or not exists(ledger):
        return {}
    from prodigy_team.allocation.ledger import Snapshot
    from prodigy_team.allocation.rules import read_rules, rules_path

    found: Counter[str] = Counter()
    try:
        with Snapshot(ledger) as snapshot:
            for rules in read_rules(rules_path(state)):
                pool = snapshot.pool(rules.pool)
                for person in rules.people if pool else ():
                    if person.server in routed and pool is not None and person.name in pool.members:
                        found[person.server] += _part(pool, person.name)
    except TeamError:
        return {}
    return dict(found)


def _part(pool: PoolState, name: str) -> int:
    from prodigy_team.allocation.reach import outlook

    number = pool.members[name].number
    touched = sum(bucket.tasks for bucket in pool.buckets if bucket.people >> number & 1)
    return touched + outlook(pool.buckets, number, pool.people()).for_me
