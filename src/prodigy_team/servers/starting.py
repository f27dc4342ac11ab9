"""Starting servers: each with its lifetime lock, port and log, recorded before and after, then awaited."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from prodigy_team.errors import TeamError
from prodigy_team.servers import alive, passwords
from prodigy_team.servers.engines import ServerPlan
from prodigy_team.servers.launches import alive_path, record_of, write_launch
from prodigy_team.servers.lockfile import Lockfile, ServerRecord
from prodigy_team.servers.logs import log_path, rotate
from prodigy_team.servers.ports import bind, check_free
from prodigy_team.servers.processes import Mark
from prodigy_team.servers.readiness import answering
from prodigy_team.servers.runners.base import Launch, Runner, Running, Started
from prodigy_team.servers.stopping import end_servers

FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.1  # seconds between two looks
QUEUE_PAUSE = 0.01  # while others wait for their turn: a core is idle until the next look
PROBE_SECONDS = 1.0


@dataclass(frozen=True)
class Blocked:
    """A server that could not even be launched."""

    name: str
    problem: str
    remedy: str = ""


@dataclass
class Starting:
    """Servers launched by this command and not yet seen to answer.

    Attributes:
        since: By name, when each was launched (``time.monotonic``).
        records: By name, as launched.
        exits: Exit codes of those that died meanwhile.
        ready: Seconds until each answered.
    """

    since: dict[str, float] = field(default_factory=dict)
    records: dict[str, ServerRecord] = field(default_factory=dict)
    exits: dict[str, int] = field(default_factory=dict)
    ready: dict[str, float] = field(default_factory=dict)
    waves: list[Running] = field(default_factory=list)

    @property
    def pending(self) -> list[str]:
        """Names of those that neither answered nor died."""
        return [name for name in self.records if name not in self.exits and name not in self.ready]

    def add(self, records: Sequence[ServerRecord]) -> None:
        """Take note of servers just launched."""
        for record in records:
            self.since[record.name] = time.monotonic()
            self.records[record.name] = record

    def follow(self, running: Running) -> None:
        """Take note of servers just launched; their starter is asked for exits until ``close``."""
        self.waves.append(running)

    def look(self) -> list[str]:
        """Ask once who died and who answers by now; return the names of both."""
        before = set(self.pending)
        self.collect_exits()
        addresses = {name: (self.records[name].host, self.records[name].port or 0) for name in self.pending}
        for name in answering(addresses, timeout=PROBE_SECONDS):
            self.ready[name] = time.monotonic() - self.since[name]
        return sorted(before - set(self.pending))

    def collect_exits(self) -> None:
        """Note the exit codes of those that ended."""
        for running in self.waves:
            for each in running.poll_exits():
                self.exits[each.name] = each.code

    def close(self) -> None:
        """Stop following; the servers run on."""
        for running in self.waves:
            running.close()
        self.waves.clear()

    def late(self, timeout: float) -> bool:
        """Whether every server still awaited has had its time."""
        now = time.monotonic()
        return all(now - self.since[name] >= timeout for name in self.pending)


@dataclass(frozen=True)
class Launched:
    """What came of launching servers.

    Attributes:
        lockfile: As saved.
        records: Of the servers that have a process.
        running: Follows them; None where nothing was launched.
    """

    lockfile: Lockfile
    records: tuple[ServerRecord, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    running: Running | None = None


def launch(
    plans: Sequence[ServerPlan], lockfile: Lockfile, state: Path, runner: Runner, save: Callable[[Lockfile], None]
) -> Launched:
    """Launch servers; the caller holds the guard.

    Each is recorded before it is launched (a crash in between is mended by its lifetime lock) and, with its process,
    at once after. A server that another command started meanwhile is left alone and not reported.

    Raises:
        TeamError: The lockfile or a launch cannot be written; nothing of what this call launched is left running.
    """
    launches, blocked = _prepare(plans, lockfile.team, state)
    try:
        records = {
            each.plan.name: record_of(each.plan, state, lockfile.servers.get(each.plan.name)) for each in launches
        }
        lockfile = lockfile.with_records(*records.values(), *(_as_blocked(lockfile, each) for each in blocked))
        save(lockfile)
        for each in launches:
            write_launch(state, each.plan)
    except BaseException:
        for each in launches:
            each.close()
        raise
    if not launches:
        return Launched(lockfile, blocked=tuple(blocked))
    running = runner.start(launches)
    started = tuple(_with_process(records[each.name], each) for each in running.started)
    blocked += [Blocked(each.name, each.reason) for each in running.failed]
    lockfile = lockfile.with_records(*started, *(_as_blocked(lockfile, each) for each in blocked))
    try:
        save(lockfile)
    except TeamError:
        running.close()
        end_servers(started, state, team=lockfile.team, grace=0.0)
        raise
    return Launched(lockfile, started, tuple(blocked), running)


def _as_blocked(lockfile: Lockfile, blocked: Blocked) -> ServerRecord:
    record = lockfile.servers.get(blocked.name) or ServerRecord(blocked.name)
    return replace(record, wanted=True, pid=None, started_at=None, problem=blocked.problem)


def _with_process(record: ServerRecord, started: Started) -> ServerRecord:
    return replace(
        record,
        pid=started.identity.pid,
        started_at=started.identity.started_at,
        pgid=started.pgid,
        log_offset=started.log_offset,
        exit_code=None,
        problem="",
    )


def _prepare(plans: Sequence[ServerPlan], team: str, state: Path) -> tuple[list[Launch], list[Blocked]]:
    launches: list[Launch] = []
    blocked: list[Blocked] = []
    secrets = passwords.read_passwords(state)
    for plan in plans:
        descriptor = alive.acquire(alive_path(state, plan.name))
        if descriptor is None:
            continue
        try:
            listener = _listener(plan)
        except TeamError as error:
            os.close(descriptor)
            blocked.append(Blocked(plan.name, error.message, error.remedy))
            continue
        log = log_path(state, plan.name)
        rotate(log)
        secret = passwords.basic_auth_environment(secrets.get(plan.name))
        launches.append(Launch(plan, Mark(team, plan.name, state), listener, descriptor, log, secret))
    return launches, blocked


def _listener(plan: ServerPlan) -> socket.socket | None:
    """The listening socket of an embedded server; for Prodigy only the proof that its port is free now."""
    if plan.engine == "embedded":
        return bind(plan.host, plan.port or 0, annotator=plan.name)
    check_free(plan.host, plan.port or 0, annotator=plan.name)
    return None


def wait_until_ready(
    starting: Starting,
    *,
    timeout: float,
    on_change: Callable[[str], None],
    more: Callable[[], bool],
    pause: Callable[[float], object],
) -> None:
    """Wait until each server answers HTTP below 500, dies, or has had ``timeout`` seconds.

    Args:
        on_change: Called with the name of each server that became ready or died.
        more: Called in every round, may launch further servers; says whether some are still to come.
    """
    seconds = FIRST_PAUSE
    while True:
        changed = starting.look()
        for name in changed:
            on_change(name)
        queued = more()
        if not queued and (not starting.pending or starting.late(timeout)):
            return
        seconds = FIRST_PAUSE if changed else min(seconds * 1.5, QUEUE_PAUSE if queued else LONGEST_PAUSE)
        pause(seconds)
