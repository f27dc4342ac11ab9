"""Sources in, figures out: answers are read once, compared view by view, and the worst tasks looked up again."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, Literal

from prodigy_team.curation.agreement.choices import Choices
from prodigy_team.curation.agreement.figures import Agreement, Disagreement, Drawing, ViewAgreement
from prodigy_team.curation.agreement.markings import Markings
from prodigy_team.curation.agreement.said import ANSWER, SPANS, Said, judgement, said, shown
from prodigy_team.curation.agreement.worst import Judged, Place, Worst
from prodigy_team.curation.gathering import Gathering, Marks, Opinion, People, TaskAnswers, gather, grouped
from prodigy_team.curation.judgements import read_answer
from prodigy_team.curation.sources import Source, read_lines
from prodigy_team.curation.tally import Tally, Votes
from prodigy_team.store import Store

Detail = Literal["", "label", "week"]
_TEXT = 120
_NOT_COUNTED = ("repeated", "gold", "surplus", "reopened", "unreadable")


def measure(
    store: Store | None,
    sources: Sequence[Source],
    *,
    people: People | None = None,
    marks: Mapping[str, Marks] | None = None,
    by: Detail = "",
    seed: int = 0,
    intervals: bool = True,
    worst: int = 10,
) -> Agreement:
    """How far people agree. Only reads, and locks nobody out: what is answered meanwhile may be counted or not.

    Answers are compared within a view, of each person the newest to a task. Ignored tasks are no judgement, and
    decisions of disputes are nobody's vote.

    Args:
        store: None where only files are read.
        sources: From `resolve_sources`; their order does not matter.
        marks: Answers that do not count, by dataset.
        by: What is counted apart besides: fills `labels` or `weeks` of each view.
        seed: Of the bootstrap.
        intervals: Draw them.
        worst: How many tasks of largest disagreement are told, of each view.

    Raises:
        TeamError: A file or the database cannot be read.
    """
    ordered = sorted(sources, key=lambda each: (each.path is not None, each.name))
    gathering = gather(store, ordered, people=people, marks=marks)
    gathering.judge = judgement
    views = _Views(by=by, worst=worst)
    if by != "week" and store is not None:
        _count_at_a_glance(store, ordered, gathering, views, labels=by == "label")
    for task in grouped(gathering, said):
        views.add(task)
    told = views.agreements(Drawing(seed, intervals), _Lookup(store, ordered))
    return _told(ordered, gathering, told, decisions=views.decisions)


def _count_at_a_glance(
    store: Store, sources: Sequence[Source], gathering: Gathering, views: _Views, *, labels: bool
) -> None:
    """Compare most yes-or-no tasks of datasets; what is left is for the gathering to read."""
    if any(source.path is not None for source in sources):
        return
    tally = Tally(store, sources, gathering.people, gathering.marks, labels=labels)
    if not tally.read():
        return
    gathering.only = tally.rest
    gathering.counts["read"] += tally.counted.total()
    if tally.view:
        views.add_votes(tally)


def _told(
    sources: Sequence[Source], gathering: Gathering, views: tuple[ViewAgreement, ...], *, decisions: int
) -> Agreement:
    left_out = {key: gathering.counts[key] for key in _NOT_COUNTED} | {"decisions": decisions}
    return Agreement(
        sources=tuple(each.name for each in sources),
        read=gathering.counts["read"],
        counted=sum(each.answers + each.ignored for each in views),
        left_out={key: count for key, count in left_out.items() if count},
        views=views,
        broken=tuple(gathering.broken),
    )


def _by_view(task: TaskAnswers[Said]) -> Mapping[tuple[str, str], list[Opinion[Said]]]:
    """Votes by view and kind; answers to one task have one view, but what was guessed may differ."""
    found: dict[tuple[str, str], list[Opinion[Said]]] = defaultdict(list)
    for each in task.opinions:
        if not each.decision:
            found[each.kept.view, each.kept.kind].append(each)
    return found


class _Views:
    """All answers, by view and kind; and how many decisions of disputes there were, which are nobody's vote."""

    def __init__(self, *, by: Detail, worst: int) -> None:
        self.decisions = 0
        self._by: Detail = by
        self._worst = worst
        self._views: dict[tuple[str, str], _View] = {}

    def add(self, task: TaskAnswers[Said]) -> None:
        """The answers to a task."""
        self.decisions += sum(each.decision for each in task.opinions)
        for key, opinions in _by_view(task).items():
            self._of(*key).add(opinions)

    def add_votes(self, tally: Tally) -> None:
        """All tasks that were counted at a glance."""
        self._of(tally.view, ANSWER).add_votes(tally)

    def agreements(self, drawing: Drawing, lookup: _Lookup) -> tuple[ViewAgreement, ...]:
        """The figures of each, in order."""
        return tuple(found.agreement(drawing, lookup) for _, found in sorted(self._views.items()))

    def _of(self, name: str, kind: str) -> _View:
        if (name, kind) not in self._views:
            self._views[name, kind] = _View(name, kind, by=self._by, worst=self._worst)
        return self._views[name, kind]


