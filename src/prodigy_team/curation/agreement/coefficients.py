"""Coefficients of agreement: percent, Cohen's and Fleiss' kappa, Krippendorff's alpha, and the distance of sets.

The functions on plain values come first. Under them stand what a task adds (`unit_row`, `pair_row`) and what becomes of
the sums, from which figures of a quarter of a million tasks are made.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import cast

from prodigy_team.curation.agreement.sums import Row, Rows, Statistic, Sums

Distance = Callable[[Hashable, Hashable], float]
"""Two values -> how far apart they are: 0 the same, 1 nothing in common; symmetric."""

_EXACT_VALUES = 100


def percent_agreement(units: Iterable[Sequence[Hashable]]) -> float:
    """Share of pairs of people who said the same, the mean over units; the observed agreement of Fleiss.

    Args:
        units: For each unit (task) the values it was given, one a person, missing ones left out.

    Returns:
        From 0 to 1; ``nan`` where no unit has two values.
    """
    return percent_of(unit_rows(units).sums())


def cohen_kappa(first: Sequence[Hashable], second: Sequence[Hashable]) -> float:
    """Agreement of two annotators beyond chance, on the tasks both answered.

    Args:
        first: N labels, one per shared task.
        second: N labels, in the same task order.

    Returns:
        Kappa, at most 1.0; ``nan`` where it is undefined: no shared task, or one and the same label throughout (0/0).

    Raises:
        ValueError: The lengths differ.

    Source: Cohen (1960), Educational and Psychological Measurement 20(1), 37-46.
    """
    rows = Rows()
    for pair in zip(first, second, strict=True):
        rows.add(pair_row(*pair))
    return kappa_of(rows.sums())


def fleiss_kappa(units: Iterable[Sequence[Hashable]]) -> float:
    """Agreement of several people beyond chance.

    With the same number of values for every unit it is Fleiss' kappa. For numbers that differ it is the usual
    generalisation (Gwet 2014): every unit weighs the same, in the observed agreement by its share of agreeing pairs,
    in the expected one by the shares of its values. Units with fewer than two values are left out of both.

    Args:
        units: For each unit the values it was given, missing ones left out.

    Returns:
        Kappa; ``nan`` where no unit has two values or only one value occurs.

    Sources: Fleiss (1971), Psychological Bulletin 76(5), 378-382; Gwet (2014), Handbook of Inter-Rater Reliability.
    """
    return fleiss_of(unit_rows(units).sums())


def krippendorff_alpha(units: Iterable[Sequence[Hashable]], distance: Distance | None = None) -> float:
    """Agreement of any number of people beyond chance, whoever answered what; values may be missing.

    Args:
        units: For each unit the values it was given, missing ones left out.
        distance: None: nominal, different values are 1 apart.

    Returns:
        Alpha; ``nan`` where no unit has two values or only one value occurs.

    Source: Krippendorff (2011), Computing Krippendorff's Alpha-Reliability.
    """
    rows = unit_rows(units, distance)
    return alpha_statistic(rows, distance)(rows.sums())


def masi_distance(first: AbstractSet[Hashable], second: AbstractSet[Hashable]) -> float:
    """How far two sets are apart: 1 less their Jaccard index times their monotonicity.

    Monotonicity is 1 for equal sets, 2/3 where one holds the other, 1/3 where each has something of its own besides
    something common, else 0.

    Returns:
        0 for equal sets, two empty ones too, to 1 for sets without a common element.

    Source: Passonneau (2006), Measuring Agreement on Set-valued Items (MASI) for Semantic and Pragmatic Annotation.
    """
    if first == second:
        return 0.0
    common = len(first & second)
    monotonicity = 2 / 3 if common == min(len(first), len(second)) else 1 / 3
    return 1 - common / len(first | second) * monotonicity if common else 1.0


# What a task adds


def unit_rows(units: Iterable[Sequence[Hashable]], distance: Distance | None = None) -> Rows:
    """The rows of units with two values or more; others say nothing about agreement."""
    rows = Rows()
    for values in units:
        if len(values) > 1:
            rows.add(unit_row(values, distance))
    return rows


def unit_row(values: Collection[Hashable], distance: Distance | None = None) -> Row:
    """What a task adds to `percent_of`, `fleiss_of` and `alpha_statistic`.

    Args:
        values: Two or more.
    """
    counts, number = Counter(values), len(values)
    same = sum(count * (count - 1) for count in counts.values()) / (number * (number - 1))
    apart = number * (1 - same) if distance is None else _apart(counts, distance) / (number - 1)
    # In an order of its own, so that the same values in another order are the same row.
    said = sorted(counts.items(), key=lambda each: (each[1], repr(each[0])))
    columns: list[tuple[Hashable, float]] = [("units", 1.0), ("same", same), ("apart", apart)]
    columns += [(("value", value), float(count)) for value, count in said]
    return (*columns, *((("share", value), count / number) for value, count in said))


def _apart(counts: Mapping[Hashable, int], distance: Distance) -> float:
    """The distances of all ordered pairs of values, summed."""
    return math.fsum(
        count * other_count * distance(value, other)
        for value, count in counts.items()
        for other, other_count in counts.items()
        if value != other
    )


def pair_row(first: Hashable, second: Hashable) -> Row:
    """What a task adds to `kappa_of`."""
    return (((first, second), 1.0),)


# What becomes of the sums


def percent_of(sums: Sums) -> float:
    """See `percent_agreement`."""
    units = sums.get("units", 0.0)
    return sums["same"] / units if units else math.nan


def fleiss_of(sums: Sums) -> float:
    """See `fleiss_kappa`."""
    units = sums.get("units", 0.0)
    shares = [amount / units for column, amount in sums.items() if type(column) is tuple and column[0] == "share"]
    if len(shares) < 2:
        return math.nan
    expected = math.fsum(share * share for share in shares)
    return (sums["same"] / units - expected) / (1 - expected)


def kappa_of(cells: Sums) -> float:
    """Cohen's kappa from how often each pair of values was given."""
    left: dict[Hashable, float] = {}
    right: dict[Hashable, float] = {}
    same = total = 0.0
    for pair, count in cells.items():
        first, second = cast("tuple[Hashable, Hashable]", pair)
        left[first] = left.get(first, 0.0) + count
        right[second] = right.get(second, 0.0) + count
        same += count if first == second else 0.0
        total += count
    if not total or (len(left) == 1 and left.keys() == right.keys()):
        return math.nan
    expected = math.fsum(count * right.get(value, 0.0) for value, count in left.items()) / total**2
    return (same / total - expected) / (1 - expected)


