"""What a rebuilt ledger takes from the one before: leases, pages that confirm, people's numbers, drawn tasks."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from prodigy_team.allocation.ledger.handle import LedgerFile, connect
from prodigy_team.allocation.ledger.pool import Pool
from prodigy_team.presence import exists

log = logging.getLogger(__name__)

_AT_ONCE = 10_000
_CARRIED = {
    "carried_person": (
        "pool, number, name",
        "SELECT pool.name, number, person.name {} JOIN pool ON pool.id = pool",
        "person",
    ),
    "carried_lease": (
        "pool, person, identity, screen, position, until, shown",
        "SELECT pool.name, person.name, identity, screen, position, until, shown {} "
        "JOIN pool ON pool.id = lease.pool JOIN task ON task.number = lease.task "
        "JOIN person ON person.pool = lease.pool AND person.number = lease.person",
        "lease",
    ),
    "carried_screen": (
        "pool, id, person, confirmed",
        "SELECT pool.name, screen.id, person.name, confirmed {} JOIN pool ON pool.id = screen.pool "
        "JOIN person ON person.pool = screen.pool AND person.number = screen.person",
        "screen",
    ),
    "carried_chosen": (
        "pool, identity",
        "SELECT pool.name, identity {} JOIN pool ON pool.id = task.pool WHERE chosen",
        "task",
    ),
}


def rebuild(file: LedgerFile, *, forget: Collection[str] = ()) -> None:
    """Put a new ledger in the place of this one. Each process brings its pool up to date when it notices.

    Args:
        forget: Names of people of whom nothing is taken over.
    """
    with file.replacing() as path, contextlib.closing(connect(path)) as new:
        new.execute("PRAGMA secure_delete=ON").fetchone()
        lost = {
            said
            for table, (columns, query, source) in _CARRIED.items()
            if (said := _carry(file.path, new, table, columns, query.format(f"FROM {source}")))
        }
        for name in forget:
            new.execute("DELETE FROM carried_person WHERE name = ?", (name,))
            new.execute("DELETE FROM carried_lease WHERE person = ?", (name,))
            new.execute("DELETE FROM carried_screen WHERE person = ?", (name,))
        if lost:
            said = ", ".join(sorted(lost))
            log.warning(
                "The old ledger %s cannot be read whole (%s): who held which task may be lost.", file.path, said
            )


def _carry(old: Path, new: sqlite3.Connection, table: str, columns: str, query: str) -> str:
    """Take over what can be read; returns what SQLite said of the rest."""
    marks = ", ".join("?" * (columns.count(",") + 1))
    new.execute("BEGIN")
    said = ""
    try:
        for page in _pages(old, query, f"SELECT {columns} FROM {table}"):
            new.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", page)
    except sqlite3.Error as error:
        said = str(error)
    new.execute("COMMIT")
    return said


def _pages(old: Path, *queries: str) -> Iterator[list[tuple[Any, ...]]]:
    """What the old ledger has, and what it had itself taken from one before and not used yet."""
    if not exists(old):
        return
    with contextlib.closing(sqlite3.connect(old)) as connection:
        for query in queries:
            rows = iter(connection.execute(query))
            while page := list(islice(rows, _AT_ONCE)):
                yield page


def adopt_people(pool: Pool, name: str) -> None:
    """Give everybody the number they had."""
    rows = pool.connection.execute(
        "SELECT number, name FROM carried_person WHERE pool = ? ORDER BY number", (name,)
    ).fetchall()
    pool.connection.executemany(
        "INSERT OR IGNORE INTO person (pool, number, name, active) VALUES (?, ?, ?, 0)",
        [(pool.id, number, person) for number, person in rows],
    )
    pool.connection.execute("DELETE FROM carried_person WHERE pool = ?", (name,))
    pool.everybody = pool.members.read()


def adopted_choice(pool: Pool, name: str) -> frozenset[bytes]:
    """Tasks that were drawn before."""
    rows = pool.connection.execute("SELECT identity FROM carried_chosen WHERE pool = ?", (name,))
    return frozenset(identity for (identity,) in rows)


def adopt_leases(pool: Pool, name: str) -> None:
    """Let people keep what they hold, and forget what was carried."""
    rows = pool.connection.execute(
        "SELECT person, identity, screen, position, until, shown FROM carried_lease WHERE pool = ? ORDER BY position",
        (name,),
    ).fetchall()
    for person, identity, screen, position, until, shown in rows:
        _adopt_lease(pool, person, identity, (screen, position, until, shown))
    pool.connection.execute(
        "INSERT OR IGNORE INTO screen (pool, id, person, confirmed) "
        "SELECT ?1, id, number, confirmed FROM carried_screen "
        "JOIN person ON person.name = carried_screen.person AND person.pool = ?1 WHERE carried_screen.pool = ?2",
        (pool.id, name),
    )
    for table in ("carried_lease", "carried_screen", "carried_chosen"):
        pool.connection.execute(f"DELETE FROM {table} WHERE pool = ?", (name,))
    pool.buckets.flush()


def _adopt_lease(pool: Pool, person: str, identity: bytes, lease: tuple[Any, ...]) -> None:
    row = pool.connection.execute(
        "SELECT number, bucket FROM task WHERE pool = ? AND identity = ? AND place IS NOT NULL", (pool.id, identity)
    ).fetchone()
    member = pool.members.read().get(person)
    if row is None or member is None or not member.active:
        return
    task, bucket = row
    key = pool.buckets.key(bucket)
    if not key.people >> member.number & 1:
        pool.buckets.move([task], bucket, pool.buckets.id_of(key.with_person(member.number)))
        pool.connection.execute(
            "INSERT INTO lease (task, person, pool, screen, position, until, shown) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (task, member.number, pool.id, *lease),
        )
