"""What one answer says, in a form that can be compared: the part of a stored record that agreement looks at."""

from __future__ import annotations

from collections.abc import Iterator
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


_TOKENS = msgspec.json.Decoder(list[_Token])

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
    number, labels = _tokens(record, spans)
    return Marked(tuple(sorted(set(_spans(spans)))), number, labels)


def _spans(spans: list[Any]) -> Iterator[Span]:
    for span in spans:
        if isinstance(span, dict) and _is_number(span.get("start")) and _is_number(span.get("end")):
            yield span["start"], span["end"], str(span.get("label") or "")


def _is_number(value: Any) -> bool:
    return type(value) is int or type(value) is float


def _tokens(record: Answer, spans: list[Any]) -> tuple[int, tuple[tuple[int, str], ...]]:
    """How many tokens there are, and the labels of those in spans; (-1, ()) without tokens."""
    raw = bytes(record.tokens)
    if not raw or raw == b"null":
        return -1, ()
    try:
        tokens = _TOKENS.decode(raw)
    except msgspec.DecodeError:
        return -1, ()
    found: dict[int, set[str]] = {}
    for span in spans:
        for place in _places(span, tokens) if isinstance(span, dict) else ():
            found.setdefault(place, set()).add(str(span.get("label") or ""))
    return len(tokens), tuple((place, "+".join(sorted(found[place]))) for place in sorted(found))


def _places(span: dict[str, Any], tokens: list[_Token]) -> Iterator[int]:
    """Places of the tokens in a span: as it says itself, else by its characters."""
    first, last = span.get("token_start"), span.get("token_end")
    if type(first) is int and type(last) is int:
        yield from range(max(first, 0), min(last + 1, len(tokens)))
    elif _is_number(span.get("start")) and _is_number(span.get("end")):
        for place, token in enumerate(tokens):
            known = _is_number(token.start) and _is_number(token.end)
            if known and token.start < span["end"] and span["start"] < token.end:
                yield place


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
