"""Real embedded servers for tests: each in a process of its own, on a free port of loopback, ended by pid."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx

from server_nursery import Forked, nursery
from support import eventually, free_ports

SOURCE_FOLDER = Path(__file__).resolve().parents[1] / "src"


def write_jsonl(path: Path, tasks: Iterable[Mapping[str, Any]]) -> Path:
    """Write tasks as JSON lines, and return where."""
    path.write_text("".join(json.dumps(task, ensure_ascii=False) + "\n" for task in tasks), encoding="utf-8")
    return path


class EmbeddedServer:
    """One server process and a client of it."""

    def __init__(self, folder: Path, argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> None:
        self.folder, self.argv, self.env = folder, list(argv), dict(env or {})
        self.log = folder / "server.log"
        self.database = folder / "home" / "prodigy.db"
        [self.port] = free_ports(1)
        self.process: subprocess.Popen[bytes] | Forked | None = None
        self.ended = False
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60, trust_env=False)

    def environment(self) -> dict[str, str]:
        """A clean environment: nothing of the shell's Prodigy."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PRODIGY_")}
        own = {"PYTHONPATH": str(SOURCE_FOLDER), "PRODIGY_HOME": str(self.folder / "home")}
        address = {"PRODIGY_HOST": "127.0.0.1", "PRODIGY_PORT": str(self.port)}
        return {**kept, **own, **address, "PYTHONWARNINGS": "error", **self.env}

    def start(self, *, within: float = 200) -> EmbeddedServer:
        """Start it and wait for an answer."""
        self.process = self.launch()
        eventually(self.answers_or_ended, within=within, message="the server")
        assert self.process.poll() is None, self.log.read_text()
        return self

    def launch(self) -> subprocess.Popen[bytes] | Forked:
        """Start its process."""
        command = [sys.executable, "-m", "prodigy_team.annotate", *self.argv]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command, cwd=self.folder, env=self.environment(), stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )

    def answers_or_ended(self) -> bool:
        """Whether it answers, or never will."""
        if self.process is None or self.process.poll() is not None:
            return True
        try:
            return self.client.get("/version").status_code < 500
        except httpx.TransportError:
            return False

    def signal(self, number: int, *, within: float = 100) -> int:
        """Send a signal that ends it, and return the exit code."""
        assert self.process is not None
        self.ended = True
        self.process.send_signal(number)
        return self.process.wait(within)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGKILL)

    def close(self) -> None:
        """End it, whatever state it is in."""
        self.client.close()
        self.kill()

    def pull(self, session: str | None = None, *, held: Sequence[int] = (), **more: Any) -> dict[str, Any]:
        """The reply to a pull, for a session id, or none."""
        body = {**({"session_id": session} if session else {}), **({"held": list(held)} if held else {}), **more}
        reply = self.client.post("/get_session_questions", json=body)
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        return found

    def give(self, answers: Sequence[Mapping[str, Any]], session: str | None = None) -> httpx.Response:
        """Post answers."""
        body = {"answers": list(answers), **({"session_id": session} if session else {})}
        return self.client.post("/give_answers", json=body)

    def stored(self, dataset: str) -> list[dict[str, Any]]:
        """What the database holds of a dataset, in link order."""
        return [json.loads(content) for content in self.contents(dataset)]

    def contents(self, dataset: str) -> list[bytes]:
        """The bytes that the database holds of a dataset, in link order."""
        query = (
            "SELECT CAST(content AS BLOB) FROM example JOIN link ON example.id = example_id "
            "JOIN dataset ON dataset.id = dataset_id WHERE name = ? ORDER BY link.id"
        )
        with closing(sqlite3.connect(self.database, timeout=60)) as connection:
            return [row[0] for row in connection.execute(query, (dataset,))]

    def output(self) -> str:
        """What it printed so far."""
        return self.log.read_text(encoding="utf-8")


class ForkedServer(EmbeddedServer):
    """An embedded server that a nursery starts, without the imports; nobody learns its exit code."""

    def launch(self) -> Forked:
        """As `EmbeddedServer.launch`."""
        return nursery().fork(self.argv, self.folder, self.environment(), self.log)


@contextmanager
def served(
    folder: Path, argv: Sequence[str], *, kind: type[EmbeddedServer] = ForkedServer, **env: str
) -> Iterator[EmbeddedServer]:
    """A running server, ended at the end."""
    server = kind(folder, argv, env=env)
    try:
        yield server.start()
    finally:
        server.close()


def answer(task: Mapping[str, Any], decision: str = "accept", **more: Any) -> dict[str, Any]:
    """A task with a decision, as a page sends it back."""
    return {**task, "answer": decision, **more}
