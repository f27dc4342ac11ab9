"""The roster's servers brought up, stopped, restarted and reported on. What `import prodigy_team` users call."""

from __future__ import annotations

import difflib
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from prodigy_team.errors import TeamError, UsageError
from prodigy_team.roster.paths import read_toml, state_folder
from prodigy_team.servers.activity import idle_seconds
from prodigy_team.servers.launches import read_launch
from prodigy_team.servers.lockfile import Lockfile, ServerRecord, guard, read_lockfile, write_lockfile
from prodigy_team.servers.logs import rotate
from prodigy_team.servers.observing import Observation, note_deaths, observe
from prodigy_team.servers.plan import Seen, Step, UpOptions, assign_ports, plan_revive, plan_up
from prodigy_team.servers.ports import is_free
from prodigy_team.servers.report import Entry, Event, Report, StatusReport
from prodigy_team.servers.runners.base import Runner
from prodigy_team.servers.runners.local import LocalRunner
from prodigy_team.servers.statefolder import lockfile_path, prepare_state
from prodigy_team.servers.status import never_started, read_status, roster_digest
from prodigy_team.servers.stopping import Stopped, end_servers
from prodigy_team.servers.upping import Run, entry_of_step

OnEvent = Callable[[Event], None]
Confirm = Callable[[str], bool]
GRACE = 10.0


def _no_event(event: Event) -> None:
    """Nobody watches."""


