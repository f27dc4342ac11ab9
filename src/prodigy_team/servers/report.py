"""What came of a command on the servers: plain values, which the command line prints and Python code reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from prodigy_team.servers.standing import DONE, PARTLY, State

Action = Literal["start", "keep", "restart", "stop", "blocked", "leave", "given-up", "sleep"]


@dataclass(frozen=True)
class Event:
    """Something that happened to one server while a command runs.

    Attributes:
        state: "starting", "ready", "failed", "waiting" (still not ready), "stopping" or "stopped".
        seconds: Since the server was started or told to stop.
    """

    name: str
    state: str
    seconds: float = 0.0
    detail: str = ""


@dataclass(frozen=True)
class Entry:
    """What a command did, or with ``--dry-run`` would do, about one server.

    Attributes:
        action: What was decided.
        state: How the server stands afterwards.
        detail: Why, in a few words.
        seconds: Until it was ready or gone; 0.0 where nothing was waited for.
        problem: What is not as it should be, or "".
        remedy: What to do about the problem, or "".
        log_tail: The last lines of its log where it died early.
        changed: The roster keys that differ from what runs.
        fresh: The problem was not reported before (``up --revive`` says each cause once).
        exit_code: Its own exit code where it died and that is known; negative for a signal.
    """

    name: str
    action: Action
    state: State
    detail: str = ""
    seconds: float = 0.0
    url: str = ""
    dataset: str = ""
    engine: str = ""
    problem: str = ""
    remedy: str = ""
    log: str = ""
    log_tail: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    fresh: bool = True
    exit_code: int | None = None

    @property
    def as_it_should_be(self) -> bool:
        """Whether nothing is left to do for this server."""
        return not self.problem


@dataclass(frozen=True)
class Report:
    """What came of one command.

    Attributes:
        notes: Sentences for the person that concern no single server.
    """

    team: str
    engine: str
    entries: tuple[Entry, ...] = ()
    notes: tuple[str, ...] = ()
    dry_run: bool = False

    @property
    def exit_code(self) -> int:
        """0 when every server is as it should be, else 3."""
        return DONE if all(entry.as_it_should_be for entry in self.entries) else PARTLY

    def count(self, *actions: Action) -> int:
        """How many servers met with one of these actions and are as they should be."""
        return sum(entry.action in actions and entry.as_it_should_be for entry in self.entries)
