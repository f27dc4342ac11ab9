"""`service`: what keeps the servers running without a person."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from prodigy_team.cli import output
from prodigy_team.cli.options import Quiet, RosterPath, Shared

EXAMPLES = (
    "(crontab -l; prodigy-team service cron) | crontab -",
    "prodigy-team service systemd | sudo tee /etc/systemd/system/prodigy-team.service",
)


class Kind(str, Enum):
    """Who calls us."""

    cron = "cron"
    systemd = "systemd"


def command(
    context: typer.Context,
    kind: Annotated[Kind, typer.Argument(metavar="cron|systemd", help="For whom.")],
    roster: RosterPath = None,
    quiet: Quiet = False,
) -> None:
    """Print a crontab line or a systemd unit for this roster.

    Nothing is installed: the text goes to stdout, with absolute paths. cron brings back what died each minute;
    systemd keeps `watch` running from boot on.
    """
    shared = Shared.of(context, roster, quiet)
    path = shared.existing()
    if kind is Kind.cron:
        from prodigy_team.servers.service import cron_line

        output.say([cron_line(executable(), path)])
        words = shlex.join(["prodigy-team", "-f", str(path), "service", "cron"])
        hint = f"Put it into your crontab: (crontab -l; {words}) | crontab -"
    else:
        output.say([unit(path).rstrip("\n")])
        hint = "Put it into /etc/systemd/system/prodigy-team.service, then: systemctl enable --now prodigy-team"
    if not shared.quiet:
        output.tell([hint])


def unit(path: Path) -> str:
    """The systemd unit for this roster and the user who asks."""
    from prodigy_team.roster import load_roster
    from prodigy_team.servers.service import systemd_unit

    team = load_roster(path, os.environ).name
    return systemd_unit(
        executable(),
        path,
        user=user_name(),
        team=team,
        path=os.environ.get("PATH", os.defpath),
        prodigy_home=os.environ.get("PRODIGY_HOME", ""),
    )


def user_name() -> str:
    """Who asks; the number where it has no name, as in containers, which systemd takes as well."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def executable() -> Path:
    """The absolute path of the command `prodigy-team`: the one called, else the one beside this Python."""
    called = Path(sys.argv[0])
    if called.name == "prodigy-team" and (found := shutil.which(str(called))):
        return Path(found).absolute()
    return Path(sys.executable).absolute().parent / "prodigy-team"
