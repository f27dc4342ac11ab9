"""Who may ask a server that stands behind the roster's gateway, and as whom: the gateway says so, and nobody else."""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Callable
from pathlib import Path

from prodigy_team.annotate import web
from prodigy_team.servers.revoked import Revoked
from prodigy_team.servers.secrets import (
    HAND_OFF,
    SECRET_HEADER,
    SESSION_HEADER,
    login_cookie,
    read_hand_off,
    read_login_cookie,
    server_secret,
)

log = logging.getLogger(__name__)

OPEN = frozenset({"/version", "/health"})
"""What anybody may ask: how `up` and `status` see that a server answers."""
_SAY_AGAIN = 60.0  # seconds for which refusals of one address are told once
_MOST_ADDRESSES = 1000
_DIRECT = "prodigy_team.direct"


class Admission:
    """Lets in what the gateway sends, and browsers that it handed over."""

    def __init__(
        self,
        server: str,
        *,
        secret: str,
        direct: float | None = None,
        ended: Callable[[str], float] = lambda _: 0.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Begin.

        Args:
            server: Its name in the roster.
            direct: Seconds for which a browser that came by a one-time token stays logged in; None: no such browser.
            ended: When somebody's logins were last ended, in Unix seconds; tokens and cookies from before are void.
        """
        self._secret, self._expected, self._direct, self._clock = secret, secret.encode(), direct, clock
        self._ended, self._since = ended, clock()
        self._used: dict[str, float] = {}
        self._told: dict[str, float] = {}
        self.cookie = f"prodigy_team_login_{server}"  # browsers keep the cookies of all ports of a host together

    @classmethod
    def of_server(cls, state: Path, server: str, *, direct: float | None) -> Admission:
        """For a server of a roster.

        Raises:
            OSError: The state folder's key can be neither read nor made.
        """
        return cls(server, secret=server_secret(state, server), direct=direct, ended=Revoked(state).at)

    def admit(self, scope: web.Scope) -> str:
        """The name of whoever sends a request.

        Raises:
            HttpError: 403, it does not come from the gateway; 401, a login without the gateway has ended.
        """
        secret = name = b""
        for key, value in scope["headers"]:
            if key == SECRET_HEADER:
                secret = value
            elif key == SESSION_HEADER:
                name = value
        if hmac.compare_digest(secret, self._expected) and name:
            return name.decode("latin-1")
        found = self._logged_in(scope)
        if found is None:
            raise self.refusal(scope, "This server is reached through the team's gateway alone.")
        scope[_DIRECT] = True
        return found

    def is_direct(self, scope: web.Scope) -> bool:
        """Whether a request that was let in came past the gateway."""
        return _DIRECT in scope

    def _logged_in(self, scope: web.Scope) -> str | None:
        content = None if self._direct is None else web.cookie(scope, self.cookie)
        if content is None or self._direct is None:
            return None
        found = read_login_cookie(self._secret, content, now=self._clock(), length=self._direct)
        if found is None or found.issued <= self._ended(found.name):
            raise web.HttpError(401, "This login has ended. Log in at the team's gateway again.")
        return found.name

    def exchange(self, scope: web.Scope) -> str | None:
        """The cookie for a browser that comes with a one-time token; None where it has none that counts."""
        if self._direct is None or not scope["query_string"] or web.header(scope, SECRET_HEADER) is not None:
            return None
        token = web.query(scope, "token")
        if token is None:
            return None
        now = self._clock()
        found = read_hand_off(self._secret, token, now=now, since=self._since)
        if found is None or found.nonce in self._used or found.issued <= self._ended(found.name):
            raise self.refusal(scope, "This link was used before, or is too old. Log in at the team's gateway again.")
        self._used = {nonce: at for nonce, at in self._used.items() if at >= now - HAND_OFF} | {found.nonce: now}
        value = login_cookie(self._secret, found.name, now)
        return f"{self.cookie}={value}; HttpOnly; SameSite=Lax; Path=/; Max-Age={int(self._direct)}"

    def refusal(self, scope: web.Scope, why: str) -> web.HttpError:
        """A refusal, told in the log once a minute for each address."""
        address, now = self._address(scope), self._clock()
        if now - self._told.get(address, -_SAY_AGAIN) >= _SAY_AGAIN:
            if len(self._told) >= _MOST_ADDRESSES:
                self._told.clear()
            self._told[address] = now
            log.warning(
                "Refused %s %s from %s: %s",
                scope.get("method", "POST"),
                ascii(scope.get("path"))[:120],
                ascii(address),
                why,
            )
        return web.HttpError(403, why)

    def _address(self, scope: web.Scope) -> str:
        """Whose request it is: the gateway says for whom it asks."""
        client = scope.get("client")
        forwarded = (web.header(scope, b"x-forwarded-for") or b"").decode("latin-1")
        if forwarded and hmac.compare_digest(web.header(scope, SECRET_HEADER) or b"", self._expected):
            return forwarded[-80:]
        return client[0] if client else "somewhere"
