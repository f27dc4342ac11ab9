"""One request taken to an annotator's server and its answer brought back, both in parts where they are long."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, MutableMapping
from dataclasses import dataclass
from typing import Any

from prodigy_team.gateway.answers import GONE, HttpError, Receive, Send
from prodigy_team.gateway.forwarding import reply_headers, request_head, request_lines
from prodigy_team.gateway.limits import Limits
from prodigy_team.gateway.upstream import (
    BrokenError,
    Connection,
    LateError,
    Pool,
    UnreachableError,
    UpstreamError,
)
from prodigy_team.gateway.values import Place, Scope

WHOLE = 64 * 1024
"""Bytes of a request's body that are gathered before its server is asked, so that a slow client holds none."""
AGAIN = frozenset(("GET", "HEAD", "OPTIONS"))
"""What may be sent twice where a server closed a connection that had not been used for a while."""
WIRE = "prodigy_team.wire"
"""Key of the scope: the client's connection, where `guarding` has put it there."""

_RETRY: tuple[bytes, bytes] = (b"retry-after", b"2")


@dataclass(frozen=True)
class Errand:
    """Where a request goes.

    Attributes:
        target: Path and query below the server's root.
        prefix: What stands before the server's root here.
        session: The annotator's name.
        address: Whom the request is from.
        scheme, host: By which address the browser asks.
    """

    place: Place
    target: bytes
    prefix: bytes
    session: str
    address: str
    scheme: str
    host: bytes

    def forwarded(self) -> list[bytes]:
        """The header lines that tell the server of the client."""
        own = (b"x-forwarded-for", self.address.encode("latin-1")), (b"x-forwarded-proto", self.scheme.encode())
        rest = (b"x-forwarded-host", self.host), (b"x-forwarded-prefix", self.prefix)
        return [b"%s: %s\r\n" % pair for pair in (*own, *rest) if pair[1]]


class Proxy:
    """Takes requests to servers, over connections that it keeps."""

    def __init__(self, limits: Limits, *, own_cookies: Collection[str] = ()) -> None:
        """Begin without a connection.

        Args:
            own_cookies: Names of the gateway's cookies, which no server sees or sets.
        """
        self._limits = limits
        self._own_cookies = frozenset(each.encode() for each in own_cookies)
        self._pool = Pool(limits)

    def close(self) -> None:
        """Close the connections to the servers."""
        self._pool.close()

    async def carry(self, errand: Errand, scope: Scope, receive: Receive, send: Send) -> int:
        """Answer one request with its server's answer.

        Returns:
            Its status; ``GONE`` where the client went away before.

        Raises:
            UnreachableError: Nobody listens there; nothing was sent.
            HttpError: The body is too large, or the server does not answer as it should.
        """
        body = await _Body.begin(scope, receive, limit=self._limits.body)
        if body is None:
            return GONE
        try:
            connection = await self._asked(errand, scope, body)
        except UnreachableError:
            raise
        except UpstreamError as error:
            if (wire := scope.get(WIRE)) and wire.transport.is_closing():
                return GONE
            raise _failed(error) from error
        try:
            await self._bring_back(connection, errand, scope, send)
        finally:
            self._done(connection, scope)
        return connection.status

    async def _asked(self, errand: Errand, scope: Scope, body: _Body) -> Connection:
        """A connection on which the answer's head has come."""
        method: str = scope["method"]
        head = request_head(
            method=method,
            target=errand.target,
            lines=request_lines(scope["headers"], own_cookies=self._own_cookies),
            place=errand.place,
            session=errand.session,
            forwarded=errand.forwarded(),
        )
        try:
            return await self._ask(errand, scope, head, body, fresh=False)
        except BrokenError as error:
            if not error.untouched or method not in AGAIN or not body.whole:
                raise
        return await self._ask(errand, scope, head, body, fresh=True)

    async def _ask(self, errand: Errand, scope: Scope, head: bytes, body: _Body, *, fresh: bool) -> Connection:
        connection = await self._pool.connection((errand.place.host, errand.place.port), fresh=fresh)
        if wire := scope.get(WIRE):
            wire.gone.add(connection.close)
        try:
            connection.begin(
                head + body.framing, head_only=scope["method"] == "HEAD", seconds=self._limits.reply_seconds
            )
            if body.whole:
                await connection.head()
            else:
                await self._upload(connection, body)
        except BaseException:
            connection.close()
            self._done(connection, scope)
            raise
        return connection

    def _done(self, connection: Connection, scope: Scope) -> None:
        if wire := scope.get(WIRE):
            wire.gone.discard(connection.close)
        self._pool.release(connection)

    async def _upload(self, connection: Connection, body: _Body) -> None:
        """Send a long body while the answer may come already, as where the server wants no more of it."""
        sending = asyncio.ensure_future(body.send(connection))
        answer = asyncio.ensure_future(connection.head())
        try:
            await asyncio.wait((sending, answer), return_when=asyncio.FIRST_COMPLETED)
            if sending.done() and not answer.done():
                sending.result()
            await answer
        finally:
            connection.unfinished = not sending.done()
            for each in (sending, answer):
                each.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await each

    async def _bring_back(self, connection: Connection, errand: Errand, scope: Scope, send: Send) -> None:
        """Pass an answer on; one that breaks off must not look whole to the client."""
        place = errand.place
        hosts = (place.netloc.encode(), errand.host)
        headers = reply_headers(
            connection.headers,
            status=connection.status,
            prefix=errand.prefix,
            hosts=hosts,
            own_cookies=self._own_cookies,
        )
        await send({"type": "http.response.start", "status": connection.status, "headers": headers})
        while True:
            try:
                part = await connection.part()
            except UpstreamError as error:
                if wire := scope.get(WIRE):
                    wire.cut_off()
                    return
                raise CutOffError(str(error)) from error
            if connection.ended:
                # Nothing can have come meanwhile: no await lies between.
                await send({"type": "http.response.body", "body": part})
                return
            await send({"type": "http.response.body", "body": part, "more_body": True})


