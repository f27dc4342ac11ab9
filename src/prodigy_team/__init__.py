"""Annotation servers for a team: started from a roster, kept running, their answers merged into one training set.

`prodigy_team.answers(…)` and `prodigy_team.agreement(…)` are for notebooks and programs; see `prodigy_team.notebook`.
`prodigy_team.start_session(…)` asks the gateway for somebody's server; see `prodigy_team.gateway.scripting`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prodigy_team.gateway.scripting import start_session
    from prodigy_team.notebook import agreement, answers

__version__ = "0.1.0"
__all__ = ["__version__", "agreement", "answers", "start_session"]


def __getattr__(name: str) -> Any:
    """Import what is for notebooks and scripts when it is asked for: every command imports this package."""
    if name == "start_session":
        from prodigy_team.gateway.scripting import start_session

        return start_session
    if name in ("agreement", "answers"):
        from prodigy_team import notebook

        return getattr(notebook, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
