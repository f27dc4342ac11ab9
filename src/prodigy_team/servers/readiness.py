"""Which servers answer HTTP: many are asked at once, by one thread, within one second."""

from __future__ import annotations

import contextlib
import errno
import selectors
import socket
import time
from collections.abc import Iterable, Mapping

from prodigy_team.servers.lockfile import GATEWAY, ServerRecord
from prodigy_team.servers.ports import connectable

Address = tuple[str, int]
_QUESTION = "GET /version HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: prodigy-team\r\nConnection: close\r\n\r\n"
_ENOUGH = len("HTTP/1.1 200")


def probe(addresses: Iterable[Address], *, timeout: float = 1.0) -> frozenset[Address]:
    """The addresses whose server is ready: any HTTP answer below 500 says so, 401 and 404 included.

    Args:
        addresses: (host, port) pairs; a host that listens everywhere is asked on loopback.
        timeout: Seconds for all of them together.
    """
    found = statuses(addresses, timeout=timeout)
    return frozenset(address for address, status in found.items() if is_ready(status))


def is_ready(status: int | None) -> bool:
    """Whether an HTTP status, or None for silence, is that of a server that is ready."""
    return status is not None and status < 500


def answering(addresses: Mapping[str, Address], *, timeout: float = 1.0) -> set[str]:
    """The names of the servers that are ready, given the address of each; see ``probe``."""
    found = probe(addresses.values(), timeout=timeout)
    return {name for name, address in addresses.items() if address in found}


def speaks_tls(record: ServerRecord, *, timeout: float = 1.0) -> bool:
    """Whether this is a gateway that people reach by TLS, and it answers by TLS itself."""
    if record.engine != GATEWAY or not record.url.startswith("https:") or record.port is None:
        return False
    return answers_by_tls((record.host, record.port), timeout=timeout)


def answers_by_tls(address: Address, *, timeout: float = 1.0) -> bool:
    """Whether a server that speaks TLS is ready. Whose certificate it shows is not asked: only whether it serves."""
    import ssl  # 15 ms, for those gateways alone that have a certificate

    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    question = _QUESTION.format(host=address[0], port=address[1]).encode()
    try:
        with (
            socket.create_connection((connectable(address[0]), address[1]), timeout) as connection,
            context.wrap_socket(connection) as secure,
        ):
            secure.sendall(question)
            protocol, _, rest = secure.recv(256).partition(b" ")
            return protocol.startswith(b"HTTP/") and rest[:3].isdigit() and int(rest[:3]) < 500
    except OSError:
        return False


def statuses(addresses: Iterable[Address], *, timeout: float = 1.0) -> dict[Address, int]:
    """The HTTP status with which each server answers; those that do not answer in time are left out."""
    with Asked(addresses) as asked:
        return asked.wait(timeout)


class Asked:
    """Servers that have been asked and may answer while their asker does something else; to be left after use."""

    def __init__(self, addresses: Iterable[Address]) -> None:
        self._selector = selectors.DefaultSelector()
        self._connections = contextlib.ExitStack()
        self._found: dict[Address, int] = {}
        for address in set(addresses):
            if (connection := _connect(address)) is not None:
                self._connections.enter_context(connection)
                self._selector.register(connection, selectors.EVENT_WRITE, _Talk(address))
        self._go_on(0)  # on this machine a connection is there at once

    def __enter__(self) -> Asked:
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()
        self._connections.close()

    def wait(self, timeout: float) -> dict[Address, int]:
        """The HTTP status of each that answers within so many seconds."""
        deadline = time.monotonic() + timeout
        while self._selector.get_map() and (left := deadline - time.monotonic()) > 0:
            self._go_on(left)
        return self._found

    def _go_on(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            _go_on(self._selector, key, self._found)


class _Talk:
    """What has been heard from one server."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.heard = b""


def _connect(address: Address) -> socket.socket | None:
    host, port = connectable(address[0]), address[1]
    plain = host.encode() if host.isascii() else host  # a text would load what other alphabets need
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(plain, port, type=socket.SOCK_STREAM)[0]
        connection = socket.socket(family, kind, protocol)
    except OSError:
        return None
    connection.setblocking(False)
    if connection.connect_ex(target) in (0, errno.EINPROGRESS):
        return connection
    connection.close()
    return None


def _go_on(selector: selectors.BaseSelector, key: selectors.SelectorKey, found: dict[Address, int]) -> None:
    """One step of a talk: ask, or listen; a refused or broken connection ends it."""
    talk, connection = key.data, key.fileobj
    assert isinstance(connection, socket.socket)
    try:
        if key.events == selectors.EVENT_WRITE:
            connection.send(_QUESTION.format(host=talk.address[0], port=talk.address[1]).encode())
            selector.modify(connection, selectors.EVENT_READ, talk)
            return
        chunk = connection.recv(256)
    except OSError:
        selector.unregister(connection)
        return
    talk.heard += chunk
    if not chunk or len(talk.heard) >= _ENOUGH:
        selector.unregister(connection)
        protocol, _, rest = talk.heard.partition(b" ")
        if protocol.startswith(b"HTTP/") and rest[:3].isdigit():
            found[talk.address] = int(rest[:3])
