"""Answers of any sources in one form: who said what of which task, for all that merges, compares, reviews and exports.

    sources = resolve_sources(store, ["headlines_joe", "jane.jsonl"])
    gathering = gather(store, sources, people=People(...), marks={"headlines_joe": Marks(gold=...)}, by="auto")
    for given in gathering:            # `Gathered`, one per answer, streaming: source by source, as they were stored
        ...
    gathering.counts, gathering.broken, gathering.views    # what was read; complete at the end

    for task in grouped(gather(...)):  # `TaskAnswers`: of each person the newest answer; see there for what is kept
        ...

`prodigy_team.cli.gathered` makes sources, people and marks from a roster: what a command named, whose dataset is whose,
aliases, and which answers are to gold tasks, surplus or sent back.

A source is a dataset of the store or a file of JSON lines, as `prodigy db-out` and our export write it. Answers belong
to one task if they were given in one view, have the same 32-bit hash (``by``; computed where missing), and were asked
the same (`judgements.content_of`): hashes that different tasks share are counted as collisions, the tasks kept apart.
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Generic, TypeVar

import mmh3
import msgspec

from prodigy_team.curation.judgements import BINARY_VIEWS, Answer, By, content_of, hash_of, judgement_of, read_answer
from prodigy_team.curation.sources import Source, read_lines
from prodigy_team.store import Store
from prodigy_team.tasks import input_hash, task_hash

Kept = TypeVar("Kept")

_BROKEN_KEPT = 1000
# What Prodigy calls the session of somebody whose link named none: the time at which the server started.
_UNNAMED = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d$")
# Added when a task is shown and answered, so that no hash of the task covers it; `_…` besides.
_ADDED = frozenset({"answer", "accept", "tokens", "config", "relations", "audio_spans", "user_input", "flagged"})
_ASKED_BY_HAND = frozenset({"spans", "options", "label"})


@dataclass(frozen=True)
class Marks:
    """Answers of a dataset that do not count, by link.

    Attributes:
        gold: To tasks with known answers.
        surplus: Beyond the number of answers that their task was to get.
        reopened: Sent back to be given again.
        repeated: Surplus as well, and corrected later by one that stands in `surplus`.
    """

    gold: frozenset[int] = frozenset()
    surplus: frozenset[int] = frozenset()
    reopened: frozenset[int] = frozenset()
    repeated: frozenset[int] = frozenset()

    def of(self, link: int) -> str:
        """Why an answer does not count: "reopened", "gold", "surplus", "repeated", or "" where it does."""
        if link in self.reopened:
            return "reopened"
        if link in self.gold:
            return "gold"
        if link in self.repeated:
            return "repeated"
        return "surplus" if link in self.surplus else ""

    def links(self) -> frozenset[int]:
        """All of them."""
        return self.gold | self.surplus | self.reopened | self.repeated


class People:
    """Tells who gave a stored answer.

    By the roster where a dataset is one person's; else by what the answer carries, less the dataset's name in front of
    it; else, and where that is only the time of a server's start, by the name of the dataset or file. Earlier names
    become those of the roster.
    """

    def __init__(
        self,
        *,
        writers: Mapping[str, str] | None = None,
        aliases: Mapping[str, str] | None = None,
        datasets: Iterable[str] = (),
        sessions: Iterable[str] = (),
    ) -> None:
        """Prepare.

        Args:
            writers: Dataset -> the one person who writes it according to the roster.
            aliases: Earlier names -> names of the roster; also by every name the roster's own, which ends a session
                whose dataset nobody knows: ``news-joe`` is joe.
            datasets: Names that may stand in front of a session's.
            sessions: Datasets that are one session's share of another, and called after both.
        """
        self._writers, self._aliases = dict(writers or {}), dict(aliases or {})
        self._prefixes = sorted((f"{each}-" for each in datasets), key=len, reverse=True)
        self._sessions = frozenset(sessions)
        self._known: dict[tuple[str, str], str] = {}

    def name(self, source: Source, annotator: Any, session: Any) -> str:
        """The person's name, from what an answer carries as `_annotator_id` and `_session_id`."""
        stored = annotator if isinstance(annotator, str) and annotator else session
        key = source.name, stored if isinstance(stored, str) else ""
        if key not in self._known:
            self._known[key] = self._find(source, key[1])
        return self._known[key]

    def _find(self, source: Source, stored: str) -> str:
        if source.path is None and source.name in self._writers:
            return self._writers[source.name]
        own = source.name if source.path is None else source.path.name.partition(".")[0]
        found = self._without_dataset(stored, own)
        if not found or _UNNAMED.match(found):
            found = self._without_dataset(own) if own in self._sessions else own
        return self._aliases.get(found, found)

    def _without_dataset(self, stored: str, *own: str) -> str:
        """A name less the dataset in front of it: dataset names hold dashes too, so the longest known one is cut."""
        for prefix in (*(f"{each}-" for each in own), *self._prefixes):
            if stored.startswith(prefix) and len(stored) > len(prefix):
                return stored[len(prefix) :]
        return max((each for each in self._aliases if stored.endswith(f"-{each}")), key=len, default=stored)


