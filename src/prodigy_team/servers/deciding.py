"""What `up` is about to do: the roster's wishes against what was observed, and the lockfile to begin with."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from prodigy_team.servers.activity import idle_seconds
from prodigy_team.servers.engines import ServerPlan
from prodigy_team.servers.launches import record_of
from prodigy_team.servers.lockfile import Lockfile, ServerRecord
from prodigy_team.servers.observing import Observation
from prodigy_team.servers.plan import Seen, Step, UpOptions, assign_ports, plan_up
from prodigy_team.servers.ports import is_free
from prodigy_team.servers.wanting import Wanted


def decide_up(observation: Observation, wanted: Wanted, options: UpOptions) -> tuple[list[Step], dict[str, int | None]]:
    """The steps of `up`, and the port of every server; asks the database for idle times where they decide."""
    records = observation.lockfile.servers
    ports = assign_ports(wanted.plans, records, wanted.roster.ports, taken=_Taken(wanted.roster.host))
    seen = _with_idle_times(observation, wanted.plans, ports, options)
    return plan_up(wanted.plans, records, seen, ports, options), ports


class _Taken:
    """The ports of a host on which somebody listens; looked up only for ports about to be given out."""

    def __init__(self, host: str) -> None:
        self._host = host

    def __contains__(self, port: object) -> bool:
        return isinstance(port, int) and not is_free(self._host, port)


def _with_idle_times(
    observation: Observation, plans: Iterable[ServerPlan], ports: Mapping[str, int | None], options: UpOptions
) -> Mapping[str, Seen]:
    """What was seen, with idle times where they decide: for running servers whose roster entry changed."""
    records, seen = observation.lockfile.servers, dict(observation.seen)
    changed = [
        records[plan.name]
        for plan in plans
        if plan.name in records
        and seen[plan.name].alive
        and (records[plan.name].spec_hash, records[plan.name].port) != (plan.spec_hash, ports[plan.name])
    ]
    if changed and not options.now:
        for name, idle in idle_seconds(changed, now=time.time()).items():
            seen[name] = replace(seen[name], idle_seconds=idle)
    return seen


def prepared_lockfile(
    lockfile: Lockfile, steps: Iterable[Step], plans: Iterable[ServerPlan], options: UpOptions, state: Path
) -> Lockfile:
    """The lockfile before anything is done: a person's start forgets old failures, the roster's order is kept."""
    wanted = {plan.name: plan for plan in plans}
    order = list(wanted)
    records = {name: replace(each, orphan=name not in order) for name, each in lockfile.servers.items()}
    for name, plan in wanted.items():
        if name in records and records[name].spec_hash == plan.spec_hash:  # people may come to it while it runs
            records[name] = replace(records[name], annotators=plan.annotators)
    for step in steps:
        record = records.get(step.name)
        if step.action == "blocked":
            record = record_of(wanted[step.name], state, record)
            records[step.name] = replace(record, blocked=True, problem=f"{step.problem} {step.remedy}")
        elif record is not None and step.action in ("start", "restart"):
            anew = not record.wanted or step.name in options.names or record.spec_hash != wanted[step.name].spec_hash
            records[step.name] = replace(_forgiven(record) if anew else record, wanted=True)
    ordered = {name: records[name] for name in order if name in records}
    return replace(lockfile, servers={**ordered, **records})


def _forgiven(record: ServerRecord) -> ServerRecord:
    """The record without its past failures: a person starts the server, or it is another one now."""
    return replace(record, failures=(), given_up=False, restarts=0, problem="", reported="")
