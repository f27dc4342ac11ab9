"""The tasks on which people differ most, a few of very many."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

from prodigy_team.curation.agreement.said import Value

Place = tuple[int, int]
"""Number of the source, and position in it."""
Judged = tuple[tuple[str, Value], ...]
"""(name, what they said), by name."""


@dataclass
class Worst:
    """Keeps the tasks of largest distance; among equal ones those that more people judged, then the first.

    Attributes:
        limit: How many.
    """

    limit: int
    _kept: list[tuple[float, int, int, int, Judged]] = field(default_factory=list)

    def offer(self, distance: float, place: Place, judged: Sequence[tuple[str, Value]]) -> None:
        """A task, where the first answer to it stands, and what people said of it."""
        if distance <= 0 or self.limit < 1:
            return
        if len(self._kept) >= self.limit and (distance, len(judged)) < self._kept[0][:2]:
            return
        entry = (distance, len(judged), -place[0], -place[1], tuple(judged))
        if len(self._kept) < self.limit:
            heapq.heappush(self._kept, entry)
        else:
            heapq.heappushpop(self._kept, entry)

    def found(self) -> list[tuple[float, Place, Judged]]:
        """Distances, places and what was said, the largest first."""
        ordered = sorted(self._kept, key=lambda each: each[:4], reverse=True)
        return [(distance, (-source, -position), judged) for distance, _, source, position, judged in ordered]
