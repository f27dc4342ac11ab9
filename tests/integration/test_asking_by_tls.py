"""`start_session` gives a password to nobody but the gateway, whoever signed its certificate."""

from __future__ import annotations

import contextlib
import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from prodigy_team import start_session
from prodigy_team.errors import TeamError, UsageError

ANSWER = {"status": 200, "msg": "Started", "url": "https://annotate.example/a/joe/"}


def openssl(folder: Path, words: str) -> None:
    subprocess.run(["openssl", *words.split()], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority and two certificates that it signed, each with the authority's behind it as servers keep them."""
    made = tmp_path_factory.mktemp("tls")
    new = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    openssl(made, f"req -x509 {new} -days 2 -subj /CN=authority -keyout ca.key -out ca.pem")
    for name in ("own", "other"):
        openssl(made, f"req {new} -subj /CN=annotate.example -keyout {name}.key -out {name}.csr")
        openssl(made, f"x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out {name}.pem")
        chain = made / f"{name}.pem"
        chain.write_text(chain.read_text() + (made / "ca.pem").read_text())
    return made


@contextlib.contextmanager
def listening(folder: Path, name: str, heard: list[bytes]) -> Iterator[int]:
    """A server with one of the certificates."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(self.rfile.read(int(self.headers["Content-Length"])))
            content = json.dumps(ANSWER).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nothing is written."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_certificate_by_an_authority_is_the_gateways_and_no_other_of_that_authority(folder: Path) -> None:
    heard: list[bytes] = []
    for name in ("own", "other"):
        with listening(folder, name, heard) as port:
            text = f'[team]\nname = "x"\n[gateway]\nport = {port}\ntls_certificate = "own.pem"\ntls_key = "own.key"\n'
            (folder / "team.toml").write_text(text)
            if name == "own":
                assert start_session("joe", "Korrekt Pferd", roster=folder / "team.toml") == ANSWER
            else:
                with pytest.raises(TeamError, match=r"another certificate than .*own\.pem"):
                    start_session("joe", "Korrekt Pferd", roster=folder / "team.toml")
    assert len(heard) == 1


@pytest.mark.parametrize(
    "line", ['port = "8080"', "port = 0", "port = true", "host = 5", "base_path = []", "tls_certificate = 1"]
)
def test_a_gateway_that_cannot_be_is_an_error_in_words(tmp_path: Path, line: str) -> None:
    (tmp_path / "team.toml").write_text(f'[team]\nname = "x"\n[gateway]\n{line}\n')
    with pytest.raises(UsageError, match=rf"team\.toml: gateway\.{line.partition(' ')[0]}: .* cannot be\."):
        start_session("joe", "Korrekt Pferd", roster=tmp_path / "team.toml")
