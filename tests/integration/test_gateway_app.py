"""The gateway's own answers: servers that sleep, pages and data for those who may see them, and everything else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prodigy_team.gateway.limits import Limits
from prodigy_team.gateway.scraping import write_token
from proxy_support import PAGE, RawServer, Running, Servers, a_gateway, read_request, reply
from support import eventually


async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        line, _, _ = await read_request(reader)
        writer.write(reply(line.encode()))


@pytest.fixture(scope="module")
def server() -> Iterator[RawServer]:
    with RawServer(hello) as found:
        yield found


@pytest.fixture(scope="module", params=["", "/annot"])
def gateway(
    request: pytest.FixtureRequest, server: RawServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    servers = Servers({"joe": server.place(), "pia": server.place(engine="prodigy")})
    limits = Limits(page_wait=0.2, data_wait=0.2)
    with a_gateway(tmp_path_factory.mktemp("gateway"), servers, base=request.param, limits=limits) as running:
        yield running


@pytest.mark.parametrize("headers", [PAGE, {}])
def test_whoever_comes_to_a_server_that_sleeps_starts_it(
    gateway: Running, server: RawServer, headers: dict[str, str]
) -> None:
    """A page is told with a page that asks again, a program with when to ask again."""
    gateway.servers.places.pop("joe", None)
    gateway.servers.asleep["joe"] = server.place()
    gateway.servers.held.add("joe")
    gateway.servers.starts.clear()
    with gateway.client("joe") as client:
        answer = client.get("/a/joe/", headers=headers)
        if headers:
            assert answer.status_code == 200
            assert "starting for joe" in answer.text
            assert answer.headers["cache-control"] == "no-store"
        else:
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
            assert "Nothing is lost" in answer.json()["detail"]
        gateway.servers.held.clear()
        eventually(lambda: client.get("/a/joe/", headers=headers).text == "GET / HTTP/1.1", message="the server")
    assert gateway.servers.starts == ["joe"]


@pytest.mark.parametrize("headers", [PAGE, {}])
def test_a_server_that_starts_at_once_is_waited_for(
    gateway: Running, server: RawServer, headers: dict[str, str]
) -> None:
    gateway.servers.places.pop("joe", None)
    gateway.servers.asleep["joe"] = server.place()
    with gateway.client("joe") as client:
        assert client.get("/a/joe/", headers=headers).text == "GET / HTTP/1.1"


def test_a_server_that_does_not_start_is_told_and_not_tried_at_each_request(
    gateway: Running, server: RawServer
) -> None:
    gateway.servers.starts.clear()
    gateway.servers.places.pop("joe", None)
    gateway.servers.asleep["joe"] = server.place()
    gateway.servers.problems["joe"] = "no such model"
    try:
        with gateway.client("joe") as client:
            assert client.get("/a/joe/", headers=PAGE).status_code == 503
            answer = client.post("/a/joe/give_answers", json={})
            assert answer.status_code == 503
            assert "no such model" not in answer.text, "that is for whoever runs it"
        assert gateway.servers.starts == []
    finally:
        del gateway.servers.problems["joe"]
        gateway.servers.places["joe"] = server.place()


def test_prodigys_page_is_told_in_its_address_whose_it_is(gateway: Running) -> None:
    with gateway.client("pia") as client:
        answer = client.get("/a/pia/", headers=PAGE)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{gateway.base}/a/pia/?session=pia")
        assert client.get("/a/pia/?session=pia").text == "GET /?session=pia HTTP/1.1"
        assert client.get("/a/pia/project").text == "GET /project HTTP/1.1"


def test_paths_that_prodigys_page_names_from_the_root_are_led_to_its_server(gateway: Running) -> None:
    with gateway.client("pia") as client:
        answer = client.post("/get_session_questions?x=1", json={})
        assert (answer.status_code, answer.headers["location"]) == (
            307,
            f"{gateway.base}/a/pia/get_session_questions?x=1",
        )
    with gateway.client("joe") as client:
        assert client.post("/get_session_questions", json={}).status_code == 404


def test_such_paths_are_led_on_as_they_were_spelled(gateway: Running) -> None:
    """Spelled out they would mean others, or could not be written as an address at all."""
    with gateway.client("pia") as client:
        for path in ("/project/%C3%BC", "/project/a%3Fsession=eve", "/project?x=%C3%BC"):
            assert client.get(path).headers["location"] == f"{gateway.base}/a/pia{path}"


def test_anybody_may_ask_whether_the_gateway_lives(gateway: Running) -> None:
    with gateway.client() as client:
        for path in ("/healthz", "/version"):
            assert client.get(path).json() == {"status": "alive"}


def test_pages_are_for_those_who_are_logged_in(gateway: Running) -> None:
    with gateway.client() as client:
        answer = client.get("/", headers=PAGE)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{gateway.base}/login?next={gateway.base}/")
        assert client.get("/nowhere", headers=PAGE).status_code == 303, "who is not logged in learns nothing"
        assert client.get("/").status_code == 401
        assert client.get("/login").text == f"log in here, {gateway.base}"
    with gateway.client("joe") as client:
        assert client.get("/").text == "hello joe"
        assert client.get("/nowhere").json() == {"detail": "There is nothing here."}
        page = client.get("/nowhere", headers=PAGE)
    assert page.status_code == 404
    assert "There is nothing here." in page.text


def test_figures_are_for_managers_and_for_this_machine_alone(gateway: Running) -> None:
    with gateway.client() as client:
        assert client.get("/dashboard").status_code == 401
        assert client.get("/metrics").text == "hello program"
        assert client.get("/metrics", headers={"X-Forwarded-For": "1.2.3.4"}).status_code == 401
        assert client.get("/metrics", headers={"Host": "annotate.example.org"}).status_code == 401
        assert (
            client.get("/metrics", headers={"Authorization": f"Bearer {'0' * 64}", "Via": "1.1 x"}).status_code == 401
        )
    with gateway.client("joe") as client:
        assert client.get("/dashboard").status_code == 403
        assert client.get("/dashboard/data.json").status_code == 403
        assert client.get("/metrics", headers={"Forwarded": "for=1.2.3.4"}).status_code == 403
    with gateway.client("boss") as client:
        assert client.get("/dashboard").text == "hello boss"


@pytest.mark.parametrize(
    "settings", [{"trusted": ("10.0.0.1",)}, {"public_url": "https://annotate.example.org"}], ids=str
)
def test_with_a_proxy_in_front_figures_are_for_programs_with_the_token(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    """nginx tells nobody for whom it asks unless it is told to, and asks from here, by this very address."""
    with a_gateway(tmp_path, Servers(), **settings) as gateway, gateway.client() as client:
        assert client.get("/metrics").status_code == 401
        write_token(tmp_path)
        token = (tmp_path / "metrics.token").read_text().strip()
        assert client.get("/metrics", headers={"Authorization": f"Bearer {token}"}).text == "hello program"


def test_every_page_of_its_own_keeps_to_itself(gateway: Running) -> None:
    with gateway.client("joe") as client:
        for path in ("/", "/login", "/nowhere", "/a/jane/"):
            headers = client.get(path).headers
            assert "default-src 'none'" in headers["content-security-policy"], path
            assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
            assert headers["cache-control"] == "no-store"


def test_names_outside_the_base_path_are_nobodys(gateway: Running) -> None:
    if not gateway.base:
        return
    answer = gateway.say(b"GET /annotation HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 404 ")
    answer = gateway.say(b"GET /annot HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 308 ")
    assert b"location: /annot/\r\n" in answer


def test_the_gateway_may_be_called_a(tmp_path: Path, server: RawServer) -> None:
    """A base path that looks like what comes below it."""
    with a_gateway(tmp_path, Servers({"joe": server.place()}), base="/a") as gateway, gateway.client("joe") as client:
        assert client.get("/a/joe/x").text == "GET /x HTTP/1.1"
        assert client.get("/").text == "hello joe"
        assert client.get("/joe/").status_code == 404
