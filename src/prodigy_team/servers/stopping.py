"""Ending servers: whole process groups, only those proved to be ours, and their ports checked free afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from prodigy_team.servers import alive, processes
from prodigy_team.servers.ending import Ended, Outcome, Target, end_groups
from prodigy_team.servers.launches import alive_path
from prodigy_team.servers.lockfile import ServerRecord
from prodigy_team.servers.observing import identity_of_record
from prodigy_team.servers.ports import holder_of_port, is_free
from prodigy_team.servers.processes import Mark, Marked


@dataclass(frozen=True)
class Stopped:
    """How ending one server went.

    Attributes:
        ran: It, or something it left behind, was running.
        stranger: Its recorded pid belongs to a process that is not ours; that was not signalled.
        left: Processes that carry its mark but are not proved to come from this start of it; they were not signalled.
        problem: What is left: a process that would not end, or a port still held.
    """

    name: str
    ran: bool
    seconds: float = 0.0
    stranger: int | None = None
    left: tuple[int, ...] = ()
    problem: str = ""


def end_servers(records: Sequence[ServerRecord], state: Path, *, team: str, grace: float) -> list[Stopped]:
    """End the process groups of these servers, all at once, and check that their ports are free.

    Args:
        grace: Seconds from the first signal (INT) to the last (KILL).
    """
    targets = [
        Target(record.name, record.pgid, Mark(team, record.name, state))
        for record in records
        if record.pgid is not None
    ]
    ended = {each.name: each for each in end_groups(targets, grace=grace)}
    left = _end_runaways(records, state, grace=grace)
    return [replace(_outcome(each, ended.get(each.name)), left=left.get(each.name, ())) for each in records]


def _end_runaways(records: Sequence[ServerRecord], state: Path, *, grace: float) -> dict[str, tuple[int, ...]]:
    """End what left its server's group and lives on, and return by name the pids that are not proved to be ours.

    The mark says whose it is. That it holds the server's lifetime lock, or is no older than the server, says that the
    server started it; an older one may be what a person copied out of a server's environment.
    """
    held = {record.name for record in records if alive.is_held(alive_path(state, record.name))}
    # Only what was executed has children that could leave: the embedded engine starts no programs.
    suspects = {record.name: record for record in records if record.name in held or record.engine == "prodigy"}
    groups = processes.find_marked(state) if suspects else []
    groups = [each for each in groups if each.name in suspects and not _is_new(each, suspects[each.name], state)]
    proved = [each for each in groups if each.name in held or _started_under(each, suspects[each.name])]
    end_groups([Target(each.name, each.pgid, each.mark) for each in proved], grace=grace / 2)
    return {each.name: each.pids for each in groups if each not in proved}


def _is_new(group: Marked, record: ServerRecord, state: Path) -> bool:
    """Whether this is the server itself, started anew by another command meanwhile."""
    noted = alive.read(alive_path(state, record.name)).get("pid")
    return group.leader is not None and group.leader.pid == noted != record.pid


def _started_under(group: Marked, record: ServerRecord) -> bool:
    server = identity_of_record(record)
    found = [processes.identity_of(pid) for pid in group.pids]
    return server is not None and all(each is None or processes.started_under(each, server) for each in found)


def _outcome(record: ServerRecord, ended: Ended | None) -> Stopped:
    if ended is None or ended.outcome in (Outcome.GONE, Outcome.FOREIGN):
        return Stopped(record.name, ran=False, stranger=_stranger(record))
    if ended.outcome is Outcome.SURVIVED:
        pids = ", ".join(str(pid) for pid in ended.pids)
        return Stopped(record.name, True, ended.seconds, problem=f"Process {pids} does not end, not even by SIGKILL.")
    problem = ""
    if record.port and not is_free(record.host, record.port):
        problem = f"Port {record.port} is held by {holder_of_port(record.host, record.port) or 'another program'}."
    return Stopped(record.name, True, ended.seconds, problem=problem)


def _stranger(record: ServerRecord) -> int | None:
    """The recorded pid where it now belongs to somebody else's process: nothing of ours was there to end."""
    return record.pid if record.pid is not None and processes.identity_of(record.pid) is not None else None
