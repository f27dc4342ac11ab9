"""Answers out of the database: in link order, as stored, a little at a time so that no writer waits for a reader."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from io import BytesIO
from typing import Any

from prodigy_team.store.base import DatasetInfo, Row, StoreError, TeamDataset
from prodigy_team.store.connection import translated
from prodigy_team.store.handle import HIDDEN, Handle, as_bytes

AT_ONCE = 256
PAGE_BYTES = 4_000_000
# A string, or white space between tokens. A raw line break inside a string is no JSON, but costs nothing to mend.
_TOKEN = re.compile(rb'("(?:[^"\\]|\\.)*")|[ \t\r\n]+', re.DOTALL)

# CROSS JOIN keeps SQLite from starting at the examples; the dataset is looked up by name each time, since its id can
# come to mean another dataset while somebody reads.
PAGE = """
    SELECT link.id AS link, {columns}
    FROM link CROSS JOIN example ON example.id = link.example_id
    WHERE link.dataset_id = (SELECT id FROM dataset WHERE name = ?) AND link.id > ? AND link.id <= ?
    ORDER BY link.id LIMIT ?
"""

TOGETHER = "+link.dataset_id"
"""In a query: it goes through all links, in place of the index."""
JOINED = "group_concat(content, '\n')"
"""Contents in one; the line feed stands there itself, since `char(10)` would be called for each row."""
# There is one loop over links, by their ids, and so they come in order without being sorted.
_WITHIN = """
    SELECT ?3, count(*), {columns} FROM link CROSS JOIN example ON example.id = link.example_id
    WHERE link.dataset_id = (SELECT id FROM dataset WHERE name = ?1) AND link.id > ?2 AND link.id <= ?3
"""


def read_datasets(handle: Handle) -> list[DatasetInfo]:
    """All datasets that are to be seen."""
    counted = "(SELECT count(*) FROM link WHERE dataset_id = dataset.id)"
    rows = handle.all(f"SELECT name, created, {_session(handle)}, {counted} FROM dataset ORDER BY id")
    return [
        DatasetInfo(name, int(created or 0), bool(session), answers)
        for name, created, session, answers in rows
        if not name.startswith(HIDDEN)
    ]


def read_names(handle: Handle) -> dict[str, bool]:
    """All datasets that are to be seen, and which of them are sessions."""
    rows = handle.all(f"SELECT name, {_session(handle)} FROM dataset ORDER BY id")
    return {name: bool(session) for name, session in rows if not name.startswith(HIDDEN)}


def _session(handle: Handle) -> str:
    """The column, which databases of old have not."""
    columns = {name for _, name, *_ in handle.all("PRAGMA table_info(dataset)")}
    return "session" if "session" in columns else "0"


def read_team_datasets(handle: Handle, team: str) -> list[TeamDataset]:
    """The register of what a team wrote."""
    if not handle.has_table("prodigy_team_writer"):
        return []
    rows = handle.all(
        "SELECT writer.dataset, writer.kind, dataset.id IS NOT NULL, "
        "(SELECT count(*) FROM link WHERE dataset_id = dataset.id) "
        "FROM prodigy_team_writer AS writer LEFT JOIN dataset ON dataset.name = writer.dataset "
        "WHERE writer.team = ? ORDER BY writer.dataset",
        (team,),
    )
    return [TeamDataset(name, kind, bool(exists), answers) for name, kind, exists, answers in rows]


def read_rows(handle: Handle, dataset: str) -> Iterator[Row]:
    """Answers in link order, up to the newest there was at the start."""
    columns = f"example.input_hash, example.task_hash, {handle.content}"
    for link, input_hash, task_hash, content in _pages(handle, dataset, columns):
        yield Row(link, input_hash, task_hash, as_bytes(content))


def read_rows_at(handle: Handle, dataset: str, links: Sequence[int]) -> Iterator[Row]:
    """Answers at some links, which grow."""
    at, limit = 0, 16
    while at < len(links):
        wanted = links[at : at + limit]
        rows = _rows_at(handle, dataset, wanted)
        if len(rows) != len(wanted):
            raise StoreError(
                f"Answers were removed from {dataset} while they were read.", remedy="Run the command again."
            )
        for link, input_hash, task_hash, content in rows:
            yield Row(link, input_hash, task_hash, as_bytes(content))
        at += len(wanted)
        size = sum(len(row[-1]) for row in rows)
        limit = max(1, min(AT_ONCE, limit * 2, PAGE_BYTES * len(rows) // max(size, 1)))


def _rows_at(handle: Handle, dataset: str, links: Sequence[int]) -> list[tuple[Any, ...]]:
    """Where links lie close together it is faster to read those between as well."""
    query = PAGE.format(columns=f"example.input_hash, example.task_hash, {handle.content}")
    if links[-1] - links[0] < 2 * len(links):
        parameters = (dataset, links[0] - 1, links[-1], 2 * len(links))
        wanted = set(links)
        return [row for row in handle.all(query, parameters) if row[0] in wanted]
    query = query.replace("WHERE link", f"WHERE link.id IN ({', '.join('?' * len(links))}) AND +link")
    return handle.all(query, (*links, dataset, links[0] - 1, links[-1], len(links)))


def read_newest(handle: Handle, dataset: str, before: int | None, limit: int) -> list[Row]:
    """Answers in falling link order."""
    rows = handle.all(
        f"SELECT link.id, example.input_hash, example.task_hash, {handle.content} "
        "FROM link CROSS JOIN example ON example.id = link.example_id "
        "WHERE link.dataset_id = (SELECT id FROM dataset WHERE name = ?) AND link.id < ? ORDER BY link.id DESC LIMIT ?",
        (dataset, 2**63 - 1 if before is None else before, limit),
    )
    return [Row(link, input_hash, task_hash, as_bytes(content)) for link, input_hash, task_hash, content in rows]


def read_answers(handle: Handle, dataset: str) -> Iterator[bytes]:
    """Contents in link order, up to the newest there was at the start."""
    return (as_bytes(content) for _, content in _pages(handle, dataset, handle.content))


def export(handle: Handle, dataset: str, write: Callable[[bytes], object], leave_out: Collection[int] = ()) -> int:
    """Write one record a line; SQLite joins them, so that Python touches a few hundred at a time."""
    if leave_out:
        return _export_some(handle, dataset, write, leave_out)
    joined, oldest, until = pages_query(handle, dataset, "content")
    together, lines_of = TOGETHER in joined, f"CAST({JOINED} || '\n' AS BLOB)"
    query = f"SELECT max(link), count(*), {lines_of} FROM ({joined})"
    if together:
        query = within(lines_of, together=True)
    utf8 = handle.content != "content"
    total, after, limit = 0, oldest - 1, 16
    while after < until:
        # So few other links lie between that these few ids are read, instead of so many rows.
        to, rows = (min(until, after + limit), ()) if together else (until, (limit,))
        page = _try_page(handle, query, (dataset, after, to, *rows)) if utf8 else None
        last, count, lines = page or _slow_page(handle, dataset, after, to, limit)
        if not count:
            after = to
            continue
        if page and (len(BytesIO(lines).readlines()) != count or b"\r" in lines):  # twice as fast as `lines.count`
            last, count, lines = _slow_page(handle, dataset, after, until, limit)
        write(lines)
        total, after = total + count, last
        # Pictures make large records: keep what is in memory at a time to some megabytes.
        limit = max(1, min(AT_ONCE, limit * 2, PAGE_BYTES * count // max(len(lines), 1)))
    return total


def _export_some(handle: Handle, dataset: str, write: Callable[[bytes], object], leave_out: Collection[int]) -> int:
    total = 0
    for link, content in _pages(handle, dataset, handle.content):
        if link not in leave_out:
            write(one_line(as_bytes(content)) + b"\n")
            total += 1
    return total


def one_line(content: bytes) -> bytes:
    """A record on one line: line breaks between JSON's tokens go with the white space around them."""
    if b"\n" not in content and b"\r" not in content:
        return content
    return _TOKEN.sub(_compact_token, content)


