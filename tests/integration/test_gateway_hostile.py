"""What a gateway does with requests that mean harm: refuses them by a 4xx, logs nothing of theirs, and serves on."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from fronts import self_signed
from prodigy_team.gateway.guarding import Guard
from prodigy_team.gateway.limits import Limits
from prodigy_team.gateway.seldom import Seldom
from prodigy_team.gateway.throttle import counted_address
from proxy_support import (
    COOKIE,
    PAGE,
    RawServer,
    Running,
    Servers,
    a_gateway,
    read_request,
    read_to_end,
    reply,
)
from support import eventually

LOGGED_IN = f"Cookie: {COOKIE}=joe\r\n".encode()
BODY = 100_000
SECRET = "do-not-log-this"


class Seen:
    """A server that keeps the first line of each request."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            self.lines.append((await read_request(reader))[0])
            writer.write(reply(b"served"))


@pytest.fixture(scope="module")
def seen() -> Seen:
    return Seen()


@pytest.fixture(scope="module")
def gateway(seen: Seen, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with RawServer(seen) as server:
        servers = Servers({"joe": server.place(), "jane": server.place()})
        with a_gateway(tmp_path_factory.mktemp("gateway"), servers, limits=Limits(body=BODY)) as running:
            yield running


@pytest.fixture(autouse=True)
def serves_on(gateway: Running, seen: Seen) -> Iterator[None]:
    """Whatever a test does: the next one is served, and nothing has reached a server but what says so."""
    seen.lines.clear()
    yield
    with gateway.client("joe") as client:
        assert client.get("/a/joe/afterwards").text == "served"


def statuses(answer: bytes) -> list[int]:
    """The status of each answer that came."""
    return [int(each) for each in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


HOST = b"Host: x\r\n" + LOGGED_IN
SMUGGLED = b"GET /a/jane/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"

AMBIGUOUS = {
    "two lengths": b"POST /a/joe/ HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    "the same length twice": b"POST /a/joe/ HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
    "a list of lengths": b"POST /a/joe/ HTTP/1.1\r\n" + HOST + b"Content-Length: 4, 4\r\n\r\nabcd",
    "length and coding": b"POST /a/joe/ HTTP/1.1\r\n"
    + HOST
    + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    + SMUGGLED,
    "coding and length": b"POST /a/joe/ HTTP/1.1\r\n"
    + HOST
    + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"
    + SMUGGLED,
    "two codings": b"POST /a/joe/ HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "coding twice": b"POST /a/joe/ HTTP/1.1\r\n"
    + HOST
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "unknown coding": b"POST /a/joe/ HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "coding with a blank before": b"POST /a/joe/ HTTP/1.1\r\n" + HOST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "coding in HTTP/1.0": b"POST /a/joe/ HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "negative length": b"POST /a/joe/ HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n",
    "length with a plus": b"POST /a/joe/ HTTP/1.1\r\n" + HOST + b"Content-Length: +4\r\n\r\nabcd",
    "hexadecimal length": b"POST /a/joe/ HTTP/1.1\r\n" + HOST + b"Content-Length: 0x4\r\n\r\nabcd",
    "huge length": b"POST /a/joe/ HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999999999999999\r\n\r\n",
    "chunk of a wrong size": b"POST /a/joe/ HTTP/1.1\r\n"
    + HOST
    + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n",
    "chunk of a huge size": b"POST /a/joe/ HTTP/1.1\r\n"
    + HOST
    + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabcd\r\n",
    "chunk without a size": b"POST /a/joe/ HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "folded header": b"GET /a/joe/ HTTP/1.1\r\n"
    + HOST
    + b"Transfer-Encoding:\r\n chunked\r\nContent-Length: 3\r\n\r\nabc",
    "header without a colon": b"GET /a/joe/ HTTP/1.1\r\n" + HOST + b"nonsense\r\n\r\n",
    "blank before a header": b"GET /a/joe/ HTTP/1.1\r\n X: y\r\n" + HOST + b"\r\n",
    "NUL in a header": b"GET /a/joe/ HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n",
    "bare CR in a header": b"GET /a/joe/ HTTP/1.1\r\n" + HOST + b"X: a\rY: b\r\n\r\n",
    "two hosts": b"GET /a/joe/ HTTP/1.1\r\n" + HOST + b"Host: y\r\n\r\n",
    "no host": b"GET /a/joe/ HTTP/1.1\r\n" + LOGGED_IN + b"\r\n",
    "empty host": b"GET /a/joe/ HTTP/1.1\r\nHost:\r\n" + LOGGED_IN + b"\r\n",
    "whole address": b"GET http://other.example/a/joe/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "tunnel": b"CONNECT /a/joe/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "tunnel to a host": b"CONNECT 127.0.0.1:22 HTTP/1.1\r\n" + HOST + b"\r\n",
    "star": b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    "other protocol": b"GET /a/joe/ HTTP/3.7\r\n" + HOST + b"\r\n",
    "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/2 in the words of HTTP/1.1": b"GET /a/joe/ HTTP/2.0\r\n" + HOST + b"\r\n",
    "HTTP/0.9 by name": b"GET /a/joe/ HTTP/0.9\r\n" + HOST + b"\r\n",
    "no protocol": b"GET /a/joe/\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)),
    "websocket": b"GET /a/joe/ HTTP/1.1\r\n"
    + HOST
    + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n\r\n",
    "trace": b"TRACE /a/joe/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "unknown method": b"STEAL /a/joe/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "long address": b"GET /a/joe/" + b"x" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "long header": b"GET /a/joe/ HTTP/1.1\r\n" + HOST + b"X: " + b"y" * 40_000 + b"\r\n\r\n",
    "endless header": b"GET /a/joe/ HTTP/1.1\r\n" + HOST + b"X: " + b"y" * 400_000,
    "many headers": b"GET /a/joe/ HTTP/1.1\r\n" + HOST + b"X: y\r\n" * 200 + b"\r\n",
}


@pytest.mark.parametrize("request_bytes", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_what_two_readers_could_read_differently_is_refused(gateway: Running, seen: Seen, request_bytes: bytes) -> None:
    found = statuses(gateway.say(request_bytes))
    assert len(found) == 1, "one answer, and the connection is closed"
    assert found[0] in {400, 405, 413, 414, 431}, "refused for its form, before anybody asks whose it is"
    assert seen.lines == []


PATHS = [
    "/a/joe/../jane/",
    "/a/joe/..",
    "/a/joe/./x",
    "/a/joe/%2e%2e/jane/",
    "/a/joe/%2E./jane/",
    "/a/joe%2f..%2fjane/",
    "/a/joe/x%2Fy",
    "/a/joe/%5c..%5cjane",
    "/a/joe/..\\jane/",
    "/a/joe//jane/",
    "//a/joe/",
    "/a/joe/%00",
    "/a/joe/%0d%0aX:y",
    "/a/joe/%zz",
    "/a/joe/%",
    "/a/joe/#x",
    "/../a/joe/",
    "/a/../a/joe/",
]


@pytest.mark.parametrize("path", PATHS)
def test_paths_that_could_mean_others_are_refused(gateway: Running, seen: Seen, path: str) -> None:
    request = f"GET {path} HTTP/1.1\r\nConnection: close\r\n".encode() + HOST + b"\r\n"
    assert statuses(gateway.say(request)) == [400]
    assert seen.lines == []


@pytest.mark.parametrize(
    "path",
    [
        "/a/jane/",
        "/a/jane",
        "/a/Joe/",
        "/a/%6aoe/",
        "/a/joe%20/",
        "/a/",
        "/a/boss/project",
        "/a/joe/?session=jane",
        "/a/joe/x?a=b&session=jane",
        "/a/joe/x?s%65ssion=jane",
        "/a/joe/?session=joe&session=jane",
        "/a/joe/?session",
    ],
)
def test_nobody_else_can_be_named(gateway: Running, seen: Seen, path: str) -> None:
    with gateway.client("joe") as client:
        assert client.get(path).status_code == 403
        assert client.get(path, headers=PAGE).status_code == 403
        assert client.post(path, json={"answers": []}).status_code == 403
    assert seen.lines == []


def test_a_manager_acts_for_nobody(gateway: Running, seen: Seen) -> None:
    with gateway.client("boss") as client:
        assert client.get("/a/joe/").status_code == 403
        assert client.get("/a/boss/").status_code == 404
        assert client.get("/dashboard").status_code == 200
    with gateway.client("joe") as client:
        assert client.get("/dashboard").status_code == 403
    assert seen.lines == []


def test_their_own_session_may_be_named(gateway: Running, seen: Seen) -> None:
    with gateway.client("joe") as client:
        assert client.get("/a/joe/?session=joe").text == "served"
    assert seen.lines == ["GET /?session=joe HTTP/1.1"]


@pytest.mark.parametrize(
    "site", [b"Sec-Fetch-Site: cross-site", b"Sec-Fetch-Site: same-site", b"Origin: http://y", b"Origin: null"]
)
@pytest.mark.parametrize("path", [b"/a/joe/give_answers", b"/login"])
def test_other_sites_pages_change_nothing(gateway: Running, seen: Seen, site: bytes, path: bytes) -> None:
    head = b"POST " + path + b" HTTP/1.1\r\n" + HOST + site + b"\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
    assert statuses(gateway.say(head)) == [403]
    assert seen.lines == []
    own = head.replace(site, b"Origin: http://x")
    assert statuses(gateway.say(own)) == [200]


def test_one_request_after_another_on_one_connection(gateway: Running, seen: Seen) -> None:
    two = (b"GET /a/joe/1 HTTP/1.1\r\n" + HOST + b"\r\n") + (
        b"POST /a/joe/2 HTTP/1.1\r\nConnection: close\r\n" + HOST + b"Content-Length: 2\r\n\r\n{}"
    )
    assert statuses(gateway.say(two)) == [200, 200]
    assert seen.lines == ["GET /1 HTTP/1.1", "POST /2 HTTP/1.1"]


def test_an_answer_under_way_is_not_lost_to_nonsense_behind_it(gateway: Running, seen: Seen) -> None:
    answer = gateway.say(b"GET /a/joe/1 HTTP/1.1\r\n" + HOST + b"\r\n" + b"nonsense\r\n\r\n")
    assert statuses(answer)[0] == 200
    assert answer.endswith(b"served") or statuses(answer) == [200, 400]
    assert seen.lines == ["GET /1 HTTP/1.1"]


def test_an_upgrade_to_what_nobody_speaks_is_answered_as_if_not_asked(gateway: Running, seen: Seen) -> None:
    head = b"GET /a/joe/1 HTTP/1.1\r\n" + HOST + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    assert statuses(gateway.say(head + b"HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n" + SMUGGLED)) == [200]
    assert seen.lines == ["GET /1 HTTP/1.1"]


CHUNKED = b"POST /a/joe/1 HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n"


def test_headers_after_the_body_are_not_the_requests(gateway: Running) -> None:
    """Else they would pass by whatever looked at the head: a proxy in front, and the gateway itself."""
    heads: list[dict[str, str]] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await read_request(reader))[1])
        writer.write(reply(b"served", "Connection: close"))

    trailers = b"0\r\nX-Thing: late\r\nCookie: a=late\r\n\r\n"
    with RawServer(talk) as server:
        former, gateway.servers.places["joe"] = gateway.servers.places["joe"], server.place()
        try:
            last = SMUGGLED.replace(b"Host: x", b"Host: x\r\nConnection: close")
            assert statuses(gateway.say(CHUNKED + trailers + last)) == [200, 401]
        finally:
            gateway.servers.places["joe"] = former
    [head] = heads
    assert "late" not in str(head)


@pytest.mark.parametrize("endless", [b"0\r\n" + b"x: y\r\n" * 150_000, b"1;" + b"x" * 900_000])
def test_what_stands_around_a_body_has_an_end(gateway: Running, endless: bytes) -> None:
    """It counts as no body, and would be gathered for as long as a client likes."""
    assert statuses(gateway.say(CHUNKED + endless))[:1] in ([431], [])
    assert "joe" not in gateway.servers.losses


SLOW = {
    "says nothing": b"",
    "half a head": b"GET /a/joe/ HTTP/1.1\r\nHost: x\r\n",
    "half a body": b"POST /a/joe/ HTTP/1.1\r\n" + HOST + b"Content-Length: 100\r\n\r\nabc",
    "half a large body": b"POST /a/joe/ HTTP/1.1\r\n" + HOST + b"Content-Length: 90000\r\n\r\n" + b"x" * 70_000,
}


@contextlib.contextmanager
def slow_senders(gateway: Running) -> Iterator[list[socket.socket]]:
    """Some connections of each kind, as such attacks open them."""
    with contextlib.ExitStack() as stack:
        opened = [socket.create_connection(("127.0.0.1", gateway.port), timeout=60) for _ in range(40)]
        for number, connection in enumerate(map(stack.enter_context, opened)):
            connection.sendall(list(SLOW.values())[number % 4])
        yield opened


def test_slow_senders_hold_nobody_up(gateway: Running) -> None:
    with slow_senders(gateway) as connections:
        with gateway.client("joe") as client:
            assert client.get("/a/joe/").text == "served"
        assert len(gateway.app.guard) >= len(connections), "none was sent away meanwhile"
    eventually(lambda: len(gateway.app.guard) == 0, message="an end of their connections")


def test_slow_senders_are_sent_away(tmp_path: Path, seen: Seen) -> None:
    limits = Limits(body=BODY, head_seconds=1, body_seconds=1, body_rate=BODY, blocked_seconds=1)
    with (
        RawServer(seen) as server,
        a_gateway(tmp_path, Servers({"joe": server.place()}), limits=limits) as gateway,
        slow_senders(gateway) as connections,
    ):
        for number, connection in enumerate(connections):
            found = statuses(read_to_end(connection))
            assert found in ([408], [502], []), list(SLOW)[number % 4]
        eventually(lambda: len(gateway.app.guard) == 0, message="an end of their connections")


def test_one_address_cannot_take_all_connections(tmp_path: Path, seen: Seen) -> None:
    limits = Limits(connections=5)
    with RawServer(seen) as server, a_gateway(tmp_path, Servers({"joe": server.place()}), limits=limits) as gateway:
        held = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(5)]
        eventually(lambda: len(gateway.app.guard) == 5)
        assert statuses(gateway.say(b"")) == [503]
        for each in held:
            each.close()
        eventually(lambda: len(gateway.app.guard) == 0)
        with gateway.client("joe") as client:
            assert client.get("/a/joe/").text == "served"


