"""Prodigy's database, and the only SQL on it. Names are loaded when first used: who only counts needs few of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from prodigy_team.store import base

    return getattr(base, name)
