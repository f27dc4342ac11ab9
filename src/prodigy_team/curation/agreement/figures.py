"""The figures of agreement as values: what each is, on how many tasks it rests, and why there is none."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from prodigy_team.curation.agreement.records import Part, columns_of, records_of
from prodigy_team.curation.agreement.sums import Rows, Statistic, intervals
from prodigy_team.curation.frames import frame_of
from prodigy_team.curation.gathering import Broken

if TYPE_CHECKING:
    from pandas import DataFrame

THIN = 30
"""On fewer tasks a figure is marked thin: chance moves it more than people do."""

MOST_COLUMNS = 2_000
"""Of more different values, such as typed texts, no intervals are drawn."""


@dataclass(frozen=True)
class Figure:
    """One coefficient.

    Attributes:
        value: None where it is undefined.
        low, high: The 95 % interval, by a bootstrap over tasks; None where there is none, or none was asked for.
        tasks: On how many it rests.
        thin: It rests on fewer than `THIN` tasks.
        undefined: Why there is no value, such as "everybody said accept"; else "".
    """

    value: float | None
    low: float | None
    high: float | None
    tasks: int
    thin: bool
    undefined: str = ""


@dataclass(frozen=True)
class PairAgreement:
    """Two people, on the tasks that both answered.

    Attributes:
        first, second: Names, in alphabetical order.
        percent: Share of tasks of which they said the same.
        kappa: Cohen's, of what they said as a whole; None for spans.
        f1, partial_f1, token_kappa: Of spans, on tasks both accepted; None for everything else.
    """

    first: str
    second: str
    tasks: int
    percent: Figure
    kappa: Figure | None
    f1: Figure | None
    partial_f1: Figure | None
    token_kappa: Figure | None


@dataclass(frozen=True)
class PersonAgreement:
    """One person against everybody else who answered the same tasks.

    Attributes:
        tasks: That they and somebody else answered.
        percent: Share of the others that said the same, the mean over tasks.
        kappa: The mean of their pairs' kappas (of spans: of their pairs' `f1`), weighed by tasks; no interval.
    """

    name: str
    tasks: int
    percent: Figure
    kappa: Figure


@dataclass(frozen=True)
class LabelAgreement:
    """One label: of spans, an option, or of tasks that are accepted or rejected; an answer where these have none.

    Attributes:
        answers: That carry it, of tasks with two people or more.
        f1: How far two people agree where either gave it, or accepted it.
        alpha: Krippendorff's, of given or not given, accepted or rejected; None for spans.
        partial_f1: Of spans; None for everything else.
    """

    label: str
    answers: int
    f1: Figure
    alpha: Figure | None
    partial_f1: Figure | None


@dataclass(frozen=True)
class WeekAgreement:
    """The tasks whose newest answer is of one week.

    Attributes:
        week: ISO 8601, such as 2026-W47; "" for answers that carry no time.
        alpha: None for spans.
        f1: Of spans; None for everything else.
    """

    week: str
    tasks: int
    percent: Figure
    alpha: Figure | None
    f1: Figure | None


@dataclass(frozen=True)
class Disagreement:
    """A task on which people differ.

    Attributes:
        source, position: Where one of its answers stands: dataset and link, or file and line.
        text: What it is about, shortened; "" where that is no text.
        distance: The mean over pairs of people, 0 to 1: different or not, MASI's distance, or 1 less the F1 of spans.
        said: (name, what they said), by name.
    """

    source: str
    position: int
    text: str
    distance: float
    said: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ViewAgreement:
    """The answers given in one view.

    Attributes:
        view: Prodigy's name of it.
        kind: What is compared: "answer" (accept or reject), "choice" (options), "spans", or "other" (only whether all
            of it is the same).
        tasks: With answers of two people or more, ignored ones not counted.
        single: Tasks with one.
        answers: That count, each person's newest to a task.
        ignored: Answers that were no judgement.
        percent: Share of pairs of people that said the same, the mean over tasks.
        fleiss, alpha: Kappa and alpha of everybody; None for spans.
        distance: Of alpha: "nominal", or "masi" where several options can be chosen.
        f1, partial_f1, token_kappa: Of spans, over all pairs of people who accepted; None for everything else.
    """

    view: str
    kind: str
    tasks: int
    single: int
    answers: int
    ignored: int
    percent: Figure
    fleiss: Figure | None
    alpha: Figure | None
    distance: str
    f1: Figure | None
    partial_f1: Figure | None
    token_kappa: Figure | None
    pairs: tuple[PairAgreement, ...]
    people: tuple[PersonAgreement, ...]
    labels: tuple[LabelAgreement, ...]
    weeks: tuple[WeekAgreement, ...]
    disagreements: tuple[Disagreement, ...]

    @property
    def headline(self) -> Figure:
        """The one figure to look at: alpha, or F1 of spans."""
        return self.alpha or self.f1 or self.percent


@dataclass(frozen=True)
class Agreement:
    """How far people agree.

    Attributes:
        sources: Names, datasets first.
        read: Answers in them; counted = read less those that are unreadable, repeated, gold, surplus or sent back.
        counted: Each person's newest answers, ignored ones included.
        left_out: Why and how many were not counted.
        views: By name; answers given in different views are never compared.
        broken: The first 1,000 unreadable records.
    """

    sources: tuple[str, ...]
    read: int
    counted: int
    left_out: Mapping[str, int]
    views: tuple[ViewAgreement, ...]
    broken: tuple[Broken, ...] = ()

    def records(self, part: Part = "views") -> list[dict[str, Any]]:
        """One table over all views as plain dicts: of each figure its value, and beside it `_low`, `_high`, `_tasks`,
        `_thin` and `_undefined`.

        Args:
            part: "views", "pairs", "people", "labels", "weeks" or "disagreements".
        """
        return records_of(self.views, part)

    def frame(self, part: Part = "views") -> DataFrame:
        """The same as a pandas frame, a row each; of a table without rows the columns that have no `_` of a figure.

        Raises:
            TeamError: pandas is not installed.
        """
        records = self.records(part)
        columns = columns_of(records) or ["view", *(each.name for each in fields(_ROWS[part]))]
        return frame_of(records, columns)


_ROWS: Mapping[Part, Any] = {
    "views": ViewAgreement,
    "pairs": PairAgreement,
    "people": PersonAgreement,
    "labels": LabelAgreement,
    "weeks": WeekAgreement,
    "disagreements": Disagreement,
}


@dataclass(frozen=True)
class Drawing:
    """How intervals are made.

    Attributes:
        seed: Of the draws.
        wanted: Without, there are none, and everything else takes a tenth of the time.
    """

    seed: int = 0
    wanted: bool = True

    def figures(self, rows: Rows, statistics: Sequence[Statistic], why: Sequence[str]) -> list[Figure]:
        """Coefficients of these rows.

        Args:
            why: What to say of each where it is undefined.
        """
        sums, number = rows.sums(), len(rows)
        values = [_value(statistic, sums) for statistic in statistics]
        drawn: list[tuple[float, float] | None] = [None] * len(values)
        if self.wanted and number > 1 and len(sums) <= MOST_COLUMNS:
            drawn = intervals(rows, statistics, seed=self.seed)
        return [_figure(*each, number) for each in zip(values, drawn, why, strict=True)]


def _value(statistic: Statistic, sums: Mapping[Hashable, float]) -> float:
    return statistic(sums) if sums else math.nan


def _figure(value: float, interval: tuple[float, float] | None, why: str, tasks: int) -> Figure:
    thin = tasks < THIN
    if math.isnan(value):
        return Figure(None, None, None, tasks, thin, why or "no task was answered by two people")
    low, high = interval if interval is not None else (None, None)
    return Figure(value, low, high, tasks, thin)
