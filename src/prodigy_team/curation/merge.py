"""Many sources become one training set, which is written as a whole or not at all; the sources are never touched."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Literal

import mmh3

from prodigy_team.curation.entries import Entries, Entry
from prodigy_team.curation.gathering import Broken, Gathered, Gathering, Marks, People, gather, grouped, people_of
from prodigy_team.curation.judgements import By
from prodigy_team.curation.policies import Policy, read_policy
from prodigy_team.curation.rows import compose, compose_lines
from prodigy_team.curation.settling import Settled, is_disputed, keeper, unknown_people
from prodigy_team.curation.sources import Source, is_file_name, resolve_sources
from prodigy_team.curation.tally import Tally
from prodigy_team.curation.writing import Strangers, append_rows, contents_of, holds, replace_targets
from prodigy_team.errors import UsageError
from prodigy_team.store import Row, Store


@dataclass(frozen=True)
class MergeReport:
    """What a merge read and did.

    `read = used + repeated + already + conflicting + rejected + ignored + surplus + gold + reopened + unreadable`.

    Attributes:
        sources: Datasets and files read, in order.
        policy: As `--on-conflict` names it.
        read: Answers in them.
        used: Answers that the target got; but under `all`, answers to tasks that have a row in it.
        repeated: Answers that stand in several sources or several times in one; but under `all`, also those that the
            same person corrected later.
        already: Under `all`, answers that the target had before.
        unreadable: Records that are no answer.
        conflicts: Tasks answered differently by different people.
        collisions: 32-bit hashes that different tasks share; their answers were kept apart.
        read_of: Answers read, by source.
        gold: Answers to tasks with known answers, which are never merged.
        conflicting: Answers to tasks that nobody settled.
        rejected: Answers to tasks in which something is marked by hand and that were rejected.
        ignored: Answers that ignore their task.
        surplus: Answers beyond the number that their task was to get.
        reopened: Answers that were sent back to be given again.
        tasks: Rows of the target that came of it; under `all` as ``used``.
        unsettled: Tasks that nobody settled.
        outvoted: Of the answers used, those that do not say what the row says.
        conflicts_into: Where answers to unsettled tasks went; None: nowhere.
        changed: Whether something was written.
        views: Answers by view, where there are several; tasks of different views are never one.
        broken: The first unreadable records.
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
    conflicting: int = 0
    rejected: int = 0
    ignored: int = 0
    surplus: int = 0
    reopened: int = 0
    tasks: int = 0
    unsettled: int = 0
    outvoted: int = 0
    conflicts_into: str | None = None
    changed: bool = False
    views: Mapping[str, int] = field(default_factory=dict)
    broken: tuple[Broken, ...] = ()

    def __post_init__(self) -> None:
        told = (self.used, self.repeated, self.already, self.conflicting, self.rejected, self.ignored)
        if self.read != sum(told) + self.surplus + self.gold + self.reopened + self.unreadable:
            raise AssertionError(f"the counts of this merge do not balance: {self}")


@dataclass(frozen=True)
class Request:
    """What is to be merged, and how.

    Attributes:
        spans: "majority" settles single spans by majority; only with the policy of this name.
        conflicts: Where answers to unsettled tasks go; None: nowhere, or for `review` beside the target.
    """

    sources: tuple[Source, ...]
    into: str
    policy: Policy
    by: By = "auto"
    spans: Literal["whole", "majority"] = "whole"
    conflicts: str | None = None

    @property
    def targets(self) -> tuple[str, ...]:
        """What is written: the target, and the one for conflicts where there is one."""
        return (self.into,) if self.conflicts is None else (self.into, self.conflicts)

    @property
    def into_database(self) -> bool:
        """Whether a dataset is written."""
        return any(not is_file_name(each) for each in self.targets)


