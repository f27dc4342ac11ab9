"""Names from a trusted proxy, and logins by a real OpenID provider."""

from __future__ import annotations

import base64
import hmac
import json
import logging
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gateway_support import PASSWORD, ROSTER, Entrance, entrance, hidden_fields, served, write_roster
from prodigy_team.gateway.accounts import Accounts
from support import eventually, free_ports

HEADER = 'auth = "header"\nheader = "X-Forwarded-User"\n'


def test_a_trusted_proxy_says_who_somebody_is(tmp_path: Path) -> None:
    """In whatever case; who is not on the roster or locked is nobody, and two names are none."""
    with entrance(write_roster(tmp_path, HEADER + 'trusted_proxies = ["127.0.0.1"]')) as door, door.browser() as proxy:
        assert proxy.get("/me").json() is None
        assert proxy.get("/me", headers={"X-Forwarded-User": "JANE"}).json() == ["Jane", False, True]
        assert proxy.get("/me", headers={"X-Forwarded-User": "maria"}).json() == ["maria", True, False]
        assert proxy.get("/me", headers={"X-Forwarded-User": "peter"}).json() is None
        two = httpx.Headers([("X-Forwarded-User", "joe"), ("X-Forwarded-User", "maria")])
        assert proxy.get("/me", headers=two).json() is None
        other = Accounts(tmp_path / ".prodigy-team")
        other.lock("Jane")
        other.close()
        eventually(lambda: proxy.get("/me", headers={"X-Forwarded-User": "Jane"}).json() is None)
        assert proxy.get("/login").status_code == 401


def test_a_name_from_anybody_else_is_ignored_and_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    with (
        entrance(write_roster(tmp_path, HEADER + 'trusted_proxies = ["192.0.2.1"]')) as door,
        door.browser() as browser,
    ):
        for _ in range(5):
            assert browser.get("/me", headers={"X-Forwarded-User": "joe"}).json() is None
    said = [record.getMessage() for record in caplog.records if "ignored" in record.getMessage()]
    assert said == ["A name in x-forwarded-user was ignored: 127.0.0.1 is no trusted proxy"]


def test_with_passwords_a_name_in_a_header_says_nothing(tmp_path: Path) -> None:
    gateway = 'trusted_proxies = ["127.0.0.1"]'
    with entrance(write_roster(tmp_path, gateway)) as door, door.browser() as browser:
        assert browser.get("/me", headers={"X-Remote-User": "joe"}).json() is None


def test_behind_tls_the_cookie_is_for_tls_alone(tmp_path: Path) -> None:
    """Whether it is TLS is a trusted proxy's to say; its name keeps other paths and hosts from setting it."""
    with entrance(write_roster(tmp_path, 'trusted_proxies = ["127.0.0.1"]')) as door:
        door.set_password("joe")
        with door.browser(**{"X-Forwarded-Proto": "https"}) as browser:
            form = browser.get("/login")
            cookies = dict(part.split("=", 1) for part in form.headers["set-cookie"].split("; ")[:1])
            kept = "; ".join(f"{name}={value}" for name, value in cookies.items())
            fields = {**hidden_fields(form.text), "name": "joe", "password": PASSWORD}
            answer = browser.post("/login", data=fields, headers={"cookie": kept})
            cookie = answer.headers["set-cookie"]
            assert cookie.startswith("__Host-prodigy-team-headlines=")
            assert "Secure" in cookie
            assert "Path=/;" in cookie
            token = cookie.partition("=")[2].partition(";")[0]
            plain = {"cookie": f"prodigy-team-headlines={token}"}
            assert browser.get("/me", headers=plain).json() is None
            safe = {"cookie": f"__Host-prodigy-team-headlines={token}"}
            assert browser.get("/me", headers=safe).json() == ["joe", True, True]


LOGINS = ROSTER.replace('name = "joe"\n[[annotator]]', 'name = "joe"\nlogin = "joe@example.org"\n[[annotator]]')


