"""One process of part "claims": brings the ledger up to date, or answers and claims at a given pace.

    python claiming_worker.py FOLDER sync
    python claiming_worker.py FOLDER claim PEOPLE CLAIMS_A_SECOND START SECONDS   0: as many as it can

Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from pathlib import Path

from claiming import DONE_BY, PEOPLE
from measuring import peak_megabytes

from ledgers import World
from prodigy_team.allocation.ledger import Ledger
from prodigy_team.store import NewAnswer, Store


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

    People come independently of each other: at times drawn from the exponential distribution, not all in one step.
    """
    ledger = world.ledger(world.rules(*DONE_BY, *PEOPLE, k="2"))
    names, chance = people.split(","), random.Random(people)
    full: list[float] = []
    empty: list[float] = []
    processor: list[float] = []
    due, end = float(start), float(start) + float(seconds)
    with world.open_store_once() as store:
        for turn in range(10**9):
            time.sleep(max(0.0, due - time.time()))
            if time.time() > end:
                break
            name = DONE_BY[0] if turn % 10 == 9 else names[turn % len(names)]
            took, busy, given = one_claim(ledger, store, name, save=name != DONE_BY[0])
            (full if given else empty).append(took)
            processor.append(busy)
            due += chance.expovariate(float(rate)) if float(rate) else 0.0
    print(json.dumps({"full": full, "empty": empty, "processor": processor}))


def one_claim(ledger: Ledger, store: Store, name: str, *, save: bool) -> tuple[float, float, int]:
    """Milliseconds of a claim, those of the processor, and how many tasks it gave; they are answered afterwards."""
    began, busy = time.perf_counter(), time.process_time()
    leases = ledger.pull(name, count=10).leases
    took, busy = 1000 * (time.perf_counter() - began), 1000 * (time.process_time() - busy)
    if leases and save:
        dataset = f"headlines_{name}"
        content = b'{"text":"Headline %d","answer":"accept","_annotator_id":"%s"}'
        owner = f"{dataset}-{name}"
        answers = [
            NewAnswer(content % (each.place, owner.encode()), each.place, each.place, owner, each.identity)
            for each in leases
        ]
        store.append(dataset, [answers])
    return took, busy, len(leases)


if __name__ == "__main__":
    here = World(Path(sys.argv[1]), time=time.time())
    {"sync": sync, "claim": claim}[sys.argv[2]](here, *sys.argv[3:])
    here.close()
