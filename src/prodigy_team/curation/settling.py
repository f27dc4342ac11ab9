"""What a merge comes to: which rows the target gets, which answers are left in conflict, and what became of each."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import mmh3
import msgspec

from prodigy_team.curation.entries import Entries, Entry
from prodigy_team.curation.gathering import Gathered, Opinion, TaskAnswers
from prodigy_team.curation.judgements import BINARY_VIEWS, REJECTED, spans_of
from prodigy_team.curation.policies import Policy, Span, Vote, latest, spans_of_majority
from prodigy_team.curation.rows import votes_json

_BINARY = frozenset(mmh3.hash(view).to_bytes(4, "big", signed=True) for view in BINARY_VIEWS)
_VIEW = slice(8, 12)  # of `Gathered.task`
CONFLICT = b'"_conflict":true'
"""What marks an answer to a task that nobody settled."""


class Said(msgspec.Struct, frozen=True, gc=False):
    """What is kept of an answer until all are read.

    Attributes:
        spans: Where single spans are voted on, what was marked in the text; None where that cannot be told.
    """

    judgement: bytes | None
    answer: str
    spans: frozenset[Span] | None = None


def keeper(*, spans: bool) -> Callable[[Gathered], Said]:
    """What `grouped` is to keep; equal values are one object, so that a million answers take little.

    Args:
        spans: What was marked is kept too.
    """
    known: dict[tuple[bytes | None, str], Said] = {}

    def keep(given: Gathered) -> Said:
        key = given.judgement, given.answer
        if key not in known:
            known[key] = Said(*key, spans_of(given.record) if spans else None)
        return known[key]

    return keep


@dataclass
class Settled:
    """Entries for the target and for what is in conflict, and the counts.

    Attributes:
        counts: Answers by what became of them: `used`, `conflicting`, `rejected`, `ignored`; of those used `outvoted`.
            Tasks: `conflicts` that were answered differently, `unsettled` of them that nobody settled.
    """

    policy: Policy
    spans: bool = False
    rows: Entries = field(default_factory=Entries)
    conflicts: Entries = field(default_factory=Entries)
    counts: Counter[str] = field(default_factory=Counter)
    _keys: dict[tuple[tuple[str, tuple[str, ...]], ...], bytes] = field(default_factory=dict)

    def add(self, task: TaskAnswers[Said]) -> None:
        """Settle one task."""
        judged = [each for each in task.opinions if each.kept.judgement is not None]
        self.counts["ignored"] += len(task.opinions) - len(judged)
        if not judged:
            return
        votes = [each for each in judged if not each.decision]
        self.counts["conflicts"] += is_disputed(task)
        stands, spans = self._stands(judged, votes)
        if stands is None:
            self._leave(judged)
        elif stands == REJECTED and task.task[_VIEW] not in _BINARY:
            self.counts["rejected"] += len(judged)
        else:
            self.counts["used"] += len(judged)
            self._enter(task, judged, stands, spans)

    def finish(self) -> None:
        """Put everything in its order: as the sources have it."""
        self.rows.sort()
        self.conflicts.sort()

    def _stands(
        self, judged: Sequence[Opinion[Said]], votes: Sequence[Opinion[Said]]
    ) -> tuple[bytes | None, frozenset[Span] | None]:
        """The judgement that stands, and, where single spans were voted on, the spans in place of its own."""
        decisions = [_vote(each) for each in judged if each.decision]
        if decisions:
            return latest(decisions), None
        first = votes[0].kept.judgement
        if all(each.kept.judgement == first for each in votes):
            return first, None
        stands = self.policy.settle([_vote(each) for each in votes])
        if not self.spans:
            return stands, None
        return self._by_spans(votes, stands)

    def _by_spans(
        self, votes: Sequence[Opinion[Said]], stands: bytes | None
    ) -> tuple[bytes | None, frozenset[Span] | None]:
        """Spans by majority of those who accepted, where these are the majority of all."""
        accepted = [each for each in votes if each.kept.answer == "accept"]
        marked = [each.kept.spans for each in accepted if each.kept.spans is not None]
        if stands == REJECTED or 2 * len(accepted) <= len(votes) or len(marked) < len(accepted):
            return stands, None
        spans = spans_of_majority(marked)
        if spans is None:
            return None, None
        alike = next((each.kept.judgement for each in accepted if each.kept.spans == spans), None)
        return (alike, None) if alike is not None else (accepted[0].kept.judgement, spans)

    def _enter(
        self, task: TaskAnswers[Said], judged: Sequence[Opinion[Said]], stands: bytes, spans: frozenset[Span] | None
    ) -> None:
        winners = [each for each in judged if each.kept.judgement == stands]
        self.counts["outvoted"] += len(judged) - len(winners)
        decided = [each for each in winners if each.decision]
        place = min(each.place for each in decided or winners)
        self.rows.add(Entry(place, self._votes(task.opinions, stands), spans))

    def _leave(self, judged: Iterable[Opinion[Said]]) -> None:
        self.counts["unsettled"] += 1
        for each in judged:
            self.counts["conflicting"] += 1
            self.conflicts.add(Entry(each.place, CONFLICT, annotator=each.annotator))

    def _votes(self, opinions: Iterable[Opinion[Said]], stands: bytes) -> bytes:
        groups: dict[Said, list[str]] = defaultdict(list)
        for each in opinions:
            groups[each.kept].append(each.annotator)
        order = sorted(
            groups,
            key=lambda said: (said.judgement != stands, said.judgement is None, -len(groups[said]), groups[said]),
        )
        key = tuple((said.answer, tuple(groups[said])) for said in order)
        if key not in self._keys:
            self._keys[key] = votes_json(key)
        return self._keys[key]


def is_disputed(task: TaskAnswers[Said]) -> bool:
    """Whether different people judged a task differently, settled or not."""
    said = {each.kept.judgement for each in task.opinions if not each.decision}
    return len(said - {None}) > 1


def _vote(opinion: Opinion[Said]) -> Vote:
    return Vote(opinion.annotator, opinion.kept.judgement or b"", opinion.at)


def unknown_people(policy: Policy, people: Mapping[str, object]) -> list[str]:
    """Those whom a policy names and who answered nothing."""
    return [name for name in policy.people if name not in people]
