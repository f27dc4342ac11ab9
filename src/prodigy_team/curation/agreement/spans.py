"""How far two people's spans agree: the same ones, those that overlap, and token by token."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from prodigy_team.curation.agreement.coefficients import kappa_of
from prodigy_team.curation.agreement.sums import Row, Sums

Span = tuple[float, float, str]
"""Start, end (the first place behind it) and label; characters of a text, or seconds of a sound."""

Interval = tuple[float, float]

OUTSIDE = ""
"""The label of a token in no span."""


@dataclass(frozen=True, slots=True)
class Marked:
    """What one person marked in a task.

    Attributes:
        spans: Sorted, each once; two who marked the same are equal.
        tokens: How many the text has; -1 where that is not known.
        labels: Place of a token -> its label, for tokens inside spans; several labels are joined with `+`.
    """

    spans: tuple[Span, ...]
    tokens: int = field(default=-1, compare=False)
    labels: tuple[tuple[int, str], ...] = field(default=(), compare=False)


def span_f1(first: Collection[Span], second: Collection[Span]) -> float:
    """F1 of two people's spans where only the same start, end and label count; symmetric.

    Equal to the strict F1 of nervaluate (SemEval 2013, task 9) where nobody's own spans overlap.

    Returns:
        From 0 to 1; ``nan`` where neither marked anything.
    """
    return exact_of(dict(span_row(Marked(tuple(set(first))), Marked(tuple(set(second))))))


def partial_f1(first: Collection[Span], second: Collection[Span]) -> float:
    """F1 of two people's spans where those that overlap count half, whatever their labels; symmetric.

    Defined as `partial` of nervaluate (SemEval 2013, task 9): a pair with the same start and end counts 1, a pair that
    overlaps 0.5, each span in one pair at most. Where somebody's own spans overlap, same boundaries are paired first
    and then as many others as possible, so that the order does not count.

    Returns:
        From 0 to 1; ``nan`` where neither marked anything.
    """
    return partial_of(dict(span_row(Marked(tuple(set(first))), Marked(tuple(set(second))))))


def token_kappa(first: Iterable[str], second: Iterable[str]) -> float:
    """Cohen's kappa of the labels that two people gave the tokens of their tasks, `OUTSIDE` included.

    Raises:
        ValueError: The lengths differ.
    """
    return kappa_of({pair: float(count) for pair, count in Counter(zip(first, second, strict=True)).items()})


def span_row(first: Marked, second: Marked) -> Row:
    """What a task adds to `exact_of` and `partial_of` of two people."""
    both = len(first.spans) + len(second.spans)
    same = both // 2 if first.spans == second.spans else len(set(first.spans) & set(second.spans))
    if same * 2 == both:  # nobody marked anything, or both the same
        exact, overlapping = same, 0
    else:
        exact, overlapping = match(first.spans, second.spans)
    return ("same", float(same)), ("matched", exact + overlapping / 2), ("spans", float(both))


def token_row(first: Marked, second: Marked) -> Row:
    """What a task adds to `tokens_of` of two people; nothing where they do not have the same tokens."""
    if first.tokens < 0 or first.tokens != second.tokens:
        return ()
    cells = sorted(_cells(first, second).items())
    return tuple((("token", *pair), float(count)) for pair, count in cells if count)


def exact_of(sums: Sums) -> float:
    """See `span_f1`."""
    return 2 * sums["same"] / sums["spans"] if sums.get("spans") else math.nan


def partial_of(sums: Sums) -> float:
    """See `partial_f1`."""
    return 2 * sums["matched"] / sums["spans"] if sums.get("spans") else math.nan


def tokens_of(sums: Sums) -> float:
    """Kappa of tokens; see `token_kappa`."""
    return kappa_of(
        {column[1:]: count for column, count in sums.items() if type(column) is tuple and column[0] == "token"}
    )


def match(first: Collection[Span], second: Collection[Span]) -> tuple[int, int]:
    """Pairs with the same boundaries, and as many pairs that overlap as can be made of the rest."""
    one, other = {span[:2] for span in first}, {span[:2] for span in second}
    if len(one) == len(first) and len(other) == len(second):
        same = one & other
        return len(same), _most_overlapping(sorted(one - same), sorted(other - same))
    left, right = Counter(span[:2] for span in first), Counter(span[:2] for span in second)
    exact = left & right
    return exact.total(), _most_overlapping(sorted((left - exact).elements()), sorted((right - exact).elements()))


def _most_overlapping(left: Sequence[Interval], right: Sequence[Interval]) -> int:
    """The largest matching of overlapping intervals, both sorted."""
    if not left or not right:
        return 0
    if _apart(left) and _apart(right):
        return _first_fit(left, right)
    owner: dict[int, int] = {}
    mate: dict[int, int] = {}
    dead: set[int] = set()
    over = _over(left, right)
    return sum(_augment(own, over, owner, mate, dead) for own in range(len(left)))


def _over(left: Sequence[Interval], right: Sequence[Interval]) -> list[list[int]]:
    """For each of one side those of the other that it overlaps."""
    starts, longest = [each[0] for each in right], max(end - start for start, end in right)
    found = []
    for start, end in left:
        near = range(bisect_left(starts, start - longest), bisect_left(starts, end))
        found.append([place for place in near if start < right[place][1]])
    return found


def _augment(root: int, over: list[list[int]], owner: dict[int, int], mate: dict[int, int], dead: set[int]) -> bool:
    """Find a partner for one more, letting others change theirs; what leads nowhere once never will again."""
    reached: dict[int, int] = {}
    waiting = [root]
    for own in waiting:
        for other in over[own]:
            if other in reached or other in dead:
                continue
            reached[other] = own
            if other in owner:
                waiting.append(owner[other])
                continue
            while True:
                own = reached[other]
                before = mate.get(own)
                owner[other], mate[own] = own, other
                if before is None:
                    return True
                other = before
    dead.update(reached)
    return False


def _apart(intervals: Sequence[Interval]) -> bool:
    """Whether none of these, in order, overlaps another."""
    return (
        all(one[0] < one[1] <= other[0] for one, other in pairwise(intervals)) and intervals[-1][0] < intervals[-1][1]
    )


def _first_fit(left: Sequence[Interval], right: Sequence[Interval]) -> int:
    found = place = 0
    for start, end in left:
        while place < len(right) and right[place][1] <= start:
            place += 1
        if place < len(right) and right[place][0] < end:
            found += 1
            place += 1
    return found


def _cells(first: Marked, second: Marked) -> Mapping[tuple[str, str], int]:
    cells: dict[tuple[str, str], int] = {}
    other = dict(second.labels)
    for place, label in first.labels:
        pair = label, other.pop(place, OUTSIDE)
        cells[pair] = cells.get(pair, 0) + 1
    for label in other.values():
        cells[OUTSIDE, label] = cells.get((OUTSIDE, label), 0) + 1
    outside = first.tokens - sum(cells.values())
    cells[OUTSIDE, OUTSIDE] = cells.get((OUTSIDE, OUTSIDE), 0) + outside
    return cells
