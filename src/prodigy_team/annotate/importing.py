"""Answers from files into the datasets of the people who gave them, as if they had been given on their pages."""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec

from prodigy_team.annotate.ground import GroundHolder, GroundIdentifier
from prodigy_team.annotate.supply import identity_by_hashes
from prodigy_team.annotate.surveying import Pool, Unreadable
from prodigy_team.curation.gathering import Broken, People
from prodigy_team.curation.incoming import Incoming, Said, Verdict, decide, read_incoming, said_in
from prodigy_team.curation.judgements import read_answer
from prodigy_team.curation.sources import Source
from prodigy_team.errors import TeamError, UsageError
from prodigy_team.roster import Roster, Server
from prodigy_team.store import NewAnswer, Outcome, Store

_AT_ONCE = 256
_BROKEN_KEPT = 1000
_decoder = msgspec.json.Decoder(dict[str, Any])


class UnknownPeopleError(UsageError):
    """Rows are by people who are not on the roster; nothing was imported."""

    def __init__(self, counts: Mapping[str, int], known: Sequence[str]) -> None:
        names = ", ".join(f"{name} ({count} {_rows(count)})" for name, count in counts.items())
        super().__init__(
            f"Not on the roster: {names}. Nothing was imported.",
            remedy=f'Give their person aliases = ["{next(iter(counts))}"] in the roster, or say whose they all are: '
            f"--annotator NAME, which is one of {', '.join(known)}.",
        )


@dataclass(frozen=True)
class ImportedPerson:
    """What was stored, or would be, for one person; the counts are as in `ImportReport`."""

    name: str
    dataset: str
    imported: int
    already: int
    older: int
    refused: int


@dataclass(frozen=True)
class ImportReport:
    """What became of every row: ``read = imported + already + older + refused + unreadable``.

    Attributes:
        already: There already, from an earlier import or from the page.
        older: Older than the person's newest answer to that task, and saying otherwise.
        refused: Another answer of the person stands there, and this one does not name it as the one it corrects.
        elsewhere: Of those imported, answers to tasks that the source does not have.
        broken: The first 1,000 unreadable rows.
    """

    team: str
    files: tuple[str, ...]
    dry_run: bool
    read: int
    imported: int
    already: int
    older: int
    refused: int
    unreadable: int
    elsewhere: int
    people: tuple[ImportedPerson, ...]
    broken: tuple[Broken, ...]


@dataclass(frozen=True)
class _Target:
    """Where somebody's answers go, and which task each belongs to."""

    name: str
    dataset: str
    identifier: GroundIdentifier | None

    @property
    def session(self) -> str:
        return f"{self.dataset}-{self.name}"

    def task(self, content: bytes) -> tuple[bytes, bool]:
        """The task's 16 bytes, as the person's server would say, and whether the source has it."""
        found = self.identifier.owner_and_task(content) if self.identifier is not None else None
        return (found[1], True) if found else (identity_by_hashes(_decoder.decode(content)), False)


def known_annotator(roster: Roster, name: str) -> str:
    """The name of the roster for a name or an earlier one.

    Raises:
        UsageError: It is nobody's; it says the nearest.
    """
    names = {known: each.name for each in roster.annotators for known in (*each.aliases, each.name)}
    if name in names:
        return names[name]
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    remedy = f"Did you mean {near[0]}?" if near else f"There is: {', '.join(each.name for each in roster.annotators)}."
    raise UsageError(f"There is no annotator {name}.", remedy=remedy)