class _View:
    """The answers given in one view."""

    def __init__(self, view: str, kind: str, *, by: Detail, worst: int) -> None:
        self.view, self.kind, self._by = view, kind, by
        self._compared = Markings(by=by) if kind == SPANS else Choices(kind, by=by)
        self._worst = Worst(worst)
        self._counts: Counter[str] = Counter()

    def add(self, opinions: Sequence[Opinion[Said]]) -> None:
        """A task with at least one answer."""
        judged = [each for each in opinions if each.kept.value is not None]
        if not self._count(len(opinions), len(judged)):
            return
        values = [(each.annotator, each.kept.value) for each in judged]
        distance = self._compared.add(values, self._group(judged))
        if distance > 0:
            self._worst.offer(distance, min(each.place for each in judged), values)

    def add_votes(self, tally: Tally) -> None:
        """All tasks that were counted at a glance."""
        assert isinstance(self._compared, Choices)
        ranks: dict[Votes, tuple[float, int, Judged]] = {}
        times: Counter[Votes] = Counter()
        for (label, votes), count in sorted(tally.times().items()):
            said = tally.voices(votes)
            judged: Judged = tuple((name, answer) for name, answer in said if answer != "ignore")
            if self._count(len(said), len(judged), count):
                ranks[votes] = self._compared.add(judged, label, count), len(judged), judged
                times[votes] += count
        wanted: set[Votes] = set()
        for votes in sorted(ranks, key=lambda each: ranks[each][:2], reverse=True):
            if sum(times[each] for each in wanted if ranks[each][:2] > ranks[votes][:2]) >= self._worst.limit:
                break
            wanted.add(votes)
        for votes, place in tally.places(wanted) if wanted else ():
            distance, _, judged = ranks[votes]
            self._worst.offer(distance, place, judged)

    def _count(self, given: int, judged: int, times: int = 1) -> bool:
        """Whether there is something to compare in so many tasks with so many answers."""
        self._counts["ignored"] += (given - judged) * times
        self._counts["answers"] += judged * times
        if judged < 2:
            self._counts["single"] += judged * times
            return False
        self._counts["tasks"] += times
        return True

    def _group(self, judged: Sequence[Opinion[Said]]) -> str:
        if self._by == "week":
            return _week(max((each.at for each in judged if each.at is not None), default=None))
        return judged[0].kept.label if self._by == "label" else ""

    def agreement(self, drawing: Drawing, lookup: _Lookup) -> ViewAgreement:
        """Its figures."""
        own = self._compared
        none: dict[str, Any] = dict.fromkeys(("fleiss", "alpha", "f1", "partial_f1", "token_kappa"))
        figures = none | own.figures(drawing)
        figures.setdefault("distance", "")
        pairs = tuple(own.pairs(drawing))
        return ViewAgreement(
            view=self.view,
            kind=self.kind,
            tasks=self._counts["tasks"],
            single=self._counts["single"],
            answers=self._counts["answers"],
            ignored=self._counts["ignored"],
            **figures,
            pairs=pairs,
            people=tuple(own.people(drawing, pairs)),
            labels=tuple(own.labels(drawing)),
            weeks=tuple(own.weeks(drawing)),
            disagreements=tuple(lookup.disagreements(self._worst.found())),
        )


def _week(at: float | None) -> str:
    """The week of a time in UTC, ISO 8601; "" where there is no such time."""
    try:
        when = datetime.fromtimestamp(at, timezone.utc) if at is not None else None
    except (OverflowError, OSError, ValueError):
        return ""
    if when is None:
        return ""
    year, week, _ = when.isocalendar()
    return f"{year}-W{week:02}"


class _Lookup:
    """Finds what a task was about."""

    def __init__(self, store: Store | None, sources: Sequence[Source]) -> None:
        self._store, self._sources = store, sources

    def disagreements(self, found: Sequence[tuple[float, Place, Judged]]) -> Iterator[Disagreement]:
        """With names of sources and texts, in the order given."""
        texts = {place: _excerpt(content) for place, content in self._contents({place for _, place, _ in found})}
        for distance, place, judged in found:
            words = tuple((name, shown(value)) for name, value in judged)
            yield Disagreement(self._sources[place[0]].name, place[1], texts.get(place, ""), distance, words)

    def _contents(self, places: set[Place]) -> Iterator[tuple[Place, bytes]]:
        for rank, source in enumerate(self._sources):
            wanted = sorted(position for own, position in places if own == rank)
            if not wanted:
                continue
            if source.path is not None:
                lines = dict.fromkeys(wanted)
                yield from (((rank, number), line) for number, line in read_lines(source.path) if number in lines)
            elif self._store is not None:
                for row in self._store.rows_at(source.name, wanted):
                    yield (rank, row.link), row.content


def _excerpt(content: bytes) -> str:
    record = read_answer(content)
    about = next((each for each in record.shown if isinstance(each, str)), "") if record is not None else ""
    text = " ".join(about[: 8 * _TEXT].split())
    return text if len(text) <= _TEXT else f"{text[: _TEXT - 1]}…"
