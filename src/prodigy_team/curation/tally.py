"""Yes-or-no answers counted at a glance: most of a million need no parsing, since their tasks are the same bytes.

Stored answers to one task mostly begin alike, byte for byte, up to the view, and end in few ways. So the beginning is
parsed once for each task and the end once for each way; between lie the answer and the time. Whatever looks different
in any way, is given twice, does not count, or shares its hash with something else is left to `gathering`, which parses.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

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
_MOST_WAYS, _LONGEST = 1000, 300
_TRIED = 1000
_LINK_BITS = 48
_LINK = (1 << _LINK_BITS) - 1
_NO_TASK = bytes(8)


class _Asked(msgspec.Struct, gc=False):
    """What is read of a beginning; the rest is checked to be JSON."""

    task_hash: int = msgspec.field(name="_task_hash")


_decoder = msgspec.json.Decoder(_Asked)


@dataclass
class _Seen:
    """What was read of one dataset, row by row; columns of numbers, since there may be millions."""

    links: array[int] = field(default_factory=lambda: array("q"))
    tasks: array[int] = field(default_factory=lambda: array("I"))
    says: array[int] = field(default_factory=lambda: array("I"))
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
        # By number of the task: all votes in one integer, two bits a person, and the places of the first of each kind.
        self._votes: list[int] = []
        self._first = {letter: array("q") for letter in _SAID}
        self._heads: dict[int, int] = {}
        self._by_hash: dict[int, int] = {}
        self._bad: set[int] = set()
        self._middles: dict[bytes, int] = {}
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
            bad = self._bad
            left = [link for link, task in zip(seen.links, seen.tasks, strict=True) if task in bad] if bad else []
            self.rest[source.name] = sorted([*seen.slow, *left])
            self.counted[source.name] = len(seen.links) - len(left)
        return True

    def _read(self, rank: int, source: Source) -> bool:
        seen, ends = self._seen[source], dict[bytes, int]()
        left_out = self._marks.get(source.name, Marks()).links()
        for page in self._store.pages(source.name):
            self._read_page(page, rank << _LINK_BITS, seen, ends, source, left_out)
            if len(seen.slow) > max(_TRIED, len(seen.links)):
                return False
        return True

    def _read_page(
        self,
        page: Sequence[tuple[int, bytes]],
        base: int,
        seen: _Seen,
        ends: dict[bytes, int],
        source: Source,
        left_out: Collection[int],
    ) -> None:
        """The loop that a million answers go through: each line counts, so no function of ours but for what is new."""
        heads, middles, votes, first, slow = self._heads, self._middles, self._votes, self._first, seen.slow
        links, tasks, says = [], [], []
        for link, content in page:
            head, _, tail = content.rpartition(_VIEW)
            middle, _, rest = tail.partition(_TIME)
            end = rest[_DIGITS:]
            letter, shift = middles.get(middle), ends.get(end)
            if letter is None:
                letter = self._learn_middle(middle)
            if shift is None:
                shift = self._learn_end(end, ends, source)
            if not letter or shift < 0 or not rest[:_DIGITS].isdigit() or link in left_out:
                slow.append(link)
                continue
            mark = hash(head)
            task = heads.get(mark)
            if task is None:
                task = heads[mark] = self._learn_head(head)
            vote = votes[task]
            if vote >> shift & 3:
                self._bad.add(task)
            votes[task] = vote | letter << shift
            places = first[letter]
            if not places[task]:
                places[task] = base + link
            links.append(link)
            tasks.append(task)
            says.append(shift << 2 | letter)
        seen.links.extend(links)
        seen.tasks.extend(tasks)
        seen.says.extend(says)

    def _learn_middle(self, middle: bytes) -> int:
        """1, 2, 3 for accept, reject, ignore in the view that is counted here; 0 for all else."""
        found = _MIDDLE.fullmatch(middle) if len(middle) < _LONGEST else None
        letter = 0
        if found is not None:
            view = found[1].decode()
            if not self.view and view in BINARY_VIEWS:
                self.view = view
            letter = _LETTERS[found[2]] if view == self.view else 0
        if len(middle) < _LONGEST and len(self._middles) < _MOST_WAYS:
            self._middles[middle] = letter
        return letter

    def _learn_end(self, end: bytes, ends: dict[bytes, int], source: Source) -> int:
        """Where the annotator's vote stands among the bits of a task's votes; -1 where the end is another."""
        found = _END.fullmatch(end) if len(end) < _LONGEST else None
        shift = -1
        if found is not None:
            annotator, session = (each.decode("utf-8", "replace") if each else None for each in found.groups())
            name = self._people.name(source, annotator, session)
            shift = 2 * self._numbers.setdefault(name, len(self._numbers))
        if len(end) < _LONGEST and len(ends) < _MOST_WAYS:
            ends[end] = shift
        return shift

    def _learn_head(self, head: bytes) -> int:
        """The number of a task that was not seen before."""
        task = len(self._votes)
        self._votes.append(0)
        for places in self._first.values():
            places.append(0)
        try:
            number = _decoder.decode(head + b"}").task_hash
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._bad.add(task)
        else:
            other = self._by_hash.setdefault(number, task)
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
        patterns: dict[int, _Pattern] = {}
        times: Counter[int] = Counter()
        unsettled: set[int] = set()
        for task, votes in enumerate(self._votes):
            if task in self._bad:
                continue
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

    def votes(self) -> Iterator[tuple[int, int]]:
        """Number and votes of every task that was counted; equal where everybody said the same (see `voices`)."""
        bad = self._bad
        return ((task, votes) for task, votes in enumerate(self._votes) if task not in bad)

    def voices(self, votes: int) -> list[tuple[str, str]]:
        """Who said accept, reject or ignore, by name."""
        return [(name, _SAID[letter].answer) for name, letter in self._letters(votes)]

    def place(self, task: int) -> tuple[int, int]:
        """Where the first judgement of a task stands: number of the source, and link."""
        place = min(found for letter in (1, 2) if (found := self._first[letter][task]))
        return place >> _LINK_BITS, place & _LINK

    def _letters(self, votes: int) -> Iterator[tuple[str, int]]:
        for name, number in sorted(self._numbers.items()):
            letter = votes >> 2 * number & 3
            if letter:
                yield name, letter

    def _pattern(self, settled: Settled, votes: int) -> _Pattern:
        opinions = [Opinion(name, (0, letter), None, False, _SAID[letter]) for name, letter in self._letters(votes)]
        one = Settled(settled.policy)
        task = _NO_TASK + mmh3.hash(self.view).to_bytes(4, "big", signed=True)
        one.add(TaskAnswers(task, tuple(opinions)))
        row = one.rows[0] if one.rows else None
        return _Pattern(one.counts, row.place[1] if row else 0, row.added if row else b"", bool(one.conflicts))

    def _entries(self, unsettled: Collection[int]) -> Iterator[Entry]:
        names = {2 * number: name for name, number in self._numbers.items()}
        for rank, source in enumerate(self._sources):
            seen = self._seen[source]
            for link, task, says in zip(seen.links, seen.tasks, seen.says, strict=True):
                if task in unsettled and says & 3 != _LETTERS[b"ignore"]:
                    yield Entry((rank, link), CONFLICT, annotator=names[says >> 2])
