"""`progress`: who did how much, how fast, and when it will be done."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from prodigy_team.cli import output
from prodigy_team.cli.options import AsJson, Quiet, RosterPath, Shared, parse_duration
from prodigy_team.errors import UsageError

if TYPE_CHECKING:
    from prodigy_team.annotate.surveying import Pool
    from prodigy_team.curation.progress import PoolProgress, Terms

EXAMPLES = ("prodigy-team progress", "prodigy-team progress --by day", "prodigy-team progress --csv > progress.csv")


class By(str, Enum):
    """What a line is for."""

    annotator = "annotator"
    day = "day"


def command(
    context: typer.Context,
    by: Annotated[By, typer.Option("--by", help="A line for each.")] = By.annotator,
    idle: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="A longer gap between answers is a break, as 90s or 5m; else 2m or five times one's usual gap.",
        ),
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the same as comma-separated values.")] = False,
    roster: RosterPath = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Say who did how much, how fast, and when it will be done.

    Working time is told from the times of answers alone; days are those of this machine's time zone. Nothing is dealt
    out.
    """
    shared = Shared.of(context, roster, quiet, as_json)
    path = shared.existing()
    if as_csv and shared.as_json:
        raise UsageError("--csv and --json exclude each other.")
    from prodigy_team.cli import figures
    from prodigy_team.cli.answers import read_roster
    from prodigy_team.cli.pools import roster_pools, tell_unreadable
    from prodigy_team.curation.progress import Terms

    loaded = read_roster(path)
    now = time.time()
    terms = Terms(now, idle=None if idle is None else parse_duration(idle))
    with roster_pools(loaded) as (pools, unreadable):
        found = [progress_of(pool, terms) for pool in pools]
    zone = time_zone(now)
    if shared.as_json:
        from prodigy_team.cli.objects import values_object

        asked = datetime.fromtimestamp(now, timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
        output.show_json(values_object(team=loaded.name, now=asked, time_zone=zone, pools=found, problems=unreadable))
    elif as_csv:
        output.say(figures.csv_lines(found, by_day=by is By.day))
    else:
        output.say(figures.progress_lines(found, now=now, time_zone=zone, by_day=by is By.day))
    raise typer.Exit(tell_unreadable(unreadable))


def progress_of(pool: Pool, terms: Terms) -> PoolProgress:
    """How one pool stands."""
    from prodigy_team.curation.progress import follow_progress
    from prodigy_team.curation.standing import sum_up

    given = list(pool.given())
    standing = pool.standing(sum_up(pool.rules, given), leases=False)
    return follow_progress(standing, pool.dealt, given, pool.known_line, terms)


def time_zone(now: float) -> str:
    """The machine's, such as `CET (UTC+01:00)`."""
    local = datetime.fromtimestamp(now, timezone.utc).astimezone()
    return f"{local.tzname()} (UTC{local:%z})" if local.utcoffset() else "UTC"
