"""What a request's head says of the one who asks, where it is no matter of logins."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import urlsplit

from prodigy_team.gateway.network import parse_address
from prodigy_team.gateway.values import Scope

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
_FORWARDING = (b"forwarded", b"x-forwarded-for", b"x-real-ip", b"x-forwarded-host", b"via")
_ODD = re.compile(rb"[^!-~]|[\\#]|//|%(?![0-9a-fA-F]{2})|%(?:[01][0-9a-fA-F]|2[eEfF]|5[cC]|7[fF])|/\.\.?(?:/|$)")


def is_odd(raw_path: bytes) -> bool:
    """Whether a path could mean another one to somebody else: dots, encoded or doubled slashes, control characters."""
    return _ODD.search(raw_path) is not None


def header(scope: Scope, name: bytes) -> bytes | None:
    """The first header of a name, in lower case; None where there is none."""
    for key, value in scope["headers"]:
        if key == name:
            found: bytes = value
            return found
    return None


def wants_page(scope: Scope) -> bool:
    """Whether a browser asks for a page to show, and not a page's program for data."""
    if scope["method"] not in ("GET", "HEAD"):
        return False
    mode = header(scope, b"sec-fetch-mode")
    if mode is not None and mode != b"navigate":
        return False
    return b"text/html" in (header(scope, b"accept") or b"")


def is_foreign(scope: Scope, hosts: Collection[bytes]) -> bool:
    """Whether a browser says that another origin's page sends a request that changes something.

    Browsers of plain HTTP say it by an Origin only. Programs say nothing of the kind, and carry no cookies by chance.

    Args:
        hosts: HOST:PORT by which the gateway is reached, besides those that the request names.
    """
    if scope["method"] in SAFE:
        return False
    site = header(scope, b"sec-fetch-site")
    if site is not None:
        return site not in (b"same-origin", b"none")
    origin = header(scope, b"origin")
    if origin is None:
        return False
    try:
        netloc = urlsplit(origin).netloc
    except ValueError:
        return True
    named = (header(scope, b"host"), header(scope, b"x-forwarded-host"))
    return not netloc or (netloc not in named and netloc not in hosts)


def is_forwarded(scope: Scope) -> bool:
    """Whether some proxy says that it passes the request on for somebody."""
    return any(key in _FORWARDING for key, _ in scope["headers"])


def is_loopback(address: str) -> bool:
    """Whether an address is this machine's own."""
    found = parse_address(address)
    return found.is_loopback if found is not None else not address  # none: a socket of this machine
