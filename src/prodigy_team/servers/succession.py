"""A gateway's successor: started beside it, handed its socket and its lock, and from then on the one on record.

The one that runs serves until the other does, and whatever fails before that, it simply goes on.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from prodigy_team.presence import exists
from prodigy_team.servers import alive
from prodigy_team.servers.launches import alive_path, record_of, write_launch
from prodigy_team.servers.lockfile import GATEWAY, ServerRecord, guard, read_lockfile, write_lockfile
from prodigy_team.servers.logs import rotate
from prodigy_team.servers.processes import Mark, identity_of
from prodigy_team.servers.runners.base import Launch
from prodigy_team.servers.runners.local import execute, leave
from prodigy_team.servers.statefolder import log_path

if TYPE_CHECKING:
    from prodigy_team.servers.engines import ServerPlan

SUCCESSOR_VARIABLE = "PRODIGY_TEAM_SUCCEEDS"
"""Set for a gateway that is to take over from the one that runs."""
NOBODY_THERE = 75
"""The exit code of a successor to which nobody handed anything. Source: EX_TEMPFAIL of sysexits(3)."""


@dataclass(frozen=True)
class Succession:
    """What came of it.

    Attributes:
        record: Of the successor; None where it did not take over.
        possible: False where nobody was there to hand anything over, so that only an ordinary start helps.
        exit_code: The successor's, where it ended; None where it was ended for taking too long.
        log_offset: How long the log was before it was started.
    """

    record: ServerRecord | None
    seconds: float
    possible: bool = True
    exit_code: int | None = None
    log_offset: int = 0


def can_succeed(plan: ServerPlan, record: ServerRecord | None) -> bool:
    """Whether a server can hand over to this plan of it: a gateway that stays at its address."""
    at_work = record is not None and record.pid is not None and record.ready and not record.stopping
    return (
        at_work and plan.name == GATEWAY and record is not None and (plan.host, plan.port) == (record.host, record.port)
    )


def succeed(
    plan: ServerPlan,
    lockfile: Path,
    state: Path,
    environ: Mapping[str, str],
    *,
    team: str,
    timeout: float,
    pause: Callable[[float], object],
) -> Succession:
    """Start the successor of the gateway that runs, wait until it has taken over, and write that down.

    Args:
        timeout: Seconds until it must serve; after that it is ended, and the old one goes on.
    """
    log = log_path(state, plan.name)
    rotate(log)
    offset, began = log.stat().st_size if exists(log) else 0, time.monotonic()
    path = alive_path(state, plan.name)
    before = alive.read(path).get("pid")
    nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)  # it gets the lock from the one that has it
    launch = Launch(plan, Mark(team, plan.name, state), None, nothing, log, {SUCCESSOR_VARIABLE: "1"})
    try:
        process = execute(launch, environ)
    finally:
        launch.close()
    while process.poll() is None and time.monotonic() - began < timeout:
        if alive.read(path).get("pid") == process.pid:
            record = _write_down(plan, lockfile, state, process.pid, offset, team=team)
            leave(process)
            return Succession(record, time.monotonic() - began)
        pause(0.02)
    code = process.poll()
    process.kill()
    process.wait()
    seconds = time.monotonic() - began
    if code == 0 and alive.read(path).get("pid") not in (before, process.pid):
        # It has taken over and handed over in its turn, to the successor that another command has written down.
        return Succession(read_lockfile(lockfile, team=team).servers.get(plan.name), seconds)
    return Succession(None, seconds, possible=code != NOBODY_THERE, exit_code=code, log_offset=offset)


def _write_down(
    plan: ServerPlan, lockfile: Path, state: Path, pid: int, log_offset: int, *, team: str
) -> ServerRecord | None:
    identity = identity_of(pid)
    if identity is None:
        return None
    with guard(lockfile):
        book = read_lockfile(lockfile, team=team)
        record = record_of(plan, state, book.servers.get(plan.name))
        record = replace(record, pid=pid, started_at=identity.started_at, pgid=pid, ready=True)
        record = replace(record, log_offset=log_offset, exit_code=None, problem="", reported="")
        write_launch(state, plan)
        write_lockfile(lockfile, book.with_records(record))
    return record
