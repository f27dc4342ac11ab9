"""uvicorn's protocol with a short way for small requests to an application's busy paths.

Most of what such a request costs is not the application: a task, an event, two messages, each header searched for what
must not be in it, two writes. On the short way a request that has come whole is a function call and its reply one
write. Whatever is unusual (a large body, ``Expect``, HTTP/1.0, a client that reads slowly) goes the ordinary way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from prodigy_team.annotate.web import JSON_HEADERS, AtOnce, Scope, header

READ_AT_ONCE = 64 * 1024
"""Bytes. asyncio reads into 256 KiB, which the C library maps, shrinks and unmaps anew for each request: a quarter of
the server's time. It takes up to 128 KiB from memory it has."""
LARGEST = 64 * 1024
"""Bytes of a body on the short way, as announced; uvicorn lets nobody send more before the application reads it."""

_HEADERS = b"".join(b"%s: %s\r\n" % each for each in JSON_HEADERS)
_HEADS = {each.value: b"HTTP/1.1 %d %s\r\n" % (each, each.phrase.encode()) + _HEADERS for each in HTTPStatus}


class _Open:
    """A request on the short way, as far as uvicorn asks about the one a connection is at."""

    message_event = asyncio.Event()  # set where a client goes away; nobody waits for it here

    def __init__(self) -> None:
        self.response_complete = self.disconnected = False
        self.keep_alive = True


class ShortWayProtocol(HttpToolsProtocol):
    """uvicorn's protocol on httptools; an application's ``at_once`` says which POSTs go the short way, by path."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._paths: Mapping[bytes, AtOnce] = getattr(self.app, "at_once", {})
        self._asked: AtOnce | None = None
        self._parts: list[bytes] = []

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a new connection."""
        if hasattr(transport, "max_size"):  # asyncio's own; uvloop reads otherwise, and has none
            transport.max_size = READ_AT_ONCE
        super().connection_made(transport)

    def on_headers_complete(self) -> None:
        """Choose the way, where a request's head has been read."""
        asked = self._paths.get(self.url)
        if asked is None or not self._is_usual():
            super().on_headers_complete()
            return
        self._asked, self._parts = asked, []

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        if self._asked is None:
            super().on_body(body)
            return
        self._parts.append(body)

    def on_message_complete(self) -> None:
        """Answer, where a request has come whole."""
        asked = self._asked
        if asked is None:
            super().on_message_complete()
            return
        request, before = _Open(), self.cycle
        self.cycle = cast(Any, request)
        body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        try:
            taken = asked(cast(Scope, self.scope), body, partial(self._reply, request))
        except Exception:  # the ordinary way meets it too, and has the answer to it
            taken = request.response_complete
        if taken:
            self._asked, self._parts = None, []
        else:
            self.cycle = before
            self._go_ordinary_way()
            super().on_message_complete()

    def shutdown(self) -> None:
        """Finish what is open, where the server ends: uvicorn gives up what has not come whole, this its own."""
        if self._asked is not None:
            self._go_ordinary_way()
        super().shutdown()
        grace = self.config.timeout_graceful_shutdown
        if isinstance(self.cycle, _Open) and not self.cycle.response_complete and grace is not None:
            self.loop.call_later(grace, self.transport.abort)

    def _is_usual(self) -> bool:
        """Whether this is the only open request, a small POST, on a connection that stays and takes what is sent."""
        parser, last, size = self.parser, self.cycle, header(cast(Scope, self.scope), b"content-length")
        return (
            size is not None
            and len(size) < 10
            and int(size) <= LARGEST
            and (last is None or last.response_complete)
            and parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and parser.should_keep_alive()
            and not parser.should_upgrade()
            and not self.expect_100_continue
            and not self.flow.write_paused
        )

    def _go_ordinary_way(self) -> None:
        """Give uvicorn what has come so far."""
        parts, self._asked, self._parts = self._parts, None, []
        super().on_headers_complete()
        for part in parts:
            super().on_body(part)

    def _reply(self, request: _Open, content: bytes, *, status: int = 200) -> None:
        """Answer a request with JSON, in one write."""
        request.response_complete = True
        if not self.transport.is_closing():
            parts = [_HEADS[status]]
            parts += [b"%s: %s\r\n" % each for each in self.server_state.default_headers]  # the date
            end = b"" if request.keep_alive else b"connection: close\r\n"
            parts.append(b"content-length: %d\r\n%s\r\n" % (len(content), end))
            parts.append(content)
            self.transport.write(b"".join(parts))
            if not request.keep_alive:
                self.transport.close()
        self.on_response_complete()
