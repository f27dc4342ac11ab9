"""Merging, comparing and exporting a million answers, against what else there is for it.

Makes an SQLite database as Prodigy does, of 4 datasets with 250,000 answers each of about 400 bytes, and measures
whole commands from their start to their exit, in interleaved rounds after one to warm up. Needs the `sqlite3` command.

    python tests/benchmarks/curation.py [--only a,b] [--rounds 3] [--answers 250000] [--people 4] [--folder F] [--list]

Each figure is a ratio of medians with the spread of the rounds, and its goal.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from answered import make_project
from measuring import ROOT

sys.path.insert(0, str(ROOT / "src"))

# Each function takes the project and the number of rounds, and yields figures.
PARTS = {
    "a": ("exporting", "to_jsonl", "export of everything to JSON lines against sqlite3's command line, and cat"),
    "b": ("merging", "by_majority", "merge by majority against json_extract in SQLite, and DuckDB"),
    "c": ("agreeing", "against_merge", "agreement, intervals included, against merge by majority"),
}


def main() -> int:
    """Run the parts that are asked for and print their figures."""
    options = read_options()
    if options.list:
        print("\n".join(f"{letter}  {text}" for letter, (_, _, text) in PARTS.items()))
        return 0
    began, figures = time.monotonic(), []
    with working_folder(options.folder) as folder:
        project = make_project(folder, options.people, options.answers)
        print(f"{project.people} datasets of {project.answers} answers, {project.size_mb:.0f} MB", flush=True)
        for letter in options.only.split(","):
            module, function, _ = PARTS[letter.strip()]
            for figure in getattr(importlib.import_module(module), function)(project, options.rounds):
                print(figure.line(), flush=True)
                figures.append(figure)
    missed = [figure for figure in figures if not figure.holds]
    print(f"{len(figures) - len(missed)} of {len(figures)} goals hold; {time.monotonic() - began:.0f} s.")
    return 1 if missed else 0


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--only", default=",".join(PARTS), help="letters of parts, such as a,b")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds (default 3)")
    parser.add_argument("--people", type=int, default=4, help="datasets, one a person (default 4)")
    parser.add_argument("--answers", type=int, default=250_000, help="answers in each (default 250,000)")
    parser.add_argument("--folder", type=Path, help="keep the database there and use the one that is there")
    parser.add_argument("--list", action="store_true", help="list the parts")
    return parser.parse_args()


@contextmanager
def working_folder(kept: Path | None) -> Iterator[Path]:
    """The folder that is to be kept, or one that goes at the end."""
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="prodigy-team-bench-") as folder:
        yield Path(folder).resolve()


if __name__ == "__main__":
    sys.exit(main())
