"""What the benchmarks' command lines share: parts chosen by name, figures printed as they come, goals counted."""

from __future__ import annotations

import importlib
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from typing import NamedTuple


class Part(NamedTuple):
    """A function of a module beside this one, which yields figures; two parts may share one."""

    module: str
    function: str
    text: str


Parts = Mapping[str, Part]


def parser_of(doc: str | None, parts: Parts) -> ArgumentParser:
    """The options that all have; the first line of ``doc`` says what is measured."""
    parser = ArgumentParser(description=(doc or "").split("\n")[0])
    parser.add_argument("--only", default=",".join(parts), help=f"parts, such as {','.join([*parts][:2])}")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds (default 3)")
    parser.add_argument("--list", action="store_true", help="list the parts")
    return parser


def read_options(parser: ArgumentParser, parts: Parts) -> Namespace:
    """The command line; `--list` lists and ends."""
    options = parser.parse_args()
    if options.list:
        print("\n".join(f"{name:<7} {part.text}" for name, part in parts.items()))
        parser.exit()
    return options


def run(parts: Parts, only: str, *arguments: object) -> int:
    """Measure the parts that are asked for, and say whether all goals hold: 0, or 1 if one is missed."""
    chosen = dict.fromkeys(parts[name.strip()][:2] for name in only.split(","))
    began, figures = time.monotonic(), []
    for module, function in chosen:
        for figure in getattr(importlib.import_module(module), function)(*arguments):
            print(figure.line(), flush=True)
            figures.append(figure)
    missed = [figure for figure in figures if not figure.holds]
    print(f"{len(figures) - len(missed)} of {len(figures)} goals hold; {time.monotonic() - began:.0f} s.")
    return 1 if missed else 0
