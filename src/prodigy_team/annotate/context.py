"""What a server knows of the team it was started for: its name, its people, its files under the state folder."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    """

    name: str
    team: str
    annotators: tuple[str, ...]
    state: Path
    log: Path | None
    alive: Path

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
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    log = state / "logs" / f"{name}.log"
    return ServerContext(name, team, annotators, state, log, state / "servers" / f"{name}.alive")


def note_in_alive_file(context: ServerContext, facts: Mapping[str, Any]) -> None:
    """Merge facts about this server into its alive file's JSON.

    The file is rewritten in place, since its lock belongs to this very inode; a reader may for an instant see a part
    and has to read again. Without a file there is nobody to tell: servers are told by their launcher.
    """
    try:
        descriptor = os.open(context.alive, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return
    with os.fdopen(descriptor, "r+b") as file:
        try:
            known = json.loads(file.read() or b"{}")
        except ValueError:
            known = {}
        content = json.dumps({**(known if isinstance(known, dict) else {}), **facts}).encode()
        file.seek(0)
        file.write(content)
        file.truncate()
