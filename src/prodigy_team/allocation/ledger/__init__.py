"""Who is to answer which task: tasks, leases and what is answered, in one file that all servers of a team share."""

from __future__ import annotations

from prodigy_team.allocation.ledger.ledger import Ledger, Progress
from prodigy_team.allocation.ledger.snapshot import LeaseState, PoolState, Snapshot, TaskState
from prodigy_team.allocation.ledger.values import Held, Leased, LedgerError, Pull, ReadTask, Router, Synced

__all__ = [
    "Held",
    "LeaseState",
    "Leased",
    "Ledger",
    "LedgerError",
    "PoolState",
    "Progress",
    "Pull",
    "ReadTask",
    "Router",
    "Snapshot",
    "Synced",
    "TaskState",
]
