"""What `up` is about to do: the roster's wishes against what was observed, and the lockfile to begin with."""

from __future__ import annotations

import time
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from prodigy_team.allocation.rules import Rules
from prodigy_team.presence import exists
from prodigy_team.servers.activity import idle_seconds
from prodigy_team.servers.engines import PRODIGY, ServerPlan
from prodigy_team.servers.gateways import keep_roster
from prodigy_team.servers.launches import record_of, write_launch
from prodigy_team.servers.lockfile import GATEWAY, Lockfile, ServerRecord, guard, write_lockfile
from prodigy_team.servers.observing import Observation, note_deaths, observe
from prodigy_team.servers.plan import Step, UpOptions, assign_ports, former_shapes, plan_shapes, plan_up
from prodigy_team.servers.pools import write_pools
from prodigy_team.servers.ports import is_free
from prodigy_team.servers.standing import Seen
from prodigy_team.servers.status import roster_digest
from prodigy_team.servers.streams import with_work_again
from prodigy_team.servers.wanting import Wanted, on_ports


@dataclass(frozen=True)
class Decided:
    """What one `up` is about to do, written down before any of it is done.

    Attributes:
        lockfile: As written.
        ports: The port of every server; None where none is left.
    """

    lockfile: Lockfile
    steps: tuple[Step, ...]
    ports: Mapping[str, int | None]
    notes: tuple[str, ...]


def record_decision(
    path: Path, state: Path, *, team: str, wanted: Wanted, options: UpOptions, search: bool = False
) -> Decided:
    """Decide what `up` does, under the guard, and write it down.

    Args:
        path: The lockfile.
        team: Its name as the roster had it when the lockfile was first written.
        search: See `observe`.
    """
    with guard(path):
        observation = observe(path, state, team=team, keep_copy=True, search=search)
        found = observation.lockfile
        observation = replace(observation, lockfile=note_deaths(observation, at=time.time(), exits={}))
        steps, ports = decide_up(observation, wanted, options)
        lockfile = replace(observation.lockfile, team=wanted.roster.name, engine=wanted.engine)
        lockfile = replace(lockfile, roster_digest=_digest(lockfile, steps, wanted))
        lockfile = prepared_lockfile(lockfile, steps, wanted.plans, options, state)
        lockfile = _put_to_sleep(lockfile, steps, on_ports(wanted.plans, ports), state)
        lockfile = _at_new_addresses(lockfile, steps, on_ports(wanted.plans, ports), state)
        if lockfile != found or observation.changed:
            write_lockfile(path, lockfile)
        held = _held(lockfile, steps, wanted)
        if wanted.pools:  # without [routing] the file stays, for servers that were not restarted yet
            write_pools(state, [_dealt_where_they_are(rules, held) for rules in wanted.pools])
        if wanted.roster.gateway is not None and not (held and _runs_on(steps, GATEWAY)):
            keep_roster(state, wanted.roster)
    return Decided(lockfile, tuple(steps), ports, observation.notes)


def _held(lockfile: Lockfile, steps: Iterable[Step], wanted: Wanted) -> dict[str, str]:
    """The people who stay on a server that is wanted in another shape, and which it is."""
    names = {plan.name for plan in wanted.plans}
    held = [step.name for step in steps if step.action == "keep" and step.name not in names]
    return {annotator: name for name in held for annotator in lockfile.servers[name].annotators}


def _dealt_where_they_are(rules: Rules, held: Mapping[str, str]) -> Rules:
    """The rules with people who stay on a server on that one, since it only deals out to its own."""
    return replace(rules, people=tuple(replace(each, server=held.get(each.name, each.server)) for each in rules.people))


def _runs_on(steps: Iterable[Step], name: str) -> bool:
    return any(step.name == name and step.action == "keep" for step in steps)


def _digest(lockfile: Lockfile, steps: Iterable[Step], wanted: Wanted) -> str:
    """The roster's digest where the lockfile will know all of its servers, so that `status` need not load it."""
    known = {*lockfile.servers, *(step.name for step in steps)}
    return roster_digest(wanted.roster.path) if all(plan.name in known for plan in wanted.plans) else ""


def decide_up(observation: Observation, wanted: Wanted, options: UpOptions) -> tuple[list[Step], dict[str, int | None]]:
    """The steps of `up`, and the port of every server; asks the database for idle times where they decide."""
    records = observation.lockfile.servers
    former = [records[name] for names in former_shapes(wanted.plans, records).values() for name in names]
    running = [record for record in former if observation.seen[record.name].alive]
    observation = replace(observation, seen=_with_idle(observation.seen, running, options))
    going = plan_shapes(wanted.plans, records, observation.seen, options).going
    freed = {records[name].port for name in going if observation.seen[name].alive}
    staying = {name: record for name, record in records.items() if name not in going}
    ports = assign_ports(wanted.plans, staying, wanted.roster.ports, taken=_Taken(wanted.roster.host, freed))
    seen = _with_idle_times(observation, wanted.plans, ports, options)
    seen = _with_ended_streams(observation, seen, wanted)
    return plan_up(wanted.plans, records, seen, ports, options, sleepers=wanted.sleepers), ports