def pages_query(handle: Handle, dataset: str, columns: str) -> tuple[str, int, int]:
    """`PAGE` in the form that is fastest for a dataset, and the lowest and highest of its links; 0 where it has none.

    Where few other links lie between its own, going through all links takes less time than the index does.
    """
    sql = PAGE.format(columns=columns)
    links = "FROM link WHERE dataset_id = (SELECT id FROM dataset WHERE name = ?1)"
    # Three questions: each is quick by the index, all in one goes through every link.
    extent = f"SELECT (SELECT min(id) {links}), (SELECT max(id) {links}), (SELECT count(*) {links})"
    [(oldest, newest, count)] = handle.all(extent, (dataset,))
    if not count:
        return sql, 0, 0
    together = newest - oldest < 2 * count
    return sql.replace("link.dataset_id", TOGETHER) if together else sql, oldest, newest


def within(columns: str, *, together: bool) -> str:
    """Of a dataset all from behind one link to another: the latter, how many, and what is asked of them.

    It takes two thirds of the time that picking a number of rows first does.

    Args:
        together: Few other links lie between.
    """
    sql = _WITHIN.format(columns=columns)
    return sql.replace("link.dataset_id", TOGETHER) if together else sql


def _pages(handle: Handle, dataset: str, columns: str) -> Iterator[tuple[Any, ...]]:
    """Rows, fetched a page at a time: an open statement would hold up the commits of a file without WAL."""
    query, _, until = pages_query(handle, dataset, columns)
    after, limit = 0, 16
    while after < until:
        page = handle.all(query, (dataset, after, until, limit))
        if not page:
            return
        yield from page
        after = page[-1][0]
        size = sum(len(row[-1]) for row in page)
        limit = max(1, min(1024, limit * 2, PAGE_BYTES * len(page) // max(size, 1)))


def _try_page(handle: Handle, query: str, parameters: tuple[Any, ...]) -> tuple[int, int, bytes] | None:
    with translated(handle.path):
        try:
            last, count, lines = handle.connection.execute(query, parameters).fetchone()
        except sqlite3.DataError:  # longer together than SQLite allows (1 GB)
            return None
    return (last or 0, count, lines or b"")


def _slow_page(handle: Handle, dataset: str, after: int, until: int, limit: int) -> tuple[int, int, bytes]:
    """The same page record by record: for records that hold line breaks, or text in UTF-16."""
    rows = handle.all(PAGE.format(columns=handle.content), (dataset, after, until, limit))
    lines = b"".join(one_line(as_bytes(content)) + b"\n" for _, content in rows)
    return (rows[-1][0] if rows else 0, len(rows), lines)


def _compact_token(match: re.Match[bytes]) -> bytes:
    text = match[1]
    if text is None:
        return b""
    return bytes(text).replace(b"\n", b"\\n").replace(b"\r", b"\\r")
