"""The gateway's own short answers: errors, redirects, and the headers on every page of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from prodigy_team.gateway.values import Scope

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

GONE = 499
"""The status, for the log alone, of a request whose client went away."""
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
)
SECURITY: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", CONTENT_POLICY.encode()),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
]


class HttpError(Exception):
    """A request that is answered with a status and a text that says why.

    Attributes:
        headers: Further ones of the answer.
        close: Whether the connection is of no more use, as where a body was not read.
    """

    def __init__(self, status: int, detail: str, *, headers: Headers | None = None, close: bool = False) -> None:
        super().__init__(detail)
        self.status, self.detail, self.close = status, detail, close
        self.headers = headers or []


async def send_error(send: Send, error: HttpError, **more: Any) -> None:
    """Answer with an error, in the shape that clients of the annotation protocol know: ``{"detail": text}``."""
    headers = [*error.headers, (b"connection", b"close")] if error.close else error.headers
    content = msgspec.json.encode({"detail": error.detail, **more})
    await send_whole(send, error.status, content, (b"content-type", b"application/json"), *headers)


async def send_whole(send: Send, status: int, content: bytes, *headers: tuple[bytes, bytes]) -> None:
    """Answer with bytes, and what keeps the answer to the one who asked."""
    own: Headers = [(b"cache-control", b"no-store"), (b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *own, *SECURITY]})
    await send({"type": "http.response.body", "body": content})


async def redirect(send: Send, status: int, location: str) -> None:
    """Send a browser to another address, which must hold nothing that is not ASCII."""
    await send_whole(send, status, b"", (b"location", location.encode("ascii")))


def with_security_headers(app: App) -> App:
    """The application, with the headers that keep a page to itself on each of its answers; its own ones stay."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                names = {name.lower() for name, _ in headers}
                headers += [pair for pair in SECURITY if pair[0] not in names]
                if b"cache-control" not in names:
                    headers.append((b"cache-control", b"no-store"))
                message["headers"] = headers
            await send(message)

        await app(scope, receive, sending)

    return guarded