@dataclass(frozen=True)
class Broken:
    """A record that is no answer.

    Attributes:
        position: Line of the file, 1 the first; in a dataset the link.
    """

    source: str
    position: int
    reason: str


class Gathered(msgspec.Struct, frozen=True, gc=False):
    """One answer.

    Attributes:
        position: Link in the dataset, or line of the file; grows in the order in which they were stored.
        annotator: See `People`.
        task: 28 bytes, equal for answers to one task; the first 12 are equal where only hash and view are.
        judgement: 16 bytes, equal for equal judgements (`judgements.judgement_of`); None: ignored.
        view: In which it was given; of a decision that of the answers decided.
        decision: It settles a dispute: an answer to `review`.
        at: Unix seconds; None where it does not say.
        left_out: "gold", "surplus", "reopened" or "repeated": why it does not count; else "".
        record: What was read of it.
        content: As stored.
    """

    source: Source
    position: int
    annotator: str
    task: bytes
    judgement: bytes | None
    view: str
    decision: bool
    at: float | None
    left_out: str
    input_hash: int
    task_hash: int
    record: Answer
    content: bytes

    @property
    def answer(self) -> str:
        """accept, reject, ignore, or whatever stands there."""
        return self.record.answer if isinstance(self.record.answer, str) else ""


