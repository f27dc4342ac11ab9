"""`prodigy_team.start_session`: a session asked of the gateway that runs, from a script on its machine."""

from __future__ import annotations

import json
import os
import re
import ssl
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any

from prodigy_team.errors import TeamError, UsageError
from prodigy_team.roster.findings import normal_base_path
from prodigy_team.roster.paths import read_toml, resolve_path
from prodigy_team.servers.ports import connectable

_CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_FITS: Mapping[str, Callable[[Any], bool]] = {
    "port": lambda value: type(value) is int and 0 < value < 1 << 16,
    **dict.fromkeys(("host", "base_path", "tls_certificate"), lambda value: isinstance(value, str)),
}
"""Whether what is needed of [gateway] can be used; the rest of the roster is not looked at."""
PATIENCE = 90.0
"""Seconds: the server's start, and the places in line before it."""


def start_session(
    annotator: str, password: str, *, roster: str | os.PathLike[str] | None = None, timeout: float = PATIENCE
) -> dict[str, Any]:
    """Start an annotator's server on the roster's dataset, or find the one that runs, and say where it is.

    The gateway does it, so it must run on this machine (`prodigy-team up`); failed attempts count as at its login page.

    Args:
        roster: The team.toml; left out: ``PRODIGY_TEAM_ROSTER``, else team.toml in the working directory.
        timeout: Seconds.

    Returns:
        ``{"status": 200, "msg": "Started Prodigy server at: URL", "url": URL}``, or
        ``{"status": 530, "msg": "Authentication failed"}``; another status where the server does not start.

    Raises:
        TeamError: The roster has no gateway, or it does not answer.
        UsageError: What the roster says of the gateway cannot be, such as a port that is no number.
    """
    path = Path(roster or os.environ.get("PRODIGY_TEAM_ROSTER") or "team.toml").absolute()
    table = read_toml(path).get("gateway")
    if not isinstance(table, dict):
        raise UsageError(f"{path} has no [gateway].", remedy="Write [gateway] into it, then: prodigy-team up")
    for key, fits in _FITS.items():
        if key in table and not fits(table[key]):
            text = f"{path.name}: gateway.{key}: {table[key]!r} cannot be."
            raise UsageError(text, remedy="All that is wrong there: prodigy-team check")
    body = json.dumps({"annotator": annotator, "password": password}).encode()
    place = f"{normal_base_path(table.get('base_path', '/'))}/api/start_session"
    connection = _connection(table, path.parent, timeout)
    try:
        connection.request("POST", place, body, {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())
    except (OSError, ValueError, HTTPException) as error:
        raise TeamError(
            f"The gateway at {connection.host}:{connection.port} does not answer: {error or type(error).__name__}.",
            remedy="prodigy-team up gateway",
        ) from error
    finally:
        connection.close()
    if not (isinstance(answer, dict) and "status" in answer):
        raise TeamError(f"What answers at {connection.host}:{connection.port} is not the gateway.")
    return answer


def _connection(table: Mapping[str, Any], folder: Path, timeout: float) -> HTTPConnection:
    host, port = connectable(table.get("host", "127.0.0.1")), table.get("port", 8080)
    if not table.get("tls_certificate"):
        return HTTPConnection(host, port, timeout=timeout)
    return _Pinned(host, port, timeout, resolve_path(table["tls_certificate"], folder, os.environ))


class _Pinned(HTTPSConnection):
    """A connection to whoever has the key of this very certificate, whatever name stands in it and whoever signed it.

    Nothing is sent to anybody else: where another authority's word counted, so would all others that it signed.
    """

    def __init__(self, host: str, port: int, timeout: float, certificate: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # judged by `connect` instead
        super().__init__(host, port, timeout=timeout, context=context)
        self._certificate = certificate

    def connect(self) -> None:
        """Connect, and look whom to.

        Raises:
            TeamError: It is somebody else.
        """
        super().connect()
        found = _CERTIFICATE.search(self._certificate.read_text(encoding="ascii", errors="replace"))
        if found is None or self.sock.getpeercert(binary_form=True) != ssl.PEM_cert_to_DER_cert(found[0]):
            self.close()
            raise TeamError(
                f"What answers at {self.host}:{self.port} has another certificate than {self._certificate}.",
                remedy="If that was renewed: prodigy-team restart gateway",
            )
