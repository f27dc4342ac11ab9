"""A server while it runs: uvicorn on a socket, an end by signal that finishes open requests, and a log kept short."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from pathlib import Path
from typing import Any

import uvicorn

from prodigy_team.annotate.protocol import ShortWayProtocol
from prodigy_team.annotate.web import App
from prodigy_team.servers.serving import Ending, event_loop_of, keep_short

GRACE = 3
"""Seconds that open requests get to finish once the server is told to end."""


def run_until_ended(
    application: App, listener: socket.socket, *, address: str, log_file: Path | None, ending: Ending
) -> None:
    """Serve an application on a bound socket until SIGINT or SIGTERM, and let open requests finish for a while.

    Args:
        address: How people reach it; printed once requests are taken.
        log_file: Where this process's output goes, to be kept short; None where it goes elsewhere.
    """
    config = uvicorn.Config(
        application,
        loop="auto",
        http=ShortWayProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=75,
    )
    server = _Uvicorn(config, address)
    ending.asked_of = server
    loop_task = _serve_and_rotate(server, listener, log_file)
    with contextlib.suppress(KeyboardInterrupt):
        _loop_run(config, loop_task)


def _loop_run(config: uvicorn.Config, main: Any) -> None:
    loop = event_loop_of(config)
    try:
        loop.run_until_complete(main)
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _serve_and_rotate(server: uvicorn.Server, listener: socket.socket, log_file: Path | None) -> None:
    rotation = asyncio.ensure_future(_rotate_log(log_file))
    try:
        await server.serve(sockets=[listener])
    finally:
        rotation.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await rotation


async def _rotate_log(path: Path | None) -> None:
    """Keep this server's own log short, if its output goes there."""
    if path is None or not _writes_to(path):
        return
    await keep_short(path)


def _writes_to(path: Path) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(2))
    except OSError:
        return False


class _Uvicorn(uvicorn.Server):
    """uvicorn that says where it runs on a socket it was given too; people and programs wait for that line."""

    def __init__(self, config: uvicorn.Config, address: str) -> None:
        super().__init__(config)
        self._address = address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        logging.getLogger("uvicorn.error").info("Uvicorn running on %s (Press CTRL+C to quit)", self._address)
