"""One run of `up`: end what must go, launch in waves, wait for the first answer, and write down what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from prodigy_team.servers.launches import alive_path, forget_launch
from prodigy_team.servers.lockfile import Lockfile, ServerRecord, guard, read_lockfile, write_lockfile
from prodigy_team.servers.logs import last_cause, tail
from prodigy_team.servers.observing import Observation, observe
from prodigy_team.servers.plan import Step, how_it_ended, record_failure, start_again
from prodigy_team.servers.registering import register_dataset
from prodigy_team.servers.report import Action, Entry, Event
from prodigy_team.servers.runners.base import Runner
from prodigy_team.servers.starting import LONGEST_PAUSE, Launched, Starting, launch, wait_until_ready
from prodigy_team.servers.stopping import Stopped, end_servers
from prodigy_team.servers.succession import Succession, can_succeed, succeed

if TYPE_CHECKING:
    from prodigy_team.servers.engines import ServerPlan

LOG_LINES = 5
GRACE = 10.0
HELD_SECONDS = 5.0  # a launcher at work imports the engine and forks within a second or two


@dataclass
class Run:
    """What one `up` has to do, and what came of it so far.

    Attributes:
        steps: By server, as decided.
        decided: The records on which the steps were decided; what changed since is another command's work.
        plans: By server, on their ports; those to be launched must be among them.
        at_once: How many servers of the Prodigy engine may be starting at the same time.
        entries: Results, by server.
    """

    lockfile: Path
    state: Path
    team: str
    runner: Runner
    steps: Sequence[Step]
    decided: Mapping[str, ServerRecord]
    plans: Mapping[str, ServerPlan]
    at_once: int
    on_event: Callable[[Event], None]
    pause: Callable[[float], object]
    environ: Mapping[str, str]
    queue: list[ServerPlan] = field(default_factory=list)
    starting: Starting = field(default_factory=Starting)
    entries: dict[str, Entry] = field(default_factory=dict)
    timeout: float = 60.0
    held_since: dict[str, float] = field(default_factory=dict)

    def carry_out(self, *, wait: bool, timeout: float) -> list[Entry]:
        """Do everything; the guard is held only while launching, never while waiting."""
        self.timeout = timeout
        self._hand_over()
        self._end()
        self.queue = [self.plans[step.name] for step in self.steps if step.action in ("start", "restart")]
        self.queue = [plan for plan in self.queue if plan.name not in self.entries]
        try:
            if wait:
                self._join_unready()
                more, tell = self._launch_more, self._tell
                more()
                wait_until_ready(self.starting, timeout=timeout, on_change=tell, more=more, pause=self.pause)
            else:
                self.at_once = len(self.queue)
                while self._launch_more():
                    self.pause(LONGEST_PAUSE)
            self._settle(waited=wait, timeout=timeout)
        finally:
            self.starting.close()
        return [self.entries[step.name] for step in self.steps]

    def _hand_over(self) -> None:
        """Let what can hand over to its successor do so; what cannot is ended and started like any other."""
        for step in self.steps:
            if step.action != "restart" or not can_succeed(self.plans[step.name], self.decided.get(step.name)):
                continue
            plan, timeout = self.plans[step.name], self.timeout
            self.on_event(Event(step.name, "starting"))
            came = succeed(
                plan, self.lockfile, self.state, self.environ, team=self.team, timeout=timeout, pause=self.pause
            )
            if came.possible:
                self.entries[step.name] = self._entry_of_succession(step, came)
                self.on_event(Event(step.name, "failed" if came.record is None else "ready", came.seconds))

    def _entry_of_succession(self, step: Step, came: Succession) -> Entry:
        entry = replace(_entry(self.plans[step.name], step.action), detail=step.reason, changed=step.changed)
        log = self.decided[step.name].log
        if came.record is not None:
            return replace(entry, seconds=came.seconds, log=log)
        why = how_it_ended(came.exit_code) if came.exit_code is not None else f"took over {self.timeout:.0f} s to start"
        return replace(
            entry,
            problem=f"Its successor {why}; the one that ran goes on as it was.",
            remedy=f"Then: prodigy-team restart {step.name}",
            log=log,
            log_tail=tuple(tail(Path(log), LOG_LINES, since=came.log_offset)),
        )

    def _end(self) -> None:
        """End the servers to be stopped or restarted, and what dead ones left behind."""
        leaving = {step.name: step for step in self.steps if step.action in ("stop", "restart", "start")}
        leaving = {name: step for name, step in leaving.items() if name not in self.entries}
        records = [self.decided[name] for name in leaving if name in self.decided]
        records = [record for record in records if record.pgid is not None]
        outcomes = {each.name: each for each in end_servers(records, self.state, team=self.team, grace=GRACE)}
        gone = [step.name for step in leaving.values() if step.forget and not _stuck(outcomes.get(step.name))]
        if outcomes or gone:
            with guard(self.lockfile):
                lockfile = self._read()
                # Who was quicker may have started it anew by now: then that is what holds the port.
                stuck = [name for name in outcomes if _stuck(outcomes[name]) and _is_same(lockfile, self.decided[name])]
                for record in records:
                    lockfile = _without_process(lockfile, record, outcomes[record.name], leaving[record.name])
                self._save(lockfile.without(*gone))
                for name in gone:
                    forget_launch(self.state, name)
            for name in stuck:
                problem = outcomes[name].problem
                self.entries[name] = Entry(name, "blocked", "failed", problem=problem, remedy="End it by hand.")
        for step in self.steps:
            if step.action not in ("start", "restart"):
                self.entries.setdefault(step.name, entry_of_step(step, self.decided.get(step.name)))

    def _join_unready(self) -> None:
        """Await also the servers that an earlier command left starting, but for those that are wanted no more as is."""
        for step in self.steps:
            record = self.decided.get(step.name)
            if step.action == "keep" and record is not None and not record.ready and step.name in self.plans:
                self.starting.join(record)

    def _launch_more(self) -> bool:
        """Launch as many of the queue as there is room for; whether some are left."""
        busy = [self.starting.records[name] for name in self.starting.in_time(self.timeout)]
        room = self.at_once - sum(record.engine == "prodigy" for record in busy)
        batch = [plan for plan in self.queue if plan.engine != "prodigy"]
        batch += [plan for plan in self.queue if plan.engine == "prodigy"][: max(0, room)]
        if batch:
            self.queue = [plan for plan in self.queue if plan not in batch]
            with guard(self.lockfile):
                names = {plan.name for plan in batch}  # no more: whoever waits for a core waits for this as well
                found = observe(self.lockfile, self.state, team=self.team, keep_copy=True, names=names)
                batch = [plan for plan in batch if not self._is_overtaken(plan, found)]
                launched = launch(batch, found.lockfile, self.state, self.runner, self._save) if batch else None
            if launched is not None:
                self._note(launched)
        return bool(self.queue)

    def _is_overtaken(self, plan: ServerPlan, found: Observation) -> bool:
        """Whether another command started or stopped this server since the steps were decided."""
        record = found.lockfile.servers.get(plan.name)
        if record is None:
            return False
        if found.seen[plan.name].alive:
            self.entries[plan.name] = replace(_entry(plan, "keep"), detail="started by another command", log=record.log)
            self.starting.join(record)
            return True
        if not record.wanted:
            entry = replace(_entry(plan, "leave"), state="stopped", detail="stopped by another command")
            self.entries[plan.name] = entry
        return not record.wanted

    def _note(self, launched: Launched) -> None:
        for name in launched.held:
            self._retry(self.plans[name])
        self.starting.add(launched.records)
        if launched.running is not None:
            self.starting.follow(launched.running)
        for record in launched.records:
            self.on_event(Event(record.name, "starting"))
        for each in launched.blocked:
            self.entries[each.name] = Entry(
                each.name, "blocked", "blocked", problem=each.problem, remedy=each.remedy, url=self.plans[each.name].url
            )
            self.on_event(Event(each.name, "failed", detail=each.problem))

    def _retry(self, plan: ServerPlan) -> None:
        """Its lifetime lock is held but nobody is there: a launcher at work for a killed command, or a leftover."""
        since = self.held_since.setdefault(plan.name, time.monotonic())
        if time.monotonic() - since < HELD_SECONDS:
            self.queue.append(plan)
            return
        path = alive_path(self.state, plan.name)
        problem = f"Something that an earlier server of {plan.name} left behind still holds {path}."
        self.entries[plan.name] = Entry(
            plan.name, "blocked", "blocked", problem=problem, remedy=f"Find it (fuser {path}) and end it.", url=plan.url
        )

    def _tell(self, name: str) -> None:
        if name in self.starting.ready:
            self.on_event(Event(name, "ready", self.starting.ready[name]))
        else:
            self.on_event(Event(name, "failed", time.monotonic() - self.starting.since[name]))

    def _settle(self, *, waited: bool, timeout: float) -> None:
        """Write down who answered and who died, and make their entries."""
        actions = {step.name: step for step in self.steps}
        with guard(self.lockfile):
            lockfile = self._read()
            for name, launched in self.starting.records.items():
                record = lockfile.servers.get(name)
                if record is not None and record.pid == launched.pid and record.started_at == launched.started_at:
                    record = self._outcome(record)
                    lockfile = lockfile.with_records(record)
                self.entries[name] = self._entry_of_start(actions[name], record or launched, waited, timeout)
            if self.starting.records:
                self._save(lockfile)
        for name in self.starting.ready:
            if self.plans[name].engine == "prodigy":
                register_dataset(self.plans[name], team=self.team)

    def _outcome(self, record: ServerRecord) -> ServerRecord:
        if record.name in self.starting.ready:
            return replace(record, ready=True, problem="", reported="", given_up=False, exit_code=None)
        if record.name in self.starting.exits:
            code = self.starting.exits[record.name]
            cause = last_cause(Path(record.log), since=record.log_offset) if code else ""
            return record_failure(record, at=time.time(), exit_code=code, cause=cause)
        return record

    def _entry_of_start(self, step: Step, record: ServerRecord, waited: bool, timeout: float) -> Entry:
        entry = _entry(self.plans[step.name], step.action) if step.action != "keep" else entry_of_step(step, record)
        entry = replace(entry, detail=step.reason, changed=step.changed, log=record.log)
        if step.name in self.entries:  # another command was quicker
            entry = self.entries[step.name]
        if step.name in self.starting.ready:
            return replace(entry, state="running", seconds=self.starting.ready[step.name], exit_code=None)
        if step.name in self.starting.exits:
            lines = tuple(tail(Path(record.log), LOG_LINES, since=record.log_offset))
            again = f"See {record.log}, then: prodigy-team up {step.name}"
            remedy = start_again(step.name) if record.given_up else again
            return replace(
                entry,
                state="failed",
                problem=record.problem,
                remedy=remedy,
                log_tail=lines,
                exit_code=self.starting.exits[step.name],
            )
        if not waited:
            return replace(entry, state="starting")
        problem = f"No HTTP answer after {timeout:.0f} s; left starting."
        return replace(entry, state="starting", problem=problem, remedy=f"Look again: prodigy-team status {step.name}")

    def _read(self) -> Lockfile:
        return read_lockfile(self.lockfile, team=self.team)

    def _save(self, lockfile: Lockfile) -> None:
        write_lockfile(self.lockfile, lockfile)


def _without_process(lockfile: Lockfile, before: ServerRecord, outcome: Stopped, step: Step) -> Lockfile:
    """The lockfile after a server was ended; as it is where another command started it anew meanwhile."""
    if _stuck(outcome) or not _is_same(lockfile, before):
        return lockfile
    record = lockfile.servers[before.name]
    stopped = replace(record, pid=None, started_at=None, pgid=None, stopping=False, ready=False)
    return lockfile.with_records(replace(stopped, wanted=record.wanted and step.action != "stop"))


def _is_same(lockfile: Lockfile, before: ServerRecord) -> bool:
    """Whether no other command has started or ended this server since."""
    record = lockfile.servers.get(before.name)
    return record is not None and (record.pid, record.pgid) == (before.pid, before.pgid)


def _stuck(outcome: Stopped | None) -> bool:
    return outcome is not None and bool(outcome.problem)


def _entry(plan: ServerPlan, action: Action) -> Entry:
    return Entry(
        plan.name,
        action,
        "running",
        url=plan.url,
        dataset=plan.dataset,
        engine=plan.engine,
    )


def entry_of_step(step: Step, record: ServerRecord | None) -> Entry:
    """The entry of a server for which nothing is launched: kept, left, blocked, given up or stopped."""
    known = record or ServerRecord(step.name)
    states = {"keep": "running", "leave": "running", "blocked": "blocked", "given-up": "failed", "sleep": "asleep"}
    return Entry(
        step.name,
        step.action,
        states.get(step.action, "stopped"),  # type: ignore[arg-type]
        detail=step.reason,
        url=known.url,
        dataset=known.dataset,
        engine=known.engine,
        problem=step.problem,
        remedy=step.remedy,
        log=known.log,
        changed=step.changed,
        exit_code=known.exit_code,
    )
