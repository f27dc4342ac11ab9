"""Where the spans of an answer begin and end among the tokens of its text."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

MISALIGNED, MALFORMED, OVERLAPPING = "misaligned with tokens", "malformed", "overlapping"


class Marked(NamedTuple):
    """A labelled part of a text, in code points."""

    start: int
    end: int
    label: str


class Aligned(NamedTuple):
    """The same, in tokens; ``end`` is the token after the last."""

    start: int
    end: int
    label: str


def read_span(span: Any, text: str) -> Marked | None:
    """A span as stored; None where it lies outside its text, is empty or has no label."""
    if not isinstance(span, dict):
        return None
    start, end, label = span.get("start"), span.get("end"), span.get("label")
    if type(start) is not int or type(end) is not int or not isinstance(label, str) or not label:
        return None
    return Marked(start, end, label) if 0 <= start < end <= len(text) else None


def read_tokens(tokens: Any, text: str) -> array[int] | None:
    """Stored tokens as starts and ends in turn; None where they are not this text's: out of order, or not its words."""
    if not isinstance(tokens, list) or not tokens:
        return None
    offsets, last = array("q"), 0
    for token in tokens:
        start, end = (token.get("start"), token.get("end")) if isinstance(token, dict) else (None, None)
        if type(start) is not int or type(end) is not int or not last <= start < end <= len(text):
            return None
        if token.get("text", text[start:end]) != text[start:end]:
            return None
        offsets.extend((start, end))
        last = end
    return offsets


def align(marked: Marked, starts: dict[int, int], ends: dict[int, int]) -> Aligned | None:
    """The tokens that a span consists of; None where it begins or ends inside one.

    Args:
        starts: Where tokens start -> which token.
        ends: Where they end -> which token.
    """
    first, last = starts.get(marked.start), ends.get(marked.end)
    return None if first is None or last is None or last < first else Aligned(first, last + 1, marked.label)


def without_overlaps(spans: Iterable[Aligned]) -> tuple[list[Aligned], list[Aligned]]:
    """Those that can stand beside each other, in order, and the others; the longer one stays, else the first."""
    stay: list[Aligned] = []
    taken: set[int] = set()
    beside = []
    for span in sorted(spans, key=lambda each: (each.start - each.end, each.start, each.label)):
        own = range(span.start, span.end)
        if taken.isdisjoint(own):
            taken.update(own)
            stay.append(span)
        else:
            beside.append(span)
    return sorted(stay), sorted(beside)


def with_gaps(text: str, offsets: Sequence[int]) -> tuple[list[str], list[bool], array[int]]:
    """Words, whether a space follows each, and their offsets, that together are the text: as spaCy makes a document.

    What stands between tokens besides one space becomes words of its own, such as line breaks.
    """
    words: list[str] = []
    spaces: list[bool] = []
    whole, last = array("q"), 0

    def add(start: int, end: int) -> None:
        if start < end:
            words.append(text[start:end])
            spaces.append(False)
            whole.extend((start, end))

    for start, end in zip(offsets[::2], offsets[1::2], strict=True):
        if words and start > last and text[last] == " ":
            spaces[-1] = True
            last += 1
        add(last, start)
        add(start, end)
        last = end
    if words and text[last : last + 1] == " ":
        spaces[-1] = True
        last += 1
    add(last, len(text))
    return words, spaces, whole
