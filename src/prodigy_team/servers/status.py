"""How the servers stand now: the lockfile, what lives, what answers, and what the database holds. Reads only."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prodigy_team.servers import alive, processes
from prodigy_team.servers.activity import read_activity
from prodigy_team.servers.launches import alive_path
from prodigy_team.servers.lockfile import GATEWAY, Lockfile, ServerRecord
from prodigy_team.servers.observing import identity_of_record
from prodigy_team.servers.parts import read_parts
from prodigy_team.servers.readiness import Asked, answering, is_ready, speaks_tls
from prodigy_team.servers.standing import DONE, PARTLY, Seen, State

if TYPE_CHECKING:
    from prodigy_team.store.values import Activity

PATIENCE = 1.0  # seconds for a first answer; a server deep in a save may take longer, and is asked once more
SECOND_PATIENCE = 3.0


@dataclass(frozen=True)
class ServerStatus:
    """One server as it stands now; the keys of ``status --json``.

    Attributes:
        state: running (answers HTTP), starting (lives, never answered yet), stopped (by a person, or never started),
            asleep (the gateway starts it on demand), failed (given up, or lives without answering), stale (died and
            not yet brought back), blocked (could not be started, for instance a foreign program on its port).
        started_at: When its process started, ISO 8601 in UTC, or None.
        memory_bytes: Resident memory of its process, or None.
        answers: Saved answers, or None where the database cannot be read from here.
        tasks: Tasks of its source, or None where only the engine knows.
        package: The version of this package that runs the server, or None where it does not say.
        part: Under [routing] those of them that its annotators answered, hold, or may still be asked; None: all.
        part_of: The shared server of which it is one annotator's part, or "".
        last_answer_at: ISO 8601 in UTC, or None.
    """

    name: str
    annotators: tuple[str, ...]
    engine: str
    runner: str
    state: State
    url: str
    host: str
    port: int | None
    pid: int | None
    started_at: str | None
    uptime_seconds: float | None
    memory_bytes: int | None
    dataset: str
    answers: int | None
    tasks: int | None
    last_answer_at: str | None
    last_answer_seconds: float | None
    restarts: int
    wanted: bool
    log: str
    problem: str
    part: int | None = None
    package: str | None = None
    part_of: str = ""


@dataclass(frozen=True)
class StatusReport:
    """All servers of a team as they stand now.

    Attributes:
        lockfile: Where the record of running servers is kept.
    """

    team: str
    engine: str
    lockfile: str
    servers: tuple[ServerStatus, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 when every wanted server runs or is on its way, else 3."""
        well = {"running", "starting", "asleep", "stopped"}
        return DONE if all(server.state in well for server in self.servers) else PARTLY


@dataclass(frozen=True)
class Facts:
    """What was found out about one server besides its record, without asking it.

    Attributes:
        told: What the server wrote of itself into the file that it locks.
        uptime: Seconds since its process started; None where none lives.
    """

    seen: Seen
    activity: Activity | None
    part: int | None
    told: Mapping[str, Any]
    uptime: float | None
    memory_bytes: int | None


def roster_digest(path: Path) -> str:
    """SHA-256 of the roster's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_status(lockfile: Lockfile, seen: Mapping[str, Seen], state: Path, names: Sequence[str]) -> list[ServerStatus]:
    """The status of each recorded server, the gateway first, then in the lockfile's order."""
    records = [record for record in lockfile.servers.values() if not names or record.name in names]
    records.sort(key=lambda record: record.engine != GATEWAY)  # what everybody else comes by stands first
    living = [record for record in records if seen[record.name].alive]
    with Asked((record.host, record.port) for record in living if record.port) as asked:
        # The servers wake up and answer while the rest is found out.
        activity, parts = read_activity(lockfile.servers.values()), read_parts(records, state)
        facts = [_facts(each, seen[each.name], activity[each.name], parts.get(each.name), state) for each in records]
        now = time.time()
        found = _answering(living, asked)
    return [
        _status_of(record, each, answers_http=record.name in found, now=now)
        for record, each in zip(records, facts, strict=True)
    ]