@dataclass
class Supervisor:
    """Commands on the servers of one roster.

    Attributes:
        path: The roster, absolute.
        state: Its state folder.
        team: Its name.
        environ: The shell's environment.
        runner: Where server processes live.
    """

    path: Path
    state: Path
    team: str
    environ: Mapping[str, str]
    runner: Runner

    @classmethod
    def for_roster(cls, path: Path, environ: Mapping[str, str] | None = None) -> Supervisor:
        """The supervisor of a roster; reads only what it must: the team's name and its state folder.

        Raises:
            RosterError: The file is missing or no TOML.
        """
        path = path.absolute()
        table = read_toml(path).get("team")
        name = table.get("name") if isinstance(table, dict) else None
        team = name if isinstance(name, str) else path.parent.name
        environ = dict(os.environ if environ is None else environ)
        return cls(path, state_folder(path), team, environ, LocalRunner(environ))

    @property
    def lockfile(self) -> Path:
        """Where the record of running servers is kept."""
        return lockfile_path(self.state)

    # -- up ------------------------------------------------------------------------------------------------------

    def up(
        self,
        names: Sequence[str] = (),
        *,
        wait: bool = True,
        timeout: float = 60.0,
        dry_run: bool = False,
        now: bool = False,
        revive: bool = False,
        remove_orphans: bool = False,
        on_event: OnEvent | None = None,
    ) -> Report:
        """Start what is missing, keep what runs, restart what died or changed. Running it twice changes nothing.

        Args:
            names: Only these servers (or the servers of these annotators).
            timeout: Seconds that each server has to answer HTTP.
            dry_run: Decide and report only.
            now: Restart changed servers although somebody answered in the last ten minutes.
            revive: Only bring back what died, as it was last started; the roster is not read.
            remove_orphans: Stop and forget servers that left the roster.

        Raises:
            TeamError: The roster, the lockfile or the state folder does not allow any start.
        """
        if revive:
            return self.revive(names, wait=wait, timeout=timeout, dry_run=dry_run, on_event=on_event)
        from prodigy_team.servers.wanting import on_ports, read_wanted

        recorded = self._observe().lockfile
        wanted = read_wanted(self.path, self.environ, recorded_engine=recorded.engine)
        options = UpOptions(self._servers_named(names, recorded, wanted.plans), now=now, remove_orphans=remove_orphans)
        digest = roster_digest(self.path)
        if dry_run:
            observation = self._observe()
            steps, _ = self._decide(observation, wanted, options)
            return self._report(wanted.engine, self._foretold(steps, observation), wanted.notes, dry_run=True)
        prepare_state(self.state)
        with guard(self.lockfile):
            observation = self._noted(self._observe(keep_copy=True))
            steps, ports = self._decide(observation, wanted, options)
            lockfile = replace(observation.lockfile, team=wanted.roster.name, engine=wanted.engine)
            lockfile = replace(_prepared(lockfile, steps, wanted.plans, options), roster_digest=digest)
            write_lockfile(self.lockfile, lockfile)
        plans = on_ports(wanted.plans, ports)
        run = self._run(steps, plans, at_once=wanted.roster.start_at_once, on_event=on_event)
        entries = run.carry_out(wait=wait, timeout=timeout)
        self._rotate_logs()
        return self._report(wanted.engine, entries, (*observation.notes, *wanted.notes))

    def revive(
        self,
        names: Sequence[str] = (),
        *,
        wait: bool = True,
        timeout: float = 60.0,
        dry_run: bool = False,
        exits: Mapping[str, int] | None = None,
        due: Callable[[ServerRecord], bool] = lambda record: True,
        on_event: OnEvent | None = None,
    ) -> Report:
        """Bring back what died, as it was last started, and nothing else; what `up --revive` and `watch` do.

        Args:
            exits: Exit codes that the caller saw, by server.
            due: Whether a dead server is to be brought back already.
        """
        if dry_run:
            observation = self._observe()
            steps = plan_revive(observation.lockfile.servers, observation.seen, names=names)
            return self._report(observation.lockfile.engine, self._foretold(steps, observation), (), dry_run=True)
        if not self.lockfile.exists():
            return self._report("", [], ("Nothing was ever started here: prodigy-team up",))
        with guard(self.lockfile):
            before = self._observe(keep_copy=True)
            observation = self._noted(before, exits=exits or {})
            records = observation.lockfile.servers
            steps = [step for step in plan_revive(records, observation.seen, names=names) if due(records[step.name])]
            if observation.lockfile != before.lockfile or observation.notes:
                write_lockfile(self.lockfile, observation.lockfile)
        plans, unknown = self._last_plans(steps)
        steps = [step for step in steps if step.action != "start" or step.name in plans]
        run = self._run(steps, plans, at_once=None, on_event=on_event)
        entries = [*(run.carry_out(wait=wait, timeout=timeout) if steps else ()), *unknown]
        self._rotate_logs()
        return self._report(observation.lockfile.engine, self._once(entries), observation.notes)

    def _run(
        self, steps: Sequence[Step], plans: Mapping[str, Any], *, at_once: int | None, on_event: OnEvent | None
    ) -> Run:
        return Run(
            lockfile=self.lockfile,
            state=self.state,
            team=self.team,
            runner=self.runner,
            steps=steps,
            plans=plans,
            at_once=at_once or os.cpu_count() or 1,
            on_event=on_event or _no_event,
        )

    def _decide(
        self, observation: Observation, wanted: Any, options: UpOptions
    ) -> tuple[list[Step], dict[str, int | None]]:
        records = observation.lockfile.servers
        seen = self._with_idle_times(observation, wanted.plans, options)
        ports = assign_ports(wanted.plans, records, wanted.roster.ports, taken=_Taken(wanted.roster.host))
        return plan_up(wanted.plans, records, seen, ports, options), ports

    def _with_idle_times(self, observation: Observation, plans: Iterable[Any], options: UpOptions) -> dict[str, Seen]:
        """What was seen, with idle times where they decide: for running servers whose roster entry changed."""
        records, seen = observation.lockfile.servers, dict(observation.seen)
        changed = [
            records[plan.name]
            for plan in plans
            if plan.name in records and seen[plan.name].alive and records[plan.name].spec_hash != plan.spec_hash
        ]
        if changed and not options.now:
            for name, idle in idle_seconds(changed, now=time.time()).items():
                seen[name] = replace(seen[name], idle_seconds=idle)
        return seen

    def _last_plans(self, steps: Iterable[Step]) -> tuple[dict[str, Any], list[Entry]]:
        plans, unknown = {}, []
        for step in steps:
            if step.action == "start":
                try:
                    plans[step.name] = read_launch(self.state, step.name)
                except TeamError as error:
                    unknown.append(Entry(step.name, "blocked", "blocked", problem=error.message, remedy=error.remedy))
        return plans, unknown

    def _once(self, entries: Sequence[Entry]) -> list[Entry]:
        """The entries, marked fresh where their problem was not reported before; writes down what now is.

        A crash that will be tried again is no news; that it was given up is.
        """
        if not any(entry.problem for entry in entries):
            return list(entries)
        with guard(self.lockfile):
            lockfile = read_lockfile(self.lockfile, team=self.team)
            marked = [replace(entry, fresh=_is_news(entry, lockfile.servers.get(entry.name))) for entry in entries]
            told = [entry for entry in marked if entry.fresh and entry.name in lockfile.servers]
            records = [replace(lockfile.servers[entry.name], reported=entry.problem) for entry in told]
            if records:
                write_lockfile(self.lockfile, lockfile.with_records(*records))
        return marked

    # -- stop and restart ----------------------------------------------------------------------------------------

    def stop(
        self,
        names: Sequence[str] = (),
        *,
        grace: float = GRACE,
        force: bool = False,
        confirm: Confirm | None = None,
        dry_run: bool = False,
        on_event: OnEvent | None = None,
    ) -> Report:
        """Stop servers; their records and ports stay theirs, and `up --revive` leaves them alone.

        Args:
            grace: Seconds from the first signal to the last.
            force: Stop although somebody answered in the last ten minutes.
            confirm: Asked, with a sentence, whether to stop servers that people are using; None refuses.
        """
        observation = self._observe()
        chosen = self._servers_named(names, observation.lockfile, ()) or tuple(observation.lockfile.servers)
        in_use = {} if force else self._in_use(observation, chosen)
        if in_use and not dry_run and confirm is not None and confirm(_who(in_use)):
            in_use = {}
        if dry_run:
            steps = [Step("stop", name, reason=in_use.get(name, "")) for name in chosen]
            return self._report(observation.lockfile.engine, self._foretold(steps, observation), (), dry_run=True)
        ended = self._end([name for name in chosen if name not in in_use], grace=grace)
        entries = [
            _refusal(observation.lockfile.servers[name], in_use[name])
            if name in in_use
            else _stop_entry(observation.lockfile.servers[name], ended[name])
            for name in chosen
        ]
        for entry in entries:
            (on_event or _no_event)(Event(entry.name, entry.state, entry.seconds, entry.problem))
        return self._report(observation.lockfile.engine, entries, observation.notes)

    def restart(
        self,
        names: Sequence[str] = (),
        *,
        when_idle: float | None = None,
        timeout: float = 60.0,
        force: bool = False,
        confirm: Confirm | None = None,
        on_event: OnEvent | None = None,
    ) -> Report:
        """Stop servers and start them from the roster.

        Args:
            when_idle: First wait until nobody has answered for so many seconds on any of them.
        """
        if when_idle is not None:
            self._wait_until_idle(names, when_idle)
        stopped = self.stop(names, force=force or when_idle is not None, confirm=confirm, on_event=on_event)
        if stopped.exit_code:
            return stopped
        return self.up(names, timeout=timeout, on_event=on_event)

    def _wait_until_idle(self, names: Sequence[str], seconds: float) -> None:
        while True:
            lockfile = self._observe().lockfile
            chosen = self._servers_named(names, lockfile, ()) or tuple(lockfile.servers)
            idle = idle_seconds([lockfile.servers[name] for name in chosen], now=time.time())
            shortest = min((each for each in idle.values() if each is not None), default=seconds)
            if shortest >= seconds:
                return
            time.sleep(min(seconds - shortest + 0.1, 5.0))

    def _in_use(self, observation: Observation, names: Iterable[str]) -> dict[str, str]:
        """By server, who is answering, where stopping it could lose answers that are still in their page.

        The embedded engine's page keeps unsent answers and sends them later, so it is not asked about.
        """
        records = [observation.lockfile.servers[name] for name in names if observation.seen[name].alive]
        records = [record for record in records if record.engine == "prodigy"]
        idle = idle_seconds(records, now=time.time()) if records else {}
        people = {record.name: " or ".join(record.annotators) or "somebody" for record in records}
        return {
            name: f"{people[name]} answered {seconds:.0f} s ago"
            for name, seconds in idle.items()
            if Seen(idle_seconds=seconds).in_use and seconds is not None
        }

    def _end(self, names: Sequence[str], *, grace: float) -> dict[str, Stopped]:
        """Stop servers and write that down before and after, so that a crash in between restarts nothing."""
        if not names:
            return {}
        prepare_state(self.state)
        with guard(self.lockfile):
            lockfile = self._observe(keep_copy=True).lockfile
            records = [lockfile.servers[name] for name in names]
            marked = [replace(each, wanted=False, stopping=each.pid is not None) for each in records]
            write_lockfile(self.lockfile, lockfile.with_records(*marked))
        ended = {each.name: each for each in end_servers(records, self.state, team=self.team, grace=grace)}
        with guard(self.lockfile):
            lockfile = read_lockfile(self.lockfile, team=self.team)
            after = [
                _stopped_record(lockfile.servers[name], old, ended[name])
                for name, old in zip(names, records, strict=True)
            ]
            write_lockfile(self.lockfile, lockfile.with_records(*after))
        return ended

    # -- status --------------------------------------------------------------------------------------------------

    def status(self, names: Sequence[str] = ()) -> StatusReport:
        """How every server stands; reads only, and while the roster is as it was last brought up not even that."""
        observation = self._observe()
        lockfile = observation.lockfile
        try:
            unchanged = roster_digest(self.path) == lockfile.roster_digest
        except OSError:
            unchanged = False
        extra, notes = ([], ()) if unchanged else self._not_yet_started(lockfile)
        chosen = self._servers_named(names, lockfile, extra)
        servers = read_status(lockfile, observation.seen, self.state, chosen)
        servers += [each for each in extra if not chosen or each.name in chosen]
        notes = (*observation.notes, *notes)
        return StatusReport(lockfile.team or self.team, lockfile.engine, str(self.lockfile), tuple(servers), notes)

    def _not_yet_started(self, lockfile: Lockfile) -> tuple[list[Any], tuple[str, ...]]:
        from prodigy_team.roster import load_roster

        try:
            roster = load_roster(self.path, self.environ)
        except TeamError as error:
            return [], (f"{error.message.splitlines()[0]} What is shown is what was last brought up.",)
        missing = [
            never_started(each.name, each.annotators, each.host, each.port, each.dataset)
            for each in roster.servers
            if each.name not in lockfile.servers
        ]
        note = ("The roster changed since the last `up`: prodigy-team up --dry-run",) if lockfile.roster_digest else ()
        return missing, note

    # -- shared --------------------------------------------------------------------------------------------------

    def _observe(self, *, keep_copy: bool = False) -> Observation:
        return observe(self.lockfile, self.state, team=self.team, keep_copy=keep_copy)

    def _noted(self, observation: Observation, *, exits: Mapping[str, int] | None = None) -> Observation:
        return replace(observation, lockfile=note_deaths(observation, at=time.time(), exits=exits or {}))

    def _servers_named(self, names: Sequence[str], lockfile: Lockfile, plans: Iterable[Any]) -> tuple[str, ...]:
        """The servers meant by these names of servers or annotators.

        Raises:
            UsageError: A name is neither; tells the nearest.
        """
        known: dict[str, str] = {}
        for each in [*lockfile.servers.values(), *plans]:
            known |= {**dict.fromkeys(each.annotators, each.name), each.name: each.name}
        unknown = [name for name in names if name not in known]
        if unknown:
            near = difflib.get_close_matches(unknown[0], known, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known) or 'none yet'}."
            raise UsageError(f"No server or annotator is called {unknown[0]}.", remedy=hint)
        return tuple(dict.fromkeys(known[name] for name in names))

    def _foretold(self, steps: Iterable[Step], observation: Observation) -> list[Entry]:
        return [entry_of_step(step, observation.lockfile.servers.get(step.name)) for step in steps]

    def _report(self, engine: str, entries: Sequence[Entry], notes: Sequence[str], *, dry_run: bool = False) -> Report:
        return Report(self.team, engine, tuple(entries), tuple(dict.fromkeys(notes)), dry_run)

    def _rotate_logs(self) -> None:
        for log in (self.state / "logs").glob("*.log"):
            rotate(log)


