"""Ending servers: whole process groups, only those proved to be ours, and their ports checked free afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from prodigy_team.servers import alive, processes
from prodigy_team.servers.ending import Ended, Outcome, Target, end_groups
from prodigy_team.servers.launches import alive_path
from prodigy_team.servers.lockfile import ServerRecord
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
    _end_runaways([record.name for record in records], state, grace=grace)
    return [_outcome(record, ended.get(record.name)) for record in records]


def _end_runaways(names: Sequence[str], state: Path, *, grace: float) -> None:
    """End what left its server's group and lives on: a held lifetime lock says so, the mark says which it is."""
    if any(alive.is_held(alive_path(state, name)) for name in names):
        groups = [each for each in processes.find_marked(state) if each.name in names]
        end_groups([Target(each.name, each.pgid, each.mark) for each in groups], grace=grace / 2)


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
