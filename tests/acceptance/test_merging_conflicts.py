"""Scenario S13: three people's answers become a training set, with conflicts, corrections and known tasks; twice."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import pytest

from conflicting import PEOPLE, SESSION, begin
from counting_support import Team, team, text

__all__ = ["team"]


def content(team: Team, dataset: str) -> list[bytes]:
    with team.store() as store:
        return list(store.answers(dataset))


def merge(team: Team, *arguments: str) -> dict[str, Any]:
    return team.json("merge", *arguments, "--into", "gold", "--on-conflict", "review")


def test_the_numbers_of_the_scenario(team: Team) -> None:
    begin(team)
    before = {name: content(team, name) for name in PEOPLE}
    told = merge(team, *PEOPLE, SESSION, "--dry-run")
    expected = {"read": 2220, "used": 1178, "repeated": 820, "conflicting": 114, "ignored": 8, "gold": 100}
    expected |= {"rejected": 0, "surplus": 0, "unreadable": 0, "already": 0, "reopened": 0, "collisions": 0}
    expected |= {"tasks": 943, "conflicts": 57, "unsettled": 57, "outvoted": 0}
    assert {key: told[key] for key in expected} == expected
    assert (told["read_of"][SESSION], told["changed"]) == (810, False)
    with team.store() as store:
        assert "gold" not in {info.name for info in store.datasets()}

    done = merge(team, *PEOPLE, SESSION)
    assert {key: done[key] for key in expected} == expected
    assert done["conflicts_into"] == "gold-conflicts"
    rows = {row["text"]: row for row in map(json.loads, content(team, "gold"))}
    assert len(rows) == len(content(team, "gold")) == 943
    assert sum(row["_annotators"] == ["jane", "joe"] for row in rows.values()) == 235
    assert [rows[text(n)["text"]]["_annotators"] for n in (57, 64)] == [["joe"], ["joe"]], "single answers"
    assert rows["text 57"]["_votes"][1] == {"answer": "ignore", "annotators": ["jane"]}
    assert all(rows[text(n)["text"]]["spans"] == [] for n in range(700, 710)), "joe's later answers"
    assert not any(name.startswith("known") for name in rows)
    disputed = [json.loads(line) for line in content(team, "gold-conflicts")]
    assert (len(disputed), len({row["text"] for row in disputed})) == (114, 57)
    assert {name: content(team, name) for name in PEOPLE} == before

    written = content(team, "gold"), content(team, "gold-conflicts")
    assert "nothing to do" in team.run("merge", *PEOPLE, SESSION, "--into", "gold", "--on-conflict", "review")
    for order in list(permutations((*PEOPLE, SESSION)))[1::15]:
        assert merge(team, *order)["changed"] is False
    assert (content(team, "gold"), content(team, "gold-conflicts")) == written


def test_merge_coverage_and_progress_tell_the_same_numbers(team: Team) -> None:
    begin(team, annotations_per_task=1)
    merged = team.json("merge", "--on-conflict", "majority", "--dry-run")
    covered = team.pool("coverage")
    assert (merged["surplus"], merged["gold"]) == (covered["surplus"], covered["gold"]) == (300, 100)
    assert merged["read"] == covered["read"] == 1410
    assert merged["repeated"] == covered["corrections"] == 10
    assert merged["used"] == covered["counted"] == 1000
    people = {each["name"]: each["surplus"] for each in covered["people"]}
    assert (people["joe"], people["jane"]) == (0, 300)


def test_all_keeps_everything_and_says_how_to_see_the_conflicts(team: Team) -> None:
    begin(team)
    told = team.run("merge")
    assert "read 1,410 = used 1,310 + repeated 0 + gold 100" in told
    assert "57 tasks answered differently by different people (--on-conflict review lists them)" in told
    assert len(content(team, "headlines_gold")) == 1310


@pytest.mark.parametrize("gone", ["gold.jsonl", "source.jsonl"])
def test_a_source_that_is_gone_stops_no_merge(team: Team, gone: str) -> None:
    begin(team)
    (team.folder / gone).unlink()
    report = merge(team)
    assert (report["read"], report["gold"], report["tasks"]) == (1410, 100, 943)
    assert gone in team.errors
