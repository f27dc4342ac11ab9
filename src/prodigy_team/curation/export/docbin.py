"""spaCy: a `DocBin` for each side, ready for `spacy train`.

Spans marked by hand, or accepted one by one, are the entities, and besides the span group `sc` that spancat reads;
those of `spans` and `spans_manual` are the span group alone, since they may overlap. Labels and options are `cats`.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from prodigy_team.curation.export.aligning import OVERLAPPING, Aligned, with_gaps, without_overlaps
from prodigy_team.curation.export.base import DropList, Kept, Terms
from prodigy_team.curation.export.documents import Document, documents
from prodigy_team.errors import UsageError

GROUP = "sc"
_EDGE = "white space at an edge"
_ATTRIBUTES = ("ORTH", "SPACY", "ENT_IOB", "ENT_TYPE")
_SPAN = struct.Struct(
    ">QQQllll"
)  # id, id in a knowledge base, label, and from where to where in tokens and code points


def write(answers: Iterator[tuple[str, Kept]], files: Mapping[str, Path], terms: Terms) -> None:
    """Write documents; texts without tokens are cut by spaCy's tokenizer of the language."""
    import spacy
    from spacy.tokens import DocBin

    try:
        nlp = spacy.blank(terms.language)
    except ImportError as error:
        raise UsageError(
            f"spaCy has no language {terms.language!r}.", remedy="Name another with `--lang`, such as en, de or xx."
        ) from error
    terms.written.update(dict.fromkeys(files, 0))
    bins = {side: DocBin(attrs=_ATTRIBUTES) for side in files}
    for side, document in documents(answers, terms.drops, _cutter(nlp.tokenizer)):
        add_doc(bins[side], make_doc(nlp.vocab, document, terms.drops))
        terms.written[side] += 1
        terms.labels.update([*document.cats, *(span.label for span in document.spans)])
    for side, path in files.items():
        path.write_bytes(bins[side].to_bytes())


def make_doc(vocab: Any, document: Document, drops: DropList) -> Any:
    """A document as spaCy has it."""
    from spacy.tokens import Doc, Span

    words, spaces, offsets = with_gaps(document.text, document.tokens)
    doc = Doc(vocab, words=words, spaces=spaces)
    doc.cats = document.cats
    if not document.spans and not document.complete:
        return doc  # nobody looked for spans, so there may be some
    numbers = {start: number for number, start in enumerate(offsets[::2])}
    ends = {end: number + 1 for number, end in enumerate(offsets[1::2])}
    tokens = document.tokens
    spans = {
        Aligned(numbers[tokens[2 * each.start]], ends[tokens[2 * each.end - 1]], each.label) for each in document.spans
    }
    doc.spans[GROUP] = [Span(doc, *each) for each in sorted(spans)]
    if document.entities:
        entities = [Span(doc, *each) for each in _entities(doc, spans, document, drops)]
        doc.set_ents(entities, default="outside" if document.complete else "missing")
    return doc


def add_doc(docs: Any, doc: Any) -> None:
    """Add a document to a `DocBin` as its `add` does, in a tenth of the time.

    For each span group spaCy looks through the entry points of all installed packages for ways to pack it.
    """
    if GROUP in doc.spans:
        packed, labels = pack_spans(doc.spans[GROUP]), {span.label_ for span in doc.spans[GROUP]}
        doc.spans.clear()
        docs.add(doc)
        docs.span_groups[-1] = packed
        docs.strings.update(labels)
    else:
        docs.add(doc)


def pack_spans(spans: Any) -> bytes:
    """The span group as `SpanGroups.to_bytes` packs it; spaCy reads what any of its versions packed."""
    places = [_SPAN.pack(0, 0, each.label, each.start, each.end, each.start_char, each.end_char) for each in spans]
    group = msgspec.msgpack.encode({"name": GROUP, "attrs": {}, "spans": places})
    return msgspec.msgpack.encode({group: [GROUP]})


def _entities(doc: Any, spans: Collection[Aligned], document: Document, drops: DropList) -> Iterator[Aligned]:
    """Those that can be entities: spaCy allows no overlaps, and cannot learn from white space at an edge."""

    def leave_out(span: Aligned, reason: str) -> None:
        part = doc[span.start : span.end]
        stored = {"start": part.start_char, "end": part.end_char, "label": span.label}
        drops.span(f"{reason} (kept in {GROUP})", document.kept, {"text": document.text}, stored)

    stay, beside = without_overlaps(spans)
    for span in beside:
        leave_out(span, OVERLAPPING)
    for span in stay:
        if doc[span.start].is_space or doc[span.end - 1].is_space:
            leave_out(span, _EDGE)
        else:
            yield span


def _cutter(tokenizer: Callable[[str], Any]) -> Callable[[str], array[int]]:
    def cut(text: str) -> array[int]:
        return array("q", (offset for token in tokenizer(text) for offset in (token.idx, token.idx + len(token))))

    return cut
