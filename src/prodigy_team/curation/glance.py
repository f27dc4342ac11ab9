"""Yes-or-no answers understood at a glance: most of a million need no parsing, since their tasks are the same bytes.

Stored answers to one task mostly begin alike, byte for byte, up to the view, and end in few ways. So the beginning is
parsed once for each task and the end once for each way; between lie the answer and the time. Whatever looks different
in any way is not understood here, and is left to `gathering`, which parses.
"""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from collections.abc import Collection, Sequence
from operator import attrgetter, itemgetter
from sys import intern
from typing import Annotated, Any

import msgspec

from prodigy_team.curation.gathering import People
from prodigy_team.curation.judgements import BINARY_VIEWS
from prodigy_team.curation.sources import Source

ACCEPT, REJECT, IGNORE = 1, 2, 3
"""Letters: what was said, as a byte."""
_WORDS = {b"accept": ACCEPT, b"reject": REJECT, b"ignore": IGNORE}
_WORD = 6  # all of them are equally long
_VIEW, _TIME, _DIGITS = b',"_view_id":"', b',"_timestamp":', 10
# Between them there is nothing but strings, numbers and null, and the only brace is the last one: so the answer stands
# in the object itself and not in another within it.
_MIDDLE = re.compile(rb'([a-z_]+)","answer":"(accept|reject|ignore)"')
_ID = rb':(?:"([^"\\\x00-\x1f]*)"|null)'
_END = re.compile(rb'(?:,"_annotator_id"%b)?(?:,"_session_id"%b)?\}\n' % (_ID, _ID))
_MOST_WAYS, _LONGEST = 1000, 300

Understood = tuple[int, int, int]
"""Number of the task, letter, number of the person."""
UnderstoodPage = tuple[Sequence[int], bytes, int]
"""Numbers of the tasks, letters, number of the person who gave all of them."""


_Nothing = Annotated[int, msgspec.Meta(gt=0, lt=1)]  # no value is one: the key is not there


class _Asked(msgspec.Struct, gc=False):
    """What is read of a beginning, which does not say who answered; the rest is checked to be JSON.

    It has no key of `rows.REWRITTEN`: so a row of a training set is this answer as it stands, with what is added.
    """

    task_hash: Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] = msgspec.field(name="_task_hash")
    annotator_id: None = msgspec.field(name="_annotator_id", default=None)
    session_id: None = msgspec.field(name="_session_id", default=None)
    annotators: _Nothing = msgspec.field(name="_annotators", default=0)
    conflict: _Nothing = msgspec.field(name="_conflict", default=0)
    versions: _Nothing = 0


class _Labelled(_Asked, gc=False):
    """With the label that is to be accepted or rejected."""

    label: Any = None


_decoder = msgspec.json.Decoder(_Asked)
_labelled_decoder = msgspec.json.Decoder(_Labelled)
_HASH, _LABEL = attrgetter("task_hash"), attrgetter("label")
_FIRST = itemgetter(0)
_BRACE = {ord("{")}


def _letter_table(letters: dict[int, int]) -> bytes:
    return bytes(letters.get(byte, 0) for byte in range(256))


# The first letters of the words tell them apart: what each says, and what follows it.
_LETTERS = _letter_table({word[0]: letter for word, letter in _WORDS.items()})
_SPELLED = [_letter_table({word[0]: word[at] for word in _WORDS}) for at in range(_WORD)]


class _Ending:
    """How the answers of one person end in one view: alike but for the word and the time."""

    def __init__(self, view: str, end: bytes) -> None:
        before = b'%b%b","answer":"' % (_VIEW, view.encode())
        between = b'"' + _TIME
        self._row = before + bytes(_WORD) + between + bytes(_DIGITS) + end
        self._word = len(before)
        self._time = len(before) + _WORD + len(between)
        self.head = itemgetter(slice(None, -len(self._row)))
        self.tail = itemgetter(slice(-len(self._row), None))

    def letters(self, tails: bytes, count: int) -> bytes | None:
        """What each of so many tails says; None where one of them is another.

        Word and time are copied column by column into what all of them would be, and that is compared.
        """
        length = len(self._row)
        if len(tails) != count * length:
            return None
        first = tails[self._word :: length]
        expected = bytearray(self._row * count)
        for at in range(_WORD):
            expected[self._word + at :: length] = first.translate(_SPELLED[at])
        for at in range(self._time, self._time + _DIGITS):
            digits = tails[at::length]
            if not digits.isdigit():
                return None
            expected[at::length] = digits
        letters = first.translate(_LETTERS)
        return letters if expected == tails and 0 not in letters else None


