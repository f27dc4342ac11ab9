"""`restore`: a backup put back, or only looked into."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prodigy_team.cli import output
from prodigy_team.cli.options import AsJson, Quiet, RosterPath, Shared
from prodigy_team.cli.render import GAP, align

if TYPE_CHECKING:
    from prodigy_team.servers.restoring import RestoreReport

EXAMPLES = ("prodigy-team restore --check", "prodigy-team restore 20261122T030000Z")


def command(
    context: typer.Context,
    backup: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A backup's folder or its name; the newest when left out.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only open it, and compare its counts with now.")] = False,
    roster: RosterPath = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup back, or look into it; what it replaces is kept.

    Answers, ledger and accounts are put back. Refuses while servers run. Roster and settings are left as they are.
    """
    shared = Shared.of(context, roster, quiet, as_json)
    path = shared.existing()
    from prodigy_team.cli.answers import read_roster
    from prodigy_team.errors import UsageError
    from prodigy_team.servers.restoring import check_backup, find_backup, restore

    loaded = read_roster(path)
    if backup is None and not check:
        raise UsageError("Which backup is to be put back?", remedy="`prodigy-team restore --check` names the newest.")
    found = find_backup(loaded.state, backup)
    report = (check_backup if check else restore)(loaded, os.environ, found)
    if shared.as_json:
        from prodigy_team.cli.objects import values_of

        output.show_json(values_of(report))
    elif not shared.quiet or report.problem:
        output.say(restore_lines(report))
    raise typer.Exit(1 if report.problem else 0)


def restore_lines(report: RestoreReport) -> list[str]:
    """Answers by dataset, then and now; what was done."""
    made = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(report.created))
    rows = [(each.name, _shown(each.there), _shown(each.now)) for each in report.datasets]
    lines = [
        f"{report.backup}, made {made}",
        *align([("DATASET", "BACKUP", "BEFORE" if report.restored else "NOW"), *rows], indent=GAP),
    ]
    if report.problem:
        return [*lines, f"This backup cannot be used: {report.problem}."]
    lines += [f"Left as it is, and different from {each}" for each in report.differing]
    if not report.restored:
        return [*lines, "Sound. Nothing was changed."]
    lines += [f"What stood there is kept: {each}" for each in report.kept]
    return [*lines, "Restored. Next: prodigy-team up"]


def _shown(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"
