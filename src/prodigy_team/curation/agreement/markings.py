"""Spans, task by task, into figures: who marked what, alike to the character, overlapping, and token by token."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from itertools import combinations
from typing import Any

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


class _Compared:
    """What tasks of one kind come to: of a view, a pair, a week or a label."""

    def __init__(self) -> None:
        self.same, self.spans, self.tokens = Rows(), Rows(), Rows()
        self._accepted = False

    def add(self, share: float, spans: Sequence[Row], tokens: Sequence[Row]) -> None:
        """A task: the share of pairs that said the same, and the rows of pairs that accepted it."""
        self.same.add((("units", 1.0), ("same", share)))
        row, own_tokens = _sum(spans), _sum(tokens)
        self._accepted |= bool(row)
        # F1 rests on tasks in which somebody marked something; others would only make it look well-founded.
        if dict(row).get("spans"):
            self.spans.add(row)
        if own_tokens:
            self.tokens.add(own_tokens)

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
        self._all = _Compared()
        self._pairs: dict[tuple[str, str], _Compared] = defaultdict(_Compared)
        self._people: dict[str, Rows] = defaultdict(Rows)
        self._labels: dict[str, Rows] = defaultdict(Rows)
        self._answers: Counter[str] = Counter()
        self._weeks: dict[str, _Compared] = defaultdict(_Compared)

    def add(self, said: Sequence[tuple[str, Value]], group: str) -> float:
        """A task with two judgements or more, by name; returns the mean of 1 less F1 over pairs."""
        same, apart, spans, tokens = Counter[str](), 0.0, [], []
        pairs = list(combinations(said, 2))
        for (first, one), (second, other) in pairs:
            equal = one == other
            rows: tuple[list[Row], list[Row]] = ([], [])
            if isinstance(one, Marked) and isinstance(other, Marked):
                row = span_row(one, other)
                rows = [row], [token_row(one, other)]
                apart += 0.0 if equal else 1 - exact_of(dict(row))
            else:
                apart += not equal
            if equal:
                same.update((first, second))
            self._pairs[first, second].add(float(equal), *rows)
            spans += rows[0]
            tokens += rows[1]
        share = same.total() / 2 / len(pairs)
        self._all.add(share, spans, tokens)
        for name, _ in said:
            share_of = (("units", 1.0), ("same", same[name] / (len(said) - 1)))
            self._people[name].add(share_of)
        if self._by == "week":
            self._weeks[group].add(share, spans, tokens)
        elif self._by == "label":
            self._add_labels([value for _, value in said if isinstance(value, Marked)])
        return apart / len(pairs)

    def _add_labels(self, marked: Sequence[Marked]) -> None:
        own: list[dict[str, Marked]] = []
        for each in marked:
            found: dict[str, list[Any]] = {}
            for span in each.spans:
                found.setdefault(span[2], []).append(span)
            own.append({label: Marked(tuple(spans)) for label, spans in found.items()})
        for label in sorted({label for each in own for label in each}):
            self._answers[label] += sum(label in each for each in own)
            given = [each.get(label, Marked(())) for each in own]
            row = _sum([span_row(one, other) for one, other in combinations(given, 2)])
            if row:
                self._labels[label].add(row)

    def figures(self, drawing: Drawing) -> dict[str, Any]:
        """What `ViewAgreement` says of everybody."""
        percent, exact, partial, tokens = self._all.figures(drawing)
        return {"percent": percent, "f1": exact, "partial_f1": partial, "token_kappa": tokens}

    def pairs(self, drawing: Drawing) -> Iterator[PairAgreement]:
        """Every two people who answered the same tasks, by name."""
        for (first, second), own in sorted(self._pairs.items()):
            percent, exact, partial, tokens = own.figures(drawing)
            yield PairAgreement(first, second, len(own.same), percent, None, exact, partial, tokens)

    def people(self, drawing: Drawing, pairs: Sequence[PairAgreement]) -> Iterator[PersonAgreement]:
        """Everybody against all others, by name."""
        for name, own in sorted(self._people.items()):
            (percent,) = drawing.figures(own, (percent_of,), [""])
            yield PersonAgreement(name, len(own), percent, mean_figure(name, pairs, len(own)))

    def labels(self, drawing: Drawing) -> Iterator[LabelAgreement]:
        """Each label of spans, by name."""
        for label, rows in sorted(self._labels.items()):
            exact, partial = drawing.figures(rows, (exact_of, partial_of), [_NOTHING, _NOTHING])
            yield LabelAgreement(label, self._answers[label], exact, None, partial)

    def weeks(self, drawing: Drawing) -> Iterator[WeekAgreement]:
        """Each week, in their order."""
        for week, own in sorted(self._weeks.items()):
            percent, exact, _, _ = own.figures(drawing)
            yield WeekAgreement(week, len(own.same), percent, None, exact)


def _sum(rows: Sequence[Row]) -> Row:
    """One row of several; none of none."""
    if len(rows) == 1:
        return rows[0]
    found: dict[Hashable, float] = {}
    for row in rows:
        for column, amount in row:
            found[column] = found.get(column, 0.0) + amount
    return tuple(found.items())
