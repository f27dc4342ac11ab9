"""Spans, task by task, into figures: who marked what, alike to the character, overlapping, and token by token."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from prodigy_team.curation.agreement.choices import mean_figure
from prodigy_team.curation.agreement.coefficients import percent_of
from prodigy_team.curation.agreement.figures import (
    Drawing,
    Figure,
    LabelAgreement,
    PairAgreement,
    PersonAgreement,
    WeekAgreement,
)
from prodigy_team.curation.agreement.said import Value
from prodigy_team.curation.agreement.spans import (
    Marked,
    Span,
    exact_of,
    partial_of,
    span_row,
    token_row,
    tokens_of,
)
from prodigy_team.curation.agreement.sums import Row, Rows

_NOTHING = "nobody marked anything"
_NO_PAIR = "no task was accepted by two people"
_NO_TOKENS = "answers carry no tokens"
_UNMARKED = Marked(())
_MOST_KINDS = 50_000  # kept in memory; some kilobytes each at most


class _Kind(NamedTuple):
    """What two people's answers to a task come to.

    Attributes:
        equal: They said the same.
        apart: 1 less F1; 0 or 1 where somebody rejected it.
        spans: What it adds to F1; None where somebody rejected it.
        tokens: What it adds to the kappa of tokens.
    """

    equal: bool
    apart: float
    spans: Row | None = None
    tokens: Row = ()


class _Kinds:
    """Numbers of kinds: of very many pairs of answers most come to the same as others, and are looked into once."""

    def __init__(self) -> None:
        self.all: list[_Kind] = []
        self._numbers: dict[_Kind, int] = {}
        self._known: dict[Hashable, int] = {}

    def __len__(self) -> int:
        return len(self.all) + len(self._known)

    def number(self, one: Value, other: Value) -> int:
        """Of what these two come to."""
        if type(one) is Marked and type(other) is Marked:
            if one.spans != other.spans or one.labels != other.labels or one.tokens != other.tokens:
                return self._number_of(_kind(one, other))
            # Both say the same, and so it does not matter where.
            key: Hashable = (len(one.spans), one.tokens, *[label for _, label in one.labels])
        else:
            key = one == other
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._number_of(_kind(one, other))
        return found

    def clear(self) -> None:
        """Forget all."""
        self.all.clear()
        self._numbers.clear()
        self._known.clear()

    def _number_of(self, kind: _Kind) -> int:
        found = self._numbers.setdefault(kind, len(self.all))
        if found == len(self.all):
            self.all.append(kind)
        return found


def _kind(one: Value, other: Value) -> _Kind:
    equal = one == other
    if not isinstance(one, Marked) or not isinstance(other, Marked):
        return _Kind(equal, float(not equal))
    row = span_row(one, other)
    return _Kind(equal, 0.0 if equal else 1 - exact_of(dict(row)), row, token_row(one, other))


class _Compared:
    """What tasks come to: of a view, a pair of people or a week."""

    def __init__(self) -> None:
        self.same, self.spans, self.tokens = Rows(), Rows(), Rows()
        self._counts: dict[tuple[int, ...], int] = {}
        self._accepted = False

    def __len__(self) -> int:
        return len(self._counts)

    def add(self, numbers: tuple[int, ...]) -> None:
        """A task: the kind of each pair of people, in growing order."""
        self._counts[numbers] = self._counts.get(numbers, 0) + 1

    def settle(self, kinds: _Kinds) -> None:
        """Make rows of what was counted; kinds may get other numbers afterwards."""
        # What is frequent comes first: of very many rows the last ones are put together.
        for numbers, count in sorted(self._counts.items(), key=lambda each: -each[1]):
            self._settle([kinds.all[each] for each in numbers], count)
        self._counts.clear()

    def _settle(self, pairs: Sequence[_Kind], count: int) -> None:
        share = sum(each.equal for each in pairs) / len(pairs)
        self.same.add((("units", 1.0), ("same", share)), count)
        row = _sum([each.spans for each in pairs if each.spans is not None])
        tokens = _sum([each.tokens for each in pairs])
        self._accepted |= bool(row)
        # F1 rests on tasks in which somebody marked something; others would only make it look well-founded.
        if dict(row).get("spans"):
            self.spans.add(row, count)
        if tokens:
            self.tokens.add(tokens, count)

    def figures(self, drawing: Drawing) -> tuple[Figure, Figure, Figure, Figure]:
        """Percent, exact F1, partial F1, kappa of tokens."""
        (percent,) = drawing.figures(self.same, (percent_of,), [""])
        why = _NOTHING if self._accepted else _NO_PAIR
        exact, partial = drawing.figures(self.spans, (exact_of, partial_of), [why, why])
        (tokens,) = drawing.figures(self.tokens, (tokens_of,), [self._why_no_kappa()])
        return percent, exact, partial, tokens

    def _why_no_kappa(self) -> str:
        labels = {each for column in self.tokens.sums() if type(column) is tuple for each in column[1:]}
        if len(labels) == 1:
            (only,) = labels
            return f"everybody said {only or 'nothing marked'} of every token"
        return _NO_TOKENS


class Markings:
    """Takes in tasks whose answers are spans."""

    def __init__(self, *, by: str = "") -> None:
        """Prepare.

        Args:
            by: "label", "week" or "": what is counted apart besides.
        """
        self._by = by
        self._kinds = _Kinds()
        self._all = _Compared()
        self._pairs: dict[tuple[str, str], _Compared] = defaultdict(_Compared)
        # By name: how many of how many others said the same -> tasks.
        self._people: dict[str, Counter[tuple[int, int]]] = defaultdict(Counter)
        self._labels: dict[str, Rows] = defaultdict(Rows)
        self._answers: Counter[str] = Counter()
        self._weeks: dict[str, _Compared] = defaultdict(_Compared)

    def add(self, said: Sequence[tuple[str, Value]], group: str) -> float:
        """A task with two judgements or more, by name; returns the mean of 1 less F1 over pairs."""
        numbers, same, kinds = [], dict.fromkeys([name for name, _ in said], 0), self._kinds
        for (first, one), (second, other) in combinations(said, 2):
            number = kinds.number(one, other)
            if kinds.all[number].equal:
                same[first] += 1
                same[second] += 1
            numbers.append(number)
            self._pairs[first, second].add((number,))
        together = tuple(sorted(numbers))
        self._all.add(together)
        for name, count in same.items():
            self._people[name][count, len(said) - 1] += 1
        if self._by == "week":
            self._weeks[group].add(together)
        elif self._by == "label":
            self._add_labels([value for _, value in said if isinstance(value, Marked)])
        apart = math.fsum([kinds.all[each].apart for each in numbers]) / len(numbers)
        if len(kinds) + len(self._all) > _MOST_KINDS:
            self._settle()
        return apart

    def _settle(self) -> None:
        """Make rows of what was counted: before they are looked at, and now and then, so that memory stays small."""
        for each in (self._all, *self._pairs.values(), *self._weeks.values()):
            each.settle(self._kinds)
        self._kinds.clear()

    def _add_labels(self, marked: Sequence[Marked]) -> None:
        own = [_by_label(each) for each in marked]
        for label in {label for each in own for label in each}:
            given = [each.get(label, _UNMARKED) for each in own]
            self._answers[label] += len(given) - given.count(_UNMARKED)
            row = _sum([span_row(one, other) for one, other in combinations(given, 2)])
            if row:
                self._labels[label].add(row)

    def figures(self, drawing: Drawing) -> dict[str, Any]:
        """What `ViewAgreement` says of everybody."""
        self._settle()
        percent, exact, partial, tokens = self._all.figures(drawing)
        return {"percent": percent, "f1": exact, "partial_f1": partial, "token_kappa": tokens}

    def pairs(self, drawing: Drawing) -> Iterator[PairAgreement]:
        """Every two people who answered the same tasks, by name."""
        self._settle()
        for (first, second), own in sorted(self._pairs.items()):
            percent, exact, partial, tokens = own.figures(drawing)
            yield PairAgreement(first, second, len(own.same), percent, None, exact, partial, tokens)

    def people(self, drawing: Drawing, pairs: Sequence[PairAgreement]) -> Iterator[PersonAgreement]:
        """Everybody against all others, by name."""
        for name, counts in sorted(self._people.items()):
            own = Rows()
            for (same, others), count in counts.items():
                own.add((("units", 1.0), ("same", same / others)), count)
            (percent,) = drawing.figures(own, (percent_of,), [""])
            yield PersonAgreement(name, len(own), percent, mean_figure(name, pairs, len(own)))

    def labels(self, drawing: Drawing) -> Iterator[LabelAgreement]:
        """Each label of spans, by name."""
        for label, rows in sorted(self._labels.items()):
            exact, partial = drawing.figures(rows, (exact_of, partial_of), [_NOTHING, _NOTHING])
            yield LabelAgreement(label, self._answers[label], exact, None, partial)

    def weeks(self, drawing: Drawing) -> Iterator[WeekAgreement]:
        """Each week, in their order."""
        self._settle()
        for week, own in sorted(self._weeks.items()):
            percent, exact, _, _ = own.figures(drawing)
            yield WeekAgreement(week, len(own.same), percent, None, exact)


def _by_label(marked: Marked) -> Mapping[str, Marked]:
    found: dict[str, list[Span]] = {}
    for span in marked.spans:
        found.setdefault(span[2], []).append(span)
    return {label: Marked(tuple(spans)) for label, spans in found.items()}


def _sum(rows: Sequence[Row]) -> Row:
    """One row of several; none of none."""
    if len(rows) == 1:
        return rows[0]
    found: dict[Hashable, float] = {}
    for row in rows:
        for column, amount in row:
            found[column] = found.get(column, 0.0) + amount
    return tuple(found.items())