def _answering(records: Sequence[ServerRecord], asked: Asked) -> set[str]:
    statuses = asked.wait(PATIENCE)
    addresses = {record.name: (record.host, record.port) for record in records if record.port}
    found = {name for name, address in addresses.items() if is_ready(statuses.get(address))}
    found |= {each.name for each in records if each.name not in found and speaks_tls(each, timeout=SECOND_PATIENCE)}
    silent = {record.name: addresses[record.name] for record in records if record.ready and record.name not in found}
    return found | answering(silent, timeout=SECOND_PATIENCE) if silent else found


def _facts(record: ServerRecord, seen: Seen, activity: Activity | None, part: int | None, state: Path) -> Facts:
    identity = identity_of_record(record) if seen.alive else None
    uptime = processes.uptime(identity) if identity else None
    memory = processes.memory_bytes(identity.pid) if identity else None
    return Facts(seen, activity, part, alive.read(alive_path(state, record.name)), uptime, memory)


def _status_of(record: ServerRecord, facts: Facts, *, answers_http: bool, now: float) -> ServerStatus:
    lives = facts.seen.alive
    standing, problem = _standing(record, facts.seen, answers_http=answers_http)
    if record.orphan and lives:
        problem = problem or "It left the roster: prodigy-team up --remove-orphans stops it."
    last = facts.activity.last_answer_at if facts.activity else None
    tasks, package = facts.told.get("tasks"), facts.told.get("package")
    return ServerStatus(
        name=record.name,
        annotators=record.annotators,
        engine=record.engine,
        runner=record.runner,
        state=standing,
        url=record.url,
        host=record.host,
        port=record.port,
        pid=record.pid if lives else None,
        started_at=_moment(now - facts.uptime) if facts.uptime is not None else None,
        uptime_seconds=facts.uptime,
        memory_bytes=facts.memory_bytes,
        dataset=record.dataset,
        answers=facts.activity.answers if facts.activity else None,
        tasks=tasks if isinstance(tasks, int) else None,
        last_answer_at=_moment(last) if last is not None else None,
        last_answer_seconds=max(0.0, now - last) if last is not None else None,
        restarts=record.restarts,
        wanted=record.wanted,
        log=record.log,
        problem=problem,
        part=facts.part,
        package=package if lives and isinstance(package, str) else None,
        part_of=record.part_of,
    )


def _standing(record: ServerRecord, seen: Seen, *, answers_http: bool) -> tuple[State, str]:
    if seen.alive:
        if answers_http:
            return "running", ""
        if record.ready:
            return "failed", f"It lives but does not answer HTTP on port {record.port}."
        return "starting", ""
    if not record.wanted:
        return ("asleep" if record.asleep else "stopped"), ""
    if record.pid is not None or seen.leftovers:
        return "stale", "It died and was not brought back yet: prodigy-team up"
    if record.blocked and not record.given_up:
        return "blocked", record.problem
    return ("failed", record.problem) if record.given_up or record.problem else ("stopped", "")


def never_started(
    name: str, annotators: tuple[str, ...], host: str, port: int | None, dataset: str, part_of: str = ""
) -> ServerStatus:
    """The status of a server of the roster that was never brought up."""
    return ServerStatus(
        name=name,
        annotators=annotators,
        engine="",
        runner="local",
        state="stopped",
        url="",
        host=host,
        port=port,
        pid=None,
        started_at=None,
        uptime_seconds=None,
        memory_bytes=None,
        dataset=dataset,
        answers=None,
        tasks=None,
        last_answer_at=None,
        last_answer_seconds=None,
        restarts=0,
        wanted=False,
        log="",
        problem="",
        part_of=part_of,
    )


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
