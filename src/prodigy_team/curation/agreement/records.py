"""Figures of agreement as flat records, one row each, for tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any, Literal

Part = Literal["views", "pairs", "people", "labels", "weeks", "disagreements"]
_OF_FIGURE = ("low", "high", "tasks", "thin", "undefined")


def flat(value: Any, **before: Any) -> dict[str, Any]:
    """A dataclass as a dict; a figure `kappa` becomes `kappa`, `kappa_low`, `kappa_high`, `kappa_tasks` and so on.

    Fields that hold tables of their own are left out. A figure that does not apply is one None.
    """
    found = dict(before)
    for field in fields(value):
        own = getattr(value, field.name)
        if hasattr(own, "undefined"):
            found[field.name] = own.value
            found |= {f"{field.name}_{key}": getattr(own, key) for key in _OF_FIGURE}
        elif not _is_table(own):
            found[field.name] = dict(own) if field.name == "said" else own
    return found


def records_of(views: Iterable[Any], part: Part) -> list[dict[str, Any]]:
    """The rows of one table over all views, the view in front."""
    if part == "views":
        return [flat(view) for view in views]
    return [flat(each, view=view.view) for view in views for each in getattr(view, part)]


def columns_of(records: list[dict[str, Any]]) -> list[str]:
    """All keys, in the order in which they come first."""
    return list(dict.fromkeys(key for each in records for key in each))


def _is_table(value: Any) -> bool:
    """Whether it holds rows: pairs, people and the like, which may be none."""
    return isinstance(value, tuple) and (not value or hasattr(value[0], "__dataclass_fields__"))
