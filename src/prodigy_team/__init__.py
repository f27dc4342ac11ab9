"""Annotation servers for a team: started from a roster, kept running, their answers merged into one training set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prodigy_team.gateway.scripting import start_session

__all__ = ["__version__", "start_session"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import what scripts call only once they do: every command imports this package."""
    if name == "start_session":
        from prodigy_team.gateway.scripting import start_session

        return start_session
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
