"""`logs`: a server's log."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer

from prodigy_team.cli.options import Quiet, RosterPathLong, Shared
from prodigy_team.errors import TeamError, UsageError
from prodigy_team.presence import is_file

EXAMPLES = ("prodigy-team logs joe", "prodigy-team logs joe --tail 200", "prodigy-team logs joe -f")


def command(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The server, or its annotator.", show_default=False)],
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
    """The log of this server, or of an annotator's; an error with the nearest name where there is none."""
    from prodigy_team.roster.paths import state_folder

    state = state_folder(roster)
    folder, name = state / "logs", _server_of(state, name)
    path = folder / f"{name}.log"
    if "/" not in name and is_file(path):
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


def _server_of(state: Path, name: str) -> str:
    """The server of this name, or the part of a shared one that is this annotator's.

    Raises:
        UsageError: It runs apart, as several servers.
    """
    from prodigy_team.servers.lockfile import read_lockfile
    from prodigy_team.servers.statefolder import lockfile_path

    try:
        servers = read_lockfile(lockfile_path(state)).servers
    except TeamError:  # logs are read to find out what is wrong
        return name
    parts = [each for each in servers.values() if each.part_of]
    of_server = [each.name for each in parts if each.part_of == name]
    if of_server and name not in servers:
        remedy = f"prodigy-team logs {of_server[0]}"
        raise UsageError(f"{name} runs as {', '.join(of_server)}, each with a log of its own.", remedy=remedy)
    return next((each.name for each in parts if (name,) == each.annotators and name not in servers), name)
