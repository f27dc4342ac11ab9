"""A person's own answers, newest first, and those of them that hold what is looked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from prodigy_team.curation.judgements import read_record
from prodigy_team.store.base import Row

LOOKED_AT = 2000
"""Answers that one request for a search reads at most: tasks are read by the same thread. The page asks on."""

_AT_ONCE = 500
_NOT_WORDS = frozenset({"tokens", "options", "versions", "answer"})
Read = Callable[[int | None, int], list[Row]]


@dataclass(frozen=True)
class Past:
    """A stretch of a person's answers.

    Attributes:
        rows: Newest first.
        before: The link to go on below; None where there is nothing further.
        replaced: Ids of answers that have been corrected since, as far as was read.
    """

    rows: list[Row]
    before: int | None
    replaced: tuple[str, ...] = ()


def newest_answers(read: Read, *, before: int | None, limit: int) -> Past:
    """Up to ``limit`` answers below a link (None: the newest)."""
    rows = read(before, limit)
    return Past(rows, rows[-1].link if len(rows) == limit else None)


def find_answers(read: Read, wanted: str, *, before: int | None, limit: int) -> Past:
    """Up to ``limit`` answers below a link that hold a text, regardless of case, in what the annotator saw or gave."""
    needle = wanted.casefold()
    found: list[Row] = []
    replaced: dict[str, None] = {}
    for seen, row in enumerate(_each(read, before), 1):
        before = row.link
        answer = read_record(row.content) or {}
        if answer.get("_answer_id") not in replaced and holds(answer, needle):
            found.append(row)
        if isinstance(answer.get("_replaces"), str):
            replaced[answer["_replaces"]] = None
        if len(found) == limit or seen == LOOKED_AT:
            return Past(found, before, tuple(replaced))
    return Past(found, None, tuple(replaced))


def _each(read: Read, before: int | None) -> Iterator[Row]:
    while rows := read(before, _AT_ONCE):
        yield from rows
        if len(rows) < _AT_ONCE:
            return
        before = rows[-1].link


def holds(value: Any, needle: str) -> bool:
    """Whether any text of an answer, outside its tokens, options and bookkeeping, has the needle in it."""
    if isinstance(value, str):
        return not value.startswith("data:") and needle in value.casefold()
    if isinstance(value, list):
        return any(holds(each, needle) for each in value)
    if isinstance(value, dict):
        return any(holds(each, needle) for key, each in value.items() if key[:1] != "_" and key not in _NOT_WORDS)
    return False
