"""Many datasets become one, which is rewritten as a whole or not at all; the sources are never touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import mmh3

from prodigy_team.curation.judgements import Answer, Disagreements, annotator_of, judgement_of, read_answer, task_of
from prodigy_team.errors import UsageError
from prodigy_team.store import Row, Store

_HIDDEN = "prodigy-team:merge:"


@dataclass(frozen=True)
class MergeReport:
    """What a merge read and did; `read = used + repeated + already + unreadable + gold`.

    Attributes:
        sources: The datasets read, in order.
        read: Answers in them.
        used: Answers that the target got.
        repeated: Answers that stand in several sources, or several times in one.
        already: Answers that the target had before.
        unreadable: Records that are no JSON object.
        conflicts: Tasks answered differently by different people.
        collisions: 32-bit hashes that different tasks share; their answers were kept apart.
        read_of: Answers read, by source.
        gold: Answers to tasks with known answers, which are never merged.
    """

    sources: tuple[str, ...]
    into: str
    policy: str
    dry_run: bool
    read: int
    used: int
    repeated: int
    already: int
    unreadable: int
    conflicts: int
    collisions: int
    read_of: Mapping[str, int] = field(default_factory=dict)
    gold: int = 0

    def __post_init__(self) -> None:
        if self.read != self.used + self.repeated + self.already + self.unreadable + self.gold:
            raise AssertionError(f"the counts of this merge do not balance: {self}")


@dataclass(frozen=True)
class Candidate:
    """One readable answer with whom and what it is from."""

    row: Row
    answer: Answer
    annotator: str
    dataset: str


# A policy turns the readable answers, in order, into those that stand in the result.
Policy = Callable[[Iterator[Candidate]], Iterator[Candidate]]


def keep_all(candidates: Iterator[Candidate]) -> Iterator[Candidate]:
    """Every answer of everybody, corrections too."""
    return candidates


POLICIES: Mapping[str, Policy] = {"all": keep_all}


def merge(
    store: Store,
    sources: Sequence[str],
    into: str,
    policy: str = "all",
    *,
    dry_run: bool = False,
    annotators: Mapping[str, str] | None = None,
    team: str | None = None,
) -> MergeReport:
    """Bring the answers of several datasets into one.

    A second run adds nothing. A process that is killed leaves the target as it was before or as it is after; what it
    had half written is under a hidden name and goes with the next merge.

    Args:
        sources: Datasets in any order; they are read by name, so that the result does not depend on the order.
        policy: Name of the rule that decides which answers stand in the result; see `POLICIES`.
        annotators: Dataset to annotator, where the roster gives a dataset to one person.
        team: Enters the target into this team's register, as merged, and leaves out its answers to known tasks.

    Raises:
        UsageError: No source, an unknown source or policy, or the target among the sources.
    """
    names = _check(store, sources, into, policy)
    merging = _Merging(store, names, into, policy, annotators or {}, team)
    if dry_run:
        return merging.report(used=sum(1 for _ in merging.rows()), dry_run=True)
    with store.alone("merge"):
        for hidden in store.leftovers("merge"):
            store.discard(hidden)
        used = store.write_rows(f"{_HIDDEN}new:{into}", merging.rows())
        report = merging.report(used=used, dry_run=False)
        store.publish(f"{_HIDDEN}new:{into}", into)
        if team is not None and used:
            store.ensure_dataset(into, team=team, kind="merged")
    return report


class _Merging:
    """Reads the sources once, and counts."""

    def __init__(
        self,
        store: Store,
        sources: Sequence[str],
        into: str,
        policy: str,
        annotators: Mapping[str, str],
        team: str | None,
    ) -> None:
        self._store = store
        self._sources = sources
        self._into = into
        self._policy = policy
        self._annotators = annotators
        self._team = team
        self._read: Counter[str] = Counter()
        self._unreadable = self._repeated = self._already = self._gold = 0
        self._disagreements = Disagreements()

    def rows(self) -> Iterator[Row]:
        """What the target is to get: what the policy keeps, less what stands there."""
        have = Counter(mmh3.hash_bytes(content) for content in self._store.answers(self._into))
        for candidate in POLICIES[self._policy](self._distinct()):
            mark = mmh3.hash_bytes(candidate.row.content)
            # Counted, not looked up: two people's answers may be byte for byte the same where neither carries a name.
            if have.get(mark):
                have[mark] -= 1
                self._already += 1
            else:
                yield candidate.row

    def report(self, *, used: int, dry_run: bool) -> MergeReport:
        """The counts, once `rows` has been read to its end."""
        return MergeReport(
            sources=tuple(self._sources),
            into=self._into,
            policy=self._policy,
            dry_run=dry_run,
            read=sum(self._read.values()),
            used=used,
            repeated=self._repeated,
            already=self._already,
            unreadable=self._unreadable,
            conflicts=self._disagreements.count(),
            collisions=self._disagreements.collisions(),
            read_of={name: self._read[name] for name in self._sources},
            gold=self._gold,
        )

    def _distinct(self) -> Iterator[Candidate]:
        """Each person's answers once: a session's dataset repeats rows of the main one."""
        seen: set[bytes] = set()
        for candidate in self._candidates():
            mark = mmh3.hash_bytes(candidate.annotator.encode("utf-8", "replace") + b"\0" + candidate.row.content)
            if mark in seen:
                self._repeated += 1
                continue
            seen.add(mark)
            row, answer = candidate.row, candidate.answer
            self._disagreements.add(
                task_of(answer, row.input_hash, row.task_hash), candidate.annotator, judgement_of(answer)
            )
            yield candidate

    def _candidates(self) -> Iterator[Candidate]:
        for name in self._sources:
            given = self._annotators.get(name)
            gold = frozenset() if self._team is None else self._store.gold_links(self._team, name)
            for row in self._store.rows(name):
                self._read[name] += 1
                if row.link in gold:
                    self._gold += 1
                    continue
                answer = read_answer(row.content)
                if answer is None:
                    self._unreadable += 1
                else:
                    yield Candidate(row, answer, annotator_of(answer, name, given), name)


def _check(store: Store, sources: Sequence[str], into: str, policy: str) -> list[str]:
    """The sources in order, after refusing what cannot be meant."""
    if policy not in POLICIES:
        raise UsageError(f"There is no merge policy {policy!r}.", remedy=f"There is: {', '.join(POLICIES)}.")
    if into in sources:
        raise UsageError(
            f"The dataset {into} cannot be merged into itself.", remedy="Choose another name with `--into`."
        )
    if not sources:
        raise UsageError("There is no dataset to merge.", remedy="Name some, or let somebody answer first.")
    have = [info.name for info in store.datasets()]
    missing = [name for name in sources if name not in have]
    if missing:
        raise UsageError(f"There is no dataset {', '.join(missing)}.", remedy=f"There is: {', '.join(have) or 'none'}.")
    return sorted(set(sources))
