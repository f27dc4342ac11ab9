"""`backup`: answers, ledger, accounts, roster and settings of one moment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from prodigy_team.cli import output
from prodigy_team.cli.options import AsJson, Quiet, RosterPath, Shared
from prodigy_team.cli.render import plural, size

if TYPE_CHECKING:
    from prodigy_team.servers.backups import BackupReport

EXAMPLES = ("prodigy-team backup", "prodigy-team backup --keep 30 --quiet   # in a crontab: 0 3 * * *")


def command(
    context: typer.Context,
    keep: Annotated[int, typer.Option(min=1, metavar="N", help="How many stay; the oldest go.")] = 14,
    roster: RosterPath = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Copy answers, ledger, roster and settings while people annotate.

    Nobody waits for it. Each is a folder in the state folder's `backups`, whole or not there; only you can read it.
    """
    shared = Shared.of(context, roster, quiet, as_json)
    path = shared.existing()
    from prodigy_team.cli.answers import read_roster
    from prodigy_team.servers.backups import make_backup

    report = make_backup(read_roster(path), os.environ, keep=keep)
    if shared.as_json:
        from prodigy_team.cli.objects import values_object

        backup = report.backup
        output.show_json(
            values_object(
                team=backup.team,
                path=str(backup.path),
                created=backup.created,
                answers=backup.answers,
                bytes=backup.size,
                datasets=dict(backup.datasets),
                removed=[str(each) for each in report.removed],
            )
        )
    elif not shared.quiet:
        output.say(backup_lines(report))


def backup_lines(report: BackupReport) -> list[str]:
    """What was copied where, and what made room for it."""
    backup = report.backup
    removed = f"; removed {plural(len(report.removed), 'old one')}" if report.removed else ""
    count = f"{plural(backup.answers, 'answer')} in {plural(len(backup.datasets), 'dataset')}"
    return [
        f"backed up {count}, {size(backup.size)}: {backup.path}{removed}",
        f"Look into it: prodigy-team restore {backup.path.name} --check",
    ]
