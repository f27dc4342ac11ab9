"""Databases for tests: answers to put in, source indexes, and files as Prodigy of every age leaves them."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from prodigy_team.store import NewAnswer

# Measured from a file of 2022; 2018 had BIGINT for the two hashes.
PRODIGY_DDL = (
    'CREATE TABLE "dataset" ("id" INTEGER NOT NULL PRIMARY KEY, "name" VARCHAR(255) NOT NULL, '
    '"created" INTEGER NOT NULL, "meta" BLOB NOT NULL, "session" INTEGER NOT NULL)',
    'CREATE UNIQUE INDEX "dataset_name" ON "dataset" ("name")',
    'CREATE TABLE "example" ("id" INTEGER NOT NULL PRIMARY KEY, "input_hash" INTEGER NOT NULL, '
    '"task_hash" INTEGER NOT NULL, "content" BLOB NOT NULL)',
    'CREATE TABLE "link" ("id" INTEGER NOT NULL PRIMARY KEY, "example_id" INTEGER NOT NULL, '
    '"dataset_id" INTEGER NOT NULL, FOREIGN KEY ("example_id") REFERENCES "example" ("id"), '
    'FOREIGN KEY ("dataset_id") REFERENCES "dataset" ("id"))',
    'CREATE INDEX "link_example_id" ON "link" ("example_id")',
    'CREATE INDEX "link_dataset_id" ON "link" ("dataset_id")',
)

_CREATED = count(1_650_000_000)  # as if each had been made a second after the one before


@dataclass(frozen=True)
class Database:
    """What the settings say of a database, as the store takes it."""

    kind: str
    path: Path | None
    origin: str = "a test"


def identity(text: str) -> bytes:
    """The identity of a task in these tests."""
    return hashlib.md5(text.encode()).digest()


def identify(content: bytes) -> tuple[str, bytes] | None:
    """Whose answer to which task a stored content is."""
    answer = json.loads(content)
    return (answer["who"], identity(answer["text"])) if "who" in answer else None


def compact(value: Any) -> bytes:
    """JSON as it is stored."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def new_answer(
    text: str,
    decision: str = "accept",
    *,
    who: str = "joe",
    key: str | None = None,
    replaces: str | None = None,
    sessions: tuple[str, ...] = (),
    **more: Any,
) -> NewAnswer:
    """An answer of one person to one text."""
    content = compact({"text": text, "who": who, "answer": decision, **more})
    return NewAnswer(content, len(text), len(text) + 1, who, identity(text), key, replaces, sessions)


def make_prodigy_database(path: Path, *, ddl: Iterable[str] = PRODIGY_DDL) -> Path:
    """An empty database as Prodigy makes it."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in ddl:
            connection.execute(statement)
    return path


def add_as_prodigy(path: Path, dataset: str, contents: Iterable[bytes | str], *, session: str | None = None) -> None:
    """Save answers as Prodigy does: an example each, a link to the dataset and one to the session's dataset."""
    with closing(sqlite3.connect(path, timeout=30)) as connection, connection:
        names = [(dataset, 0)] + ([(session, 1)] if session else [])
        for name, is_session in names:
            connection.execute(
                "INSERT OR IGNORE INTO dataset (name, created, meta, session) VALUES (?, ?, ?, ?)",
                (name, next(_CREATED), b'{"created":1649992800}', is_session),
            )
        ids = [connection.execute("SELECT id FROM dataset WHERE name = ?", (name,)).fetchone()[0] for name, _ in names]
        for content in contents:
            example = connection.execute(
                "INSERT INTO example (input_hash, task_hash, content) VALUES (1, 2, ?)", (content,)
            ).lastrowid
            for each in ids:
                connection.execute("INSERT INTO link (example_id, dataset_id) VALUES (?, ?)", (example, each))


def change(path: Path, *statements: str) -> None:
    """Do to a database what somebody else might."""
    with closing(sqlite3.connect(path, timeout=30)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def ask(path: Path, query: str) -> list[tuple[Any, ...]]:
    """Rows, by a connection of its own."""
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        return connection.execute(query).fetchall()


def make_index(path: Path, texts: Iterable[str]) -> Path:
    """A source index over texts, at places 0, 1, 2 and so on."""
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "CREATE TABLE task (place INTEGER PRIMARY KEY, offset INTEGER, length INTEGER, hash INTEGER, identity BLOB)"
        )
        connection.executemany(
            "INSERT INTO task VALUES (?, 0, 0, 0, ?)", ((place, identity(text)) for place, text in enumerate(texts))
        )
    return path
