"""team.toml becomes a Roster, or every problem in it at once.

Names are loaded when first used, so that commands which only read records do not pay for the validator (msgspec).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prodigy_team.roster.access import (
        access_problems,
        embedded_problems,
        gateway_problems,
        is_loopback,
        own_router_warnings,
        refuse_windows,
        routing_problems,
    )
    from prodigy_team.roster.apart import apart_notes, may_come_apart, taken_apart
    from prodigy_team.roster.load import load_roster
    from prodigy_team.roster.paths import state_folder
    from prodigy_team.roster.template import render_roster
    from prodigy_team.roster.values import Annotator, Problem, Roster, RosterError, Routing, Server

__all__ = [
    "Annotator",
    "Problem",
    "Roster",
    "RosterError",
    "Routing",
    "Server",
    "access_problems",
    "apart_notes",
    "embedded_problems",
    "gateway_problems",
    "is_loopback",
    "load_roster",
    "may_come_apart",
    "own_router_warnings",
    "refuse_windows",
    "render_roster",
    "routing_problems",
    "state_folder",
    "taken_apart",
]

_LAZY = {
    **dict.fromkeys(("Annotator", "Problem", "Roster", "RosterError", "Routing", "Server"), "values"),
    "access_problems": "access",
    "apart_notes": "apart",
    "embedded_problems": "access",
    "gateway_problems": "access",
    "is_loopback": "access",
    "load_roster": "load",
    "may_come_apart": "apart",
    "own_router_warnings": "access",
    "refuse_windows": "access",
    "render_roster": "template",
    "routing_problems": "access",
    "state_folder": "paths",
    "taken_apart": "apart",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
