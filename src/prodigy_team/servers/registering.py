"""The register of what a team's servers write: entered for Prodigy, which does not know it; read before a first start.

A dataset belongs to a team because the register says so, never because of how its name begins.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable
from pathlib import Path

from prodigy_team.errors import TeamError
from prodigy_team.presence import is_file
from prodigy_team.roster import Roster
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


def datasets_of_namesakes(plans: Iterable[ServerPlan], *, team: str, state: Path) -> list[str]:
    """That a team of this name wrote into the database before the first `up` of this state folder.

    It may be this team, whose state folder was lost; or another project, whose answers would count here.
    """
    for database in {plan.database: None for plan in plans if _is_file(plan.database)}:
        with contextlib.suppress(TeamError), contextlib.closing(open_store(database, write=False)) as store:
            known = [each.name for each in store.team_datasets(team) if each.exists and each.kind == "answers"]
            answers = sum(each.answers for each in store.activity(known).values())
            if known:
                return [
                    f"{database.path} has {answers} answers of a team {team} already, which count here, and nothing "
                    f"was ever started in {state}. If they are another project's, give this one another `name`, or a "
                    "`database` of its own."
                ]
    return []


def earlier_names(roster: Roster, plans: Iterable[ServerPlan]) -> list[str]:
    """That somebody's answers under an earlier name are in another dataset, so that their tasks come up again."""
    notes = []
    people = {each.server: each for each in roster.annotators if each.aliases and roster.routing is None}
    for plan in (plan for plan in plans if plan.name in people and _is_file(plan.database)):
        with contextlib.suppress(TeamError), contextlib.closing(open_store(plan.database, write=False)) as store:
            wrote = {each.name for each in store.team_datasets(roster.name) if each.exists} - {plan.dataset}
            older = [name for alias in people[plan.name].aliases if (name := f"{roster.name}_{alias}") in wrote]
            if older and any(each.answers for each in store.activity(older).values()):
                notes.append(
                    f"{plan.name} is asked again what is answered in {older[0]}: "
                    f'dataset = "{older[0]}" at {plan.name} goes on there.'
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
    return database.kind == "sqlite" and database.path is not None and is_file(Path(database.path))
