"""Part g: a server on a million lines of which nine in ten are answered."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from measuring import (
    ROOT,
    Figure,
    Settings,
    cpu_seconds,
    environment,
    free_range,
    middle,
    peak_megabytes,
    pss_megabytes,
    running,
)

ANSWERED = 0.9
SESSION = "large-ann"
AT_ONCE = 20_000
WORDS = ("council", "river", "bridge", "market", "winter", "harbour", "library", "signal", "garden", "engine", "window")


def start_up(settings: Settings) -> list[Figure]:
    """Part g: seconds from the start of the process to the first task, indexed and not, and memory."""
    folder = settings.folder / "large"
    folder.mkdir()
    source = folder / "source.jsonl"
    write_source(source, settings.lines)
    settings.say(f"answering {ANSWERED:.0%} of {settings.lines:,} tasks")
    fill(folder, source, settings)
    times: dict[str, list[float]] = {"cold": [], "warm": []}
    spent: dict[str, list[float]] = {"cold": [], "warm": []}
    memory: dict[str, list[float]] = {"peak": [], "pss": []}
    for number in range(settings.rounds):
        for state in ("cold", "warm"):
            settings.say(f"a source of {settings.lines:,} lines, {state}, round {number + 1}")
            if state == "cold":
                shutil.rmtree(folder / "home" / "index", ignore_errors=True)
            seconds, cpu, peak, pss = first_task(folder, source, settings)
            times[state].append(seconds)
            spent[state].append(cpu)
            memory["peak"].append(peak)
            memory["pss"].append(pss)
    lines = f"{settings.lines:,} lines, {ANSWERED:.0%} answered"
    return [
        Figure("g", f"{lines}: first task, indexed, s", tuple(times["warm"]), 2, note=f"CPU {middle(spent['warm'])}"),
        Figure("g", f"{lines}: first task, cold, s", tuple(times["cold"]), 10, note=f"CPU {middle(spent['cold'])}"),
        Figure(
            "g", f"{lines}: peak memory, MB", tuple(memory["peak"]), 150, note=f"PSS {middle(memory['pss'], 'MB', 0)}"
        ),
    ]


def write_source(path: Path, count: int) -> None:
    """Lines of about 100 bytes, each different."""
    with path.open("w") as file:
        for number in range(count):
            words = " ".join(WORDS[(number * step + step) % len(WORDS)] for step in (1, 5, 7, 11, 13))
            file.write(json.dumps({"text": f"{words} number {number}", "meta": {"line": number}}) + "\n")


def fill(folder: Path, source: Path, settings: Settings) -> None:
    """Answer nine in ten tasks through the store, as the server's writer does, in another process."""
    env = environment(folder)
    program = [settings.python, str(Path(__file__).resolve()), str(source), str(folder / "home"), str(settings.lines)]
    subprocess.run(program, env=env, check=True, stdout=subprocess.DEVNULL)


def first_task(folder: Path, source: Path, settings: Settings) -> tuple[float, float, float, float]:
    """Start the server, pull, and end it: seconds and CPU seconds to the first task, peak memory and PSS in MB."""
    [port] = free_range(1)
    env = environment(folder, PRODIGY_HOST="127.0.0.1", PRODIGY_PORT=str(port), PRODIGY_ALLOWED_SESSIONS="ann")
    command = [settings.python, "-m", "prodigy_team.annotate", "ner.manual", "large", "blank:en", str(source)]
    command += ["--label", "A,B"]
    began = time.perf_counter()
    with running(command, env, folder) as process:
        reply = pull(port, process)
        seconds = time.perf_counter() - began
        found = [task["meta"]["line"] for task in reply["tasks"]]
        expected = list(first_open(settings.lines, len(found)))
        if not found or found != expected:
            raise SystemExit(f"the first tasks should be lines {expected}, but are {found}")
        return seconds, cpu_seconds(process.pid), peak_megabytes(process.pid), pss_megabytes([process.pid])


def pull(port: int, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Ask until there is an answer."""
    body = json.dumps({"session_id": SESSION}).encode()
    while process.poll() is None:
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/get_session_questions", body, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as reply:
                found: dict[str, Any] = json.loads(reply.read())
                return found
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.01)
    raise SystemExit("the server ended before it gave a task")


def is_answered(number: int, count: int) -> bool:
    """The first tasks of the source are answered, with few gaps: as it is after months of work in order."""
    return number < count * ANSWERED


def first_open(count: int, how_many: int) -> Iterator[int]:
    """The lines that the server should offer."""
    left = (number for number in range(count) if not is_answered(number, count))
    yield from (number for number, _ in zip(left, range(how_many), strict=False))


def answer_all(source: Path, home: Path, count: int) -> None:
    """In the other process: what the server's writer thread does with posted answers."""
    from prodigy_team.settings import Database
    from prodigy_team.store.base import NewAnswer, open_store
    from prodigy_team.tasks import identity, with_hashes

    home.mkdir(exist_ok=True)
    store = open_store(Database("sqlite", home / "prodigy.db", "benchmark"), write=True, create=True)
    batch: list[NewAnswer] = []
    with source.open() as lines:
        for number, line in enumerate(lines):
            if is_answered(number, count):
                task = with_hashes(json.loads(line))
                owner = {"answer": "accept", "_annotator_id": SESSION, "_session_id": SESSION}
                content = json.dumps({**task, **owner, "_answer_id": f"{number:032x}"}, separators=(",", ":")).encode()
                hashes = task["_input_hash"], task["_task_hash"]
                known = identity(task, "task")
                batch.append(NewAnswer(content, *hashes, SESSION, known, f"{number:032x}", None, (SESSION,)))
            if len(batch) == AT_ONCE:
                store.append("large", [batch])
                batch = []
    if batch:
        store.append("large", [batch])
    store.close()


if __name__ == "__main__":
    import sys

    sys.path.insert(0, str(ROOT / "src"))
    answer_all(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
