"""A recipe whose source is ``-``: a lazy stream over standard input, as public material describes Prodigy's.

It takes a line only when a batch is asked for, the first at its start; drops what it has had already, and as it makes a
batch what is answered: with ``feed_overlap`` by its own session, without by anybody in the dataset. It gives each batch
out once, and writes the three tables that Prodigy writes, nothing of this project's.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain, islice
from pathlib import Path
from typing import Any

from prodigy_team import settings
from prodigy_team.tasks import with_hashes

_TABLES = """
CREATE TABLE IF NOT EXISTS "dataset" ("id" INTEGER NOT NULL PRIMARY KEY, "name" VARCHAR(255) NOT NULL,
    "created" INTEGER NOT NULL, "meta" BLOB NOT NULL, "session" INTEGER NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS "dataset_name" ON "dataset" ("name");
CREATE TABLE IF NOT EXISTS "example" ("id" INTEGER NOT NULL PRIMARY KEY, "input_hash" INTEGER NOT NULL,
    "task_hash" INTEGER NOT NULL, "content" BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS "link" ("id" INTEGER NOT NULL PRIMARY KEY, "example_id" INTEGER NOT NULL,
    "dataset_id" INTEGER NOT NULL, FOREIGN KEY ("example_id") REFERENCES "example" ("id"),
    FOREIGN KEY ("dataset_id") REFERENCES "dataset" ("id"));
CREATE INDEX IF NOT EXISTS "link_example_id" ON "link" ("example_id");
CREATE INDEX IF NOT EXISTS "link_dataset_id" ON "link" ("dataset_id");
"""
_INSERT_DATASET = "INSERT OR IGNORE INTO dataset (name, created, meta, session) VALUES (?, ?, ?, ?)"


class _Answers:
    """The database."""

    def __init__(self, path: Path, dataset: str) -> None:
        self._path, self._dataset = path, dataset
        with closing(self._connect()) as connection:
            connection.executescript(_TABLES)
            with connection:
                connection.execute(_INSERT_DATASET, (dataset, int(time.time()), b"{}", 0))

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=30)

    def hashes(self, key: str, session: str | None) -> set[int]:
        """What is answered in the dataset, or in it by one session: the hashes that the key names."""
        query = (
            f"SELECT {key[1:]} FROM example JOIN link ON example.id = example_id "
            "JOIN dataset ON dataset.id = dataset_id WHERE dataset.name = ?"
        )
        with closing(self._connect()) as connection:
            return {number for (number,) in connection.execute(query, (session or self._dataset,))}

    def add(self, answers: Sequence[Mapping[str, Any]], session: str) -> None:
        """Save answers."""
        with closing(self._connect()) as connection, connection:
            connection.execute(_INSERT_DATASET, (session, int(time.time()), b"{}", 1))
            query = "SELECT id FROM dataset WHERE name IN (?, ?) ORDER BY session"
            ids = [number for (number,) in connection.execute(query, (self._dataset, session))]
            for answer in answers:
                content = {**answer, "_annotator_id": session, "_session_id": session, "_timestamp": int(time.time())}
                example = connection.execute(
                    "INSERT INTO example (input_hash, task_hash, content) VALUES (?, ?, ?)",
                    (answer["_input_hash"], answer["_task_hash"], json.dumps(content).encode()),
                ).lastrowid
                for each in ids:
                    connection.execute("INSERT INTO link (example_id, dataset_id) VALUES (?, ?)", (example, each))


class _Stream:
    """Tasks as they are asked for.

    Attributes:
        taken: How many lines were read.
    """

    def __init__(self, *, key: str, label: str | None, answered: Callable[[str], set[int]]) -> None:
        self.taken = 0
        self._key, self._label, self._answered = key, label, answered
        self._had: set[int] = set()
        self._turn = threading.Lock()
        tasks = self._tasks()
        self._rest = chain(list(islice(tasks, 1)), tasks)  # the first is validated before anything is served

    def batch(self, size: int) -> list[dict[str, Any]]:
        """The next tasks, each given out once."""
        with self._turn:
            answered = self._answered(self._key)
            return list(islice((task for task in self._rest if task[self._key] not in answered), size))

    def _tasks(self) -> Iterator[dict[str, Any]]:
        for line in sys.stdin:
            self.taken += 1
            task = json.loads(line)
            task = with_hashes(task if self._label is None else {**task, "label": self._label})
            if task[self._key] not in self._had:
                self._had.add(task[self._key])
                yield task


def serve_piped(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Serve until a signal comes."""
    found = settings.read_settings(environ, Path.cwd())
    dataset, labels = argv[1], (argv[argv.index("--label") + 1] if "--label" in argv else "").split(",")
    path = settings.find_database(found, environ).path
    assert path is not None, "the stand-in knows SQLite only"
    answers = _Answers(path, dataset)
    choice = argv[0] == "textcat.manual"
    key = "_input_hash" if choice and len(labels) > 1 else f"_{found['exclude_by']}_hash"
    label = labels[0] if choice and len(labels) == 1 else None
    session = f"{dataset}-{environ.get('PRODIGY_ALLOWED_SESSIONS') or 'somebody'}"
    own = session if found["feed_overlap"] else None
    stream = _Stream(key=key, label=label, answered=lambda key: answers.hashes(key, own))
    handler = _handler(stream, answers, session, batch_size=int(found["batch_size"]))
    server = ThreadingHTTPServer((str(found["host"]), int(found["port"])), handler)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.05)
    sys.stderr.flush()
    os._exit(0)  # a thread may wait for standard input, which would keep Python from ending in order


def _handler(stream: _Stream, answers: _Answers, session: str, *, batch_size: int) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._reply({"version": "1.18.4+standin", "taken": stream.taken})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
            if body.get("session_id", session) != session:
                self._reply({}, status=400)  # one name is allowed; with which status another is refused is not known
                return
            if self.path == "/get_session_questions":
                self._reply({"tasks": stream.batch(batch_size), "total": 0, "progress": None, "session_id": session})
            elif self.path == "/give_answers":
                answers.add(body["answers"], session)
                self._reply({"progress": None, "total": 0, "session_id": session})
            else:
                self._reply({}, status=404)

        def _reply(self, content: object, *, status: int = 200) -> None:
            encoded = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        def log_message(self, *args: object) -> None:
            """Requests are not logged."""

    return Handler
