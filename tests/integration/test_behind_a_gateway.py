"""A server behind a gateway believes what comes with its secret, and nobody else: nothing leased, nothing written."""

from __future__ import annotations

import json
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from embedded import EmbeddedServer, answer, served, write_jsonl
from prodigy_team.annotate.serve import LEDGER
from prodigy_team.errors import TeamError
from prodigy_team.servers.secrets import hand_off_token, server_secret
from support import eventually

TASKS = 40


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


def start(folder: Path, state: Path, **mark: Any) -> Any:
    source = write_jsonl(folder / "source.jsonl", ({"text": f"text {number}"} for number in range(TASKS)))
    told = {"team": "t", "name": "pool", "annotators": ["joe", "jane"], "state": str(state), "gateway": True, **mark}
    arguments = ["mark", "ds", str(source), "--view-id", "text"]
    allowed = {"PRODIGY_ALLOWED_SESSIONS": "joe,jane"}
    return served(folder, arguments, PRODIGY_TEAM_SERVER=json.dumps(told), **allowed)


@pytest.fixture
def server(tmp_path: Path, state: Path) -> Iterator[EmbeddedServer]:
    with start(tmp_path, state) as running:
        running.client.headers.update(gateway(state, "joe"))
        yield running


def gateway(state: Path, name: str) -> dict[str, str]:
    return {"X-Prodigy-Team-Secret": server_secret(state, "pool"), "X-Prodigy-Team-Session": name}


def leased(state: Path) -> int:
    """How many tasks somebody holds; a server makes its ledger after it has begun to answer."""
    with closing(sqlite3.connect(state / LEDGER, timeout=60)) as ledger:
        eventually(lambda: ledger.execute("SELECT 1 FROM sqlite_master WHERE name = 'lease'").fetchone())
        count: int = ledger.execute("SELECT count(*) FROM lease").fetchone()[0]
        return count


PATHS = ["/", "/project", "/get_questions", "/team_progress", "/static/app.js", "/favicon.ico", "/nothing"]
POSTS = ["/get_session_questions", "/give_answers", "/confirm_tasks", "/get_session_answers", "/end_session"]


def test_without_the_secret_nothing_is_told_but_that_it_lives(server: EmbeddedServer, state: Path) -> None:
    right = gateway(state, "joe")
    wrong = [
        {},
        {**right, "X-Prodigy-Team-Secret": server_secret(state, "other")},
        {"X-Prodigy-Team-Secret": right["X-Prodigy-Team-Secret"]},
        {"X-Prodigy-Team-Session": "joe", "Authorization": "Basic am9lOmpvZQ==", "X-Remote-User": "joe"},
        {"X-Prodigy-Team-Session": "joe", "Cookie": "prodigy_team_login_pool=x; prodigy_team_browser=y"},
    ]
    for name in right:
        del server.client.headers[name]
    for headers in wrong:
        for path in PATHS:
            assert server.client.get(path, headers=headers).status_code == 403, path
        for path in POSTS:
            assert server.client.post(path, json={"answers": []}, headers=headers).status_code == 403, path
    assert server.client.get("/health").status_code == server.client.get("/version").status_code == 200
    assert leased(state) == 0
    assert server.output().count("Refused ") == 1, "one address, one minute"
    assert right["X-Prodigy-Team-Secret"] not in server.output()


def test_the_session_is_the_gateways_to_say(server: EmbeddedServer, state: Path) -> None:
    assert server.client.get("/project").json()["session_id"] == "ds-joe"
    task = server.pull()["tasks"][0]
    assert task["_session_id"] == "ds-joe"
    for own in (None, "joe", "ds-joe"):
        assert server.pull(own)["session_id"] == "ds-joe"
    given = answer(task, _answer_id="a1")
    assert server.give([given], "ds-joe").status_code == 200
    assert [each["_session_id"] for each in server.stored("ds")] == ["ds-joe"]
    assert server.client.get("/project?session=joe").status_code == 200
    assert server.client.get("/project", headers=gateway(state, "jane")).json()["session_id"] == "ds-jane"
    assert server.client.get("/project", headers=gateway(state, "mallory")).status_code == 403


