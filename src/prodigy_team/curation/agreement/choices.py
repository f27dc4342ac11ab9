"""Answers and chosen options, task by task, into figures: everything in which people give one of some values."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, combinations
from typing import Any

from prodigy_team.curation.agreement.coefficients import (
    Distance,
    alpha_statistic,
    fleiss_of,
    kappa_of,
    masi_distance,
    pair_row,
    percent_of,
    unit_row,
)
from prodigy_team.curation.agreement.figures import (
    THIN,
    Drawing,
    Figure,
    LabelAgreement,
    PairAgreement,
    PersonAgreement,
    WeekAgreement,
)
from prodigy_team.curation.agreement.said import ACCEPT, ANSWER, CHOICE, OTHER, REJECTED, Value, shown
from prodigy_team.curation.agreement.sums import Row, Rows, Sums

NOBODY_TWICE = "no task was answered by two people"
_Pattern = tuple[tuple[str, Any], ...]


class Choices:
    """Takes in tasks and counts those alike: who said what, and of which group they are."""

    def __init__(self, kind: str, *, by: str = "") -> None:
        """Prepare.

        Args:
            kind: "answer", "choice" or "other".
            by: "label", "week" or "": what is counted apart besides.
        """
        self.kind = kind
        self._by = by
        self.distance_name = "nominal"
        self._patterns: dict[tuple[str, _Pattern], int] = {}
        self._distances: dict[tuple[Value, ...], float] = {}

    def add(self, said: Sequence[tuple[str, Value]], group: str, count: int = 1) -> float:
        """So many tasks with two judgements or more, by name; returns the mean distance of pairs.

        Args:
            group: The week, or the label of a task that is accepted or rejected.
        """
        pattern = tuple(said)
        self._patterns[group, pattern] = self._patterns.get((group, pattern), 0) + count
        values = tuple([value for _, value in pattern])
        if values not in self._distances:
            self._distances[values] = _mean_distance(values, self.kind)
        return self._distances[values]

    def figures(self, drawing: Drawing) -> dict[str, Any]:
        """What `ViewAgreement` says of everybody."""
        several = any(type(value) is tuple and len(value) != 1 for value in self._values())
        distance = _set_distance if self.kind == CHOICE and several else None
        self.distance_name = "masi" if distance else "nominal"
        rows = _unit_rows(((pattern, count) for (_, pattern), count in self._patterns.items()), distance)
        why = _why(list(self._values()))
        statistics = (percent_of, fleiss_of, alpha_statistic(rows, distance))
        percent, fleiss, alpha = drawing.figures(rows, statistics, ["", why, why])
        return {"percent": percent, "fleiss": fleiss, "alpha": alpha, "distance": self.distance_name}

    def pairs(self, drawing: Drawing) -> Iterator[PairAgreement]:
        """Cohen's kappa and percent of every two people who answered the same tasks, by name."""
        cells: dict[tuple[str, str], Counter[tuple[Value, Value]]] = {}
        for (_, pattern), count in self._patterns.items():
            for (first, one), (second, other) in combinations(pattern, 2):
                cells.setdefault((first, second), Counter())[one, other] += count
        for (first, second), counts in sorted(cells.items()):
            rows = Rows()
            for pair, count in counts.items():
                rows.add(pair_row(*pair), count)
            why = _why([value for pair in counts for value in pair])
            percent, kappa = drawing.figures(rows, (_same_share, kappa_of), ["", why])
            yield PairAgreement(first, second, counts.total(), percent, kappa, None, None, None)

    def people(self, drawing: Drawing, pairs: Sequence[PairAgreement]) -> Iterator[PersonAgreement]:
        """Everybody against all others, by name."""
        rows: dict[str, Rows] = defaultdict(Rows)
        for (_, pattern), count in self._patterns.items():
            counts = Counter(value for _, value in pattern)
            for name, value in pattern:
                share = (counts[value] - 1) / (len(pattern) - 1)
                rows[name].add((("units", 1.0), ("same", share)), count)
        for name, own in sorted(rows.items()):
            (percent,) = drawing.figures(own, (percent_of,), [""])
            yield PersonAgreement(name, len(own), percent, mean_figure(name, pairs, len(own)))

    def labels(self, drawing: Drawing) -> Iterator[LabelAgreement]:
        """Each label of tasks, else each answer or option, by name; nothing where values are no labels."""
        if self.kind == OTHER or self._by != "label":
            return
        if any(group for group, _ in self._patterns):
            yield from self._labels_of_tasks(drawing)
            return
        members = {value: self._labels_in(value) for value in self._values()}
        # By label: how many of how many people gave it -> tasks.
        given: dict[str, Counter[tuple[int, int]]] = defaultdict(Counter)
        asked: Counter[int] = Counter()
        for (_, pattern), count in self._patterns.items():
            asked[len(pattern)] += count
            for label, yes in Counter(chain.from_iterable([members[value] for _, value in pattern])).items():
                given[label][yes, len(pattern)] += count
        for label, counts in sorted(given.items()):
            yield _label_figures(drawing, label, counts, asked)

    def _labels_in(self, value: Value) -> frozenset[str]:
        """Options; an answer is its own label, but to reject a task with options is to choose none."""
        if isinstance(value, tuple):
            return frozenset(value)
        return frozenset([str(value)] if self.kind == ANSWER else ())

    def _labels_of_tasks(self, drawing: Drawing) -> Iterator[LabelAgreement]:
        """Tasks of one label each: how far people agree on accepting it."""
        for label, patterns in sorted(self._by_group().items()):
            rows, accepted, answers = Rows(), Rows(), 0
            for pattern, count in patterns:
                values = [value for _, value in pattern]
                answers += len(values) * count
                rows.add(unit_row(values), count)
                if ACCEPT in values:
                    accepted.add(_given(values.count(ACCEPT), len(values)), count)
            why = _why([value for pattern, _ in patterns for _, value in pattern])
            (alpha,) = drawing.figures(rows, (alpha_statistic(rows),), [why])
            (f1,) = drawing.figures(accepted, (_label_f1,), [f"nobody said {ACCEPT}"])
            yield LabelAgreement(label, answers, f1, alpha, None)

    def weeks(self, drawing: Drawing) -> Iterator[WeekAgreement]:
        """Percent and alpha of each week, in their order."""
        if self._by != "week":
            return
        distance = _set_distance if self.distance_name == "masi" else None
        for week, patterns in sorted(self._by_group().items()):
            rows = _unit_rows(patterns, distance)
            why = _why([value for pattern, _ in patterns for _, value in pattern])
            percent, alpha = drawing.figures(rows, (percent_of, alpha_statistic(rows, distance)), ["", why])
            yield WeekAgreement(week, len(rows), percent, alpha, None)

    def _by_group(self) -> Mapping[str, list[tuple[_Pattern, int]]]:
        """Patterns and their tasks, by week or label."""
        found: dict[str, list[tuple[_Pattern, int]]] = defaultdict(list)
        for (group, pattern), count in self._patterns.items():
            found[group].append((pattern, count))
        return found

    def _values(self) -> dict[Value, None]:
        return {value: None for _, pattern in self._patterns for _, value in pattern}


