"""The servers of a roster as its engine runs them: shared ones whole, or apart; for commands that look at a roster."""

from __future__ import annotations

from collections.abc import Mapping

from prodigy_team import settings
from prodigy_team.errors import TeamError
from prodigy_team.roster import Problem, Roster, may_come_apart, taken_apart
from prodigy_team.servers.engines import PRODIGY, decide_engine, server_environment
from prodigy_team.servers.lockfile import UnreadableLockfileError, read_lockfile
from prodigy_team.servers.statefolder import lockfile_path


def as_it_runs(roster: Roster, environ: Mapping[str, str]) -> Roster:
    """The roster with its shared servers taken apart where its engine is Prodigy and deals out tasks.

    Which engine it is is only asked where that makes a difference. Where the one wanted is not there, nothing can run,
    and the roster is as it is written.
    """
    if not may_come_apart(roster):
        return roster
    try:
        engine = decide_engine(roster, recorded=_recorded_engine(roster), environ=environ)
    except TeamError:
        return roster
    return taken_apart(roster, engine)


def _recorded_engine(roster: Roster) -> str | None:
    try:
        return read_lockfile(lockfile_path(roster.state)).engine or None
    except UnreadableLockfileError:
        return None


def overlap_problems(roster: Roster, environ: Mapping[str, str]) -> list[Problem]:
    """Settings under which a Prodigy that runs beside others on one dataset cannot be told to ask what they have asked.

    Args:
        roster: As ``taken_apart`` returned it.
    """
    for server in (each for each in roster.servers if each.part_of):
        found = settings.read_settings(server_environment(roster, server, environ, engine=PRODIGY), server.directory)
        if found.get("annotations_per_task") is not None:
            text = f"annotations_per_task and [routing] both say who gets a task of {server.part_of}."
            return [Problem(roster.config.name, text, "Take annotations_per_task out of that file.")]
    return []
