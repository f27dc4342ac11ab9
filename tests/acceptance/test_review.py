"""What people answered differently is settled by one more, on a server of the roster, and the merge goes by it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from team_support import Project, a_project

TASKS = 8


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Project]:
    """Joe, jane and cy, who choose one of two labels; of eight texts joe and jane disagree on three, cy does one."""
    with a_project(tmp_path) as project:
        project.write_source(TASKS)
        project.write_roster(("joe", "jane", "cy"), more='[[manager]]\nname = "maria"\n')
        project.run("up")
        choose(project, "joe", dict.fromkeys(range(TASKS), "A"))
        choose(project, "jane", {n: "B" if n in (1, 4, 6) else "A" for n in range(TASKS)})
        choose(project, "cy", {1: "A"})
        yield project


def choose(project: Project, name: str, labels: Mapping[int, str], **more: Any) -> None:
    """Answer tasks by number with a label."""
    with project.client(name) as client:
        tasks = {each["text"]: each for each in questions(client)}
        given = [{**tasks[f"text {n}"], "accept": [label], "answer": "accept", **more} for n, label in labels.items()]
        assert client.post("/give_answers", json={"answers": given}).status_code == 200


def questions(client: Any) -> list[dict[str, Any]]:
    """What a server asks its annotator."""
    found = client.post("/get_session_questions", json={"session_id": None})
    assert found.status_code == 200, found.text
    tasks: list[dict[str, Any]] = found.json()["tasks"]
    return tasks


def review(project: Project, *words: str) -> dict[str, Any]:
    """`review` with these words."""
    found: dict[str, Any] = project.json("review", *words)
    return found


def test_a_manager_settles_what_others_dispute(team: Project) -> None:
    before = team.json("merge", "--on-conflict", "review", "--dry-run")
    assert (before["used"], before["conflicting"]) == (10, 7)

    found = review(team)
    assert [found[key] for key in ("adjudicator", "disputes", "few", "asked", "own", "decided")] == [
        "maria",
        3,
        0,
        3,
        0,
        0,
    ]
    assert team.states()["review-headlines_reviewed"] == "running"
    assert "nothing to do" in team.run("up").stdout

    with team.client("review-headlines_reviewed") as client:
        tasks = questions(client)
        assert [each["text"] for each in tasks] == ["text 1", "text 4", "text 6"]
        assert [(each["accept"], each["sessions"]) for each in tasks[0]["versions"]] == [
            (["A"], ["cy", "joe"]),
            (["B"], ["jane"]),
        ]
        assert client.get("/project").json()["view_id"] == "review"
        decisions = [{**task, "accept": ["B"], "answer": "accept"} for task in tasks[:2]]
        assert client.post("/give_answers", json={"answers": decisions}).status_code == 200

    after = team.json("merge", "--on-conflict", "review", "--into", "gold.jsonl", "--conflicts", "open.jsonl")
    assert (after["unsettled"], after["conflicting"]) == (1, 2)
    rows = {row["text"]: row for row in map(json.loads, (team.folder / "gold.jsonl").read_text().splitlines())}
    assert {text: row["accept"] for text, row in rows.items()} == {
        f"text {n}": ["B"] if n in (1, 4) else ["A"] for n in range(TASKS) if n != 6
    }
    assert "versions" not in rows["text 1"]
    assert review(team, "--dry-run")["decided"] == 2


@pytest.mark.long
def test_it_is_one_more_server_until_it_is_ended(team: Project) -> None:
    review(team, "--into", "settled")
    pids = team.pids()
    assert team.run("stop", "review-settled").returncode == 0
    assert team.states()["review-settled"] == "stopped"
    team.run("up", "--revive", "--quiet")
    assert team.states()["review-settled"] == "stopped"
    team.run("up")
    assert team.states()["review-settled"] == "running"
    assert {name: pid for name, pid in team.pids().items() if name != "review-settled"} == {
        name: pid for name, pid in pids.items() if name != "review-settled"
    }
    team.run("review", "--into", "settled", "--end")
    assert "review-settled" not in team.states()
    assert "no review into settled" in team.run("review", "--into", "settled", "--end", code=2).stderr


def test_nobody_decides_on_their_own(team: Project) -> None:
    """Cy is one of those who dispute the first of the three."""
    found = review(team, "--adjudicator", "cy")
    assert (found["asked"], found["own"]) == (2, 1)
    with team.client("review-headlines_reviewed") as client:
        assert [each["text"] for each in questions(client)] == ["text 4", "text 6"]


def test_disputes_that_come_up_later_are_asked_by_another_run(team: Project) -> None:
    review(team)
    choose(team, "cy", {2: "B"})
    assert review(team)["asked"] == 4
    with team.client("review-headlines_reviewed") as client:
        assert [each["text"] for each in questions(client)] == ["text 1", "text 2", "text 4", "text 6"]


def test_what_cannot_be_meant_is_refused(team: Project) -> None:
    for words, says in {
        ("--into", "headlines_joe"): "holds other answers",
        ("--into", "headlines_gold"): "holds other answers",
        ("--into", "a b"): "cannot be the name",
        ("nothing",): "There is no dataset nothing",
    }.items():
        assert says in team.run("review", *words, code=2).stderr


def test_what_too_few_judged_is_asked_as_well(team: Project) -> None:
    """Jane and cy alone: one dispute, and seven tasks that are only jane's."""
    sources = ("headlines_jane", "headlines_cy")
    assert review(team, *sources, "--dry-run")["asked"] == 1
    found = review(team, *sources, "--auto-accept", "2")
    assert [found[key] for key in ("disputes", "few", "asked", "decided")] == [1, 7, 8, 0]
    with team.client("review-headlines_reviewed") as client:
        tasks = questions(client)
        assert [each["text"] for each in tasks] == ["text 1", *(f"text {n}" for n in range(TASKS) if n != 1)]
        assert [each["sessions"] for each in tasks[1]["versions"]] == [["jane"]]
        given = [{**tasks[0], "accept": [], "answer": "ignore"}, {**tasks[1], "accept": ["B"], "answer": "accept"}]
        assert client.post("/give_answers", json={"answers": given}).status_code == 200
    assert review(team, *sources, "--auto-accept", "2", "--dry-run")["decided"] == 1, "one is ignored"
    team.run("merge", *sources, "headlines_reviewed", "--on-conflict", "review", "--into", "gold.jsonl")
    rows = {row["text"]: row for row in map(json.loads, (team.folder / "gold.jsonl").read_text().splitlines())}
    labels = {f"text {n}": ["B"] if n in (0, 4, 6) else ["A"] for n in range(TASKS) if n != 1}
    assert {text: row["accept"] for text, row in rows.items()} == labels
