"""`reopen`: tasks sent back to those who answered them."""

from __future__ import annotations

from typing import Annotated

import typer

from prodigy_team.cli import output
from prodigy_team.cli.options import AsJson, Quiet, RosterPath, Shared
from prodigy_team.errors import UsageError

EXAMPLES = (
    "prodigy-team reopen --annotator joe --last 20",
    "prodigy-team reopen --where answer=reject --where label=SPORT --dry-run",
    "prodigy-team reopen --version 1",
)


def command(
    context: typer.Context,
    annotators: Annotated[
        list[str] | None, typer.Option("--annotator", metavar="NAME", help="Only this one's; may be repeated.")
    ] = None,
    last: Annotated[int | None, typer.Option(min=1, metavar="N", help="The last N tasks of each.")] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=VALUE", help="What the newest answer says, as answer=reject; may be repeated."),
    ] = None,
    version: Annotated[
        str | None, typer.Option(help="Of labels and guidelines, as `version` in [task] was; '' for none.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and send nothing back.")] = False,
    roster: RosterPath = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Send tasks back to the people who answered them.

    Their answers stay, and no longer count; the newest answer wins. What was answered again since then is left alone.
    Several conditions must all hold; FIELD may lead into tables, as in meta.source=web.
    """
    shared = Shared.of(context, roster, quiet, as_json)
    path = shared.existing()
    from prodigy_team.annotate.reopening import Wish, reopen
    from prodigy_team.cli import figures
    from prodigy_team.cli.answers import read_roster
    from prodigy_team.cli.pools import roster_pools, tell_unreadable

    if version is None and last is None and not where:
        raise UsageError("Which tasks?", remedy="Say --last N, --where FIELD=VALUE or --version OLD.")
    wish = Wish(tuple(annotators or ()), version, tuple(map(_condition, where or ())), last)
    loaded = read_roster(path)
    unknown = set(annotators or ()) - {each.name for each in loaded.annotators}
    if unknown:
        known = ", ".join(each.name for each in loaded.annotators)
        raise UsageError(f"There is no annotator {', '.join(sorted(unknown))}.", remedy=f"There is: {known}.")
    with roster_pools(loaded, write=not dry_run) as (pools, unreadable):
        found = [reopen(pool, wish, dry_run=dry_run) for pool in pools]
    if shared.as_json:
        from prodigy_team.cli.objects import values_object

        output.show_json(values_object(team=loaded.name, dry_run=dry_run, pools=found, problems=unreadable))
    elif not shared.quiet:
        output.say(figures.reopened_lines(found, routed=loaded.routing is not None))
    raise typer.Exit(tell_unreadable(unreadable))


def _condition(text: str) -> tuple[str, str]:
    field, equals, value = text.partition("=")
    if not (field and equals):
        raise UsageError(f"--where {text} is no condition.", remedy="Write FIELD=VALUE, as in answer=reject.")
    return field, value
