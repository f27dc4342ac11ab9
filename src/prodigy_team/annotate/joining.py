"""uvicorn's protocol with fewer system calls: they, not the application, are most of what a request costs here."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

READ_AT_ONCE = 64 * 1024
"""Bytes. asyncio reads into 256 KiB, which the C library maps, shrinks and unmaps anew for each request: a quarter of
the server's time. It takes up to 128 KiB from memory it has."""


class JoiningProtocol(HttpToolsProtocol):
    """uvicorn's protocol on httptools, on a transport that sends a response's head and body in one write."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a new connection."""
        if hasattr(transport, "max_size"):  # asyncio's own; uvloop reads otherwise, and has none
            transport.max_size = READ_AT_ONCE
        super().connection_made(cast(asyncio.Transport, _Joining(transport, self.loop)))


class _Joining:
    """A transport that holds a first write back until the second, or until the loop comes round.

    Whatever else is asked of it is the transport's own.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._held = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send with what is held, or hold."""
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held + data)
        elif data:
            self._held = data
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        """Send what is held, then close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)
