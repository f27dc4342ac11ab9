"""`agreement`: how far annotators agree, and on which tasks they differ most."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Literal

import typer

from prodigy_team.cli import output
from prodigy_team.cli.options import AsJson, Quiet, RosterPath, Shared

EXAMPLES = (
    "prodigy-team agreement",
    "prodigy-team agreement --by pair",
    "prodigy-team agreement joe.jsonl jane.jsonl --by label --json",
)


class By(str, Enum):
    """What a line is for."""

    annotator = "annotator"
    label = "label"
    pair = "pair"
    week = "week"


_DETAILS: dict[By, Literal["label", "week"]] = {By.label: "label", By.week: "week"}


def command(
    context: typer.Context,
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SOURCE]...", help="Datasets and files; all of this team's when left out."),
    ] = None,
    by: Annotated[By, typer.Option("--by", help="The table below: a line for each.")] = By.annotator,
    worst: Annotated[int, typer.Option(min=0, help="How many tasks of largest disagreement to list.")] = 5,
    roster: RosterPath = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Say how far annotators agree, and on which tasks they differ most.

    Each view is measured apart, each figure with its 95 % interval and the number of tasks it rests on. It only reads:
    run it while people annotate. Files alone need no roster.
    """
    shared = Shared.of(context, roster, quiet, as_json)
    from prodigy_team.cli import agreed
    from prodigy_team.cli.gathered import opened_sources, roster_marks
    from prodigy_team.curation.agreement import measure

    with opened_sources(shared, sources or []) as (store, loaded, named, people):
        marks = roster_marks(store, loaded, named, surplus=False) if store is not None and loaded is not None else {}
        found = measure(store, named, people=people, marks=marks, by=_DETAILS.get(by, ""), worst=worst)
    if shared.as_json:
        from prodigy_team.cli.objects import values_of

        output.show_json(values_of(found))
    elif not shared.quiet or found.views:
        output.say(agreed.agreement_lines(found, by=by.value))
        output.tell(agreed.broken_lines(found))
