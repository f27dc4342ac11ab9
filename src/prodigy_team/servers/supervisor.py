"""The roster's servers brought up, stopped, restarted and reported on. What `import prodigy_team` users call.

What only one of the commands needs is imported by it: `status` is called often, and has to be quick.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prodigy_team.errors import TeamError, UsageError
from prodigy_team.presence import exists, is_file
from prodigy_team.roster.paths import DEFAULT_STATE, read_toml, state_folder
from prodigy_team.servers.lockfile import Lockfile, ServerRecord, guard, read_lockfile, write_lockfile
from prodigy_team.servers.observing import Observation, note_deaths, observe
from prodigy_team.servers.statefolder import lockfile_path, prepare_state

if TYPE_CHECKING:
    from prodigy_team.servers.engines import ServerPlan
    from prodigy_team.servers.plan import Step
    from prodigy_team.servers.report import Entry, Event, Report
    from prodigy_team.servers.runners.base import Runner
    from prodigy_team.servers.status import ServerStatus, StatusReport
    from prodigy_team.servers.upping import Run

OnEvent = Callable[["Event"], None]
Confirm = Callable[[str], bool]
GRACE = 10.0  # seconds from the first signal to the last


def _usual_state(path: Path) -> Path | None:
    """The state folder of a roster that cannot be parsed; None where it may name another, or nothing was started."""
    state = path.parent / DEFAULT_STATE
    if not is_file(path) or not is_file(lockfile_path(state)):
        return None
    return None if re.search(rb"(?m)^[^#\n]*\bstate\s*=", path.read_bytes()) else state


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
        runner: Where server processes live; None: on this machine.
        pause: Sleeps for so many seconds; called only where nothing is half done, so it may raise to end a command.
    """

    path: Path
    state: Path
    team: str
    environ: Mapping[str, str]
    runner: Runner | None = None
    pause: Callable[[float], object] = time.sleep

    @classmethod
    def for_roster(cls, path: Path, environ: Mapping[str, str] | None = None) -> Supervisor:
        """The supervisor of a roster; reads only what it must: the team's name and its state folder.

        While somebody edits the file it may be no TOML for a moment: what was started can be looked at, stopped and
        brought back all the same.

        Raises:
            RosterError: The file is missing, or no TOML and nothing was started.
        """
        path = path.absolute()
        environ = dict(os.environ if environ is None else environ)
        try:
            table = read_toml(path).get("team")
        except TeamError:
            state = _usual_state(path)
            if state is None:
                raise
            return cls(path, state, read_lockfile(lockfile_path(state)).team, environ)
        name = table.get("name") if isinstance(table, dict) else None
        team = name if isinstance(name, str) else path.parent.name
        return cls(path, state_folder(path, environ), team, environ)

    @property
    def lockfile(self) -> Path:
        """Where the record of running servers is kept."""
        return lockfile_path(self.state)

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
        anew: Sequence[str] = (),
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
            anew: Restart these although nothing changed; a gateway hands over to its successor.

        Raises:
            TeamError: The roster, the lockfile or the state folder does not allow any start.
        """
        if revive:
            return self.revive(names, wait=wait, timeout=timeout, dry_run=dry_run, on_event=on_event)
        from prodigy_team.servers.bringing import Bringing

        bringing = Bringing.of(self, names, now=now, remove_orphans=remove_orphans, anew=anew)
        return bringing.foretell() if dry_run else bringing.carry_out(wait=wait, timeout=timeout, on_event=on_event)

    def revive(
        self,
        names: Sequence[str] = (),
        *,
        wait: bool = True,
        timeout: float = 60.0,
        dry_run: bool = False,
        exits: Mapping[str, int] | None = None,
        due: Callable[[ServerRecord], bool] | None = None,
        on_event: OnEvent | None = None,
    ) -> Report:
        """Bring back what died, as it was last started, and nothing else; what `up --revive` and `watch` do.

        Args:
            exits: Exit codes that the caller saw, by server.
            due: Whether a dead server is to be brought back already; all are where left out.
        """
        from prodigy_team.servers.plan import plan_revive
        from prodigy_team.servers.reviving import last_plans, told_once
        from prodigy_team.servers.streams import with_work_again

        observation = self.observe()
        names = self.servers_named(names, observation.lockfile, ())
        if dry_run or not (observation.lockfile.servers or exists(self.lockfile)):
            seen = with_work_again(observation.lockfile.servers, observation.seen, self.state)
            steps = plan_revive(observation.lockfile.servers, seen, names=names)
            notes = () if observation.lockfile.servers else ("Nothing was ever started here: prodigy-team up",)
            return self.report(observation.lockfile.engine, foretold(steps, observation), notes, dry_run=dry_run)
        prepare_state(self.state)
        with guard(self.lockfile):
            found = self.observe(keep_copy=True)
            lockfile = note_deaths(found, at=time.time(), exits=exits or {})
            seen = with_work_again(lockfile.servers, found.seen, self.state)
            steps = plan_revive(lockfile.servers, seen, names=names)
            steps = [step for step in steps if due is None or due(lockfile.servers[step.name])]
            if lockfile != found.lockfile or found.changed:
                write_lockfile(self.lockfile, lockfile)
        plans, entries = last_plans(steps, self.state)
        steps = [step for step in steps if step.action == "given-up" or step.name in plans]
        if steps:
            entries += self.carrying_out(steps, lockfile, plans, None, on_event).carry_out(wait=wait, timeout=timeout)
        self.rotate_logs()
        return self.report(lockfile.engine, told_once(entries, self.lockfile, team=self.team), found.notes)

    def stop(
        self,
        names: Sequence[str] = (),
        *,
        grace: float = GRACE,
        force: bool = False,
        confirm: Confirm | None = None,
        dry_run: bool = False,
        wanted: bool = False,
        on_event: OnEvent | None = None,
    ) -> Report:
        """Stop servers; their records and ports stay theirs, and `up --revive` leaves them alone.

        Args:
            grace: Seconds from the first signal to the last.
            force: Stop although somebody answered in the last ten minutes.
            confirm: Asked, with a sentence, whether to stop servers that people are using; None refuses.
            wanted: They are to run again at once: `up --revive` brings back those that ran, should nobody else.
        """
        from prodigy_team.servers.halting import halt, question, refusal, stop_entry, who_is_answering, who_would_lose
        from prodigy_team.servers.plan import Step
        from prodigy_team.servers.report import Event

        observation = self.observe()
        records = observation.lockfile.servers
        chosen = self.servers_named(names, observation.lockfile, ()) or tuple(records)
        answering = who_is_answering(observation, chosen)
        in_use = {} if force else who_would_lose(answering, observation)
        if dry_run:
            steps = [Step("stop", name, reason=answering.get(name, "")) for name in chosen]
            return self.report(observation.lockfile.engine, foretold(steps, observation), (), dry_run=True)
        if in_use and confirm is not None and confirm(question(in_use)):
            in_use = {}
        going = [name for name in chosen if name not in in_use]
        if going:
            prepare_state(self.state)
        ended = halt(going, self.lockfile, self.state, team=self.team, grace=grace, wanted=wanted) if going else {}
        entries = [
            refusal(records[name], in_use[name])
            if name in in_use
            else stop_entry(records[name], ended[name], who=answering.get(name, ""))
            for name in chosen
        ]
        for entry in entries:
            (on_event or _no_event)(Event(entry.name, entry.state, entry.seconds, entry.problem))
        return self.report(observation.lockfile.engine, entries, observation.notes)

    def restart(
        self,
        names: Sequence[str] = (),
        *,
        when_idle: float | None = None,
        timeout: float = 60.0,
        force: bool = False,
        confirm: Confirm | None = None,
        dry_run: bool = False,
        on_event: OnEvent | None = None,
    ) -> Report:
        """Stop servers and start them from the roster.

        Args:
            when_idle: First wait until nobody has answered for so many seconds on any of them.
            dry_run: Report only, at once, whom it would meet.
        """
        from prodigy_team.servers.restarting import restart

        return restart(
            self,
            names,
            when_idle=when_idle,
            timeout=timeout,
            force=force,
            confirm=confirm,
            dry_run=dry_run,
            on_event=on_event,
        )

    def status(self, names: Sequence[str] = ()) -> StatusReport:
        """How every server stands; reads only, and while the roster is as it was last brought up not even that."""
        from prodigy_team.servers.status import StatusReport, read_status, roster_digest

        observation = self.observe()
        lockfile = observation.lockfile
        unchanged = roster_digest(self.path) == lockfile.roster_digest
        missing, notes = ([], ()) if unchanged else self._not_yet_started(lockfile)
        chosen = self.servers_named(names, lockfile, missing)
        servers = read_status(lockfile, observation.seen, self.state, chosen)
        servers += [each for each in missing if not chosen or each.name in chosen]
        notes = (*observation.notes, *notes)
        return StatusReport(lockfile.team or self.team, lockfile.engine, str(self.lockfile), tuple(servers), notes)

    def carrying_out(
        self,
        steps: Sequence[Step],
        lockfile: Lockfile,
        plans: Mapping[str, ServerPlan],
        at_once: int | None,
        on_event: OnEvent | None,
    ) -> Run:
        """What carries out these steps, decided on this lockfile; starts at most so many of Prodigy's at once."""
        from prodigy_team.servers.runners.local import LocalRunner
        from prodigy_team.servers.upping import Run

        at_once = at_once or os.cpu_count() or 1
        runner = self.runner or LocalRunner(self.environ)
        return Run(
            self.lockfile,
            self.state,
            self.team,
            runner,
            steps,
            lockfile.servers,
            plans,
            at_once,
            on_event or _no_event,
            self.pause,
            self.environ,
        )

    def _not_yet_started(self, lockfile: Lockfile) -> tuple[list[ServerStatus], tuple[str, ...]]:
        from prodigy_team.roster import load_roster
        from prodigy_team.servers.shapes import as_it_runs
        from prodigy_team.servers.status import never_started

        try:
            roster = as_it_runs(load_roster(self.path, self.environ), self.environ)
        except TeamError as error:
            return [], (f"{error.message.splitlines()[0]} Shown is what was last brought up.",)
        missing = [
            never_started(each.name, each.annotators, each.host, each.port, each.dataset, each.part_of)
            for each in roster.servers
            if each.name not in lockfile.servers
        ]
        note = ("The roster changed since the last `up`: prodigy-team up --dry-run",) if lockfile.roster_digest else ()
        return missing, note

    def observe(self, *, keep_copy: bool = False, search: bool = True) -> Observation:
        """What runs, and what the lockfile says; see `observing.observe`."""
        return observe(self.lockfile, self.state, team=self.team, keep_copy=keep_copy, search=search)

    def servers_named(self, names: Sequence[str], lockfile: Lockfile, others: Sequence[Any]) -> tuple[str, ...]:
        """The servers meant by these names of servers or annotators.

        Raises:
            UsageError: A name is neither; tells the nearest.
        """
        ran, wanted = _names_in(lockfile.servers.values()), _names_in(others)
        known = {**ran, **wanted}  # what is wanted beats what ran so far
        for each in (*lockfile.servers.values(), *others):
            if each.part_of:  # whole or apart, all of it is meant
                known[each.part_of] = (*ran.get(each.part_of, ()), *wanted.get(each.part_of, ()))
        unknown = [name for name in names if name not in known]
        if unknown:
            import difflib

            near = difflib.get_close_matches(unknown[0], known, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known) or 'none yet'}."
            raise UsageError(f"No server or annotator is called {unknown[0]}.", remedy=hint)
        return tuple(dict.fromkeys(each for name in names for each in known[name]))

    def report(self, engine: str, entries: Sequence[Entry], notes: Sequence[str], *, dry_run: bool = False) -> Report:
        """What came of a command on this team; the same note twice is one."""
        from prodigy_team.servers.report import Report

        return Report(self.team, engine, tuple(entries), tuple(dict.fromkeys(notes)), dry_run)

    def rotate_logs(self) -> None:
        """Keep the logs short."""
        from prodigy_team.servers.logs import rotate

        for log in (self.state / "logs").glob("*.log"):
            rotate(log)


def _names_in(servers: Iterable[Any]) -> dict[str, tuple[str, ...]]:
    """The servers meant by each name of a server, of an annotator, or of a shared server that runs apart."""
    known: dict[str, tuple[str, ...]] = {}
    for each in servers:
        if each.part_of:
            known[each.part_of] = (*known.get(each.part_of, ()), each.name)
        known |= {**dict.fromkeys(each.annotators, (each.name,)), each.name: (each.name,)}
    return known


def foretold(steps: Iterable[Step], observation: Observation) -> list[Entry]:
    """What steps would come to, as entries of a report."""
    from prodigy_team.servers.upping import entry_of_step

    return [entry_of_step(step, observation.lockfile.servers.get(step.name)) for step in steps]
