"""Annotation servers for a team: started from a roster, kept running, their answers merged into one training set.

`prodigy_team.answers(…)` and `prodigy_team.agreement(…)` are for notebooks and programs; see `prodigy_team.notebook`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prodigy_team.notebook import agreement, answers

__version__ = "0.1.0"
__all__ = ["__version__", "agreement", "answers"]


def __getattr__(name: str) -> Any:
    """Import what is for notebooks when it is asked for: every command imports this package."""
    if name in ("agreement", "answers"):
        from prodigy_team import notebook

        return getattr(notebook, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
