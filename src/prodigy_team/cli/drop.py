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
    from prodigy_team.cli.answers import read_roster, roster_store, unknown_dataset
    from prodigy_team.curation.drop import drop

    loaded = read_roster(path)
    with roster_store(loaded, write=not dry_run) as store:
        datasets = {each.name: each for each in store.datasets()}
        if dataset not in datasets:
            raise unknown_dataset(dataset, list(datasets))
        counted = f"`{dataset}` has {render.plural(datasets[dataset].answers, 'answer')}."
        if dry_run:
            output.say([f"{counted} Nothing was done."])
            return
        if not (yes or agreed(counted)):
            output.tell(["Nothing was done."])
            raise typer.Exit(1)
        report = drop(store, dataset, loaded.state)
    if shared.as_json:
        from prodigy_team.cli.objects import values_object

        output.show_json(values_object(dataset=dataset, answers=report.answers, copy=str(report.copy)))
    elif not shared.quiet:
        output.say([f"dropped {dataset}: {render.plural(report.answers, 'answer')}, kept in {report.copy}"])


def agreed(counted: str) -> bool:
    """Ask on a terminal; elsewhere nothing is deleted unasked."""
    if not output.on_terminal():
        raise UsageError(f"{counted} There is no terminal to ask on.", remedy="Add --yes to drop it.")
    return output.confirm(f"{counted} Drop it?")
