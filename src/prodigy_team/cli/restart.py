"""`restart`: stop servers and start them again as the roster has them now."""

from __future__ import annotations

from typing import Annotated

import typer

from prodigy_team.cli import output
from prodigy_team.cli.options import AsJson, Names, Quiet, RosterPath, Shared, parse_duration

EXAMPLES = ("prodigy-team restart joe", "prodigy-team restart --when-idle 10m", "prodigy-team restart --dry-run")


def command(
    context: typer.Context,
    names: Names = None,
    when_idle: Annotated[
        str | None, typer.Option(help="Wait until nobody answered for so long, as 30s, 10m or 2h.", metavar="TIME")
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0.0, help="Seconds to wait for a server to answer.", metavar="SECONDS")
    ] = 60.0,
    force: Annotated[bool, typer.Option("--force", help="Restart although somebody answered a moment ago.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and do nothing.")] = False,
    roster: RosterPath = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Stop servers and start them again.

    They come back as the roster has them now. With --when-idle each waits until its annotator pauses.
    """
    shared = Shared.of(context, roster, quiet, as_json)
    path = shared.existing()
    idle = None if when_idle is None else parse_duration(when_idle)
    from prodigy_team.cli.daily import show
    from prodigy_team.cli.display import show_progress
    from prodigy_team.servers.supervisor import Supervisor

    supervisor = Supervisor.for_roster(path)
    with show_progress(silent=shared.quiet or shared.as_json or dry_run or output.on_terminal()) as progress:
        report = supervisor.restart(
            tuple(names or ()),
            when_idle=idle,
            timeout=timeout,
            force=force,
            confirm=output.confirmer(),
            dry_run=dry_run,
            on_event=progress,
        )
    show(report, shared)
    raise typer.Exit(report.exit_code)
