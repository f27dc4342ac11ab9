"""`drop`: delete a dataset, with a copy kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from prodigy_team.cli import output
from prodigy_team.cli.options import AsJson, Quiet, RosterPath, Shared, Yes
from prodigy_team.cli.render import plural
from prodigy_team.errors import UsageError

if TYPE_CHECKING:
    from prodigy_team.curation.drop import DropReport

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
            if not (yes or agreed(drop_question(report))):
                output.tell(["Nothing was dropped."])
                raise typer.Exit(1)
            report = drop_dataset(store, dataset, kept)
    if shared.as_json:
        from prodigy_team.cli.objects import values_of

        output.show_json(values_of(report))
    elif not shared.quiet:
        output.say(drop_lines(report))


def agreed(question: str) -> bool:
    """Ask on a terminal; elsewhere nothing is deleted unasked."""
    if not output.on_terminal():
        raise UsageError(f"{question} There is no terminal to ask on.", remedy="Add --yes to drop it.")
    return output.confirm(question)


def drop_question(report: DropReport) -> str:
    """What would be lost, as a question."""
    sessions = f" (in {plural(len(report.sessions), 'session')})" if report.sessions else ""
    return f"{report.dataset} has {plural(report.answers, 'answer')}{sessions}. Drop it?"


def drop_lines(report: DropReport) -> list[str]:
    """What was dropped and where the copy is."""
    counted = [f"{report.dataset}: {plural(report.answers, 'answer')}"]
    counted += [f"  {name}: {plural(count, 'answer')}, shared with it" for name, count in report.sessions]
    if report.dry_run:
        return [*counted, "Nothing was dropped."]
    return [*counted, f"dropped; a copy is in {report.copy}"]