def alpha_statistic(rows: Rows, distance: Distance | None = None) -> Statistic:
    """The alpha of these rows and of draws of them.

    With a distance and more than a hundred different values the expected disagreement of a draw is followed from that
    of the rows to first order: its true form would take the square of their number for each draw.
    """
    if distance is None:
        return lambda sums: _alpha(sums, _nominal)
    counts = _counts(rows.sums())
    values = list(counts)
    table = [[distance(one, other) if one != other else 0.0 for other in values] for one in values]
    if len(values) <= _EXACT_VALUES:
        return lambda sums: _alpha(sums, lambda own: _quadratic(table, [own.get(each, 0.0) for each in values]))
    slope = dict(zip(values, (_dot(line, counts.values()) for line in table), strict=True))
    level = _dot(slope.values(), counts.values())
    return lambda sums: _alpha(sums, lambda own: 2 * sum(slope[each] * own[each] for each in own) - level)


def _alpha(sums: Sums, expected_of: Callable[[Mapping[Hashable, float]], float]) -> float:
    counts = _counts(sums)
    number = sum(counts.values())
    if len(counts) < 2 or number <= 1:
        return math.nan
    expected = expected_of(counts) / (number - 1)
    return 1 - sums["apart"] / expected if expected > 0 else math.nan


def _counts(sums: Sums) -> dict[Hashable, float]:
    return {column[1]: amount for column, amount in sums.items() if type(column) is tuple and column[0] == "value"}


def _nominal(counts: Mapping[Hashable, float]) -> float:
    """Ordered pairs of different values."""
    return sum(counts.values()) ** 2 - math.fsum(count * count for count in counts.values())


def _quadratic(table: Sequence[Sequence[float]], counts: Sequence[float]) -> float:
    return sum(count * _dot(line, counts) for count, line in zip(counts, table, strict=True))


def _dot(first: Iterable[float], second: Iterable[float]) -> float:
    return sum(one * other for one, other in zip(first, second, strict=True))