def test_somebody_else_named_anywhere_is_refused(server: EmbeddedServer, state: Path) -> None:
    task = server.pull()["tasks"][0]
    before = leased(state)
    given = answer(task, _answer_id="a1")
    jane = {"dataset": "ds", "annotator": "ds-jane", "team": "t"}
    for path in PATHS:
        assert server.client.get(f"{path}?session=jane").status_code == 403, path
    assert server.client.get("/project/ds-jane").status_code == 403
    for path in POSTS:
        assert server.client.post(f"{path}?session=jane", json={"answers": []}).status_code == 403, path
    for path in ("/get_session_questions", "/get_session_answers", "/confirm_tasks", "/end_session"):
        assert server.client.post(path, json={"session_id": "ds-jane"}).status_code == 403, path
    for path in ("/get_session_questions", "/get_session_answers", "/confirm_tasks"):
        assert server.client.post(path, json={"owner": jane}).status_code == 403, path
    bodies: list[dict[str, Any]] = [
        {"answers": [given], "session_id": "ds-jane"},
        {"answers": [given], "session_id": "jane"},
        {"answers": [given], "session_id": "other-jane"},
        {"answers": [given], "session_id": "2026-01-01_10-00-00"},
        {"answers": [{**given, "_session_id": "ds-jane"}]},
        {"answers": [{**given, "_session_id": "ds-jane"}], "session_id": "ds-joe"},
        {"answers": [{**given, "_session_id": "other-jane"}]},
        {"answers": [given], "owner": jane},
        {"answers": [], "owner": jane},
        {"answers": [given, {**given, "_session_id": "ds-jane"}]},
    ]
    for body in bodies:
        for headers in ({}, {"Expect": "100-continue"}):  # the short way past ASGI and the ordinary one
            assert server.client.post("/give_answers", json=body, headers=headers).status_code == 403, body
    assert server.stored("ds") == []
    assert leased(state) == before
    assert "not yours" in server.output() or "not for" in server.output()


def test_the_address_in_the_log_is_the_visitors(server: EmbeddedServer) -> None:
    for number in (1, 1, 2):
        server.client.get("/?session=jane", headers={"X-Forwarded-For": f"10.0.0.{number}"})
    told = [line for line in server.output().splitlines() if "Refused" in line]
    assert [line.partition("from ")[2].partition(":")[0] for line in told] == ["'10.0.0.1'", "'10.0.0.2'"]


def test_the_busy_paths_still_go_the_short_way(server: EmbeddedServer, state: Path) -> None:
    """Were it refused there, the ordinary way would answer it all the same, only slower."""
    head = "".join(f"{name}: {value}\r\n" for name, value in gateway(state, "joe").items())
    body = json.dumps({"session_id": "ds-joe", "answers": [answer(server.pull()["tasks"][0], _answer_id="a1")]})
    request = f"POST /give_answers HTTP/1.1\r\nHost: x\r\n{head}Content-Length: {len(body)}\r\n\r\n{body}"
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=60)) as connection:
        connection.sendall(request.encode())
        reply = connection.recv(65536)
    # uvicorn has the date first; the short way begins with what every reply of its has.
    assert reply.startswith(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"), reply[:80]
    assert len(server.stored("ds")) == 1


def test_a_browser_that_is_handed_over_comes_in_by_a_one_time_token(tmp_path: Path, state: Path) -> None:
    with start(tmp_path, state, direct=3600) as server:
        client = server.client
        assert client.get("/").status_code == 403
        token = hand_off_token(server_secret(state, "pool"), "joe", time.time())
        first = client.get(f"/?token={token}")
        assert (first.status_code, first.headers["location"]) == (303, "/")
        assert "HttpOnly" in first.headers["set-cookie"]
        assert "SameSite=Lax" in first.headers["set-cookie"]
        assert client.get("/").status_code == 200
        project = client.get("/project").json()
        assert (project["session_id"], project["gateway"]) == ("ds-joe", None)
        assert client.get("/project?session=jane").status_code == 403
        task = server.pull()["tasks"][0]
        assert server.give([answer(task, _answer_id="a1")]).status_code == 200
        client.cookies.clear()
        assert client.get(f"/?token={token}").status_code == 403, "used before"
        assert token not in server.output()


@pytest.mark.parametrize("left", [b"", b"half of it"])
def test_a_key_that_lost_its_content_signs_nothing(tmp_path: Path, left: bytes) -> None:
    """With an empty key anybody could sign: a power cut must not open the servers."""
    (tmp_path / "gateway.key").write_bytes(left)

    with pytest.raises(TeamError, match="damaged") as error:
        server_secret(tmp_path, "joe")

    assert "delete that file" in error.value.remedy
