"""Tasks as what each adds to the sums that a coefficient is made of; tasks that add the same are counted together.

A quarter of a million tasks come down to a few dozen rows where people choose among a few answers, so that a
coefficient, and a thousand draws of it, cost next to nothing.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import groupby
from operator import mul

Row = tuple[tuple[Hashable, float], ...]
"""What one task adds: columns with amounts, each column once."""

Sums = Mapping[Hashable, float]
"""Column -> sum over tasks; columns without an amount may be missing."""

Statistic = Callable[[Sums], float]
"""Sums -> coefficient; ``nan`` where it is undefined."""

DRAWS = 1000
FEWEST_DRAWS = 200
_EFFORT = 64_000
_MOST_ROWS = 5_000
_BLOCKS = 128  # with 500 draws blocks and draws add about the same to what an interval may be off
_FEW = 6  # up to here a Gamma variate is made faster as a product


class Rows:
    """Rows with how many tasks have each, in the order in which they first came.

    Of very many different rows most are summed in some hundred blocks as they come, so that memory stays small; the
    sums are exact, and intervals are made from whole blocks in any case.
    """

    def __init__(self) -> None:
        self._counts: dict[Row, int] = {}
        self._blocks: list[dict[Hashable, float]] = []
        self._tasks = 0
        self._chance = random.Random(0)

    def __len__(self) -> int:
        return self._tasks

    def add(self, row: Row, count: int = 1) -> None:
        """So many tasks that add this."""
        self._tasks += count
        if row in self._counts or len(self._counts) < _MOST_ROWS:
            self._counts[row] = self._counts.get(row, 0) + count
            return
        if not self._blocks:
            self._blocks = [{} for _ in range(_BLOCKS)]
        # At random, as neighbours may be alike in a rhythm of their own.
        block = self._blocks[int(self._chance.random() * _BLOCKS)]
        for column, amount in row:
            block[column] = block.get(column, 0.0) + amount * count

    def items(self) -> list[tuple[Row, int]]:
        """Rows and their counts; a block is one row."""
        return [*self._counts.items(), *((tuple(each.items()), 1) for each in self._blocks if each)]

    def sums(self) -> dict[Hashable, float]:
        """The sum of each column over all tasks."""
        found: dict[Hashable, float] = {}
        for row, count in self.items():
            for column, amount in row:
                found[column] = found.get(column, 0) + amount * count
        return found


def intervals(
    rows: Rows, statistics: Sequence[Statistic], *, seed: int = 0, blocks: int = _BLOCKS, draws: int = DRAWS
) -> list[tuple[float, float] | None]:
    """95 % intervals of coefficients, by the Bayesian bootstrap over tasks; the same for the same rows and seed.

    Each draw weighs every task by its own standard exponential variate, so that a row which n tasks share weighs a
    Gamma(n) variate; the interval runs from the 2.5th to the 97.5th percentile of the draws in which the coefficient
    is defined. Beyond ``blocks`` different rows, rows of one count are put together at random and weighed as one,
    which keeps the expected variance. Many rows get fewer draws, 200 at least.

    Args:
        statistics: What is drawn together.

    Returns:
        One (low, high) for each statistic; None where fewer than two tasks or no draw define it.

    Source: Rubin (1981), The Bayesian Bootstrap, Annals of Statistics 9(1), 130-134.
    """
    if len(rows) < 2:
        return [None] * len(statistics)
    generator = random.Random(seed)
    shapes, columns = _blocks(rows, blocks, generator)
    runs = [(shape, len(list(run))) for shape, run in groupby(shapes)]
    found: list[list[float]] = [[] for _ in statistics]
    for _ in range(max(FEWEST_DRAWS, min(draws, _EFFORT // len(shapes)))):
        weights = [weight for shape, times in runs for weight in _weights(shape, times, generator)]
        sums = {column: sum(map(mul, weights, amounts)) for column, amounts in columns.items()}
        for values, statistic in zip(found, statistics, strict=True):
            values.append(statistic(sums))
    return [_middle([value for value in values if not math.isnan(value)]) for values in found]


def _weights(shape: int, times: int, generator: random.Random) -> list[float]:
    """So many Gamma variates over their shape: of a whole shape each is a sum of standard exponential ones."""
    uniform, log = generator.random, math.log
    if shape == 1:
        return [-log(1.0 - uniform()) for _ in range(times)]
    if shape <= _FEW:
        return [-log(math.prod([1.0 - uniform() for _ in range(shape)])) / shape for _ in range(times)]
    return [generator.gammavariate(shape, 1.0) / shape for _ in range(times)]


def _blocks(rows: Rows, at_most: int, generator: random.Random) -> tuple[list[int], dict[Hashable, list[float]]]:
    """Shape of each block's weight, and each column's amounts by block.

    A block of rows that n tasks share each is weighed by Gamma(n)/n: the variance is that of rows weighed one by one
    where what they add is independent, as it is after shuffling.
    """
    members: dict[int, list[Row]] = {}
    # In an order of their own, so that it does not matter in which they came.
    for row, count in sorted(rows.items(), key=repr):
        members.setdefault(count, []).append(row)
    size = max(1, -(-sum(map(len, members.values())) // at_most))
    shapes: list[int] = []
    columns: dict[Hashable, dict[int, float]] = {}
    for count, alike in members.items():
        if size > 1:
            generator.shuffle(alike)
        for start in range(0, len(alike), size):
            for row in alike[start : start + size]:
                for column, amount in row:
                    cells = columns.setdefault(column, {})
                    cells[len(shapes)] = cells.get(len(shapes), 0.0) + amount * count
            shapes.append(count)
    dense = {column: [cells.get(block, 0.0) for block in range(len(shapes))] for column, cells in columns.items()}
    return shapes, dense


def _middle(values: list[float]) -> tuple[float, float] | None:
    """The middle 95 % of values."""
    if not values:
        return None
    values.sort()
    last = len(values) - 1
    return _quantile(values, 0.025 * last), _quantile(values, 0.975 * last)


def _quantile(values: Sequence[float], place: float) -> float:
    below = math.floor(place)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (place - below)
