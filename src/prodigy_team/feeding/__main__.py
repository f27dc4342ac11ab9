"""``python -m prodigy_team.feeding --source … --by … -- PYTHON -m prodigy RECIPE DATASET … - …``: a fed Prodigy."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import prodigy_team
from prodigy_team import settings
from prodigy_team.annotate.context import ServerContext, read_context
from prodigy_team.errors import TeamError, UsageError
from prodigy_team.feeding.feeder import Feeder, Told
from prodigy_team.feeding.leasing import Leases, Order
from prodigy_team.servers import alive

_PASSING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run a command with a stream at its standard input; `up` writes this command line.

    Returns:
        The command's exit code, or the negative number of the signal that ended it.
    """
    given = _parser().parse_args(argv)
    _set_up_logging(environ)
    try:
        context = read_context(environ)
        if context is None:
            raise UsageError("PRODIGY_TEAM_SERVER does not say which server this is.", remedy="Run: prodigy-team up")
        order = Order(
            context.name,
            context.state,
            given.recipe,
            given.source,
            given.by,
            given.label,
            settings.find_database(settings.read_settings(environ, Path.cwd()), environ),
        )
        feeder = Feeder(Leases(order), given.command, _for_prodigy(environ), tell=lambda told: _tell(context, told))
        return feeder.run()
    except TeamError as error:
        print(*filter(None, (error.message, error.remedy)), sep="\n", file=sys.stderr)
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m prodigy_team.feeding", description=main.__doc__)
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--source", required=True, help="a path, dataset:NAME or sample:NAME")
    parser.add_argument("--by", required=True, choices=("task", "input"), help="what tells tasks apart")
    parser.add_argument("--label", help="the only label of textcat.manual")
    parser.add_argument("command", nargs="+", help="what reads the tasks, after --")
    return parser


def _set_up_logging(environ: Mapping[str, str]) -> None:
    level = logging.INFO if environ.get("PRODIGY_LOGGING") else logging.WARNING
    logging.basicConfig(stream=sys.stderr, level=level, format="%(asctime)s: %(message)s", datefmt="%H:%M:%S")


def _tell(context: ServerContext, told: Told) -> None:
    ended = None if told.ended is None else {"at": told.ended, "fed": told.fed}
    alive.update(context.alive, tasks=told.tasks, ended=ended)
    if ended is not None:
        now = time.strftime("%H:%M:%S")
        print(f"{now}: FEED: the stream has ended after {told.fed} tasks", file=sys.stderr, flush=True)


def _for_prodigy(environ: Mapping[str, str]) -> dict[str, str]:
    """Where this package is found by PYTHONPATH, Prodigy need not know."""
    own = str(Path(prodigy_team.__file__).parents[1])
    return {name: value for name, value in environ.items() if (name, value) != ("PYTHONPATH", own)}


def _end_like(code: int) -> int:
    """End by the signal that ended the command, so that whoever waits for this process learns of it."""
    if code >= 0:
        return code
    if -code in _PASSING:
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
    return 128 - code


if __name__ == "__main__":
    sys.exit(_end_like(main(sys.argv[1:], os.environ)))
