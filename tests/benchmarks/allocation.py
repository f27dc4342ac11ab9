"""How tasks are dealt out: the case that started this, beside the rules that Prodigy documents.

    python tests/benchmarks/allocation.py                    all parts
    python tests/benchmarks/allocation.py --only seed --schedules 200
    python tests/benchmarks/allocation.py --list

Part "claims": eight processes with four people each answer and claim, 400 claims of 10 tasks a second together, from
the beginning and where nearly all is done; among them pulls that end empty though a million tasks wait for others. All
that is dealt out is answered: 4,000 answers a second beside, stored by a thread of each process as servers do it. To
tell what of a figure is the machine's, it is noted what the same processes get, at the same pace beside the same saves,
that only take a lock and commit one row, and that hold the lock for as long as a claim computes besides.

Part "seed": 150 tasks at `annotations_per_task = 1.2`, joe all day, jane now and then, over random schedules that both
sides play alike; an absolute figure is the worst of all schedules. Prints one line a figure as servers.py does. Exit
code 1 if a goal is missed.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from measuring import ROOT, Settings
from parts import Part, parser_of, read_options, run

sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

PARTS = {
    "seed": Part("dealing", "seed_case", "150 tasks at 1.2 for two, against Prodigy's router and stealing"),
    "claims": Part("claiming", "claims", "eight processes claim from 100,000 and from 1,000,000 tasks"),
}


def main() -> int:
    """Run the parts that are asked for and print their figures."""
    parser = parser_of(__doc__, PARTS)
    parser.add_argument("--schedules", type=int, default=1000, help="random schedules of part seed (default 1000)")
    options = read_options(parser, PARTS)
    with tempfile.TemporaryDirectory(prefix="prodigy-team-bench-") as folder:
        settings = Settings(Path(folder).resolve(), options.rounds, servers=8, lines=options.schedules)
        return run(PARTS, options.only, settings)


if __name__ == "__main__":
    sys.exit(main())