def import_answers(
    roster: Roster,
    pools: Iterable[Pool | Unreadable],
    store: Store | None,
    files: Sequence[Path],
    *,
    people: People,
    annotator: str | None = None,
    answer: str = "accept",
    dry_run: bool = False,
) -> ImportReport:
    """Store the rows of files of JSON lines, once each; a second run stores nothing.

    Args:
        pools: The roster's, from `survey`.
        store: None in a dry run before there is a database.
        people: Who gave a row, where ``annotator`` does not say.
        annotator: Whose they all are, a name of the roster; None: the rows say.
        answer: Of rows that carry none.

    Raises:
        UnknownPeopleError: Some are by nobody on the roster.
        TeamError: A file, a source or the database cannot be read or written.
    """
    with contextlib.ExitStack() as stack:
        targets = _targets(roster, list(pools), stack)
        work = _Import(targets, store, tuple(files), people, annotator, answer)
        work.read()
        work.plan()
        if store is not None and not dry_run:
            stack.enter_context(store.alone("import"))
            work.plan()  # what another import has stored since
            work.write(roster.name)
    return work.report(roster.name, dry_run=dry_run)


def _targets(roster: Roster, pools: Sequence[Pool | Unreadable], stack: contextlib.ExitStack) -> dict[str, _Target]:
    servers = {each.name: each for each in (*roster.servers, *roster.resting)}
    opened: dict[str, GroundIdentifier | None] = {}
    targets = {}
    for each in roster.annotators:
        server = servers[each.server]
        if server.name not in opened:
            opened[server.name] = _identifier(server, pools, stack)
        targets[each.name] = _Target(each.name, server.dataset, opened[server.name])
    return targets


def _identifier(
    server: Server, pools: Sequence[Pool | Unreadable], stack: contextlib.ExitStack
) -> GroundIdentifier | None:
    """Finds the tasks of a server; None for one without a source."""
    pool = next((each for each in pools if isinstance(each, Pool) and server.name in each.servers), None)
    if pool is not None:
        return stack.enter_context(contextlib.closing(GroundIdentifier(GroundHolder(pool.ground))))
    for each in pools:
        if isinstance(each, Unreadable) and each.source == server.source:
            raise TeamError(f"The tasks of {server.name} cannot be told: {each.problem}", remedy=each.remedy)
    return None


