"""The way in by an OpenID provider: to its page and back."""

from __future__ import annotations

import hmac
import logging
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from prodigy_team.gateway.accounts import new_token
from prodigy_team.gateway.identity import find_cookie
from prodigy_team.gateway.oidc import Provider, ProviderError
from prodigy_team.gateway.pages import notice, page

if TYPE_CHECKING:
    from prodigy_team.gateway.entry import Entry
    from prodigy_team.gateway.identity import Identity

_log = logging.getLogger(__name__)

AWAY_SECONDS = 600
"""For so long somebody may take to log in at the provider."""


@dataclass(frozen=True)
class Errand:
    """One browser on its way to the provider and back, as its cookie keeps it.

    Attributes:
        state: Random; nonce and verifier are made of it with the team's key, and stand nowhere.
        wanted: Where to go afterwards.
        until: Unix seconds.
    """

    state: str
    wanted: str
    until: int

    def sealed(self, key: bytes) -> str:
        """As the cookie's value."""
        wanted = urlsafe_b64encode(self.wanted.encode()).decode().rstrip("=")
        text = f"{self.state}.{wanted}.{self.until}"
        return f"{text}.{_made(key, 'seal', text)}"

    @classmethod
    def opened(cls, value: str, key: bytes, *, now: float) -> Errand | None:
        """Of a cookie's value; None where it is too old or not of our making."""
        text, _, seal = value.rpartition(".")
        if not hmac.compare_digest(seal.encode(), _made(key, "seal", text).encode()):
            return None
        state, wanted, until = text.split(".")
        errand = cls(state, urlsafe_b64decode(wanted + "=" * (-len(wanted) % 4)).decode(), int(until))
        return errand if now < errand.until else None

    def nonce(self, key: bytes) -> str:
        """What the ID token must carry."""
        return _made(key, "nonce", self.state)

    def verifier(self, key: bytes) -> str:
        """What proves to the provider that the code comes back from where it was asked for."""
        return _made(key, "verifier", self.state)


def _made(key: bytes, purpose: str, text: str) -> str:
    return hmac.new(key, f"oidc {purpose}\0{text}".encode(), sha256).hexdigest()


def visiting_routes(identity: Identity, entry: Entry) -> list[Route]:
    """The routes, as paths below the gateway's base path."""
    visiting = _Visiting(identity, entry)
    return [
        Route("/oidc/start", visiting.start, methods=["GET"]),
        Route("/oidc/callback", visiting.callback, methods=["GET"]),
    ]


class _Visiting:
    """Sends browsers to the provider, and receives them back."""

    def __init__(self, identity: Identity, entry: Entry) -> None:
        self._identity = identity
        self._entry = entry
        self._provider = Provider(identity.settings, clock=identity.clock)
        self._cookie = f"{identity.cookie_name(secure=False)}-oidc"

    async def start(self, request: Request) -> Response:
        """To the provider's page."""
        from prodigy_team.gateway.entry import own_path

        key, base = self._identity.key, self._identity.settings.base_path
        wanted = own_path(request.query_params.get("next", ""), base)
        errand = Errand(new_token(), wanted, int(self._identity.clock()) + AWAY_SECONDS)
        try:
            url = await self._provider.authorization_url(
                redirect_uri=self._redirect_uri(request),
                state=errand.state,
                nonce=errand.nonce(key),
                verifier=errand.verifier(key),
            )
        except ProviderError as error:
            return self._failed("Your organisation's login cannot be reached.", 502, f"cannot be reached: {error}")
        answer = RedirectResponse(url, status_code=303, headers={"cache-control": "no-store"})
        self._entry.put_cookie(request, answer, self._cookie, errand.sealed(key), max_age=AWAY_SECONDS)
        return answer

    async def callback(self, request: Request) -> Response:
        """Back from the provider, with a code that is worth a login, or an error."""
        key, query = self._identity.key, request.query_params
        cookie = find_cookie(request.scope, self._cookie.encode()) or ""
        errand = Errand.opened(cookie, key, now=self._identity.clock())
        if errand is None or not hmac.compare_digest(query.get("state", "").encode(), errand.state.encode()):
            return self._failed("That took too long, or was begun in another window.", 403, "no state of this browser")
        if "code" not in query:
            return self._failed("You were not logged in there.", 403, f"refused: {query.get('error', '')[:100]!r}")
        try:
            login = await self._provider.login(
                code=query["code"],
                redirect_uri=self._redirect_uri(request),
                nonce=errand.nonce(key),
                verifier=errand.verifier(key),
            )
        except ProviderError as error:
            return self._failed("Your organisation's login did not work.", 403, str(error))
        member = self._identity.members.by_login(login)
        if member is None or self._identity.is_locked(member):
            text = f"You are logged in there as {login}, who cannot log in here."
            return self._failed(text, 403, f"{member.name if member else 'somebody not on the roster'} was refused")
        answer = await self._entry.enter(request, member, errand.wanted)
        self._entry.put_cookie(request, answer, self._cookie, "", max_age=0)
        return answer

    def _redirect_uri(self, request: Request) -> str:
        """This gateway's address as the browser knows it, unless the roster says it."""
        settings = self._identity.settings
        url = settings.public_url
        if url is None:
            secure = self._identity.is_secure(request.scope)
            host = request.headers.get("host", "")
            if self._identity.proxies.announced(request.scope):
                host = request.headers.get("x-forwarded-host", host).split(",")[0].strip()
            url = f"{'https' if secure else 'http'}://{host}{settings.base_path}"
        return f"{url}/oidc/callback"

    def _failed(self, text: str, status: int, reason: str) -> Response:
        _log.warning("Login by OpenID failed: %s", reason)
        link = f'<p><a class="button" href="{self._identity.settings.base_path}/login">Try again</a></p>'
        return page("Not logged in", f"<h1>You are not logged in</h1>{notice(text)}{link}", status=status)
