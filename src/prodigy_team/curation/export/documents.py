"""One document for each text: what the answers to it say of it together, for formats that models are trained on.

An answer says up to three things. Spans marked by hand say what all spans of the text are; options say of each whether
it applies; a label or a single span that was accepted or rejected says that much and no more, so several of these add
up. Of one person the newest counts. Where people contradict each other, neither is taken: `merge` settles that.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from prodigy_team.curation.export.aligning import MALFORMED, MISALIGNED, Aligned, Marked, align, read_span, read_tokens
from prodigy_team.curation.export.base import REPEATED, DropList, Kept

Tokenize = Callable[[str], "array[int]"]
"""A text to its tokens, as starts and ends in turn."""

NO_TEXT, NO_SPANS, CONFLICTING, REJECTED = "no text", "no spans", "conflicting", "rejected"
_GROUPS = frozenset({"spans", "spans_manual"})
_BY_HAND = frozenset({None, "ner_manual", "spans_manual", "blocks", "relations", "review"})
"""Views in which people mark spans; None: data from before views were stored. Elsewhere spans are only shown."""


@dataclass
class Document:
    """A text with what is known of it.

    Attributes:
        tokens: As starts and ends in turn.
        spans: In tokens.
        complete: Whether ``spans`` are all there are; else there may be others.
        entities: Whether its spans are entities, and not only spans, which may overlap.
        cats: Label to 1 or 0.
    """

    text: str
    tokens: array[int]
    spans: list[Aligned]
    complete: bool
    entities: bool
    cats: dict[str, float]
    kept: Kept


def documents(
    answers: Iterable[tuple[str, Kept]], drops: DropList, tokenize: Tokenize, *, labels: bool = True
) -> Iterator[tuple[str, Document]]:
    """Put the answers to each text together, in the order in which texts first appear.

    Args:
        labels: Whether labels and options can be written; else an answer without spans says nothing.
    """
    texts: dict[tuple[str, str], _Text] = {}
    for side, kept in answers:
        record = kept.record()
        text = record.get("text")
        if not isinstance(text, str) or not text:
            drops.kept(NO_TEXT, kept, record)
            continue
        said = {claim: value for claim, value in _said(record).items() if labels or claim[0] == "spans"}
        single = _single(record)
        if record.get("answer") == "reject" and not said:
            drops.kept(REJECTED, kept, record)
        elif not labels and not said and not single:
            drops.kept(NO_SPANS, kept, record)
        else:
            texts.setdefault((side, text), _Text()).add(kept, record, said, single)
    # Each is let go of once it is written. Not by `next(iter(texts))`, which passes all that are gone, again and again.
    for key in list(texts):
        document = texts.pop(key).document(key[1], drops, tokenize)
        if document is not None:
            yield key[0], document


Claim = tuple[str, str]
"""What something is said of: ("spans", ""), ("label", NAME), ("options", "")."""


@dataclass
class _Answer:
    kept: Kept
    said: Mapping[Claim, Any]
    tokens: array[int] | None
    entities: bool
    single: Sequence[Any]


@dataclass
class _Text:
    """The answers to one text, without what is only needed to read them."""

    answers: list[_Answer] = field(default_factory=list)

    def add(self, kept: Kept, record: Mapping[str, Any], said: Mapping[Claim, Any], single: Sequence[Any]) -> None:
        """Take in an answer, in the order in which they were stored."""
        tokens = read_tokens(record.get("tokens"), record["text"])
        entities = _view(record) not in _GROUPS
        self.answers.append(_Answer(_light(kept, record), said, tokens, entities, single))

    def document(self, text: str, drops: DropList, tokenize: Tokenize) -> Document | None:
        """All of it together; None where people contradict each other."""
        self._keep_newest(text, drops)
        if self._leave_out_conflicts(text, drops):
            return None
        tokens = next((each.tokens for each in self.answers if each.tokens is not None), None) or tokenize(text)
        whole = next((each for each in self.answers if ("spans", "") in each.said), None)
        marks = [(each, span) for each in self.answers for span in each.single]
        if whole is not None:
            marks = [(whole, span) for span in whole.said["spans", ""]] + marks
        cats: dict[str, float] = {}
        for each in self.answers:
            for (of, name), value in each.said.items():
                if of != "spans":
                    cats.update(value if of == "options" else {name: value})
        spans = _aligned(text, tokens, marks, drops)
        entities = all(each.entities for each in self.answers)
        return Document(text, tokens, spans, whole is not None, entities, cats, self.answers[0].kept)

    def _keep_newest(self, text: str, drops: DropList) -> None:
        newest: dict[tuple[str, Claim], _Answer] = {}
        for each in self.answers:
            newest.update({(each.kept.annotator, claim): each for claim in each.said})
        stay = []
        for each in self.answers:
            said = {claim: value for claim, value in each.said.items() if newest[each.kept.annotator, claim] is each}
            if each.said and not said:
                drops.kept(REPEATED, each.kept, {**each.kept.record(), "text": text})
            else:
                each.said = said
                stay.append(each)
        self.answers = stay

    def _leave_out_conflicts(self, text: str, drops: DropList) -> bool:
        """Whether the text is left out: there are answers to it that contradict each other."""
        found: dict[Claim, Any] = {}
        for each in self.answers:
            for claim, value in each.said.items():
                comparable = frozenset(map(_comparable, value)) if claim[0] == "spans" else value
                if found.setdefault(claim, comparable) != comparable:
                    for one in self.answers:
                        drops.kept(CONFLICTING, one.kept, {**one.kept.record(), "text": text})
                    return True
        return False


def _said(record: Mapping[str, Any]) -> dict[Claim, Any]:
    accepted, view, label = record.get("answer", "accept") == "accept", _view(record), record.get("label")
    options, chosen = record.get("options"), record.get("accept")
    by_hand = view in _BY_HAND and isinstance(record.get("spans", record.get("tokens")), list)
    said: dict[Claim, Any] = {}
    if isinstance(options, list) and accepted:
        marked = {str(each) for each in chosen} if isinstance(chosen, list) else set()
        names = [str(each.get("id")) for each in options if isinstance(each, dict)]
        said["options", ""] = {name: float(name in marked) for name in names}
    elif isinstance(label, str) and label and not _is_single_span(record) and not (view is None and "tokens" in record):
        said["label", label] = float(accepted)
        by_hand = by_hand and view is not None
    if by_hand and accepted:
        said["spans", ""] = _spans(record)
    return said


def _view(record: Mapping[str, Any]) -> str | None:
    """Its view; what is no name is none."""
    view = record.get("_view_id")
    return view if isinstance(view, str) else None


def _single(record: Mapping[str, Any]) -> Sequence[Any]:
    """Spans that were shown one by one, and accepted."""
    return _spans(record) if _is_single_span(record) and record.get("answer") != "reject" else ()


def _is_single_span(record: Mapping[str, Any]) -> bool:
    return record.get("_view_id") in ("ner", "spans")


def _spans(record: Mapping[str, Any]) -> list[Any]:
    spans = record.get("spans")
    return spans if isinstance(spans, list) else []


def _comparable(span: Any) -> tuple[str, ...]:
    return tuple(str(span.get(key)) for key in ("start", "end", "label")) if isinstance(span, dict) else (str(span),)


def _light(kept: Kept, record: Mapping[str, Any]) -> Kept:
    """The answer with no more of its content than a line of the drop list names."""
    content = msgspec.json.encode({"_input_hash": record.get("_input_hash")})
    return Kept(kept.number, kept.source, kept.position, kept.annotator, msgspec.Raw(content))


def _aligned(text: str, tokens: array[int], marks: Iterable[tuple[_Answer, Any]], drops: DropList) -> list[Aligned]:
    starts = {start: number for number, start in enumerate(tokens[::2])}
    ends = {end: number for number, end in enumerate(tokens[1::2])}
    found: dict[Aligned, None] = {}
    for answer, span in marks:
        marked = read_span(span, text)
        place = align(marked, starts, ends) if isinstance(marked, Marked) else None
        if place is not None:
            found[place] = None
        else:
            reason = MALFORMED if marked is None else MISALIGNED
            drops.span(reason, answer.kept, {**answer.kept.record(), "text": text}, span)
    return sorted(found)
