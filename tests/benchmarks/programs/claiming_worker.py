"""One process of part "claims": brings the ledger up to date, or answers and claims at a given pace.

    python claiming_worker.py FOLDER sync
    python claiming_worker.py FOLDER claim PEOPLE CLAIMS_A_SECOND START SECONDS   0: as many as it can
    python claiming_worker.py FOLDER bare PEOPLE CLAIMS_A_SECOND START SECONDS SAVES HOLD_MS

Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from claiming import DONE_BY, PEOPLE
from measuring import peak_megabytes

from ledgers import World
from prodigy_team.allocation.ledger import Leased, Ledger
from prodigy_team.allocation.ledger.handle import connect
from prodigy_team.store import NewAnswer, Store
from prodigy_team.store.locking import WriteLock, lock_path


def sync(world: World) -> None:
    """The first one, and one more."""
    index, rules = world.index(), world.rules(*DONE_BY, *PEOPLE, k="2")
    began = time.perf_counter()
    world.ledger().sync(rules, index)
    seconds = time.perf_counter() - began
    peak = peak_megabytes(os.getpid())
    began = time.perf_counter()
    world.ledger().sync(rules, index)
    print(json.dumps({"seconds": seconds, "megabytes": peak, "again": time.perf_counter() - began}))


def claim(world: World, people: str, rate: str, start: str, seconds: str) -> None:
    """Take turns, each answering what they got; one pull in ten is by somebody for whom nothing is left.

    Answers are stored by a thread of their own, as servers do it; who asks again waits until their last ones are.
    """
    ledger = world.ledger(world.rules(*DONE_BY, *PEOPLE, k="2"))
    names = people.split(",")
    full: list[float] = []
    empty: list[float] = []
    processor: list[float] = []
    with world.open_store_once() as store, ThreadPoolExecutor(1) as answers:
        stored: dict[str, Future[None]] = {}
        for turn in turns(people, float(rate), float(start), float(seconds)):
            name = DONE_BY[0] if turn % 10 == 9 else names[turn % len(names)]
            if name in stored:
                stored.pop(name).result()
            took, busy, leases = one_claim(ledger, name)
            (full if leases else empty).append(took)
            processor += [busy] if leases else []
            if leases and name != DONE_BY[0]:
                tasks = [(each.place, each.identity) for each in leases]
                stored[name] = answers.submit(store_answers, store, name, tasks)
    print(json.dumps({"full": full, "empty": empty, "processor": processor}))


def bare(world: World, people: str, rate: str, start: str, seconds: str, saves: str, hold: str) -> None:
    """At the same pace and beside as many saves: no claim, but only what any would need, lock and commit of one row.

    The lock is held until the processor has spent so many milliseconds more on nothing.
    """
    path, names = world.folder / "bare.db", people.split(",")
    lock = WriteLock(lock_path(path))
    with lock:
        connection = connect(path)
    took: list[float] = []
    stored: dict[str, Future[None]] = {}
    with closing(connection), world.open_store_once() as store, ThreadPoolExecutor(1) as answers:
        for turn in turns(people, float(rate), float(start), float(seconds)):
            name = f"bare-{names[turn % len(names)]}"
            if name in stored:
                stored.pop(name).result()
            began = time.perf_counter()
            with lock:
                end = time.thread_time() + float(hold) / 1000
                while time.thread_time() < end:
                    pass
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("INSERT OR REPLACE INTO screen VALUES (1, ?, 1, ?)", (name, began))
                connection.execute("COMMIT")
            took.append(1000 * (time.perf_counter() - began))
            if turn < int(saves):
                tasks = [(turn, os.urandom(16)) for _ in range(10)]
                stored[name] = answers.submit(store_answers, store, name, tasks)
    print(json.dumps(took))


def turns(people: str, rate: float, start: float, seconds: float) -> Iterator[int]:
    """Wait for each turn. People come independently of each other, the first as the others: at times drawn from the
    exponential distribution, not all in one step.
    """
    chance, due = random.Random(people), start
    for turn in range(10**9):
        due += chance.expovariate(rate) if rate else 0.0
        time.sleep(max(0.0, due - time.time()))
        if time.time() > start + seconds:
            return
        yield turn


def one_claim(ledger: Ledger, name: str) -> tuple[float, float, Sequence[Leased]]:
    """Milliseconds of a claim, those of the processor, and what it gave."""
    began, busy = time.perf_counter(), time.thread_time()
    leases = ledger.pull(name, count=10).leases
    return 1000 * (time.perf_counter() - began), 1000 * (time.thread_time() - busy), leases


def store_answers(store: Store, name: str, tasks: list[tuple[int, bytes]]) -> None:
    """Somebody's answers to tasks, in one save."""
    dataset = f"headlines_{name}"
    content = b'{"text":"Headline %d","answer":"accept","_annotator_id":"%s"}'
    owner = f"{dataset}-{name}"
    answers = [NewAnswer(content % (place, owner.encode()), place, place, owner, identity) for place, identity in tasks]
    store.append(dataset, [answers])


if __name__ == "__main__":
    here = World(Path(sys.argv[1]), time=time.time())
    {"sync": sync, "claim": claim, "bare": bare}[sys.argv[2]](here, *sys.argv[3:])
    here.close()
