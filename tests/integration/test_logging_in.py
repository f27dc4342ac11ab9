"""Names and passwords, invitations and logins, over real HTTP; what commands do to them while the gateway runs."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway_support import PASSWORD, Entrance, entrance, hidden_fields, write_roster
from prodigy_team.gateway.accounts import Accounts
from prodigy_team.servers.revoked import Revoked
from support import eventually


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Entrance]:
    """Joe has a password."""
    with entrance(write_roster(tmp_path, 'base_path = "/annot"')) as opened:
        opened.set_password("joe")
        yield opened


def test_a_name_and_a_password_lead_where_somebody_wanted_to_go(door: Entrance) -> None:
    """The roster's spelling counts in the end, whatever case was typed."""
    with door.browser() as browser:
        assert browser.get("/me").json() is None
        answer = door.log_in(browser, " JOE ", next="/annot/a/joe/?x=1")
        assert (answer.status_code, answer.headers["location"]) == (303, "/annot/a/joe/?x=1")
        assert browser.get("/me").json() == ["joe", True, True]
        assert browser.get("/login?next=/annot/a/joe/").headers["location"] == "/annot/a/joe/"


def test_a_cookie_is_for_the_browser_alone(door: Entrance) -> None:
    with door.browser() as browser:
        cookie = door.log_in(browser, "joe").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/annot" in cookie
    assert "Secure" not in cookie


def test_every_refusal_looks_alike(door: Entrance) -> None:
    """A wrong password, an unknown name, a name without a password, a locked one: the same page but for the name."""
    door.set_password("Jane")
    door.people.accounts.lock("Jane")
    pages = set()
    for name, password in (("joe", "wrong wrong"), ("nobody", PASSWORD), ("maria", PASSWORD), ("Jane", PASSWORD)):
        with door.browser() as browser:
            form = hidden_fields(browser.get("/login").text)
            answer = browser.post("/login", data={**form, "name": name, "password": password})
            assert answer.status_code == 401
            assert browser.get("/me").json() is None
            pages.add(answer.text.replace(f'value="{name}"', "").replace(form["form"], ""))
        door.people.accounts.forgive_address("127.0.0.1")
    assert len(pages) == 1


def test_whoever_leaves_the_roster_is_logged_in_nowhere(door: Entrance) -> None:
    """Also at servers to which browsers were handed on: a script has no login here, but its browser one there."""
    state, path = door.people.settings.state, door.people.settings.roster
    revoked = Revoked(state)
    path.write_text(path.read_text(encoding="utf-8").replace('[[annotator]]\nname = "Jane"\n', ""), encoding="utf-8")
    with door.browser() as browser:
        eventually(lambda: browser.get("/me") and revoked.at("Jane"), message="the end of her logins")
    assert revoked.at("joe") < revoked.at("jane")


def test_logging_out_ends_the_login_and_not_only_the_cookie(door: Entrance) -> None:
    with door.browser() as browser, door.browser() as thief:
        door.log_in(browser, "joe")
        thief.cookies = browser.cookies
        assert browser.post("/logout", data={"csrf": "guessed"}).headers["location"] == "/annot/logout"
        assert browser.get("/me").json() is not None
        done = browser.post("/logout", data=hidden_fields(browser.get("/logout").text))
        assert done.headers["location"] == "/annot/login"
        assert thief.get("/me").json() is None
        assert browser.get("/me").json() is None


def test_a_form_of_another_page_logs_nobody_in(door: Entrance) -> None:
    """Else somebody could have others work under a foreign name."""
    good = {"name": "joe", "password": PASSWORD}
    with door.browser() as browser:
        assert browser.post("/login", data=good).status_code == 403
        form = hidden_fields(browser.get("/login").text)
        foreign = browser.post("/login", data={**form, **good}, headers={"sec-fetch-site": "cross-site"})
        assert foreign.status_code == 403
        assert browser.post("/login", data={**good, "form": "0" * 64}).status_code == 403
        assert browser.post("/login", data={**form, **good}).status_code == 303


def test_an_invitation_is_good_for_one_password(door: Entrance) -> None:
    """Looking at it uses nothing up; what is no password is said; afterwards it is void."""
    token = door.people.accounts.invite("Jane")
    with door.browser() as browser, door.browser() as late:
        form = hidden_fields(browser.get(f"/invitation/{token}").text)
        other = hidden_fields(late.get(f"/invitation/{token}").text)
        for password, again, said in (
            ("short", "short", "at least 8"),
            ("long enough", "long enouhg", "differ"),
            ("a\tb\tc\td\te", "a\tb\tc\td\te", "cannot be typed"),
        ):
            answer = browser.post(f"/invitation/{token}", data={**form, "password": password, "again": again})
            assert answer.status_code == 400
            assert said in answer.text
        new = {"password": PASSWORD, "again": PASSWORD}
        assert browser.post(f"/invitation/{token}", data={**form, **new}).headers["location"] == "/annot/"
        assert browser.get("/me").json() == ["Jane", False, True]
        assert late.post(f"/invitation/{token}", data={**other, **new}).status_code == 404
        assert late.get(f"/invitation/{token}").status_code == 404
        assert door.log_in(late, "jane").status_code == 303


