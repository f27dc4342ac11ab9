"""Servers that visitors wait for, and what is told of those that do not come up."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence

import pytest

from prodigy_team.errors import TeamError
from prodigy_team.gateway.starts import Starts, Tell
from prodigy_team.servers.report import Entry


def test_how_long_ago_a_start_failed_is_told_and_not_when_it_began() -> None:
    """One that took a minute to fail would else be tried again at each look of a page."""
    goes_on = threading.Event()

    def wake(names: Sequence[str], tell: Tell) -> list[Entry]:  # noqa: ARG001
        assert goes_on.wait(200)
        return [Entry(name, "start", "failed", problem="No such model.") for name in names]

    async def until_it_failed() -> tuple[float, float]:
        starts = Starts(wake, at_once=1)
        coming = asyncio.ensure_future(starts.come_up("joe"))
        await asyncio.wait({coming}, timeout=0.5)
        released = time.monotonic()
        goes_on.set()
        with pytest.raises(TeamError, match="No such model"):
            await coming
        waking = starts.waking("joe")
        starts.close()
        assert waking is not None
        assert waking.problem
        return waking.seconds, time.monotonic() - released

    told, since_it_could_fail = asyncio.run(until_it_failed())
    assert told <= since_it_could_fail
