"""A gateway gives its socket and its lock to one successor after the other, never to two at once."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

from prodigy_team.gateway.handover import Heirs, Inheritance, inherit


def test_a_second_successor_waits_for_what_becomes_of_the_first(tmp_path: Path) -> None:
    handed: list[str] = []

    async def both() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener, (tmp_path / "lock").open("wb") as lock:
            Heirs(tmp_path, listener, lock.fileno(), lambda: handed.append("over"))
            first = await asyncio.to_thread(inherit, tmp_path)
            asked = asyncio.ensure_future(asyncio.to_thread(inherit, tmp_path))
            done, _ = await asyncio.wait({asked}, timeout=0.4)
            assert not done, "both would serve"
            assert first is not None
            first.channel.close()  # it ended before it served
            second = await asyncio.wait_for(asked, 60)
            assert second is not None
            assert second.listener.getsockname() == listener.getsockname()
            assert os.path.samestat(os.fstat(second.alive), os.fstat(lock.fileno()))
            second.take_over()
            while not handed:
                await asyncio.wait_for(asyncio.to_thread(lambda: None), 60)
            for each in (first, second):
                drop(each)

    asyncio.run(asyncio.wait_for(both(), 120))
    assert handed == ["over"]


def drop(inheritance: Inheritance) -> None:
    """Close what was inherited."""
    inheritance.listener.close()
    os.close(inheritance.alive)
