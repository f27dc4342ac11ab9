"""What merge, export, flagged and drop share: this roster's store."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from prodigy_team.errors import TeamError, UsageError
from prodigy_team.presence import exists

if TYPE_CHECKING:
    from prodigy_team.roster import Roster
    from prodigy_team.store import Store


def read_roster(path: Path, *, answers_only: bool = False) -> Roster:
    """The roster, validated, with its servers as they run.

    Args:
        answers_only: Sources and known tasks need not be there any more.
    """
    from prodigy_team.roster import load_roster, may_come_apart

    roster = load_roster(path, os.environ, answers_only=answers_only)
    if not may_come_apart(roster):
        return roster
    from prodigy_team.servers.shapes import as_it_runs

    return as_it_runs(roster, os.environ)


@contextmanager
def roster_store(roster: Roster, *, write: bool) -> Iterator[Store]:
    """The database where this roster's answers are; closed at the end."""
    from prodigy_team.servers.tools import team_database
    from prodigy_team.store import open_store

    database = team_database(roster, os.environ)
    if database.path is not None and not exists(database.path):
        raise TeamError(
            f"There is no database {database.path} yet ({database.origin}).", remedy="It is made by `prodigy-team up`."
        )
    store = open_store(database, write=write)
    try:
        yield store
    finally:
        store.close()


def known_dataset(store: Store, name: str) -> None:
    """Refuse a dataset that does not exist, with the nearest that does."""
    known = store.names()
    if name not in known:
        near = get_close_matches(name, known, n=1, cutoff=0.5)
        remedy = f"Did you mean {near[0]}?" if near else "`prodigy-team export` lists the datasets."
        raise UsageError(f"There is no dataset `{name}`.", remedy=remedy)
