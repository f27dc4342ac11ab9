"""Servers brought up because somebody came, as `up` planned them, and put to sleep again because nobody does."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

from prodigy_team.errors import TeamError
from prodigy_team.servers.engines import ServerPlan
from prodigy_team.servers.gateways import kept_roster
from prodigy_team.servers.halting import halt
from prodigy_team.servers.launches import read_launch
from prodigy_team.servers.lockfile import Lockfile, ServerRecord, guard, write_lockfile
from prodigy_team.servers.observing import Observation, note_deaths, observe
from prodigy_team.servers.plan import Step, start_again
from prodigy_team.servers.ports import is_free
from prodigy_team.servers.report import Action, Entry, Event
from prodigy_team.servers.standing import Seen
from prodigy_team.servers.stopping import Stopped
from prodigy_team.servers.supervisor import GRACE, Supervisor


def wake(
    supervisor: Supervisor,
    names: Sequence[str],
    *,
    timeout: float = 60.0,
    anyway: bool = False,
    at_once: int | None = None,
    on_event: Callable[[Event], None],
) -> list[Entry]:
    """Start servers, or wait for those on their way, until each answers. The roster is not read.

    Safe beside other commands and other callers: whoever is quicker starts a server.

    Args:
        timeout: Seconds that each has to answer HTTP.
        anyway: Also those that a person stopped, and those that were given up.
        at_once: How many of Prodigy's may be starting at the same time.
        on_event: Called, from this thread, as soon as a server was launched ("starting"), answers or failed.

    Returns:
        An entry for each, with a problem where it was never brought up, was stopped, was given up, or does not come up.
    """
    lockfile, seen, entries = _wanted(supervisor, names, anyway=anyway)
    steps, plans = [], {}
    for name in seen:
        record, alive = lockfile.servers[name], seen[name].alive
        try:
            plan = read_launch(supervisor.state, name)
        except TeamError as error:
            entries.append(_refusal(name, error.message, error.remedy))
            continue
        plans[name] = plan if alive else _on_free_port(plan, lockfile, supervisor.state)
        action: Action = "restart" if alive and record.stopping else "keep" if alive else "start"
        steps.append(Step(action, name, plan.port, "somebody came"))
        if action == "keep" and record.ready:
            on_event(Event(name, "ready"))
    run = supervisor.carrying_out(steps, lockfile, plans, at_once, on_event)
    return [*entries, *run.carry_out(wait=True, timeout=timeout)]


def _wanted(
    supervisor: Supervisor, names: Collection[str], *, anyway: bool
) -> tuple[Lockfile, dict[str, Seen], list[Entry]]:
    """The lockfile in which the servers are to run, as written; what was seen of these; and those that may not run."""
    path, entries = supervisor.lockfile, []
    with guard(path):
        found = observe(path, supervisor.state, team=supervisor.team, keep_copy=True, names=names)
        records, seen = _looked_at(found, names), dict(found.seen)
        for name in names:
            if name not in seen:
                entries.append(_refusal(name, f"{name} was never brought up.", "prodigy-team up"))
            elif (problem := _objection(records[name])) and not (anyway or seen[name].alive):
                entries.append(_refusal(name, *problem))
                del seen[name]
            else:
                records[name] = replace(records[name], wanted=True, asleep=False)
                if anyway:
                    records[name] = replace(records[name], given_up=False, failures=())
        lockfile = found.lockfile.with_records(*records.values())
        if found.changed or lockfile != found.lockfile:
            write_lockfile(path, lockfile)
    return lockfile, seen, entries


def _looked_at(found: Observation, names: Collection[str]) -> dict[str, ServerRecord]:
    """The records of these servers, with the deaths among them noted."""
    records = {name: record for name, record in found.lockfile.servers.items() if name in names}
    noted = note_deaths(replace(found, lockfile=replace(found.lockfile, servers=records)), at=time.time(), exits={})
    return dict(noted.servers)


def _objection(record: ServerRecord) -> tuple[str, str] | None:
    """Why somebody has to look at a server first, and what to do; None where nothing keeps it from being started."""
    if record.given_up:
        return f"{record.name} {record.problem}", start_again(record.name)
    if not (record.wanted or record.asleep):
        return f"{record.name}'s server was stopped.", f"prodigy-team up {record.name}"
    return None


def _refusal(name: str, problem: str, remedy: str) -> Entry:
    return Entry(name, "blocked", "blocked", problem=problem, remedy=remedy)


def _on_free_port(plan: ServerPlan, lockfile: Lockfile, state: Path) -> ServerPlan:
    """The plan on another port of the roster's range where somebody else has its own and the roster fixes none."""
    if plan.port is None or is_free(plan.host, plan.port):
        return plan
    roster = kept_roster(state)
    if roster is None or any(each.name == plan.name and each.port is not None for each in roster.servers):
        return plan  # what starts it says who has the port
    taken = {record.port for record in lockfile.servers.values()}
    free = (port for port in roster.ports if port not in taken and is_free(plan.host, port))
    return plan.with_port(next(free, plan.port))


def put_to_sleep(supervisor: Supervisor, names: Collection[str], *, grace: float = GRACE) -> dict[str, Stopped]:
    """Stop servers until somebody comes, all at once; what became of those that ran and nobody else had stopped."""
    found = observe(supervisor.lockfile, supervisor.state, team=supervisor.team, keep_copy=False, names=names)
    records = found.lockfile.servers
    going = [name for name in names if name in records and records[name].wanted and found.seen[name].alive]
    if not going:
        return {}
    return halt(going, supervisor.lockfile, supervisor.state, team=supervisor.team, grace=grace, asleep=True)
