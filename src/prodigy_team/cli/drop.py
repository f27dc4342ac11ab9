"""`drop`: delete a dataset, with a copy kept."""

from __future__ import annotations

from typing import Annotated

import typer

from prodigy_team.cli import output, render
from prodigy_team.cli.options import AsJson, Quiet, RosterPath, Shared, Yes
from prodigy_team.errors import UsageError

EXAMPLES = ("prodigy-team drop headlines_test", "prodigy-team drop headlines_test --yes")


def command(
    context: typer.Context,
    dataset: Annotated[str, typer.Argument(help="Its name.", show_default=False)],
    yes: Yes = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the counts, and delete nothing.")] = False,
    roster: RosterPath = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Delete a dataset; a copy is kept.

    The number of answers is shown first, and it asks; without a terminal it needs --yes. The copy is a file of JSON
    lines in the state folder.
    """
    shared = Shared.of(context, roster, quiet, as_json)
    path = shared.existing()
    from prodigy_team.cli.answers import known_dataset, read_roster, roster_store
    from prodigy_team.curation.drop import drop_dataset

    loaded = read_roster(path)
    kept = loaded.state / "dropped"
    with roster_store(loaded, write=not dry_run) as store:
        known_dataset(store, dataset)
        report = drop_dataset(store, dataset, kept, dry_run=True)
        if not dry_run:
            if not (yes or agreed(render.drop_question(report))):
                output.tell(["Nothing was dropped."])
                raise typer.Exit(1)
            report = drop_dataset(store, dataset, kept)
    if shared.as_json:
        from prodigy_team.cli.objects import values_of

        output.show_json(values_of(report))
    elif not shared.quiet:
        output.say(render.drop_lines(report))


def agreed(question: str) -> bool:
    """Ask on a terminal; elsewhere nothing is deleted unasked."""
    if not output.on_terminal():
        raise UsageError(f"{question} There is no terminal to ask on.", remedy="Add --yes to drop it.")
    return output.confirm(question)
