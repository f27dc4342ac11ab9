"""Ports: bound for the servers that are handed their socket, checked for the others, and who has one that is taken."""

from __future__ import annotations

import errno
import socket
from collections.abc import Collection

from prodigy_team.errors import TeamError
from prodigy_team.servers import processes

BACKLOG = 128
_EVERYWHERE = ("0.0.0.0", "::", "")
_UNSEEN = "another program (another user's)"


class PortTakenError(TeamError):
    """Another program listens on the port planned for an annotator's server."""

    def __init__(self, port: int, *, annotator: str, holder: str) -> None:
        super().__init__(
            f"Port {port}, planned for {annotator}, is in use by {holder}.",
            remedy=f"Stop that program, or give {annotator} another `port` in team.toml.",
        )


class AddressError(TeamError):
    """A server's host or port cannot be listened on by this user of this machine."""

    def __init__(self, host: str, port: int, *, annotator: str, reason: str) -> None:
        super().__init__(
            f"{annotator}'s server cannot listen on {host}, port {port}: {reason}.",
            remedy="Set `host` to an address of this machine, and `port` to one above 1023.",
        )


def bind(host: str, port: int, *, annotator: str) -> socket.socket:
    """Listen on a server's address, so that nobody else can take it before the server runs.

    Connections made meanwhile wait until the server, which is handed this socket, accepts them.

    Raises:
        PortTakenError: Somebody has the port; names pid and command where they can be seen.
        AddressError: The host is not this machine's, or the port is reserved.
    """
    listener = _bound(host, port, annotator=annotator)
    listener.listen(BACKLOG)
    return listener


def check_free(host: str, port: int, *, annotator: str) -> None:
    """Make sure that a server which binds its own port will find it free; raises as `bind` does."""
    _bound(host, port, annotator=annotator).close()


def is_free(host: str, port: int) -> bool:
    """Whether the port could be bound now."""
    try:
        check_free(host, port, annotator="")
    except TeamError:
        return False
    return True


def holder_of_port(host: str, port: int) -> str | None:
    """Who listens on an address: ``pid 123 (nginx -g …)``; None where nobody does.

    Another user's process cannot be seen and is called just that.
    """
    import psutil  # slow to import and needed only for this message

    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.Error:  # macOS shows the connections of others to root only
        return _UNSEEN
    for each in connections:
        if each.status != psutil.CONN_LISTEN or not each.laddr:
            continue
        if each.laddr.port == port and _overlap(each.laddr.ip, host):
            return _describe(each.pid) if each.pid else _UNSEEN
    return None


def listening_ports(pids: Collection[int]) -> dict[int, int]:
    """The port on which each of these processes listens; without those that listen on none or cannot be seen."""
    import psutil  # slow to import

    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.Error:  # macOS
        return {}
    found = {}
    for each in connections:
        if each.status == psutil.CONN_LISTEN and each.laddr and each.pid is not None and each.pid in pids:
            found[each.pid] = each.laddr.port
    return found


def connectable(host: str) -> str:
    """The address to reach a server at from this machine: one that listens everywhere is reached on loopback."""
    if host in _EVERYWHERE:
        return "::1" if host == "::" else "127.0.0.1"
    return host


def _bound(host: str, port: int, *, annotator: str) -> socket.socket:
    listener = None
    try:
        family, kind, protocol, _, address = _resolve(host, port)
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        if listener is not None:
            listener.close()
        if error.errno == errno.EADDRINUSE:
            holder = holder_of_port(host, port) or "another program"
            raise PortTakenError(port, annotator=annotator, holder=holder) from error
        raise AddressError(host, port, annotator=annotator, reason=error.strerror or str(error)) from error
    except ValueError as error:  # an empty or too long part of a name, a NUL
        raise AddressError(host, port, annotator=annotator, reason="this is no name of a machine") from error
    return listener


def _resolve(
    host: str, port: int
) -> tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]:
    """The first address of a name, IPv4 before IPv6: `localhost` means 127.0.0.1, as it does for Prodigy."""
    found = socket.getaddrinfo(host or "0.0.0.0", port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return min(found, key=lambda each: each[0] != socket.AF_INET)


def _overlap(taken: str, wanted: str) -> bool:
    """Whether a listener on one address keeps another from binding: equal, or one of them means every address."""
    return taken == wanted or taken in _EVERYWHERE or wanted in _EVERYWHERE or wanted == "localhost"


def _describe(pid: int) -> str:
    words = processes.command_line(pid)
    shown = words if len(words) <= 60 else words[:59] + "…"
    return f"pid {pid} ({shown})" if shown else f"pid {pid}"
