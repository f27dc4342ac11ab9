"""What a request and its answer look like on the other side of the gateway: heads in, heads out, nothing sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from urllib.parse import parse_qsl, urlsplit

from prodigy_team.gateway.values import Place
from prodigy_team.servers.secrets import SECRET_HEADER, SESSION_HEADER

Headers = list[tuple[bytes, bytes]]

_HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer transfer-encoding "
    b"upgrade".split()
)
"""RFC 9110, section 7.6.1, and what was in use before it."""
_SAID_BY_THE_GATEWAY = frozenset(
    b"host content-length expect authorization forwarded x-real-ip x-remote-user x-forwarded-for x-forwarded-proto "
    b"x-forwarded-host x-forwarded-prefix x-forwarded-port x-forwarded-user".split()
)
_NOT_SENT = _HOP_BY_HOP | _SAID_BY_THE_GATEWAY | {SECRET_HEADER, SESSION_HEADER}
_LOOKED_AT = _NOT_SENT | {b"cookie"}
# Of Prodigy's answers: it lets pages of every origin read them.
_NOT_PASSED_BACK = _HOP_BY_HOP | {b"date", b"server"}
_CORS = b"access-control-"
_REWRITTEN = frozenset((b"location", b"content-location", b"set-cookie"))
_PLAIN_CONNECTION = frozenset((b"keep-alive", b"close", b""))

FILLED_IN: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"content-security-policy", b"frame-ancestors 'self'"),
]
"""What keeps a page to itself, where its server says nothing of its own about it."""


def request_lines(headers: Iterable[tuple[bytes, bytes]], *, own_cookies: Collection[bytes]) -> list[bytes]:
    """The header lines of a client's request that its server is to see.

    Left out: what is between client and gateway only, whatever ``Connection`` names besides, what the gateway says
    itself, and its own cookies.
    """
    lines: list[bytes] = []
    named: set[bytes] = set()
    for name, value in headers:
        if name not in _LOOKED_AT:
            lines.append(b"%s: %s\r\n" % (name, value))
        elif name == b"cookie":
            if kept := foreign_cookies(value, own_cookies):
                lines.append(b"cookie: %s\r\n" % kept)
        elif name == b"connection" and value.lower() not in _PLAIN_CONNECTION:
            named.update(token.strip().lower() for token in value.split(b","))
    if named:
        lines = [line for line in lines if line.partition(b":")[0] not in named]
    return lines


def request_head(
    *, method: str, target: bytes, lines: Iterable[bytes], place: Place, session: str, forwarded: Iterable[bytes]
) -> bytes:
    """A request's head as the server gets it, without what says how long its body is and without the empty line.

    Args:
        target: Path and query below the server's root.
        forwarded: Lines of X-Forwarded-*.
    """
    own = [b"%s: %s\r\n" % (name.encode("latin-1"), value.encode("latin-1")) for name, value in place.headers.items()]
    return b"".join(
        [
            b"%s %s HTTP/1.1\r\nhost: %s\r\n" % (method.encode(), target, place.netloc.encode()),
            *lines,
            *forwarded,
            *own,
            b"%s: %s\r\n" % (SESSION_HEADER, session.encode()),
        ]
    )


def foreign_cookies(value: bytes, own: Collection[bytes]) -> bytes:
    """A Cookie header without the gateway's own."""
    parts = [part.strip() for part in value.split(b";")]
    kept = [part for part in parts if part.partition(b"=")[0].rstrip() not in own]
    return b"; ".join(kept) if len(kept) < len(parts) else value


def reply_headers(
    headers: Headers, *, status: int, prefix: bytes, hosts: Collection[bytes], own_cookies: Collection[bytes]
) -> Headers:
    """The headers of a server's answer as the client gets them.

    Args:
        headers: Names in lower case.
        prefix: What stands before the server's paths here.
        hosts: HOST:PORT by which the server may name itself in an absolute address.
    """
    found: Headers = []
    named: set[bytes] = set()
    names: set[bytes] = set()
    for pair in headers:
        name, value = pair
        if name in _NOT_PASSED_BACK:
            if name == b"connection" and value.lower() not in _PLAIN_CONNECTION:
                named.update(token.strip().lower() for token in value.split(b","))
            continue
        if name in _REWRITTEN:
            if name == b"set-cookie":
                changed = kept_below(value, prefix=prefix, own=own_cookies)
            else:
                changed = relocated(value, prefix=prefix, hosts=hosts)
            if changed is None:
                continue
            pair = (name, changed)
        elif name.startswith(_CORS) or (name == b"content-length" and status in (204, 304)):
            continue
        names.add(name)
        found.append(pair)
    if named:
        found = [pair for pair in found if pair[0] not in named]
    found += [pair for pair in FILLED_IN if pair[0] not in names]
    return found


def relocated(value: bytes, *, prefix: bytes, hosts: Collection[bytes]) -> bytes:
    """An address that a server names, as the client must ask for it: its own paths below the prefix."""
    try:
        parts = urlsplit(value)
    except ValueError:
        return value
    if parts.netloc and parts.scheme in (b"http", b"https", b"") and parts.netloc in hosts:
        value = value[value.index(parts.netloc) + len(parts.netloc) :] or b"/"
        value = value if value.startswith(b"/") else b"/" + value
    if not value.startswith(b"/") or value.startswith(b"//"):
        return value
    return value if value.startswith(prefix + b"/") else prefix + value


def kept_below(value: bytes, *, prefix: bytes, own: Collection[bytes]) -> bytes | None:
    """A server's Set-Cookie, kept to its own paths; None for one that is named as the gateway's."""
    first, *attributes = (part.strip() for part in value.split(b";"))
    if first.partition(b"=")[0].rstrip() in own:
        return None
    kept = [first]
    for each in attributes:
        key, _, content = each.partition(b"=")
        key = key.strip().lower()
        if key == b"path" and content.startswith(b"/") and not content.startswith(prefix + b"/"):
            each = b"Path=" + prefix + content
        if key != b"domain":
            kept.append(each)
    return b"; ".join(kept)


def foreign_session(query: bytes, name: str) -> str | None:
    """Whom a query's ``session`` names other than the one who asks; None for nobody."""
    if b"=" not in query and b"session" not in query:
        return None
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    return next((value for key, value in pairs if key == "session" and value != name), None)
