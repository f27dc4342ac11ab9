"""`check`: the roster's problems, all at once."""

from __future__ import annotations

import os

import typer

from prodigy_team.cli import output, render
from prodigy_team.cli.options import AsJson, Quiet, RosterPath, Shared

EXAMPLES = ("prodigy-team check", "prodigy-team -f /srv/headlines/team.toml check")


def command(context: typer.Context, roster: RosterPath = None, quiet: Quiet = False, as_json: AsJson = False) -> None:
    """Report every problem of the roster at once.

    Each with its place and what to do. Nothing is started or written. Exit code 2 where there is a problem.
    """
    shared = Shared.of(context, roster, quiet, as_json)
    path = shared.existing()
    from prodigy_team.roster import RosterError, load_roster

    try:
        loaded = load_roster(path, os.environ)
    except RosterError as error:
        if not shared.as_json:
            raise
        from prodigy_team.cli.objects import values_object

        output.show_json(values_object(roster=str(path), ok=False, problems=error.problems, servers=[]))
        raise typer.Exit(error.exit_code) from None
    if shared.as_json:
        from prodigy_team.cli.objects import values_object

        names = [server.name for server in loaded.servers]
        output.show_json(values_object(roster=str(path), ok=True, problems=loaded.warnings, servers=names))
        return
    output.tell([output.problem_line(each, path.name) for each in loaded.warnings])
    if not shared.quiet:
        output.say(render.roster_lines(loaded))
