"""The register of what a team's servers write: entered for Prodigy, which does not know it; read before a first start.

A dataset belongs to a team because the register says so, never because of how its name begins.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from prodigy_team.errors import TeamError
from prodigy_team.servers.engines import ServerPlan
from prodigy_team.settings import Database
from prodigy_team.store.base import open_store

log = logging.getLogger(__name__)


def register_dataset(plan: ServerPlan, *, team: str) -> None:
    """Enter the dataset of a server that answers by now; where the database is not ours to open, nothing happens.

    Prodigy has made its tables and the dataset by the time it answers HTTP (contract, 1.4), so this only adds to them.
    """
    if not _is_file(plan.database):
        return
    try:
        store = open_store(plan.database, write=True)
        try:
            store.ensure_dataset(plan.dataset, team=team)
        finally:
            store.close()
    except TeamError as error:
        log.warning("%s could not be entered into the register of %s: %s", plan.dataset, team, error)


def datasets_of_others(plans: Iterable[ServerPlan], *, team: str) -> list[str]:
    """Sentences about datasets that these servers would continue although this team never wrote them."""
    notes = []
    for plan in plans:
        answers = _foreign_answers(plan, team) if _is_file(plan.database) else 0
        if answers:
            notes.append(
                f"{plan.name}: dataset {plan.dataset} exists already with {answers} answers that this team did not "
                "write; they count as done. Another `dataset` starts anew."
            )
    return notes


def _foreign_answers(plan: ServerPlan, team: str) -> int:
    try:
        store = open_store(plan.database, write=False)
        try:
            if any(each.name == plan.dataset for each in store.team_datasets(team)):
                return 0
            return store.activity([plan.dataset])[plan.dataset].answers
        finally:
            store.close()
    except TeamError:
        return 0  # the server itself will say what is wrong with its database


def _is_file(database: Database) -> bool:
    return database.kind == "sqlite" and database.path is not None and Path(database.path).is_file()
