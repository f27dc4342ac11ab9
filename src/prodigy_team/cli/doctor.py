"""`doctor`: look at everything that servers need."""

from __future__ import annotations

import os

import typer

from prodigy_team.cli import output, render
from prodigy_team.cli.options import AsJson, Quiet, RosterPath, Shared

EXAMPLES = ("prodigy-team doctor", "prodigy-team doctor --json")


def command(context: typer.Context, roster: RosterPath = None, quiet: Quiet = False, as_json: AsJson = False) -> None:
    """Look at everything that servers need, and say what to put right.

    Prodigy and its version, the database and its journal, disks, the state folder, ports, the clock, the logs.
    Exit code 3 where something is wrong.
    """
    shared = Shared.of(context, roster, quiet, as_json)
    path = shared.existing()
    from prodigy_team.servers.doctor import examine

    findings = examine(path, os.environ)
    code = 3 if any(each.level == "error" for each in findings) else 0
    if shared.as_json:
        from prodigy_team.cli.objects import values_object

        output.show_json(values_object(roster=str(path), exit_code=code, findings=findings))
    else:
        shown = [each for each in findings if each.level != "ok"] if shared.quiet else findings
        output.say(render.finding_lines(shown))
    raise typer.Exit(code)
