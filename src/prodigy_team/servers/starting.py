"""Starting servers: each with its lifetime lock, port and log, recorded before and after, then awaited."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from prodigy_team.errors import TeamError
from prodigy_team.servers import alive, passwords, processes
from prodigy_team.servers.engines import PRODIGY, ServerPlan
from prodigy_team.servers.gateways import is_behind_gateway, server_login
from prodigy_team.servers.launches import alive_path, record_of, write_launch
from prodigy_team.servers.lockfile import Lockfile, ServerRecord
from prodigy_team.servers.logs import rotate
from prodigy_team.servers.observing import identity_of_record
from prodigy_team.servers.ports import bind, check_free
from prodigy_team.servers.processes import Identity, Mark
from prodigy_team.servers.readiness import answering, speaks_tls
from prodigy_team.servers.runners.base import Launch, Runner, Running, Started
from prodigy_team.servers.statefolder import log_path
from prodigy_team.servers.stopping import end_servers

FIRST_PAUSE, LONGEST_PAUSE = 0.01, 0.1  # seconds between two looks
QUEUE_PAUSE = 0.005  # while others wait for their turn: a core is idle until the next look
_PART, _LONGEST_UNASKED = 0.7, 0.2  # of the time that the quickest took; seconds: the next may be quicker by far
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
        others: Names of those that another command launched: nobody reports their exit codes here.
        exits: Exit codes of those that died meanwhile; None where nobody saw it.
        ready: Seconds until each answered.
    """

    since: dict[str, float] = field(default_factory=dict)
    records: dict[str, ServerRecord] = field(default_factory=dict)
    others: dict[str, Identity] = field(default_factory=dict)
    exits: dict[str, int | None] = field(default_factory=dict)
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

    def join(self, record: ServerRecord) -> None:
        """Await a server that an earlier command launched and nobody saw answer; its time runs from its start."""
        identity = identity_of_record(record)
        age = processes.uptime(identity) if identity is not None else None
        if identity is not None and age is not None:
            self.add([record])
            self.since[record.name] -= age
            self.others[record.name] = identity

    def follow(self, running: Running) -> None:
        """Take note of servers just launched; their starter is asked for exits until ``close``."""
        self.waves.append(running)

    def look(self) -> list[str]:
        """Ask once who died and who answers by now; return the names of both."""
        before = set(self.pending)
        self.collect_exits()
        due = [name for name in self.pending if self.unripe([name]) <= 0]
        addresses = {name: (self.records[name].host, self.records[name].port or 0) for name in due}
        found = answering(addresses, timeout=PROBE_SECONDS)
        found |= {name for name in due if name not in found and speaks_tls(self.records[name])}
        for name in found:
            self.ready[name] = time.monotonic() - self.since[name]
        return sorted(before - set(self.pending))

    def unripe(self, names: Sequence[str]) -> float:
        """Seconds until the first of these may answer: asking before would only take time from what is starting."""
        soonest = min(_PART * min(self.ready.values(), default=0.0), _LONGEST_UNASKED)
        return min((self.since[name] for name in names), default=0.0) + soonest - time.monotonic()

    def collect_exits(self) -> None:
        """Note the exit codes of those that ended before they answered."""
        awaited = set(self.pending)
        for running in self.waves:
            if any(each.name in awaited for each in running.started):
                self.exits.update({each.name: each.code for each in running.poll_exits()})
        for name, identity in self.others.items():
            if not processes.is_alive(identity):
                self.exits.setdefault(name, None)

    def close(self) -> None:
        """Stop following; the servers run on."""
        for running in self.waves:
            running.close()
        self.waves.clear()

    def in_time(self, timeout: float) -> list[str]:
        """Names of those still awaited that have not had all their time yet."""
        now = time.monotonic()
        return [name for name in self.pending if now - self.since[name] < timeout]


