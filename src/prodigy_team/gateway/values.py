"""What the gateway's parts say to each other."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from prodigy_team.roster.findings import normal_base_path, parse_seconds
from prodigy_team.roster.paths import resolve_path
from prodigy_team.roster.values import Roster
from prodigy_team.servers.gateways import own_address

Scope = MutableMapping[str, Any]
Barred = Literal["", "stopped", "given up"]


@dataclass(frozen=True)
class GatewaySettings:
    """[gateway] of a roster with its values settled.

    Attributes:
        team: The roster's name.
        roster: Its file.
        state: Its state folder.
        base_path: "" or "/x/y": what stands before every path.
        public_url: Where people reach the gateway, without a slash at the end; None: at its own host and port.
        start: "on-login" or "up".
        idle_stop: Seconds without a request after which a server stops.
        session_length: Seconds without a request after which a login ends.
        trusted_proxies: Addresses and networks whose X-Forwarded-* and name headers count.
        auth: "password", "header" or "oidc".
        header: Where a trusted proxy writes the name, in lower case.
        issuer: The OpenID provider; with ``client_id``, the file of the client's secret, and the claim that tells
            who somebody is.
        hand_off: "proxy" or "redirect".
    """

    team: str
    roster: Path
    state: Path
    host: str
    port: int
    base_path: str
    public_url: str | None
    start: str
    idle_stop: float
    session_length: float
    trusted_proxies: tuple[str, ...]
    tls_certificate: Path | None
    tls_key: Path | None
    auth: str
    header: str
    issuer: str | None
    client_id: str | None
    client_secret_file: Path | None
    claim: str
    hand_off: str

    @classmethod
    def of(cls, roster: Roster) -> GatewaySettings:
        """The settings of a checked roster.

        Raises:
            ValueError: It has no [gateway].
        """
        table = roster.gateway
        if table is None:
            raise ValueError("the roster has no [gateway]")
        folder = roster.path.parent
        paths: dict[str, Any] = {
            key: resolve_path(table[key], folder, os.environ) if table[key] else None for key in _PATHS
        }
        return cls(
            team=roster.name,
            roster=roster.path,
            state=roster.state,
            base_path=normal_base_path(table["base_path"]),
            public_url=table["public_url"].rstrip("/") if table["public_url"] else None,
            idle_stop=parse_seconds(table["idle_stop"]) or 0.0,
            session_length=parse_seconds(table["session_length"]) or 0.0,
            trusted_proxies=tuple(table["trusted_proxies"]),
            header=table["header"].lower(),
            **{key: table[key] for key in _PLAIN},
            **paths,
        )

    @property
    def url(self) -> str:
        """Where people reach the gateway, with its base path and without a slash at the end."""
        own = own_address(self.host, self.port, self.base_path, tls=self.tls_certificate is not None)
        return self.public_url or own


_PATHS = ("tls_certificate", "tls_key", "client_secret_file")
_PLAIN = ("host", "port", "start", "auth", "issuer", "client_id", "claim", "hand_off")


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

    @property
    def netloc(self) -> str:
        """HOST:PORT as addresses and requests have it."""
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


@dataclass(frozen=True)
class Waking:
    """A server on its way up.

    Attributes:
        ahead: How many are started before it.
        seconds: Since it was asked for, or since it failed.
        problem: Why it did not come up, or "".
        barred: Nothing starts it before a person does: it was "stopped" by one, or "given up"; "" for neither.
        server: Its name in the roster, which its log has too; a shared server has not the annotator's.
    """

    ahead: int
    seconds: float
    problem: str = ""
    barred: Barred = ""
    server: str = ""


class People(Protocol):
    """Tells who is asking."""

    def visitor(self, scope: Scope) -> Visitor | None:
        """Whose login or trusted header a request carries; None for nobody's. Asked at every request."""

    async def authenticate(self, name: str, password: str, address: str) -> Visitor | None:
        """Whose name and password these are; None for nobody's, or after too many failures. Counted and logged.

        Args:
            address: Where the request comes from, as `address` says it.
        """

    def address(self, scope: Scope) -> str:
        """Where a request comes from: its peer, or what a trusted proxy says of it."""

    def is_secure(self, scope: Scope) -> bool:
        """Whether the browser speaks TLS, with this process or with a trusted proxy."""


class Servers(Protocol):
    """Knows where the annotators' servers are, and starts them."""

    def knows(self, annotator: str) -> bool:
        """Whether the roster has this annotator."""

    def reviews(self, name: str) -> Collection[str]:
        """The servers on which this person settles disputes; each stands for itself wherever an annotator is named."""

    def place(self, annotator: str) -> Place | None:
        """Where their server runs; None while it sleeps. Asked at every request."""

    def found(self, annotator: str) -> Place | None:
        """The same for whoever goes there past the gateway, which would notice on the way that nobody answers."""

    async def wake(self, annotator: str) -> Place:
        """Start their server, in order of arrival, and return once it answers.

        Raises:
            TeamError: It does not come up.
        """

    def waking(self, annotator: str) -> Waking | None:
        """How far the start of their server is, or why there is none; None where none is under way and none failed."""

    def touched(self, annotator: str) -> None:
        """A request was sent there, so that the server is not idle."""

    def lost(self, annotator: str) -> None:
        """Nobody answered there: look anew where their server is."""
