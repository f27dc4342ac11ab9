"""CoNLL: a token and its BIO tag a line, an empty line behind each text.

One token can have one tag only: where spans overlap, the longer one is written, of equally long ones the first; the
others are in the drop list.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from prodigy_team.curation.export.aligning import OVERLAPPING, without_overlaps
from prodigy_team.curation.export.base import DropList, Kept, Terms
from prodigy_team.curation.export.documents import Document, documents
from prodigy_team.tokens import OWN


def write(answers: Iterator[tuple[str, Kept]], files: Mapping[str, Path], terms: Terms) -> None:
    """Write texts, cut into their own tokens; those without are cut by this package's tokenizer."""
    terms.written.update(dict.fromkeys(files, 0))
    with ExitStack() as stack:
        streams = {side: stack.enter_context(path.open("wb")) for side, path in files.items()}
        for side, document in documents(answers, terms.drops, cut, labels=False):
            lines = [f"{token}\t{tag}\n" for token, tag in tagged(document, terms.drops)]
            streams[side].write("".join([*lines, "\n"]).encode())
            terms.written[side] += 1
            terms.labels.update(span.label for span in document.spans)


def tagged(document: Document, drops: DropList) -> Iterator[tuple[str, str]]:
    """The tokens with their tags; white space inside a token, which would break the line, is an underscore."""
    stay, beside = without_overlaps(document.spans)
    for span in beside:
        drops.span(OVERLAPPING, document.kept, {"text": document.text}, as_stored(document, span))
    tags = {span.start: f"B-{span.label}" for span in stay}
    tags |= {each: f"I-{span.label}" for span in stay for each in range(span.start + 1, span.end)}
    for number, (start, end) in enumerate(zip(document.tokens[::2], document.tokens[1::2], strict=True)):
        yield "_".join(document.text[start:end].split()) or "_", "_".join(tags.get(number, "O").split())


def as_stored(document: Document, span: tuple[int, int, str]) -> dict[str, object]:
    """A span in code points again."""
    first, last, label = span
    return {"start": document.tokens[2 * first], "end": document.tokens[2 * last - 1], "label": label}


def cut(text: str) -> array[int]:
    """A text's tokens by the own tokenizer, as starts and ends in turn."""
    return array("q", (offset for token in OWN(text) for offset in (token["start"], token["end"])))