class CutOffError(Exception):
    """An answer broke off after its beginning had been passed on."""


def _failed(error: UpstreamError) -> HttpError:
    if isinstance(error, LateError):
        return HttpError(504, "The annotation server does not answer in time.", headers=[_RETRY])
    return HttpError(502, "The annotation server broke off; what you sent may not have arrived.", headers=[_RETRY])


class _Body:
    """A request's body: its beginning, and the rest as it comes.

    Attributes:
        framing: What ends the request's head, and the beginning of the body.
        whole: Whether that is all.
    """

    def __init__(self, first: bytes, *, whole: bool, announced: bytes | None, receive: Receive, limit: int) -> None:
        self.whole, self._chunked = whole, announced is None
        self._receive, self._limit, self._left = receive, limit, limit - len(first)
        if whole:
            size = b"content-length: %d\r\n" % len(first) if first or announced is not None else b""
            self.framing = size + b"\r\n" + first
        elif announced is not None:
            self.framing = b"content-length: %s\r\n\r\n%s" % (announced, first)
        else:
            self.framing = b"transfer-encoding: chunked\r\n\r\n" + _chunk(first)

    @classmethod
    async def begin(cls, scope: Scope, receive: Receive, *, limit: int) -> _Body | None:
        """Read until the body has ended or is long; None where the client has gone.

        Raises:
            HttpError: It is longer than a body may be.
        """
        announced, chunked = None, False
        for name, value in scope["headers"]:
            if name == b"content-length":
                announced = value
            elif name == b"transfer-encoding":
                chunked = True
        if announced is not None and int(announced) > limit:
            raise _too_large(limit)
        first, more = b"", chunked or (announced is not None and announced != b"0")
        while more and len(first) < WHOLE:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            first, more = first + message.get("body", b""), message.get("more_body", False)
        if len(first) > limit:
            raise _too_large(limit)
        return cls(first, whole=not more, announced=announced, receive=receive, limit=limit)

    async def send(self, connection: Connection) -> None:
        """Send the rest, as fast as both sides can.

        Raises:
            HttpError: It is longer than a body may be, or the client goes away.
            UpstreamError: The server does.
        """
        more = True
        while more:
            message: MutableMapping[str, Any] = await self._receive()
            if message["type"] == "http.disconnect":
                raise HttpError(400, "The request was cut off.")
            part, more = message.get("body", b""), message.get("more_body", False)
            self._left -= len(part)
            if self._left < 0:
                raise _too_large(self._limit)
            if part:
                await connection.write(_chunk(part) if self._chunked else part)
        if self._chunked:
            await connection.write(b"0\r\n\r\n")


def _chunk(part: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(part), part) if part else b""


def _too_large(limit: int) -> HttpError:
    return HttpError(413, f"The request is larger than {limit // (1024 * 1024)} MB. Send less at once.", close=True)
