"""`check`: the roster's problems, all at once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import typer

from prodigy_team.cli import output
from prodigy_team.cli.options import AsJson, Quiet, RosterPath, Shared
from prodigy_team.cli.render import GAP, align, plural
from prodigy_team.errors import TeamError

if TYPE_CHECKING:
    from prodigy_team.roster import Problem, Roster
    from prodigy_team.servers.engines import ServerPlan

EXAMPLES = ("prodigy-team check", "prodigy-team -f /srv/headlines/team.toml check")


def command(context: typer.Context, roster: RosterPath = None, quiet: Quiet = False, as_json: AsJson = False) -> None:
    """Report every problem of the roster at once.

    Each with its place and what to do. Nothing is started or written. Exit code 2 where there is a problem.
    """
    shared = Shared.of(context, roster, quiet, as_json)
    path = shared.existing()
    from prodigy_team.roster import RosterError, load_roster

    try:
        loaded = _with_remarks(load_roster(path, os.environ))
    except RosterError as error:
        if not shared.as_json:
            raise
        from prodigy_team.cli.objects import values_object

        output.show_json(values_object(roster=str(path), ok=False, problems=error.problems, servers=[]))
        raise typer.Exit(error.exit_code) from None
    if shared.as_json:
        from prodigy_team.cli.objects import values_object

        names = [server.name for server in loaded.servers]
        output.show_json(values_object(roster=str(path), ok=True, problems=loaded.warnings, servers=names))
        return
    output.tell([output.problem_line(each, path.name) for each in loaded.warnings])
    if not shared.quiet:
        output.say(roster_lines(loaded))


def _with_remarks(roster: Roster) -> Roster:
    """The roster, warned of what its engine does not honour or does otherwise than one would think.

    Raises:
        RosterError: Something keeps it from starting there.
    """
    from prodigy_team.roster import (
        RosterError,
        access_problems,
        embedded_problems,
        gateway_problems,
        own_router_warnings,
        routing_problems,
        taken_apart,
    )
    from prodigy_team.roster.recipes import EMBEDDED as RECIPES
    from prodigy_team.servers.engines import EMBEDDED, decide_engine, plan_server
    from prodigy_team.servers.passwords import read_passwords
    from prodigy_team.servers.rehearsing import rehearsal_problems
    from prodigy_team.servers.shapes import overlap_problems
    from prodigy_team.settings import read_settings

    written = roster
    try:
        engine = decide_engine(roster, recorded=None)
        roster = taken_apart(written, engine)
        plans = [plan_server(roster, server, engine=engine, environ=os.environ) for server in roster.servers]
    except TeamError:
        return written  # `up` and `doctor` say so; it is no problem of the roster's settings
    settings = [read_settings(plan.env, server.directory) for plan, server in zip(plans, roster.servers, strict=True)]
    found = access_problems(written, read_passwords(roster.state).keys())
    found += routing_problems(written, engine) + overlap_problems(roster, os.environ)
    found += gateway_problems(roster, engine) + rehearsal_problems(written)
    if engine == EMBEDDED:
        found += embedded_problems(roster, RECIPES) or _unfit_tasks(roster, plans)
        found += _embedded_remarks(roster, settings)
    elif roster.routing is None:
        found += own_router_warnings(roster, _dealt_by_prodigy(roster, settings))
    refused = [each for each in found if not each.warning]
    if refused:
        raise RosterError(roster.path, refused)
    return replace(roster, warnings=(*roster.warnings, *found))


def _unfit_tasks(roster: Roster, plans: Sequence[ServerPlan]) -> list[Problem]:
    """Views, patterns, tokenizers and sources with which a server of the embedded engine would end at once."""
    from prodigy_team.annotate.arguments import read_arguments
    from prodigy_team.annotate.recipes import find_recipe
    from prodigy_team.roster import Problem
    from prodigy_team.sources.origins import find_source

    found: dict[Problem, None] = {}
    for plan, server in zip(plans, roster.servers, strict=True):
        try:
            options = read_arguments(plan.argv, directory=plan.cwd)
            find_recipe(options)
            if options.loader is None and not options.source.startswith("dataset:"):
                find_source(options.source)
        except TeamError as error:
            named = {key: getattr(server, key) for key in ("source", "patterns", "view_id", "model", "tokenizer")}
            key = next((key for key, value in named.items() if value and str(value) in error.message), "recipe")
            found[Problem(server.where(key), error.message, error.remedy)] = None
    return list(found)


def _embedded_remarks(roster: Roster, settings: Sequence[Mapping[str, Any]]) -> list[Problem]:
    from prodigy_team.annotate.shaping import remarks_on
    from prodigy_team.roster import Problem

    found: dict[Problem, None] = {}
    for values, server in zip(settings, roster.servers, strict=True):
        for each in remarks_on(values, server.directory):
            where = f"prodigy.{each.key}" if each.key in roster.prodigy else each.key
            found[Problem(where, each.text, each.remedy, warning=each.warning)] = None
    return list(found)


def _dealt_by_prodigy(roster: Roster, settings: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The servers on which several people share tasks that Prodigy's own router deals out, and why it does."""
    found = {}
    for values, server in zip(settings, roster.servers, strict=True):
        wanted = values.get("annotations_per_task")
        shared = server.open or len(server.annotators) > 1
        if wanted is not None and (shared or "annotations_per_task" in roster.prodigy):
            found[server.name] = f"annotations_per_task = {wanted}"
        elif shared and not values.get("feed_overlap"):
            found[server.name] = "feed_overlap = false"
    return found


def roster_lines(roster: Roster) -> list[str]:
    """What a good roster says: its servers, and what to do next."""
    rows = [
        (each.name, each.recipe, each.source or "-", each.dataset, "any port" if each.port is None else str(each.port))
        for each in roster.servers
    ]
    sum_up = (
        f"{roster.path.name}: {plural(len(roster.servers), 'server')}, {plural(len(roster.annotators), 'annotator')}"
    )
    warned = f", {plural(len(roster.warnings), 'warning')}" if roster.warnings else ", no problem"
    return [*align(rows, indent=GAP), *door_lines(roster), f"{sum_up}{warned}.", "Next: prodigy-team up"]


def door_lines(roster: Roster) -> list[str]:
    """Where people log in and who may besides the annotators; nothing without a gateway."""
    if roster.gateway is None:
        return []
    from prodigy_team.servers.gateways import gateway_url

    managers = ", ".join(str(each["name"]) for each in roster.managers) or "nobody"
    return [f"Everybody logs in at {gateway_url(roster)}/ by {roster.gateway['auth']}; managers: {managers}."]
