"""`up`: start what is missing, keep what runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from prodigy_team.cli import output, reported
from prodigy_team.cli.options import AsJson, Names, Quiet, RosterPath, Shared

if TYPE_CHECKING:
    from pathlib import Path

    from prodigy_team.servers.report import Report

MOST_INVITED = 8  # names in a line that somebody copies
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
    path = shared.existing()
    from prodigy_team.cli.display import show_progress
    from prodigy_team.servers.supervisor import Supervisor

    supervisor = Supervisor.for_roster(path)
    with show_progress(silent=shared.quiet or shared.as_json or dry_run) as progress:
        report = supervisor.up(
            tuple(names or ()),
            wait=wait,
            timeout=timeout,
            dry_run=dry_run,
            now=now,
            revive=revive,
            remove_orphans=remove_orphans,
            on_event=progress,
        )
    show(report, shared, revive=revive)
    if not (shared.quiet or shared.as_json or dry_run or revive):
        output.say(to_invite(supervisor.state, report))
    raise typer.Exit(report.exit_code)


def show(report: Report, shared: Shared, *, revive: bool = False) -> None:
    """Print the report as JSON, in full, or when quiet only if there is news."""
    if shared.as_json:
        from prodigy_team.cli.objects import report_object

        output.show_json(report_object(report))
    elif shared.quiet and revive:
        output.tell(reported.revived_lines(report))
    elif not shared.quiet or reported.is_news(report):
        output.say(reported.report_lines(report, machine=output.machine_name()))


def to_invite(state: Path, report: Report) -> list[str]:
    """What is left to do where a gateway runs at which somebody has no password yet."""
    from prodigy_team.servers.gateways import kept_roster

    runs = any(each.engine == "gateway" and each.action in ("start", "restart", "keep") for each in report.entries)
    roster = kept_roster(state) if runs else None
    if roster is None or roster.gateway is None or roster.gateway["auth"] != "password":
        return []
    from prodigy_team.cli.members import member_names, team_accounts

    with team_accounts(roster) as accounts:
        found = accounts.overview(member_names(roster, []))
    without = [each.name for each in found if not each.password and each.invited_until is None]
    more = " …" if len(without) > MOST_INVITED else ""
    return [f"Next: prodigy-team invite {' '.join(without[:MOST_INVITED])}{more}"] if without else []


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
