"""`export`: a dataset's answers as a file, or the list of datasets."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prodigy_team.cli import output, render
from prodigy_team.cli.options import AsJson, Quiet, RosterPath, Shared
from prodigy_team.errors import UsageError

if TYPE_CHECKING:
    from prodigy_team.store import Store

EXAMPLES = (
    "prodigy-team export",
    "prodigy-team export headlines_gold --output gold.jsonl",
    "prodigy-team export headlines_joe | head -1",
)


class Format(str, Enum):
    """How answers are written."""

    jsonl = "jsonl"


def command(
    context: typer.Context,
    dataset: Annotated[str | None, typer.Argument(help="Its name; without one the datasets are listed.")] = None,
    file: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write there; else to stdout.")
    ] = None,
    kind: Annotated[
        Format, typer.Option("--format", help="jsonl: the stored answers, byte for byte, one a line.")
    ] = Format.jsonl,
    roster: RosterPath = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Write a dataset's answers as JSON lines, or list the datasets.

    The lines are what `prodigy db-out` prints. A file is written beside and put in place whole.
    """
    shared = Shared.of(context, roster, quiet, as_json)
    path = shared.existing()
    from prodigy_team.cli.answers import known_dataset, read_roster, roster_store
    from prodigy_team.curation.export import export_dataset

    loaded = read_roster(path)
    with roster_store(loaded, write=False) as store:
        if dataset is None:
            list_datasets(store, loaded.name, shared)
            return
        if shared.as_json:
            remedy = "An export is JSON lines as it is: leave --json out."
            raise UsageError("Only the list of datasets is printed as an object.", remedy=remedy)
        known_dataset(store, dataset)
        sys.stdout.flush()
        gold = store.gold_links(loaded.name, dataset)
        place = file or sys.stdout.buffer
        count = export_dataset(store, dataset, place, format_name=kind.value, leave_out=gold)
    if gold:
        output.tell([render.left_out_line(len(gold))])
    if file and not shared.quiet:
        output.tell([render.exported_line(dataset, count, file)])


def list_datasets(store: Store, team: str, shared: Shared) -> None:
    """Print every dataset with its number of answers; sessions are left out, they hold the same answers again."""
    datasets = [each for each in store.datasets() if not each.session]
    if shared.as_json:
        from prodigy_team.cli.objects import values_object

        output.show_json(values_object(team=team, datasets=datasets))
    else:
        output.say(render.dataset_lines(datasets))
