"""A gateway in this process for tests of what passes through it: the real application on the real protocol and sockets,
with logins and servers that a test sets by hand."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from prodigy_team.errors import TeamError
from prodigy_team.gateway.app import Gateway, build_app
from prodigy_team.gateway.asking import header
from prodigy_team.gateway.guarding import GuardedProtocol
from prodigy_team.gateway.limits import Limits
from prodigy_team.gateway.metrics import Metrics
from prodigy_team.gateway.serving import KEEP_ALIVE
from prodigy_team.gateway.tls import TlsServer
from prodigy_team.gateway.values import GatewaySettings, Place, Scope, Visitor, Waking
from prodigy_team.servers import ports
from support import eventually, free_ports

COOKIE = "prodigy-team-test"
CSRF = "what each form of theirs carries"
PAGE = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}


class People:
    """Everybody is who their cookie says."""

    cookies = frozenset({COOKIE})

    def __init__(self, *, managers: Sequence[str] = ("boss",), base: str = "") -> None:
        self._managers, self._base = managers, base

    @property
    def routes(self) -> Sequence[BaseRoute]:
        async def login(request: Any) -> Response:
            return HTMLResponse(f"log in here, {request.scope['root_path']}")

        return [Route("/login", login, methods=["GET", "POST"])]

    def visitor(self, scope: Scope) -> Visitor | None:
        for part in (header(scope, b"cookie") or b"").decode().split(";"):
            key, _, name = part.strip().partition("=")
            if key == COOKIE and name:
                return Visitor(name, name in self._managers, name not in self._managers, CSRF)
        return None

    async def authenticate(self, name: str, password: str, address: str) -> Visitor | None:  # noqa: ARG002
        return None

    def address(self, scope: Scope) -> str:
        return str(scope["client"][0])

    def is_secure(self, scope: Scope) -> bool:  # noqa: ARG002
        return False

    def to_login(self, scope: Scope) -> str:
        return f"{self._base}/login?next={scope['raw_path'].decode()}"


@dataclass
class Servers:
    """Servers that run where a test says."""

    places: dict[str, Place] = field(default_factory=dict)
    asleep: dict[str, Place] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    touches: list[str] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    starts: list[str] = field(default_factory=list)
    held: set[str] = field(default_factory=set)

    def reviews(self, name: str) -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def knows(self, annotator: str) -> bool:
        return annotator in self.places or annotator in self.asleep

    def place(self, annotator: str) -> Place | None:
        return self.places.get(annotator)

    def found(self, annotator: str) -> Place | None:
        return self.place(annotator)

    async def wake(self, annotator: str) -> Place:
        self.starts.append(annotator)
        while annotator in self.held:
            await asyncio.sleep(0.01)
        if annotator in self.problems:
            raise TeamError(self.problems[annotator], remedy="")
        self.places[annotator] = self.asleep.pop(annotator)
        return self.places[annotator]

    def waking(self, annotator: str) -> Waking | None:
        problem = self.problems.get(annotator)
        return Waking(0, 1.0, problem) if problem else None

    def touched(self, annotator: str) -> None:
        self.touches.append(annotator)

    def lost(self, annotator: str) -> None:
        self.losses.append(annotator)
        self.asleep[annotator] = self.places.pop(annotator)


class Board:
    """A page of one line."""

    def __init__(self) -> None:
        self.metrics = Metrics()

    def close(self) -> None:
        """There is nothing to close."""

    @property
    def routes(self) -> Sequence[BaseRoute]:
        async def home(request: Any) -> Response:
            visitor = request.scope["visitor"]
            return HTMLResponse(f"hello {visitor.name if visitor else 'program'}")

        return [Route(path, home) for path in ("/", "/dashboard", "/metrics")]

    def starting(self, scope: Scope, visitor: Visitor, waking: Waking | None, *, desk: str) -> Response:  # noqa: ARG002
        status = 503 if waking and waking.problem else 200
        return HTMLResponse(f"starting for {visitor.name}", status)


def gateway_settings(folder: Path, *, base: str = "", trusted: Sequence[str] = (), **more: Any) -> GatewaySettings:
    """Settings of a gateway on loopback."""
    given = {
        "team": "test",
        "roster": folder / "team.toml",
        "state": folder,
        "host": "127.0.0.1",
        "port": 1,
        "base_path": base,
        "public_url": None,
        "start": "on-login",
        "idle_stop": 1800.0,
        "session_length": 3600.0,
        "trusted_proxies": tuple(trusted),
        "tls_certificate": None,
        "tls_key": None,
        "auth": "password",
        "header": "x-remote-user",
        "issuer": None,
        "client_id": None,
        "client_secret_file": None,
        "claim": "email",
        "hand_off": "proxy",
    }
    return GatewaySettings(**{**given, **more})


class Running:
    """A gateway that serves in a thread of its own."""

    def __init__(self, app: Gateway, port: int, servers: Servers, base: str) -> None:
        self.app, self.port, self.servers, self.base = app, port, servers, base

    @property
    def url(self) -> str:
        """Its address with the base path, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}{self.base}"

    def client(self, name: str = "") -> httpx.Client:
        """A client that somebody is logged in with, or nobody."""
        cookies = {COOKIE: name} if name else None
        return httpx.Client(base_url=self.url, cookies=cookies, timeout=60, trust_env=False)

    def say(self, data: bytes, *, within: float = 60) -> bytes:
        """What comes back for these bytes, until the gateway closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=within) as connection:
            with contextlib.suppress(ConnectionError):  # who is refused early may not get rid of all
                connection.sendall(data)
            return read_to_end(connection)


def read_to_end(connection: socket.socket) -> bytes:
    """Everything that comes until the other side closes."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


