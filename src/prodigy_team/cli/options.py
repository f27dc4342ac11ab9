"""What commands share: the options that work before and after them, and durations."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from prodigy_team.cli.shared import Shared as Shared  # what the options come to, for the commands that import them
from prodigy_team.errors import UsageError

RosterPath = Annotated[
    Path | None,
    typer.Option(
        "--roster",
        "-f",
        metavar="PATH",
        help="The roster; else $PRODIGY_TEAM_ROSTER, else team.toml.",
        show_default=False,
    ),
]
RosterPathLong = Annotated[
    Path | None,
    typer.Option(
        "--roster", metavar="PATH", help="The roster; else $PRODIGY_TEAM_ROSTER, else team.toml.", show_default=False
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing when nothing changed or is wrong.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object with stable keys (docs/commands.md).")]
Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Servers; all when left out.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def parse_duration(text: str) -> float:
    """Seconds of `30s`, `10m`, `2h`, `1.5h`, `1d` or a bare number."""
    stripped = text.strip().lower()
    unit = stripped.lstrip("0123456789.").strip()
    number = stripped[: len(stripped) - len(unit)].strip() if unit else stripped
    try:
        return float(number) * (SECONDS[unit] if unit else 1.0)
    except (ValueError, KeyError):
        raise UsageError(f"`{text}` is no length of time.", remedy="Write it like 30s, 10m or 2h.") from None
