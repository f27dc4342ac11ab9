"""What passes through the gateway: heads, bodies and ends of connections, over real sockets to a server by hand."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import logging
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from prodigy_team.gateway.asking import is_loopback
from prodigy_team.gateway.forwarding import request_head
from prodigy_team.gateway.limits import Limits
from prodigy_team.gateway.values import Place
from proxy_support import (
    COOKIE,
    PAGE,
    RawServer,
    Running,
    Servers,
    Talk,
    a_gateway,
    read_request,
    read_to_end,
    reply,
)
from support import eventually

MIB = 1024 * 1024


@contextlib.contextmanager
def in_front_of(talk: Talk, folder: Path, *, limits: Limits | None = None) -> Iterator[tuple[RawServer, Running]]:
    """A gateway before joe's server, which is some lines of a test."""
    with (
        RawServer(talk) as server,
        a_gateway(folder, Servers({"joe": server.place()}), limits=limits) as gateway,
    ):
        yield server, gateway


class Mirror:
    """A server that answers each request with what it was sent, and keeps that."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: dict[str, bytes] = {}

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                found = await read_request(reader)
            except asyncio.IncompleteReadError:
                return
            self.seen.append(found)
            path = found[0].split()[1].partition("?")[0]
            content = json.dumps({"line": found[0], "headers": found[1], "size": len(found[2])}).encode()
            writer.write(self.answers.get(path) or reply(content, "Content-Type: application/json"))
            await writer.drain()


@pytest.fixture
def mirror() -> Mirror:
    return Mirror()


@pytest.fixture
def upstream(mirror: Mirror) -> Iterator[RawServer]:
    with RawServer(mirror) as server:
        yield server


@pytest.fixture(params=["", "/annot", "/a/b/c"])
def gateway(request: pytest.FixtureRequest, upstream: RawServer, tmp_path: Path) -> Iterator[Running]:
    place = upstream.place(**{"X-Prodigy-Team-Secret": "s3cret"})
    with a_gateway(tmp_path, Servers({"joe": place}), base=request.param) as running:
        yield running


@pytest.fixture
def plain(upstream: RawServer, tmp_path: Path) -> Iterator[Running]:
    """A gateway at the root, which takes no large bodies."""
    with a_gateway(tmp_path, Servers({"joe": upstream.place()}), limits=Limits(body=MIB)) as running:
        yield running


def test_a_request_goes_to_the_server_below_its_prefix(gateway: Running) -> None:
    with gateway.client("joe") as client:
        found = client.get("/a/joe/project?x=1%202").json()
    assert found["line"] == "GET /project?x=1%202 HTTP/1.1"
    headers = found["headers"]
    assert headers["x-forwarded-prefix"] == f"{gateway.base}/a/joe"
    assert (headers["x-forwarded-for"], headers["x-forwarded-proto"]) == ("127.0.0.1", "http")
    assert headers["x-forwarded-host"] == f"127.0.0.1:{gateway.port}"
    assert (headers["x-prodigy-team-secret"], headers["x-prodigy-team-session"]) == ("s3cret", "joe")


def test_what_a_client_says_in_the_gateways_place_is_not_passed_on(gateway: Running) -> None:
    own = {"X-Prodigy-Team-Session": "jane", "x-prodigy-team-secret": "guessed", "X-Forwarded-User": "jane"}
    own |= {
        "X-Remote-User": "jane",
        "Forwarded": "for=jane",
        "Authorization": "Basic eDp5",
        "X-Forwarded-For": "9.9.9.9",
    }
    with gateway.client("joe") as client:
        headers = client.get("/a/joe/", headers=own).json()["headers"]
    assert headers["x-prodigy-team-session"] == "joe"
    assert headers["x-prodigy-team-secret"] == "s3cret"
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert not {"x-forwarded-user", "x-remote-user", "forwarded", "authorization"} & set(headers)


def test_headers_of_one_hop_go_no_further(gateway: Running, mirror: Mirror) -> None:
    mirror.answers["/once"] = reply(
        b"x", "Connection: X-Mine", "X-Mine: 1", "Keep-Alive: timeout=1", "Server: y", "X-Kept: 1"
    )
    own = {"Connection": "X-Private, keep-alive", "X-Private": "1", "TE": "trailers", "X-Public": "1"}
    with gateway.client("joe") as client:
        headers = client.get("/a/joe/", headers=own).json()["headers"]
        answer = client.get("/a/joe/once").headers
    assert not {"connection", "x-private", "te"} & set(headers)
    assert headers["x-public"] == "1"
    assert not {"x-mine", "keep-alive", "server"} & set(answer)
    assert answer["x-kept"] == "1"


def test_the_gateways_own_cookie_stays_with_it(gateway: Running, mirror: Mirror) -> None:
    mirror.answers["/set"] = reply(
        b"", f"Set-Cookie: {COOKIE}=jane; Path=/", "Set-Cookie: view=2; Path=/; Domain=example.org; HttpOnly"
    )
    with gateway.client("joe") as client:
        headers = client.get("/a/joe/", headers={"Cookie": f"a=1; {COOKIE}=joe; b=2"}).json()["headers"]
        assert headers["cookie"] == "a=1; b=2"
        assert "cookie" not in client.get("/a/joe/").json()["headers"]
        cookies = client.get("/a/joe/set").headers.get_list("set-cookie")
    assert cookies == [f"view=2; Path={gateway.base}/a/joe/; HttpOnly"]


@pytest.mark.parametrize(
    ("said", "passed"),
    [
        ("/project", "{prefix}/project"),
        ("project?x", "project?x"),
        ("http://127.0.0.1:{port}/x", "{prefix}/x"),
        ("https://example.org/x", "https://example.org/x"),
        ("//example.org/x", "//example.org/x"),
        ("http://[broken", "http://[broken"),
    ],
)
def test_addresses_that_a_server_names_lead_through_the_gateway(
    gateway: Running, mirror: Mirror, upstream: RawServer, said: str, passed: str
) -> None:
    mirror.answers["/go"] = reply(b"", f"Location: {said.format(port=upstream.port)}", status="307 Temporary Redirect")
    with gateway.client("joe") as client:
        answer = client.get("/a/joe/go")  # and is not followed
    assert (answer.status_code, answer.headers["location"]) == (307, passed.format(prefix=f"{gateway.base}/a/joe"))


def test_an_answer_gets_the_headers_that_its_server_left_out_and_keeps_its_own(plain: Running, mirror: Mirror) -> None:
    mirror.answers["/own"] = reply(b"", "Content-Security-Policy: default-src 'self'", "Access-Control-Allow-Origin: *")
    with plain.client("joe") as client:
        assert client.get("/a/joe/").headers["content-security-policy"] == "frame-ancestors 'self'"
        answer = client.get("/a/joe/own").headers
    assert answer.get_list("content-security-policy") == ["default-src 'self'"]
    assert answer["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in answer


def test_a_compressed_answer_passes_unchanged(plain: Running, mirror: Mirror) -> None:
    packed = gzip.compress(b"hello" * 1000)
    mirror.answers["/packed"] = reply(packed, "Content-Encoding: gzip")
    with plain.client("joe") as client, client.stream("GET", "/a/joe/packed") as answer:
        assert b"".join(answer.iter_raw()) == packed


@pytest.mark.parametrize("size", [0, 1, 70_000, 900_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_comes_whole(plain: Running, mirror: Mirror, size: int, chunked: bool) -> None:
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    parts = (content[at : at + 10_000] for at in range(0, size, 10_000))
    with plain.client("joe") as client:
        assert client.post("/a/joe/give_answers", content=parts if chunked else content).json()["size"] == size
        assert client.get("/a/joe/").status_code == 200
    assert mirror.seen[0][2] == content


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_refused(plain: Running, mirror: Mirror, chunked: bool) -> None:
    content = b"x" * (2 * MIB)
    parts = (content[at : at + 10_000] for at in range(0, len(content), 10_000))
    with plain.client("joe") as client:
        # The gateway reads no further, which some clients notice before they read.
        with contextlib.suppress(httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
            assert client.post("/a/joe/", content=parts if chunked else content).status_code == 413
        assert client.get("/a/joe/").status_code == 200
    assert all(len(body) <= MIB for _, _, body in mirror.seen)


def test_an_answer_comes_in_parts_as_its_server_sends_them(tmp_path: Path) -> None:
    proceed = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await proceed.wait()
        writer.write(b"4\r\nlast\r\n0\r\n\r\n")
        await writer.drain()

    with (
        in_front_of(talk, tmp_path) as (server, gateway),
        gateway.client("joe") as client,
        client.stream("GET", "/a/joe/") as answer,
    ):
        parts = answer.iter_raw()
        assert next(parts) == b"first"
        server._loop.call_soon_threadsafe(proceed.set)
        assert b"".join(parts) == b"last"


def test_an_answer_that_ends_with_its_connection_is_whole(tmp_path: Path) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nall of it")

    with in_front_of(talk, tmp_path) as (_, gateway), gateway.client("joe") as client:
        assert client.get("/a/joe/").text == "all of it"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"", 502),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", 502),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nhalf", 502),
        (b"nonsense\r\n\r\n", 502),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", 502),
        (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 100_000, 502),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", 204),
    ],
)
def test_a_server_that_breaks_off_is_told_as_such(tmp_path: Path, sent: bytes, status: int) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(sent)
        await writer.drain()

    with in_front_of(talk, tmp_path) as (server, gateway), gateway.client("joe") as client:
        answer = client.post("/a/joe/give_answers", json={})
    assert answer.status_code == status
    assert status == 204 or "detail" in answer.json()
    assert server.connections == 1  # a POST is not sent twice


def test_a_long_answer_that_breaks_off_does_not_look_whole(tmp_path: Path) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await writer.drain()

    with (
        in_front_of(talk, tmp_path) as (_, gateway),
        gateway.client("joe") as client,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        client.get("/a/joe/")


def test_a_connection_closed_meanwhile_costs_no_request(tmp_path: Path) -> None:
    """A server may close a kept connection at the moment when the next request is under way."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(reply(b"once"))
        await read_request(reader)  # and closes without a word

    with in_front_of(talk, tmp_path) as (_, gateway), gateway.client("joe") as client:
        assert [client.get("/a/joe/").text for _ in range(6)] == ["once"] * 6