def merge(
    store: Store | None,
    sources: Sequence[str],
    into: str,
    policy: str = "all",
    *,
    by: By = "auto",
    spans: Literal["whole", "majority"] = "whole",
    conflicts: str | None = None,
    dry_run: bool = False,
    annotators: Mapping[str, str] | None = None,
    people: People | None = None,
    marks: Mapping[str, Marks] | None = None,
    team: str | None = None,
    before_writing: Callable[[], object] | None = None,
) -> MergeReport:
    """Bring the answers of several sources together.

    A second run changes nothing. A process that is killed leaves the targets as they were before or as they are after;
    what it had half written is under a hidden name and goes with the next merge.

    Args:
        store: None where sources and targets are files; opened for writing where a dataset is written.
        sources: Datasets and files of JSON lines in any order; it makes no difference.
        into: A dataset; a file where it ends like one (`sources.is_file_name`).
        policy: See `policies.POLICIES`.
        by: How answers are grouped into tasks.
        conflicts: Dataset or file for the answers to tasks that nobody settled.
        annotators: Dataset to annotator, where the roster gives a dataset to one person; in place of ``people``.
        marks: Answers that do not count, by dataset; under `all` only gold is left out.
        team: Enters the targets into this team's register, as merged; without ``marks`` its gold is left out.
        before_writing: Is called once it is known that something changes, such as to make a backup.

    Raises:
        UsageError: No source, an unknown source or policy, or a target among the sources.
        TeamError: A file or the database cannot be read or written, or the target holds what no merge wrote.
    """
    request = _request(resolve_sources(store, sources), into, read_policy(policy), by, spans, conflicts)
    people = people or people_of(store, writers=annotators)
    gathering = gather(store, request.sources, people=people, marks=_marks(store, request, marks, team), by=by)
    with _alone(store, request, dry_run=dry_run):
        plan = _Plan(store, request, gathering)
        report = plan.report(dry_run=dry_run)  # refuses counts that do not balance, before anything is written
        changed = False if dry_run else _write(store, request, plan, before_writing or (lambda: None))
        if store is not None and team is not None and changed:
            _register(store, team, request)
    return replace(report, changed=changed)


def _request(
    sources: tuple[Source, ...],
    into: str,
    policy: Policy,
    by: By,
    spans: Literal["whole", "majority"],
    conflicts: str | None,
) -> Request:
    """What is meant, after refusing what cannot be meant."""
    if policy.keeps_all and conflicts is not None:
        raise UsageError(
            "`all` keeps every answer, conflicts too.", remedy="Leave --conflicts out, or choose a policy."
        )
    if spans == "majority" and policy.name != "majority":
        raise UsageError("Single spans are settled by majority only.", remedy="--on-conflict majority --spans majority")
    if conflicts is None and policy.lists_conflicts:
        conflicts = _beside(into)
    names = {_same(each.name) for each in sources}
    for target in (into, conflicts):
        if target is not None and _same(target) in names:
            kind = "file" if is_file_name(target) else "dataset"
            raise UsageError(f"The {kind} {target} cannot be merged into itself.", remedy="Choose another target.")
    if conflicts is not None and _same(conflicts) == _same(into):
        raise UsageError(f"Conflicts cannot go to {into} too.", remedy="Choose another name with --conflicts.")
    return Request(sources, into, policy, by, spans, conflicts)


def _same(name: str) -> str:
    return os.path.realpath(name) if is_file_name(name) else name  # a link to itself is refused where it is opened


def _beside(into: str) -> str:
    """The name for conflicts: gold.jsonl has its in gold-conflicts.jsonl."""
    if not is_file_name(into):
        return f"{into}-conflicts"
    path = Path(into)
    return str(path.with_name(f"{path.stem}-conflicts{path.suffix}"))


def _marks(
    store: Store | None, request: Request, marks: Mapping[str, Marks] | None, team: str | None
) -> Mapping[str, Marks]:
    if marks is None and store is not None and team is not None:
        marks = {each.name: Marks(gold=store.gold_links(team, each.name)) for each in request.sources if not each.path}
    if request.policy.keeps_all:
        return {name: Marks(gold=each.gold) for name, each in (marks or {}).items()}
    return marks or {}


def _alone(store: Store | None, request: Request, *, dry_run: bool) -> AbstractContextManager[object]:
    """Keeps other merges from writing datasets meanwhile, where this one writes one."""
    if not request.into_database:
        return nullcontext()
    if store is None:
        raise UsageError(f"There is no database for {request.into}.", remedy="Name a file: --into gold.jsonl")
    return nullcontext() if dry_run else store.alone("merge")


