"""What the gateway's parts say to each other."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Protocol

Scope = MutableMapping[str, Any]


@dataclass(frozen=True)
class Visitor:
    """Who is asking, as a login or a trusted proxy proves it.

    Attributes:
        name: As in the roster.
        manager: Whether they may see everybody's figures; an annotator may be one as well.
        annotator: Whether there are tasks for them.
        csrf: What each form of theirs must carry.
    """

    name: str
    manager: bool
    annotator: bool
    csrf: str


@dataclass(frozen=True)
class Place:
    """Where an annotator's server listens.

    Attributes:
        server: Its name in the roster; of a shared server not the annotator's.
        engine: "embedded" or "prodigy".
        headers: What proves to it that a request comes from the gateway, without the session.
    """

    server: str
    engine: str
    host: str
    port: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Waking:
    """A server on its way up.

    Attributes:
        ahead: How many are started before it.
        seconds: Since it was asked for.
        problem: Why it did not come up, or "".
    """

    ahead: int
    seconds: float
    problem: str = ""


class People(Protocol):
    """Tells who is asking."""

    def visitor(self, scope: Scope) -> Visitor | None:
        """Whose login or trusted header a request carries; None for nobody's. Asked at every request."""


class Servers(Protocol):
    """Knows where the annotators' servers are, and starts them."""

    def knows(self, annotator: str) -> bool:
        """Whether the roster has this annotator."""

    def place(self, annotator: str) -> Place | None:
        """Where their server runs; None while it sleeps. Asked at every request."""

    async def wake(self, annotator: str) -> Place:
        """Start their server, in order of arrival, and return once it answers.

        Raises:
            TeamError: It does not come up.
        """

    def waking(self, annotator: str) -> Waking | None:
        """How far the start of their server is; None where none is under way and the last one did not fail."""

    def touched(self, annotator: str) -> None:
        """A request was sent there, so that the server is not idle."""

    def lost(self, annotator: str) -> None:
        """Nobody answered there: look anew where their server is."""
