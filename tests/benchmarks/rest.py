# ruff: noqa: E501
"""Requests a second of the embedded server against plain starlette, one run: GET of a batch, POST of answers.

The opponent does the same work as most would write it: JSONResponse for a batch of tasks, `request.json()` and one
commit per POST, synchronous=FULL, into the same tables. Both run on uvicorn with httptools; wrk asks over 16 connections.

    python tests/benchmarks/rest.py [--seconds 3] [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

TASKS = 100_000
SOURCE = Path(__file__).resolve().parents[2] / "src"

OPPONENT = """
import json, sqlite3, sys, time
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
import uvicorn
batch = json.load(open(sys.argv[3]))
db = sqlite3.connect(sys.argv[2], isolation_level=None, check_same_thread=False)
db.execute("PRAGMA journal_mode=WAL"); db.execute("PRAGMA synchronous=FULL")
db.executescript(open(sys.argv[4]).read())
db.execute("INSERT INTO dataset VALUES (1, 'ds', 0, '{}', 0), (2, 'ds-ana', 0, '{}', 1)")
async def questions(request):
    return JSONResponse({"tasks": batch, "total": 0, "progress": 0.0, "progress_kind": "source", "session_id": "ds-ana"})
async def answers(request):
    body = await request.json()
    db.execute("BEGIN IMMEDIATE")
    for each in body["answers"]:
        each.update({"_timestamp": int(time.time()), "_annotator_id": body["session_id"], "_session_id": body["session_id"]})
        content = json.dumps(each, separators=(",", ":"), ensure_ascii=False)
        cursor = db.execute("INSERT INTO example (input_hash, task_hash, content) VALUES (?, ?, ?)",
                            (each["_input_hash"], each["_task_hash"], content.encode()))
        example = cursor.lastrowid
        link = db.execute("INSERT INTO link (example_id, dataset_id) VALUES (?, 1)", (example,)).lastrowid
        db.execute("INSERT INTO link (example_id, dataset_id) VALUES (?, 2)", (example,))
        db.execute("INSERT INTO prodigy_team_answer (dataset, identity, annotator, version, link, digest) "
                   "VALUES (1, ?, 'ds-ana', 0, ?, x'00')", (str(each["_task_hash"]) + str(each["_input_hash"]), link))
    db.execute("COMMIT")
    return JSONResponse({"progress": 0.0})
app = Starlette(routes=[Route("/get_session_questions", questions, methods=["POST"]), Route("/get_questions", questions),
                        Route("/version", questions), Route("/give_answers", answers, methods=["POST"])])
