"""`exec`: run a command with this roster's Python, database and settings."""

from __future__ import annotations

import os
import shutil
import sys

import typer

from prodigy_team.cli.options import Quiet, RosterPath, Shared
from prodigy_team.errors import UsageError

EXAMPLES = (
    "prodigy-team exec prodigy stats",
    "prodigy-team exec prodigy train out --ner headlines_gold",
    "prodigy-team exec python count.py",
)
CONTEXT = {"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}


def command(context: typer.Context, roster: RosterPath = None, quiet: Quiet = False) -> None:
    """Run a command with this roster's Python, database and settings.

    So `prodigy train`, `stats` or `db-out` see the data that the servers write. It runs in the folder you are in, in
    place of this program, and its exit code is the exit code. Options after the command's name are its own.
    """
    shared = Shared.of(context, roster, quiet)
    words = context.args[1:] if context.args[:1] == ["--"] else context.args
    if not words:
        raise UsageError("Nothing to run.", remedy="For example: prodigy-team exec prodigy stats")
    path = shared.existing()
    from prodigy_team.roster import load_roster
    from prodigy_team.servers.tools import tool_environment

    replace_with(words, tool_environment(load_roster(path, os.environ), os.environ))


def replace_with(words: list[str], environment: dict[str, str]) -> None:
    """Become that command; it has this process, its terminal and its exit code."""
    program = shutil.which(words[0], path=environment["PATH"])
    if program is None:
        raise UsageError(
            f"There is no program `{words[0]}` in {environment['PATH'].split(os.pathsep)[0]} or on PATH.",
            remedy="`python` in [team] names the environment whose programs are found first.",
        )
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execve(program, words, environment)
    except OSError as error:
        raise UsageError(
            f"{program} cannot be run: {error.strerror}.", remedy="A script needs a first line such as #!/bin/sh."
        ) from None
