"""Warnings that many requests could cause, written once a minute for each cause."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

PAUSE = 60.0
MOST = 1000
"""Causes remembered at once; beyond that, all but the newest are warned of again."""


class Seldom:
    """A logger that says the same at most once a minute."""

    def __init__(self, log: logging.Logger, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._log, self._clock = log, clock
        self._said: dict[str, float] = {}

    def warn(self, cause: str, text: str, *arguments: object) -> None:
        """Log a warning, unless one of the same cause was written less than a minute ago."""
        now = self._clock()
        if now - self._said.get(cause, -PAUSE) < PAUSE:
            return
        if len(self._said) >= MOST:
            self._said.clear()
        self._said[cause] = now
        self._log.warning(text, *arguments)
