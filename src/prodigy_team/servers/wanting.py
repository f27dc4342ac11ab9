"""What the roster wants, planned to the last argument: the engine decided, every server's launch, what forbids it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from prodigy_team.allocation.rules import Rules
from prodigy_team.roster import (
    Problem,
    Roster,
    RosterError,
    access_problems,
    embedded_problems,
    gateway_problems,
    load_roster,
    routing_problems,
    taken_apart,
)
from prodigy_team.roster.recipes import EMBEDDED
from prodigy_team.servers.engines import ServerPlan, decide_engine, left_out, plan_server
from prodigy_team.servers.gateways import plan_gateway, sleepers
from prodigy_team.servers.passwords import read_passwords
from prodigy_team.servers.pools import read_pools
from prodigy_team.servers.rehearsing import rehearsal_problems
from prodigy_team.servers.reviews import read_reviews, with_reviews
from prodigy_team.servers.shapes import overlap_problems


@dataclass(frozen=True)
class Wanted:
    """A roster, its engine, and how each of its servers would be started (ports not yet given out).

    Attributes:
        pools: By what rules tasks are dealt out; none without [routing].
        sleepers: Servers that the gateway starts when somebody comes.
    """

    roster: Roster
    engine: str
    plans: tuple[ServerPlan, ...]
    notes: tuple[str, ...]
    pools: tuple[Rules, ...] = ()
    sleepers: frozenset[str] = frozenset()


def read_wanted(path: Path, environ: Mapping[str, str], *, recorded_engine: str) -> Wanted:
    """Load the roster and plan its servers.

    Args:
        recorded_engine: The lockfile's, or "".

    Raises:
        RosterError: The roster has problems, some of which only show once the engine is known.
        TeamError: The engine that ran so far has disappeared.
    """
    written = load_roster(path, environ)
    engine = decide_engine(written, recorded=recorded_engine or None, environ=environ)
    secrets = read_passwords(written.state)
    problems = access_problems(written, secrets.keys())
    if engine == "embedded":
        problems += embedded_problems(written, EMBEDDED)
    roster = taken_apart(written, engine)
    problems += routing_problems(written, engine) + overlap_problems(roster, environ)
    problems += gateway_problems(roster, engine) + rehearsal_problems(written)
    warnings = [problem for problem in problems if problem.warning]
    if len(warnings) < len(problems):
        raise RosterError(path, [problem for problem in problems if not problem.warning])
    plans = tuple(
        plan_server(roster, server, engine=engine, environ=environ, password=secrets.get(server.part_of or server.name))
        for server in roster.servers
    )
    plans += _review_plans(written, engine, environ)
    gateway = plan_gateway(roster, environ)
    if gateway is not None:
        plans = (gateway, *plans)
    notes = _notes(roster, warnings, left_out(environ))
    if engine == "embedded" and roster.engine == "auto" and not recorded_engine:
        notes.insert(0, f"No Prodigy in this Python: using the embedded engine ({', '.join(EMBEDDED)}).")
    return Wanted(roster, engine, plans, tuple(notes), read_pools(roster, environ), sleepers(roster))


def _review_plans(roster: Roster, engine: str, environ: Mapping[str, str]) -> tuple[ServerPlan, ...]:
    """The servers on which disputes are settled."""
    beside = with_reviews(roster, read_reviews(roster.state))
    return tuple(plan_server(beside, server, engine=engine, environ=environ) for server in beside.servers)


def _notes(roster: Roster, warnings: Collection[Problem], ignored: Collection[str]) -> list[str]:
    notes = [str(warning) for warning in (*roster.warnings, *warnings)]
    if ignored:
        names = ", ".join(sorted(ignored))
        notes.append(f"Left out for the servers, so that shell and cron start the same: {names} (set it in `env`).")
    if roster.paused:
        notes.append(f"Paused: {', '.join(roster.paused)}.")
    return notes


def on_ports(plans: Collection[ServerPlan], ports: Mapping[str, int | None]) -> dict[str, ServerPlan]:
    """The plans by name, each with the port it was given; those without one are left out."""
    given = {plan.name: ports.get(plan.name) for plan in plans}
    return {plan.name: plan.with_port(port) for plan in plans if (port := given[plan.name]) is not None}
