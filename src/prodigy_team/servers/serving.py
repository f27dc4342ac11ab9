"""What annotators' servers and the gateway share while they run: event loop, end by signal, a log kept short."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from prodigy_team.servers import logs

LOG_CHECK = 60.0
"""Seconds between two looks at the size of the process's own log."""


class Endable(Protocol):
    """A uvicorn server."""

    should_exit: bool


class Ending:
    """SIGINT and SIGTERM: before the server serves they end the process, afterwards uvicorn sees to it.

    uvicorn raises the signal again once it has closed; that must not cut off what is closed after it.
    """

    def __init__(self) -> None:
        self.asked_of: Endable | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Handle a signal."""
        if self.asked_of is None:
            raise SystemExit(128 + number)
        self.asked_of.should_exit = True


@contextlib.contextmanager
def ended_by_signals() -> Iterator[Ending]:
    """While this lasts, SIGINT and SIGTERM end the process in order."""
    ending = Ending()
    before = {number: signal.signal(number, ending) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield ending
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def event_loop_of(config: Any) -> asyncio.AbstractEventLoop:
    """The event loop that uvicorn would choose by its ``Config``; its releases have different names for that."""
    factory = config.get_loop_factory() if hasattr(config, "get_loop_factory") else None
    loop: asyncio.AbstractEventLoop = factory() if factory else asyncio.new_event_loop()
    return loop


async def keep_short(log: Path) -> None:
    """Rotate a log whenever it is long, until this is cancelled."""
    while True:
        await asyncio.sleep(LOG_CHECK)
        logs.rotate(log)
