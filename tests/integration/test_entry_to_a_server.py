"""Logins in front of a server, as the whole gateway serves them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gateway_support import PASSWORD, hidden_fields, write_roster
from prodigy_team.gateway.accounts import Accounts
from prodigy_team.gateway.app import build_app
from prodigy_team.gateway.guarding import GuardedProtocol
from prodigy_team.gateway.identity import build_people
from prodigy_team.gateway.passwords import hash_password
from prodigy_team.roster import load_roster
from proxy_support import PAGE, Board, RawServer, Servers, read_request, reply, serving
from support import eventually

SEEN: list[dict[str, str]] = []


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers each request, and remembers its headers."""
    while True:
        first, headers, _ = await read_request(reader)
        SEEN.append({**headers, "first": first})
        writer.write(reply(b"a task"))
        await writer.drain()


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where a gateway with a server for joe is, who has a password."""
    roster = load_roster(write_roster(tmp_path, 'base_path = "/x/annot"\nsession_length = "1h"'), os.environ)
    people = build_people(roster)
    people.accounts.set_password("joe", hash_password(PASSWORD))
    with RawServer(echo) as server:
        servers = Servers({"joe": server.place()})
        app = build_app(people, servers, Board(), people.settings)
        with serving(app, protocol=GuardedProtocol) as port:
            yield f"http://127.0.0.1:{port}/x/annot"
    people.close()


def test_from_a_task_to_the_login_and_back_to_the_task(address: str, tmp_path: Path) -> None:
    """The server never sees the cookie; a program of the page is told that the login is over, not shown a form."""
    SEEN.clear()
    with httpx.Client(headers=PAGE, timeout=60) as browser:
        sent = browser.get(f"{address}/a/joe/?x=1")
        assert sent.status_code == 303
        form = hidden_fields(browser.get(httpx.URL(address).join(sent.headers["location"])).text)
        assert form["next"] == "/x/annot/a/joe/?x=1"
        back = browser.post(f"{address}/login", data={**form, "name": "joe", "password": PASSWORD})
        assert back.headers["location"] == "/x/annot/a/joe/?x=1"
        assert browser.get(httpx.URL(address).join(back.headers["location"])).text == "a task"
        assert browser.get(f"{address}/").text == "hello joe"
        assert browser.get(f"{address}/a/Jane/").status_code == 403
        assert [each["first"] for each in SEEN] == ["GET /?x=1 HTTP/1.1"]
        assert "cookie" not in SEEN[0]

        other = Accounts(tmp_path / ".prodigy-team")
        other.end_logins("joe")
        other.close()
        api = {"accept": "application/json", "sec-fetch-mode": "cors"}
        eventually(lambda: browser.get(f"{address}/a/joe/x", headers=api).status_code == 401)
        assert browser.get(f"{address}/a/joe/").headers["location"].startswith("/x/annot/login?next=")
        assert browser.get(f"{address}/nothing").status_code == 303


def test_the_pages_policies_are_there_once(address: str) -> None:
    """Those of the whole gateway and of the page do not contradict each other."""
    answer = httpx.get(f"{address}/login", timeout=60)
    for name in ("content-security-policy", "cache-control", "x-frame-options", "referrer-policy"):
        assert len(answer.headers.get_list(name)) == 1
    assert "'sha256-" in answer.headers["content-security-policy"]