@pytest.mark.parametrize("loop", ["asyncio", "auto"])
def test_a_handshake_that_is_never_ended_is_counted_and_cut_off(tmp_path: Path, seen: Seen, loop: str) -> None:
    self_signed(tmp_path)
    certificate = tmp_path / "tls.pem", tmp_path / "tls.key"
    limits = Limits(connections=2, handshake_seconds=600)
    with (
        RawServer(seen) as server,
        a_gateway(
            tmp_path, Servers({"joe": server.place()}), limits=limits, loop=loop, certificate=certificate
        ) as gateway,
    ):
        guard = gateway.app.guard
        silent = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(2)]
        eventually(lambda: len(guard) == 2, message="two that are counted")
        assert gateway.say(b"") == b""  # a third is not taken
        for each in silent:
            each.close()
        eventually(lambda: len(guard) == 0, message="an end of their connections")
        guard.limits = replace(limits, handshake_seconds=0.5)
        assert gateway.say(b"") == b""
        gateway.say(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")  # no TLS at all
        eventually(lambda: len(guard) == 0, message="an end of their connections")
        guard.limits = limits
        verify = ssl.create_default_context(cafile=str(certificate[0]))
        address = f"https://localhost:{gateway.port}"
        with httpx.Client(base_url=address, verify=verify, trust_env=False, timeout=60) as client:
            assert client.get("/a/joe/", headers={"Cookie": f"{COOKIE}=joe"}).text == "served"


def test_a_household_is_one_address_and_others_still_come_in() -> None:
    """With version 6 each has 2 to the 64 addresses to itself."""
    seldom = Seldom(logging.getLogger("test"))
    guard = Guard(Limits(connections=10, connections_each=2), is_trusted=lambda each: each == "::1", seldom=seldom)

    class Connection:
        def __init__(self, address: str) -> None:
            self.address, self.counted = address, counted_address(address)

    loop = asyncio.new_event_loop()
    theirs: list[Any] = [Connection(f"2001:db8::{number}") for number in range(3)]
    assert [guard.admit(each, loop) for each in theirs] == [True, True, False]
    others: list[Any] = [Connection(each) for each in ("2001:db8:0:1::1", "192.0.2.1", "::1", "::1", "::1")]
    assert all(guard.admit(each, loop) for each in others)
    for each in theirs:
        guard.dismiss(each)
    assert guard.admit(theirs[2], loop)
    guard.close()
    loop.close()


@pytest.mark.parametrize(("files", "expected"), [(20_000, (4096, 1024)), (1024, (448, 224)), (64, (1, 1))])
def test_connections_leave_files_for_everything_else(files: int, expected: tuple[int, int]) -> None:
    limits = Limits.within(files)
    assert (limits.connections, limits.connections_each) == expected


def test_nothing_that_is_secret_is_logged(gateway: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="prodigy_team")
    with gateway.client("joe") as client:
        client.get(f"/a/joe/x?token={SECRET}", headers={"X-Thing": SECRET, "Cookie": f"a={SECRET}; {COOKIE}=joe"})
        client.post("/a/joe/give_answers", json={"answers": [{"text": SECRET}]})
        client.get(f"/invitation/{SECRET}")
        client.get(f"/a/joe/?session={SECRET[:3]}")
    gateway.say(b"GET /a/joe/ HTTP/1.1\r\nHost: x\r\nX: \0" + SECRET.encode() + b"\r\n\r\n")
    lines = ("joe GET /a/joe/x 200", "/give_answers 200", "/invitation/… 404", "joe GET /a/joe/ 403")
    eventually(lambda: all(each in caplog.text for each in lines), message="the access log")
    assert SECRET not in caplog.text


def malformed(randomly: random.Random) -> bytes:
    """A request with something wrong in it, or several things."""
    method = randomly.choice([b"GET", b"POST", b"PUT", b"G\x00T", b"", b"get", b"A" * 300, b"DELETE", b"BREW"])
    path = randomly.choice(
        [b"/a/joe/", b"/", b"/login", b"/a/jane/", b"/healthz", b"x", b"", b"http://y/", b"/a/joe/x?"]
    )
    path += bytes(randomly.choices(range(256), k=randomly.choice([0, 0, 1, 5, 50, 5000])))
    version = randomly.choice(
        [b" HTTP/1.1", b" HTTP/1.1", b" HTTP/1.0", b" HTTP/9", b"", b" HTTP/1.1 x", b"\tHTTP/1.1"]
    )
    end = randomly.choice([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\r\r\n"])
    known = [b"Host: x", b"Content-Length: 5", b"Content-Length: x", b"Transfer-Encoding: chunked", LOGGED_IN.strip()]
    known += [b"Connection: close", b"Expect: 100-continue", b"Upgrade: h2c", b"Connection: Upgrade", b"Host", b": x"]
    lines = randomly.choices(known, k=randomly.randrange(7))
    for _ in range(randomly.randrange(3)):
        lines.append(bytes(randomly.choices(range(256), k=randomly.randrange(60))))
    randomly.shuffle(lines)
    body = bytes(randomly.choices(b"0123456789abcdef\r\n{}x\0", k=randomly.choice([0, 0, 5, 40])))
    return end.join([method + b" " + path + version, *lines, b"", b""]) + body


def bombard(gateway: Running, count: int, *, seed: int) -> list[int]:
    """Send so many malformed requests, a connection each, some at once; the statuses that came back."""

    async def one(data: bytes, bound: asyncio.Semaphore) -> bytes:
        async with bound:
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            try:
                writer.write(data)
                writer.write_eof()
                return await asyncio.wait_for(reader.read(), 20)
            except ConnectionError:
                return b""
            finally:
                writer.close()

    async def all_of_them() -> list[bytes]:
        randomly, bound = random.Random(seed), asyncio.Semaphore(32)
        return await asyncio.gather(*(one(malformed(randomly), bound) for _ in range(count)))

    return [status for answer in asyncio.run(all_of_them()) for status in statuses(answer)]


def check_bombarded(gateway: Running, caplog: pytest.LogCaptureFixture, count: int, seed: int) -> None:
    """No answer is an error of the gateway's own, and the log does not grow by what is sent."""
    caplog.set_level(logging.INFO)
    found = bombard(gateway, count, seed=seed)
    assert len(found) > count / 3
    assert not [status for status in found if status >= 500]
    assert sum(400 <= status < 500 for status in found) > len(found) / 2
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]
    warnings = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert len(warnings) < 20, warnings


def test_malformed_requests_harm_nobody(gateway: Running, caplog: pytest.LogCaptureFixture) -> None:
    check_bombarded(gateway, caplog, 400, seed=5)


@pytest.mark.long
def test_ten_thousand_malformed_requests_harm_nobody(gateway: Running, caplog: pytest.LogCaptureFixture) -> None:
    check_bombarded(gateway, caplog, 10_000, seed=6)
