"""team.toml becomes a Roster, or every problem in it at once.

Names that need the validator (pydantic) are loaded when first used, so that commands which only read records do not pay
for it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from prodigy_team.roster.paths import state_folder
from prodigy_team.roster.values import Annotator, Problem, Roster, RosterError, Routing, Server

if TYPE_CHECKING:
    from prodigy_team.roster.access import access_problems, embedded_problems, is_loopback, refuse_windows
    from prodigy_team.roster.load import load_roster
    from prodigy_team.roster.template import render_roster

__all__ = [
    "Annotator",
    "Problem",
    "Roster",
    "RosterError",
    "Routing",
    "Server",
    "access_problems",
    "embedded_problems",
    "is_loopback",
    "load_roster",
    "refuse_windows",
    "render_roster",
    "state_folder",
]

_LAZY = {
    "access_problems": "access",
    "embedded_problems": "access",
    "is_loopback": "access",
    "load_roster": "load",
    "refuse_windows": "access",
    "render_roster": "template",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
