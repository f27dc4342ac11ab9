"""A process of some people who answer what a ledger gives them, until it gives nothing: what the tests kill.

    python claimer.py FOLDER K BATCH ALL,PEOPLE,OF,THE,POOL OUR,PEOPLE

Each line of its output says what is on disk: who answered the task at which place.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ledgers import World, new_answer, source_texts


def main(folder: str, k: str, batch: str, everybody: str, ours: str) -> None:
    """Take turns until nobody gets anything."""
    world = World(Path(folder))
    ledger = world.ledger(world.rules(*everybody.split(","), k=k))
    texts = source_texts(world)
    at_work = ours.split(",")
    with world.open_store_once() as store:
        while at_work:
            name = at_work.pop(0)
            leases = ledger.pull(name, count=int(batch)).leases
            dataset = f"headlines_{name}"
            store.append(dataset, [[new_answer(dataset, name, texts[lease.place - 1]) for lease in leases]])
            for lease in leases:
                print(name, lease.place, flush=True)
            if leases:
                at_work.append(name)
    world.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
