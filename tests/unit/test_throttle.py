"""Tries at passwords: some are free, then they get slow, then a lock falls; and nobody is kept out by strangers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prodigy_team.gateway.accounts import Accounts
from prodigy_team.gateway.throttle import (
    FAILURES,
    LONGEST_LOCK_SECONDS,
    LULL_SECONDS,
    MEMORY_SECONDS,
    Tally,
    counted_address,
)

HOME, CAFE, STRANGER = "192.0.2.1", "192.0.2.2", "203.0.113.9"


def waits_after(count: int, tally: Tally, now: float) -> tuple[list[float], Tally, float]:
    """Somebody who tries again as soon as they may."""
    waits = []
    for _ in range(count):
        tally = tally.failed(now)
        waits.append(tally.wait(now))
        now += waits[-1]
    return waits, tally, now


def test_waits_grow_and_ten_failures_lock_for_longer_each_time() -> None:
    waits, tally, now = waits_after(10, Tally(), 1e9)
    assert waits == [0, 0, 1, 2, 4, 8, 15, 30, 30, 900]
    waits, tally, now = waits_after(10, tally, now)
    assert waits[-1] == 1800
    for _ in range(9):
        waits, tally, now = waits_after(10, tally, now)
    assert waits[-1] == LONGEST_LOCK_SECONDS


def test_failures_and_locks_are_forgotten() -> None:
    _, tally, now = waits_after(9, Tally(), 1e9)
    assert tally.failed(now + LULL_SECONDS).failures == 1
    locked = tally.failed(now)
    assert locked.locks == 1
    assert locked.failed(now + MEMORY_SECONDS + 1) == Tally(1, 0, now + MEMORY_SECONDS + 1, now + MEMORY_SECONDS + 1)


def test_a_clock_set_back_keeps_nobody_out_for_years() -> None:
    _, tally, now = waits_after(10, Tally(), 2e9)
    assert tally.wait(now - 1e9) <= LONGEST_LOCK_SECONDS


@given(st.lists(st.floats(0, 100_000), max_size=60))
def test_no_more_than_ten_tries_are_looked_at_in_a_quarter_of_an_hour(gaps: list[float]) -> None:
    """However they are spaced."""
    tally, now, looked_at = Tally(), 1e9, []
    for gap in gaps:
        now += gap
        if not tally.wait(now):
            looked_at.append(now)
            tally = tally.failed(now)
    for first, last in zip(looked_at, looked_at[FAILURES:]):  # noqa: B905 of different lengths
        assert last - first >= 900


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_a_household_is_one_address(address: str, counted: str) -> None:
    assert counted_address(address) == counted


class Team:
    """Accounts under a clock of our own, in which joe has logged in from home."""

    def __init__(self, state: Path) -> None:
        self.now = 1e9
        self.accounts = Accounts(state, clock=lambda: self.now)
        self.accounts.log_in("joe", HOME, seconds=60)

    def fail(self, name: str, address: str, *, times: int = 10) -> None:
        """Try in vain, each time as soon as possible."""
        for _ in range(times):
            wait = self.accounts.begin_try(name, address).wait
            if wait:
                self.now += wait
                assert self.accounts.begin_try(name, address).wait == 0

    def wait(self, name: str, address: str) -> float:
        """For how long a try would not be looked at; counts as one if it would."""
        return self.accounts.begin_try(name, address).wait


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    team = Team(tmp_path)
    yield team
    team.accounts.close()


def test_a_stranger_closes_a_name_for_unfamiliar_addresses_only(team: Team) -> None:
    team.fail("joe", STRANGER)
    assert team.wait("Joe", STRANGER) > 800
    assert team.wait("joe", CAFE) > 800
    assert team.wait("jane", STRANGER) > 800
    assert team.wait("jane", CAFE) == 0
    assert team.wait("joe", HOME) == 0


def test_many_strangers_cannot_keep_somebody_out_of_their_own_address(team: Team) -> None:
    for day in range(30):
        team.fail("joe", f"203.0.113.{day}", times=1)
        team.now += LONGEST_LOCK_SECONDS
    team.fail("joe", STRANGER, times=10)
    assert team.wait("joe", CAFE) > 0
    assert team.wait("joe", HOME) == 0


def test_at_ones_own_address_ten_failures_lock_too(team: Team) -> None:
    """And concern nobody else there."""
    team.fail("joe", HOME)
    assert team.wait("joe", HOME) > 800
    assert team.wait("jane", HOME) == 0
    assert team.wait("joe", CAFE) == 0


def test_success_forgets_the_names_failures_and_not_the_addresss(team: Team) -> None:
    """Else a person with an account could guess at others' for ever, by logging in themselves between."""
    team.fail("jane", STRANGER, times=9)
    team.now += 30
    tried = team.accounts.begin_try("cy", STRANGER)
    assert tried.wait == 0
    team.accounts.forgive(tried)
    team.now += 30
    assert team.wait("bob", STRANGER) == 0
    assert team.wait("bob", STRANGER) > 800
    assert team.wait("cy", CAFE) == 0


def test_a_manager_or_an_invitation_opens_what_is_locked(team: Team) -> None:
    team.fail("joe", STRANGER)
    team.fail("joe", HOME)
    team.accounts.unlock("JOE")
    assert team.wait("joe", CAFE) == team.wait("joe", HOME) == 0
    assert team.wait("jane", STRANGER) > 0
    team.accounts.forgive_address(STRANGER)
    assert team.wait("jane", STRANGER) == 0
    token = team.accounts.invite("joe")
    team.fail("joe", CAFE)
    assert team.accounts.accept(token, "hash") == "joe"
    team.accounts.log_in("joe", CAFE, seconds=60)
    assert team.wait("joe", CAFE) == 0


def test_tries_at_the_same_moment_are_counted_before_they_are_looked_at(team: Team) -> None:
    """Ten threads at once get no more answers than one after the other."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(10) as threads:
        waits = list(threads.map(lambda _: team.wait("joe", STRANGER), range(40)))
    assert sum(wait == 0 for wait in waits) == 3
