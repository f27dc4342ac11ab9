"""`init`: write a commented roster."""
from __future__ import annotations

import typer

from prodigy_team.cli.options import Quiet, RosterPath, Shared

EXAMPLES = ("prodigy-team init",)


def command(context: typer.Context, roster: RosterPath = None, quiet: Quiet = False) -> None:
    """Write a commented roster."""
    Shared.of(context, roster, quiet)