class _Taken:
    """The ports of a host on which somebody listens; looked up only for ports about to be given out."""

    def __init__(self, host: str) -> None:
        self._host = host

    def __contains__(self, port: object) -> bool:
        return isinstance(port, int) and not is_free(self._host, port)


def _prepared(lockfile: Lockfile, steps: Iterable[Step], plans: Iterable[Any], options: UpOptions) -> Lockfile:
    """The lockfile before anything is done: a person's start forgets old failures, the roster's order is kept."""
    records = dict(lockfile.servers)
    for step in steps:
        record = records.get(step.name)
        if record is not None and step.action == "start" and (not record.wanted or step.name in options.names):
            records[step.name] = replace(record, failures=(), given_up=False, restarts=0, problem="", reported="")
    order = [plan.name for plan in plans]
    records = {name: replace(record, orphan=name not in order) for name, record in records.items()}
    ordered = {name: records[name] for name in order if name in records}
    return replace(lockfile, servers={**ordered, **records})


def _is_news(entry: Entry, record: ServerRecord | None) -> bool:
    if not entry.problem or record is None:
        return bool(entry.problem)
    will_be_tried_again = entry.state == "failed" and not record.given_up
    return not will_be_tried_again and record.reported != entry.problem


def _who(in_use: Mapping[str, str]) -> str:
    people = "; ".join(in_use.values())
    return f"{people}. Answers still in an open page of Prodigy are lost when its server stops. Stop anyway?"


