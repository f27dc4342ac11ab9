"""A loader for Prodigy, for who starts it by hand: ``prodigy RECIPE DATASET … team.toml#joe --loader prodigy-team``."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from prodigy_team import settings
from prodigy_team.errors import UsageError
from prodigy_team.feeding.feeder import LONGEST_WAIT, PATIENCE
from prodigy_team.feeding.leasing import Leases, Nothing, Order
from prodigy_team.roster import Server, load_roster, taken_apart
from prodigy_team.servers.engines import PRODIGY
from prodigy_team.servers.pools import by_and_label

_decode = msgspec.json.Decoder(dict[str, Any]).decode


def load(source: str) -> Iterator[dict[str, Any]]:
    """The tasks of a server of a roster, each leased to its annotator when it is asked for.

    Args:
        source: ``ROSTER#SERVER``, such as ``team.toml#joe``. `prodigy-team up` has written the rules before.

    Raises:
        TeamError: Roster, rules, source, ledger or answers cannot be read.
    """
    leases = Leases(order_of(source, os.environ, Path.cwd()))
    with ThreadPoolExecutor(1, thread_name_prefix="tasks") as alone:  # Prodigy asks from one thread or another
        try:
            while (line := alone.submit(_next_line, leases).result()) is not None:
                yield _decode(line)
        finally:
            alone.submit(leases.close).result()


def order_of(source: str, environ: Mapping[str, str], directory: Path) -> Order:
    """What is to be fed to a server that somebody starts by hand.

    Args:
        environ: Settings are read as a Prodigy with this environment reads them.

    Raises:
        UsageError: There is no such server in the roster, or it is not one annotator's.
    """
    path, _, name = source.rpartition("#")
    if not path:
        raise UsageError(f"{source} names no server of a roster.", remedy="Write it as team.toml#joe.")
    roster = taken_apart(load_roster((directory / path).absolute(), environ), PRODIGY)
    server = next((each for each in roster.servers if name == each.name or (name,) == each.annotators), None)
    if server is None or server.source is None or len(server.annotators) != 1 or roster.routing is None:
        raise UsageError(
            f"{path} deals out no tasks to a server {name} of one annotator.",
            remedy="Name one of its annotators, and see that it has [routing] and a source.",
        )
    return _order(roster.state, server, settings.read_settings(environ, directory), environ)


def _order(state: Path, server: Server, found: Mapping[str, Any], environ: Mapping[str, str]) -> Order:
    by, label = by_and_label(server, str(found.get("exclude_by", "task")))
    source, database = server.source or "", settings.find_database(found, environ)
    return Order(server.name, state, server.recipe, source, by, label, database)


def _next_line(leases: Leases) -> bytes | None:
    """The next task; others are given the same time as by the feeder to let go of what they hold."""
    deadline = time.monotonic() + LONGEST_WAIT
    while (found := leases.next_line()) is Nothing.WAIT and time.monotonic() < deadline:
        time.sleep(PATIENCE)
    return found if isinstance(found, bytes) else None
