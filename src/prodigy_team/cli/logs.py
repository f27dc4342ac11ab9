"""`logs`: a server's log."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer

from prodigy_team.cli.options import Quiet, RosterPathLong, Shared
from prodigy_team.errors import UsageError

EXAMPLES = ("prodigy-team logs joe", "prodigy-team logs joe --tail 200", "prodigy-team logs joe -f")


def command(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The server.", show_default=False)],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written from now on.")] = False,
    tail: Annotated[int, typer.Option("--tail", "-n", help="How many of the last lines.", min=0, metavar="N")] = 100,
    roster: RosterPathLong = None,
    quiet: Quiet = False,
) -> None:
    """Show a server's log.

    After `logs`, -f means --follow; the roster is --roster here, or -f before `logs`.
    """
    shared = Shared.of(context, roster, quiet)
    path = log_path(shared.existing(), name)
    from prodigy_team.servers import logs

    for line in logs.follow(path, lines=tail) if follow else logs.tail(path, tail):
        print(line, flush=follow)


def log_path(roster: Path, name: str) -> Path:
    """The log of this server; an error with the nearest name where there is none."""
    from prodigy_team.roster.paths import state_folder

    folder = state_folder(roster) / "logs"
    path = folder / f"{name}.log"
    if "/" not in name and path.is_file():
        return path
    known = sorted(each.stem for each in folder.glob("*.log"))
    near = get_close_matches(name, known, n=1)
    remedy = (
        f"Did you mean {near[0]}?"
        if near
        else f"There are logs of: {', '.join(known)}."
        if known
        else "First: prodigy-team up"
    )
    raise UsageError(f"There is no log of a server `{name}` in {folder}.", remedy=remedy)
