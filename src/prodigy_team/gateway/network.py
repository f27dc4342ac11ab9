"""Where requests come from: what a trusted proxy says of them, and what everybody else might make up."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from prodigy_team.gateway.values import Scope

_REMEMBERED = 4096


class Proxies:
    """The proxies whose headers count. Their word about the address before them is taken, and so on to a stranger's."""

    def __init__(self, trusted: Sequence[str]) -> None:
        self._networks = tuple(ipaddress.ip_network(each) for each in trusted)
        self._known: dict[str, bool] = {}

    def trusts(self, address: str) -> bool:
        """Whether an address is a trusted proxy's."""
        if not self._networks:
            return False
        known = self._known.get(address)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[address] = self._is_trusted(address)
        return known

    def _is_trusted(self, address: str) -> bool:
        found = parse_address(address)
        return found is not None and any(found in network for network in self._networks)

    def announced(self, scope: Scope) -> bool:
        """Whether a request comes from a trusted proxy."""
        return self.trusts(peer(scope))

    def address(self, scope: Scope) -> str:
        """Where a request comes from: the nearest address that is no trusted proxy's; "" where that is not known."""
        nearest = peer(scope)
        if not self.trusts(nearest):
            return nearest
        chain = ",".join(headers(scope, b"x-forwarded-for"))
        for part in reversed(chain.split(",")):
            found = parse_address(part.strip())
            if found is None:
                break
            nearest = str(found)
            if not self.trusts(nearest):
                break
        return nearest

    def is_secure(self, scope: Scope) -> bool:
        """Whether the browser speaks TLS, with this process or with a trusted proxy."""
        if scope.get("scheme") in ("https", "wss"):
            return True
        if not self._networks or not self.announced(scope):
            return False
        said = headers(scope, b"x-forwarded-proto")
        return bool(said) and said[0].split(",")[0].strip().lower() in ("https", "wss")


def peer(scope: Scope) -> str:
    """The other end of the connection; "" where it has no address."""
    client = scope.get("client")
    return client[0] if client else ""


def headers(scope: Scope, name: bytes) -> list[str]:
    """All headers of a name, which is in lower case."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def parse_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address as proxies write it, with or without a port; None where it is none."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found
