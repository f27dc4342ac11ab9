"""Where a server's tasks come from: the source's index, joined with the answers that are stored."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from typing import Any

import mmh3
import msgspec

from prodigy_team.annotate.answers import Posted
from prodigy_team.annotate.stream import Offer, dumps
from prodigy_team.sources import SourceIndex, SourceReader
from prodigy_team.sources.index import open_index
from prodigy_team.store.base import Row, Store
from prodigy_team.tasks import Task, identity

log = logging.getLogger(__name__)

_OF_AN_ANSWER = frozenset(
    (
        *("answer", "_view_id", "_session_id", "_annotator_id", "_timestamp", "_answer_id", "_replaces", "_is_binary"),
        "_version",
    )
)
"""Keys of an earlier answer, in a source that is a dataset; a new one has its own."""


class _AnswerOwner(msgspec.Struct):
    annotator_id: Any = msgspec.field(name="_annotator_id", default=None)
    session_id: Any = msgspec.field(name="_session_id", default=None)
    answer_id: Any = msgspec.field(name="_answer_id", default=None)

    @property
    def annotator(self) -> str:
        found = self.annotator_id or self.session_id
        return found if isinstance(found, str) else ""


_owners = msgspec.json.Decoder(_AnswerOwner)
_tasks = msgspec.json.Decoder(dict[str, Any])


def shown_json(task: Task, view_id: str, version: str | None = None) -> bytes:
    """A task as it is sent: without an earlier answer's keys, with its view and the version of labels and guidelines.

    The version goes with the task, so that a page which was opened under an earlier one says so in its answers.
    """
    shown = {key: value for key, value in task.items() if key not in _OF_AN_ANSWER}
    shown["_view_id"] = view_id
    if version is not None:
        shown["_version"] = version
    return msgspec.json.encode(shown)


def without_answer(task: Task, view_id: str) -> Task:
    """A task with a known answer as a question: without what people mark or choose in this view."""
    marked = {"ner_manual": "spans", "spans_manual": "spans", "choice": "accept", "text_input": "user_input"}
    left_out = marked.get(view_id)
    return {key: value for key, value in task.items() if key != left_out}


class _Input(msgspec.Struct):
    """What is asked about: the keys that the input hash covers, and both hashes."""

    text: Any = None
    image: Any = None
    html: Any = None
    input: Any = None
    input_hash: Any = msgspec.field(name="_input_hash", default=None)
    task_hash: Any = msgspec.field(name="_task_hash", default=None)

    @property
    def content(self) -> tuple[Any, ...]:
        return self.text, self.image, self.html, self.input


_inputs = msgspec.json.Decoder(_Input)


class Identifier:
    """Finds the task that an answer belongs to: in the source, else by the hashes it carries.

    The second is for tasks that left the source while they were on a screen: their answers are kept, and told apart
    by input and task hash, so that sending one again does not make two.
    """

    def __init__(self, index: SourceIndex) -> None:
        self._reader = SourceReader(index)
        self._by_input = index.by == "input"
        self._connection = open_index(index.path)
        self._data = os.open(index.data, os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        """Let go of the source."""
        self._reader.close()
        self._connection.close()
        os.close(self._data)

    def __call__(self, posted: Posted) -> bytes:
        """The task's 16 bytes."""
        return self._at_once(posted.content) or self._with_care(_tasks.decode(posted.content))

    def _with_care(self, task: Task) -> bytes:
        return self._reader.find(task) or identity_by_hashes(task)

    def find(self, content: bytes) -> bytes | None:
        """The 16 bytes of the source's task that a stored answer belongs to; None where the source has none."""
        try:
            return self._at_once(content) or self._reader.find(_tasks.decode(content))
        except (msgspec.DecodeError, KeyError, ValueError, TypeError):
            return None

    def _at_once(self, content: bytes) -> bytes | None:
        """For nearly all answers: one task has this hash, and it is about the very same input.

        It spares parsing tokens and spans and hashing the task anew, which takes longer than to store the answer.
        """
        answer = _inputs.decode(content)
        number = answer.input_hash if self._by_input else answer.task_hash
        if type(number) is not int or not -(2**63) <= number < 2**63:
            return None
        query = "SELECT offset, length, identity FROM task WHERE hash = ? LIMIT 2"
        rows = self._connection.execute(query, (number,)).fetchall()
        if len(rows) != 1:
            return None
        offset, length, found = rows[0]
        try:
            source = _inputs.decode(os.pread(self._data, length, offset))
        except (msgspec.DecodeError, ValueError):
            return None
        return bytes(found) if source.content == answer.content else None

    def owner_and_task(self, content: bytes) -> tuple[str, bytes] | None:
        """Who gave a stored answer, and to which task; None for what is no answer to one of the source's."""
        task = self.find(content)
        return None if task is None else (_owners.decode(content).annotator, task)


def identity_by_hashes(task: Task) -> bytes:
    """The 16 bytes of a task that the source does not have."""
    known = f"{identity(task, 'input').hex()}:{task.get('_input_hash')}:{task.get('_task_hash')}"
    return mmh3.hash_bytes(known)


