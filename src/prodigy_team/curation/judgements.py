"""What a stored answer says: by whom, to which task, and with what judgement, so that answers can be compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import mmh3
import msgspec

By = Literal["auto", "input", "task"]
"""How answers are grouped into tasks; see `hash_of`."""

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
    relations: Any = None
    audio_spans: Any = None
    user_input: Any = None
    field_id: Any = None
    text: Any = None
    image: Any = None
    html: Any = None
    input: Any = None
    audio: Any = None
    video: Any = None
    reviewed_view: Any = msgspec.field(name="view_id", default=None)
    view_id: Any = msgspec.field(name="_view_id", default=None)
    annotator_id: Any = msgspec.field(name="_annotator_id", default=None)
    session_id: Any = msgspec.field(name="_session_id", default=None)
    input_hash: Any = msgspec.field(name="_input_hash", default=None)
    task_hash: Any = msgspec.field(name="_task_hash", default=None)
    timestamp: Any = msgspec.field(name="_timestamp", default=None)

    @property
    def is_decision(self) -> bool:
        """Whether somebody settled a dispute with it: an answer to Prodigy's recipe `review`."""
        return bool(self.view_id == "review")

    @property
    def view(self) -> str:
        """The view in which it was given; of a decision that of the answers decided; guessed where nothing says."""
        named = self.reviewed_view if self.view_id == "review" else self.view_id
        if isinstance(named, str) and named:
            return named
        if bytes(self.options) or self.accept is not None:
            return "choice"
        if bytes(self.tokens):
            return "ner_manual"
        return "classification" if self.label is not None else "text"

    @property
    def is_binary(self) -> bool:
        """Whether the judgement is accept or reject of what is shown; guessed for data from before `_view_id`."""
        return self.view in BINARY_VIEWS

    @property
    def shown(self) -> list[Any]:
        """What was asked about."""
        return [self.text, self.image, self.html, self.input, self.audio, self.video]

    @property
    def at(self) -> float | None:
        """When it was given, Unix seconds; None where it does not say."""
        stamp = self.timestamp
        return float(stamp) if isinstance(stamp, (int, float)) and not isinstance(stamp, bool) else None


_DECODER = msgspec.json.Decoder(Answer)
_ENCODER = msgspec.json.Encoder()


def read_answer(content: bytes) -> Answer | None:
    """A stored content as an answer; None where it is no JSON object."""
    try:
        return _DECODER.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def read_record(content: bytes) -> dict[str, Any] | None:
    """A stored content with all its keys; None where it is no JSON object that Python can read."""
    try:
        record = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


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


def judgement_of(answer: Answer, content: bytes = b"", *, binary: bool | None = None) -> bytes | None:
    """16 bytes that are equal for equal judgements; None for an ignored task, which is no judgement.

    Equal means: the same answer; when accepted, also the same label, the same set of chosen options, the same set of
    (start, end, label) spans, in text or sound, the same relations, and the same text typed in.

    Args:
        content: The answer as stored: where people type into a field of another name than ``user_input``.
        binary: `Answer.is_binary`, where it is known.
    """
    if answer.answer == "ignore":
        return None
    if answer.answer == "reject":
        return REJECTED
    if answer.view in BINARY_VIEWS if binary is None else binary:
        return _digest([answer.answer, answer.label])
    marked: list[Any] = [answer.answer, answer.label, _chosen(answer.accept), sorted(_spans(answer.spans))]
    if answer.relations is not None or answer.audio_spans is not None or answer.user_input or answer.field_id:
        marked += [_relations(answer.relations), sorted(_spans(answer.audio_spans)), _typed(answer, content)]
    return _digest(marked)


def hash_of(input_hash: int, task_hash: int, *, by: By, binary: bool) -> int:
    """The 32-bit hash under which an answer is grouped.

    Args:
        by: ``auto``: binary answers by task hash, others by input hash, since people add spans and choices to those.
    """
    by_task = binary if by == "auto" else by == "task"
    return task_hash if by_task else input_hash


def content_of(answer: Answer, *, by: By, binary: bool) -> bytes:
    """16 bytes of what was asked: they tell tasks apart whose 32-bit hashes are the same."""
    if not binary or by == "input":
        return _digest(["input", *answer.shown])
    return _digest(["task", *answer.shown, sorted(_spans(answer.spans)), answer.label, _same_json(answer.options)])


def _digest(value: Any) -> bytes:
    return mmh3.hash_bytes(_ENCODER.encode(value))


REJECTED = _digest(["reject"])
"""The judgement of every rejected task."""


def _same_json(raw: msgspec.Raw) -> bytes:
    """JSON that is equal however it was spaced and escaped."""
    return _ENCODER.encode(msgspec.json.decode(raw)) if bytes(raw) else b""


def _typed(answer: Answer, content: bytes) -> str:
    """What somebody typed, without white space around it."""
    value = answer.user_input
    if isinstance(answer.field_id, str) and answer.field_id != "user_input" and content:
        value = msgspec.json.decode(content).get(answer.field_id)
    return value.strip() if isinstance(value, str) else str(value or "")


def _relations(relations: Any) -> list[tuple[str, str, str]]:
    """Relations as (head, child, label), each end by its span, or by its token where it has none."""
    found = set()
    for each in relations if isinstance(relations, list) else ():
        if isinstance(each, dict):
            ends = (each.get(f"{end}_span") or each.get(end) for end in ("head", "child"))
            head, child = (
                f"{end.get('start')}:{end.get('end')}:{end.get('label')}" if isinstance(end, dict) else str(end)
                for end in ends
            )
            found.add((head, child, str(each.get("label"))))
    return sorted(found)


def _chosen(accept: Any) -> list[str]:
    return sorted({str(each) for each in accept}) if isinstance(accept, list) else []


def spans_of(answer: Answer) -> frozenset[tuple[int, int, str]] | None:
    """The (start, end, label) of what was marked in a text; None where something else stands there."""
    found = set()
    for span in answer.spans if isinstance(answer.spans, list) else ():
        if not isinstance(span, dict) or type(span.get("start")) is not int or type(span.get("end")) is not int:
            return None
        found.add((span["start"], span["end"], str(span.get("label"))))
    return frozenset(found)


def _spans(spans: Any) -> Iterator[tuple[str, str, str]]:
    """Spans as (start, end, label) without repeats; areas in pictures, which have no start, as they are."""
    found = set()
    for span in spans if isinstance(spans, list) else ():
        if isinstance(span, dict) and "start" in span:
            found.add((f"{span['start']!s:>12}", str(span.get("end")), str(span.get("label"))))
        else:
            found.add(("", "", _ENCODER.encode(span).decode()))
    return iter(found)
