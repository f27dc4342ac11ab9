"""Servers that visitors wait for: started in order of arrival, several from one launcher, a bounded number at once."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from prodigy_team.errors import TeamError
from prodigy_team.gateway.values import Waking
from prodigy_team.servers.report import Entry, Event

log = logging.getLogger(__name__)

PATIENCE = 10.0
"""Seconds for which a failed start is told again in place of another: a page asks each second."""

Tell = Callable[[Event], None]
WakeMany = Callable[[Sequence[str], Tell], Sequence[Entry]]


@dataclass(eq=False)
class Start:
    """One server on its way up; times are of the monotonic clock.

    Attributes:
        done: Set once it answers; holds a TeamError where it does not come up.
        begun: It is being started, and does not wait in line any more.
        ended: When it failed.
    """

    server: str
    done: asyncio.Future[None]
    asked: float = field(default_factory=time.monotonic)
    begun: bool = False
    ended: float | None = None
    problem: str = ""


class Starts:
    """Everything that is being started for visitors, and what failed of late.

    Args:
        wake: Starts servers and waits for them, in a thread of its own; tells of each as soon as it was launched,
            answers or failed.
        at_once: How many may be starting at the same time. Those that ask while others are being launched wait for
            that, and are then launched together, which costs hardly more than one.
    """

    def __init__(self, wake: WakeMany, *, at_once: int) -> None:
        self._wake, self._at_once = wake, at_once
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="start")
        self._line: deque[Start] = deque()
        self._known: dict[str, Start] = {}
        self._starting = 0
        self._launching: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def come_up(self, server: str) -> None:
        """Return once the server answers; whoever asks meanwhile waits for the same start.

        Raises:
            TeamError: It does not come up, or did not a moment ago.
        """
        start = self._known.get(server)
        if start is None or (start.ended is not None and time.monotonic() - start.ended > PATIENCE):
            start = self._known[server] = Start(server, asyncio.get_running_loop().create_future())
            self._line.append(start)
            self._go_on()
        await asyncio.shield(start.done)

    def waking(self, server: str) -> Waking | None:
        """How far a start is; None where none is under way and the last one did not fail."""
        start = self._known.get(server)
        if start is None:
            return None
        ahead = 0 if start.begun else self._starting + self._line.index(start)
        return Waking(ahead, time.monotonic() - (start.ended or start.asked), start.problem)

    def forget(self, server: str) -> None:
        """The last failure counts no more: a person wants it started."""
        start = self._known.get(server)
        if start is not None and start.ended is not None:
            del self._known[server]

    def close(self) -> None:
        """Start nothing more; what is being started comes up without this process."""
        self._line.clear()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _go_on(self) -> None:
        """Launch what waits, unless others are just being launched, or as many as may are on their way."""
        room = self._at_once - self._starting
        if self._launching or room <= 0 or not self._line:
            return
        batch = [self._line.popleft() for _ in range(min(room, len(self._line)))]
        for start in batch:
            start.begun = True
        self._starting += len(batch)
        self._launching = {start.server for start in batch}
        task = asyncio.ensure_future(self._carry_out(batch))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, batch: Sequence[Start]) -> None:
        loop, names = asyncio.get_running_loop(), [start.server for start in batch]
        by_name = {start.server: start for start in batch}

        def tell(event: Event) -> None:
            with contextlib.suppress(RuntimeError):  # the gateway ended meanwhile
                loop.call_soon_threadsafe(self._hear, by_name, event)

        try:
            for entry in await loop.run_in_executor(self._threads, self._wake, names, tell):
                if entry.problem:
                    self._fail(by_name[entry.name], TeamError(entry.problem, remedy=entry.remedy))
        except TeamError as error:
            for start in batch:
                self._fail(start, error)
        except Exception:  # the edge of what visitors ask for: they are told that much, and the log the rest
            log.exception("%s could not be started", ", ".join(names))
            for start in batch:
                self._fail(start, TeamError("It could not be started.", remedy="prodigy-team logs gateway says why."))
        finally:
            for start in batch:
                self._succeed(start)
            self._launching -= set(names)
            self._go_on()

    def _hear(self, batch: dict[str, Start], event: Event) -> None:
        """Something happened to a server of this batch."""
        if event.name in batch and event.state == "ready":
            self._succeed(batch[event.name])
        self._launching.discard(event.name)
        self._go_on()

    def _succeed(self, start: Start) -> None:
        if not start.done.done():
            start.done.set_result(None)
            self._known.pop(start.server, None)
            self._starting -= 1

    def _fail(self, start: Start, error: TeamError) -> None:
        if not start.done.done():
            start.done.set_exception(error)
            start.done.exception()  # it is told, whether or not somebody still waits
            start.ended, start.problem = time.monotonic(), str(error)
            self._starting -= 1