class SourceSupply:
    """Tasks of an indexed source that are still to be answered. Used from the one thread that made it."""

    def __init__(
        self,
        index: SourceIndex,
        store: Store,
        dataset: str,
        *,
        view_id: str,
        decorate: Callable[[Task], Task],
        excluded: frozenset[bytes] = frozenset(),
        again: bool = False,
        version: str | None = None,
    ) -> None:
        """Prepare.

        Args:
            version: Of labels and guidelines; shown tasks carry it.
            decorate: Adds what the view shows; the hashes are in the task already.
            excluded: Identities that are not asked.
            again: Tasks that are answered already are offered once more (``auto_exclude_current = false``).
        """
        self._index, self._store, self._dataset = index, store, dataset
        self._view_id, self._decorate, self._excluded, self._again = view_id, decorate, excluded, again
        self._version = version
        self._reader = SourceReader(index)

    def next_offers(self, annotator: str | None, *, after: int, limit: int) -> list[Offer]:
        """Up to ``limit`` tasks behind a place that this annotator (None: nobody) has answered, in order."""
        offers: list[Offer] = []
        while len(offers) < limit:
            places = self._places(annotator, after=after, limit=limit)
            for place in places:
                offer = self.offer(place)
                if offer.identity not in self._excluded and len(offers) < limit:
                    offers.append(offer)
            if len(places) < limit:
                break
            after = places[-1]
        return offers

    def _places(self, annotator: str | None, *, after: int, limit: int) -> list[int]:
        if self._again:
            first = max(after + 1, 1)
            return list(range(first, min(first + limit - 1, self._index.tasks) + 1))
        return self._store.unanswered(self._index.path, self._dataset, annotator, after=after, limit=limit)

    def read(self, place: int) -> Task:
        """The task at a place, as the source has it."""
        return self._reader.read(place)

    def offer(self, place: int) -> Offer:
        """The task at a place, as it is shown."""
        task = self._reader.read(place)
        content = shown_json(self._decorated(task, place), self._view_id, self._version)
        return Offer(place, self._reader.identity(place), task["_task_hash"], content)

    def _decorated(self, task: Task, place: int) -> Task:
        """The task as its view wants it; as it stands where it is too odd for that, so that no other waits for it."""
        try:
            return self._decorate(task)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            log.warning("Task %d of the source is shown as it stands: %s: %s", place, type(error).__name__, error)
            return task

    def count_answered(self, annotator: str | None) -> int:
        """How many of the source's tasks this annotator (None: anybody) has answered."""
        return self._store.count_answered(self._index.path, self._dataset, annotator)

    def newest_answers(self, session_id: str, *, before: int | None, limit: int) -> list[Row]:
        """A session's answers below a link, newest first."""
        return self._store.newest_rows(session_id, before=before, limit=limit)

    def close(self) -> None:
        """Let go of source and database."""
        self._reader.close()
        self._store.close()


class LateSupply:
    """A supply that is opened by its first question, in the thread that asks."""

    def __init__(self, make: Callable[[], SourceSupply]) -> None:
        self._make = make
        self._made: SourceSupply | None = None

    def _supply(self) -> SourceSupply:
        if self._made is None:
            self._made = self._make()
        return self._made

    def next_offers(self, annotator: str | None, *, after: int, limit: int) -> list[Offer]:
        """As `SourceSupply.next_offers`."""
        return self._supply().next_offers(annotator, after=after, limit=limit)

    def count_answered(self, annotator: str | None) -> int:
        """As `SourceSupply.count_answered`."""
        return self._supply().count_answered(annotator)

    def newest_answers(self, session_id: str, *, before: int | None, limit: int) -> list[Row]:
        """As `SourceSupply.newest_answers`."""
        return self._supply().newest_answers(session_id, before=before, limit=limit)

    def close(self) -> None:
        """Let go of source and database, in the same thread."""
        if self._made is not None:
            self._made.close()


class Newest:
    """Which answer is a person's newest to a task, as it stood at the start; kept only where tasks are asked again.

    A new answer to a task that is asked again has to name the one it replaces. Answers without an id, as Prodigy
    writes them, cannot be named: a new one is then compared with the newest, as a client without ids is.
    """

    def __init__(self, contents: Iterable[bytes], find: Callable[[bytes], tuple[str, bytes] | None]) -> None:
        self._ids: dict[tuple[str, bytes], str | None] = {}
        for content in contents:
            found = find(content)
            if found is not None:
                given = _owners.decode(content).answer_id
                self._ids[found] = given if isinstance(given, str) else None

    def mark(self, offer: Offer, session_id: str) -> Offer:
        """The task, carrying the id of the answer that a new one would replace."""
        given = self._ids.get((session_id, offer.identity))
        if given is None:
            return offer
        json = b'%s,"_replaces":%s}' % (offer.json[:-1], dumps(given))
        return Offer(offer.place, offer.identity, offer.key, json)

    def cannot_be_named(self, session_id: str, task: bytes) -> bool:
        """Whether this person's newest answer to the task has no id."""
        return self._ids.get((session_id, task), "") is None


def excluded_tasks(store: Store, datasets: Iterable[str], find: Callable[[bytes], bytes | None]) -> frozenset[bytes]:
    """The identities of those of the source's tasks that these datasets hold answers to (``--exclude``)."""
    found = (find(content) for name in datasets for content in store.answers(name))
    return frozenset(each for each in found if each is not None)