@dataclass
class Gathering:
    """Reads sources as it is iterated, once.

    Attributes:
        counts: `read`, `unreadable`, `gold`, `surplus`, `reopened`; from `grouped` also `repeated` and `collisions`.
        read_of: Records read, by source.
        views: Answers by view.
        broken: The first 1,000 unreadable records.
        watch: Is shown each answer before it is handed out.
        watch_broken: Is shown each unreadable record.
        only: Links of datasets, growing, where not all is to be read.
        judge: `judgement_of`, or what takes its place.
    """

    store: Store | None
    sources: tuple[Source, ...]
    by: By
    people: People
    marks: Mapping[str, Marks]
    counts: Counter[str] = field(default_factory=Counter)
    read_of: Counter[str] = field(default_factory=Counter)
    views: Counter[str] = field(default_factory=Counter)
    broken: list[Broken] = field(default_factory=list)
    watch: Callable[[Gathered], object] | None = None
    watch_broken: Callable[[Broken], object] | None = None
    only: Mapping[str, Sequence[int]] | None = None
    judge: Callable[..., bytes | None] = judgement_of
    _not_counted: set[bytes] = field(default_factory=set)

    def __iter__(self) -> Iterator[Gathered]:
        for source in self.sources:
            yield from self._read(source)

    def _read(self, source: Source) -> Iterator[Gathered]:
        marks = self.marks.get(source.name, Marks()) if source.path is None else Marks()
        for position, first, second, content in self._records(source):
            self.counts["read"] += 1
            self.read_of[source.name] += 1
            record = read_answer(content)
            if record is None:
                self.note_broken(source, position, "no JSON object")
                continue
            found = self._gathered(source, position, (first, second), record, content, marks.of(position))
            if found is not None:
                if self.watch is not None:
                    self.watch(found)
                yield found

    def _records(self, source: Source) -> Iterator[tuple[int, int | None, int | None, bytes]]:
        if source.path is not None:
            for number, line in read_lines(source.path):
                yield number, None, None, line
        elif self.store is not None:
            rows = self.store.rows(source.name)
            if self.only is not None:
                rows = self.store.rows_at(source.name, self.only[source.name])
            for row in rows:
                yield row.link, row.input_hash, row.task_hash, row.content

    def _gathered(
        self,
        source: Source,
        position: int,
        hashes: tuple[int | None, int | None],
        record: Answer,
        content: bytes,
        left_out: str,
    ) -> Gathered | None:
        view = record.view
        binary = view in BINARY_VIEWS
        try:
            known = hashes_of(record, hashes, content)
            judgement = self.judge(record, content, binary=binary)
            asked = content_of(record, by=self.by, binary=binary)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            self.note_broken(source, position, "broken JSON inside")
            return None
        if known is None:
            self.note_broken(source, position, "no text, image, html, input or hash")
            return None
        annotator = self.people.name(source, record.annotator_id, record.session_id)
        left_out = left_out or self._again(annotator, content)
        if left_out:
            self.counts[left_out] += 1
            self._not_counted.add(_mark(annotator, content))
        self.views[view] += 1
        task = _TASK.pack(hash_of(*known, by=self.by, binary=binary), mmh3.hash(view)) + asked
        decision = record.is_decision
        return Gathered(
            source, position, annotator, task, judgement, view, decision, record.at, left_out, *known, record, content
        )

    def _again(self, annotator: str, content: bytes) -> str:
        """Sessions and files repeat what does not count, and it does not count there either."""
        return "repeated" if self._not_counted and _mark(annotator, content) in self._not_counted else ""

    def note_broken(self, source: Source, position: int, reason: str) -> None:
        """Count a record that is no answer."""
        self.counts["unreadable"] += 1
        broken = Broken(source.name, position, reason)
        if len(self.broken) < _BROKEN_KEPT:
            self.broken.append(broken)
        if self.watch_broken is not None:
            self.watch_broken(broken)


_TASK = struct.Struct(">qi")


def gather(
    store: Store | None,
    sources: Sequence[Source],
    *,
    people: People | None = None,
    marks: Mapping[str, Marks] | None = None,
    by: By = "auto",
) -> Gathering:
    """The answers of sources, to be iterated once.

    Args:
        store: None where only files are read.
        sources: From `resolve_sources`.
        marks: By dataset.
        by: See `judgements.hash_of`.

    Raises:
        TeamError: While it is iterated: a file or the database cannot be read.
    """
    return Gathering(store, tuple(sources), by, people or people_of(store), marks or {})


def people_of(
    store: Store | None,
    *,
    writers: Mapping[str, str] | None = None,
    aliases: Mapping[str, str] | None = None,
    datasets: Iterable[str] = (),
) -> People:
    """People as a database and a roster tell them; see `People`."""
    known = store.names() if store is not None else {}
    sessions = [name for name, session in known.items() if session]
    return People(writers=writers, aliases=aliases, datasets=[*known, *datasets], sessions=sessions)


@dataclass(frozen=True, slots=True)
class Opinion(Generic[Kept]):
    """Somebody's newest answer to a task.

    Attributes:
        place: Source and position in it, comparable: datasets come before files, both by name.
        kept: What `grouped` was told to keep.
    """

    annotator: str
    place: tuple[int, int]
    at: float | None
    decision: bool
    kept: Kept


@dataclass(frozen=True, slots=True)
class TaskAnswers(Generic[Kept]):
    """A task with what each person said of it last.

    Attributes:
        task: `Gathered.task`.
        opinions: By annotator's name; decisions by name behind them, one for each person who decided.
    """

    task: bytes
    opinions: tuple[Opinion[Kept], ...]


# Task, decision, number of the annotator; where the newest is looked for; number of the source, position, time.
_RECORD = struct.Struct(">28s?IHHqd")
_OF_TASK, _OF_HASH = 28, 12
_NO_TIME = float("-inf")