class Glance:
    """Understands answers, and gives numbers to their tasks and to those who gave them.

    Attributes:
        view: In which all of them were given: that of the first one.
        people: Numbers by name.
        hashes: Of the tasks, by their numbers.
        labels: Of the tasks, by their numbers; "" where that is no text. None: they are not wanted.
    """

    def __init__(self, people: People, *, labels: bool = False) -> None:
        self.view = ""
        self.people: dict[str, int] = {}
        self.hashes: array[int] = array("q")
        self.labels: list[str] | None = [] if labels else None
        self._decoder: msgspec.json.Decoder[Any] = _labelled_decoder if labels else _decoder
        self._people = people
        # By hash of a beginning, 64 bits of which nobody knows the key; the others are not understood.
        self._numbers: dict[int, int] = {}
        self._others: set[int] = set()
        self._middles: dict[bytes, int] = {}
        self._ends: dict[Source, dict[bytes, int | None]] = defaultdict(dict)
        self._endings: dict[bytes, _Ending] = {}

    @property
    def tasks(self) -> int:
        """How many there are."""
        return len(self.hashes)

    def page(self, source: Source, contents: Sequence[bytes]) -> UnderstoodPage | None:
        """A page by one person, understood as a whole; None where something in it looks different.

        It is what a million answers go through, so rows are only touched by what the interpreter does in C.
        """
        last = contents[-1]
        end = last[last.rfind(_TIME) + len(_TIME) + _DIGITS :]
        person = self._ends[source].get(end)
        if person is None or not self.view:
            return None
        ending = self._endings.get(end) or self._endings.setdefault(end, _Ending(self.view, end))
        letters = ending.letters(b"".join(map(ending.tail, contents)), len(contents))
        if letters is None:
            return None
        heads = list(map(ending.head, contents))
        marks = list(map(hash, heads))
        tasks = self._numbered(marks)
        if tasks is None:
            new = {mark: head for mark, head in zip(marks, heads, strict=True) if mark not in self._numbers}
            known = self.tasks
            if not self._learn(new, list(new.values())):
                return None
            tasks = range(known, self.tasks) if len(new) == len(marks) else self._numbered(marks)
        return None if tasks is None else (tasks, letters, person)

    def one(self, source: Source, content: bytes) -> Understood | None:
        """An answer; None where it is not understood."""
        head, _, tail = content.rpartition(_VIEW)
        middle, _, rest = tail.partition(_TIME)
        end = rest[_DIGITS:]
        letter = self._middles.get(middle)
        if letter is None:
            letter = self._learn_middle(middle)
        ends = self._ends[source]
        person = ends[end] if end in ends else self._learn_end(end, source)
        if not letter or person is None or not rest[:_DIGITS].isdigit():
            return None
        mark = hash(head)
        if mark not in self._numbers and (mark in self._others or not self._learn([mark], [head])):
            self._others.add(mark)
            return None
        return self._numbers[mark], letter, person

    def _numbered(self, marks: Sequence[int]) -> Sequence[int] | None:
        """The tasks with these beginnings; None where one of them is not known."""
        try:
            return itemgetter(*marks)(self._numbers) if len(marks) > 1 else (self._numbers[marks[0]],)
        except KeyError:
            return None

    def _learn_middle(self, middle: bytes) -> int:
        """The letter of an answer in the view that is understood here; 0 for all else."""
        found = _MIDDLE.fullmatch(middle) if len(middle) < _LONGEST else None
        letter = 0
        if found is not None:
            view = found[1].decode()
            if not self.view and view in BINARY_VIEWS:
                self.view = view
            letter = _WORDS[found[2]] if view == self.view else 0
        if len(middle) < _LONGEST and len(self._middles) < _MOST_WAYS:
            self._middles[middle] = letter
        return letter

    def _learn_end(self, end: bytes, source: Source) -> int | None:
        """The number of the annotator; None where the end is another."""
        found = _END.fullmatch(end) if len(end) < _LONGEST else None
        person: int | None = None
        if found is not None:
            annotator, session = (each.decode("utf-8", "replace") if each else None for each in found.groups())
            name = self._people.name(source, annotator, session)
            person = self.people.setdefault(name, len(self.people))
        if len(end) < _LONGEST and len(self._ends[source]) < _MOST_WAYS:
            self._ends[source][end] = person
        return person

    def _learn(self, marks: Collection[int], heads: Sequence[bytes]) -> bool:
        """Give numbers to tasks that were not seen before; False, and none has one, where one is not understood."""
        found = _read(heads, self._decoder)
        if found is not None:
            self._numbers.update(zip(marks, range(self.tasks, self.tasks + len(marks)), strict=True))
            self.hashes.extend(map(_HASH, found))
            if self.labels is not None:
                self.labels += [intern(each) if isinstance(each, str) else "" for each in map(_LABEL, found)]
        return found is not None


def _read(heads: Sequence[bytes], decoder: msgspec.json.Decoder[Any]) -> list[_Asked] | None:
    """The beginnings of objects, each on one line, all at once; None where one of them is not understood.

    As many objects as lines are one on each: none goes on in the next line, since a brace, a line feed and a brace
    follow each other nowhere within JSON.
    """
    lines = b"}\n".join(heads) + b"}"
    if lines.count(b"\n") != len(heads) - 1 or b"\r" in lines or b"" in heads or set(map(_FIRST, heads)) != _BRACE:
        return None
    try:
        found: list[_Asked] = decoder.decode_lines(lines)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if len(found) == len(heads) else None
