"""The rows of a training set: the chosen answer as it was stored, and behind it who said what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import chain
from operator import itemgetter
from typing import Any

import msgspec

from prodigy_team.curation.ahead import read_ahead
from prodigy_team.curation.entries import Columns, Entries, Entry
from prodigy_team.curation.gathering import hashes_of
from prodigy_team.curation.judgements import read_answer
from prodigy_team.curation.policies import Span
from prodigy_team.curation.sources import Source, read_lines
from prodigy_team.errors import TeamError
from prodigy_team.store import Row, Store
from prodigy_team.store.reading import one_line

MARKS = (b'"_annotators"', b'"_conflict"')
"""What every row carries that a merge wrote with another policy than `all`."""

REWRITTEN = frozenset({"_annotators", "_conflict", "versions"})
"""Keys of an answer that has to be encoded anew: what it says by them is replaced."""

_END, _WITHOUT_END = itemgetter(slice(-2, None)), itemgetter(slice(None, -2))  # the brace and the line feed
_REVIEW = ("versions", "sessions", "view_id")


def votes_json(votes: Sequence[tuple[str, Sequence[str]]]) -> bytes:
    """The keys that say who judged what: `_annotators`, and `_votes`, what the row says first.

    Args:
        votes: Answer and names; different judgements with one answer, such as other spans, stand apart.
    """
    names = sorted({name for answer, annotators in votes if answer != "ignore" for name in annotators})
    listed = [{"answer": answer, "annotators": list(annotators)} for answer, annotators in votes]
    return msgspec.json.encode({"_annotators": names, "_votes": listed})[1:-1]


def compose(store: Store | None, sources: Sequence[Source], entries: Entries) -> Iterator[Row]:
    """The rows, in the order of their places.

    Args:
        entries: Sorted.

    Raises:
        TeamError: What stood at a place does not stand there any more.
    """
    for rank, source in enumerate(sources):
        wanted = entries.of(rank).positions
        rows = _rows_of_file(source, wanted) if source.path is not None else _rows_of_dataset(store, source, wanted)
        for entry, row in zip(entries.of(rank), rows, strict=True):
            yield Row(row.link, row.input_hash, row.task_hash, extended(row.content, entry))


def compose_lines(store: Store | None, sources: Sequence[Source], entries: Entries) -> Iterator[bytes]:
    """What `compose` gives, as lines without their last line feed, up to some hundred at a time.

    Raises:
        TeamError: As `compose`.
    """
    for rank, source in enumerate(sources):
        own, at = entries.of(rank), 0
        if source.path is not None or store is None:
            rows = zip(own, _rows_of_file(source, own.positions), strict=True)
            yield from (one_line(extended(row.content, entry)) for entry, row in rows)
            continue
        with closing(read_ahead(store.pages_at(source.name, own.positions))) as pages:
            for links, contents in pages:
                yield _extended_lines(contents, own.part(at, at + len(links)))
                at += len(links)


def _extended_lines(contents: Sequence[bytes], entries: Columns) -> bytes:
    """A page with what its entries add; as a whole where nothing but an end is added to each."""
    if 0 in entries.plain and not _only_added(contents, entries):
        each_line = zip(contents, entries, strict=True)
        return b"\n".join(one_line(extended(content[:-1], entry)) for content, entry in each_line)
    ends = {added: b",%b}\n" % added if added else b"}\n" for added in set(entries.added)}
    lines = zip(map(_WITHOUT_END, contents), map(ends.__getitem__, entries.added), strict=True)
    return b"".join(chain.from_iterable(lines))[:-1]


def _only_added(contents: Sequence[bytes], entries: Columns) -> bool:
    """Whether none of a page's rows needs more than an end."""
    lines = b"".join(contents)
    alike = len(contents) > 1 and set(map(_END, contents)) == {b"}\n"} and min(map(len, contents)) > len(b"{}\n")
    return alike and b"\r" not in lines and entries.only_added and not _may_change(lines)


def _rows_of_dataset(store: Store | None, source: Source, links: Sequence[int]) -> Iterator[Row]:
    if store is None:
        raise ValueError("a dataset without a store")
    return store.rows_at(source.name, links)


def _rows_of_file(source: Source, numbers: Iterable[int]) -> Iterator[Row]:
    wanted = iter(numbers)
    next_one = next(wanted, None)
    for number, line in read_lines(source.path) if source.path is not None else ():
        if next_one is None:
            return
        if number == next_one:
            record = read_answer(line)
            hashes = hashes_of(record, (None, None), line) if record is not None else None
            if hashes is None:
                break
            yield Row(number, *hashes, line)
            next_one = next(wanted, None)
    if next_one is not None:
        raise TeamError(f"The file {source.path} was changed while it was read.", remedy="Run the command again.")


def extended(content: bytes, entry: Entry) -> bytes:
    """An answer with what its entry adds, as it was stored otherwise.

    It is encoded anew where keys change: other spans, a row of an earlier merge, the versions of a decision, somebody
    whom only the name of the dataset told.
    """
    told = not entry.annotator or _tells(content, entry.annotator)
    as_it_is = told and entry.spans is None and content.endswith(b"}")
    if as_it_is and not _may_change(content):
        return _with_end(content, entry)
    answer: dict[str, Any] = msgspec.json.decode(content)
    if as_it_is and answer and REWRITTEN.isdisjoint(answer):
        return _with_end(content, entry)
    if not told:
        answer["_annotator_id"] = entry.annotator
    if entry.spans is not None:
        answer["spans"] = [_span(answer, each) for each in sorted(entry.spans)]
    if answer.get("_view_id") == "review":
        answer["_view_id"] = answer.get("view_id", "review")
        answer = {key: value for key, value in answer.items() if key not in _REVIEW}
    return msgspec.json.encode({**answer, **msgspec.json.decode(b"{%b}" % entry.added)})


def _with_end(content: bytes, entry: Entry) -> bytes:
    return b"%b,%b}" % (content[:-1], entry.added) if entry.added else content


def _may_change(content: bytes) -> bool:
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