uvicorn.run(app, port=int(sys.argv[1]), http="httptools", access_log=False, log_level="warning", lifespan="off")
"""

POST = """
local bodies, at = {}, 0
for line in io.lines(FILE) do bodies[#bodies + 1] = line end
request = function()
  at = at + 1
  return wrk.format("POST", "/give_answers", {["Content-Type"] = "application/json"}, bodies[at])
end
"""
PULL = """
request = function()
  return wrk.format("POST", "/get_session_questions", {["Content-Type"] = "application/json"}, '{"session_id": "ds-ana"}')
end
"""


def task(number: int) -> dict[str, object]:
    """A headline with tokens, as annotators get it."""
    words = [
        f"word{number}",
        *["is", "in", "the", "news", "of", "this", "morning", "again", ",", "says", "somebody", "who", "knows"],
    ]
    tokens, at = [], 0
    for place, word in enumerate(words):
        tokens.append({"text": word, "start": at, "end": at + len(word), "id": place, "ws": True})
        at += len(word) + 1
    return {"text": " ".join(words), "meta": {"n": number}, "tokens": tokens}


class Bench:
    """One run's folder and servers."""

    def __init__(self, folder: Path, seconds: int) -> None:
        self.folder, self.seconds = folder, seconds
        self.cpu_per_request = 0.0
        self.running: subprocess.Popen[bytes] | None = None

    def start(self, command: list[str], port: int) -> None:
        """Start a server and wait for it."""
        own = {"PRODIGY_HOME": str(self.folder / "home"), "PRODIGY_HOST": "127.0.0.1", "PRODIGY_PORT": str(port)}
        env = {**os.environ, "PYTHONPATH": str(SOURCE), **own}
        with (self.folder / "log").open("ab") as log:
            self.running = subprocess.Popen(command, env=env, stdout=log, stderr=log, cwd=self.folder)
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/version", timeout=5).close()
                return
            except OSError:
                if self.running.poll() is not None:
                    sys.exit((self.folder / "log").read_text())
                time.sleep(0.1)

    def stop(self) -> None:
        """End the server."""
        assert self.running is not None
        self.running.send_signal(signal.SIGINT)
        self.running.wait(20)

    def ask(self, port: int, script: str) -> float:
        """Requests a second, as wrk counts them; errors end the benchmark."""
        path = self.folder / "script.lua"
        path.write_text(script)
        options = ["-t1", "-c16", f"-d{self.seconds}s", "-s", str(path)]
        before = self.cpu_seconds()
        output = subprocess.run(["wrk", *options, f"http://127.0.0.1:{port}"], capture_output=True, text=True).stdout
        if "Non-2xx" in output:
            print(output)
        found = re.search(r"Requests/sec:\s+([0-9.]+)", output)
        count = re.search(r"(\d+) requests in", output)
        self.cpu_per_request = (self.cpu_seconds() - before) / max(int(count[1]) if count else 1, 1) * 1e6
        return float(found[1]) if found else 0.0

    def cpu_seconds(self) -> float:
        """What the server has used so far: on a busy machine this tells more than requests a second."""
        assert self.running is not None
        fields = Path(f"/proc/{self.running.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def write_bodies(bench: Bench, source: Path) -> list[Path]:
    """One file of bodies per round, so that no answer is sent twice."""
    sys.path.insert(0, str(SOURCE))
    from prodigy_team.tasks import with_hashes

    files = []
    with source.open() as lines:
        for part in range(4):
            path = bench.folder / f"bodies{part}"
            with path.open("w") as out:
                for number in range(TASKS // 4):
                    answer = {**with_hashes(json.loads(next(lines))), "answer": "accept", "_view_id": "ner_manual"}
                    answer["_answer_id"] = f"{part}-{number}"
                    print(json.dumps({"session_id": "ds-ana", "answers": [answer]}), file=out)
            files.append(path)
    return files


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if not shutil.which("wrk"):
        sys.exit("wrk is needed: apt-get install wrk")
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), options.seconds)
        source = bench.folder / "source.jsonl"
        with source.open("w") as out:
            for number in range(TASKS):
                print(json.dumps(task(number)), file=out)
        bodies = write_bodies(bench, source)
        (bench.folder / "opponent.py").write_text(OPPONENT)
        schema = SOURCE / "prodigy_team" / "store" / "schema" / "sqlite.sql"
        figures: dict[str, list[float]] = {}
        for number in range(options.rounds):
            for server, port in (("plain", 9471), ("embedded", 9472)):
                shutil.rmtree(bench.folder / "home", ignore_errors=True)
                if server == "plain":
                    (bench.folder / "batch.json").write_text(json.dumps([task(each) for each in range(10)]))
                    database = bench.folder / f"plain{number}.db"
                    files = [str(database), str(bench.folder / "batch.json"), str(schema)]
                    bench.start([sys.executable, str(bench.folder / "opponent.py"), str(port), *files], port)
                else:
                    recipe = ["ner.manual", "ds", "blank:en", str(source), "--label", "A,B"]
                    bench.start([sys.executable, "-m", "prodigy_team.annotate", *recipe], port)
                    database = bench.folder / "home" / "prodigy.db"
                for kind, script in (("GET", PULL), ("POST", f"FILE = {str(bodies[number % 4])!r}\n{POST}")):
                    figures.setdefault(f"{server} {kind}", []).append(bench.ask(port, script))
                    figures.setdefault(f"{server} {kind} CPU us", []).append(bench.cpu_per_request)
                bench.stop()
                rows = sqlite3.connect(database).execute("SELECT count(*) FROM example").fetchone()[0]
                print(
                    server, number, {key: round(values[-1]) for key, values in figures.items() if server in key}, rows
                )
        middle = {key: statistics.median(values) for key, values in figures.items()}
        for kind, goal in (("GET", 2.5), ("POST", 1.4)):
            ratio = middle[f"embedded {kind}"] / middle[f"plain {kind}"]
            cpu = middle[f"plain {kind} CPU us"] / middle[f"embedded {kind} CPU us"]
            print(
                f"{kind}: {ratio:.2f} times plain starlette's requests a second (goal {goal}); CPU per request 1/{cpu:.2f}"
            )


if __name__ == "__main__":
    main()
