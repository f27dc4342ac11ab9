"""The access log: who asked for what, without queries, cookies and bodies."""

from __future__ import annotations

import asyncio
import logging
import re

log = logging.getLogger(__name__)

PAUSE = 1.0
"""Seconds between two writes; a line for each request by itself would cost more than the request's way in."""
LONGEST = 200
_SECRET = re.compile(r"(/invitation/)[^/]+")


class Journal:
    """Gathers a line for each request, and writes them once a second."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._timer: asyncio.TimerHandle | None = None

    def note(self, address: str, name: str, method: str, path: str, status: int, seconds: float) -> None:
        """Note one request.

        Args:
            name: Whose it is, or "".
            path: Without its query; of an invitation the token is left out.
            seconds: Until the answer was sent.
        """
        if "/invitation/" in path:
            path = _SECRET.sub(r"\1…", path)
        if len(path) > LONGEST or not path.isprintable():
            path = ascii(path[:LONGEST])[1:-1]
        self._lines.append(f"{address} {name or '-'} {method} {path} {status} {seconds * 1000:.1f} ms")
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PAUSE, self.write)

    def write(self) -> None:
        """Write what has gathered."""
        lines, self._lines = self._lines, []
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if lines:
            log.info("\n".join(lines))
