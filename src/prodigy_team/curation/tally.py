"""Yes-or-no answers counted at a glance (`glance`): a million of them in about the time that SQLite takes to read them.

What is not understood, is given twice, does not count, or shares its hash with something else is left to `gathering`.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, compress, repeat

import mmh3

from prodigy_team.curation.ahead import read_ahead
from prodigy_team.curation.entries import Entries, Entry
from prodigy_team.curation.gathering import Marks, Opinion, People, TaskAnswers
from prodigy_team.curation.glance import ACCEPT, IGNORE, REJECT, Glance
from prodigy_team.curation.judgements import REJECTED, read_answer
from prodigy_team.curation.settling import CONFLICT, Said, Settled
from prodigy_team.curation.sources import Source
from prodigy_team.store import Page, Store

_SAID = {ACCEPT: Said(b"accept", "accept"), REJECT: Said(REJECTED, "reject"), IGNORE: Said(None, "ignore")}
_TRIED = 1000
_NO_TASK = bytes(8)

Votes = tuple[int, ...]
"""What was said of a task, by number of the person; 0 where nothing was."""


@dataclass
class _Seen:
    """What was read of one dataset, row by row; columns of numbers, since there may be millions.

    Attributes:
        links: A page at a time.
        tasks: Numbers of what was asked.
        people: Numbers of those who answered.
        slow: Links of what was not understood.
    """

    links: list[Sequence[int]] = field(default_factory=list)
    tasks: array[int] = field(default_factory=lambda: array("I"))
    letters: bytearray = field(default_factory=bytearray)
    people: array[int] = field(default_factory=lambda: array("I"))
    slow: array[int] = field(default_factory=lambda: array("q"))

    def rows(self, chosen: bytearray) -> Iterator[tuple[int, int, int, int]]:
        """Link, task, letter and person of each row whose task is chosen by the time the row is reached."""
        rows = zip(chain.from_iterable(self.links), self.tasks, self.letters, self.people, strict=True)
        return compress(rows, map(chosen.__getitem__, self.tasks))

    def links_of(self, chosen: Set[int]) -> list[int]:
        """Links of the rows of these few tasks."""
        found: list[int] = []
        at = 0
        for links in self.links:
            tasks = self.tasks[at : at + len(links)]
            if not chosen.isdisjoint(tasks):
                found += compress(links, map(chosen.__contains__, tasks))
            at += len(links)
        return found

    def first(self, winners: bytearray) -> tuple[Sequence[int], Sequence[int]]:
        """Links and tasks of the first rows that say what wins; nothing wins these tasks any more afterwards."""
        links, tasks = array("q"), array("I")
        rows = zip(chain.from_iterable(self.links), self.tasks, self.letters, strict=True)
        still = list(winners)  # a list is asked in less time
        for link, task, letter in compress(rows, map(still.__getitem__, self.tasks)):
            if winners[task] == letter:
                winners[task] = 0
                links.append(link)
                tasks.append(task)
        return links, tasks


@dataclass(frozen=True)
class _Pattern:
    """What votes of one kind come to, whatever the task.

    Attributes:
        winner: The letter of the row it gets; 0 where it gets none.
    """

    counts: Mapping[str, int]
    winner: int
    added: bytes
    conflict: bool


class _Kinds(dict[Votes, int]):
    """Numbers of votes, given as they are asked for."""

    def __missing__(self, votes: Votes) -> int:
        number = self[votes] = len(self)
        return number


class Tally:
    """The answers of datasets, as far as they can be told at a glance.

    Attributes:
        rest: Links of all other answers, by dataset.
        counted: How many were, by dataset.
    """

    def __init__(
        self,
        store: Store,
        sources: Sequence[Source],
        people: People,
        marks: Mapping[str, Marks],
        *,
        labels: bool = False,
    ) -> None:
        """Prepare to read datasets.

        Args:
            labels: Tasks of different labels are to be counted apart.
        """
        self._store, self._sources, self._marks = store, sources, marks
        self._glance = Glance(people, labels=labels)
        self._seen = {source: _Seen() for source in sources}
        # By number of the person and then of the task: what was said.
        self._said: list[bytearray] = []
        self._given: Counter[int] = Counter()  # answers, by number of the person
        self.rest: dict[str, Sequence[int]] = {}
        self.counted: Counter[str] = Counter()

    @property
    def view(self) -> str:
        """In which those counted were given."""
        return self._glance.view

    @property
    def people(self) -> Mapping[str, int]:
        """Who gave them, with their numbers."""
        return self._glance.people

    def read(self) -> bool:
        """Read everything; False where it is not worth it, since too little looks as expected."""
        if not all(self._read(source) for source in self._sources):
            return False
        bad = self._shared() | self._twice()
        for person in self.people.values():
            said = self._said_by(person)
            for task in bad:
                said[task] = 0
        for source, seen in self._seen.items():
            left = seen.links_of(bad) if bad else []
            self.rest[source.name] = sorted([*seen.slow, *left])
            self.counted[source.name] = len(seen.tasks) - len(left)
        return True

    def _read(self, source: Source) -> bool:
        seen = self._seen[source]
        left_out = self._marks.get(source.name, Marks()).links()
        with closing(read_ahead(self._store.pages(source.name))) as pages:
            for links, contents in pages:
                whole = not left_out or left_out.isdisjoint(links)
                found = self._glance.page(source, contents) if whole else None
                if found is None:
                    self._count_each(source, (links, contents), left_out)
                else:
                    self._count(seen, links, *found)
                if len(seen.slow) > max(_TRIED, len(seen.tasks)):
                    return False
        return True

    def _count(self, seen: _Seen, links: Sequence[int], tasks: Sequence[int], letters: bytes, person: int) -> None:
        said = self._said_by(person)
        if isinstance(tasks, range):
            said[tasks.start : tasks.stop] = letters
        else:
            for task, letter in zip(tasks, letters, strict=True):
                said[task] = letter
        self._given[person] += len(tasks)
        seen.links.append(links)
        seen.tasks.extend(array("I", tasks))
        seen.letters += letters
        seen.people.extend(array("I", (person,)) * len(tasks))

    def _count_each(self, source: Source, page: Page, left_out: Set[int]) -> None:
        """A page, answer by answer."""
        seen, counted = self._seen[source], array("q")
        for link, content in zip(*page, strict=True):
            found = self._glance.one(source, content) if link not in left_out else None
            if found is None:
                seen.slow.append(link)
                continue
            task, letter, person = found
            self._said_by(person)[task] = letter
            self._given[person] += 1
            counted.append(link)
            seen.tasks.append(task)
            seen.letters.append(letter)
            seen.people.append(person)
        seen.links.append(counted)

    def _said_by(self, person: int) -> bytearray:
        """What a person said of each task, with room for all there are."""
        while len(self._said) <= person:
            self._said.append(bytearray())
        said = self._said[person]
        if len(said) < self._glance.tasks:
            said.extend(bytes(self._glance.tasks - len(said)))
        return said

    def _shared(self) -> set[int]:
        """Tasks whose hash another task has as well, or something that has to be parsed: that is done as a whole."""
        hashes, shared = self._glance.hashes, self._slow_hashes()
        if len(set(hashes)) < len(hashes):
            shared |= {each for each, count in Counter(hashes).items() if count > 1}
        return {task for task, each in enumerate(hashes) if each in shared} if shared else set()

    def _slow_hashes(self) -> set[int]:
        found = set()
        for source, seen in self._seen.items():
            for row in self._store.rows_at(source.name, seen.slow):
                record = read_answer(row.content)
                if record is not None:
                    found.add(record.task_hash if type(record.task_hash) is int else row.task_hash)
        return found

    def _twice(self) -> set[int]:
        """Tasks that somebody answered several times: which is the newest answer, the gathering tells."""
        found = set()
        for person, said in enumerate(self._said):
            if self._given[person] > len(said) - said.count(0):
                columns = (compress(seen.tasks, map(person.__eq__, seen.people)) for seen in self._seen.values())
                times = Counter(chain.from_iterable(columns))
                found |= {task for task, count in times.items() if count > 1}
        return found

    def settle(self, settled: Settled, *, conflicts: bool) -> None:
        """Settle every task that was counted.

        Args:
            conflicts: Answers to unsettled tasks are wanted too.
        """
        kinds = _Kinds()
        kind_of = array("I", map(kinds.__getitem__, zip(*self._said, strict=True)))
        patterns = [self._pattern(settled, votes) for votes in kinds]
        for kind, count in Counter(kind_of).items():
            settled.counts.update({key: count * each for key, each in patterns[kind].counts.items()})
        winners = bytearray(map([each.winner for each in patterns].__getitem__, kind_of))
        added = [each.added for each in patterns]
        for rank, seen in enumerate(self._seen.values()):
            links, tasks = seen.first(winners)
            settled.rows.of(rank).extend(links, map(added.__getitem__, map(kind_of.__getitem__, tasks)))
        unsettled = bytearray(map([each.conflict for each in patterns].__getitem__, kind_of))
        if conflicts and any(unsettled):
            self._add_conflicts(settled.conflicts, unsettled)

    def times(self) -> Counter[tuple[str, Votes]]:
        """How many tasks of which label got which votes; equal where everybody said the same (see `voices`)."""
        labels = self._glance.labels
        found = Counter(zip(repeat("", self._glance.tasks) if labels is None else labels, *self._said, strict=True))
        return Counter({(label, tuple(votes)): count for (label, *votes), count in found.items() if any(votes)})

    def voices(self, votes: Votes) -> list[tuple[str, str]]:
        """Who said accept, reject or ignore, by name."""
        return [(name, _SAID[letter].answer) for name, letter in self._letters(votes)]

    def places(self, wanted: Set[Votes]) -> Iterator[tuple[Votes, tuple[int, int]]]:
        """Tasks with such votes, and where the first judgement of each stands: number of the source, and link."""
        chosen = bytearray(map(wanted.__contains__, zip(*self._said, strict=True)))
        for rank, seen in enumerate(self._seen.values()):
            for link, task, letter, _ in seen.rows(chosen):
                if letter != IGNORE and chosen[task]:
                    chosen[task] = 0
                    yield tuple(said[task] for said in self._said), (rank, link)

    def _letters(self, votes: Votes) -> Iterator[tuple[str, int]]:
        for name, number in sorted(self.people.items()):
            letter = votes[number]
            if letter:
                yield name, letter

    def _pattern(self, settled: Settled, votes: Votes) -> _Pattern:
        opinions = [Opinion(name, (0, letter), None, False, _SAID[letter]) for name, letter in self._letters(votes)]
        one = Settled(settled.policy)
        task = _NO_TASK + mmh3.hash(self.view).to_bytes(4, "big", signed=True)
        one.add(TaskAnswers(task, tuple(opinions)))
        row = next(iter(one.rows), None)
        return _Pattern(one.counts, row.place[1] if row else 0, row.added if row else b"", bool(one.conflicts))

    def _add_conflicts(self, conflicts: Entries, unsettled: bytearray) -> None:
        names = list(self.people)
        for rank, seen in enumerate(self._seen.values()):
            for link, _, letter, person in seen.rows(unsettled):
                if letter != IGNORE:
                    conflicts.add(Entry((rank, link), CONFLICT, annotator=names[person]))
