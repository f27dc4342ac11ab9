"""`merge`: answers of many datasets and files together in one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from prodigy_team.cli import merged, output
from prodigy_team.cli.options import AsJson, Quiet, RosterPath, Shared
from prodigy_team.errors import UsageError

if TYPE_CHECKING:
    from prodigy_team.curation.gathering import Marks
    from prodigy_team.curation.merge import MergeReport
    from prodigy_team.roster import Roster
    from prodigy_team.store import Store

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


def command(
    context: typer.Context,
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SOURCE]...",
            help="Datasets, and files of JSON lines; all datasets that this team ever wrote when left out.",
        ),
    ] = None,
    into: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="The dataset or file.jsonl to write; {team}_gold when left out."),
    ] = None,
    on_conflict: Annotated[
        str,
        typer.Option(
            metavar="POLICY",
            help="all: keep every answer. Else one row per task, and where people differ: review (conflicts go to a "
            "dataset of their own), majority, unanimous, prefer=joe,jane or latest.",
        ),
    ] = "all",
    by: Annotated[
        By, typer.Option("--by", help="What is one task. auto: of yes-or-no views by task hash, of others by input.")
    ] = By.auto,
    spans: Annotated[
        Spans, typer.Option("--spans", help="majority: with this policy, settle each span by itself.")
    ] = Spans.whole,
    conflicts: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE", help="Where answers to unsettled tasks go; for review INTO-conflicts."),
    ] = None,
    no_backup: Annotated[
        bool, typer.Option("--no-backup", help="Make no backup before the database is changed.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and write nothing.")] = False,
    roster: RosterPath = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Bring the annotators' answers together in one dataset.

    Or in one file. It may be run as often as you like: a second run changes nothing. The sources are never changed, and
    every answer that was read is accounted for. Files alone need no roster.
    """
    shared = Shared.of(context, roster, quiet, as_json)
    from prodigy_team.cli.answers import read_roster
    from prodigy_team.cli.gathered import chosen_sources, may_do_without_roster, roster_people
    from prodigy_team.curation.merge import merge

    only_files = bool(sources) and into is not None and _files([*(sources or []), into, conflicts])
    if may_do_without_roster(shared, sources or []):
        only_files = True
        if into is None:
            raise UsageError("Without a roster a merge needs a place.", remedy="Name a file: --into gold.jsonl")
    path = shared.path() if only_files else shared.existing()
    loaded = read_roster(path, answers_only=True) if path.is_file() else None
    target = into or f"{loaded.name}_gold" if loaded is not None else into or ""
    write = not dry_run and not _files([target, conflicts])
    with _store(None if only_files else loaded, write=write) as store:
        named = chosen_sources(store, loaded, sources or [], target=target, quiet=shared.quiet)
        names = [each.name for each in named]
        report = merge(
            store,
            names,
            target,
            on_conflict,
            by=by.value,
            spans=spans.value,
            conflicts=conflicts,
            dry_run=dry_run,
            people=roster_people(store, loaded),
            marks=_marks(store, loaded, names, on_conflict, dry_run=dry_run),
            team=loaded.name if loaded is not None else None,
            before_writing=partial(_back_up, loaded) if loaded is not None and write and not no_backup else None,
        )
    _show(report, shared)


def _back_up(roster: Roster) -> None:
    from prodigy_team.servers.backups import backup_before

    backup_before(roster, os.environ, "merge")


def _show(report: MergeReport, shared: Shared) -> None:
    if shared.as_json:
        from prodigy_team.cli.objects import values_of

        output.show_json(values_of(report))
    elif not shared.quiet or report.changed:
        output.tell(merged.merge_notes(report))
        output.say(merged.merge_lines(report))


def _files(targets: Sequence[str | None]) -> bool:
    """Whether only files are written."""
    from prodigy_team.curation.sources import is_file_name

    return all(each is None or is_file_name(each) for each in targets)


@contextmanager
def _store(roster: Roster | None, *, write: bool) -> Iterator[Store | None]:
    if roster is None:
        yield None
        return
    from prodigy_team.cli.answers import roster_store

    with roster_store(roster, write=write) as store:
        yield store


def _marks(
    store: Store | None, roster: Roster | None, names: Sequence[str], policy: str, *, dry_run: bool
) -> dict[str, Marks]:
    """Which answers do not count; with `all` only those to known tasks."""
    from prodigy_team.cli.gathered import index_answers, roster_marks
    from prodigy_team.curation.sources import resolve_sources

    if store is None or roster is None:
        return {}
    if store.gold(roster.name) and not dry_run:
        index_answers(roster, store)
    return roster_marks(store, roster, resolve_sources(store, names), surplus=policy != "all")
