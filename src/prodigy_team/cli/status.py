"""`status`: every server as it stands now. It only reads."""

from __future__ import annotations

from typing import Annotated

import typer

from prodigy_team.cli.options import AsJson, Names, Quiet, RosterPath, Shared

EXAMPLES = ("prodigy-team status", "prodigy-team status joe --watch", "prodigy-team status --json")


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
    from prodigy_team.cli import daily

    raise typer.Exit(daily.status(shared, names or (), watch=watch))
