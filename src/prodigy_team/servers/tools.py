"""How other programs see a roster: its interpreter first on PATH, its database and its settings in the environment."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from prodigy_team.presence import is_file
from prodigy_team.roster import Roster
from prodigy_team.settings import Database, find_database, read_settings

NOT_PASSED = frozenset({"PRODIGY_CONFIG", "PRODIGY_CONFIG_OVERRIDES", "PRODIGY_HOST", "PRODIGY_PORT"})


def tool_environment(roster: Roster, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment in which `prodigy stats`, `train` or `db-out` see what this roster's servers write.

    It is the shell's, but for the settings of Prodigy that the shell names by variable: servers do not get them either.
    """
    env = settings_environment(roster, environ)
    env["PATH"] = os.pathsep.join([str(roster.python.parent), env.get("PATH", os.defpath)])
    if is_file(roster.python.parent.parent / "pyvenv.cfg"):
        env["VIRTUAL_ENV"] = str(roster.python.parent.parent)
    overrides = {**_overrides(env), **_pinned(team_database(roster, environ))}
    if overrides:
        env["PRODIGY_CONFIG_OVERRIDES"] = json.dumps(overrides, ensure_ascii=False)
    return env


def team_database(roster: Roster, environ: Mapping[str, str]) -> Database:
    """Where this roster's answers are kept: its own `database`, else what the settings that apply to it say."""
    if roster.database is not None:
        return Database("sqlite", roster.database, f"{roster.path.name}: team.database")
    env = settings_environment(roster, environ)
    return find_database(read_settings(env, roster.path.parent), env)


def settings_environment(roster: Roster, environ: Mapping[str, str]) -> dict[str, str]:
    """The shell's environment with this roster's settings in it, in the order in which servers see them."""
    env = {name: value for name, value in environ.items() if name not in NOT_PASSED}
    env.update(_common_env(roster))
    if is_file(roster.config):
        env.setdefault("PRODIGY_CONFIG", str(roster.config))
    overrides = {**_overrides(env), **roster.prodigy}
    if overrides:
        env["PRODIGY_CONFIG_OVERRIDES"] = json.dumps(overrides, ensure_ascii=False, default=str)
    return env


def _common_env(roster: Roster) -> dict[str, str]:
    """What every server's `env` says alike; a variable on which they differ belongs to none of them in particular."""
    items = [set(server.env.items()) for server in roster.servers]
    return dict(set.intersection(*items)) if items else {}


def _overrides(env: Mapping[str, str]) -> dict[str, Any]:
    found = json.loads(env.get("PRODIGY_CONFIG_OVERRIDES") or "{}")
    return found if isinstance(found, dict) else {}


def _pinned(database: Database) -> dict[str, Any]:
    """Name an SQLite file, so that the folder a command is called in cannot lead it elsewhere; leave others alone."""
    if database.kind != "sqlite" or database.path is None:
        return {}
    place = {"name": database.path.name, "path": str(database.path.parent)}
    return {"db": "sqlite", "db_settings": {"sqlite": place}}
