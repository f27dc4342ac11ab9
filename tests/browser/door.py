"""A door with a login in front of servers, as a gateway is; a test decides who is logged in and whether it answers."""

from __future__ import annotations

import json
import secrets
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from embedded import EmbeddedServer
from prodigy_team.servers.secrets import server_secret

BASE = "/annot"


class Door(ThreadingHTTPServer):
    """Everybody has one password; below /annot/a/NAME/ is NAME's server, for NAME alone.

    Attributes:
        logins: Token to name, of those who are logged in.
        mood: "well"; "asleep": as where a server is not up yet; "page": as proxies that answer all with their login.
    """

    daemon_threads = True

    def __init__(self, servers: Mapping[str, EmbeddedServer]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.servers, self.mood = dict(servers), "well"
        self.logins: dict[str, str] = {}

    def address(self, path: str) -> str:
        """The address of a path."""
        return f"http://127.0.0.1:{self.server_port}{BASE}{path}"


@contextmanager
def a_door(**servers: EmbeddedServer) -> Iterator[Door]:
    """A door that is served meanwhile."""
    door = Door(servers)
    threading.Thread(target=door.serve_forever, daemon=True).start()
    try:
        yield door
    finally:
        door.shutdown()
        door.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def door(self) -> Door:
        return cast(Door, self.server)

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def _answer(self, body: bytes) -> None:
        address = urlsplit(self.path)
        path = address.path.removeprefix(BASE)
        wanted = parse_qs(address.query).get("next", [f"{BASE}/"])[0]
        name = path.removeprefix("/a/").partition("/")[0]
        if path == "/login":
            self._login(wanted, parse_qs(body.decode()).get("name", [""])[0])
        elif path == "/favicon.ico":
            self._send(204, b"")
        elif self.door.mood != "well" and body:
            self._be_moody()
        elif (visitor := self._visitor()) is None:
            self._refuse()
        elif visitor != name:
            self._send(403, b'{"detail":"These are not your tasks."}', "application/json")
        else:
            self._pass_on(name, self.path.removeprefix(f"{BASE}/a/{name}"), body)

    def _visitor(self) -> str | None:
        found = SimpleCookie(self.headers.get("Cookie", "")).get("login")
        return self.door.logins.get(found.value) if found else None

    def _login(self, wanted: str, name: str) -> None:
        if not name:
            field = '<label>Name <input name="name"></label><button>Log in</button>'
            self._send(200, f'<!doctype html><title>Login</title><form method="post">{field}</form>'.encode())
            return
        token = secrets.token_hex(8)
        self.door.logins[token] = name
        self._send(303, b"", Location=wanted, Set_Cookie=f"login={token}; HttpOnly; SameSite=Lax; Path=/")

    def _refuse(self) -> None:
        if self.headers.get("Sec-Fetch-Mode") == "navigate":
            self._send(303, b"", Location=f"{BASE}/login?next={urlsplit(self.path).path}")
        else:
            self._send(401, b'{"detail":"You are not logged in, or no longer."}', "application/json")

    def _be_moody(self) -> None:
        if self.door.mood == "asleep":
            self._send(503, json.dumps({"detail": "It starts."}).encode(), "application/json", Retry_After="1")
        else:
            self._send(200, b"<!doctype html><title>Somebody's login</title>")

    def _pass_on(self, name: str, path: str, body: bytes) -> None:
        server = self.door.servers[name]
        kept = {
            key: value for key, value in self.headers.items() if key.lower() not in ("host", "connection", "cookie")
        }
        kept["X-Prodigy-Team-Secret"] = server_secret(server.folder / "state", "server")
        kept["X-Prodigy-Team-Session"] = name
        asked = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", body or None, kept, method=self.command)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            reply: Any = opener.open(asked)
        except urllib.error.HTTPError as error:
            reply = error
        with reply:
            content = reply.read()
            more = {key: value for key, value in reply.headers.items() if key.lower() not in ("connection", "date")}
            self.send_response(reply.status)
            for key, value in more.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(content)

    def _send(self, status: int, content: bytes, kind: str = "text/html; charset=utf-8", **headers: str) -> None:
        self.send_response(status)
        for key, value in {"Content-Type": kind, "Content-Length": str(len(content)), **headers}.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