@dataclass
class _Import:
    """The rows of some files. First all are read and judged, then those that are new are read again and stored."""

    targets: Mapping[str, _Target]
    store: Store | None
    files: tuple[Path, ...]
    people: People
    annotator: str | None
    answer: str
    broken: list[Broken] = field(default_factory=list)
    unreadable: int = 0
    _rows: dict[tuple[str, bytes], list[tuple[Path, int, Said]]] = field(default_factory=lambda: defaultdict(list))
    _inputs: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    _unknown: set[bytes] = field(default_factory=set)
    _counts: dict[str, Counter[Verdict]] = field(default_factory=lambda: defaultdict(Counter))
    _new: set[tuple[Path, int]] = field(default_factory=set)
    _elsewhere: int = 0

    def read(self) -> None:
        """Read all rows, keeping what judging them needs."""
        strangers: Counter[str] = Counter()
        for row in self._incoming():
            if isinstance(row, Broken):
                self.unreadable += 1
                self.broken += [row] if len(self.broken) < _BROKEN_KEPT else []
                continue
            name = self._name(row)
            if name not in self.targets:
                strangers[name] += 1
                continue
            target = self.targets[name]
            content = row.content(target.session)
            task, known = target.task(content)
            if not known:
                self._unknown.add(task)
            self._inputs[target.dataset].add(row.input_hash)
            self._rows[name, task].append((row.source.path or Path(), row.line, said_in(content, row.record.at)))
        if strangers:
            raise UnknownPeopleError(strangers, tuple(self.targets))

    def plan(self) -> None:
        """Judge the rows by what is stored."""
        stored = self._stored()
        self._counts.clear()
        self._new.clear()
        self._elsewhere = 0
        for (name, task), rows in self._rows.items():
            known = list(stored.get((name, task), ()))
            # File by file, so that it does not matter which are imported together.
            for path, some in groupby(rows, key=lambda each: each[0]):
                own = list(some)
                verdicts = decide(known, [said for _, _, said in own])
                self._counts[name].update(verdicts)
                new = [each for each, verdict in zip(own, verdicts, strict=True) if verdict is Verdict.NEW]
                known += [said for _, _, said in new]
                self._new.update((path, line) for _, line, _ in new)
                self._elsewhere += len(new) if task in self._unknown else 0

    def write(self, team: str) -> None:
        """Store what is new, in its order, some hundred rows in one transaction."""
        assert self.store is not None, "a dry run ends before"
        for target in {each.dataset: each for each in self.targets.values() if each.dataset in self._inputs}.values():
            self.store.ensure_dataset(target.dataset, team=team)
            if target.identifier is not None:
                self.store.reconcile(target.dataset, target.identifier.owner_and_task)
        waiting: dict[str, list[tuple[str, NewAnswer]]] = defaultdict(list)
        for row in self._incoming():
            if isinstance(row, Broken) or (row.source.path, row.line) not in self._new:
                continue
            name = self._name(row)
            some = waiting[self.targets[name].dataset]
            some.append((name, self._new_answer(row, self.targets[name])))
            if len(some) == _AT_ONCE:
                self._append(self.targets[name].dataset, some)
        for dataset, some in waiting.items():
            self._append(dataset, some)

    def report(self, team: str, *, dry_run: bool) -> ImportReport:
        """What became of the rows."""
        people = tuple(
            ImportedPerson(name, self.targets[name].dataset, *(self._counts[name][each] for each in Verdict))
            for name in self.targets
            if name in self._counts
        )
        sums: Counter[Verdict] = sum(self._counts.values(), Counter())
        return ImportReport(
            team=team,
            files=tuple(map(str, self.files)),
            dry_run=dry_run,
            read=sum(sums.values()) + self.unreadable,
            imported=sums[Verdict.NEW],
            already=sums[Verdict.ALREADY],
            older=sums[Verdict.OLDER],
            refused=sums[Verdict.REFUSED],
            unreadable=self.unreadable,
            elsewhere=self._elsewhere,
            people=people,
            broken=tuple(self.broken),
        )

    def _incoming(self) -> Iterator[Incoming | Broken]:
        for path in self.files:
            yield from read_incoming(path, answer=self.answer)

    def _name(self, row: Incoming) -> str:
        return self.annotator or self.people.name(row.source, row.record.annotator_id, row.record.session_id)

    def _stored(self) -> dict[tuple[str, bytes], list[Said]]:
        """What these people have said of these tasks, oldest first."""
        found: dict[tuple[str, bytes], list[Said]] = defaultdict(list)
        have = {each.name for each in self.store.datasets()} if self.store is not None else set()
        for dataset, inputs in self._inputs.items():
            if self.store is None or dataset not in have:
                continue
            back = self.store.reopened(dataset)
            for row in self.store.rows(dataset):
                record = read_answer(row.content) if row.input_hash in inputs else None
                if record is None:
                    continue
                target = self.targets.get(self.people.name(Source(dataset), record.annotator_id, record.session_id))
                if target is not None and target.dataset == dataset:
                    key = target.name, target.task(row.content)[0]
                    found[key].append(said_in(row.content, record.at, counts=row.link not in back))
        return found

    def _new_answer(self, row: Incoming, target: _Target) -> NewAnswer:
        content = row.content(target.session)
        said, task = said_in(content, None), target.task(content)[0]
        return NewAnswer(
            content,
            row.input_hash,
            row.task_hash,
            target.session,
            task,
            said.answer_id,
            said.replaces,
            sessions=(target.session,),
        )

    def _append(self, dataset: str, some: list[tuple[str, NewAnswer]]) -> None:
        """Store; the rules have the last word, since somebody may have answered meanwhile."""
        assert self.store is not None, "a dry run ends before"
        (outcomes,) = self.store.append(dataset, [[answer for _, answer in some]])
        for (name, _), outcome in zip(some, outcomes, strict=True):
            if outcome is not Outcome.STORED:
                self._counts[name][Verdict.NEW] -= 1
                self._counts[name][Verdict.ALREADY if outcome is Outcome.REPEATED else Verdict.REFUSED] += 1
        some.clear()


def _rows(count: int) -> str:
    return "row" if count == 1 else "rows"
