"""The gateway's side towards the servers: connections that are kept, one request at a time on each.

Written on httptools since aiohttp's client alone takes three times the processor time that this does, and more than
the bounds that the gateway keeps to (`tests/benchmarks/gateway.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import httptools

from prodigy_team.gateway.limits import Limits

Address = tuple[str, int]
Headers = list[tuple[bytes, bytes]]

LARGEST_HEAD = 64 * 1024
"""Bytes of a server's header lines."""
WHOLE = 64 * 1024
"""Bytes of an announced reply that is waited for whole, which saves sending it on in two parts."""
HELD_BACK = 256 * 1024
"""Bytes of a reply that lie here at most while a client reads slowly."""
KEPT_SECONDS = 4.0
"""How long an unused connection is kept: Prodigy closes it after 5, and a request must not meet that."""
READ_AT_ONCE = 64 * 1024
"""Bytes; asyncio's own 256 KiB are mapped anew by the C library for each read."""


class UpstreamError(Exception):
    """A server did not answer as it should; nothing of its answer has been passed on."""


class UnreachableError(UpstreamError):
    """Nobody takes connections at the server's address."""


class BrokenError(UpstreamError):
    """The connection ended, or what came is not HTTP.

    Attributes:
        untouched: Nothing at all came, on a connection used before: the server may have closed it meanwhile. Not where
            it was closed from here, as for a client that has gone.
    """

    def __init__(self, reason: str, *, untouched: bool = False) -> None:
        super().__init__(reason)
        self.untouched = untouched


class LateError(UpstreamError):
    """The server took longer than it may."""


