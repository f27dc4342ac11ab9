"""Answers by the hundred: SQLite joins them, so that Python touches a page and not each row."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from prodigy_team.store.connection import translated
from prodigy_team.store.handle import Handle, as_bytes
from prodigy_team.store.reading import AT_ONCE, PAGE, PAGE_BYTES, newest, read_rows_at

_JOINED = (
    "SELECT min(link), max(link), count(*), CAST(group_concat(content, char(10)) || char(10) AS BLOB) FROM ({page})"
)
_LINKS = (
    "SELECT id FROM link WHERE dataset_id = (SELECT id FROM dataset WHERE name = ?) AND id BETWEEN ? AND ? ORDER BY id"
)

_MOST = 1024

Page = tuple[Sequence[int], bytes]
"""Links, and as many contents with a line feed behind each."""


def read_pages(handle: Handle, dataset: str) -> Iterator[Page]:
    """Everything, up to the newest there was at the start."""
    after, until, limit = 0, newest(handle, dataset), 16
    columns = PAGE.format(columns="CAST(content AS BLOB) AS content")
    while after < until:
        parameters = (dataset, after, until, limit)
        found = _joined(handle, columns, parameters)
        if found is not None and not found[2]:
            return
        page = _page(handle, dataset, found)
        if page is None:
            rows = handle.all(PAGE.format(columns=handle.content), parameters)
            yield from (((link,), as_bytes(content) + b"\n") for link, content in rows)
            after, size, count = (rows[-1][0] if rows else until), sum(len(row[-1]) for row in rows), len(rows)
        else:
            yield page
            after, size, count = page[0][-1], len(page[1]), len(page[0])
        limit = max(1, min(_MOST, limit * 2, PAGE_BYTES * count // max(size, 1)))


def read_pages_at(handle: Handle, dataset: str, links: Sequence[int]) -> Iterator[Page]:
    """At some links, which grow."""
    at, limit = 0, 16
    while at < len(links):
        wanted = links[at : at + limit]
        query = PAGE.format(columns="CAST(content AS BLOB) AS content").replace(
            "WHERE link", f"WHERE link.id IN ({', '.join('?' * len(wanted))}) AND +link"
        )
        found = _joined(handle, query, (*wanted, dataset, wanted[0] - 1, wanted[-1], len(wanted)))
        if found is not None and found[2] == len(wanted) == found[3].count(b"\n"):
            yield wanted, found[3]
            size = len(found[3])
        else:
            rows = [(row.link, row.content) for row in read_rows_at(handle, dataset, wanted)]
            yield from (((link,), content + b"\n") for link, content in rows)
            size = sum(len(content) for _, content in rows)
        at += len(wanted)
        limit = max(1, min(AT_ONCE, limit * 2, PAGE_BYTES * len(wanted) // max(size, 1)))


def _joined(handle: Handle, page: str, parameters: tuple[Any, ...]) -> tuple[int, int, int, bytes] | None:
    """Lowest and highest link, how many, and the contents; None where SQLite cannot join them."""
    if handle.content == "content":  # UTF-16
        return None
    with translated(handle.path):
        try:
            first, last, count, lines = handle.connection.execute(_JOINED.format(page=page), parameters).fetchone()
        except sqlite3.DataError:  # longer together than SQLite allows (1 GB)
            return None
    return first or 0, last or 0, count, lines or b""


def _page(handle: Handle, dataset: str, found: tuple[int, int, int, bytes] | None) -> Page | None:
    """A page whose lines are its contents; None where some hold line feeds, or somebody removed one meanwhile."""
    if found is None:
        return None
    first, last, count, lines = found
    if lines.count(b"\n") != count:
        return None
    if last - first + 1 == count:
        return range(first, last + 1), lines
    links = [link for (link,) in handle.all(_LINKS, (dataset, first, last))]
    return (links, lines) if len(links) == count else None
