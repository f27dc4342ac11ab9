"""`invite`, `passwd` and `accounts` with a gateway in the roster."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from gateway_support import PASSWORD, entrance, hidden_fields, write_roster
from prodigy_team.gateway.accounts import Accounts
from prodigy_team.gateway.passwords import is_password
from support import run_team


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A roster with a gateway at an address of its own."""
    write_roster(tmp_path, 'base_path = "/annot"\npublic_url = "https://annotate.example.org/annot"')
    return tmp_path


def test_an_invited_person_chooses_a_password_and_is_in(folder: Path) -> None:
    """The link names the address that others reach; in another spelling it is the same person."""
    ended = run_team(folder, "invite", "joe", "jane", "--valid", "2h")
    assert ended.returncode == 0, ended.stderr
    lines = [line.split() for line in ended.stdout.splitlines()]
    assert [line[0] for line in lines] == ["joe", "Jane"]
    assert "once, for 2 h" in ended.stderr
    assert lines[1][1].startswith("https://annotate.example.org/annot/invitation/")
    with entrance(folder / "team.toml") as door, door.browser() as browser:
        path = lines[1][1].removeprefix("https://annotate.example.org/annot")
        form = {**hidden_fields(browser.get(path).text), "password": PASSWORD, "again": PASSWORD}
        assert browser.post(path, data=form).status_code == 303
        assert browser.get("/me").json() == ["Jane", False, True]
    listed = json.loads(run_team(folder, "accounts", "--json").stdout)
    assert [(each["name"], each["role"], each["password"], each["logins"]) for each in listed["accounts"]] == [
        ("joe", "annotator, manager", False, 0),
        ("Jane", "annotator", True, 1),
        ("maria", "manager", False, 0),
    ]
    shown = run_team(folder, "accounts").stdout
    assert "invited, 1 h left" in shown
    assert "not invited yet" in shown


def test_passwd_sets_the_persons_password_at_the_gateway(folder: Path) -> None:
    """And ends their logins; it is stored hashed, in a file for its owner alone."""
    accounts = Accounts(folder / ".prodigy-team")
    token = accounts.log_in("maria", "127.0.0.1", seconds=60)
    ended = run_team(folder, "passwd", "Maria", "--stdin", stdin=f"{PASSWORD}\n")
    assert ended.returncode == 0, ended.stderr
    assert PASSWORD not in ended.stdout + ended.stderr
    assert is_password(PASSWORD, accounts.password("maria"))
    assert accounts.overview(["maria"])[0].logins == 0
    assert token
    accounts.close()
    assert not (folder / ".prodigy-team" / "passwords.json").exists()


def test_locking_unlocking_and_ending_logins(folder: Path) -> None:
    accounts = Accounts(folder / ".prodigy-team")
    accounts.log_in("joe", "127.0.0.1", seconds=60)
    for _ in range(3):
        accounts.begin_try("jane", "203.0.113.9")
    assert "locked" in run_team(folder, "accounts", "--lock", "Joe").stdout
    assert accounts.locked() == {"joe"}
    refused = run_team(folder, "invite", "jane", "joe")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "accounts --unlock joe" in refused.stderr
    assert accounts.overview(["joe"])[0].logins == 0
    assert run_team(folder, "accounts", "--unlock", "joe", "jane", "203.0.113.9").returncode == 0
    assert accounts.locked() == set()
    assert [accounts.begin_try("jane", "203.0.113.9").wait for _ in range(3)] == [0, 0, 0]
    accounts.log_in("joe", "127.0.0.1", seconds=60)
    assert run_team(folder, "accounts", "--log-out", "joe").returncode == 0
    assert accounts.overview(["joe"])[0].logins == 0
    accounts.close()


def test_what_is_listed_of_somebody_under_attack_and_of_somebody_gone(folder: Path) -> None:
    now = [time.time() - 200]
    accounts = Accounts(folder / ".prodigy-team", clock=lambda: now[0])
    while not accounts.overview(["joe"])[0].refused_until:
        now[0] += accounts.begin_try("joe", "203.0.113.9").wait
    accounts.set_password("peter", "hash")
    accounts.close()
    shown = run_team(folder, "accounts").stdout
    assert "refused from unknown addresses for" in shown
    assert "Not on the roster, so that they cannot log in: peter." in shown


@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        (("invite", "jo"), "", "Did you mean joe?"),
        (("invite", "joe", "--valid", "soon"), "", "no length of time"),
        (("passwd", "joe", "--stdin"), "short\n", "at least 8 characters"),
        (("passwd", "maria", "--stdin"), "\n", "empty"),
        (("passwd", "peter", "--stdin"), f"{PASSWORD}\n", "no annotator and no manager"),
        (("accounts", "--lock"), "", "Nobody is named"),
        (("accounts", "--lock", "--unlock", "joe"), "", "exclude each other"),
        (("accounts", "--lock", "192.0.2.7"), "", "no annotator and no manager"),
    ],
)
def test_what_cannot_be_done(folder: Path, arguments: tuple[str, ...], stdin: str, words: str) -> None:
    ended = run_team(folder, *arguments, stdin=stdin)
    assert ended.returncode == 2
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


def test_without_a_gateway_there_are_no_accounts(folder: Path) -> None:
    roster = folder / "team.toml"
    roster.write_text(roster.read_text().partition("[gateway]")[0])
    for arguments in (("invite", "joe"), ("accounts",)):
        ended = run_team(folder, *arguments)
        assert ended.returncode == 2
        assert "has no [gateway]" in ended.stderr


def test_who_logs_in_otherwise_has_no_password_here(folder: Path) -> None:
    write_roster(folder, 'auth = "header"\ntrusted_proxies = ["127.0.0.1"]')
    for arguments in (("invite", "joe"), ("passwd", "joe", "--stdin")):
        ended = run_team(folder, *arguments, stdin=f"{PASSWORD}\n")
        assert ended.returncode == 2
        assert "log in by header" in ended.stderr
    assert "by header" in run_team(folder, "accounts").stdout
