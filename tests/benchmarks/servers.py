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

import sys
import tempfile
from pathlib import Path

from measuring import ROOT, Settings
from parts import Part, parser_of, read_options, run

sys.path.insert(0, str(ROOT / "src"))

PARTS = {
    "a": Part("starting", "embedded", "up and memory of embedded servers (with c)"),
    "b": Part("starting", "executed", "up of servers started by exec"),
    "c": Part("starting", "embedded", "stop (with a)"),
    "d": Part("commands", "status", "status against supervisorctl"),
    "e": Part("commands", "help_text", "--help against a minimal typer program"),
    "f": Part("traffic", "requests", "GET of a batch and POST of answers against plain starlette"),
    "g": Part("large", "start_up", "start-up with a million lines, 90 % answered"),
}


def main() -> int:
    """Run the parts that are asked for and print their figures."""
    parser = parser_of(__doc__, PARTS)
    parser.add_argument("--servers", type=int, default=64, help="how many servers (default 64)")
    parser.add_argument("--lines", type=int, default=1_000_000, help="lines of the large source")
    options = read_options(parser, PARTS)
    with tempfile.TemporaryDirectory(prefix="prodigy-team-bench-") as folder:
        settings = Settings(Path(folder).resolve(), options.rounds, options.servers, options.lines)
        return run(PARTS, options.only, settings)


if __name__ == "__main__":
    sys.exit(main())
