"""The gateway's side towards the clients: uvicorn's protocol, made strict about heads and short with the slow.

uvicorn and httptools leave a head as long as it likes, wait for one for ever, and take a request whose target names
another host. What is refused here never becomes a request of the application.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from prodigy_team.gateway.limits import Limits
from prodigy_team.gateway.proxy import WIRE
from prodigy_team.gateway.seldom import Seldom
from prodigy_team.gateway.throttle import counted_address

log = logging.getLogger(__name__)

READ_AT_ONCE = 64 * 1024
"""Bytes; asyncio's own 256 KiB are mapped anew by the C library for each read."""
_LOOKED_AT = frozenset((b"host", b"content-length", b"transfer-encoding", b"upgrade"))
_VERSIONS = frozenset(("1.0", "1.1"))
"""httptools passes on a request line without a protocol as 0.9, and HTTP/2.0 in the words of 1.1 (which RFC 9113 does
not have); the rules of neither for the end of a request and of a connection are kept here."""


class _RefusedError(Exception):
    """Ends the parsing of a request."""


class Guard:
    """All connections of clients: how many there are of whom, and which of them take too long."""

    def __init__(self, limits: Limits, *, is_trusted: Callable[[str], bool], seldom: Seldom | None = None) -> None:
        """
        Args:
            is_trusted: Whether an address is a proxy's, which speaks for many.
        """
        self.limits, self.seldom = limits, seldom or Seldom(log)
        self._is_trusted = is_trusted
        self._connections: set[GuardedProtocol] = set()
        self._each: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    def admit(self, connection: GuardedProtocol, loop: asyncio.AbstractEventLoop) -> bool:
        """Take a connection, unless there are too many; one that was taken before stays."""
        if connection in self._connections:
            return True
        counted, trusted = connection.counted, self._is_trusted(connection.address)
        if len(self._connections) >= self.limits.connections:
            self.seldom.warn("too many connections", "%d connections are open; more are refused.", len(self))
            return False
        if not trusted and self._each[counted] >= self.limits.connections_each:
            text = "%s has %d connections open; more are refused."
            self.seldom.warn(f"connections of {counted}", text, counted, self._each[counted])
            return False
        self._connections.add(connection)
        self._each[counted] += 1
        if self._timer is None:
            self._timer = loop.call_later(1, self._sweep, loop)
        return True

    def dismiss(self, connection: GuardedProtocol) -> None:
        """Forget a connection that has ended."""
        if connection not in self._connections:
            return
        self._connections.discard(connection)
        self._each[connection.counted] -= 1
        if self._each[connection.counted] <= 0:
            del self._each[connection.counted]

    def close(self) -> None:
        """Look after the connections no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def __len__(self) -> int:
        return len(self._connections)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look once a second for what has lasted too long, which costs less than a timer for each request."""
        now = loop.time()
        for each in list(self._connections):
            each.check(now)
        self._timer = loop.call_later(1, self._sweep, loop) if self._connections else None


