"""`reopen`: what was answered under an earlier version is asked again, of the same people; nothing is lost."""

from __future__ import annotations

from contextlib import closing

import pytest

from counting_support import Team, team
from databases import Database, ask, change
from prodigy_team.allocation.ledger import Ledger
from prodigy_team.cli.answers import read_roster
from prodigy_team.cli.pools import roster_pools
from prodigy_team.store import open_store

__all__ = ["team"]

ROUTING = "annotations_per_task = 1.5"


def pull(team: Team, name: str) -> list[int]:
    """The places of the tasks that somebody would be given now, all that there are."""
    with roster_pools(read_roster(team.folder / "team.toml"), write=True) as (pools, _):
        (pool,) = pools
        with closing(Ledger(pool.ledger, store=pool.setup.open_store, identify=lambda _: None)) as ledger:
            ledger.sync(pool.rules, pool.index)
            found = [each.place for each in ledger.pull(name, count=100).leases]
    return sorted(found)


@pytest.fixture
def begun(team: Team) -> Team:
    """Joe has answered ten tasks under version 1, two of them again under 2; jane two under 1."""
    team.write(("joe", "jane"), tasks=10, routing="annotations_per_task = 2")
    team.run("ledger", "rebuild")
    for n in range(10):
        team.answer("joe", n, _version="1", _answer_id=f"a{n}")
    for n in (3, 4):
        team.answer("joe", n, _version="2", _answer_id=f"b{n}", _replaces=f"a{n}", answer="reject")
    team.answer("jane", 0, 1, _version="1")
    return team


def test_the_same_people_are_asked_again(begun: Team) -> None:
    assert pull(begun, "joe") == []
    told = begun.json("reopen", "--version", "1", "--annotator", "joe", "--dry-run")["pools"][0]
    assert (told["people"], told["answers"]) == ({"joe": 8}, 8)
    assert begun.pool("coverage")["counted"] == 12

    begun.run("reopen", "--version", "1", "--annotator", "joe")
    assert pull(begun, "joe") == [1, 2, 3, 6, 7, 8, 9, 10]
    found = begun.pool("coverage")
    assert [found[key] for key in ("read", "counted", "reopened", "corrections")] == [14, 4, 8, 2]
    people = {each["name"]: each for each in begun.pool("progress")["annotators"]}
    assert (people["joe"]["done"], people["joe"]["versions"], people["jane"]["done"]) == (2, {"2": 2}, 2)
    assert begun.json("merge", "--dry-run")["read"] == 14


def test_a_new_answer_counts_and_the_old_one_stays(begun: Team) -> None:
    begun.run("reopen", "--version", "1")
    for n in (0, 1):
        begun.answer("joe", n, _version="2", _answer_id=f"c{n}", answer="reject")
    found = begun.pool("coverage")
    assert [found[key] for key in ("read", "counted", "reopened")] == [16, 4, 10]
    assert 1 not in pull(begun, "joe")
    assert begun.json("reopen", "--version", "1")["pools"][0]["answers"] == 0
    exported = begun.run("export", "headlines_joe").splitlines()
    assert sum('"text":"text 0"' in line for line in exported) == 2


def test_it_outlives_a_rebuilt_index_and_ledger(begun: Team) -> None:
    begun.run("reopen", "--version", "1", "--annotator", "jane")
    change(begun.database, "DELETE FROM prodigy_team_answer", "DELETE FROM prodigy_team_dataset")
    with roster_pools(read_roster(begun.folder / "team.toml"), write=True) as (pools, _):
        pools[0].index_answers()
    begun.run("ledger", "rebuild")
    assert begun.pool("coverage")["reopened"] == 2
    assert 1 in pull(begun, "jane")


def test_streams_without_a_ledger_find_them_open_too(begun: Team) -> None:
    begun.write(("joe", "jane"), tasks=10, routing=None)
    begun.run("reopen", "--version", "1", "--annotator", "joe")
    with (
        roster_pools(read_roster(begun.folder / "team.toml")) as (pools, _),
        closing(open_store(Database("sqlite", begun.database), write=True)) as store,
    ):
        places = store.unanswered(pools[0].index.path, "headlines_joe", "headlines_joe-joe", after=-1, limit=100)
    assert places == [1, 2, 3, 6, 7, 8, 9, 10]


def test_a_stream_that_had_noted_how_far_all_is_answered_goes_back(team: Team) -> None:
    team.write(("joe",), tasks=1200, routing=None)
    team.answer("joe", *range(1100), _version="2")
    with roster_pools(read_roster(team.folder / "team.toml")) as (pools, _):
        index = pools[0].index.path
    who = "headlines_joe-joe"
    with team.store() as store:
        assert store.unanswered(index, "headlines_joe", who, after=-1, limit=1) == [1101]
    assert ask(team.database, "SELECT count(*) FROM prodigy_team_frontier") == [(1,)]
    assert team.json("reopen", "--version", "2")["pools"][0]["people"] == {"joe": 1100}
    with team.store() as store:
        assert store.unanswered(index, "headlines_joe", who, after=-1, limit=2) == [1, 2]


def test_a_version_that_nobody_answered_under_is_said(begun: Team) -> None:
    said = begun.run("reopen", "--version", "7")
    assert "Nothing is to be sent back." in said
    assert "no longer count" not in said


def test_a_name_that_is_not_there_is_refused(begun: Team) -> None:
    begun.run("reopen", "--version", "1", "--annotator", "bob", code=2)
    assert "no annotator bob" in begun.errors


def test_the_last_tasks_of_one_person(begun: Team) -> None:
    """The newest answer says which are the last: those of 3 and 4 were corrected after all others."""
    told = begun.json("reopen", "--annotator", "joe", "--last", "3")["pools"][0]
    assert (told["people"], told["answers"]) == ({"joe": 3}, 5)
    assert pull(begun, "joe") == [4, 5, 10]
    again = begun.json("reopen", "--annotator", "joe", "--last", "3")["pools"][0]
    assert (again["people"], again["answers"]) == ({}, 0), "a second run sends nothing more"
    begun.answer("joe", 3, _version="3", _answer_id="d3")
    assert pull(begun, "joe") == [5, 10]
    assert begun.pool("coverage")["reopened"] == 5


def test_what_the_newest_answer_says(begun: Team) -> None:
    """Rejected first and accepted since is no rejected task; of a list one entry is enough."""
    begun.answer("jane", 5, answer="reject", _answer_id="e5", meta={"paper": "NN"}, accept=["A", "B"])
    begun.answer("jane", 6, answer="reject", _answer_id="e6", meta={"paper": "TT"}, accept=["A"])
    begun.answer("jane", 6, _answer_id="f6", _replaces="e6")
    found = begun.json("reopen", "--where", "answer=reject", "--dry-run")["pools"][0]
    assert found["people"] == {"jane": 1, "joe": 2}
    begun.run("reopen", "--where", "answer=reject", "--where", "meta.paper=NN", "--where", "accept=B")
    assert pull(begun, "joe") == []
    assert 6 in pull(begun, "jane")
    assert begun.pool("coverage")["reopened"] == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [((), "Say --last N"), (("--where", "reject"), "Write FIELD=VALUE"), (("--where", "=x"), "Write FIELD=VALUE")],
)
def test_what_is_not_said_is_asked_for(begun: Team, words: tuple[str, ...], says: str) -> None:
    begun.run("reopen", *words, code=2)
    assert says in begun.errors
