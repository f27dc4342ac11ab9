"""How far the team is, counted by another process now and then, and how its servers stand; both kept for a while."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from prodigy_team.errors import TeamError
from prodigy_team.servers.status import ServerStatus
from prodigy_team.servers.supervisor import Supervisor

log = logging.getLogger(__name__)

FRESH = 5.0
"""Seconds for which figures are shown again before they are counted anew."""
_SHARE = 5  # of all time, one part in so many goes into counting at most
_LONGEST = 600.0  # seconds that a count may take
_COUNTER = "prodigy_team.cli.board"

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """A value that takes time to find: found once for all who ask meanwhile, and kept for a while."""

    def __init__(self, find: Callable[[], Any], *, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin.

        Args:
            find: A coroutine function; a TeamError it raises leaves the old value.
        """
        self._find, self._clock = find, clock
        self._task: asyncio.Task[None] | None = None
        self._again = -1.0
        self.value: Value | None = None
        self.problem = ""

    async def get(self, *, wait: float) -> Value | None:
        """The value: a fresh one if it comes within so many seconds, else the last one; None before the first."""
        if self._task is None and (self._again < 0 or self._clock() >= self._again):
            self._task = asyncio.ensure_future(self._renew())
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=wait)
        return self.value

    def forget(self) -> None:
        """Something has changed: the next who asks gets it anew."""
        self._again = -1.0

    def close(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()

    async def _renew(self) -> None:
        began, self._again = self._clock(), float("inf")
        try:
            self.value, self.problem = await self._find(), ""
        except TeamError as error:
            self.problem = str(error)
        except Exception:  # the edge of what a page shows: it has the last figures, the log the rest
            log.exception("Figures for the dashboard could not be found")
            self.problem = "The figures could not be counted; the gateway's log says why."
        finally:
            self._task = None
            now = self._clock()
            if self._again == float("inf"):  # unless it was to be forgotten meanwhile
                self._again = now + max(FRESH, _SHARE * (now - began))


@dataclass(frozen=True)
class Look:
    """What there is to show.

    Attributes:
        servers: As `status` has them, without the gateway itself.
        figures: What the counting process printed; None before its first count.
        problem: Why there is nothing newer, or "".
    """

    servers: tuple[ServerStatus, ...] = ()
    figures: Mapping[str, Any] | None = None
    problem: str = ""


class Figures:
    """The figures of one roster."""

    def __init__(self, supervisor: Supervisor) -> None:
        """Begin; nothing is counted before somebody asks."""
        self._supervisor = supervisor
        self.counts: Kept[Mapping[str, Any]] = Kept(lambda: count(supervisor.path, supervisor.environ))
        self.servers: Kept[tuple[ServerStatus, ...]] = Kept(self._status)

    async def look(self, *, wait: float) -> Look:
        """All there is to show; waits so many seconds for what is being found."""
        servers, figures = await asyncio.gather(self.servers.get(wait=wait), self.counts.get(wait=wait))
        return Look(servers or (), figures, self.servers.problem or self.counts.problem)

    def close(self) -> None:
        """Look no more."""
        self.counts.close()
        self.servers.close()

    async def _status(self) -> tuple[ServerStatus, ...]:
        report = await asyncio.to_thread(self._supervisor.status)
        return tuple(each for each in report.servers if each.name != "gateway")


async def count(roster: Path, environ: Mapping[str, str]) -> Mapping[str, Any]:
    """Have another process count.

    Raises:
        TeamError: It could not.
    """
    env = {**environ, **{key: os.environ[key] for key in ("PYTHONPATH",) if key in os.environ}}
    command = (sys.executable, "-m", _COUNTER, str(roster))
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    process = subprocess.Popen(command, env=env, stdin=nothing, stdout=pipe, stderr=pipe)  # some 2 ms
    try:
        printed, said = await asyncio.to_thread(process.communicate, timeout=_LONGEST)
    except BaseException:
        process.kill()  # the thread that waits for it ends with it
        raise
    if process.returncode:
        raise TeamError(said.decode(errors="replace").strip()[-500:] or "The answers could not be counted.")
    found: Mapping[str, Any] = json.loads(printed)
    return found
