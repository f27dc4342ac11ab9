"""Whom an OpenID provider's word means, and which of its addresses are taken."""

from __future__ import annotations

import pytest

from prodigy_team.gateway.members import Members
from roster_lines import Load
from support import small_roster

GATEWAY = """
login = "jörg.k@example.org"
[gateway]
auth = "oidc"
issuer = "https://id.example.org"
client_id = "team"
"""
ROSTER = small_roster("kim", "jo", name="news", more=GATEWAY)


@pytest.mark.parametrize(
    ("login", "name"),
    [
        ("kim", "kim"),
        ("KIM", "kim"),
        ("\u212aim", None),
        ("kim ", None),
        ("kım", None),
        ("JÖRG.K@Example.org", "jo"),
        ("jörg.\u212a@example.org", None),
        ("jo", None),
        ("", None),
    ],
)
def test_logins_differ_in_case_alone(load: Load, login: str, name: str | None) -> None:
    """Whoever may choose a login at the provider must not become somebody else by letters that only look alike."""
    found = Members(load(ROSTER), {}).by_login(login)
    assert (found and found.name) == name


SAFE = {key: f"https://id.example.org/{key}" for key in ("authorization_endpoint", "token_endpoint", "jwks_uri")}


@pytest.mark.parametrize(
    ("issuer", "metadata", "unfit"),
    [
        ("https://id.example.org", SAFE, None),
        ("https://id.example.org", {**SAFE, "userinfo_endpoint": "https://id.example.org/me"}, None),
        ("https://id.example.org", {**SAFE, "userinfo_endpoint": "http://id.example.org/me"}, "userinfo_endpoint"),
        ("https://id.example.org", {**SAFE, "jwks_uri": "http://id.example.org/keys"}, "jwks_uri"),
        ("https://id.example.org", {**SAFE, "token_endpoint": None}, "token_endpoint"),
        ("https://id.example.org", {**SAFE, "token_endpoint": "https://[id.example.org"}, "token_endpoint"),
        ("https://id.example.org", {}, "authorization_endpoint"),
        ("http://127.0.0.1:9", {**SAFE, "userinfo_endpoint": "http://127.0.0.1:9/me"}, None),
    ],
)
def test_tokens_go_to_addresses_as_safe_as_the_providers_own(
    issuer: str, metadata: dict[str, str], unfit: str | None
) -> None:
    pytest.importorskip("authlib", reason="no authlib: pip install authlib")
    from prodigy_team.gateway.oidc import unfit_endpoint

    assert unfit_endpoint(metadata, issuer) == unfit
