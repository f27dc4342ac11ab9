"""`watch`: stay in the foreground and bring back what dies."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from prodigy_team.cli import output
from prodigy_team.cli.options import Quiet, RosterPath, Shared

EXAMPLES = ("prodigy-team watch", "prodigy-team watch --stop-servers")


def command(
    context: typer.Context,
    stop_servers: Annotated[
        bool, typer.Option("--stop-servers", help="Stop the servers as well when this command is ended.")
    ] = False,
    roster: RosterPath = None,
    quiet: Quiet = False,
) -> None:
    """Stay in the foreground and bring back what dies.

    Looks at every server each 2 seconds, restarts what died, and gives up after 5 failures in 10 minutes.
    Ctrl+C or TERM ends it; the servers go on unless --stop-servers is given.
    """
    shared = Shared.of(context, roster, quiet)
    path = shared.existing()
    from prodigy_team.servers.watch import watch

    code = watch(path, os.environ, stop_servers=stop_servers, say=silent if shared.quiet else say)
    raise typer.Exit(code)


def say(line: str) -> None:
    """Print what happened, at once: a log reads this; where its disk is full, servers are brought back all the same."""
    try:
        print(output.typeable(line), flush=True)
    except BrokenPipeError:
        raise
    except OSError:
        pass


def silent(line: str) -> None:
    """Print nothing."""
