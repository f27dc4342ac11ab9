"""Answers by the hundred: SQLite joins them, so that Python touches a page and not each row."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import compress
from typing import Any

from prodigy_team.store.base import Page
from prodigy_team.store.connection import translated
from prodigy_team.store.handle import Handle, as_bytes
from prodigy_team.store.reading import (
    AT_ONCE,
    JOINED,
    PAGE,
    PAGE_BYTES,
    TOGETHER,
    pages_query,
    read_rows_at,
    within,
)

_LINES = f"CAST({JOINED} AS BLOB)"
_JOINED = f"SELECT max(link), count(*), {_LINES} FROM ({{page}})"
_CONTENT = PAGE.format(columns="content")
_BETWEEN = "FROM link WHERE dataset_id = (SELECT id FROM dataset WHERE name = ?) AND id BETWEEN ? AND ?"
_MOST = 1024
_DENSE = 3  # rows that are read in passing for each one wanted: fewer take less time than looking for each


def read_pages(handle: Handle, dataset: str) -> Iterator[Page]:
    """Everything, up to the newest there was at the start."""
    query, oldest, until = pages_query(handle, dataset, "content")
    together = TOGETHER in query
    after, limit = oldest - 1, 16
    while after < until:
        # So few other links lie between that these few ids are read, instead of so many rows.
        last = min(until, after + limit) if together else until
        joined = within(_LINES, together=True) if together else _JOINED.format(page=query)
        parameters = (dataset, after, last) if together else (dataset, after, last, limit)
        found = _joined(handle, joined, parameters)
        if found is not None and not found[1]:
            after = last
            continue
        page = _page(handle, dataset, after, found)
        if page is None:
            rows = handle.all(PAGE.format(columns=handle.content), (dataset, after, last, limit))
            page = [link for link, _ in rows], [as_bytes(content) + b"\n" for _, content in rows]
            yield from _one_by_one(page)
        else:
            yield page
        after = last if together or not page[0] else page[0][-1]
        limit = _next_limit(limit, page, _MOST)


def read_pages_at(handle: Handle, dataset: str, links: Sequence[int]) -> Iterator[Page]:
    """At some links, which grow."""
    at, limit = 0, 16
    while at < len(links):
        wanted = links[at : at + limit]
        page = _between(handle, dataset, wanted) or _at(handle, dataset, wanted)
        if page is None:
            page = wanted, [row.content + b"\n" for row in read_rows_at(handle, dataset, wanted)]
            yield from _one_by_one(page)
        else:
            yield page
        at += len(wanted)
        limit = _next_limit(limit, page, AT_ONCE)


def _one_by_one(page: Page) -> Iterator[Page]:
    return (((link,), [content]) for link, content in zip(*page, strict=True))


def _next_limit(limit: int, page: Page, most: int) -> int:
    """How many rows to read next: more, as long as they are not large."""
    size = sum(map(len, page[1]))
    return max(1, min(most, limit * 2, PAGE_BYTES * len(page[0]) // max(size, 1)))


def _between(handle: Handle, dataset: str, links: Sequence[int]) -> Page | None:
    """All that lies between the first and the last of them is read; None where that is too much for these few."""
    most, (first, last) = _DENSE * len(links), (links[0], links[-1])
    together = last - first < most
    if not together and handle.one(f"SELECT count(*) {_BETWEEN}", (dataset, first, last)) > most:
        return None
    page = _page(
        handle, dataset, first - 1, _joined(handle, within(_LINES, together=together), (dataset, first - 1, last))
    )
    if page is None:
        return None
    wanted = set(links)
    contents = list(compress(page[1], map(wanted.__contains__, page[0])))
    return (links, contents) if len(contents) == len(links) else None


def _at(handle: Handle, dataset: str, links: Sequence[int]) -> Page | None:
    """Each is looked for."""
    query = _CONTENT.replace("WHERE link", f"WHERE link.id IN ({', '.join('?' * len(links))}) AND +link")
    found = _joined(handle, _JOINED.format(page=query), (*links, dataset, links[0] - 1, links[-1], len(links)))
    contents = _lines(found)
    return (links, contents) if contents is not None and len(contents) == len(links) else None


Joined = tuple[int, int, bytes]
"""The highest link, how many, and the contents with a line feed between them."""


def _joined(handle: Handle, query: str, parameters: tuple[Any, ...]) -> Joined | None:
    """Contents of a page in one; None where SQLite cannot join them."""
    if handle.content == "content":  # UTF-16
        return None
    with translated(handle.path):
        try:
            last, count, lines = handle.connection.execute(query, parameters).fetchone()
        except sqlite3.DataError:  # longer together than SQLite allows (1 GB)
            return None
    return last or 0, count, lines or b""


def _lines(found: Joined | None) -> list[bytes] | None:
    """The contents, a line feed behind each; None where some hold line feeds themselves."""
    if found is None:
        return None
    lines = BytesIO(found[2]).readlines()  # a third of the time of `split`
    if len(lines) != found[1] or not lines or lines[-1].endswith(b"\n"):
        return None
    lines[-1] += b"\n"
    return lines


def _page(handle: Handle, dataset: str, after: int, found: Joined | None) -> Page | None:
    """A page; None where some of its contents hold line feeds, or somebody removed one meanwhile."""
    contents = _lines(found)
    if found is None or contents is None:
        return None
    last, count, _ = found
    if last - after == count:
        return range(after + 1, last + 1), contents
    links = [link for (link,) in handle.all(f"SELECT id {_BETWEEN} ORDER BY id", (dataset, after + 1, last))]
    return (links, contents) if len(links) == count else None