PEOPLE = (
    {"sub": "joe", "email": "Joe@example.org"},
    {"sub": "jane", "email": "jane@example.org"},
    {"sub": "unsure", "email": "joe@example.org", "email_verified": False},
)


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """A real OpenID provider with three people, as a process: its warnings are not ours."""
    (port,) = free_ports(1)
    people = [word for person in PEOPLE for word in ("--user-claims", json.dumps(person))]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", *people]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: answers(f"http://127.0.0.1:{port}/jwks"), within=120)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def answers(url: str) -> bool:
    """Whether somebody answers there."""
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def door(tmp_path: Path, provider: str) -> Iterator[Entrance]:
    """A gateway that knows the provider; the client's secret is in a file."""
    secret = tmp_path / "secret.txt"
    secret.touch(0o600)
    secret.write_text("hush hush\n")
    gateway = f'auth = "oidc"\nissuer = "{provider}"\nclient_id = "team"\nclient_secret_file = "secret.txt"\n'
    path = write_roster(tmp_path, gateway, text=LOGINS)
    with entrance(path) as opened:
        yield opened


def log_in_there(browser: httpx.Client, sub: str, start: str = "/oidc/start?next=/a/joe/") -> httpx.URL:
    """To the provider, choose somebody, and where that leads back to."""
    sent = browser.get(start)
    assert sent.status_code == 303, sent.text
    with httpx.Client(timeout=60) as there:
        done = there.post(sent.headers["location"], data={"sub": sub})
    return httpx.URL(done.headers["location"])


def test_who_is_known_there_is_in_here(door: Entrance) -> None:
    """The page offers one button; the claim is compared without regard to case; the way leads on as wanted."""
    with door.browser() as browser:
        page = browser.get("/login?next=/a/joe/")
        assert 'href="/oidc/start?next=/a/joe/"' in page.text
        assert 'type="password"' not in page.text
        back = browser.get(log_in_there(browser, "joe"))
        assert (back.status_code, back.headers["location"]) == (303, "/a/joe/")
        assert browser.get("/me").json() == ["joe", True, True]


def test_the_request_has_state_nonce_and_a_challenge(door: Entrance) -> None:
    with door.browser() as browser:
        first, second = (parse_qs(urlsplit(browser.get("/oidc/start").headers["location"]).query) for _ in range(2))
    for query in (first, second):
        assert query["code_challenge_method"] == ["S256"]
        assert query["response_type"] == ["code"]
        assert query["redirect_uri"] == [f"{door.root}/oidc/callback"]
        assert "secret" not in str(query)
    assert all(first[key] != second[key] for key in ("state", "nonce", "code_challenge"))


@pytest.mark.parametrize("sub", ["jane", "unsure", "peter"])
def test_who_is_not_on_the_roster_or_not_sure_is_out(door: Entrance, sub: str) -> None:
    """jane's e-mail address is nobody's `login` here."""
    with door.browser() as browser:
        assert browser.get(log_in_there(browser, sub)).status_code == 403
        assert browser.get("/me").json() is None


def test_a_locked_person_is_out(door: Entrance) -> None:
    door.people.accounts.lock("joe")
    with door.browser() as browser:
        assert browser.get(log_in_there(browser, "joe")).status_code == 403


def test_a_code_is_good_in_the_browser_that_asked_and_once(door: Entrance) -> None:
    """Else somebody could have another one work under a foreign name."""
    with door.browser() as browser, door.browser() as victim:
        back = log_in_there(browser, "joe")
        assert victim.get(back).status_code == 403
        other = log_in_there(victim, "jane")
        assert victim.get(back.copy_set_param("state", other.params["state"])).status_code == 403
        back = log_in_there(browser, "joe")
        assert browser.get(back.copy_set_param("state", "x")).status_code == 403
        assert browser.get(back).status_code == 303
        assert browser.get(back).status_code == 403


