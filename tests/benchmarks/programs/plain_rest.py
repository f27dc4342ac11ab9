"""The two busy requests on plain starlette, as one would write them: `python plain_rest.py PORT DATABASE TASKS`.

Tasks are Python objects that JSONResponse encodes at each request; each POST is one commit into Prodigy's tables with
synchronous=FULL in WAL mode: one example row and two links for every answer. It keeps no record of who answered what,
so that it does less than the server it is compared with.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

port, database, tasks = int(sys.argv[1]), sys.argv[2], json.loads(Path(sys.argv[3]).read_text())
connection = sqlite3.connect(database, isolation_level=None)
connection.execute("PRAGMA journal_mode=WAL")
connection.execute("PRAGMA synchronous=FULL")
answered = 0


def dataset(name: str, session: int) -> int:
    """The id of a dataset, made where there is none."""
    connection.execute(
        "INSERT OR IGNORE INTO dataset (name, created, meta, session) VALUES (?, 0, ?, ?)", (name, b"{}", session)
    )
    found: int = connection.execute("SELECT id FROM dataset WHERE name = ?", (name,)).fetchone()[0]
    return found


main, session = dataset("bench", 0), dataset("bench-ann", 1)


async def get_session_questions(request: Request) -> JSONResponse:
    """A batch for a session."""
    body = await request.json()
    return JSONResponse({"tasks": tasks, "total": answered, "progress": 0.0, "session_id": body["session_id"]})


async def give_answers(request: Request) -> JSONResponse:
    """Store answers, one commit a request."""
    global answered
    body = await request.json()
    connection.execute("BEGIN IMMEDIATE")
    for answer in body["answers"]:
        answer["_session_id"] = answer["_annotator_id"] = body["session_id"]
        example = connection.execute(
            "INSERT INTO example (input_hash, task_hash, content) VALUES (?, ?, ?)",
            (answer["_input_hash"], answer["_task_hash"], json.dumps(answer).encode()),
        ).lastrowid
        connection.execute("INSERT INTO link (example_id, dataset_id) VALUES (?, ?)", (example, main))
        connection.execute("INSERT INTO link (example_id, dataset_id) VALUES (?, ?)", (example, session))
    connection.execute("COMMIT")
    answered += len(body["answers"])
    return JSONResponse({"progress": 0.0, "total": answered, "session_id": body["session_id"]})


app = Starlette(
    routes=[
        Route("/get_session_questions", get_session_questions, methods=["POST"]),
        Route("/give_answers", give_answers, methods=["POST"]),
    ]
)
options = {"access_log": False, "server_header": False, "proxy_headers": False, "log_level": "error"}  # as ours
uvicorn.run(app, host="127.0.0.1", port=port, loop="auto", http="httptools", ws="none", lifespan="off", **options)
