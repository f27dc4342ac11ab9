"""A gateway in this process with the real pages of a team's figures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prodigy_team.errors import TeamError
from prodigy_team.gateway.overview import Overview
from prodigy_team.gateway.values import Place, Waking
from prodigy_team.roster import load_roster
from prodigy_team.servers.supervisor import Supervisor
from proxy_support import Running, Servers, a_gateway, gateway_settings


@dataclass
class Managed(Servers):
    """Servers that a manager's buttons start and stop; those that are coming take their time."""

    pressed: list[str] = field(default_factory=list)
    coming: set[str] = field(default_factory=set)

    def knows(self, annotator: str) -> bool:
        return annotator in self.coming or super().knows(annotator)

    def waking(self, annotator: str) -> Waking | None:
        return Waking(2, 3.0) if annotator in self.coming else super().waking(annotator)

    def may_start(self, server: str) -> bool:
        return server in ("joe", "jane")

    async def start(self, server: str) -> str:
        self.pressed.append(f"start {server}")
        if server == "jane":
            raise TeamError("jane <b>cannot</b> be started.", remedy="Look.")
        return f"{server} started."

    async def stop(self, server: str) -> str:
        self.pressed.append(f"stop {server}")
        return f"{server} stopped."


@contextmanager
def overview(folder: Path, *, base: str = "/annot", **more: Any) -> Iterator[Running]:
    """A gateway with these pages, of the team in a folder."""
    roster = load_roster(folder / "team.toml", os.environ)
    roster.state.mkdir(exist_ok=True)
    servers = Managed(asleep={"joe": Place("joe", "embedded", "127.0.0.1", 1), "jane": Place("jane", "x", "h", 1)})
    supervisor = Supervisor.for_roster(roster.path, {**os.environ, "PYTHONPATH": os.environ.get("PYTHONPATH", "")})
    settings = gateway_settings(roster.state, base=base, **more)
    board = Overview(roster, settings, servers, supervisor)
    with a_gateway(roster.state, servers, base=base, board=board) as running:
        yield running
