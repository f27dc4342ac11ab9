"""How long people worked, told from the times of their answers alone: open tabs and bursts add nothing to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

IDLE = 120.0
"""Seconds without an answer after which somebody is taken to be away, unless their tasks take longer."""
_TIMES_MEDIAN = 5
_LONGEST = 1800.0
_ENOUGH = 10  # gaps from which on their median says something


@dataclass(frozen=True)
class Work:
    """Somebody's time on their tasks.

    Attributes:
        seconds: Sum of the gaps between answers that are no breaks.
        tasks: Answers that ended such a gap; those that came after a break took nobody knows how long.
        median: Seconds per task, over these; None without one.
        idle: Seconds from which a gap was taken for a break.
    """

    seconds: float = 0.0
    tasks: int = 0
    median: float | None = None
    idle: float = IDLE

    @property
    def pace(self) -> float | None:
        """Tasks per hour of work."""
        return self.tasks / self.seconds * 3600 if self.seconds > 0 else None


def measure(times: Iterable[float], *, idle: float | None = None) -> Work:
    """How long somebody worked.

    Answers with one and the same time were sent together: the gap before them is shared by them all. So ten answers
    that arrive at once are no ten times as long as one, and no ten times as fast.

    Args:
        times: Unix seconds of their answers, in any order.
        idle: Seconds from which a gap is a break; None: two minutes, or five times the usual gap where that is longer,
            up to half an hour.
    """
    batches = _batches(sorted(times))
    gaps = [(later[0] - earlier[0], later[1]) for earlier, later in pairwise(batches)]
    cut = break_after([gap for gap, _ in gaps]) if idle is None else idle
    counted = [(gap, count) for gap, count in gaps if gap <= cut]
    each = [gap / count for gap, count in counted for _ in range(count)]
    return Work(sum(gap for gap, _ in counted), len(each), median(each) if each else None, cut)


def break_after(gaps: Sequence[float]) -> float:
    """Seconds from which a gap is a break: `IDLE`, or five times the median of all gaps, but half an hour at most."""
    if len(gaps) < _ENOUGH:
        return IDLE
    return min(_LONGEST, max(IDLE, _TIMES_MEDIAN * median(gaps)))


def _batches(times: Sequence[float]) -> list[tuple[float, int]]:
    batches: list[tuple[float, int]] = []
    for at in times:
        if batches and batches[-1][0] == at:
            batches[-1] = (at, batches[-1][1] + 1)
        else:
            batches.append((at, 1))
    return batches
