"""`ledger rebuild`: at any moment, with what people hold kept."""

from __future__ import annotations

import os

import pytest

from counting_support import Team, team
from prodigy_team.allocation.ledger import Ledger
from prodigy_team.cli.answers import read_roster
from prodigy_team.cli.pools import roster_pools
from support import open_files

__all__ = ["team"]


def lease(team: Team, name: str, count: int) -> None:
    """Let somebody pull from the ledger as a server does."""
    with roster_pools(read_roster(team.folder / "team.toml")) as (pools, _):
        (pool,) = pools
        ledger = Ledger(pool.ledger, store=pool.setup.open_store, identify=lambda _: None)
        ledger.sync(pool.rules, pool.index)
        assert len(ledger.pull(name, count=count).leases) == count
        ledger.close()


def test_what_is_held_and_drawn_is_kept(team: Team) -> None:
    team.write(("joe", "jane"), tasks=50, routing="annotations_per_task = 1.2")
    lease(team, "joe", 7)
    team.answer("joe", 0, 1)
    team.answer("jane", 30)
    missing = team.pool("coverage", "--missing")["missing"]

    (found,) = team.json("ledger", "rebuild")["pools"]
    assert [found[key] for key in ("tasks", "twice", "answers", "leases_before", "leases")] == [50, 10, 3, 7, 5]
    assert team.pool("coverage", "--missing")["missing"] == missing
    held = {each["name"]: each["held"] for each in team.pool("plan")["people"]}
    assert held == {"joe": 5, "jane": 0}
    assert [each for each in open_files(os.getpid()) if each.startswith(str(team.folder))] == []


def test_nobody_holds_what_they_have_answered(team: Team) -> None:
    """Such as once [routing] is taken out: nobody tells the ledger any more."""
    team.write(("joe", "jane"), tasks=20, routing="annotations_per_task = 1")
    lease(team, "joe", 7)
    team.write(("joe", "jane"), tasks=20, routing=None)
    team.answer("joe", *range(5))
    held = {each["name"]: each["held"] for each in team.pool("plan")["people"]}
    assert held == {"joe": 2, "jane": 0}
    assert {each["name"]: each["leased"] for each in team.pool("progress")["annotators"]} == held


def test_a_damaged_ledger_is_made_anew(team: Team, caplog: pytest.LogCaptureFixture) -> None:
    team.write(("joe", "jane"), tasks=50)
    team.answer("joe", *range(20))
    team.run("ledger", "rebuild")
    for ending in ("", "-wal", "-shm"):
        (team.folder / ".prodigy-team" / f"ledger.db{ending}").unlink(missing_ok=True)
    (team.folder / ".prodigy-team" / "ledger.db").write_bytes(b"no database" * 1000)
    assert team.pool("coverage")["counted"] == 20

    (found,) = team.json("ledger", "rebuild")["pools"]
    assert (found["answers"], found["leases_before"]) == (20, None)
    assert caplog.text.count("cannot be read whole") == 1
    assert "could not be read" not in team.run("ledger", "rebuild")


def test_what_cannot_be_replaced_is_said(team: Team) -> None:
    team.write(("joe", "jane"), tasks=5)
    (team.folder / ".prodigy-team" / "ledger.db").mkdir(parents=True)
    team.run("ledger", "rebuild", code=1)
    assert "ledger.db cannot be made: Is a directory." in team.errors
    assert "Traceback" not in team.errors


def test_there_is_nothing_to_rebuild_without_routing(team: Team) -> None:
    team.write(("joe",), routing=None)
    team.run("ledger", "rebuild", code=1)
    assert "[routing]" in team.errors