def may_run_unrecorded(path: Path, wanted: Wanted) -> bool:
    """Whether servers may run of which nothing on disk tells: there is no lockfile, and somebody has their ports.

    Asking the ports costs next to nothing at the first `up` of a team; looking at every process does.
    """
    if exists(path):
        return False
    given_out = islice(wanted.roster.ports, len(wanted.plans))
    places = [(plan.host, plan.port) for plan in wanted.plans if plan.port is not None]
    places += [(wanted.roster.host, port) for port in given_out]
    return not all(is_free(host, port) for host, port in places)


class _Taken:
    """The ports of a host on which somebody listens; looked up only for ports about to be given out.

    Args:
        freed: Those on which servers listen that are about to be ended.
    """

    def __init__(self, host: str, freed: Container[int | None]) -> None:
        self._host, self._freed = host, freed

    def __contains__(self, port: object) -> bool:
        return isinstance(port, int) and port not in self._freed and not is_free(self._host, port)


def _with_idle_times(
    observation: Observation, plans: Iterable[ServerPlan], ports: Mapping[str, int | None], options: UpOptions
) -> Mapping[str, Seen]:
    """What was seen, with idle times where they decide: of running servers to be restarted, or stopped for a pause."""
    records, seen = observation.lockfile.servers, observation.seen
    changed = [
        _known(records[plan.name], plan)
        for plan in plans
        if plan.name in records
        and seen[plan.name].alive
        and (records[plan.name].spec_hash, records[plan.name].port) != (plan.spec_hash, ports[plan.name])
    ]
    changed += [record for name, record in records.items() if name in options.resting and seen[name].alive]
    return _with_idle(seen, changed, options)


def _with_idle(seen: Mapping[str, Seen], records: Sequence[ServerRecord], options: UpOptions) -> Mapping[str, Seen]:
    """What was seen, with the idle times of these servers."""
    idle = idle_seconds(records, now=time.time()) if records and not options.now else {}
    return {name: replace(each, idle_seconds=idle.get(name, each.idle_seconds)) for name, each in seen.items()}


def _known(record: ServerRecord, plan: ServerPlan) -> ServerRecord:
    """The record with where its answers are; one that was lost does not say."""
    if record.dataset:
        return record
    database = str(plan.database.path or "")
    return replace(record, dataset=plan.dataset, database=database, annotators=plan.annotators, part_of=plan.part_of)


def _with_ended_streams(observation: Observation, seen: Mapping[str, Seen], wanted: Wanted) -> Mapping[str, Seen]:
    if not wanted.pools or wanted.engine != PRODIGY:
        return seen
    return with_work_again(observation.lockfile.servers, seen, wanted.roster.state, rules=wanted.pools)


def prepared_lockfile(
    lockfile: Lockfile, steps: Sequence[Step], plans: Iterable[ServerPlan], options: UpOptions, state: Path
) -> Lockfile:
    """The lockfile before anything is done: a person's start forgets old failures, the roster's order is kept."""
    wanted = {plan.name: plan for plan in plans}
    order = list(wanted)
    known = {*order, *options.resting, *(step.name for step in steps if step.action == "keep")}
    records = {  # whoever left or rests does not sleep until they come
        name: replace(each, orphan=name not in known, asleep=each.asleep and name in wanted)
        for name, each in lockfile.servers.items()
    }
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


def _put_to_sleep(lockfile: Lockfile, steps: Iterable[Step], plans: Mapping[str, ServerPlan], state: Path) -> Lockfile:
    """The lockfile with the servers that sleep, each as the gateway is to start it."""
    asleep = []
    for plan in (plans[step.name] for step in steps if step.action == "sleep"):
        write_launch(state, plan)
        record = _forgiven(record_of(plan, state, lockfile.servers.get(plan.name)))
        asleep.append(replace(record, wanted=False, asleep=True))
    return lockfile.with_records(*asleep)


def _at_new_addresses(
    lockfile: Lockfile, steps: Iterable[Step], plans: Mapping[str, ServerPlan], state: Path
) -> Lockfile:
    """The lockfile with the servers that run on while people reach them elsewhere: the gateway has moved."""
    moved = []
    for step in steps:
        plan, record = plans.get(step.name), lockfile.servers.get(step.name)
        if step.action == "keep" and plan and record and plan.public and record.url != plan.url:
            write_launch(state, plan)
            moved.append(replace(record, url=plan.url))
    return lockfile.with_records(*moved)


def _forgiven(record: ServerRecord) -> ServerRecord:
    """The record without its past failures: a person starts the server, or it is another one now."""
    return replace(record, failures=(), given_up=False, restarts=0, problem="", reported="")
