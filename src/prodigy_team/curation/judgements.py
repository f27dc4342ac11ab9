"""What a stored answer says: by whom, to which task, and with what judgement, so that answers can be compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import mmh3
import msgspec

# Views in which the answer itself is the judgement; in all others people mark or choose something.
BINARY_VIEWS = frozenset({"text", "html", "classification", "ner", "spans", "pos", "dep", "image", "audio", "diff"})


class Answer(msgspec.Struct, gc=False):
    """The fields of a stored answer that comparing needs; all others are skipped unread."""

    answer: Any = None
    label: Any = None
    accept: Any = None
    spans: Any = None
    options: msgspec.Raw = msgspec.Raw(b"")
    tokens: msgspec.Raw = msgspec.Raw(b"")
    text: Any = None
    image: Any = None
    html: Any = None
    input: Any = None
    view_id: Any = msgspec.field(name="_view_id", default=None)
    annotator_id: Any = msgspec.field(name="_annotator_id", default=None)
    session_id: Any = msgspec.field(name="_session_id", default=None)

    @property
    def is_binary(self) -> bool:
        """Whether the judgement is accept or reject of what is shown; guessed for data from before `_view_id`."""
        if isinstance(self.view_id, str):
            return self.view_id in BINARY_VIEWS
        return not (bytes(self.options) or bytes(self.tokens) or self.accept is not None)


_DECODER = msgspec.json.Decoder(Answer)
_ENCODER = msgspec.json.Encoder()


def read_answer(content: bytes) -> Answer | None:
    """A stored content as an answer; None where it is no JSON object."""
    try:
        return _DECODER.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def annotator_of(answer: Answer, dataset: str, given: str | None) -> str:
    """Who answered: by the roster, else by what the answer carries, else one nameless person per dataset.

    Args:
        given: The annotator whose dataset this is according to the roster; None where several people write it.
    """
    if given is not None:
        return given
    for value in (answer.annotator_id, answer.session_id):
        if isinstance(value, str) and value:
            # Dataset names may hold dashes, so the known prefix is cut, not what precedes the last dash.
            return value.removeprefix(f"{dataset}-") or value
    return dataset


def judgement_of(answer: Answer) -> bytes | None:
    """16 bytes that are equal for equal judgements; None for an ignored task, which is no judgement.

    Equal means: the same answer; when accepted, also the same label, the same set of chosen options, and the same set
    of (start, end, label) spans.
    """
    if answer.answer == "ignore":
        return None
    if answer.answer == "reject":
        return _digest(["reject"])
    marked = () if answer.is_binary else (_chosen(answer.accept), sorted(_spans(answer.spans)))
    return _digest([answer.answer, answer.label, *marked])


def task_of(answer: Answer, input_hash: int, task_hash: int) -> tuple[int, bytes]:
    """The task that was judged: its 32-bit hash, and 16 bytes of its contents that tell tasks of one hash apart.

    Binary answers belong together by task hash, others by input hash, since people add spans and choices to those.
    """
    shown = [answer.text, answer.image, answer.html, answer.input]
    if not answer.is_binary:
        return input_hash, _digest(["input", *shown])
    return task_hash, _digest(
        ["task", *shown, sorted(_spans(answer.spans)), answer.label, bytes(answer.options).decode()]
    )


class Disagreements:
    """Counts the tasks that different people judged differently; of each person the latest answer counts."""

    def __init__(self) -> None:
        self._people: dict[str, int] = {}
        self._latest: dict[tuple[int, bytes], tuple[tuple[int, bytes | None], ...]] = {}

    def add(self, task: tuple[int, bytes], annotator: str, judgement: bytes | None) -> None:
        """Take in one answer, in the order in which they were given."""
        person = self._people.setdefault(annotator, len(self._people))
        others = tuple(each for each in self._latest.get(task, ()) if each[0] != person)
        self._latest[task] = (*others, (person, judgement))

    def count(self) -> int:
        """Tasks with at least two different judgements; ignored ones do not count as judged."""
        return sum(len({mark for _, mark in latest if mark is not None}) > 1 for latest in self._latest.values())

    def collisions(self) -> int:
        """32-bit hashes under which different contents lie."""
        return sum(count > 1 for count in Counter(hash_ for hash_, _ in self._latest).values())


def _digest(value: Any) -> bytes:
    return mmh3.hash_bytes(_ENCODER.encode(value))


def _chosen(accept: Any) -> list[str]:
    return sorted({str(each) for each in accept}) if isinstance(accept, list) else []


def _spans(spans: Any) -> Iterator[tuple[str, str, str]]:
    """Spans as (start, end, label) without repeats; areas in pictures, which have no start, as they are."""
    found = set()
    for span in spans if isinstance(spans, list) else ():
        if isinstance(span, dict) and "start" in span:
            found.add((f"{span['start']!s:>12}", str(span.get("end")), str(span.get("label"))))
        else:
            found.add(("", "", _ENCODER.encode(span).decode()))
    return iter(found)
