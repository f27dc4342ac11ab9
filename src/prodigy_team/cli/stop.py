"""`stop`: end running servers."""

from __future__ import annotations

from typing import Annotated

import typer

from prodigy_team.cli import output, reported
from prodigy_team.cli.options import AsJson, Names, Quiet, RosterPath, Shared

EXAMPLES = ("prodigy-team stop joe", "prodigy-team stop --grace 30", "prodigy-team stop --force")


def command(
    context: typer.Context,
    names: Names = None,
    grace: Annotated[
        float, typer.Option(min=0.0, help="Seconds for a server to end by itself.", metavar="SECONDS")
    ] = 10.0,
    force: Annotated[bool, typer.Option("--force", help="Stop although somebody answered a moment ago.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and do nothing.")] = False,
    roster: RosterPath = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Stop running servers; ports and records stay theirs.

    Where somebody answered in the last minutes it says who and asks; without a terminal it refuses (exit code 3)
    unless --force is given. A stopped server stays stopped until `prodigy-team up`.
    """
    shared = Shared.of(context, roster, quiet, as_json)
    path = shared.existing()
    from prodigy_team.cli.display import show_progress
    from prodigy_team.servers.supervisor import Supervisor

    supervisor = Supervisor.for_roster(path)
    # A live display and a question would write over each other: no display.
    with show_progress(silent=True) as progress:
        report = supervisor.stop(
            tuple(names or ()),
            grace=grace,
            force=force,
            confirm=output.confirmer(),
            dry_run=dry_run,
            on_event=progress,
        )
    if shared.as_json:
        from prodigy_team.cli.objects import report_object

        output.show_json(report_object(report))
    elif not shared.quiet or reported.is_news(report):
        output.say(reported.stop_lines(report))
    raise typer.Exit(report.exit_code)
