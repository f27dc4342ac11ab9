"""`up` on the roster as it is now: what is wanted against what runs, decided, carried out, and what is said of it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from prodigy_team.roster import apart_notes
from prodigy_team.servers import alive
from prodigy_team.servers.backups import backup_notes
from prodigy_team.servers.deciding import Decided, decide_up, may_run_unrecorded, record_decision
from prodigy_team.servers.launches import alive_path
from prodigy_team.servers.observing import Observation
from prodigy_team.servers.plan import UpOptions
from prodigy_team.servers.pools import routing_notes, written_pools
from prodigy_team.servers.registering import datasets_of_namesakes, datasets_of_others, earlier_names
from prodigy_team.servers.report import Entry, Report
from prodigy_team.servers.statefolder import prepare_state
from prodigy_team.servers.supervisor import OnEvent, Supervisor, foretold
from prodigy_team.servers.upping import Run
from prodigy_team.servers.wanting import Wanted, on_ports, read_wanted


@dataclass(frozen=True)
class Bringing:
    """One `up`.

    Attributes:
        recorded: What was found before anything is decided.
        search: Servers may run of which nothing on disk tells.
        dealing: Sentences about what changes in the dealing of tasks.
    """

    supervisor: Supervisor
    recorded: Observation
    wanted: Wanted
    options: UpOptions
    search: bool
    dealing: tuple[str, ...]

    @classmethod
    def of(
        cls, supervisor: Supervisor, names: Sequence[str], *, now: bool, remove_orphans: bool, anew: Sequence[str]
    ) -> Bringing:
        """Read the roster and look at what runs; for the arguments see `Supervisor.up`."""
        recorded = supervisor.observe(search=False)
        wanted = read_wanted(supervisor.path, supervisor.environ, recorded_engine=recorded.lockfile.engine)
        search = may_run_unrecorded(supervisor.lockfile, wanted)
        recorded = supervisor.observe() if search else recorded
        chosen = supervisor.servers_named(names, recorded.lockfile, wanted.plans)
        resting = frozenset(server.name for server in wanted.roster.resting)
        options = UpOptions(chosen, now=now, remove_orphans=remove_orphans, anew=tuple(anew), resting=resting)
        dealing = tuple(routing_notes(written_pools(supervisor.state), wanted.pools, state=supervisor.state))
        if any(plan.part_of and plan.name not in recorded.lockfile.servers for plan in wanted.plans):
            dealing = (*dealing, *apart_notes(wanted.roster))
        return cls(supervisor, recorded, wanted, options, search, dealing)

    def foretell(self) -> Report:
        """What would be done."""
        steps, _ = decide_up(self.recorded, self.wanted, self.options)
        notes = (*self.recorded.notes, *self.wanted.notes, *self.dealing)
        return self.supervisor.report(self.wanted.engine, foretold(steps, self.recorded), notes, dry_run=True)

    def carry_out(self, *, wait: bool, timeout: float, on_event: OnEvent | None) -> Report:
        """Decide, write that down, and do it."""
        own, wanted = self.supervisor, self.wanted
        prepare_state(own.state)
        decided = record_decision(
            own.lockfile, own.state, team=own.team, wanted=wanted, options=self.options, search=self.search
        )
        run, strange = self._run(decided, on_event)
        entries = run.carry_out(wait=wait, timeout=timeout)
        own.rotate_logs()
        stale = (*self._remarks(entries), *backup_notes(wanted.roster, own.environ, now=time.time()))
        return own.report(wanted.engine, entries, (*decided.notes, *wanted.notes, *self.dealing, *strange, *stale))

    def _run(self, decided: Decided, on_event: OnEvent | None) -> tuple[Run, list[str]]:
        """What carries the decision out, and sentences about datasets that new servers find already there."""
        roster, before = self.wanted.roster, self.recorded.lockfile.servers
        plans = on_ports(self.wanted.plans, decided.ports)
        new = [plan for name, plan in plans.items() if name not in before]
        strange = [*datasets_of_others(new, team=roster.name), *earlier_names(roster, new)]
        if not before:
            strange += datasets_of_namesakes(new, team=roster.name, state=self.supervisor.state)
        at_once = roster.start_at_once
        return self.supervisor.carrying_out(decided.steps, decided.lockfile, plans, at_once, on_event), strange

    def _remarks(self, entries: Iterable[Entry]) -> list[str]:
        """What servers that were just started say of their sources, each once."""
        begun = [entry.name for entry in entries if entry.action in ("start", "restart")]
        said = [alive.read(alive_path(self.supervisor.state, name)).get("remark") for name in begun]
        return [remark for remark in dict.fromkeys(said) if isinstance(remark, str)]