def test_connections_to_a_server_are_kept(plain: Running, upstream: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prodigy_team.gateway.upstream.KEPT_SECONDS", 600.0)
    with plain.client("joe") as client:
        for _ in range(20):
            assert client.get("/a/joe/").status_code == 200
            assert client.post("/a/joe/", json={}).status_code == 200
    assert upstream.connections == 1


def test_an_unused_connection_is_closed_before_its_server_does_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that meets the closing is lost to its sender, for it must not be sent twice."""
    monkeypatch.setattr("prodigy_team.gateway.upstream.KEPT_SECONDS", 0.0)
    ended = threading.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(reply(b"{}"))
        assert await reader.read() == b""
        ended.set()

    with in_front_of(talk, tmp_path) as (_, gateway), gateway.client("joe") as client:
        assert client.get("/a/joe/project").status_code == 200
        assert ended.wait(60)


def test_head_has_no_body_and_harms_no_connection(plain: Running) -> None:
    with plain.client("joe") as client:
        answer = client.head("/a/joe/")
        assert (answer.status_code, answer.content) == (200, b"")
        assert int(answer.headers["content-length"]) > 0
        assert client.get("/a/joe/").status_code == 200


def test_a_server_that_never_answers_is_given_up(tmp_path: Path) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG001
        await read_request(reader)
        await reader.read()

    limits = Limits(reply_seconds=0.2)
    with in_front_of(talk, tmp_path, limits=limits) as (_, gateway), gateway.client("joe") as client:
        assert client.get("/a/joe/").status_code == 504


def test_a_client_that_goes_away_frees_its_servers_connection(tmp_path: Path) -> None:
    left: list[bool] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG001
        await read_request(reader)
        left.append(False)
        await reader.read()
        left.append(True)

    with in_front_of(talk, tmp_path) as (_, gateway):
        with socket.create_connection(("127.0.0.1", gateway.port)) as connection:
            connection.sendall(f"GET /a/joe/ HTTP/1.1\r\nHost: x\r\nCookie: {COOKIE}=joe\r\n\r\n".encode())
            eventually(lambda: left, message="the server's turn")
        eventually(lambda: True in left, message="the end of the server's connection")


def test_what_a_client_no_longer_waits_for_is_not_asked_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing has come on a connection used before: as where its server has closed it, but it was the gateway."""
    monkeypatch.setattr("prodigy_team.gateway.upstream.KEPT_SECONDS", 600.0)
    caplog.set_level(logging.INFO, logger="prodigy_team")
    asked: list[str] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await read_request(reader))[0])
        writer.write(reply(b"served"))
        asked.append((await read_request(reader))[0])
        await reader.read()

    with in_front_of(talk, tmp_path) as (_, gateway):
        with gateway.client("joe") as client:
            client.get("/a/joe/1")
        with socket.create_connection(("127.0.0.1", gateway.port)) as connection:
            connection.sendall(f"GET /a/joe/2 HTTP/1.1\r\nHost: x\r\nCookie: {COOKIE}=joe\r\n\r\n".encode())
            eventually(lambda: len(asked) == 2, message="the server's turn")
        eventually(lambda: "GET /a/joe/2" in caplog.text, message="the access log")
    assert asked == ["GET /1 HTTP/1.1", "GET /2 HTTP/1.1"]
    assert "GET /a/joe/2 499" in caplog.text


