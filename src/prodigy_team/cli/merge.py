"""`merge`: the annotators' answers together in one dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from prodigy_team.cli import output, render
from prodigy_team.cli.options import AsJson, Quiet, RosterPath, Shared
from prodigy_team.errors import TeamError

if TYPE_CHECKING:
    from prodigy_team.roster import Roster
    from prodigy_team.store import Store

EXAMPLES = (
    "prodigy-team merge",
    "prodigy-team merge --dry-run",
    "prodigy-team merge headlines_joe headlines_jane --into both",
)


def command(
    context: typer.Context,
    datasets: Annotated[
        list[str] | None,
        typer.Argument(metavar="[DATASET]...", help="What to merge; all this team ever wrote when left out."),
    ] = None,
    into: Annotated[
        str | None, typer.Option(metavar="NAME", help="The dataset to write; {team}_gold when left out.")
    ] = None,
    on_conflict: Annotated[
        str,
        typer.Option(metavar="POLICY", help="What becomes of different answers to one task: `all` keeps every one."),
    ] = "all",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and write nothing.")] = False,
    roster: RosterPath = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Bring the annotators' answers together in one dataset.

    Answers that are there already are not added again, so it may be run as often as you like. The datasets merged
    are never changed.
    """
    shared = Shared.of(context, roster, quiet, as_json)
    path = shared.existing()
    from prodigy_team.cli.answers import read_roster, roster_store
    from prodigy_team.cli.gathered import index_answers, single_annotators
    from prodigy_team.curation.merge import merge

    loaded = read_roster(path)
    target = into or f"{loaded.name}_gold"
    with roster_store(loaded, write=not dry_run) as store:
        sources = chosen(store, loaded, datasets or [], target, quiet=shared.quiet)
        names = single_annotators(loaded)
        if store.gold(loaded.name) and not dry_run:
            index_answers(loaded, store)
        report = merge(store, sources, target, on_conflict, dry_run=dry_run, annotators=names, team=loaded.name)
    if shared.as_json:
        from prodigy_team.cli.objects import values_of

        output.show_json(values_of(report))
    elif not shared.quiet or report.used:
        output.say(render.merge_lines(report))


def chosen(store: Store, roster: Roster, names: Sequence[str], target: str, *, quiet: bool) -> Sequence[str]:
    """The datasets to merge: those named, or all that this team wrote; says which of these nobody writes any more."""
    if names:
        return names
    from prodigy_team.curation.sources import find_sources

    sources = find_sources(store, roster.name, [server.dataset for server in roster.servers], target)
    if sources.departed and not quiet:
        output.tell([f"Also of people no longer on the roster: {', '.join(sources.departed)}"])
    if not sources.datasets:
        raise TeamError(f"Team {roster.name} has no answers yet.", remedy="First: prodigy-team up")
    return sources.datasets