def test_a_changed_cookie_is_nobodys(door: Entrance) -> None:
    with door.browser() as browser:
        back = log_in_there(browser, "joe")
        ((name, value),) = browser.cookies.items()
        state, wanted, until, seal = value.split(".")
        for changed in (f"{state}.{wanted}.9{until}.{seal}", f"{state}.YQ.{until}.{seal}", "...", "", seal):
            browser.cookies.clear()
            assert browser.get(back, headers={"cookie": f"{name}={changed}"}).status_code == 403


def test_an_unreachable_provider_is_said_in_words(tmp_path: Path) -> None:
    gateway = 'auth = "oidc"\nissuer = "http://127.0.0.1:9"\nclient_id = "team"\n'
    with entrance(write_roster(tmp_path, gateway)) as door, door.browser() as browser:
        answer = browser.get("/oidc/start")
        assert answer.status_code == 502
        assert "cannot be reached" in answer.text


def test_passwords_are_of_no_use_there(door: Entrance) -> None:
    door.set_password("joe")
    token = door.people.accounts.invite("Jane")
    with door.browser() as browser:
        assert browser.post("/login", data={"name": "joe", "password": PASSWORD}).status_code != 303
        assert browser.get(f"/invitation/{token}").status_code == 404
        assert browser.get("/me").json() is None


class Forger:
    """A provider that says whatever a test wants it to; its one true key is ``key``."""

    def __init__(self) -> None:
        (self.port,) = free_ports(1)
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.key = RSAKey.generate_key(2048, {"kid": "one"})
        self.token = ""
        self.says: dict[str, object] = {}
        self.asked: list[tuple[str | None, set[str]]] = []
        self.app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._metadata),
                Route("/jwks", self._keys),
                Route("/token", self._token, methods=["POST"]),
            ]
        )

    def claims(self, nonce: str, **changed: object) -> dict[str, object]:
        """What a good ID token says, but for what is changed; None takes something away."""
        now = int(time.time())
        good = {"iss": self.issuer, "aud": "team", "sub": "1", "exp": now + 300, "iat": now, "nonce": nonce}
        return {key: value for key, value in {**good, "email": "joe@example.org", **changed}.items() if value}

    async def _metadata(self, _: Request) -> Response:
        paths = {"authorization_endpoint": "auth", "token_endpoint": "token", "jwks_uri": "jwks"}
        found = {"issuer": self.issuer, **{key: f"{self.issuer}/{path}" for key, path in paths.items()}}
        return JSONResponse({**found, **self.says})

    async def _keys(self, _: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def _token(self, request: Request) -> Response:
        self.asked.append((request.headers.get("authorization"), set(parse_qs((await request.body()).decode()))))
        return JSONResponse({"id_token": self.token, "access_token": "a", "token_type": "Bearer"})


FORGED: list[tuple[dict[str, object], int]] = [
    ({}, 303),
    ({"aud": ["team", "other"], "azp": "team"}, 303),
    ({"nonce": "another"}, 403),
    ({"nonce": None}, 403),
    ({"iss": "https://evil.example"}, 403),
    ({"aud": "other"}, 403),
    ({"aud": None}, 403),
    ({"azp": "other"}, 403),
    ({"exp": 1_000_000}, 403),
    ({"exp": None}, 403),
    ({"email": None}, 403),
    ({"email": ["joe@example.org"]}, 403),
    ({"email": "JOE@example.org"}, 303),
    ({"email": "joe@example.org "}, 403),
]


@pytest.fixture(scope="module")
def forger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Forger, Entrance]]:
    """The forger's provider, and a gateway that trusts its key."""
    forging = Forger()
    gateway = f'auth = "oidc"\nissuer = "{forging.issuer}"\nclient_id = "team"\n'
    path = write_roster(tmp_path_factory.mktemp("forged"), gateway, text=LOGINS)
    with served(forging.app, forging.port), entrance(path) as opened:
        yield forging, opened


