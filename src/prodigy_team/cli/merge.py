"""`merge`: answers of many datasets and files together in one."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from prodigy_team.cli.options import AsJson, Quiet, RosterPath, Shared

EXAMPLES = (
    "prodigy-team merge",
    "prodigy-team merge --on-conflict review --dry-run",
    "prodigy-team merge joe.jsonl jane.jsonl --into gold.jsonl --on-conflict majority --conflicts open.jsonl",
)


class By(str, Enum):
    """How answers are grouped into tasks."""

    auto = "auto"
    input = "input"
    task = "task"


class Spans(str, Enum):
    """What is settled where spans differ."""

    whole = "whole"
    majority = "majority"


Sources = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SOURCE]...",
        help="Datasets, and files of JSON lines; all datasets that this team ever wrote when left out.",
    ),
]
Into = Annotated[
    str | None,
    typer.Option(metavar="NAME|FILE", help="The dataset or file.jsonl to write; {team}_gold when left out."),
]
OnConflict = Annotated[
    str,
    typer.Option(
        metavar="POLICY",
        help="all: keep every answer. Else one row per task, and where people differ: review (conflicts go to a "
        "dataset of their own), majority, unanimous, prefer=joe,jane or latest.",
    ),
]
GroupedBy = Annotated[
    By, typer.Option("--by", help="What is one task. auto: of yes-or-no views by task hash, of others by input.")
]
SpansBy = Annotated[Spans, typer.Option("--spans", help="majority: with this policy, settle each span by itself.")]
Conflicts = Annotated[
    str | None,
    typer.Option(metavar="NAME|FILE", help="Where answers to unsettled tasks go; for review INTO-conflicts."),
]
NoBackup = Annotated[bool, typer.Option("--no-backup", help="Make no backup before the database is changed.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Count, and write nothing.")]


def command(
    context: typer.Context,
    sources: Sources = None,
    into: Into = None,
    on_conflict: OnConflict = "all",
    by: GroupedBy = By.auto,
    spans: SpansBy = Spans.whole,
    conflicts: Conflicts = None,
    no_backup: NoBackup = False,
    dry_run: DryRun = False,
    roster: RosterPath = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Bring the annotators' answers together in one dataset.

    Or in one file. It may be run as often as you like: a second run changes nothing. The sources are never changed, and
    every answer that was read is accounted for. Files alone need no roster.
    """
    shared = Shared.of(context, roster, quiet, as_json)
    from prodigy_team.cli import merging

    code = merging.merge(
        shared,
        sources or (),
        into=into,
        on_conflict=on_conflict,
        by=by.value,
        spans=spans.value,
        conflicts=conflicts,
        no_backup=no_backup,
        dry_run=dry_run,
    )
    raise typer.Exit(code)
