"""What the gateway answers to requests that no page of its own sends, and when it cannot look something up."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway_support import write_roster
from prodigy_team.errors import TeamError
from prodigy_team.gateway.app import build_app
from prodigy_team.gateway.guarding import GuardedProtocol
from prodigy_team.gateway.identity import build_people
from prodigy_team.gateway.sessions import session_routes
from prodigy_team.gateway.values import Scope, Visitor
from prodigy_team.roster import load_roster
from proxy_support import PAGE, Board, People, Servers, gateway_settings, serving
from support import eventually


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of a gateway with real logins, where scripts may ask for sessions."""
    people = build_people(load_roster(write_roster(tmp_path_factory.mktemp("gateway")), {}))
    servers: Any = Servers()
    more = session_routes(people, servers, people.settings)
    app = build_app(people, servers, Board(), people.settings, more=more)
    with serving(app, protocol=GuardedProtocol) as found:
        yield found
    people.close()


HALF = '"\\ud800"'


@pytest.mark.parametrize(
    "body",
    [
        f'{{"annotator": {HALF}, "password": "x"}}',
        f'{{"annotator": "joe", "password": {HALF}}}',
        '{"annotator": 1, "password": "x"}',
        '{"annotator": ["joe"], "password": null}',
        '["annotator", "password"]',
        "[" * 3000,
        "annotator=%FF&password=x",
    ],
)
def test_names_that_are_none_are_refused_by_their_form(port: int, body: str, caplog: pytest.LogCaptureFixture) -> None:
    for kind in ("application/json", "application/x-www-form-urlencoded"):
        reply = httpx.post(
            f"http://127.0.0.1:{port}/api/start_session",
            content=body,
            headers={"Content-Type": kind},
            trust_env=False,
            timeout=60,
        )
        assert reply.status_code == 400
        assert "annotator" in reply.json()["msg"]
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


@pytest.mark.parametrize("path", ["/api/start_session", "/login", "/logout", "/invitation/x"])
def test_forms_that_are_cut_off_are_no_failure_of_the_gateway(
    port: int, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nContent-Type: application/json\r\n\r\n"
        connection.sendall(head.encode() + b"half")
    eventually(lambda: " 499 " in caplog.text, message="the access log")
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


class Unreadable(People):
    """Logins in a file that cannot be read."""

    def visitor(self, scope: Scope) -> Visitor | None:
        if scope["path"] == "/":
            return super().visitor(scope)
        raise TeamError("gateway.db: disk I/O error", remedy="Check the disk.")


def test_what_cannot_be_looked_up_is_said_and_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    app = build_app(Unreadable(), Servers(), Board(), gateway_settings(tmp_path))
    with (
        serving(app, protocol=GuardedProtocol) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        for path in ("/a/joe/", "/dashboard"):
            reply = client.get(path)
            assert (reply.status_code, reply.headers["retry-after"]) == (503, "5")
            assert "tell whoever runs the project" in reply.json()["detail"]
            assert "nothing is lost" in client.get(path, headers=PAGE).text
    assert caplog.text.count("disk I/O error") == 1
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]