def come_back(browser: httpx.Client, make_token: Callable[[str], str], forging: Forger) -> int:
    """The status of what a token leads to that is made for the nonce of this login."""
    query = parse_qs(urlsplit(browser.get("/oidc/start").headers["location"]).query)
    forging.token = make_token(query["nonce"][0])
    return browser.get("/oidc/callback", params={"code": "c", "state": query["state"][0]}).status_code


@pytest.mark.parametrize(("changed", "status"), FORGED, ids=lambda value: str(value)[:40])
def test_an_id_token_must_be_for_us_and_for_this_login(
    forger: tuple[Forger, Entrance], changed: dict[str, object], status: int
) -> None:
    forging, door = forger

    def make_token(nonce: str) -> str:
        header = {"alg": "RS256", "kid": "one"}
        return jwt.encode(header, forging.claims(**{"nonce": nonce, **changed}), forging.key)

    with door.browser() as browser:
        assert come_back(browser, make_token, forging) == status


def test_an_id_token_must_be_signed_by_the_providers_key(forger: tuple[Forger, Entrance]) -> None:
    """Not by another, not by the public one taken for a secret, not by none at all."""
    forging, door = forger
    public = forging.key.as_pem(private=False)
    foreign = RSAKey.generate_key(2048, {"kid": "one"})

    def with_header(header: bytes, nonce: str, secret: bytes = b"") -> str:
        body = jwt.encode({"alg": "RS256", "kid": "one"}, forging.claims(nonce), forging.key).split(".")[1]
        text = f"{_encoded(header)}.{body}"
        return f"{text}.{_encoded(hmac.digest(secret, text.encode(), 'sha256')) if secret else ''}"

    forgeries: list[Callable[[str], str]] = [
        lambda nonce: jwt.encode({"alg": "RS256", "kid": "one"}, forging.claims(nonce), foreign),
        lambda nonce: with_header(b'{"alg":"HS256","kid":"one"}', nonce, public),
        lambda nonce: with_header(b'{"alg":"none"}', nonce),
        lambda _: "no token",
        lambda _: "",
    ]
    for forgery in forgeries:
        with door.browser() as browser:
            assert come_back(browser, forgery, forging) == 403
            assert browser.get("/me").json() is None


METHODS = "token_endpoint_auth_methods_supported"


@pytest.mark.parametrize(
    ("says", "status", "by_header"),
    [
        ({METHODS: None, "userinfo_endpoint": None}, 303, True),
        ({METHODS: ["client_secret_basic"]}, 303, True),
        ({METHODS: ["client_secret_post"]}, 303, False),
        ({METHODS: 5}, 502, None),
        ({METHODS: {"client_secret_basic": 1}}, 502, None),
        ({"token_endpoint": None}, 502, None),
        ({"jwks_uri": "http://[x"}, 502, None),
    ],
    ids=str,
)
def test_what_a_provider_says_of_itself_may_be_null_or_odd(
    tmp_path: Path, says: dict[str, object], status: int, by_header: bool | None
) -> None:
    """Null means that it says nothing; what cannot be read is refused in words."""
    forging = Forger()
    forging.says = says
    (tmp_path / "secret.txt").write_text("hush")
    (tmp_path / "secret.txt").chmod(0o600)
    gateway = f'auth = "oidc"\nissuer = "{forging.issuer}"\nclient_id = "team"\nclient_secret_file = "secret.txt"\n'
    path = write_roster(tmp_path, gateway, text=LOGINS)
    with served(forging.app, forging.port), entrance(path) as door, door.browser() as browser:
        if by_header is None:
            assert browser.get("/oidc/start").status_code == status
            return
        header = {"alg": "RS256", "kid": "one"}
        assert (
            come_back(browser, lambda nonce: jwt.encode(header, forging.claims(nonce), forging.key), forging) == status
        )
    [(authorization, form)] = forging.asked
    assert (authorization is not None, "client_secret" in form) == (by_header, not by_header)


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
