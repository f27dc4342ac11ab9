"""How fast this package is beside what one would use in its place: every figure is a ratio of two things run in turn.

    python tests/benchmarks/servers.py                        all parts, about ten minutes on two cores
    python tests/benchmarks/servers.py --only a,f --rounds 5
    python tests/benchmarks/servers.py --list

Needs the package's dependencies; `wrk` is used where it is installed (apt-get install wrk), and part d installs
supervisor into an environment of its own. Everything listens on loopback, lies in a temporary folder, and is ended by
its pid. Prints one line a figure: median over the rounds, spread, goal, and the absolute figures behind it. Exit code 1
if a goal is missed.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
import time
from pathlib import Path

from measuring import ROOT, Settings

sys.path.insert(0, str(ROOT / "src"))

PARTS = {
    "a": ("starting", "embedded", "up and memory of embedded servers (with c)"),
    "b": ("starting", "executed", "up of servers started by exec"),
    "c": ("starting", "embedded", "stop (with a)"),
    "d": ("commands", "status", "status against supervisorctl"),
    "e": ("commands", "help_text", "--help against a minimal typer program"),
    "f": ("traffic", "requests", "GET of a batch and POST of answers against plain starlette"),
    "g": ("large", "start_up", "start-up with a million lines, 90 % answered"),
}


def main() -> int:
    """Run the parts that are asked for and print their figures."""
    options = read_options()
    if options.list:
        print("\n".join(f"{letter}  {text}" for letter, (_, _, text) in PARTS.items()))
        return 0
    chosen = dict.fromkeys(PARTS[letter.strip()][:2] for letter in options.only.split(","))
    began, figures = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="prodigy-team-bench-") as folder:
        settings = Settings(Path(folder).resolve(), options.rounds, options.servers, options.lines)
        for module, function in chosen:
            for figure in getattr(importlib.import_module(module), function)(settings):
                print(figure.line(), flush=True)
                figures.append(figure)
    missed = [figure for figure in figures if not figure.holds]
    print(f"{len(figures) - len(missed)} of {len(figures)} goals hold; {time.monotonic() - began:.0f} s.")
    return 1 if missed else 0


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", default=",".join(PARTS), help="letters of parts, such as a,f")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds (default 3)")
    parser.add_argument("--servers", type=int, default=64, help="how many servers (default 64)")
    parser.add_argument("--lines", type=int, default=1_000_000, help="lines of the large source")
    parser.add_argument("--list", action="store_true", help="list the parts")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
