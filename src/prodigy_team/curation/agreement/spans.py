"""How far two people's spans agree: the same ones, those that overlap, and token by token."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from prodigy_team.curation.agreement.coefficients import kappa_of
from prodigy_team.curation.agreement.sums import Row, Sums

Span = tuple[float, float, str]
"""Start, end (the first place behind it) and label; characters of a text, or seconds of a sound."""

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
    same = len(set(first.spans) & set(second.spans))
    both = len(first.spans) + len(second.spans)
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
    left, right = Counter(span[:2] for span in first), Counter(span[:2] for span in second)
    exact = left & right
    return exact.total(), _most_overlapping(sorted((left - exact).elements()), sorted((right - exact).elements()))


def _most_overlapping(left: list[tuple[float, float]], right: list[tuple[float, float]]) -> int:
    """The largest matching of overlapping intervals, by augmenting paths; there are a handful."""
    over = [[place for place, other in enumerate(right) if other[0] < own[1] and own[0] < other[1]] for own in left]
    owner: dict[int, int] = {}

    def place(own: int, seen: set[int]) -> bool:
        for other in over[own]:
            if other not in seen:
                seen.add(other)
                if other not in owner or place(owner[other], seen):
                    owner[other] = own
                    return True
        return False

    return sum(place(own, set()) for own in range(len(left)))


def _cells(first: Marked, second: Marked) -> Mapping[tuple[str, str], int]:
    if first.labels == second.labels:
        cells = Counter((label, label) for _, label in first.labels)
        places = len(first.labels)
    else:
        own, other = dict(first.labels), dict(second.labels)
        cells = Counter((own.get(each, OUTSIDE), other.get(each, OUTSIDE)) for each in own.keys() | other.keys())
        places = cells.total()
    cells[OUTSIDE, OUTSIDE] += first.tokens - places
    return cells