def test_a_client_that_reads_slowly_holds_little_of_a_large_answer(tmp_path: Path) -> None:
    """The server cannot send on while nobody reads: neither the gateway nor the sockets hold 64 MB."""
    sent = [0]

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (64 * MIB))
        for _ in range(64 * 16):
            writer.write(b"x" * (MIB // 16))
            await writer.drain()
            sent[0] += MIB // 16

    with (
        in_front_of(talk, tmp_path) as (_, gateway),
        socket.create_connection(("127.0.0.1", gateway.port)) as connection,
    ):
        request = f"GET /a/joe/ HTTP/1.1\r\nHost: x\r\nCookie: {COOKIE}=joe\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        connection.recv(1000)
        before = -1

        def is_still() -> bool:
            nonlocal before
            before, now = sent[0], before
            return now == before > 0

        eventually(is_still, message="a standstill")
        assert sent[0] < 32 * MIB
        rest = read_to_end(connection)
        assert len(rest) > 63 * MIB


def test_a_server_that_is_gone_is_woken_again(tmp_path: Path) -> None:
    servers = Servers()
    with RawServer(Mirror()) as server:
        place = server.place()
    servers.places["joe"] = place
    with a_gateway(tmp_path, servers) as gateway, gateway.client("joe") as client:
        answer = client.post("/a/joe/give_answers", json={})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert servers.losses == ["joe"]
        eventually(lambda: "joe" in servers.places, message="a start")


def test_many_requests_at_once_each_get_their_own_answer(tmp_path: Path) -> None:
    def ask(connection: socket.socket, number: int) -> None:
        head = f"GET /a/joe/x{number} HTTP/1.1\r\nHost: x\r\nCookie: {COOKIE}=joe\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode())

    with in_front_of(Mirror(), tmp_path) as (_, gateway), contextlib.ExitStack() as stack:
        opened = [socket.create_connection(("127.0.0.1", gateway.port), timeout=60) for _ in range(100)]
        for number, connection in enumerate(opened):
            ask(stack.enter_context(connection), number)
        for number, connection in enumerate(opened):
            assert f"GET /x{number} HTTP/1.1".encode() in read_to_end(connection)


def test_pages_are_told_from_programs(plain: Running) -> None:
    with plain.client() as client:
        assert client.get("/a/joe/", headers=PAGE).headers["location"] == "/login?next=/a/joe/"
        answer = client.get("/a/joe/project")
    assert (answer.status_code, answer.json()) == (401, {"detail": "You are not logged in, or no longer."})


def test_addresses_of_ipv6_are_written_and_known_as_such() -> None:
    place = Place("joe", "embedded", "::1", 8081)
    head = request_head(method="GET", target=b"/", lines=[], place=place, session="joe", forwarded=[])
    assert b"\r\nhost: [::1]:8081\r\n" in head
    assert is_loopback("::ffff:127.0.0.1"), "so a socket for both kinds of address names this machine"
