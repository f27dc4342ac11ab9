"""Collects a roster's problems, and settles the single values that several parts of it need."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import resources

from prodigy_team.roster.values import Problem

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
NAME_RULE = "Names are up to 40 letters (a-z), digits, dots, dashes and underscores, and begin with a letter or digit."

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass
class Findings:
    """Problems found so far, each once; what follows from a value that is already at fault is not reported.

    Attributes:
        missing: Those of them that are files which are not there: no matter to who only reads answers.
    """

    problems: list[Problem] = field(default_factory=list)
    missing: list[Problem] = field(default_factory=list)
    faulty: set[str] = field(default_factory=set)

    def start_with(self, problems: Iterable[Problem]) -> None:
        """Take over the problems of the tables themselves; their keys count as faulty from now on."""
        for problem in problems:
            self.problems.append(problem)
            self.faulty.add(re.sub(r"\[\d+\]$", "", problem.where) if "." in problem.where else problem.where)

    def add(self, where: str, text: str, remedy: str = "", *, warning: bool = False, missing: bool = False) -> None:
        """Report a problem, unless it was already, or its key has no usable value anyway."""
        problem = Problem(where, text, remedy, warning)
        if missing:
            self.missing.append(problem)
        if where not in self.faulty and problem not in self.problems:
            self.problems.append(problem)


def parse_seconds(value: str | int) -> float | None:
    """Seconds of a duration such as "90s", "30m", "12h", "2d" or 90; None where it is none."""
    if isinstance(value, int):
        return float(value) if value > 0 else None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", value.strip())
    seconds = float(found[1]) * _UNITS[found[2] or "s"] if found else 0.0
    return seconds or None


def parse_ports(value: str | int) -> range | None:
    """The ports of "8081-8099", "8081" or 8081; None where they are none."""
    found = re.fullmatch(r"\s*(\d{1,5})\s*(?:-\s*(\d{1,5}))?\s*", str(value))
    if not found:
        return None
    first, last = int(found[1]), int(found[2] or found[1])
    return range(first, last + 1) if 1 <= first <= last <= 65535 else None


def normal_base_path(value: str) -> str:
    """What stands before every path, as "" or "/x/y"."""
    return "".join(f"/{part}" for part in value.split("/") if part)


def sample_names() -> list[str]:
    """Names of the sources shipped with the package, for ``sample:NAME``."""
    folder = resources.files("prodigy_team").joinpath("samples")
    names = [entry.name for entry in folder.iterdir()]
    return sorted(name[: -len(".jsonl")] for name in names if name.endswith(".jsonl"))
