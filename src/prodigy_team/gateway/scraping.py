"""Who reads the gateway's figures besides managers: programs that have its token, and those of this machine.

A proxy on this machine asks from the same address as a program here, and need not say for whom. So its address alone
counts only where the roster knows of nothing in front of the gateway, and the request names the gateway as only this
machine can.
"""

from __future__ import annotations

import hmac
from pathlib import Path
from urllib.parse import urlsplit

from prodigy_team.gateway import asking
from prodigy_team.gateway.network import peer
from prodigy_team.gateway.values import GatewaySettings, Scope
from prodigy_team.presence import is_file
from prodigy_team.servers.lockfile import write_private
from prodigy_team.servers.secrets import metrics_token

FILE = "metrics.token"


class Scrapers:
    """Tells which programs may read the figures."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._expected = b"bearer " + metrics_token(settings.state).encode()
        self._is_first = not (settings.public_url or settings.trusted_proxies)

    def admits(self, scope: Scope) -> bool:
        """Whether a request comes from one of them."""
        kind, _, token = (asking.header(scope, b"authorization") or b"").partition(b" ")
        if hmac.compare_digest(kind.lower() + b" " + token.strip(), self._expected):
            return True
        at_home = asking.is_loopback(peer(scope)) and not asking.is_forwarded(scope)
        return self._is_first and at_home and _names_this_machine(asking.header(scope, b"host") or b"")


def _names_this_machine(host: bytes) -> bool:
    try:
        name = urlsplit(b"//" + host).hostname or b""
    except ValueError:
        return False
    return name == b"localhost" or (name != b"" and asking.is_loopback(name.decode("latin-1")))


def write_token(state: Path) -> None:
    """Keep the token where its owner finds it, as the file that Prometheus calls ``credentials_file``.

    Raises:
        TeamError: It cannot be written.
    """
    path, content = state / FILE, f"{metrics_token(state)}\n".encode()
    if not (is_file(path) and path.read_bytes() == content):
        write_private(path, content)
