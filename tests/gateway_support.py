"""A gateway's ways in and out, served by uvicorn in a thread of the test."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from prodigy_team.gateway.identity import Identity, build_people
from prodigy_team.gateway.passwords import hash_password
from prodigy_team.roster import load_roster
from support import eventually, free_ports, small_roster

MANAGERS = '[[manager]]\nname = "maria"\n[[manager]]\nname = "joe"'
ROSTER = small_roster("joe", "Jane", source="sample:headlines", more=MANAGERS)
PASSWORD = "Korrekt Pferd Batterie ü"


def write_roster(folder: Path, gateway: str = "", *, text: str = ROSTER) -> Path:
    """A roster with a gateway, and its state folder."""
    path = folder / "team.toml"
    path.write_text(f"{text}\n[gateway]\n{gateway}\n", encoding="utf-8")
    (folder / ".prodigy-team").mkdir(mode=0o700, exist_ok=True)
    return path


class Entrance:
    """Where to knock."""

    def __init__(self, people: Identity, port: int) -> None:
        self.people = people
        self.root = f"http://127.0.0.1:{port}{people.settings.base_path}"

    def set_password(self, name: str, password: str = PASSWORD) -> None:
        self.people.accounts.set_password(name, hash_password(password))

    def browser(self, **headers: str) -> httpx.Client:
        """Keeps cookies, follows nothing by itself."""
        return httpx.Client(base_url=self.root, headers=headers, timeout=60)

    def log_in(self, browser: httpx.Client, name: str, password: str = PASSWORD, **fields: str) -> httpx.Response:
        """Fill in the form as the page gives it."""
        form = hidden_fields(browser.get("/login").text)
        return browser.post("/login", data={**form, "name": name, "password": password, **fields})


def hidden_fields(html: str) -> dict[str, str]:
    """The values that a page's form carries."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', html))


@contextlib.contextmanager
def entrance(path: Path) -> Iterator[Entrance]:
    """The people of a roster, over real HTTP; `/me` says who is asking."""
    people = build_people(load_roster(path, os.environ))

    async def me(request: Request) -> Response:
        visitor = people.visitor(request.scope)
        return JSONResponse(visitor and [visitor.name, visitor.manager, visitor.annotator])

    routes = [*people.routes, Route("/me", me)]
    app = Starlette(routes=[Mount(people.settings.base_path, routes=routes)] if people.settings.base_path else routes)
    (port,) = free_ports(1)
    try:
        with served(app, port):
            yield Entrance(people, port)
    finally:
        people.close()


@contextlib.contextmanager
def served(app: Starlette, port: int) -> Iterator[None]:
    """An application on loopback, from a thread of its own."""
    config = uvicorn.Config(
        app, port=port, proxy_headers=False, access_log=False, log_config=None, lifespan="off", timeout_keep_alive=75
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        eventually(lambda: server.started)
        yield
    finally:
        server.should_exit = True
        thread.join()
