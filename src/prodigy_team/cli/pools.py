"""What plan, coverage and progress share: the roster's pools, opened to read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from prodigy_team.cli import output
from prodigy_team.presence import exists

if TYPE_CHECKING:
    from prodigy_team.annotate.surveying import Pool, Unreadable
    from prodigy_team.roster import Roster
    from prodigy_team.store import Store


@contextmanager
def roster_pools(roster: Roster, *, write: bool = False) -> Iterator[tuple[list[Pool], list[Unreadable]]]:
    """The pools that can be looked at, and those that cannot; before the first `up` there are no answers.

    Args:
        write: Open the answers' database for writing.
    """
    from prodigy_team.annotate.surveying import Pool, Unreadable, survey
    from prodigy_team.servers.tools import team_database

    database = team_database(roster, os.environ)
    with ExitStack() as stack:
        store: Store | None = None
        if database.path is None or exists(database.path):
            from prodigy_team.cli.answers import roster_store

            store = stack.enter_context(roster_store(roster, write=write))
        found = stack.enter_context(survey(roster, os.environ, store))
        yield (
            [each for each in found if isinstance(each, Pool)],
            [each for each in found if isinstance(each, Unreadable)],
        )


def tell_unreadable(unreadable: list[Unreadable]) -> int:
    """Say what cannot be looked at, on stderr; the exit code."""
    for each in unreadable:
        output.tell([each.problem, *([each.remedy] if each.remedy else [])])
    return 3 if unreadable else 0
