"""`doctor`: look at everything that servers need."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from prodigy_team.cli import output
from prodigy_team.cli.options import AsJson, Quiet, RosterPath, Shared
from prodigy_team.cli.render import GAP, align, plural

if TYPE_CHECKING:
    from prodigy_team.servers.doctor import Finding

EXAMPLES = ("prodigy-team doctor", "prodigy-team doctor --json")


def command(context: typer.Context, roster: RosterPath = None, quiet: Quiet = False, as_json: AsJson = False) -> None:
    """Look at everything that servers need, and say what to put right.

    Prodigy and its version, the database and its journal, disks, the state folder, ports, the clock, the logs.
    Exit code 3 where something is wrong.
    """
    shared = Shared.of(context, roster, quiet, as_json)
    path = shared.existing()
    from prodigy_team.servers.doctor import examine

    findings = examine(path, os.environ)
    code = 3 if any(each.level == "error" for each in findings) else 0
    if shared.as_json:
        from prodigy_team.cli.objects import values_object

        output.show_json(values_object(roster=str(path), exit_code=code, findings=findings))
    else:
        shown = [each for each in findings if each.level != "ok"] if shared.quiet else findings
        output.say(finding_lines(shown))
    raise typer.Exit(code)


def finding_lines(findings: Sequence[Finding]) -> list[str]:
    """Level, subject and text in columns, the remedy below, and a sum."""
    if not findings:
        return []
    lines = []
    rows = align([(each.level, each.subject, each.text) for each in findings], indent=GAP)
    for row, each in zip(rows, findings, strict=True):
        lines.append(row)
        if each.remedy:
            lines.append(f"{GAP}{' ' * 9}-> {each.remedy}")
    wrong = sum(each.level == "error" for each in findings)
    doubtful = sum(each.level == "warning" for each in findings)
    return [*lines, f"{plural(wrong, 'error')}, {plural(doubtful, 'warning')}."]
