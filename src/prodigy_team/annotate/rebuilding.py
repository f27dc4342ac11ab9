"""The ledger made anew from roster, sources and answers, while servers go on dealing out from it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from prodigy_team.allocation.ledger import Ledger, LedgerError, Snapshot
from prodigy_team.annotate.surveying import Pool
from prodigy_team.store import Store


@dataclass(frozen=True)
class RebuiltPool:
    """One pool of the new ledger.

    Attributes:
        tasks: That it deals out, those with known answers left out.
        twice: Of these: asked once more often.
        answers: To these tasks, each person's once.
        leases_before: Leases in the old ledger; None where that could not be read.
        leases: Leases that were carried over.
    """

    pool: str
    source: str
    tasks: int
    twice: int
    answers: int
    leases_before: int | None
    leases: int


def rebuild_ledger(path: Path, pools: Sequence[Pool], *, forget: Collection[str] = ()) -> list[RebuiltPool]:
    """Put a new ledger in the place of the old one, and bring every pool of the roster up to date in it.

    Servers notice at their next claim. To be called under the guard.

    Args:
        forget: Names of people of whom nothing is taken over from the old one.

    Raises:
        LedgerError, StoreError: Ledger or answers cannot be written.
    """
    before = {pool.rules.pool: _leases(path, pool.rules.pool) for pool in pools}
    with closing(Ledger(path, store=_no_store, identify=lambda _: None)) as ledger:
        ledger.rebuild(forget=forget)
    return [_fill(path, pool, before[pool.rules.pool]) for pool in pools if pool.routed]


def _fill(path: Path, pool: Pool, leases_before: int | None) -> RebuiltPool:
    pool.sync(pool.setup.open_store)
    with Snapshot(path) as snapshot:
        state = snapshot.pool(pool.rules.pool)
        if state is None:
            raise ValueError("a pool is there once it is synced")
        buckets = [each for each in state.buckets if each.target and not each.gold]
        chosen = sum(task.chosen for task in snapshot.tasks(pool.rules.pool) if task.place is not None)
    return RebuiltPool(
        pool.rules.pool,
        pool.rules.source,
        tasks=sum(each.tasks for each in buckets),
        twice=chosen,
        answers=sum(each.tasks * each.people.bit_count() for each in buckets) - len(state.leases),
        leases_before=leases_before,
        leases=len(state.leases),
    )


def _leases(path: Path, pool: str) -> int | None:
    try:
        with Snapshot(path) as snapshot:
            state = snapshot.pool(pool)
            return len(state.leases) if state is not None else 0
    except LedgerError:
        return None


def _no_store() -> Store:
    raise ValueError("rebuilding reads no answers")