def _unit_rows(patterns: Iterable[tuple[_Pattern, int]], distance: Distance | None) -> Rows:
    rows = Rows()
    for pattern, count in patterns:
        rows.add(unit_row([value for _, value in pattern], distance), count)
    return rows


def _label_figures(
    drawing: Drawing, label: str, counts: Mapping[tuple[int, int], int], asked: Mapping[int, int]
) -> LabelAgreement:
    """A label that people give or do not give.

    Args:
        counts: How many of how many people gave it -> tasks, of those in which somebody did.
        asked: How many people -> tasks, of all.
    """
    rows, given, nobody = Rows(), Rows(), Counter(asked)
    for (yes, people), tasks in counts.items():
        rows.add(unit_row([True] * yes + [False] * (people - yes)), tasks)
        given.add(_given(yes, people), tasks)
        nobody[people] -= tasks
    for people, tasks in nobody.items():
        if tasks:
            rows.add(unit_row([False] * people), tasks)
    (alpha,) = drawing.figures(rows, (alpha_statistic(rows),), [f"everybody said {label} of every task"])
    (f1,) = drawing.figures(given, (_label_f1,), [""])
    return LabelAgreement(label, sum(yes * tasks for (yes, _), tasks in counts.items()), f1, alpha, None)


def mean_figure(name: str, pairs: Sequence[PairAgreement], tasks: int) -> Figure:
    """The mean of somebody's pairs, weighed by their tasks; pairs in which it is undefined are left out."""
    own = [each for each in pairs if name in (each.first, each.second)]
    figures = [each.kappa or each.f1 for each in own]
    known = [(each.value, each.tasks) for each in figures if each is not None and each.value is not None]
    weight = sum(tasks for _, tasks in known)
    why = next((each.undefined for each in figures if each is not None), NOBODY_TWICE)
    if not weight:
        return Figure(None, None, None, tasks, True, why)
    return Figure(sum(value * tasks for value, tasks in known) / weight, None, None, weight, weight < THIN)


def _why(values: Sequence[Value]) -> str:
    """Why chance leaves nothing to measure."""
    different = list(dict.fromkeys(values))
    return f"everybody said {shown(different[0])}" if len(different) == 1 else NOBODY_TWICE


def _given(yes: int, number: int) -> Row:
    """What a task adds to `_label_f1` that so many of these people gave the label: pairs in which both, and either."""
    return ("both", float(yes * (yes - 1))), ("either", float(yes * (number - 1)))


def _label_f1(sums: Sums) -> float:
    return sums["both"] / sums["either"] if sums.get("either") else math.nan


def _same_share(cells: Any) -> float:
    """From how often each pair of values was given."""
    return float(sum(count for (one, other), count in cells.items() if one == other) / sum(cells.values()))


def _set_distance(first: Any, second: Any) -> float:
    """MASI's distance of chosen options; a rejected task has nothing in common with any choice."""
    if first == REJECTED or second == REJECTED:
        return float(first != second)
    return masi_distance(frozenset(first), frozenset(second))


def _mean_distance(values: Sequence[Value], kind: str) -> float:
    pairs = list(combinations(values, 2))
    if kind in (ANSWER, OTHER):
        return sum(one != other for one, other in pairs) / len(pairs)
    return sum(_set_distance(one, other) for one, other in pairs) / len(pairs)
