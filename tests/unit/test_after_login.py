"""After logging in a browser is sent to the gateway's paths and nowhere else; and whose word about addresses counts."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from prodigy_team.gateway.entry import own_path
from prodigy_team.gateway.network import Proxies

ELSEWHERE = [
    "",
    "https://evil.example/",
    "//evil.example/",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/annot//evil.example",
    "/annot/../..//evil.example",
    "/annot/%2e%2e/%2fevil.example",
    "/annot/..%2f..%2fetc",
    "/annot/%5cevil.example",
    "/annot\t/a",
    "/\t/evil.example",
    "/annot/\r\nset-cookie: a=b",
    "/annot/%0d%0aset-cookie: a=b",
    "javascript:alert(1)",
    "annot/a/joe/",
    "/annotate/a/joe/",
    "/other",
    "/annot/login?next=/annot/login",
    "/annot/logout",
    "/annot/oidc/start",
    "/annot/" + "a" * 2000,
]


@pytest.mark.parametrize("wanted", ELSEWHERE, ids=lambda wanted: wanted[:30])
def test_what_is_not_the_gateways_leads_to_its_first_page(wanted: str) -> None:
    assert own_path(wanted, "/annot") == "/annot/"


@pytest.mark.parametrize(
    "wanted",
    ["/annot/", "/annot/a/joe/", "/annot/a/joe/?session=x&y=%20z", "/annot/dashboard#joe", "/annot/a/joe/a%20b/ü"],
)
def test_what_is_the_gateways_is_kept(wanted: str) -> None:
    assert own_path(wanted, "/annot") == wanted.replace("ü", "%C3%BC")


URLS = st.text() | st.lists(
    st.sampled_from([*"/\\.:@?#%\t\r\n ;", "..", "%2f", "%5c", "%2e", "annot", "http:", "evil.example", "a"]),
    max_size=12,
).map("".join)


@given(st.sampled_from(["", "/annot", "/x/y"]), URLS, st.booleans())
@example("", "//evil.example", False)
def test_nowhere_else_whatever_is_asked_for(base: str, wanted: str, below: bool) -> None:
    """As a browser understands it, which takes backslashes for slashes and leaves control characters out."""
    path = own_path(f"{base}/{wanted}" if below else wanted, base)
    heard = "".join(each for each in path if each not in "\t\r\n").replace("\\", "/")
    found = urlsplit(urljoin("http://gateway.example/login", heard))
    assert (found.scheme, found.netloc) == ("http", "gateway.example")
    assert found.path.startswith(f"{base}/")
    assert path.isascii()
    assert not set(path) & set("\r\n\t\0 ")


TRUSTED = Proxies(["127.0.0.1", "10.0.0.0/8", "fd00::/8"])
FORWARDED = [
    # peer, what it says, where the request comes from
    ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
    ("127.0.0.1", [], "127.0.0.1"),
    ("127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
    ("127.0.0.1", ["1.2.3.4, 198.51.100.1"], "198.51.100.1"),
    ("127.0.0.1", ["1.2.3.4, 198.51.100.1, 10.1.1.1"], "198.51.100.1"),
    ("127.0.0.1", ["1.2.3.4", "198.51.100.1"], "198.51.100.1"),
    ("127.0.0.1", ["10.2.2.2, 10.1.1.1"], "10.2.2.2"),
    ("127.0.0.1", ["1.2.3.4, nonsense, 10.1.1.1"], "10.1.1.1"),
    ("127.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
    ("127.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
    ("::ffff:127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
    ("fd00::1", ["198.51.100.1"], "198.51.100.1"),
    ("", ["198.51.100.1"], ""),
]


@pytest.mark.parametrize(("peer", "said", "address"), FORWARDED)
def test_only_a_trusted_proxy_says_where_a_request_comes_from(peer: str, said: list[str], address: str) -> None:
    """And of what it passes on only what a trusted one wrote, which is at the end."""
    headers = [(b"x-forwarded-for", each.encode()) for each in said]
    assert TRUSTED.address({"client": (peer, 1) if peer else None, "headers": headers}) == address


@pytest.mark.parametrize(
    ("scheme", "peer", "said", "secure"),
    [
        ("https", "203.0.113.9", "http", True),
        ("http", "203.0.113.9", "https", False),
        ("http", "127.0.0.1", "https", True),
        ("http", "127.0.0.1", "http", False),
        ("http", "127.0.0.1", "", False),
    ],
)
def test_tls_is_this_processs_or_a_trusted_proxys(scheme: str, peer: str, said: str, secure: bool) -> None:
    headers = [(b"x-forwarded-proto", said.encode())] if said else []
    assert TRUSTED.is_secure({"scheme": scheme, "client": (peer, 1), "headers": headers}) is secure