class Connection(asyncio.Protocol):
    """One connection to a server, and the answer to the request that is under way on it.

    Attributes:
        status: Of the answer, once ``head`` has returned.
        headers: Of the answer, names in lower case.
        ended: Whether all of the answer has come.
        unfinished: Whether the request was not sent to its end, so that no other may follow it.
    """

    def __init__(self, address: Address, loop: asyncio.AbstractEventLoop) -> None:
        self.address = address
        self.status, self.headers, self.ended = 0, cast(Headers, []), True
        self.deadline = self.idle_since = 0.0
        self.used = self.unfinished = False
        self._loop = loop
        self._transport: asyncio.Transport
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._error: UpstreamError | None = None
        self._parts: list[bytes] = []
        self._size = self._head_size = 0
        self._informational = self._head_only = self._reusable = self._paused = self._touched = False
        self._has_head = self._until_end = False
        self._seconds, self._announced = 0.0, -1
        self.closed = False

    # What the proxy asks for.

    def begin(self, head: bytes, *, head_only: bool, seconds: float) -> None:
        """Send a request's head, with its body where that is small.

        Args:
            head_only: The answer has no body whatever its head says, as after HEAD.
            seconds: How long the server may let us wait at any point.
        """
        self.status, self.headers, self.ended = 0, [], False
        self._parts, self._size, self._head_size, self._announced = [], 0, 0, -1
        self._head_only, self._reusable, self._touched, self._has_head = head_only, False, False, False
        self._seconds, self.deadline = seconds, self._loop.time() + seconds
        self._transport.write(head)

    async def write(self, data: bytes) -> None:
        """Send more of a request's body, as fast as the server takes it."""
        self.deadline = self._loop.time() + self._seconds
        self._transport.write(data)
        if self._writable is not None:
            await self._writable
        if self._error is not None:
            raise self._error

    async def head(self) -> None:
        """Wait for the answer's head, and for the whole of a short answer.

        Raises:
            UpstreamError: It does not come.
        """
        while not self._is_ready() and self._error is None:
            await self._wait()
        if self._error is not None and not self._is_ready():
            raise self._error

    async def part(self) -> bytes:
        """What has come of the answer's body since the last call; waits for something, unless it has ended.

        Raises:
            UpstreamError: It breaks off.
        """
        while not self._parts and not self.ended:
            if self._error is not None:
                raise self._error
            await self._wait()
        found = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts, self._size = [], 0
        if self._paused:
            self._paused = False
            self.deadline = self._loop.time() + self._seconds
            self._transport.resume_reading()
        return found

    def is_reusable(self) -> bool:
        """Whether another request may follow on this connection."""
        return self._reusable and self.ended and not (self.closed or self.unfinished or self._error)

    def fail(self, error: UpstreamError) -> None:
        """Give up the request that is under way."""
        if self._error is None:
            self._error = error
        self._wake()
        self._let_write()
        self._transport.abort()

    def close(self) -> None:
        """Close it, whatever is under way."""
        self.closed = True
        self._transport.abort()

    def is_late(self, now: float) -> bool:
        """Whether the server has let us wait too long; it does not wait for us meanwhile."""
        return not self._paused and not self.ended and now > self.deadline

    # asyncio's protocol.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the new connection."""
        self._transport = cast(asyncio.Transport, transport)
        if hasattr(transport, "max_size"):
            transport.max_size = READ_AT_ONCE

    def data_received(self, data: bytes) -> None:
        """Take what a server sends."""
        if self.ended:  # nobody asked
            self.close()
            return
        self._touched = True
        self.deadline = self._loop.time() + self._seconds
        if not self._has_head:
            self._head_size += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self.ended:
                self.fail(BrokenError(f"its answer is not HTTP ({type(error).__name__})"))
            self._reusable = False
        if not self._has_head and self._head_size > LARGEST_HEAD:
            self.fail(BrokenError("the head of its answer is too long"))
        if self._size > HELD_BACK and not self._paused and not self.ended:
            self._paused = True
            self._transport.pause_reading()
        if self._is_ready():
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that it has ended, which may be how an answer ends."""
        by_us, self.closed = self.closed, True
        if not self.ended:
            if self._until_end and exc is None and self._error is None:
                self.ended = True
            elif self._error is None:
                untouched = self.used and not self._touched and not by_us
                self._error = BrokenError("it closed the connection", untouched=untouched)
        self._wake()
        self._let_write()

    def pause_writing(self) -> None:
        """Hold back what is written, since the server does not read."""
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        """Write on."""
        self._let_write()

    # The parser's callbacks.

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header line."""
        name = name.lower()
        if name == b"content-length":
            self._announced = int(value) if value.isdigit() else -1
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Look what kind of answer it is."""
        status = self._parser.get_status_code()
        if status < 200:
            self._informational, self.headers = True, []
            return
        self.status, self._has_head = status, True
        if self._head_only:
            self.ended = True  # the parser waits for a body now, so that the connection is of no more use
            return
        chunked = any(name == b"transfer-encoding" for name, _ in self.headers)
        self._until_end = self._announced < 0 and not chunked

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        if not self.ended:
            self._parts.append(body)
            self._size += len(body)

    def on_message_complete(self) -> None:
        """Note the end of the answer."""
        if self._informational:
            self._informational = False
        elif not self.ended:
            self.ended = True
            # Asked here and not later: afterwards the parser has forgotten it.
            self._reusable = self._parser.should_keep_alive()

    def _is_ready(self) -> bool:
        return self.ended or (self._has_head and not 0 <= self._announced <= WHOLE)

    def _wait(self) -> asyncio.Future[None]:
        self._waiter = self._loop.create_future()
        return self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _let_write(self) -> None:
        waiting, self._writable = self._writable, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)


class Pool:
    """The connections to all servers."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._idle: dict[Address, list[Connection]] = {}
        self._busy: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def connection(self, address: Address, *, fresh: bool = False) -> Connection:
        """A connection without a request: the one used last, or a new one; to be given back by ``release``.

        Raises:
            UnreachableError: Nobody takes it.
        """
        idle, now = self._idle.get(address), asyncio.get_running_loop().time()
        while idle and not fresh:
            found = idle.pop()
            if now - found.idle_since > KEPT_SECONDS:  # the sweep comes by once a second
                found.close()
            elif not found.closed:
                found.used = True
                self._busy.add(found)
                return found
        return await self._connect(address)

    def release(self, connection: Connection) -> None:
        """Take back a connection; it is kept where its answer has come whole."""
        self._busy.discard(connection)
        if connection.is_reusable():
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.setdefault(connection.address, []).append(connection)
        elif not connection.closed:
            connection.close()

    def close(self) -> None:
        """Close all connections."""
        for each in [*self._busy, *(each for kept in self._idle.values() for each in kept)]:
            each.close()
        self._idle.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _connect(self, address: Address) -> Connection:
        loop = asyncio.get_running_loop()
        make: Callable[[], Connection] = lambda: Connection(address, loop)  # noqa: E731
        try:
            connecting = loop.create_connection(make, *address)
            _, connection = await asyncio.wait_for(connecting, self._limits.connect_seconds)
        except (OSError, asyncio.TimeoutError) as error:
            raise UnreachableError(str(error) or "it took too long") from error
        self._busy.add(connection)
        if self._timer is None:
            self._timer = loop.call_later(1, self._sweep, loop)
        return connection

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look once a second for what has lasted too long, which costs less than a timer for each request."""
        now = loop.time()
        for each in [each for each in self._busy if each.is_late(now)]:
            each.fail(LateError("it does not answer"))
        for address, kept in list(self._idle.items()):
            old = [each for each in kept if each.closed or now - each.idle_since > KEPT_SECONDS]
            for each in old:
                kept.remove(each)
                each.close()
            if not kept:
                del self._idle[address]
        self._timer = loop.call_later(1, self._sweep, loop) if self._busy or self._idle else None
