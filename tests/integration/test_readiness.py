"""Which servers answer HTTP, asked all at once."""

from __future__ import annotations

import contextlib
import http.server
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fronts import self_signed
from prodigy_team.servers import readiness
from prodigy_team.servers.lockfile import GATEWAY, Lockfile, ServerRecord
from prodigy_team.servers.standing import Seen
from prodigy_team.servers.status import PATIENCE, read_status
from support import free_ports

Serve = Callable[[int], readiness.Address]
LONG = 100  # seconds: how soon they answer is not what is asked here, and the machine is busy


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Servers that answer everything with one status."""
    servers: list[http.server.HTTPServer] = []

    def begin(status: int) -> readiness.Address:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return ("127.0.0.1", server.server_address[1])

    yield begin
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "ready"), [(200, True), (204, True), (302, True), (401, True), (404, True), (500, False), (503, False)]
)
def test_any_answer_below_500_is_readiness(serve: Serve, status: int, ready: bool) -> None:
    """A server that asks for a password is ready; one that fails is not."""
    address = serve(status)
    assert readiness.probe([address], timeout=LONG) == (frozenset([address]) if ready else frozenset())
    assert readiness.statuses([address], timeout=LONG) == {address: status}


@pytest.mark.alone
def test_many_are_asked_at_once(serve: Serve) -> None:
    """40 that answer, one nobody listens on, one that never answers: one time-out in all, and the silent left out."""
    addresses = {serve(200) for _ in range(40)}
    silent, closed = socket.create_server(("127.0.0.1", 0)), ("127.0.0.1", free_ports(1)[0])
    with silent:
        asked = addresses | {("127.0.0.1", silent.getsockname()[1]), closed, ("no.such.host.invalid", 80)}
        began = time.monotonic()
        assert readiness.probe(asked, timeout=3) == addresses
        assert time.monotonic() - began < 6
        assert threading.active_count() >= 40, "the servers' threads, none of the probe's"


def test_what_is_not_http_is_not_ready() -> None:
    """Another program on the port is no server of ours."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"220 mail ESMTP ready\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        assert readiness.probe([("127.0.0.1", listener.getsockname()[1])], timeout=LONG) == frozenset()
        thread.join()


def test_a_server_on_every_address_is_asked_on_loopback(serve: Serve) -> None:
    """0.0.0.0 is where it listens, not where it is reached."""
    port = serve(200)[1]
    assert readiness.probe([("0.0.0.0", port)], timeout=LONG) == {("0.0.0.0", port)}
    assert readiness.probe([("localhost", port)], timeout=LONG) == {("localhost", port)}
    assert readiness.probe([]) == frozenset()


def test_a_gateway_with_tls_may_take_as_long_as_the_others_before_status_calls_it_failed(tmp_path: Path) -> None:
    """It is asked twice, by HTTP and by TLS; here it looks at each asker only when the first patience is over."""
    self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "tls.pem", tmp_path / "tls.key")

    def serve(connection: socket.socket) -> None:
        time.sleep(PATIENCE + 0.2)
        with contextlib.suppress(OSError), connection, context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(1000)
            secure.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

    def listen() -> None:
        for _ in range(2):
            asking.append(threading.Thread(target=serve, args=(listener.accept()[0],)))
            asking[-1].start()

    asking: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        asking.append(threading.Thread(target=listen))
        asking[0].start()
        record = ServerRecord("gateway", engine=GATEWAY, port=port, url=f"https://127.0.0.1:{port}/", ready=True)
        [status] = read_status(
            Lockfile("headlines", servers={"gateway": record}), {"gateway": Seen(alive=True)}, tmp_path, []
        )
        for each in asking:
            each.join()
    assert status.state == "running"
