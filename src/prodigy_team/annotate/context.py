"""What a server knows of the team it was started for: its name, its people, its files under the state folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CONTEXT_VARIABLE = "PRODIGY_TEAM_SERVER"


@dataclass(frozen=True)
class ServerContext:
    """One server of a roster, as the process that serves it is told.

    Attributes:
        name: The server's name in the roster.
        team: The team's name; what is written is registered under it.
        annotators: The people it is for; empty for whoever has the link.
        state: The roster's state folder.
        log: The file this process writes its output to, or None.
        alive: The file whose lock says that this server lives, and whose JSON says what it is.
        image_hosts: Where pictures in tasks may be loaded from.
        version: Of the task (labels, guidelines), written on each answer, or None.
        routing: Its tasks are dealt out by the rules under the state folder.
        gateway: It serves only what the roster's gateway sends; its secret comes from the state folder.
        direct: Seconds for which a one-time token of the gateway's lets a browser in past it; None: not at all.
    """

    name: str
    team: str
    annotators: tuple[str, ...]
    state: Path
    log: Path | None
    alive: Path
    image_hosts: tuple[str, ...] = ()
    version: str | None = None
    routing: bool = False
    gateway: bool = False
    direct: float | None = None

    @property
    def title(self) -> str:
        """The process title by which a server is recognised without a lockfile."""
        return f"prodigy-team: {self.team}/{self.name} ({self.state})"


def read_context(environ: Mapping[str, str]) -> ServerContext | None:
    """The context in ``PRODIGY_TEAM_SERVER``; None for a server that somebody started by hand, or unreadable JSON."""
    try:
        told = json.loads(environ.get(CONTEXT_VARIABLE, ""))
        name, state = str(told["name"]), Path(told["state"])
        annotators = tuple(str(each) for each in told.get("annotators", ()))
        team = str(told.get("team", ""))
        hosts = tuple(str(each) for each in told.get("image_hosts", ()))
        version = None if told.get("version") is None else str(told["version"])
        direct = None if told.get("direct") is None else float(told["direct"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    log = state / "logs" / f"{name}.log"
    alive = state / "servers" / f"{name}.alive"
    flags = {key: told.get(key) is True for key in ("routing", "gateway")}
    return ServerContext(name, team, annotators, state, log, alive, hosts, version, **flags, direct=direct)
