"""Yes-or-no answers counted at a glance: most of a million need no parsing, since their tasks are the same bytes.

Stored answers to one task mostly begin alike, byte for byte, up to the view, and end in few ways. So the beginning is
parsed once for each task and the end once for each way; between lie the answer and the time. Whatever looks different
in any way, is given twice, does not count, or shares its hash with something else is left to `gathering`, which parses.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import compress, repeat
from operator import itemgetter
from typing import Any

import mmh3
import msgspec

from prodigy_team.curation.gathering import Marks, Opinion, People, TaskAnswers
from prodigy_team.curation.judgements import BINARY_VIEWS, REJECTED, read_answer
from prodigy_team.curation.rows import Entry
from prodigy_team.curation.settling import CONFLICT, Said, Settled
from prodigy_team.curation.sources import Source
from prodigy_team.store import Store

_VIEW, _TIME, _DIGITS = b',"_view_id":"', b',"_timestamp":', 10
# Between them there is nothing but strings, numbers and null, and the only brace is the last one: so the answer stands
# in the object itself and not in another within it.
_MIDDLE = re.compile(rb'([a-z_]+)","answer":"(accept|reject|ignore)"')
_ID = rb':(?:"([^"\\\x00-\x1f]*)"|null)'
_END = re.compile(rb'(?:,"_annotator_id"%b)?(?:,"_session_id"%b)?\}' % (_ID, _ID))
_LETTERS = {b"accept": 1, b"reject": 2, b"ignore": 3}
_SAID = {1: Said(b"accept", "accept"), 2: Said(REJECTED, "reject"), 3: Said(None, "ignore")}
_AFTER_VIEW = len(b'","answer":"accept"') + len(_TIME) + _DIGITS  # accept, reject and ignore are equally long
_MOST_WAYS, _LONGEST = 1000, 300
_TRIED = 1000
_LINK_BITS = 48
_LINK = (1 << _LINK_BITS) - 1
_NO_TASK = bytes(8)

Votes = tuple[int, ...]
"""What was said of a task, by number of the person; 0 where nothing was."""


class _Asked(msgspec.Struct, gc=False):
    """What is read of a beginning; the rest is checked to be JSON."""

    task_hash: int = msgspec.field(name="_task_hash")
    annotator_id: Any = msgspec.field(name="_annotator_id", default=None)
    session_id: Any = msgspec.field(name="_session_id", default=None)


_decoder = msgspec.json.Decoder(_Asked)


@dataclass
class _Seen:
    """What was read of one dataset, row by row; columns of numbers, since there may be millions.

    Attributes:
        people: Numbers of those who answered.
        slow: Links of what was not understood.
    """

    links: array[int] = field(default_factory=lambda: array("q"))
    tasks: array[int] = field(default_factory=lambda: array("I"))
    people: array[int] = field(default_factory=lambda: array("I"))
    slow: array[int] = field(default_factory=lambda: array("q"))


@dataclass(frozen=True)
class _Pattern:
    """What votes of one kind come to, whatever the task.

    Attributes:
        winner: 1 where it is accepted, 2 where it is rejected, 0 where it has no row.
    """

    counts: Mapping[str, int]
    winner: int
    added: bytes
    conflict: bool


class Tally:
    """The answers of datasets, as far as they can be told at a glance.

    Attributes:
        rest: Links of all other answers, by dataset.
        view: In which those counted were given.
        counted: How many were, by dataset.
        people: Who gave them.
    """

    def __init__(self, store: Store, sources: Sequence[Source], people: People, marks: Mapping[str, Marks]) -> None:
        """Prepare to read datasets."""
        self._store, self._sources, self._people, self._marks = store, sources, people, marks
        self._seen = {source: _Seen() for source in sources}
        self._numbers: dict[str, int] = {}
        # By number of the person and then of the task: what was said; by letter and task: the first place of it.
        self._said: list[bytearray] = []
        self._first = {letter: array("q") for letter in _SAID}
        self._tasks = 0
        self._heads: dict[int, int] = {}
        self._by_hash: dict[int, int] = {}
        self._bad: set[int] = set()
        self._middles: dict[bytes, int] = {}
        self._tails: dict[bytes, int] = {}
        self.view = ""
        self.rest: dict[str, Sequence[int]] = {}
        self.counted: Counter[str] = Counter()

    @property
    def people(self) -> Collection[str]:
        """Who gave them."""
        return self._numbers

    def read(self) -> bool:
        """Read everything; False where it is not worth it, since too little looks as expected."""
        for rank, source in enumerate(self._sources):
            if not self._read(rank, source):
                return False
        for source in self._sources:
            self._look_at_slow(source)
        for source, seen in self._seen.items():
            left = list(compress(seen.links, map(self._bad.__contains__, seen.tasks))) if self._bad else []
            self.rest[source.name] = sorted([*seen.slow, *left])
            self.counted[source.name] = len(seen.links) - len(left)
        return True

    def _read(self, rank: int, source: Source) -> bool:
        seen, ends = self._seen[source], dict[bytes, int]()
        left_out = self._marks.get(source.name, Marks()).links()
        for links, lines in self._store.pages(source.name):
            if not self._read_alike(rank, links, lines, ends, left_out):
                self._read_lines(rank, links, lines, ends, left_out)
            if len(seen.slow) > max(_TRIED, len(seen.links)):
                return False
        return True

    def _read_alike(
        self, rank: int, links: Sequence[int], lines: bytes, ends: Mapping[bytes, int], left_out: Set[int]
    ) -> bool:
        """A page by one person, as a whole; False where something in it looks different.

        It is what a million answers go through, so rows are only touched by what the interpreter does in C.
        """
        end = lines[lines.rfind(_TIME) + len(_TIME) + _DIGITS :]
        person = ends.get(end[:-1], -1)
        contents = lines.split(end) if person >= 0 and len(links) > 1 else []
        if len(contents) != len(links) + 1 or contents.pop():
            return False
        tail = len(_VIEW) + len(self.view) + _AFTER_VIEW
        letters = list(filter(None, map(self._tails.get, map(itemgetter(slice(-tail, -_DIGITS)), contents))))
        digits = b"".join(map(itemgetter(slice(-_DIGITS, None)), contents))
        if len(letters) < len(contents) or not digits.isdigit() or (left_out and not left_out.isdisjoint(links)):
            return False
        heads = list(map(itemgetter(slice(None, -tail)), contents))
        known = list(map(self._heads.get, map(hash, heads)))
        tasks = [self._task(head) if task is None else task for head, task in zip(heads, known, strict=True)]
        if -1 in tasks:
            return False
        self._count(rank, links, tasks, person, letters)
        return True

    def _read_lines(
        self, rank: int, links: Sequence[int], lines: bytes, ends: dict[bytes, int], left_out: Set[int]
    ) -> None:
        """A page, answer by answer."""
        source = self._sources[rank]
        contents = [lines[:-1]] if len(links) == 1 else lines.split(b"\n")
        for link, content in zip(links, contents, strict=False):
            head, _, tail = content.rpartition(_VIEW)
            middle, _, rest = tail.partition(_TIME)
            end = rest[_DIGITS:]
            letter, person = self._middles.get(middle), ends.get(end)
            if letter is None:
                letter = self._learn_middle(middle)
            if person is None:
                person = self._learn_end(end, ends, source)
            understood = letter and person >= 0 and rest[:_DIGITS].isdigit() and link not in left_out
            task = self._task(head) if understood else -1
            if task < 0:
                self._seen[source].slow.append(link)
            else:
                self._count(rank, (link,), (task,), person, (letter,))

    def _count(
        self, rank: int, links: Sequence[int], tasks: Sequence[int], person: int, letters: Sequence[int]
    ) -> None:
        seen, said, first = self._seen[self._sources[rank]], self._said[person], self._first
        for column in (*first.values(), said):
            column.extend(bytes(self._tasks - len(column)))
        base = rank << _LINK_BITS
        for link, task, letter in zip(links, tasks, letters, strict=True):
            if said[task]:
                self._bad.add(task)
            said[task] = letter
            places = first[letter]
            if not places[task]:
                places[task] = base + link
        seen.links.extend(links)
        seen.tasks.extend(tasks)
        seen.people.extend(repeat(person, len(links)))

    def _task(self, head: bytes) -> int:
        """The number of a task; -1 where its beginning is not understood."""
        mark = hash(head)
        if mark not in self._heads:
            self._heads[mark] = self._learn_head(head)
        return self._heads[mark]

    def _learn_middle(self, middle: bytes) -> int:
        """1, 2, 3 for accept, reject, ignore in the view that is counted here; 0 for all else."""
        found = _MIDDLE.fullmatch(middle) if len(middle) < _LONGEST else None
        letter = 0
        if found is not None:
            view = found[1].decode()
            if not self.view and view in BINARY_VIEWS:
                self.view = view
            letter = _LETTERS[found[2]] if view == self.view else 0
            if letter:
                self._tails[_VIEW + middle + _TIME] = letter
        if len(middle) < _LONGEST and len(self._middles) < _MOST_WAYS:
            self._middles[middle] = letter
        return letter

    def _learn_end(self, end: bytes, ends: dict[bytes, int], source: Source) -> int:
        """The number of the annotator; -1 where the end is another."""
        found = _END.fullmatch(end) if len(end) < _LONGEST else None
        person = -1
        if found is not None:
            annotator, session = (each.decode("utf-8", "replace") if each else None for each in found.groups())
            name = self._people.name(source, annotator, session)
            person = self._numbers.setdefault(name, len(self._numbers))
            if person == len(self._said):
                self._said.append(bytearray())
        if len(end) < _LONGEST and len(ends) < _MOST_WAYS:
            ends[end] = person
        return person

    def _learn_head(self, head: bytes) -> int:
        """The number of a task that was not seen before."""
        try:
            asked = _decoder.decode(head + b"}")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return -1
        if asked.annotator_id is not None or asked.session_id is not None or not -(2**63) <= asked.task_hash < 2**63:
            return -1
        task, self._tasks = self._tasks, self._tasks + 1
        other = self._by_hash.setdefault(asked.task_hash, task)
        if other != task:
            self._bad |= {task, other}
        return task

    def _look_at_slow(self, source: Source) -> None:
        """Tasks of which something has to be parsed are parsed as a whole."""
        for row in self._store.rows_at(source.name, self._seen[source].slow):
            record = read_answer(row.content)
            if record is None:
                continue
            given = record.task_hash if type(record.task_hash) is int else row.task_hash
            other = self._by_hash.get(given)
            if other is not None:
                self._bad.add(other)

    def settle(self, settled: Settled, *, conflicts: bool) -> None:
        """Settle every task that was counted.

        Args:
            conflicts: Answers to unsettled tasks are wanted too.
        """
        patterns: dict[Votes, _Pattern] = {}
        times: Counter[Votes] = Counter()
        unsettled: set[int] = set()
        for task, votes in self.votes():
            pattern = patterns.get(votes)
            if pattern is None:
                pattern = patterns[votes] = self._pattern(settled, votes)
            times[votes] += 1
            if pattern.winner:
                place = self._first[pattern.winner][task]
                settled.rows.append(Entry((place >> _LINK_BITS, place & _LINK), pattern.added))
            elif pattern.conflict:
                unsettled.add(task)
        for votes, count in times.items():
            settled.counts.update({key: count * each for key, each in patterns[votes].counts.items()})
        if conflicts and unsettled:
            settled.conflicts.extend(self._entries(unsettled))

    def votes(self) -> Iterator[tuple[int, Votes]]:
        """Number and votes of every task that was counted; equal where everybody said the same (see `voices`)."""
        bad = self._bad
        columns = [said.ljust(self._tasks, b"\0") for said in self._said]
        return (each for each in enumerate(zip(*columns, strict=True)) if each[0] not in bad and any(each[1]))

    def voices(self, votes: Votes) -> list[tuple[str, str]]:
        """Who said accept, reject or ignore, by name."""
        return [(name, _SAID[letter].answer) for name, letter in self._letters(votes)]

    def place(self, task: int) -> tuple[int, int]:
        """Where the first judgement of a task stands: number of the source, and link."""
        place = min(found for letter in (1, 2) if (found := self._first[letter][task]))
        return place >> _LINK_BITS, place & _LINK

    def _letters(self, votes: Votes) -> Iterator[tuple[str, int]]:
        for name, number in sorted(self._numbers.items()):
            letter = votes[number]
            if letter:
                yield name, letter

    def _pattern(self, settled: Settled, votes: Votes) -> _Pattern:
        opinions = [Opinion(name, (0, letter), None, False, _SAID[letter]) for name, letter in self._letters(votes)]
        one = Settled(settled.policy)
        task = _NO_TASK + mmh3.hash(self.view).to_bytes(4, "big", signed=True)
        one.add(TaskAnswers(task, tuple(opinions)))
        row = one.rows[0] if one.rows else None
        return _Pattern(one.counts, row.place[1] if row else 0, row.added if row else b"", bool(one.conflicts))

    def _entries(self, unsettled: Collection[int]) -> Iterator[Entry]:
        names = list(self._numbers)
        for rank, source in enumerate(self._sources):
            seen = self._seen[source]
            for link, task, person in zip(seen.links, seen.tasks, seen.people, strict=True):
                if task in unsettled and self._said[person][task] != _LETTERS[b"ignore"]:
                    yield Entry((rank, link), CONFLICT, annotator=names[person])
