"""`status`: every server as it stands now. It only reads."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prodigy_team.cli import output, render
from prodigy_team.cli.options import AsJson, Names, Quiet, RosterPath, Shared

if TYPE_CHECKING:
    from prodigy_team.servers.status import StatusReport

EXAMPLES = ("prodigy-team status", "prodigy-team status joe --watch", "prodigy-team status --json")
REDRAW_SECONDS = 2.0
HOME_AND_CLEAR = "\x1b[H\x1b[J"


def command(
    context: typer.Context,
    names: Names = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Redraw every 2 seconds until Ctrl+C.")] = False,
    roster: RosterPath = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Show every server: state, answers, address.

    Also the last answer, for how long it runs, its memory and how often it was brought back. Nothing is changed,
    and no task is taken.
    """
    shared = Shared.of(context, roster, quiet, as_json)
    path = shared.existing()
    chosen = tuple(names or ())
    while True:
        report = read(path, chosen)
        show(report, shared, redraw=watch)
        if not watch:
            raise typer.Exit(report.exit_code)
        time.sleep(REDRAW_SECONDS)


def read(path: Path, names: tuple[str, ...]) -> StatusReport:
    """Read how the servers stand."""
    from prodigy_team.servers.supervisor import Supervisor

    return Supervisor.for_roster(path).status(names)


def show(report: StatusReport, shared: Shared, *, redraw: bool) -> None:
    """Print the table or the object; when quiet only if something is wrong."""
    if shared.as_json:
        from prodigy_team.cli.objects import status_object

        output.show_json(status_object(report))
        return
    if shared.quiet and not report.exit_code:
        return
    clear = [HOME_AND_CLEAR] if redraw and sys.stdout.isatty() and os.environ.get("TERM") != "dumb" else []
    output.say(["".join(clear) + "\n".join(render.status_lines(report))])
    sys.stdout.flush()
