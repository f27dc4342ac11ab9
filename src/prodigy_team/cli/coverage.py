"""`coverage`: which tasks have as many answers as they should, and who is missing where."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from prodigy_team.cli import output
from prodigy_team.cli.options import AsJson, Quiet, RosterPath, Shared

EXAMPLES = ("prodigy-team coverage", "prodigy-team coverage --missing", "prodigy-team coverage --by version")


class By(str, Enum):
    """What is counted apart."""

    annotator = "annotator"
    version = "version"


def command(
    context: typer.Context,
    missing: Annotated[
        bool, typer.Option("--missing", help="Name every task that lacks somebody, and who may answer it.")
    ] = False,
    by: Annotated[By, typer.Option("--by", help="The table below: people, or versions of the task.")] = By.annotator,
    roster: RosterPath = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Say which tasks have their answers, and who is missing where.

    Counted from the answers alone: of the different people who answered a task the first so many count, later ones are
    surplus. Nothing is dealt out.
    """
    shared = Shared.of(context, roster, quiet, as_json)
    path = shared.existing()
    from prodigy_team.cli import figures
    from prodigy_team.cli.answers import read_roster
    from prodigy_team.cli.pools import roster_pools, tell_unreadable
    from prodigy_team.curation.coverage import cover

    loaded = read_roster(path)
    with roster_pools(loaded) as (pools, unreadable):
        found = [
            cover(pool.standing(pool.answers(), leases=False), excerpt=pool.excerpt if missing else None)
            for pool in pools
        ]
    if shared.as_json:
        from prodigy_team.cli.objects import values_object

        output.show_json(values_object(team=loaded.name, pools=found, problems=unreadable))
    else:
        output.say(figures.coverage_lines(found, by_version=by is By.version))
    raise typer.Exit(tell_unreadable(unreadable))