def test_what_a_command_ends_is_over_at_once(door: Entrance, tmp_path: Path) -> None:
    """Another process has the accounts open as well."""
    other = Accounts(tmp_path / ".prodigy-team")
    with door.browser() as browser:
        door.log_in(browser, "joe")
        assert browser.get("/me").json()
        assert other.end_logins("joe") == 1
        eventually(lambda: browser.get("/me").json() is None)
        door.log_in(browser, "joe")
        other.lock("joe")
        eventually(lambda: browser.get("/me").json() is None)
        assert door.log_in(browser, "joe").status_code == 401
        other.unlock("joe")
        assert door.log_in(browser, "joe").status_code == 303
    other.close()


def test_whoever_leaves_the_roster_is_out_without_a_restart(door: Entrance, tmp_path: Path) -> None:
    """And stays out when they come back, until they log in again; a roster with mistakes changes nothing."""
    roster = tmp_path / "team.toml"
    text = roster.read_text()
    with door.browser() as browser:
        door.log_in(browser, "joe")
        roster.write_text(text + "\n[nonsense")
        eventually(lambda: not door.people.members.is_old() or browser.get("/me").json() is None)
        assert browser.get("/me").json() == ["joe", True, True]
        roster.write_text(text.replace('"joe"', '"joseph"'))
        eventually(lambda: browser.get("/me").json() is None)
        assert door.log_in(browser, "joe").status_code == 401
        eventually(lambda: door.people.accounts.overview(["joe"])[0].logins == 0)
        roster.write_text(text)
        eventually(lambda: not door.people.members.is_old() or browser.get("/me").json())
        assert browser.get("/me").json() is None
        door.people.accounts.unlock("joe")
        assert door.log_in(browser, "joe").status_code == 303


def test_guessing_is_slowed_then_stopped_for_known_and_unknown_names_alike(door: Entrance) -> None:
    now = time.time()
    door.people.accounts._clock = lambda: now  # the first wait is a second, too short for a slow machine to ask on
    statuses = {}
    for name in ("joe", "nobody"):
        with door.browser() as browser:
            statuses[name] = [door.log_in(browser, name, "wrong wrong").status_code for _ in range(10)]
            assert door.log_in(browser, name).status_code == 429
        door.people.accounts.forgive_address("127.0.0.1")
    assert statuses["joe"] == statuses["nobody"] == [401] * 3 + [429] * 7


def test_no_password_and_no_token_is_written_anywhere(
    door: Entrance, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even when it is typed where the name belongs."""
    caplog.set_level(logging.DEBUG)
    with door.browser() as browser:
        door.log_in(browser, "joe")
        tokens = list(browser.cookies.values())
    with door.browser() as browser:
        said = door.log_in(browser, PASSWORD, "joe").text
        assert door.log_in(browser, "joe", PASSWORD + PASSWORD).status_code == 401
    invitation = door.people.accounts.invite("Jane")
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    ours = [record for record in caplog.records if record.name.startswith(("prodigy_team", "uvicorn"))]
    logged = "".join(record.getMessage() for record in ours)
    for secret in (PASSWORD, invitation, *tokens):
        assert secret.encode() not in kept
        assert secret not in logged
    assert PASSWORD not in said
    state = tmp_path / ".prodigy-team"
    assert {oct(path.stat().st_mode & 0o077) for path in state.glob("gateway.*") if "lock" not in path.name} == {"0o0"}


def test_a_login_ends_when_nobody_uses_it(tmp_path: Path) -> None:
    """Each use puts the end off; it is written down once a minute at most."""
    with entrance(write_roster(tmp_path, 'session_length = "5m"')) as door:
        now = [1_000_000.0]
        door.people.clock = door.people.accounts._clock = lambda: now[0]
        door.set_password("joe")
        with door.browser() as browser:
            door.log_in(browser, "joe")
            for _ in range(8):
                now[0] += 50
                assert browser.get("/me").json()
            door.people.workers.close()
            with contextlib.closing(sqlite3.connect(tmp_path / ".prodigy-team" / "gateway.db")) as connection:
                assert connection.execute("SELECT seen_at FROM login").fetchall() == [(now[0],)]
            now[0] += 301
            assert browser.get("/me").json() is None
