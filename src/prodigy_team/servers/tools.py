"""How other programs see a roster: its interpreter first on PATH, its database and its settings in the environment."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from prodigy_team.roster import Roster
from prodigy_team.settings import Database, find_database, read_settings

REPLACED = frozenset({"PRODIGY_CONFIG", "PRODIGY_CONFIG_OVERRIDES", "PRODIGY_HOST", "PRODIGY_PORT"})


def tool_environment(roster: Roster, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment in which `prodigy stats`, `train` or `db-out` see what this roster's servers write.

    The shell's own PRODIGY_HOME stays, since the servers run with it; the settings it names by variable do not.
    """
    kept = {key: value for key, value in environ.items() if key not in REPLACED}
    kept["PATH"] = os.pathsep.join([str(roster.python.parent), environ.get("PATH", os.defpath)])
    if (roster.python.parent.parent / "pyvenv.cfg").is_file():
        kept["VIRTUAL_ENV"] = str(roster.python.parent.parent)
    overrides = dict(roster.prodigy)
    if roster.config.is_file():
        kept["PRODIGY_CONFIG"] = str(roster.config)
    overrides.update(_database_overrides(team_database(roster, environ)))
    kept["PRODIGY_CONFIG_OVERRIDES"] = json.dumps(overrides, default=str)
    return kept


def team_database(roster: Roster, environ: Mapping[str, str]) -> Database:
    """Where this roster's answers are kept: its own `database`, else what the settings that apply to it say."""
    if roster.database is not None:
        return Database("sqlite", roster.database, f"{roster.path}: team.database")
    pointed = {key: value for key, value in environ.items() if key not in REPLACED}
    if roster.config.is_file():
        pointed["PRODIGY_CONFIG"] = str(roster.config)
    if roster.prodigy:
        pointed["PRODIGY_CONFIG_OVERRIDES"] = json.dumps(dict(roster.prodigy), default=str)
    return find_database(read_settings(pointed, roster.path.parent), pointed)


def _database_overrides(database: Database) -> dict[str, Any]:
    """Pin an SQLite file, so that the folder a command is called in cannot lead it elsewhere; leave others alone."""
    if database.kind != "sqlite" or database.path is None:
        return {}
    place = {"name": database.path.name, "path": str(database.path.parent)}
    return {"db": "sqlite", "db_settings": {"sqlite": place}}