@contextmanager
def serving(
    app: Any, *, protocol: Any, loop: str = "auto", certificate: tuple[Path, Path] | None = None
) -> Iterator[int]:
    """An application served on a free port of loopback in a thread; by TLS where it has a certificate and its key."""
    [port] = free_ports(1)
    listener = ports.bind("127.0.0.1", port, annotator="a test")
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        loop=loop,
        http=protocol,
        ws="none",
        lifespan="on",
        interface="asgi3",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_config=None,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=KEEP_ALIVE,
        ssl_certfile=certificate[0] if certificate else None,
        ssl_keyfile=certificate[1] if certificate else None,
    )
    server = TlsServer(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        eventually(lambda: server.started or not thread.is_alive(), message="a server")
        yield port
    finally:
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive()


@contextmanager
def a_gateway(
    folder: Path,
    servers: Servers,
    *,
    base: str = "",
    trusted: Sequence[str] = (),
    limits: Limits | None = None,
    loop: str = "auto",
    board: Any = None,
    certificate: tuple[Path, Path] | None = None,
    public_url: str | None = None,
) -> Iterator[Running]:
    """A gateway that takes requests."""
    settings = gateway_settings(folder, base=base, trusted=trusted, public_url=public_url)
    app = build_app(People(base=base), servers, board or Board(), settings, limits=limits)
    with serving(app, protocol=GuardedProtocol, loop=loop, certificate=certificate) as port:
        yield Running(app, port, servers, base)


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class RawServer:
    """A server of a few lines, which does with each connection what a test says."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self.connections = 0
        [self.port] = free_ports(1)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()

    def place(self, engine: str = "embedded", **headers: str) -> Place:
        """Where it is."""
        return Place("joe", engine, "127.0.0.1", self.port, headers)

    def __enter__(self) -> RawServer:
        self._thread.start()
        assert self._ready.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            try:
                await self._talk(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        server = self._loop.run_until_complete(asyncio.start_server(talk, "127.0.0.1", self.port))
        self._ready.set()
        self._loop.run_forever()
        server.close()
        while tasks := asyncio.all_tasks(self._loop):  # some begin meanwhile, of connections that were just made
            for task in tasks:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()


async def read_request(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    """One request: its first line, its headers (names in lower case), its body."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if "chunked" in headers.get("transfer-encoding", ""):
        body = b""
        while size := int(await reader.readuntil(b"\n"), 16):
            body += await reader.readexactly(size)
            await reader.readuntil(b"\n")
        await reader.readuntil(b"\n")
        return first, headers, body
    return first, headers, await reader.readexactly(int(headers.get("content-length", 0)))


def reply(content: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """An answer with a length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content