def keep_answer(given: Gathered) -> Gathered:
    """Keep everything: in memory, for all answers."""
    return given


def grouped(gathering: Gathering, keep: Callable[[Gathered], Any] = keep_answer) -> Iterator[TaskAnswers[Any]]:
    """Tasks with each person's newest answer, ignored ones too; in no order that means something, yet always the same.

    Newest is what was stored last in the database, or stands last in a file; between database and files, and between
    files, the time stamps decide, then the later name. What is left out is counted by ``gathering``; a person's earlier
    answers are counted as `repeated`, hashes that different tasks share as `collisions`.

    Args:
        keep: What is kept of each answer until all are read, about 120 bytes each besides.
    """
    names: dict[str, int] = {}
    places = {source: number for number, source in enumerate(gathering.sources)}
    records: list[tuple[bytes, Any]] = []
    for given in gathering:
        if given.left_out:
            continue
        rank = places[given.source]
        space = 0 if given.source.path is None else rank + 1
        person = names.setdefault(given.annotator, len(names))
        at = _NO_TIME if given.at is None else given.at
        record = _RECORD.pack(given.task, given.decision, person, space, rank, given.position, at)
        records.append((record, keep(given)))
    records.sort(key=_first)
    people = {number: name for name, number in names.items()}
    for _, same_hash in groupby(records, key=lambda each: each[0][:_OF_HASH]):
        tasks = [list(group) for _, group in groupby(same_hash, key=lambda each: each[0][:_OF_TASK])]
        gathering.counts["collisions"] += len(tasks) > 1
        for records_of in tasks:
            yield _task_answers(records_of, people, gathering.counts)


def _first(pair: tuple[bytes, Any]) -> bytes:
    return pair[0]


def _task_answers(
    records: Sequence[tuple[bytes, Any]], people: Mapping[int, str], counts: Counter[str]
) -> TaskAnswers[Any]:
    # Per person and decision the newest of each space; among spaces the one with the latest time.
    newest: dict[tuple[bool, int], dict[int, tuple[int, int, float, Any]]] = {}
    for record, kept in records:
        _, decision, person, space, rank, position, at = _RECORD.unpack(record)
        own = newest.setdefault((decision, person), {})
        # Links grow over all datasets of a database.
        if space not in own or position >= own[space][1]:
            own[space] = rank, position, at, kept
    counts["repeated"] += len(records) - len(newest)
    opinions = []
    for (decision, person), own in newest.items():
        _, (rank, position, at, kept) = max(own.items(), key=lambda each: (each[1][2], each[0] == 0, each[0]))
        opinions.append(Opinion(people[person], (rank, position), None if at == _NO_TIME else at, decision, kept))
    opinions.sort(key=lambda each: (each.decision, each.annotator))
    return TaskAnswers(records[0][0][:_OF_TASK], tuple(opinions))


def _mark(annotator: str, content: bytes) -> bytes:
    return mmh3.hash_bytes(annotator.encode("utf-8", "replace") + b"\0" + content)


def hashes_of(record: Answer, stored: tuple[int | None, int | None], content: bytes) -> tuple[int, int] | None:
    """Both 32-bit hashes: those of the answer, else of its row, else computed; None where there is nothing to hash."""
    known = [_number(record.input_hash, stored[0]), _number(record.task_hash, stored[1])]
    if known[0] is not None and known[1] is not None:
        return known[0], known[1]
    if known == [None, None] and all(each is None for each in record.shown):
        return None
    asked = _asked(msgspec.json.decode(content), by_hand=not record.is_binary)
    first = input_hash(asked) if known[0] is None else known[0]
    return first, task_hash(asked, first) if known[1] is None else known[1]


def _number(given: Any, stored: int | None) -> int | None:
    return given if type(given) is int and -(2**63) <= given < 2**63 else stored


def _asked(answer: dict[str, Any], *, by_hand: bool) -> dict[str, Any]:
    """A task as it was before somebody answered it, as far as can be told."""
    added = _ADDED | _ASKED_BY_HAND if by_hand else _ADDED
    return {key: value for key, value in answer.items() if key not in added and not key.startswith("_")}