class _Plan:
    """What is to be written, and the counts: the sources are read once for it, to their end."""

    def __init__(self, store: Store | None, request: Request, gathering: Gathering) -> None:
        self.request, self.gathering = request, gathering
        self.settled = Settled(request.policy, spans=request.spans == "majority")
        self._store, self._counts = store, Counter[str]()
        self._people: dict[str, None] = {}
        if request.policy.keeps_all:
            self._keep_all()
        else:
            self._settle()
        self.settled.finish()

    def rows(self) -> Iterator[Row]:
        """What is new for the target under `all`."""
        return compose(self._store, self.request.sources, self.settled.rows)

    def entries(self) -> dict[str, Entries]:
        """By target: all of it, and answers to tasks that nobody settled."""
        given = (self.settled.rows, self.settled.conflicts)
        return dict(zip(self.request.targets, given, strict=False))

    def _settle(self) -> None:
        strangers = Strangers(self._store, self.request.into)

        def watch(given: Gathered) -> None:
            self._people.setdefault(given.annotator)
            strangers.meet(given.content)

        self.gathering.watch = watch
        if not strangers.suspected:
            self._count_at_a_glance()
        for task in grouped(self.gathering, keeper(spans=self.settled.spans)):
            self.settled.add(task)
        unknown = unknown_people(self.request.policy, self._people)
        if unknown:
            near = get_close_matches(unknown[0], self._people, n=1)
            remedy = f"Did you mean {near[0]}?" if near else f"There is: {', '.join(sorted(self._people)) or 'none'}."
            raise UsageError(f"Nobody called {', '.join(unknown)} answered any of this.", remedy=remedy)
        strangers.refuse()
        self._counts = self.settled.counts + Counter(repeated=self.gathering.counts["repeated"])

    def _count_at_a_glance(self) -> None:
        """Settle most yes-or-no tasks of datasets; what is left is for the gathering to read."""
        request, gathering = self.request, self.gathering
        if (
            self._store is None
            or request.by == "input"
            or request.policy.by_time
            or any(source.path is not None for source in request.sources)
        ):
            return
        tally = Tally(self._store, request.sources, gathering.people, gathering.marks)
        if not tally.read():
            return
        gathering.only = tally.rest
        gathering.counts["read"] += tally.counted.total()
        gathering.read_of.update(tally.counted)
        gathering.views += Counter({tally.view: tally.counted.total()})
        self._people.update(dict.fromkeys(tally.people))
        tally.settle(self.settled, conflicts=request.conflicts is not None)

    def _keep_all(self) -> None:
        """Each person's answers once, corrections too: a session's dataset repeats rows of the main one."""
        have = Counter(mmh3.hash_bytes(content) for content in contents_of(self._store, self.request.into))
        seen: set[bytes] = set()
        ranks = {source: rank for rank, source in enumerate(self.gathering.sources)}

        def watch(given: Gathered) -> None:
            if given.left_out:
                self._counts["repeated"] += given.left_out == "repeated"
                return
            mark = mmh3.hash_bytes(given.annotator.encode("utf-8", "replace") + b"\0" + given.content)
            stored = mmh3.hash_bytes(given.content)
            if mark in seen:
                self._counts["repeated"] += 1
            elif have[stored] > 0:
                # Counted, not looked up: two people's answers may be byte for byte the same where neither has a name.
                have[stored] -= 1
                self._counts["already"] += 1
            else:
                self._counts["used"] += 1
                self.settled.rows.add(Entry((ranks[given.source], given.position)))
            seen.add(mark)

        self.gathering.watch = watch
        for task in grouped(self.gathering, keeper(spans=False)):
            self._counts["conflicts"] += is_disputed(task)

    def report(self, *, dry_run: bool) -> MergeReport:
        """The counts."""
        read, counts = self.gathering.counts, self._counts
        views = self.gathering.views
        return MergeReport(
            sources=tuple(each.name for each in self.request.sources),
            into=self.request.into,
            policy=self.request.policy.name,
            dry_run=dry_run,
            read=read["read"],
            used=counts["used"],
            repeated=counts["repeated"],
            already=counts["already"],
            unreadable=read["unreadable"],
            conflicts=counts["conflicts"],
            collisions=read["collisions"],
            read_of={each.name: self.gathering.read_of[each.name] for each in self.request.sources},
            gold=read["gold"],
            conflicting=counts["conflicting"],
            rejected=counts["rejected"],
            ignored=counts["ignored"],
            surplus=read["surplus"],
            reopened=read["reopened"],
            tasks=len(self.settled.rows),
            unsettled=counts["unsettled"],
            outvoted=counts["outvoted"],
            conflicts_into=self.request.conflicts,
            views=dict(sorted(views.items())) if len(views) > 1 else {},
            broken=tuple(self.gathering.broken),
        )


def _register(store: Store, team: str, request: Request) -> None:
    have = store.names()
    for target in request.targets:
        if target in have:
            store.ensure_dataset(target, team=team, kind="merged")


def _write(store: Store | None, request: Request, plan: _Plan, before: Callable[[], object]) -> bool:
    """Write what changed; False where everything was as it is to be."""
    if store is not None and request.into_database:
        for hidden in store.leftovers("merge"):
            store.discard(hidden)
    if request.policy.keeps_all:
        if plan.settled.rows:
            before()
            append_rows(store, request.into, plan.rows())
        return bool(plan.settled.rows)
    parts = plan.entries()
    if all(holds(store, target, compose(store, request.sources, own)) for target, own in parts.items()):
        return False
    before()
    replace_targets(
        store,
        {name: partial(compose, store, request.sources, own) for name, own in parts.items() if not is_file_name(name)},
        {
            name: partial(compose_lines, store, request.sources, own)
            for name, own in parts.items()
            if is_file_name(name)
        },
    )
    return True
