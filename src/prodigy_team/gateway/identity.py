"""Who is asking: a login's cookie, or the name that a trusted proxy gives; and the check of names and passwords.

    people = build_people(roster, environ=os.environ)
    app = build_app(people, …)     # mounts people.routes below the base path
    people.visitor(scope)          # in each request; None: people.to_login(scope) is where to send a browser
    people.close()                 # at the end

uvicorn must run with ``proxy_headers=False``, since whom to trust is decided here, and without its access log, since
the paths of invitations are secrets. ``people.cookies`` are the names of cookies that servers must not be sent.
"""

from __future__ import annotations

import hmac
import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import quote

from prodigy_team.gateway.accounts import Accounts, token_digest
from prodigy_team.gateway.members import Member, Members
from prodigy_team.gateway.network import Proxies, headers, peer
from prodigy_team.gateway.passwords import BusyError, Workers, is_password
from prodigy_team.gateway.values import GatewaySettings, Scope, Visitor
from prodigy_team.roster.values import Roster
from prodigy_team.servers.secrets import team_key

if TYPE_CHECKING:
    from starlette.routing import Route

_log = logging.getLogger(__name__)

LOOK_SECONDS = 0.25
"""So often it is looked whether logins were revoked, or the roster changed."""
RENEW_SECONDS = 60.0
"""So often at most it is written down that a login is in use."""
_REMEMBERED = 20_000
_LOGGED_SECONDS = 60.0


@dataclass
class _Remembered:
    """A login that was looked up."""

    visitor: Visitor
    renewed: float
    expires: float


@dataclass(frozen=True)
class Refusal:
    """Why a name and password let nobody in; the person is told the same in any case.

    Attributes:
        wait: Seconds for which no try is looked at; 0: the password was wrong.
    """

    wait: float = 0.0


