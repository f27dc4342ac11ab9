"""How tasks are dealt out: the case that started this, beside the rules that Prodigy documents.

    python tests/benchmarks/allocation.py                    all parts
    python tests/benchmarks/allocation.py --only seed --schedules 200
    python tests/benchmarks/allocation.py --list

Part "claims": eight processes with four people each answer and claim, 400 claims of 10 tasks a second together, from
the beginning and where nearly all is done; among them pulls that end empty though a million tasks wait for others.

Part "seed": 150 tasks at `annotations_per_task = 1.2`, joe all day, jane now and then, over random schedules that both
sides play alike; an absolute figure is the worst of all schedules. Prints one line a figure as servers.py does. Exit
code 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
import time
from pathlib import Path

from measuring import ROOT, Settings

sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

PARTS = {
    "seed": ("dealing", "seed_case", "150 tasks at 1.2 for two, against Prodigy's router and stealing"),
    "claims": ("claiming", "claims", "eight processes claim from 100,000 and from 1,000,000 tasks"),
}


def main() -> int:
    """Run the parts that are asked for and print their figures."""
    options = read_options()
    if options.list:
        print("\n".join(f"{name:<7} {text}" for name, (_, _, text) in PARTS.items()))
        return 0
    began, figures = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="prodigy-team-bench-") as folder:
        settings = Settings(Path(folder).resolve(), options.rounds, servers=8, lines=options.schedules)
        for module, function, _ in (PARTS[name.strip()] for name in options.only.split(",")):
            for figure in getattr(importlib.import_module(module), function)(settings):
                print(figure.line(), flush=True)
                figures.append(figure)
    missed = [figure for figure in figures if not figure.holds]
    print(f"{len(figures) - len(missed)} of {len(figures)} goals hold; {time.monotonic() - began:.0f} s.")
    return 1 if missed else 0


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", default=",".join(PARTS), help="parts, such as seed")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of what is timed (default 3)")
    parser.add_argument("--schedules", type=int, default=1000, help="random schedules of part seed (default 1000)")
    parser.add_argument("--list", action="store_true", help="list the parts")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
