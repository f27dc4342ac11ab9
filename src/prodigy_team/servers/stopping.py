"""Ending servers: whole process groups, only those proved to be ours, and their ports checked free afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from prodigy_team.servers import processes
from prodigy_team.servers.ending import Ended, Outcome, Target, end_groups
from prodigy_team.servers.lockfile import ServerRecord
from prodigy_team.servers.observing import identity_of_record
from prodigy_team.servers.ports import holder_of_port, is_free
from prodigy_team.servers.processes import Mark


@dataclass(frozen=True)
class Stopped:
    """How ending one server went.

    Attributes:
        ran: It, or something it left behind, was running.
        stranger: Its recorded pid belongs to a process that is not ours; that was not signalled.
        problem: What is left: a process that would not end, or a port still held.
    """

    name: str
    ran: bool
    seconds: float = 0.0
    stranger: int | None = None
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
    return [_outcome(record, ended.get(record.name)) for record in records]


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
    """The recorded pid where it now belongs to somebody else's process."""
    identity = identity_of_record(record)
    if identity is None or processes.is_alive(identity):
        return None
    return identity.pid if processes.identity_of(identity.pid) is not None else None
