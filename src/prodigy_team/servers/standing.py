"""How a server stands: the words for it, and what was observed of it. Values only, without the plans made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["running", "starting", "stopped", "asleep", "failed", "stale", "blocked"]

DONE, PARTLY = 0, 3  # exit codes
ACTIVE_SECONDS = 600.0  # who answered this recently is in the middle of something


@dataclass(frozen=True)
class Seen:
    """What was observed of one server.

    Attributes:
        alive: The recorded process lives and is ours.
        leftovers: The recorded process is gone, but something it started lives on and holds its lifetime lock.
        idle_seconds: Since its last answer; None where nobody ever answered or nobody can tell.
        work_again: The stream that it is fed has ended, and there is work for its annotator again.
    """

    alive: bool = False
    leftovers: bool = False
    idle_seconds: float | None = None
    work_again: bool = False

    @property
    def in_use(self) -> bool:
        """Whether somebody answered within the last ten minutes."""
        return self.idle_seconds is not None and self.idle_seconds < ACTIVE_SECONDS