def _refusal(record: ServerRecord, who: str) -> Entry:
    return Entry(
        record.name,
        "leave",
        "running",
        url=record.url,
        dataset=record.dataset,
        engine=record.engine,
        problem=f"Not stopped: {who}.",
        remedy=f"Ask them to save (Ctrl+S), then: prodigy-team stop {record.name} --force",
    )


def _stop_entry(record: ServerRecord, stopped: Stopped) -> Entry:
    detail = f"port {record.port} is free" if stopped.ran else "was not running"
    if stopped.stranger is not None:
        detail = f"was not running; pid {stopped.stranger} belongs to another program and was left alone"
    return Entry(
        record.name,
        "stop",
        "failed" if stopped.problem else "stopped",
        detail=detail,
        seconds=stopped.seconds,
        url=record.url,
        dataset=record.dataset,
        engine=record.engine,
        problem=stopped.problem,
        remedy="End that process by hand, then: prodigy-team stop" if stopped.problem else "",
        log=record.log,
    )


def _stopped_record(record: ServerRecord, before: ServerRecord, stopped: Stopped) -> ServerRecord:
    """The record after its server ended; untouched where another command started it anew meanwhile."""
    if stopped.problem or (record.pid, record.started_at) != (before.pid, before.started_at):
        return record
    return replace(record, pid=None, started_at=None, pgid=None, stopping=False, ready=False, wanted=False, problem="")
