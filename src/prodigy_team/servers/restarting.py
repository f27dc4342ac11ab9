"""`restart`: servers are stopped and come back as the roster has them now; a gateway hands over instead."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from prodigy_team.errors import UsageError
from prodigy_team.servers.activity import idle_seconds
from prodigy_team.servers.lockfile import GATEWAY
from prodigy_team.servers.plan import former_shapes
from prodigy_team.servers.report import Report
from prodigy_team.servers.supervisor import Confirm, OnEvent, Supervisor
from prodigy_team.servers.wanting import read_wanted


def restart(
    supervisor: Supervisor,
    names: Sequence[str],
    *,
    when_idle: float | None,
    timeout: float,
    force: bool,
    confirm: Confirm | None,
    dry_run: bool,
    on_event: OnEvent | None,
) -> Report:
    """See `Supervisor.restart`."""
    known, names = _chosen(supervisor, names)
    if dry_run:
        return _foretell(supervisor, known, names)
    if when_idle is not None:
        _wait_until_idle(supervisor, known, when_idle)
    force = force or when_idle is not None
    anew = tuple(name for name in known if name == GATEWAY)  # nobody is sent away while it is restarted
    known = tuple(name for name in known if name not in anew)
    ended = supervisor.stop(known, force=force, confirm=confirm, wanted=True, on_event=on_event) if known else None
    stopped = ended.entries if ended else ()
    refused = {entry.name: entry for entry in stopped if entry.problem}
    names = tuple(name for name in names if name not in refused)
    if not names:
        return supervisor.report("", tuple(refused.values()), ())
    report = supervisor.up(names, timeout=timeout, anew=anew, on_event=on_event)
    told = {entry.name for entry in report.entries}
    return replace(report, entries=(*(each for name, each in refused.items() if name not in told), *report.entries))


def _foretell(supervisor: Supervisor, known: Sequence[str], names: Sequence[str]) -> Report:
    """What would be done, and whom it would meet."""
    if not names:
        return supervisor.report("", (), (), dry_run=True)
    met = {entry.name: entry.detail for entry in supervisor.stop(known, dry_run=True).entries} if known else {}
    report = supervisor.up(names, dry_run=True, anew=known)
    return replace(
        report, entries=tuple(replace(each, detail=met.get(each.name) or each.detail) for each in report.entries)
    )


def _chosen(supervisor: Supervisor, names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The servers to stop and those to start: of the roster, without names only those that are to run.

    Raises:
        RosterError: The roster has problems; found before anything is stopped.
    """
    lockfile = supervisor.observe().lockfile
    plans = read_wanted(supervisor.path, supervisor.environ, recorded_engine=lockfile.engine).plans
    named = supervisor.servers_named(names, lockfile, plans)
    records = lockfile.servers
    former = former_shapes(plans, records)
    before = {plan.name: (plan.name, *former.get(plan.part_of or plan.name, ())) for plan in plans}
    ran = {name for name, each in before.items() if any(one in records and records[one].wanted for one in each)}
    chosen = [plan.name for plan in plans if plan.name in (named or ran)]
    if named and not chosen:
        raise UsageError(f"{named[0]} is not in the roster any more.", remedy="prodigy-team up --remove-orphans")
    known = dict.fromkeys(one for name in chosen for one in before[name] if one in records)
    return tuple(known), tuple(chosen)


def _wait_until_idle(supervisor: Supervisor, names: Sequence[str], seconds: float) -> None:
    while True:
        lockfile = supervisor.observe().lockfile
        known = [lockfile.servers[name] for name in names if name in lockfile.servers]  # a command may remove some
        idle = idle_seconds(known, now=time.time())
        shortest = min((each for each in idle.values() if each is not None), default=seconds)
        if shortest >= seconds:
            return
        supervisor.pause(min(seconds - shortest + 0.1, 5.0))
