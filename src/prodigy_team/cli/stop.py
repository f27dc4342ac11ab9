"""`stop`: end running servers."""

from __future__ import annotations

from typing import Annotated

import typer

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
    from prodigy_team.cli import daily

    raise typer.Exit(daily.stop(shared, names or (), grace=grace, force=force, dry_run=dry_run))
