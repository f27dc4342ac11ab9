"""HTTP without ceremony: bodies in, bytes out, and the checks that every request passes."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import msgspec

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


class Reply(Protocol):
    """Sends JSON that is bytes already as the one answer to a request; to be called on the event loop."""

    def __call__(self, content: bytes, *, status: int = 200) -> None:
        """Answer."""


AtOnce = Callable[[Scope, bytes, Reply], bool]
"""Answers a request, now or later, from its head and whole body; False where it has done nothing, and ASGI must."""

LARGEST_BODY = 32 * 1024 * 1024
"""Bytes of a request at most; a batch of long documents with their tokens stays far below."""

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; object-src 'none'; "
    "require-trusted-types-for 'script'; trusted-types dompurify"
)
SECURITY: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"content-security-policy", CONTENT_POLICY.encode()),
    (b"cross-origin-resource-policy", b"same-origin"),
]
JSON_HEADERS: Headers = [
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
]


def _security(image_sources: str) -> Headers:
    if not image_sources:
        return SECURITY
    policy = CONTENT_POLICY.replace("img-src 'self' data:", f"img-src 'self' data: {image_sources}").encode()
    return [(name, policy if name == b"content-security-policy" else value) for name, value in SECURITY]


class HttpError(Exception):
    """A request that is answered with a status and a text that says why."""

    def __init__(self, status: int, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status, self.detail, self.more = status, detail, more

    @property
    def content(self) -> bytes:
        """The answer's body, in the shape that clients of this protocol know: ``{"detail": text}``."""
        return msgspec.json.encode({"detail": self.detail, **self.more})


async def send_json(send: Send, content: bytes, *, status: int = 200) -> None:
    """Answer with JSON that is bytes already."""
    headers = [*JSON_HEADERS, (b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


async def send_redirect(send: Send, address: str, cookie: str) -> None:
    """Send a browser on to another address, with a cookie."""
    headers = [(b"location", address.encode()), (b"set-cookie", cookie.encode()), (b"content-length", b"0")]
    headers += [(b"cache-control", b"no-store"), (b"referrer-policy", b"no-referrer")]
    await send({"type": "http.response.start", "status": 303, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def send_error(send: Send, error: HttpError) -> None:
    """Answer with an error."""
    await send_json(send, error.content, status=error.status)


async def read_body(scope: Scope, receive: Receive) -> bytes:
    """The whole body of a request.

    Raises:
        HttpError: 413, it is larger than a request may be; 400, the client went away in the middle of it.
    """
    announced = header(scope, b"content-length")
    if announced is not None and (not announced.isdigit() or int(announced) > LARGEST_BODY):
        raise _too_large()
    message = await receive()
    if not message.get("more_body"):
        return _part(message)
    parts, size = [_part(message)], len(message.get("body", b""))
    while message.get("more_body"):
        message = await receive()
        parts.append(_part(message))
        size += len(parts[-1])
        if size > LARGEST_BODY:
            raise _too_large()
    return b"".join(parts)


def _part(message: MutableMapping[str, Any]) -> bytes:
    if message["type"] == "http.disconnect":
        raise HttpError(400, "The request was cut off.")
    body: bytes = message.get("body", b"")
    return body


def _too_large() -> HttpError:
    limit = LARGEST_BODY // (1024 * 1024)
    return HttpError(413, f"The request is larger than {limit} MB. Send fewer answers at once.")


def header(scope: Scope, name: bytes) -> bytes | None:
    """The first header of a name, in lower case; None where there is none."""
    for key, value in scope["headers"]:
        if key == name:
            found: bytes = value
            return found
    return None


def query(scope: Scope, name: str) -> str | None:
    """The first value of a query parameter."""
    found = parse_qs(scope.get("query_string", b"").decode("latin-1")).get(name)
    return found[0] if found else None


def cookie(scope: Scope, name: str) -> str | None:
    """A cookie of the request; None where there is none, or where cookies cannot be read."""
    content = header(scope, b"cookie")
    if content is None:
        return None
    try:
        found = SimpleCookie(content.decode("latin-1")).get(name)
    except CookieError:
        return None
    return found.value if found else None


class BasicAuth:
    """One user and password before everything, compared in constant time."""

    def __init__(self, user: str, password: str) -> None:
        self._expected = f"{user}:{password}".encode()

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> BasicAuth | None:
        """From ``PRODIGY_BASIC_AUTH_USER`` and ``_PASS``; None unless one of them is set."""
        user, password = environ.get("PRODIGY_BASIC_AUTH_USER"), environ.get("PRODIGY_BASIC_AUTH_PASS")
        return cls(user or "", password or "") if user or password else None

    def admits(self, scope: Scope) -> bool:
        """Whether a request carries the right pair."""
        scheme, _, encoded = (header(scope, b"authorization") or b"").partition(b" ")
        try:
            given = base64.b64decode(encoded.strip(), validate=True)
        except (binascii.Error, ValueError):
            given = b""
        return hmac.compare_digest(given, self._expected) and scheme.lower() == b"basic"


async def ask_for_password(send: Send) -> None:
    """Answer 401, so that a browser asks."""
    content = b'{"detail":"A user name and password are needed."}'
    headers = [*JSON_HEADERS, (b"www-authenticate", b'Basic realm="annotation", charset="UTF-8"')]
    headers.append((b"content-length", b"%d" % len(content)))
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def is_foreign(scope: Scope) -> bool:
    """Whether a browser says that another site's page sends this request; other clients say nothing of the kind.

    Browsers of plain HTTP send an Origin only, and a proxy may have changed the Host it should equal. JSON passes
    then: a browser sends it to another site only after asking, and this server never consents.
    """
    site = header(scope, b"sec-fetch-site")
    if site is not None:
        return site == b"cross-site"
    origin = header(scope, b"origin")
    if origin is None or (header(scope, b"content-type") or b"").startswith(b"application/json"):
        return False
    hosts = (header(scope, b"host"), header(scope, b"x-forwarded-host"))
    try:
        return urlsplit(origin.decode("latin-1")).netloc.encode("latin-1") not in hosts
    except ValueError:
        return True  # such as `http://[`, which is no address


def with_security_headers(app: App, *, image_sources: str = "") -> App:
    """The application, with the headers that keep a page to itself on each of its responses.

    Args:
        image_sources: Hosts that pictures may come from besides the server itself, separated by spaces.
    """
    security = _security(image_sources)

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *security]
            await send(message)

        await app(scope, receive, sending)

    return guarded
