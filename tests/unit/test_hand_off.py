"""Signed texts for browsers that go past the gateway: each for one server, one purpose and a while."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prodigy_team.annotate.admission import Admission
from prodigy_team.annotate.web import HttpError, Scope
from prodigy_team.servers.secrets import (
    hand_off_token,
    login_cookie,
    read_hand_off,
    read_login_cookie,
)

SECRET, OTHER = "a" * 64, "b" * 64
NOW = 1_800_000_000.0


def test_a_token_says_who_for_a_minute_to_its_server_alone() -> None:
    token = hand_off_token(SECRET, "joe.b", NOW)
    assert hand_off_token(SECRET, "joe.b", NOW) != token
    for late, server, name in ((0, SECRET, "joe.b"), (59, SECRET, "joe.b"), (61, SECRET, None), (1, OTHER, None)):
        found = read_hand_off(server, token, now=NOW + late, since=0)
        assert (found and found.name) == name
    assert read_hand_off(SECRET, token, now=NOW - 5, since=0) is None, "issued in the future"
    assert read_hand_off(SECRET, token, now=NOW + 1, since=NOW + 0.5) is None, "issued before the reader remembered"


def test_a_token_is_no_cookie_and_a_cookie_no_token() -> None:
    token, cookie = hand_off_token(SECRET, "joe", NOW), login_cookie(SECRET, "joe", NOW)
    assert read_login_cookie(SECRET, token, now=NOW, length=60) is None
    assert read_hand_off(SECRET, cookie, now=NOW, since=0) is None
    found = read_login_cookie(SECRET, cookie, now=NOW + 60, length=60)
    assert found is not None
    assert found.name == "joe"
    assert read_login_cookie(SECRET, cookie, now=NOW + 61, length=60) is None


@given(st.text() | st.binary().map(lambda content: base64.urlsafe_b64encode(content).decode()))
def test_whatever_else_is_sent_is_refused(text: str) -> None:
    assert read_hand_off(SECRET, text, now=NOW, since=0) is None


@given(st.integers(0, 200), st.integers(0, 7))
def test_one_changed_bit_is_refused(place: int, bit: int) -> None:
    content = bytearray(base64.urlsafe_b64decode(hand_off_token(SECRET, "joe", NOW) + "=="))
    content[place % len(content)] ^= 1 << bit
    assert read_hand_off(SECRET, base64.urlsafe_b64encode(content).decode(), now=NOW, since=0) is None


def visit(token: str, *headers: tuple[bytes, bytes]) -> Scope:
    query = f"token={token}".encode()
    return {"method": "GET", "path": "/", "query_string": query, "headers": list(headers), "client": ("10.0.0.9", 5)}


def test_a_token_is_exchanged_once_and_the_cookie_lets_in_until_it_ends() -> None:
    now = [NOW]
    admission = Admission("joe", secret=SECRET, direct=3600, clock=lambda: now[0])
    token = hand_off_token(SECRET, "joe", NOW)
    cookie = admission.exchange(visit(token))
    assert cookie is not None
    with pytest.raises(HttpError, match="used before"):
        admission.exchange(visit(token))
    sent = (b"cookie", cookie.partition(";")[0].encode())
    assert admission.admit(visit("", sent)) == "joe"
    now[0] += 3601
    with pytest.raises(HttpError) as ended:
        admission.admit(visit("", sent))
    assert ended.value.status == 401


def test_where_nobody_is_handed_over_neither_token_nor_cookie_counts() -> None:
    admission = Admission("joe", secret=SECRET, clock=lambda: NOW)
    assert admission.exchange(visit(hand_off_token(SECRET, "joe", NOW))) is None
    cookie = f"{admission.cookie}={login_cookie(SECRET, 'joe', NOW)}".encode()
    with pytest.raises(HttpError) as refused:
        admission.admit(visit("", (b"cookie", cookie)))
    assert refused.value.status == 403
