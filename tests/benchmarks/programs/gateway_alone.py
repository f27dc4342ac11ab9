"""The gateway's application before one server that stands for joe's: gateway_alone.py PORT SERVER_PORT FOLDER.

Logins are real ones, checked at every request; joe's cookie is written to FOLDER/cookie.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import uvicorn
from starlette.responses import Response

from prodigy_team.gateway.app import build_app
from prodigy_team.gateway.guarding import GuardedProtocol
from prodigy_team.gateway.identity import build_people
from prodigy_team.gateway.metrics import Metrics
from prodigy_team.gateway.values import Place, Waking
from prodigy_team.roster import load_roster

ROSTER = """
[team]
name = "bench"
[task]
recipe = "textcat.manual"
source = "sample:headlines"
labels = ["A"]
[[annotator]]
name = "joe"
[gateway]
"""


class OneServer:
    """Joe's."""

    def __init__(self, port: int) -> None:
        self._place = Place("joe", "embedded", "127.0.0.1", port, {"X-Prodigy-Team-Secret": "0" * 64})

    def reviews(self, name: str) -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def knows(self, annotator: str) -> bool:
        return annotator == "joe"

    def place(self, annotator: str) -> Place:  # noqa: ARG002
        return self._place

    async def wake(self, annotator: str) -> Place:  # noqa: ARG002
        return self._place

    def waking(self, annotator: str) -> Waking | None:  # noqa: ARG002
        return None

    def touched(self, annotator: str) -> None:
        """Nothing is stopped here."""

    def lost(self, annotator: str) -> None:
        """It is not."""


class NoBoard:
    """Nothing to see."""

    routes = ()

    def __init__(self) -> None:
        self.metrics = Metrics()

    def starting(self, *_: object, **__: object) -> Response:
        """Joe's server never starts."""
        return Response()

    def close(self) -> None:
        """There is nothing to close."""


def main(port: int, server: int, folder: Path) -> None:
    """Serve until a signal."""
    (folder / ".prodigy-team").mkdir(mode=0o700)
    (folder / "team.toml").write_text(ROSTER)
    people = build_people(load_roster(folder / "team.toml", os.environ))
    token = people.accounts.log_in("joe", "127.0.0.1", seconds=3600)
    (folder / "cookie").write_text(f"{people.cookie_name(secure=False)}={token}")
    app = build_app(people, OneServer(server), NoBoard(), people.settings)
    http = GuardedProtocol
    more = {"proxy_headers": False, "access_log": False, "server_header": False, "log_config": None}
    uvicorn.run(app, host="127.0.0.1", port=port, http=http, ws="none", lifespan="on", interface="asgi3", **more)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
