"""`export`: a dataset's answers as a file, or the list of datasets."""

from __future__ import annotations

import os
import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prodigy_team.cli import output, render
from prodigy_team.cli.options import AsJson, Quiet, RosterPath, Shared
from prodigy_team.errors import TeamError, UsageError

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
    from prodigy_team.cli.answers import read_roster, roster_store, unknown_dataset

    loaded = read_roster(path)
    with roster_store(loaded, write=False) as store:
        datasets = store.datasets()
        if dataset is None:
            list_datasets(store, loaded.name, shared)
            return
        if shared.as_json:
            raise UsageError(
                "Only the list of datasets is printed as an object.",
                remedy="An export is JSON lines: leave --json out.",
            )
        if dataset not in {each.name for each in datasets}:
            raise unknown_dataset(dataset, [each.name for each in datasets])
        count = write_lines(store, dataset, file)
    if not shared.quiet:
        output.tell([render.exported_line(dataset, count, file)] if file else [])


def list_datasets(store: Store, team: str, shared: Shared) -> None:
    """Print every dataset with its number of answers; sessions are left out, they hold the same answers again."""
    datasets = [each for each in store.datasets() if not each.session]
    if shared.as_json:
        from prodigy_team.cli.objects import values_object

        output.show_json(values_object(team=team, datasets=datasets))
    else:
        output.say(render.dataset_lines(datasets))


def write_lines(store: Store, dataset: str, file: Path | None) -> int:
    """Write the answers to the file, whole or not at all, or to stdout; return their number."""
    if file is None:
        sys.stdout.flush()
        return store.export(dataset, sys.stdout.buffer.write)
    beside = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as stream:
            count = store.export(dataset, stream.write)
        beside.replace(file)
    except OSError as error:
        raise TeamError(
            f"{file} cannot be written: {error.strerror}.", remedy="Name another file with --output."
        ) from error
    finally:
        beside.unlink(missing_ok=True)
    return count
