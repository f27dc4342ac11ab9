"""The rows of a training set: the chosen answer as it was stored, and behind it who said what."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby
from typing import Any, NamedTuple

import msgspec

from prodigy_team.curation.gathering import hashes_of
from prodigy_team.curation.judgements import read_answer
from prodigy_team.curation.policies import Span
from prodigy_team.curation.sources import Source, read_lines
from prodigy_team.errors import TeamError
from prodigy_team.store import Row, Store
from prodigy_team.store.reading import one_line

MARKS = (b'"_annotators"', b'"_conflict"')
"""What every row carries that a merge wrote with another policy than `all`."""

_REVIEW = ("versions", "sessions", "view_id")


class Entry(NamedTuple):
    """A row to be written.

    Attributes:
        place: Source, by its number, and position in it.
        added: JSON of further keys, without braces: ``"_annotators":["joe"]``.
        spans: What stands in place of the answer's spans; None: they stay.
        annotator: Who gave it, where the row is to tell and might not; "": as it is.
    """

    place: tuple[int, int]
    added: bytes = b""
    spans: frozenset[Span] | None = None
    annotator: str = ""


def votes_json(votes: Sequence[tuple[str, Sequence[str]]]) -> bytes:
    """The keys that say who judged what: `_annotators`, and `_votes`, what the row says first.

    Args:
        votes: Answer and names; different judgements with one answer, such as other spans, stand apart.
    """
    names = sorted({name for answer, annotators in votes if answer != "ignore" for name in annotators})
    listed = [{"answer": answer, "annotators": list(annotators)} for answer, annotators in votes]
    return msgspec.json.encode({"_annotators": names, "_votes": listed})[1:-1]


def compose(store: Store | None, sources: Sequence[Source], entries: Iterable[Entry]) -> Iterator[Row]:
    """The rows, in the order of the entries' places, which is to grow.

    Raises:
        TeamError: What stood at a place does not stand there any more.
    """
    for rank, group in groupby(entries, key=lambda each: each.place[0]):
        own = list(group)
        source = sources[rank]
        rows = _rows_of_file(source, own) if source.path is not None else _rows_of_dataset(store, source, own)
        for entry, row in zip(own, rows, strict=True):
            yield Row(row.link, row.input_hash, row.task_hash, extended(row.content, entry))


def compose_lines(store: Store | None, sources: Sequence[Source], entries: Sequence[Entry]) -> Iterator[bytes]:
    """What `compose` gives, as lines without their last line feed, up to some hundred at a time.

    Raises:
        TeamError: As `compose`.
    """
    for rank, source in enumerate(sources):
        start, end = (bisect_left(entries, (at, -1), key=lambda each: each.place) for at in (rank, rank + 1))
        own = entries[start:end]
        if source.path is None and store is not None:
            pages, at = store.pages_at(source.name, [entry.place[1] for entry in own]), 0
            for links, lines in pages:
                yield _extended_lines(lines, own[at : at + len(links)])
                at += len(links)
        else:
            yield from (one_line(row.content) for row in compose(store, sources, own))


def _extended_lines(lines: bytes, entries: Sequence[Entry]) -> bytes:
    """A page with what its entries add; as a whole where nothing but an end is added to each."""
    contents = lines.split(b"}\n")
    alike = len(contents) == len(entries) + 1 and not contents[-1] and len(entries) > 1
    if not alike or b"\r" in lines or b"{}" in lines or _changes(lines) or any(each[2] or each[3] for each in entries):
        each_line = lines.split(b"\n") if len(entries) > 1 else [lines[:-1]]
        return b"\n".join(one_line(extended(*each)) for each in zip(each_line, entries, strict=False))
    ends = [b",%b}\n" % each[1] if each[1] else b"}\n" for each in entries]
    return b"".join(chain.from_iterable(zip(contents, ends, strict=False)))[:-1]


def _rows_of_dataset(store: Store | None, source: Source, entries: Sequence[Entry]) -> Iterator[Row]:
    if store is None:
        raise ValueError("a dataset without a store")
    return store.rows_at(source.name, [entry.place[1] for entry in entries])


def _rows_of_file(source: Source, entries: Sequence[Entry]) -> Iterator[Row]:
    wanted = iter(entries)
    entry = next(wanted, None)
    for number, line in read_lines(source.path) if source.path is not None else ():
        if entry is None:
            return
        if number == entry.place[1]:
            record = read_answer(line)
            hashes = hashes_of(record, (None, None), line) if record is not None else None
            if hashes is None:
                break
            yield Row(number, *hashes, line)
            entry = next(wanted, None)
    if entry is not None:
        raise TeamError(f"The file {source.path} was changed while it was read.", remedy="Run the command again.")


def extended(content: bytes, entry: Entry) -> bytes:
    """An answer with what its entry adds, as it was stored otherwise.

    It is encoded anew where keys change: other spans, a row of an earlier merge, the versions of a decision, somebody
    whom only the name of the dataset told.
    """
    told = not entry.annotator or _tells(content, entry.annotator)
    if told and entry.spans is None and content.endswith(b"}") and not _changes(content):
        return b"%b,%b}" % (content[:-1], entry.added) if entry.added else content
    answer: dict[str, Any] = msgspec.json.decode(content)
    if not told:
        answer["_annotator_id"] = entry.annotator
    if entry.spans is not None:
        answer["spans"] = [_span(answer, each) for each in sorted(entry.spans)]
    if answer.get("_view_id") == "review":
        answer["_view_id"] = answer.get("view_id", "review")
        answer = {key: value for key, value in answer.items() if key not in _REVIEW}
    return msgspec.json.encode({**answer, **msgspec.json.decode(b"{%b}" % entry.added)})


def _changes(content: bytes) -> bool:
    return b'"_annotators"' in content or b'"_conflict"' in content or b'"versions"' in content or len(content) <= 2


def _tells(content: bytes, annotator: str) -> bool:
    """Whether an answer says who gave it."""
    record = read_answer(content)
    stored = (record.annotator_id or record.session_id) if record is not None else None
    return isinstance(stored, str) and (stored == annotator or stored.endswith(f"-{annotator}"))


def _span(answer: dict[str, Any], span: Span) -> dict[str, Any]:
    """A span as the manual views write it, with the tokens it begins and ends with where there are such."""
    start, end, label = span
    found: dict[str, Any] = {"start": start, "end": end}
    tokens = [each for each in answer.get("tokens") or () if isinstance(each, dict)]
    first = next((each.get("id") for each in tokens if each.get("start") == start), None)
    last = next((each.get("id") for each in tokens if each.get("end") == end), None)
    if first is not None and last is not None:
        found |= {"token_start": first, "token_end": last}
    return {**found, "label": label}
