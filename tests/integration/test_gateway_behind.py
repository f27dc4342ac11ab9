"""The gateway behind a real nginx and a real Caddy, with the files that the documentation shows."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from fronts import NAME, caddy, nginx
from proxy_support import COOKIE, PAGE, RawServer, Running, Servers, a_gateway, read_request, reply
from support import eventually, free_ports


async def mirror(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says what it was sent."""
    while True:
        line, headers, body = await read_request(reader)
        writer.write(reply(json.dumps({"line": line, "headers": headers, "size": len(body)}).encode()))


class Front:
    """A gateway, and how it is reached through a proxy that speaks TLS."""

    def __init__(self, gateway: Running, port: int, certificate: Path) -> None:
        self.gateway, self.port, self._certificate = gateway, port, certificate

    def client(self, name: str = "") -> httpx.Client:
        return httpx.Client(
            base_url=f"https://127.0.0.1:{self.port}",
            headers={"Host": f"{NAME}:{self.port}"},
            cookies={COOKIE: name} if name else None,
            verify=ssl.create_default_context(cafile=str(self._certificate)),
            trust_env=False,
            timeout=60,
        )

    def get(self, client: httpx.Client, path: str, **headers: str) -> httpx.Response:
        return client.get(path, headers=headers, extensions={"sni_hostname": NAME})


@pytest.fixture(scope="module", params=[nginx, caddy], ids=["nginx", "caddy"])
def front(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("front")
    with RawServer(mirror) as server:
        servers = Servers({"joe": server.place()})
        with a_gateway(folder, servers, base="/annot", trusted=["127.0.0.1"]) as gateway:
            [port] = free_ports(1)
            command = request.param(folder, port, gateway.port)
            env = {"HOME": str(folder), "PATH": "/usr/bin:/bin", "XDG_DATA_HOME": str(folder)}
            with (folder / "output").open("wb") as output:
                process = subprocess.Popen(command, cwd=folder, env=env, stdout=output, stderr=output)
            found = Front(gateway, port, folder / "tls.pem")
            try:
                eventually(lambda: answers(found) or process.poll() is not None, within=120)
                assert process.poll() is None, (folder / "output").read_text() + errors(folder)
                yield found
            finally:
                process.terminate()
                process.wait(60)


def errors(folder: Path) -> str:
    log = folder / "error.log"
    return log.read_text() if log.exists() else ""


def answers(front: Front) -> bool:
    try:
        with front.client() as client:
            return front.get(client, "/annot/healthz").status_code == 200
    except httpx.TransportError:
        return False


def test_a_person_is_taken_to_the_login_and_back_to_their_path(front: Front) -> None:
    with front.client() as client:
        answer = front.get(client, "/annot/a/joe/", **PAGE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/annot/login?next=/annot/a/joe/")


@pytest.mark.parametrize("path", ["/annot", "/annot/a/joe"])
def test_without_a_slash_at_the_end_the_address_is_completed(front: Front, path: str) -> None:
    with front.client("joe") as client:
        answer = front.get(client, path, **PAGE)
    assert (answer.status_code, answer.headers["location"]) == (308, f"{path}/")


def test_the_server_learns_by_which_address_the_browser_asks(front: Front) -> None:
    with front.client("joe") as client:
        spoofed = {"X-Forwarded-For": "6.6.6.6", "X-Remote-User": "jane"}
        found = front.get(client, "/annot/a/joe/project?x=1", **spoofed).json()
    assert found["line"] == "GET /project?x=1 HTTP/1.1"
    assert found["headers"]["x-forwarded-host"] == f"{NAME}:{front.port}"
    assert found["headers"]["x-forwarded-prefix"] == "/annot/a/joe"
    assert found["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert not {"x-remote-user", "cookie"} & set(found["headers"])


def test_a_browsers_own_posts_pass_and_others_do_not(front: Front) -> None:
    with front.client("joe") as client:
        # Large only where it is read to its end: a proxy may let go of an answer that comes before it has sent all.
        for origin, size, status in (
            (f"https://{NAME}:{front.port}", 300_000, 200),
            ("https://evil.example", 300, 403),
        ):
            answer = client.post(
                "/annot/a/joe/give_answers",
                content=b"x" * size,
                headers={"Origin": origin},
                extensions={"sni_hostname": NAME},
            )
            assert answer.status_code == status, origin
            if status == 200:
                assert answer.json()["size"] == size


def test_nothing_outside_the_sub_path_reaches_the_gateway(front: Front) -> None:
    with front.client("joe") as client:
        for path in ("/", "/a/joe/", "/healthz"):
            answer = front.get(client, path, **PAGE)
            assert "x-content-type-options" not in answer.headers, "every answer of the gateway's has it"
