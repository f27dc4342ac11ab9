"""What one answer says, in a form that can be compared: the part of a stored record that agreement looks at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from prodigy_team.curation.agreement.spans import Marked, Span
from prodigy_team.curation.gathering import Gathered
from prodigy_team.curation.judgements import Answer, judgement_of

ACCEPT = "accept"
ANSWER, CHOICE, SPANS, OTHER = "answer", "choice", "spans", "other"
REJECTED = "(rejected)"
"""What somebody says who rejects a task in which things are chosen or marked."""

_KINDS = {"choice": CHOICE, "audio_manual": SPANS, "pos_manual": SPANS, "ner_manual": SPANS, "spans_manual": SPANS}
_DIGITS = 12  # enough for equality within a data set, few enough to be read


class _Token(msgspec.Struct, gc=False):
    start: Any = None
    end: Any = None


class _Object(msgspec.Struct, gc=False):
    """Something, of which nothing is read."""


_TOKENS = msgspec.json.Decoder(list[_Token])
_OBJECTS = msgspec.json.Decoder(list[_Object])
_MOST_COUNTED = 100_000
# Numbers of tokens, by hashes of their JSON: 64 bits of which nobody knows the key.
_counted: dict[int, int] = {}

Value = str | tuple[str, ...] | Marked | None
"""What is compared: an answer, `REJECTED`, a typed text or a digest; chosen options, sorted; spans.

None where the task was ignored or has no answer.
"""


@dataclass(frozen=True, slots=True)
class Said:
    """What one answer says, and in which view.

    Attributes:
        label: Of the task, where people accept or reject one; else "".
    """

    view: str
    kind: str
    value: Value
    label: str = ""


_known: dict[tuple[str, str, Any, str], Said] = {}


def judgement(answer: Answer, content: bytes, *, binary: bool) -> bytes | None:
    """As `judgement_of`, but only of what is compared as a whole; of everything else `said` looks at its parts."""
    if binary or answer.view in _KINDS:
        return None if answer.answer == "ignore" else b""
    return judgement_of(answer, content, binary=binary)


def said(given: Gathered) -> Said:
    """What an answer says; what is said often is kept once."""
    record = given.record
    kind = ANSWER if record.is_binary else _KINDS.get(given.view, OTHER)
    value = _value(kind, given)
    if type(value) is Marked:
        return Said(given.view, kind, value)
    label = record.label if kind == ANSWER and isinstance(record.label, str) else ""
    key = given.view, kind, value, label
    if key not in _known:
        if len(_known) > 10_000:  # typed texts
            _known.clear()
        _known[key] = Said(*key)
    return _known[key]


def _value(kind: str, given: Gathered) -> Value:
    record = given.record
    if given.judgement is None or not given.answer:
        return None  # ignored, or a task that nobody answered yet
    if kind == ANSWER:
        return given.answer
    if record.answer != ACCEPT:
        return REJECTED
    if kind == CHOICE:
        accept = record.accept
        return tuple(sorted({str(each) for each in accept})) if isinstance(accept, list) else ()
    if kind == SPANS:
        return marked(record)
    typed = given.view == "text_input" and isinstance(record.user_input, str)
    return record.user_input.strip() if typed else f"{ACCEPT} #{given.judgement.hex()[:_DIGITS]}"


def marked(record: Answer) -> Marked:
    """The spans of an answer, in its text or its sound; those without a start and an end are left out."""
    if isinstance(record.audio_spans, list):
        return Marked(tuple(sorted(set(_spans(record.audio_spans)))))
    spans = record.spans if isinstance(record.spans, list) else []
    number = _count_tokens(record)
    labels = _labels(record, spans, number) if spans and number > 0 else ()
    return Marked(tuple(sorted(set(_spans(spans)))), number, labels)


def _spans(spans: list[Any]) -> Iterator[Span]:
    for span in spans:
        if isinstance(span, dict) and _is_number(span.get("start")) and _is_number(span.get("end")):
            yield span["start"], span["end"], str(span.get("label") or "")


def _is_number(value: Any) -> bool:
    return type(value) is int or type(value) is float


def _count_tokens(record: Answer) -> int:
    """How many there are; -1 without tokens. Counted once for all who were asked the same."""
    raw = bytes(record.tokens)
    key = hash(raw)
    number = _counted.get(key)
    if number is None:
        if len(_counted) > _MOST_COUNTED:
            _counted.clear()
        number = _counted[key] = _length(raw)
    return number


def _length(raw: bytes) -> int:
    try:
        return len(_OBJECTS.decode(raw)) if raw and raw != b"null" else -1
    except (msgspec.DecodeError, UnicodeDecodeError):
        return -1


def _labels(record: Answer, spans: list[Any], number: int) -> tuple[tuple[int, str], ...]:
    """The labels of tokens in spans, by their places; several of one token are joined."""
    found: dict[int, str] = {}
    several: dict[int, set[str]] = {}
    for span in spans:
        if isinstance(span, dict):
            label = str(span.get("label") or "")
            for place in _places(span, record, number):
                if found.setdefault(place, label) != label:
                    several.setdefault(place, {found[place]}).add(label)
    found.update((place, "+".join(sorted(labels))) for place, labels in several.items())
    return tuple(sorted(found.items()))


def _places(span: dict[str, Any], record: Answer, number: int) -> Iterable[int]:
    """Places of the tokens in a span: as it says itself, else by its characters."""
    first, last = span.get("token_start"), span.get("token_end")
    if type(first) is int and type(last) is int:
        return range(max(first, 0), min(last + 1, number))
    if _is_number(span.get("start")) and _is_number(span.get("end")):
        try:
            tokens = enumerate(_TOKENS.decode(bytes(record.tokens)))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return ()
        return [place for place, token in tokens if _overlap(token, span["start"], span["end"])]
    return ()


def _overlap(token: _Token, start: float, end: float) -> bool:
    return _is_number(token.start) and _is_number(token.end) and bool(token.start < end and start < token.end)


def shown(value: Value) -> str:
    """What somebody said, as it is shown to people."""
    if isinstance(value, Marked):
        return ", ".join(f"{label} {_place(start)}-{_place(end)}" for start, end, label in value.spans) or "nothing"
    if isinstance(value, tuple):
        return ", ".join(value) or "nothing"
    return value or ""


def _place(number: float) -> str:
    """A character as it is, seconds to the hundredth."""
    return str(number) if isinstance(number, int) else f"{number:.2f}"