class Identity:
    """Tells who is asking. `visitor` and `authenticate` belong to the event loop's thread."""

    def __init__(
        self,
        roster: Roster,
        *,
        environ: Mapping[str, str],
        clock: Callable[[], float] = time.time,
        current: bool = True,
    ) -> None:
        from prodigy_team.gateway.entry import entry_routes

        self.settings = GatewaySettings.of(roster)
        self.accounts = Accounts(roster.state, clock=clock)
        self.members = Members(roster, environ, current=current)
        self.proxies = Proxies(self.settings.trusted_proxies)
        self.workers = Workers()
        self.key = team_key(roster.state)
        self.clock = clock
        plain = f"prodigy-team-{roster.name}"
        self.cookies = frozenset({plain, f"__Host-{plain}", f"__Secure-{plain}", f"{plain}-form", f"{plain}-oidc"})
        self._plain = plain
        self._plain_bytes = plain.encode()
        self._safe_bytes = self.cookie_name(secure=True).encode()
        self._header = self.settings.header.encode() if self.settings.auth == "header" else None
        self._remembered: dict[bytes, _Remembered] = {}
        self._announced: dict[str, Visitor] = {}
        self._locked = self.accounts.locked()
        self._revision = (self.accounts.file.revision(), self.members.version)
        self._reading = False
        self._look_at = 0.0
        self._logged: dict[str, float] = {}
        self.routes: list[Route] = entry_routes(self)

    def visitor(self, scope: Scope) -> Visitor | None:
        """Whose login or trusted header a request carries; None for nobody's. Asked at every request."""
        now = self.clock()
        if not self._look_at - LOOK_SECONDS <= now < self._look_at:
            self._look(now)
        if self._header is not None:
            return self._named_by_proxy(scope)
        token = self.token(scope)
        return self._logged_in(token, now) if token else None

    async def authenticate(self, name: str, password: str, address: str) -> Visitor | None:
        """Whose name and password these are; None for nobody's, or after too many failures. Counted and logged."""
        found = await self.check(name, password, address)
        return None if isinstance(found, Refusal) else self.visitor_of(found, self.form_token(found.name))

    async def check(self, name: str, password: str, address: str) -> Member | Refusal:
        """Whose name and password these are, or why nobody's.

        Args:
            address: Where the request comes from.
        """
        if self.settings.auth != "password":
            return Refusal()
        try:
            found = await self.workers.run(lambda: self._check(name, password, address))
        except BusyError:
            found = Refusal(wait=5.0)
        who = self.members.find(name)
        if isinstance(found, Refusal):
            # an unknown name may be a password that was typed in the wrong place
            said = who.name if who else "an unknown name"
            if found.wait:
                self._log_once(f"Login refused for {said} from {address}: too many failures")
            else:
                _log.warning("Login refused for %s from %s: wrong password", said, address)
        return found

    def _check(self, name: str, password: str, address: str) -> Member | Refusal:
        name = name.strip()[:100]
        tried = self.accounts.begin_try(name, address)
        if tried.wait > 0:
            return Refusal(tried.wait)
        member = self.members.find(name)
        right = is_password(password, self.accounts.password(name) if member else None)
        if member is None or not right or self.is_locked(member):
            return Refusal()
        self.accounts.forgive(tried)
        return member

    def is_locked(self, member: Member) -> bool:
        """Whether somebody was locked, as the file says at this moment."""
        return member.name.lower() in self.accounts.locked()

    def log_in(self, member: Member, address: str) -> str:
        """The token of a new login; takes a moment, so not on the event loop's thread."""
        _log.info("Login of %s from %s", member.name, address)
        return self.accounts.log_in(member.name, address, seconds=self.settings.session_length)

    def log_out(self, token: str) -> None:
        """End the login of a token."""
        digest = token_digest(token)
        self._remembered.pop(digest, None)
        self.accounts.log_out(digest)

    def address(self, scope: Scope) -> str:
        """Where a request comes from: its peer, or what a trusted proxy says of it."""
        return self.proxies.address(scope)

    def is_secure(self, scope: Scope) -> bool:
        """Whether the browser speaks TLS, with this process or with a trusted proxy."""
        return self.proxies.is_secure(scope)

    def to_login(self, scope: Scope) -> str:
        """Where to send a browser that nobody is logged in with; afterwards it comes back, if its request was a GET."""
        base = f"{self.settings.base_path}/login"
        raw = scope.get("raw_path") or quote(scope["path"]).encode()
        path, query = raw.decode("latin-1"), scope.get("query_string", b"").decode("latin-1")
        if not path.startswith(f"{self.settings.base_path}/"):
            path = self.settings.base_path + path
        wanted = f"{path}?{query}" if query else path
        return f"{base}?next={quote(wanted, safe='/')}" if scope.get("method") in ("GET", "HEAD") else base

    def cookie_name(self, *, secure: bool) -> str:
        """What a login's cookie is called: a browser takes the safer names over TLS only."""
        if not secure:
            return self._plain
        return f"__Secure-{self._plain}" if self.settings.base_path else f"__Host-{self._plain}"

    def token(self, scope: Scope) -> str | None:
        """The login's token that a request carries."""
        name = self._safe_bytes if self.proxies.is_secure(scope) else self._plain_bytes
        return find_cookie(scope, name)

    def form_token(self, about: str) -> str:
        """What a form carries, so that no other site can send it: made of the team's key and what it is about."""
        return hmac.new(self.key, b"form\0" + about.encode("utf-8", "surrogatepass"), sha256).hexdigest()

    def visitor_of(self, member: Member, csrf: str) -> Visitor:
        """The roster's word about somebody."""
        return Visitor(member.name, member.manager, member.annotator, csrf)

    def close(self) -> None:
        """Finish what was begun, and close the accounts."""
        self.workers.close()
        self.accounts.close()

    def _look(self, now: float) -> None:
        """Notice what commands revoked and what changed in the roster."""
        self._look_at = now + LOOK_SECONDS
        revision = (self.accounts.file.revision(), self.members.version)
        if revision != self._revision:
            self._revision = revision
            self._forget()
        if not self._reading and self.members.is_old():
            self._reading = True
            self.workers.soon(self._read_roster)

    def _read_roster(self) -> None:
        """In another thread: of 200 people it takes a tenth of a second."""
        before = self.members.names()
        try:
            self.members.read()
            self.accounts.keep_only(self.members.names(), before=before)
        finally:
            self._reading = False

    def _forget(self) -> None:
        self._remembered.clear()
        self._announced.clear()
        self._locked = self.accounts.locked()

    def _logged_in(self, token: str, now: float) -> Visitor | None:
        digest = token_digest(token)
        known = self._remembered.get(digest)
        if known is None or now >= known.expires:
            known = self._remember(digest, token)
            if known is None:
                return None
        if now - known.renewed >= RENEW_SECONDS:
            known.renewed, known.expires = now, now + self.settings.session_length
            self.workers.soon(lambda: self.accounts.renew(digest, seconds=self.settings.session_length))
        return known.visitor

    def _remember(self, digest: bytes, token: str) -> _Remembered | None:
        login = self.accounts.login(digest)
        member = self.members.find(login.name) if login else None
        if login is None or member is None or member.name.lower() in self._locked:
            self._remembered.pop(digest, None)
            return None
        if len(self._remembered) >= _REMEMBERED:
            self._remembered.clear()
        visitor = self.visitor_of(member, self.form_token(token))
        known = self._remembered[digest] = _Remembered(visitor, login.seen_at, login.expires_at)
        return known

    def _named_by_proxy(self, scope: Scope) -> Visitor | None:
        names = headers(scope, self._header or b"")
        if not names:
            return None
        if not self.proxies.announced(scope):
            self._log_once(f"A name in {self.settings.header} was ignored: {peer(scope)} is no trusted proxy")
            return None
        # two of them would mean that one came through the proxy from outside
        if len(names) > 1:
            self._log_once(f"Two names in {self.settings.header} were ignored: the proxy must replace what it is sent")
            return None
        known = self._announced.get(names[0])
        return known or self._recognise(names[0])

    def _recognise(self, name: str) -> Visitor | None:
        member = self.members.find(name)
        if member is None or member.name.lower() in self._locked:
            self._log_once(f"The proxy named {member.name if member else 'somebody who is not on the roster'}; refused")
            return None
        visitor = self._announced[name] = self.visitor_of(member, self.form_token(f"name {member.name}"))
        return visitor

    def _log_once(self, message: str) -> None:
        """Log, but not a thousand times a minute."""
        now = self.clock()
        if now - self._logged.get(message, 0.0) >= _LOGGED_SECONDS:
            if len(self._logged) >= _REMEMBERED:
                self._logged.clear()
            self._logged[message] = now
            _log.warning(message)


def find_cookie(scope: Scope, name: bytes) -> str | None:
    """The first cookie of a name."""
    start = name + b"="
    for key, value in scope["headers"]:
        if key == b"cookie":
            for part in value.split(b";"):
                part = part.strip()
                if part.startswith(start):
                    return str(part[len(start) :], "latin-1")
    return None


def build_people(
    roster: Roster,
    *,
    environ: Mapping[str, str] | None = None,
    clock: Callable[[], float] = time.time,
    current: bool = True,
) -> Identity:
    """Who may log in at the gateway of a roster, and how.

    Args:
        roster: It has a [gateway], and its state folder exists.
        environ: With which the roster is read again when it changes; this process's where left out.
        clock: Unix seconds.
        current: The roster is what its file says; else it is from before, and whom the file names counts soon.

    Raises:
        TeamError: The accounts cannot be opened, or a package for this way of logging in is missing.
    """
    return Identity(roster, environ=os.environ if environ is None else environ, clock=clock, current=current)
