"""What really runs, compared with what the lockfile says: adopts, rebuilds, and notices deaths. Signals nobody."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from prodigy_team.errors import TeamError
from prodigy_team.presence import exists
from prodigy_team.servers import alive, processes
from prodigy_team.servers.launches import alive_path, launch_path, read_launch, record_of
from prodigy_team.servers.lockfile import (
    Lockfile,
    ServerRecord,
    UnreadableLockfileError,
    keep_aside,
    read_lockfile,
)
from prodigy_team.servers.processes import Identity, Mark, Marked
from prodigy_team.servers.standing import Seen
from prodigy_team.servers.statefolder import log_path


@dataclass(frozen=True)
class Observation:
    """The lockfile made true to what runs, and what was seen of each server.

    Attributes:
        notes: Sentences for the person, such as where an unreadable lockfile was kept.
        changed: The lockfile is not what is on disk: rebuilt, or a server adopted.
    """

    lockfile: Lockfile
    seen: Mapping[str, Seen]
    notes: tuple[str, ...] = ()
    changed: bool = False


def identity_of_record(record: ServerRecord) -> Identity | None:
    """The process that a record names, or None where it names none."""
    if record.pid is None or record.started_at is None:
        return None
    return Identity(record.pid, record.started_at)


def observe(
    path: Path, state: Path, *, team: str, keep_copy: bool, names: Collection[str] | None = None, search: bool = True
) -> Observation:
    """Read the lockfile and look at its servers.

    Args:
        path: The lockfile. An unreadable one is rebuilt from what runs.
        keep_copy: Move an unreadable lockfile aside; without, nothing on disk changes.
        names: Look at these servers only; the records of the others are as they were written.
        search: Look at every process of this machine where nothing at all is on disk: the folder may have been deleted
            under servers that run.
    """
    notes: tuple[str, ...] = ()
    try:
        lockfile = read_lockfile(path, team=team)
        if not exists(path) and (launch_names(state) or (search and processes.find_marked(state))):
            lockfile = rebuilt(state, team)
            notes = (f"{path} is gone. Rebuilt from the servers that run.",)
    except UnreadableLockfileError as error:
        lockfile = rebuilt(state, team)
        kept = f" Kept as {keep_aside(path)}." if keep_copy else ""
        notes = (f"{error.message}{kept} Rebuilt from the servers that run.",)
    records = [record for name, record in lockfile.servers.items() if names is None or name in names]
    looks = [look_at(record, state, lockfile.team) for record in records]
    true = lockfile.with_records(*(record for record, _ in looks))
    seen = {record.name: each for record, each in looks}
    return Observation(true, seen, notes, changed=bool(notes) or true != lockfile)


def names_alive(observed: Observation, state: Path) -> frozenset[str]:
    """Names of the servers of which anything lives, be it a child that holds no lock and may still write answers."""
    known = {name for name, seen in observed.seen.items() if seen.alive or seen.leftovers}
    return frozenset(known | {each.name for each in processes.find_marked(state)})


def look_at(record: ServerRecord, state: Path, team: str) -> tuple[ServerRecord, Seen]:
    """The record made true to what runs, and whether its server lives or only something it left behind.

    A command killed between starting a server and writing that down leaves a record that does not know its process;
    whoever holds the lifetime lock is found. Of a server whose leader is gone at least the group is, so that what it
    left behind can be ended.
    """
    if is_running(record, state, team):
        return record, Seen(alive=True)
    path = alive_path(state, record.name)
    if not alive.is_held(path):
        return record, Seen()
    noted = _noted_process(path)
    if noted is not None:
        found = replace(record, pid=noted.pid, started_at=noted.started_at, pgid=processes.group_of(noted.pid))
        if is_running(found, state, team):
            return replace(found, wanted=True), Seen(alive=True)
    found = _found_by_mark(record, state, leads=noted is None)
    lives = is_running(found, state, team)
    return found, Seen(alive=lives, leftovers=not lives and alive.is_held(path))


def is_running(record: ServerRecord, state: Path, team: str) -> bool:
    """Whether the recorded process lives and proves to be this server: a lockfile may name anybody."""
    identity = identity_of_record(record)
    if identity is None or not processes.is_alive(identity):
        return False
    return processes.is_ours(identity.pid, Mark(team, record.name, state))


def _found_by_mark(record: ServerRecord, state: Path, *, leads: bool) -> ServerRecord:
    """The record with the process group that carries its mark.

    Args:
        leads: A leader found so is the server: nobody came to note it. Otherwise it only is what the server left.
    """
    groups = [each for each in processes.find_marked(state) if each.name == record.name]
    for each in groups:
        if leads and each.leader:
            leader = each.leader
            return replace(record, pid=leader.pid, started_at=leader.started_at, pgid=each.pgid, wanted=True)
    pgids = [each.pgid for each in groups]
    return replace(record, pgid=pgids[0]) if pgids and record.pgid not in pgids else record


def _noted_process(path: Path) -> Identity | None:
    noted = alive.read(path)
    pid, started_at = noted.get("pid"), noted.get("started_at")
    return Identity(pid, started_at) if isinstance(pid, int) and isinstance(started_at, str) else None


def launch_names(state: Path) -> list[str]:
    """The servers that were ever launched here and not forgotten since."""
    return sorted(path.stem for path in launch_path(state, "*").parent.glob("*.json"))


def rebuilt(state: Path, team: str) -> Lockfile:
    """A lockfile made from the launches on disk and the processes that carry this team's mark.

    What does not run is recorded as not wanted: nobody can tell any more whether a person stopped it.
    """
    groups = sorted(processes.find_marked(state), key=lambda each: each.leader is not None)  # the last counts
    running = {each.name: each for each in groups}
    records = {}
    for name in sorted({*running, *launch_names(state)}):
        record = replace(_remembered(state, name), wanted=False)
        if name in running:
            group = running[name]
            record = replace(record, pgid=group.pgid)
            if group.leader:
                leader = group.leader
                record = replace(record, pid=leader.pid, started_at=leader.started_at, wanted=True)
        records[name] = record
    records |= {name: replace(records[name], port=port) for name, port in _unknown_ports(records, running).items()}
    return Lockfile(team, engine=next((record.engine for record in records.values()), ""), servers=records)


def _unknown_ports(records: Mapping[str, ServerRecord], running: Mapping[str, Marked]) -> dict[str, int]:
    """Where servers listen of which nothing else is known: open pages look for them there after a restart."""
    lost = {pid: name for name, each in running.items() if records[name].port is None for pid in each.pids}
    if not lost:
        return {}
    from prodigy_team.servers.ports import listening_ports

    return {lost[pid]: port for pid, port in listening_ports(lost).items()}


def _remembered(state: Path, name: str) -> ServerRecord:
    try:
        return record_of(read_launch(state, name), state, None)
    except TeamError:
        return ServerRecord(name, log=str(log_path(state, name)))


def note_deaths(observation: Observation, *, at: float, exits: Mapping[str, int]) -> Lockfile:
    """The lockfile with a failure written down for every wanted server that is gone without having been stopped.

    A server that ended with the machine it ran on did not fail.

    Args:
        at: Unix seconds.
        exits: Exit codes that somebody saw, by name.
    """
    changed = []
    for record in observation.lockfile.servers.values():
        seen = observation.seen[record.name]
        if seen.alive or not record.wanted or record.pid is None:
            continue
        identity = identity_of_record(record)
        if record.stopping or (identity is not None and processes.from_another_boot(identity)):
            changed.append(replace(record, pid=None, started_at=None, pgid=None, ready=False, stopping=False))
            continue
        failed = _as_failed(record, at=at, code=exits.get(record.name))
        changed.append(replace(failed, pgid=record.pgid, restarts=record.restarts + 1))
    return observation.lockfile.with_records(*changed)


def _as_failed(record: ServerRecord, *, at: float, code: int | None) -> ServerRecord:
    from prodigy_team.servers.logs import last_cause
    from prodigy_team.servers.plan import record_failure

    cause = last_cause(Path(record.log), since=record.log_offset) if code else ""
    return record_failure(record, at=at, exit_code=code, cause=cause)
