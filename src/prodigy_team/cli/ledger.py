"""`ledger rebuild`: the record of who gets which task, made anew."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from prodigy_team.cli import output
from prodigy_team.cli.options import AsJson, Quiet, RosterPath, Shared
from prodigy_team.errors import TeamError
from prodigy_team.presence import exists

EXAMPLES = ("prodigy-team ledger rebuild",)


class Deed(str, Enum):
    """What is done."""

    rebuild = "rebuild"


def command(
    context: typer.Context,
    deed: Annotated[Deed, typer.Argument(metavar="rebuild", help="From roster, sources and answers.")],  # noqa: ARG001
    roster: RosterPath = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Make the record of who gets which task anew.

    It may be done at any moment, also while people annotate: what they hold and which tasks are asked more often is
    taken over from the old one where that can be read. All else is in the answers.
    """
    shared = Shared.of(context, roster, quiet, as_json)
    path = shared.existing()
    from prodigy_team.annotate.rebuilding import rebuild_ledger
    from prodigy_team.cli import figures
    from prodigy_team.cli.answers import read_roster
    from prodigy_team.cli.pools import roster_pools, tell_unreadable
    from prodigy_team.servers.lockfile import guard
    from prodigy_team.servers.statefolder import lockfile_path, prepare_state

    loaded = read_roster(path)
    ledger = loaded.state / "ledger.db"
    if loaded.routing is None and not exists(ledger):
        raise TeamError("No tasks are dealt out by a ledger here.", remedy="[routing] in team.toml makes one.")
    prepare_state(loaded.state)
    with guard(lockfile_path(loaded.state)), roster_pools(loaded) as (pools, unreadable):
        found = rebuild_ledger(ledger, pools)
    if shared.as_json:
        from prodigy_team.cli.objects import values_object

        output.show_json(values_object(team=loaded.name, pools=found, problems=unreadable))
    elif not shared.quiet:
        output.say(figures.rebuilt_lines(found))
    raise typer.Exit(tell_unreadable(unreadable))