@dataclass(frozen=True)
class Launched:
    """What came of launching servers.

    Attributes:
        lockfile: As saved.
        records: Of the servers that have a process.
        held: Names of servers whose lifetime lock somebody has: nothing was done about them.
        running: Follows them; None where nothing was launched.
    """

    lockfile: Lockfile
    records: tuple[ServerRecord, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    held: tuple[str, ...] = ()
    running: Running | None = None


def launch(
    plans: Sequence[ServerPlan], lockfile: Lockfile, state: Path, runner: Runner, save: Callable[[Lockfile], None]
) -> Launched:
    """Launch servers; the caller holds the guard.

    Each is recorded before it is launched (a crash in between is mended by its lifetime lock) unless the record says
    all of it already, and, with its process, at once after; one that could not be launched is recorded too, so that
    cron tries again.

    Raises:
        TeamError: The lockfile or a launch cannot be written; nothing of what this call launched is left running.
    """
    prepared = _Prepared()
    try:
        _prepare(prepared, plans, lockfile.team, state)
        known = [plan for plan in plans if plan.name not in prepared.held]
        records = {plan.name: record_of(plan, state, lockfile.servers.get(plan.name)) for plan in known}
        found, lockfile = lockfile, _with_blocked(lockfile.with_records(*records.values()), prepared.blocked)
        if lockfile != found:
            save(lockfile)
        for plan in known:
            write_launch(state, plan)
    except BaseException as error:
        for each in prepared.launches:
            each.close()
        if isinstance(error, OSError):
            raise TeamError(
                f"{error.filename or state} cannot be written: {error.strerror}.",
                remedy="Check free space (df) and the owner of the folder (ls -ld).",
            ) from error
        raise
    held = tuple(prepared.held)
    if not prepared.launches:
        return Launched(lockfile, blocked=tuple(prepared.blocked), held=held)
    running = runner.start(prepared.launches)
    started = tuple(_with_process(records[each.name], each) for each in running.started)
    failed = [Blocked(each.name, each.reason) for each in running.failed]
    lockfile = _with_blocked(lockfile.with_records(*started), failed)
    try:
        save(lockfile)
    except TeamError:
        running.close()
        end_servers(started, state, team=lockfile.team, grace=0.0)
        raise
    return Launched(lockfile, started, (*prepared.blocked, *failed), held, running)


def _with_blocked(lockfile: Lockfile, blocked: Iterable[Blocked]) -> Lockfile:
    """The lockfile with the reasons of the servers that could not be launched; the caller has recorded these."""
    records = [replace(lockfile.servers[each.name], blocked=True, problem=each.problem) for each in blocked]
    return lockfile.with_records(*records)


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


@dataclass
class _Prepared:
    """Servers ready to be launched, those that cannot be, and those whose lock somebody holds."""

    launches: list[Launch] = field(default_factory=list)
    blocked: list[Blocked] = field(default_factory=list)
    held: list[str] = field(default_factory=list)


def _prepare(prepared: _Prepared, plans: Sequence[ServerPlan], team: str, state: Path) -> None:
    secrets = passwords.read_passwords(state)
    for plan in plans:
        secret = _basic_authentication(plan, state, secrets.get(plan.part_of or plan.name))
        descriptor = alive.acquire(alive_path(state, plan.name))
        if descriptor is None:
            prepared.held.append(plan.name)
            continue
        try:
            listener = _listener(plan)
        except TeamError as error:
            os.close(descriptor)
            prepared.blocked.append(Blocked(plan.name, error.message, error.remedy))
            continue
        log = log_path(state, plan.name)
        prepared.launches.append(Launch(plan, Mark(team, plan.name, state), listener, descriptor, log, secret))
        rotate(log)


def _basic_authentication(plan: ServerPlan, state: Path, password: passwords.Password | None) -> Mapping[str, str]:
    """Behind a gateway that of the gateway, for Prodigy; the embedded engine knows its secret by itself."""
    if not is_behind_gateway(plan):
        return passwords.basic_auth_environment(password)
    return server_login(state, plan.name) if plan.engine == PRODIGY else {}


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
        if not queued and not starting.in_time(timeout):
            return
        seconds = FIRST_PAUSE if changed else min(seconds * 1.5, QUEUE_PAUSE if queued else LONGEST_PAUSE)
        pause(max(seconds, min(starting.unripe(starting.pending), LONGEST_PAUSE)))
