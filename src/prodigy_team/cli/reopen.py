"""`reopen`: tasks answered under an earlier version sent back to those who answered them."""

from __future__ import annotations

from typing import Annotated

import typer

from prodigy_team.cli import output
from prodigy_team.cli.options import AsJson, Quiet, RosterPath, Shared
from prodigy_team.errors import UsageError

EXAMPLES = ("prodigy-team reopen --version 1 --dry-run", "prodigy-team reopen --version 1 --annotator joe")


def command(
    context: typer.Context,
    version: Annotated[
        str, typer.Option("--version", help="Of labels and guidelines, as `version` in [task] was; '' for none.")
    ],
    annotators: Annotated[
        list[str] | None, typer.Option("--annotator", metavar="NAME", help="Only this one's; may be repeated.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and send nothing back.")] = False,
    roster: RosterPath = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Send tasks answered under an earlier version back to the same people.

    Their answers stay, and no longer count; the newest answer wins. What was answered again since then is left alone.
    """
    shared = Shared.of(context, roster, quiet, as_json)
    path = shared.existing()
    from prodigy_team.annotate.reopening import reopen_version
    from prodigy_team.cli import figures
    from prodigy_team.cli.answers import read_roster
    from prodigy_team.cli.pools import roster_pools, tell_unreadable

    loaded = read_roster(path)
    unknown = set(annotators or ()) - {each.name for each in loaded.annotators}
    if unknown:
        known = ", ".join(each.name for each in loaded.annotators)
        raise UsageError(f"There is no annotator {', '.join(sorted(unknown))}.", remedy=f"There is: {known}.")
    with roster_pools(loaded, write=not dry_run) as (pools, unreadable):
        found = [reopen_version(pool, version, annotators or (), dry_run=dry_run) for pool in pools]
    if shared.as_json:
        from prodigy_team.cli.objects import values_object

        output.show_json(values_object(team=loaded.name, dry_run=dry_run, pools=found, problems=unreadable))
    elif not shared.quiet:
        output.say(figures.reopened_lines(found, routed=loaded.routing is not None))
    raise typer.Exit(tell_unreadable(unreadable))
