"""Part f: the two requests a browser makes all day, on the embedded server and on plain starlette."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sqlite3
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from measuring import (
    PROGRAMS,
    ROOT,
    Figure,
    Settings,
    cpu_seconds,
    environment,
    free_range,
    middle,
    ratios,
    running,
    wait_for_port,
)

CONNECTIONS = 16
PULLS = 30_000
POSTS = 12_000
SESSION = "bench-ann"
SENTENCE = "The council of the town met late on Tuesday to talk about the new bridge over the river once more"


class Load(NamedTuple):
    """What came of sending requests: requests a second, and microseconds of the server's CPU for each."""

    rate: float
    cost: float


def requests(settings: Settings) -> list[Figure]:
    """Part f: requests a second of both, in turn, and rows stored against requests answered."""
    folder = settings.folder / "rest"
    folder.mkdir()
    source = write_source(folder / "source.jsonl", POSTS * settings.rounds + 1000)
    found: dict[str, list[Load]] = {f"{name} {kind}": [] for name in ("ours", "plain") for kind in ("GET", "POST")}
    for number in range(settings.rounds):
        settings.say(f"requests, round {number + 1}")
        for name in ("ours", "plain"):
            place = folder / f"{name}{number}"
            place.mkdir()
            with server(name, place, source, settings) as (port, pid):
                found[f"{name} GET"].append(load(port, pid, "/get_session_questions", write_pull(place), PULLS, place))
                bodies = write_answers(place, source, number * POSTS)
                found[f"{name} POST"].append(load(port, pid, "/give_answers", bodies, POSTS, place))
            check_rows(place / "prodigy.db")
    return [
        figure("GET of a batch", found["ours GET"], found["plain GET"], 2.5),
        figure("POST of an answer", found["ours POST"], found["plain POST"], 1.4),
    ]


def figure(text: str, ours: list[Load], plain: list[Load], goal: float) -> Figure:
    """Requests a second against each other, and what each costs the processor, which a busy machine changes less."""
    loop = "uvloop" if importlib.util.find_spec("uvloop") else "asyncio"
    client = "wrk" if shutil.which("wrk") else "own client"
    rates = [[each.rate for each in loads] for loads in (ours, plain)]
    costs = [[each.cost for each in loads] for loads in (ours, plain)]
    note = f"{middle(rates[0], '/s', 0)} against {middle(rates[1], '/s', 0)}; "
    note += f"CPU {middle(costs[0], 'us', 0)} against {middle(costs[1], 'us', 0)} ({loop}, {client})"
    return Figure("f", f"{text} / plain starlette, requests a second", ratios(*rates), goal, True, note)


def write_source(path: Path, count: int) -> Path:
    """Tasks of some 800 bytes, as a token view sends them, so that a batch of ten has 8 KB."""
    with path.open("w") as file:
        for number in range(count):
            file.write(json.dumps({"text": f"{number} " + " ".join([SENTENCE] * 5), "meta": {"page": number}}) + "\n")
    return path


@contextmanager
def server(name: str, folder: Path, source: Path, settings: Settings) -> Iterator[tuple[int, int]]:
    """One of the two on a free port; gives port and pid."""
    [port] = free_range(1)
    env = environment(folder, PRODIGY_HOME=str(folder), PRODIGY_HOST="127.0.0.1", PRODIGY_PORT=str(port))
    env["PRODIGY_ALLOWED_SESSIONS"] = "ann"
    if name == "ours":
        command = [settings.python, "-m", "prodigy_team.annotate", "textcat.manual", "bench", str(source)]
        command += ["--label", "A,B,C"]
    else:
        make_database(folder / "prodigy.db")
        tasks = folder / "tasks.json"
        tasks.write_text(json.dumps(first_batch(folder.with_name(folder.name.replace("plain", "ours")))))
        command = [settings.python, str(PROGRAMS / "plain_rest.py"), str(port), str(folder / "prodigy.db"), str(tasks)]
    with running(command, env, folder) as process:
        wait_for_port(port, process)
        if name == "ours":
            (folder / "batch.json").write_bytes(ask(port, {"session_id": SESSION}))
        yield port, process.pid


def ask(port: int, body: dict[str, Any]) -> bytes:
    """The reply to one pull."""
    address = f"http://127.0.0.1:{port}/get_session_questions"
    request = urllib.request.Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        found: bytes = reply.read()
        return found


def first_batch(folder: Path) -> list[dict[str, Any]]:
    """The tasks that our server sent, for the other to send the same."""
    tasks: list[dict[str, Any]] = json.loads((folder / "batch.json").read_bytes())["tasks"]
    return tasks


def make_database(path: Path) -> None:
    """The same tables and indexes that our server writes."""
    schema = ROOT / "src/prodigy_team/store/schema/sqlite.sql"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(schema.read_text())


def write_pull(folder: Path) -> Path:
    """The body of a pull."""
    path = folder / "pull.txt"
    path.write_text(json.dumps({"session_id": SESSION}) + "\n")
    return path


def write_answers(folder: Path, source: Path, skip: int) -> Path:
    """The bodies of as many requests, each with one answer to another task of the source, as the page sends them."""
    from prodigy_team.tasks import with_hashes

    template = first_batch(folder.with_name(folder.name.replace("plain", "ours")))[0]
    path = folder / "answers.txt"
    with source.open() as tasks, path.open("w") as file:
        for number, line in enumerate(tasks):
            if skip <= number < skip + POSTS:
                answer = {**template, **json.loads(line), "accept": ["A"], "answer": "accept", "_timestamp": 1700000000}
                del answer["_input_hash"], answer["_task_hash"]
                answer = {**with_hashes(answer), "_answer_id": f"{number:032x}"}
                file.write(json.dumps({"answers": [answer], "session_id": SESSION}) + "\n")
    return path


def load(port: int, pid: int, path: str, bodies: Path, count: int, folder: Path) -> Load:
    """Send requests over 16 connections from another process."""
    before = cpu_seconds(pid)
    address, env = f"127.0.0.1:{port}", environment(folder, LOAD_BODIES=str(bodies), LOAD_COUNT=str(count))
    if shutil.which("wrk"):
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", "-d120s", "--timeout", "30s", "-s", str(PROGRAMS / "load.lua")]
        command.append(f"http://{address}{path}")
    else:
        python = shutil.which("python3") or "python3"
        command = [python, str(PROGRAMS / "load.py"), address, path, str(CONNECTIONS), str(bodies), str(count)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=150, stdin=subprocess.DEVNULL)
    found = next((line.split() for line in done.stdout.splitlines() if line.startswith("LOAD ")), None)
    if found is None or int(found[2]) != count or int(found[3]):
        raise SystemExit(f"the load on {path} went wrong:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return Load(count / float(found[1]), (cpu_seconds(pid) - before) / count * 1e6)


def check_rows(database: Path) -> None:
    """Each answered POST is one row with two links."""
    with closing(sqlite3.connect(database)) as connection:
        rows = [connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("example", "link")]
    if rows != [POSTS, 2 * POSTS]:
        raise SystemExit(
            f"{POSTS} POSTs were answered, but {rows[0]} rows and {rows[1]} links are stored in {database}"
        )
