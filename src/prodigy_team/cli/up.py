"""`up`: start what is missing, keep what runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from prodigy_team.cli.options import AsJson, Names, Quiet, RosterPath, Shared

EXAMPLES = (
    "prodigy-team up",
    "prodigy-team up joe jane --timeout 120",
    "prodigy-team up --dry-run",
)


def command(
    context: typer.Context,
    names: Names = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until each server answers.")] = True,
    timeout: Annotated[float, typer.Option(min=0.0, help="Seconds to wait for.", metavar="SECONDS")] = 60.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and do nothing.")] = False,
    now: Annotated[bool, typer.Option("--now", help="Restart changed servers although somebody is answering.")] = False,
    revive: Annotated[
        bool, typer.Option("--revive", help="Only bring back what died, as it was started last.")
    ] = False,
    remove_orphans: Annotated[
        bool, typer.Option("--remove-orphans", help="Stop and forget servers that left the roster.")
    ] = False,
    roster: RosterPath = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Start what is missing; keep what runs.

    A server whose roster entry changed is restarted when nobody answered in the last 10 minutes, or with --now.
    With [gateway] servers are started once their annotator logs in, or when they are named here.
    Run it as often as you like: what is as it should be is left alone.
    """
    shared = Shared.of(context, roster, quiet, as_json)
    from prodigy_team.cli import daily

    code = daily.up(
        shared,
        names or (),
        wait=wait,
        timeout=timeout,
        dry_run=dry_run,
        now=now,
        revive=revive,
        remove_orphans=remove_orphans,
    )
    raise typer.Exit(code)


def bring_up(path: Path, name: str) -> str:
    """Start one server of a roster, quietly; its address.

    Raises:
        TeamError: It does not run afterwards.
    """
    from prodigy_team.errors import TeamError
    from prodigy_team.servers.supervisor import Supervisor

    report = Supervisor.for_roster(path).up((name,), now=True)
    entry = report.entries[0]
    if entry.problem:
        raise TeamError(f"{name}: {entry.problem}", remedy=entry.remedy or f"prodigy-team logs {name}")
    return entry.url
