"""What `up`, `status` and `stop` do once their options are read, by the parser or without it; see `quick`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from prodigy_team.cli import output, reported, standing
from prodigy_team.cli.shared import Shared
from prodigy_team.servers.supervisor import GRACE, Supervisor

if TYPE_CHECKING:
    from prodigy_team.servers.report import Report
    from prodigy_team.servers.status import StatusReport

MOST_INVITED = 8  # names in a line that somebody copies
REDRAW_SECONDS = 2.0
HOME_AND_CLEAR = "\x1b[H\x1b[J"


def up(
    shared: Shared,
    names: Sequence[str],
    *,
    wait: bool = True,
    timeout: float = 60.0,
    dry_run: bool = False,
    now: bool = False,
    revive: bool = False,
    remove_orphans: bool = False,
) -> int:
    """Start what is missing and show the report; returns the exit code."""
    from prodigy_team.cli.display import show_progress

    supervisor = Supervisor.for_roster(shared.existing())
    with show_progress(silent=shared.quiet or shared.as_json or dry_run) as progress:
        report = supervisor.up(
            tuple(names),
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
    return report.exit_code


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


def status(shared: Shared, names: Sequence[str], *, watch: bool = False) -> int:
    """Show how the servers stand, again and again where somebody watches; returns the exit code."""
    path = shared.existing()
    while True:
        report = Supervisor.for_roster(path).status(tuple(names))
        show_status(report, shared, redraw=watch)
        if not watch:
            return report.exit_code
        time.sleep(REDRAW_SECONDS)


def show_status(report: StatusReport, shared: Shared, *, redraw: bool) -> None:
    """Print the table or the object; when quiet only if something is wrong."""
    if shared.as_json:
        from prodigy_team.cli.objects import status_object

        output.show_json(status_object(report))
        return
    if shared.quiet and not report.exit_code:
        return
    clear = [HOME_AND_CLEAR] if redraw and sys.stdout.isatty() and os.environ.get("TERM") != "dumb" else []
    output.say(["".join(clear) + "\n".join(standing.status_lines(report))])
    sys.stdout.flush()


def stop(
    shared: Shared, names: Sequence[str], *, grace: float = GRACE, force: bool = False, dry_run: bool = False
) -> int:
    """End servers and show the report; returns the exit code."""
    supervisor = Supervisor.for_roster(shared.existing())
    report = supervisor.stop(tuple(names), grace=grace, force=force, confirm=output.confirmer(), dry_run=dry_run)
    if shared.as_json:
        from prodigy_team.cli.objects import report_object

        output.show_json(report_object(report))
    elif not shared.quiet or reported.is_news(report):
        output.say(reported.stop_lines(report))
    return report.exit_code
