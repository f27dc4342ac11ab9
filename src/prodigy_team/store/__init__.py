"""Prodigy's database, and the only SQL on it."""

from __future__ import annotations

from prodigy_team.store.base import (
    Activity,
    DatasetInfo,
    Mark,
    NewAnswer,
    News,
    Outcome,
    Page,
    Routed,
    Row,
    Store,
    StoreError,
    TeamDataset,
    open_store,
)

__all__ = [
    "Activity",
    "DatasetInfo",
    "Mark",
    "NewAnswer",
    "News",
    "Outcome",
    "Page",
    "Routed",
    "Row",
    "Store",
    "StoreError",
    "TeamDataset",
    "open_store",
]
