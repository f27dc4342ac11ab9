"""Small requests to the busy paths go a short way past ASGI: with the same replies, whatever comes over the wire."""

from __future__ import annotations

import json
import signal
import socket
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from embedded import EmbeddedServer, answer, served, write_jsonl
from support import eventually


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    source = write_jsonl(tmp_path / "source.jsonl", ({"text": f"text {number}"} for number in range(60)))
    with served(tmp_path, ["mark", "ds", str(source), "--view-id", "text"]) as running:
        yield running


def post(server: EmbeddedServer, path: str, body: bytes, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers but the date, and body of the reply to one request."""
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)) as connection:
        connection.request("POST", path, body, {"Content-Type": "application/json", **headers})
        reply = connection.getresponse()
        found = {name.lower(): value for name, value in reply.getheaders()}
        assert found.pop("date")
        return reply.status, found, reply.read()


def encoded(session: str, *answers: Mapping[str, Any], **more: Any) -> bytes:
    return json.dumps({"session_id": session, **({"answers": answers} if answers else {}), **more}).encode()


PATIENCE = 100  # seconds
# uvicorn alone answers where a client expects 100-continue.
ORDINARY = {"Expect": "100-continue"}


def test_both_ways_give_the_same_replies(server: EmbeddedServer) -> None:
    task = server.pull("ds-ana")["tasks"][0]
    given = answer(task, _answer_id="a1")
    server.give([given], "ds-ana")
    cases = [
        ("/get_session_questions", encoded("ds-ana"), 200),
        ("/get_session_questions", encoded("ds-ana", held=[task["_task_hash"]]), 200),
        ("/get_session_questions", encoded("ds-ana", owner={"dataset": "other", "annotator": "ds-ana"}), 403),
        ("/get_session_questions", b"{", 400),
        ("/get_session_questions", b"[]", 422),
        ("/give_answers", encoded("ds-ana", given), 200),
        ("/give_answers", encoded("ds-ana", {**given, "answer": "reject"}), 409),
        ("/give_answers", encoded("ds-ana", {"answer": "accept"}), 422),
        ("/give_answers", b'{"answers": []}', 200),
    ]
    for path, body, status in cases:
        short = post(server, path, body)
        assert short[0] == status, (path, body, short)
        assert short == post(server, path, body, **ORDINARY)
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert post(server, "/give_answers", encoded("ds-ana", given), **foreign)[0] == 403
    assert post(server, "/get_session_questions", encoded("ds-ana"), **foreign)[0] == 403
    assert len(server.stored("ds")) == 1


def test_requests_in_one_packet_and_in_pieces_are_answered_in_their_order(server: EmbeddedServer) -> None:
    tasks = server.pull("ds-ana")["tasks"][:6]
    requests = b"".join(_request("/give_answers", encoded("ds-ana", answer(each))) for each in tasks)
    requests += _request("/get_session_questions", encoded("ds-ana"))
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)) as connection:
        connection.sendall(requests)
        replies = [_reply(connection) for _ in range(7)]
        assert [each["total"] for each in replies] == [1, 2, 3, 4, 5, 6, 6]
        assert [json.loads(each)["text"] for each in server.contents("ds")] == [each["text"] for each in tasks]
        for number in range(0, 300, 7):
            connection.sendall(requests[number : number + 7])
        connection.sendall(requests[301:])
        assert [_reply(connection)["total"] for _ in range(7)] == [6] * 7
    assert len(server.stored("ds")) == 6


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_client_that_wants_the_connection_closed_gets_that(server: EmbeddedServer, version: str) -> None:
    server.pull("ds-ana")
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)) as connection:
        request = _request("/get_session_questions", encoded("ds-ana"), "Connection: close")
        connection.sendall(request.replace(b"HTTP/1.1", f"HTTP/{version}".encode()))
        assert len(_reply(connection)["tasks"]) == 10
        assert connection.recv(1) == b""


def test_an_answer_that_waits_for_the_disk_is_confirmed_before_the_server_ends(server: EmbeddedServer) -> None:
    request = _request("/give_answers", encoded("ds-ana", answer(server.pull("ds-ana")["tasks"][0])))
    assert server.process is not None
    with (
        closing(sqlite3.connect(server.database, timeout=PATIENCE, isolation_level=None)) as other,
        closing(_connected(server)) as waiting,
        closing(_connected(server)) as gone,
    ):
        other.execute("BEGIN IMMEDIATE")
        waiting.sendall(request)
        gone.sendall(request)
        gone.close()
        server.pull("ds-ana")  # by now they have been read
        server.process.send_signal(signal.SIGTERM)
        eventually(lambda: not _accepts(server.port), within=3)
        other.execute("ROLLBACK")
        assert _reply(waiting)["total"] == 1
        assert waiting.recv(1) == b""
    assert server.process.wait(PATIENCE) == 0
    assert len(server.stored("ds")) == 1


def test_what_waits_for_the_disk_does_not_keep_a_server_from_ending(server: EmbeddedServer) -> None:
    request = _request("/give_answers", encoded("ds-ana", answer(server.pull("ds-ana")["tasks"][0])))
    assert server.process is not None
    with (
        closing(sqlite3.connect(server.database, timeout=PATIENCE, isolation_level=None)) as other,
        closing(_connected(server)) as waiting,
    ):
        other.execute("BEGIN IMMEDIATE")
        waiting.sendall(request)
        server.pull("ds-ana")
        server.process.send_signal(signal.SIGTERM)
        with suppress(ConnectionResetError):  # cut off without a reply, so that the page sends it again
            assert waiting.recv(1) == b""
        other.execute("ROLLBACK")
        assert server.process.wait(PATIENCE) == 0


def _connected(server: EmbeddedServer) -> socket.socket:
    """A connection that the server has accepted, so that it reads what comes next before what comes after that."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
    connection.sendall(_request("/get_session_questions", encoded("ds-ana")))
    _reply(connection)
    return connection


def _request(path: str, body: bytes, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def _reply(connection: socket.socket) -> dict[str, Any]:
    """One reply, read to its last byte and no further."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        assert byte, f"the connection was closed after {head!r}"
        head += byte
    assert head.startswith(b"HTTP/1.1 200 OK\r\n"), head
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    body = b""
    while len(body) < length:
        part = connection.recv(length - len(body))
        assert part, f"the connection was closed after {body!r}"
        body += part
    found: dict[str, Any] = json.loads(body)
    return found


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