class GuardedProtocol(HttpToolsProtocol):
    """One client's connection; the application's ``guard`` says what it may take.

    Attributes:
        gone: What is called when the client goes away.
        address: The client's.
        counted: What its connections are counted under: the address, or its household's.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._guard: Guard = cast(Any, self.app).guard
        self._limits = self._guard.limits
        self.gone: set[Callable[[], None]] = set()
        self.address = self.counted = ""
        self._refusal: tuple[int, str] | None = None
        # Bytes since a request began or a part of its body came: of a head, or of what stands between and after chunks.
        self._in_head, self._head_size = True, 0
        # Since when something is awaited of the client; 0.0 where nothing is.
        self._head_since = self._body_since = self._blocked_since = 0.0
        self._body_size = 0

    def expect(self, address: str) -> bool:
        """Count a connection that `connection_made` will come for, if its handshake ends well; whether it may come."""
        self._set_address(address)
        return self._guard.admit(self, self.loop)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a new connection, or refuse it."""
        if hasattr(transport, "max_size"):  # asyncio's own; uvloop reads otherwise, and has none
            transport.max_size = READ_AT_ONCE
        super().connection_made(transport)
        if not self.address:
            self._set_address(self.client[0] if self.client else "")
        self._head_since = self.loop.time()
        if not self._guard.admit(self, self.loop):
            self._refuse(503, "Too many connections are open. Try again in a moment.")

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever works for this client."""
        self._guard.dismiss(self)
        super().connection_lost(exc)
        for each in list(self.gone):
            each()

    def data_received(self, data: bytes) -> None:
        """Take what a client sends."""
        self._unset_keepalive_if_required()
        if self.parser is None or self.transport.is_closing():
            return
        if self._in_head and not self._head_since:
            self._head_since = self.loop.time()
        self._head_size += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._keep_no_longer()  # the request is answered as any other; what follows it is not HTTP for sure
        except httptools.HttpParserError:
            status, detail = self._refusal or (400, "This is not a valid HTTP request.")
            self._refuse(status, detail)
        else:
            if self._head_size > self._limits.head + self._limits.target:
                self._refuse(431, f"The {'head' if self._in_head else 'tail'} of the request is too long.")

    def check(self, now: float) -> None:
        """Cut off a client that takes too long."""
        limits = self._limits
        if self._body_since and self.flow.read_paused:  # it is us who do not read
            self._body_since += 1
        late_head = self._head_since and now - self._head_since > limits.head_seconds
        body_seconds = limits.body_seconds + self._body_size / limits.body_rate
        if late_head or (self._body_since and now - self._body_since > body_seconds):
            self._refuse(408, "The request did not come in time.")
        elif self._blocked_since and now - self._blocked_since > limits.blocked_seconds:
            self.cut_off()

    def cut_off(self) -> None:
        """End the connection at once, so that the client cannot take an answer for whole."""
        if self.cycle is not None:
            self.cycle.disconnected = True
        self.transport.abort()

    def pause_writing(self) -> None:
        """Note that the client does not read."""
        self._blocked_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Note that it does."""
        self._blocked_since = 0.0
        super().resume_writing()

    # The parser's callbacks.

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        cast(Any, self.scope)[WIRE] = self
        self._in_head = True
        self._body_size = 0

    def on_headers_complete(self) -> None:
        """Take a head, or refuse it."""
        self._in_head, self._head_since = False, 0.0
        refusal = self._faults()
        self._head_size = 0
        if refusal is not None:
            self._refusal = refusal
            raise _RefusedError
        self._body_since = self.loop.time()
        super().on_headers_complete()
        # What stands after the body is none of the request's headers, for nobody has looked at it: it goes to a list
        # of its own, unread (RFC 9110, section 6.5.1).
        self.headers = []

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        self._body_size += len(body)
        self._head_size = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the client has sent all."""
        self._body_since = 0.0
        self._in_head = True  # of the next one
        super().on_message_complete()

    def _faults(self) -> tuple[int, str] | None:
        """Why a request is refused from its head alone: it is too long, or two readers could read it differently."""
        url, limits = self.url, self._limits
        if url[:1] != b"/" or b"#" in url:
            return 400, "The address of a request must be a path."
        version = self.parser.get_http_version()
        if version not in _VERSIONS:
            return 400, "The request must be in HTTP/1.1 or HTTP/1.0."
        if len(url) > limits.target:
            return 414, "The address of the request is too long."
        if len(self.headers) > limits.headers:
            return 431, "The request has too many headers."
        if self._head_size > limits.head and sum(len(name) + len(value) for name, value in self.headers) > limits.head:
            return 431, "The head of the request is too long."
        found = [pair for pair in self.headers if pair[0] in _LOOKED_AT]
        if len(found) == 1 and found[0][0] == b"host" and found[0][1]:  # as nearly all are
            return None
        return self._framing_fault(found, modern=version == "1.1")

    def _framing_fault(self, found: list[tuple[bytes, bytes]], *, modern: bool) -> tuple[int, str] | None:
        """What is wrong with the headers that say whose request it is and where it ends; HTTP/1.1 is the modern one."""
        values: dict[bytes, bytes] = {}
        for name, value in found:
            if name in values:
                return 400, f"The request has two {name.decode()} headers."
            values[name] = value
        coding, size = values.get(b"transfer-encoding"), values.get(b"content-length")
        if modern and not values.get(b"host"):
            return 400, "The request names no host."
        if coding is not None and (size is not None or coding.lower() != b"chunked" or not modern):
            return 400, "It is not certain where the request ends."
        if size is not None and not (size.isdigit() and len(size) < 16):
            return 400, "The length of the request is not a number."
        if values.get(b"upgrade", b"").lower() == b"websocket":
            return 400, "There are no WebSockets here."
        return None

    def _refuse(self, status: int, detail: str) -> None:
        """Answer what is no request for the application, and read no more."""
        self._head_since = self._body_since = 0.0
        if status == 400:
            self._guard.seldom.warn(f"invalid of {self.address}", "A request of %s: %s", self.address, detail)
        cycle = self.cycle
        if self.transport.is_closing():
            return
        if cycle is not None and not cycle.response_complete and not cycle.more_body:
            self._keep_no_longer()  # an answer to what came before is on its way
            self.pipeline.clear()
            self.flow.pause_reading()
            return
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True  # its body will never be whole
            cycle.message_event.set()
            if cycle.response_started:
                self.transport.abort()
                return
        self.transport.write(_answer(status, detail))
        self.transport.close()

    def _set_address(self, address: str) -> None:
        self.address, self.counted = address, counted_address(address)

    def _keep_no_longer(self) -> None:
        if self.cycle is not None:
            self.cycle.keep_alive = False


def _answer(status: int, detail: str) -> bytes:
    content = msgspec.json.encode({"detail": detail})
    head = b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
    return head % (status, HTTPStatus(status).phrase.encode(), len(content)) + content
