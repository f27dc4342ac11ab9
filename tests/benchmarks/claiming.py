"""Claims a second and how long each takes, with eight processes on one ledger."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from measuring import PROGRAMS, ROOT, Figure, Settings

from ledgers import World
from prodigy_team.store.appending import newest_digest

PROCESSES = 8
PEOPLE = [f"person{number}" for number in range(32)]
DONE_BY = ("first", "second")
RATE = 400
SECONDS = 10.0


def claims(settings: Settings) -> Iterator[Figure]:
    """100,000 tasks untouched, then 100,000 and 1,000,000 of which a tenth is left."""
    for tasks, done in ((100_000, False), (100_000, True), (1_000_000, True)):
        world = prepare(settings.folder / f"{tasks}-{done}", tasks, done=done)
        yield from sync_figures(world, tasks)
        text = f"{tasks:,} tasks, {'a tenth left' if done else 'untouched'}"
        yield from paced(world, text)
        if not done:
            yield saturated(world, text)


def paced(world: World, text: str) -> Iterator[Figure]:
    """400 claims a second."""
    full, empty, rate, busy = run(world, RATE)
    row, held = (quantile(bare(world, len(full) // PROCESSES, hold), 0.99) for hold in (0.0, busy))
    note = f"{rate:.0f} claims/s; median {quantile(full, 0.5):.2f}, worst {max(full):.0f} ms; processor {busy:.2f} ms"
    note += f"; beside the same saves lock and one row: p99 {row:.1f}, held for as long: {held:.1f} ms"
    yield Figure("claims", f"{text}: p99 of a claim of 10, ms", (quantile(full, 0.99),), 5, note=note)
    if empty:
        note = f"median {quantile(empty, 0.5):.2f}, worst {max(empty):.0f} ms"
        yield Figure("claims", f"{text}: p99 of a pull that ends empty, ms", (quantile(empty, 0.99),), 5, note=note)


def saturated(world: World, text: str) -> Figure:
    """As many as the machine gives."""
    full, empty, rate, _ = run(world, 0)
    note = f"{rate:.0f} claims/s; p99 {quantile(full + empty, 0.99):.1f} ms"
    return Figure("claims", f"{text}, saturated: longest wait, ms", (max(full + empty),), 250, note=note)


def sync_figures(world: World, tasks: int) -> Iterator[Figure]:
    """How long the first process takes, and how much memory; then how long one that finds it done."""
    program = [sys.executable, str(PROGRAMS / "claiming_worker.py"), str(world.folder), "sync"]
    found = json.loads(subprocess.run(program, env=environment(), check=True, stdout=subprocess.PIPE).stdout)
    note = f"peak {found['megabytes']:.0f} MB; found done in {found['again']:.3f} s"
    yield Figure("claims", f"first sync of {tasks:,} tasks, s", (found["seconds"],), 3 + tasks / 50_000, note=note)
    yield Figure("claims", f"memory of the first sync of {tasks:,} tasks, MB", (found["megabytes"],), 150)


def run(world: World, rate: int) -> tuple[list[float], list[float], float, float]:
    """Milliseconds of the claims that gave something and of those that did not; claims a second; median of what
    of the former is the processor's, whatever else the machine does.
    """
    results = work(world, "claim", rate)
    full = [each for result in results for each in result["full"]]
    empty = [each for result in results for each in result["empty"]]
    processor = [each for result in results for each in result["processor"]]
    return full, empty, (len(full) + len(empty)) / SECONDS, quantile(processor, 0.5)


def bare(world: World, saves: int, hold: float) -> list[float]:
    """Milliseconds of what any claim would need, at the same pace: what is the machine's in the figures of claims.

    Args:
        saves: Of each process.
        hold: Milliseconds for which the lock is held.
    """
    return [each for result in work(world, "bare", RATE, str(saves), str(hold)) for each in result]


def work(world: World, what: str, rate: int, *more: str) -> list[Any]:
    """What each of the processes found."""
    program = [sys.executable, str(PROGRAMS / "claiming_worker.py"), str(world.folder), what]
    start = time.time() + 6
    processes = [
        subprocess.Popen(
            [*program, ",".join(PEOPLE[number::PROCESSES]), str(rate / PROCESSES), str(start), str(SECONDS), *more],
            env=environment(),
            stdout=subprocess.PIPE,
        )
        for number in range(PROCESSES)
    ]
    return [json.loads(process.communicate()[0]) for process in processes]


def prepare(folder: Path, tasks: int, *, done: bool) -> World:
    """A source, and the answers of two people: one has answered all, the other nine tenths."""
    folder.mkdir(parents=True)
    world = World(folder)
    world.write(f"Headline number {number} of many that somebody wrote for a paper" for number in range(tasks))
    index = world.index()
    world.open_store().close()
    if done:
        with closing(sqlite3.connect(world.database)) as connection:
            connection.execute("ATTACH DATABASE ? AS source", (str(index.path),))
            for name, last in zip(DONE_BY, (tasks, tasks * 9 // 10), strict=True):
                fill(connection, f"headlines_{name}", last)
    return world


def fill(connection: sqlite3.Connection, dataset: str, last: int) -> None:
    """Answers to the first tasks of the source, as if an embedded server had stored them."""
    run = connection.execute
    with connection:
        run("INSERT INTO dataset (name, created, meta, session) VALUES (?, 1, x'7b7d', 0)", (dataset,))
        number = run("SELECT id FROM dataset WHERE name = ?", (dataset,)).fetchone()[0]
        first = run("SELECT coalesce(max(id), 0) FROM example").fetchone()[0]
        content = 'CAST(\'{"text":"Headline \' || place || \'","answer":"accept"}\' AS BLOB)'
        rows = f"SELECT {first} + place, hash, hash, {content} FROM source.task WHERE place <= ? ORDER BY place"
        run(f"INSERT INTO example {rows}", (last,))
        run("INSERT INTO link SELECT id, id, ? FROM example WHERE id > ? ORDER BY id", (number, first))
        run("INSERT INTO prodigy_team_dataset (name, dataset_id, created) VALUES (?, ?, 1)", (dataset, number))
        run(
            "INSERT INTO prodigy_team_answer (dataset, identity, annotator, version, link, digest) "
            "SELECT (SELECT id FROM prodigy_team_dataset WHERE name = ?), identity, ?, 0, ? + place, identity "
            "FROM source.task WHERE place <= ? ORDER BY place",
            (dataset, f"{dataset}-{dataset.removeprefix('headlines_')}", first, last),
        )
        seal(connection, dataset, first + last, last)


def seal(connection: sqlite3.Connection, dataset: str, mark: int, links: int) -> None:
    """Say that the index of a dataset is complete."""

    run = connection.execute
    content = run("SELECT content FROM example WHERE id = ?", (mark,)).fetchone()[0]
    run(
        "UPDATE prodigy_team_dataset SET mark = ?, links = ?, newest = ? WHERE name = ?",
        (mark, links, newest_digest(mark, content), dataset),
    )


def environment() -> dict[str, str]:
    """Of the worker processes."""
    paths = [str(ROOT / "src"), str(ROOT / "tests"), str(ROOT / "tests" / "benchmarks")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def quantile(values: list[float], part: float) -> float:
    """So many of the values are at most this."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]
