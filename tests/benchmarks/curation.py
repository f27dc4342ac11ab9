"""Merging, comparing and exporting a million answers, against what else there is for it.

Makes an SQLite database as Prodigy does, of 4 datasets with 250,000 answers each of about 400 bytes, and measures
whole commands from their start to their exit, in interleaved rounds after one to warm up. Needs the `sqlite3` command.

    python tests/benchmarks/curation.py [--only a,b] [--rounds 3] [--answers 250000] [--people 4] [--folder F] [--list]

Each figure is a ratio of medians with the spread of the rounds, and its goal.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from answered import make_project
from measuring import ROOT
from parts import Part, parser_of, read_options, run

sys.path.insert(0, str(ROOT / "src"))

# Each function takes the project and the number of rounds, and yields figures.
PARTS = {
    "a": Part("exporting", "to_jsonl", "export of everything to JSON lines against sqlite3's command line, and cat"),
    "b": Part("merging", "by_majority", "merge by majority against json_extract in SQLite, and DuckDB"),
    "c": Part("agreeing", "against_merge", "agreement, intervals included, against merge by majority"),
}


def main() -> int:
    """Run the parts that are asked for and print their figures."""
    parser = parser_of(__doc__, PARTS)
    parser.add_argument("--people", type=int, default=4, help="datasets, one a person (default 4)")
    parser.add_argument("--answers", type=int, default=250_000, help="answers in each (default 250,000)")
    parser.add_argument("--folder", type=Path, help="keep the database there and use the one that is there")
    options = read_options(parser, PARTS)
    with working_folder(options.folder) as folder:
        project = make_project(folder, options.people, options.answers)
        print(f"{project.people} datasets of {project.answers} answers, {project.size_mb:.0f} MB", flush=True)
        return run(PARTS, options.only, project, options.rounds)


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
