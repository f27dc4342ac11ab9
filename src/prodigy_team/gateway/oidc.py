"""Logging in by an OpenID provider: the authorization code flow with PKCE, state and nonce.

Sources: OpenID Connect Core 1.0, sections 3.1 and 5.3; OpenID Connect Discovery 1.0, section 4; RFC 7636.
"""

from __future__ import annotations

import asyncio
import json
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from prodigy_team.errors import TeamError
from prodigy_team.gateway.values import GatewaySettings

try:
    import aiohttp
    from authlib.oauth2.rfc7636 import create_s256_code_challenge
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet
except ImportError as error:
    raise TeamError(
        f'auth = "oidc" needs a package that is not installed ({error.name}).',
        remedy='Install it: pip install "prodigy-team[oidc]"',
    ) from error

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures by the provider's own key alone: one by the client's secret would prove less."""
_METHODS = "token_endpoint_auth_methods_supported"
_TIMEOUT = aiohttp.ClientTimeout(total=10)
_LARGEST = 1 << 20
_LEEWAY_SECONDS = 60
_REMEMBER_SECONDS = 3600.0
_ASK_AGAIN_SECONDS = 30.0


class ProviderError(Exception):
    """The provider says no, or what it says does not hold; for the log."""


class Provider:
    """One provider, and this client's registration there."""

    def __init__(self, settings: GatewaySettings, *, clock: Callable[[], float] = time.time) -> None:
        self._issuer = settings.issuer or ""
        self._client = settings.client_id or ""
        self._secret = _read_secret(settings)
        self._claim = settings.claim
        self._clock = clock
        self._metadata: Mapping[str, Any] = {}
        self._keys: KeySet | None = None
        self._read_at = 0.0

    async def authorization_url(self, *, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Where the browser is sent to log in.

        Raises:
            ProviderError: The provider cannot be asked.
        """
        async with _session() as session:
            await self._discover(session)
        query = {
            "response_type": "code",
            "client_id": self._client,
            "redirect_uri": redirect_uri,
            "scope": "openid email profile",
            "state": state,
            "nonce": nonce,
            "code_challenge": create_s256_code_challenge(verifier),
            "code_challenge_method": "S256",
        }
        endpoint = self._metadata["authorization_endpoint"]
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    async def login(self, *, code: str, redirect_uri: str, nonce: str, verifier: str) -> str:
        """What the provider's claim says of whoever logged in.

        Raises:
            ProviderError: The code is not good, or what comes for it is not signed, not for us, not of this login, or
                says nothing.
        """
        async with _session() as session:
            await self._discover(session)
            tokens = await self._exchange(session, code=code, redirect_uri=redirect_uri, verifier=verifier)
            claims = await self._verified(session, tokens, nonce=nonce)
            if self._claim not in claims and "userinfo_endpoint" in self._metadata:
                claims = {**await self._user_info(session, tokens, claims), **claims}
        value = claims.get(self._claim)
        if not isinstance(value, str) or not value:
            raise ProviderError(f"no claim {self._claim}")
        if self._claim == "email" and claims.get("email_verified") in (False, "false"):
            raise ProviderError("the e-mail address is not verified")
        return value

    async def _discover(self, session: aiohttp.ClientSession, *, again: bool = False) -> None:
        """Read what the provider says of itself, and its keys."""
        age = self._clock() - self._read_at
        if self._keys is not None and 0 <= age < (_ASK_AGAIN_SECONDS if again else _REMEMBER_SECONDS):
            return
        metadata = await _ask(session, "GET", f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        metadata = {key: value for key, value in metadata.items() if value is not None}
        if metadata.get("issuer") != self._issuer:
            raise ProviderError(f"it calls itself {metadata.get('issuer')!r:.200}, not {self._issuer}")
        if (key := unfit_endpoint(metadata, self._issuer)) is not None:
            raise ProviderError(f"its {key} is missing or not safe")
        if not isinstance(metadata.get(_METHODS, []), list):
            raise ProviderError(f"its {_METHODS} is no list")
        keys = await _ask(session, "GET", metadata["jwks_uri"])
        try:
            self._keys = KeySet.import_key_set(keys)  # type: ignore[arg-type]
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise ProviderError(f"its keys cannot be read: {error}") from error
        self._metadata, self._read_at = metadata, self._clock()

    async def _exchange(
        self, session: aiohttp.ClientSession, *, code: str, redirect_uri: str, verifier: str
    ) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        known = self._metadata.get(_METHODS, ["client_secret_basic"])
        auth = None
        if self._secret and "client_secret_basic" in known:
            auth = _basic(self._client, self._secret)
        else:
            form |= {"client_id": self._client, **({"client_secret": self._secret} if self._secret else {})}
        headers = {"authorization": auth} if auth else {}
        return await _ask(session, "POST", self._metadata["token_endpoint"], data=form, headers=headers)

    async def _verified(
        self, session: aiohttp.ClientSession, tokens: Mapping[str, Any], *, nonce: str
    ) -> Mapping[str, Any]:
        """The ID token's claims, once all has been checked that section 3.1.3.7 asks for."""
        try:
            found = self._decode(str(tokens.get("id_token", "")))
        except (JoseError, ValueError):
            # the provider may have changed its keys since they were read
            await self._discover(session, again=True)
            try:
                found = self._decode(str(tokens.get("id_token", "")))
            except (JoseError, ValueError) as error:
                raise ProviderError(f"the signature does not hold: {type(error).__name__}") from error
        options = {
            "iss": {"essential": True, "value": self._issuer},
            "aud": {"essential": True, "value": self._client},
        }
        params = {"nonce": nonce, "client_id": self._client, "access_token": tokens.get("access_token")}
        token = CodeIDToken(found.claims, found.header, options=options, params=params)
        try:
            token.validate(now=int(self._clock()), leeway=_LEEWAY_SECONDS)
        except Exception as error:  # of either library's version
            raise ProviderError(f"the ID token does not hold: {error}") from error
        return dict(token)

    def _decode(self, id_token: str) -> Any:
        return jwt.decode(id_token, self._keys, algorithms=ALGORITHMS)  # type: ignore[arg-type]

    async def _user_info(
        self, session: aiohttp.ClientSession, tokens: Mapping[str, Any], claims: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        headers = {"authorization": f"Bearer {tokens.get('access_token')}"}
        found = await _ask(session, "GET", self._metadata["userinfo_endpoint"], headers=headers)
        if found.get("sub") != claims.get("sub"):
            raise ProviderError("it tells of somebody else")
        return found


def unfit_endpoint(metadata: Mapping[str, Any], issuer: str) -> str | None:
    """The first address in a provider's metadata that is missing, or less safe than the provider's own."""
    safe = ("https", urlsplit(issuer).scheme)
    keys = ["authorization_endpoint", "token_endpoint", "jwks_uri"]
    keys += ["userinfo_endpoint"] if "userinfo_endpoint" in metadata else []
    return next((key for key in keys if _scheme(str(metadata.get(key, ""))) not in safe), None)


def _scheme(address: str) -> str:
    try:
        return urlsplit(address).scheme
    except ValueError:  # such as a half bracket
        return ""


def _read_secret(settings: GatewaySettings) -> str:
    path = settings.client_secret_file
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise TeamError(f"{path} cannot be read ({type(error).__name__}).", remedy="Check its owner.") from None


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=True)


async def _ask(session: aiohttp.ClientSession, method: str, url: str, **more: Any) -> Mapping[str, Any]:
    """The JSON object that an endpoint answers with; redirects are not followed, secrets go to no other place."""
    headers = {"accept": "application/json", **more.pop("headers", {})}
    try:
        async with session.request(method, url, allow_redirects=False, headers=headers, **more) as answer:
            found = _parsed(await _content(answer))
            if answer.status != 200:
                said = found.get("error") if isinstance(found, dict) else ""
                raise ProviderError(f"{urlsplit(url).path} answered {answer.status} {said!s:.100}")
    except (aiohttp.ClientError, asyncio.TimeoutError, ValueError) as error:
        raise ProviderError(f"{urlsplit(url).path} cannot be asked: {type(error).__name__}") from error
    if not isinstance(found, dict):
        raise ProviderError(f"{urlsplit(url).path} answered no object")
    return found


async def _content(answer: aiohttp.ClientResponse) -> bytes:
    content = b""
    async for part in answer.content.iter_chunked(65536):
        content += part
        if len(content) > _LARGEST:
            raise ValueError("too large")
    return content


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _basic(client: str, secret: str) -> str:
    """Both are encoded before they are joined (RFC 6749, section 2.3.1)."""
    return "Basic " + b64encode(f"{quote(client, safe='')}:{quote(secret, safe='')}".encode()).decode()
