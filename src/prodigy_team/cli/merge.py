"""`merge`: the annotators' answers together in one dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from prodigy_team.cli import output, render
from prodigy_team.cli.options import AsJson, Quiet, RosterPath, Shared
from prodigy_team.errors import UsageError

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
    from prodigy_team.curation.merge import merge

    loaded = read_roster(path)
    target = into or f"{loaded.name}_gold"
    with roster_store(loaded, write=not dry_run) as store:
        sources = chosen(store, loaded, list(datasets or ()), target)
        tell_departed(loaded, sources, named=bool(datasets), shared=shared)
        report = merge(store, sources, target, policy=on_conflict, dry_run=dry_run)
    if shared.as_json:
        from prodigy_team.cli.objects import merge_object

        output.show_json(merge_object(report, sources=sources, into=target, dry_run=dry_run))
    elif not shared.quiet or report.used:
        output.say(render.merge_lines(report, into=target, dry_run=dry_run))


def chosen(store: Store, roster: Roster, names: list[str], target: str) -> list[str]:
    """The datasets to merge: those named, which must exist, or all that this team wrote."""
    from prodigy_team.cli.answers import unknown_dataset

    known = [each.name for each in store.datasets()]
    for name in names:
        if name not in known:
            raise unknown_dataset(name, known)
    if target in names:
        raise UsageError(f"`{target}` cannot be merged into itself.", remedy="Name another with --into.")
    written = [each.name for each in store.team_datasets(roster.name) if each.exists and each.kind == "answers"]
    sources = names or [name for name in written if name != target]
    if not sources:
        raise UsageError(f"Team {roster.name} has written no dataset yet.", remedy="First: prodigy-team up")
    return sources


def tell_departed(roster: Roster, sources: list[str], *, named: bool, shared: Shared) -> None:
    """Name the datasets that are merged although nobody on the roster writes them any more."""
    departed = [name for name in sources if name not in {server.dataset for server in roster.servers}]
    if departed and not named and not shared.quiet:
        output.tell([f"Also of people no longer on the roster: {', '.join(departed)}"])
