"""What the gateway's dashboard shows, as one object on stdout: `python -m prodigy_team.cli.board ROSTER`.

A process of its own: counting a million answers takes seconds and hundreds of megabytes, which the gateway has not.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prodigy_team.cli import output
from prodigy_team.cli.answers import read_roster, roster_store
from prodigy_team.cli.gathered import chosen_sources, roster_marks, roster_people
from prodigy_team.cli.objects import values_object
from prodigy_team.cli.pools import roster_pools
from prodigy_team.cli.progress import time_zone
from prodigy_team.curation.agreement import measure
from prodigy_team.curation.coverage import cover
from prodigy_team.curation.progress import Terms, follow_progress
from prodigy_team.curation.standing import sum_up
from prodigy_team.errors import TeamError

if TYPE_CHECKING:
    from prodigy_team.annotate.surveying import Pool
    from prodigy_team.roster import Roster


def board_object(path: Path, *, now: float) -> dict[str, Any]:
    """Progress and coverage of each pool, from one reading of the answers, and how far people agree, from another.

    Raises:
        TeamError: The roster or the database cannot be read.
    """
    loaded = read_roster(path)
    terms = Terms(now)
    with roster_pools(loaded) as (pools, unreadable):
        found = [_figures(pool, terms) for pool in pools]
    progress, coverage = [each[0] for each in found], [each[1] for each in found]
    return values_object(
        team=loaded.name,
        now=now,
        time_zone=time_zone(now),
        progress=progress,
        coverage=coverage,
        agreement=_agreement(loaded),
        problems=unreadable,
    )


def _agreement(roster: Roster) -> list[dict[str, Any]]:
    """Everybody against all others, a record for each view; none where nobody has answered yet."""
    try:
        with roster_store(roster, write=False) as store:
            sources = chosen_sources(store, roster, (), quiet=True)
            marks = roster_marks(store, roster, sources, surplus=False)
            people = roster_people(store, roster)
            return measure(store, sources, people=people, marks=marks, intervals=False, worst=0).records("people")
    except TeamError:  # a database that cannot be read is told with the pools
        return []


def _figures(pool: Pool, terms: Terms) -> tuple[Any, Any]:
    given = list(pool.given())
    standing = pool.standing(sum_up(pool.rules, given), leases=False)
    return follow_progress(standing, pool.dealt, given, pool.known_line, terms), cover(standing)


def main(arguments: Sequence[str]) -> int:
    """Print it; people who annotate come first on the processor."""
    os.nice(10)
    try:
        output.show_json(board_object(Path(arguments[0]), now=time.time()))
    except TeamError as error:
        output.tell(output.error_lines(error))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
