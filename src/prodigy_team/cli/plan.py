"""`plan`: what the roster's tasks come to before anybody starts, or as they stand."""

from __future__ import annotations

import os

import typer

from prodigy_team.cli import output
from prodigy_team.cli.options import AsJson, Quiet, RosterPath, Shared

EXAMPLES = ("prodigy-team plan", "prodigy-team plan --json")


def command(context: typer.Context, roster: RosterPath = None, quiet: Quiet = False, as_json: AsJson = False) -> None:
    """Say what each task is asked for, and what that comes to.

    Who gets at least and at most how much, what cannot be reached and why, lines that are no task or stand twice, and
    what an edit of roster or source changes. Nothing is dealt out.
    """
    shared = Shared.of(context, roster, quiet, as_json)
    path = shared.existing()
    from prodigy_team.cli import figures
    from prodigy_team.cli.answers import read_roster
    from prodigy_team.cli.pools import roster_pools, tell_unreadable
    from prodigy_team.curation.planning import plan_pool
    from prodigy_team.servers.pools import read_pools, routing_notes, written_pools

    loaded = read_roster(path)
    with roster_pools(loaded) as (pools, unreadable):
        found = [
            plan_pool(
                pool.standing(pool.answers(), leases=True),
                pool.dealt,
                pool.facts(),
                servers=pool.servers,
                routed=pool.routed,
                gold=len(pool.gold),
            )
            for pool in pools
        ]
    written = written_pools(loaded.state)
    notes = routing_notes(written, read_pools(loaded, os.environ), state=loaded.state) if written else []
    if shared.as_json:
        from prodigy_team.cli.objects import values_object

        output.show_json(values_object(team=loaded.name, notes=notes, pools=found, problems=unreadable))
    else:
        output.say(figures.plan_lines(found, notes))
    raise typer.Exit(tell_unreadable(unreadable))
