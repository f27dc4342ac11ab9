"""Answers to tasks with known answers: scored, and in no training set."""

from __future__ import annotations

import json
from typing import Any

from counting_support import Team, team, text
from databases import add_as_prodigy, compact
from prodigy_team.tasks import with_hashes

__all__ = ["team"]

KNOWN: list[dict[str, Any]] = [{"text": f"known {n}", "accept": ["A"]} for n in range(4)]


def begin(team: Team) -> None:
    """Ten tasks and four known ones; joe answers three and all of these, jane one and one."""
    (team.folder / "gold.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in KNOWN))
    routing = 'annotations_per_task = 1\ngold = "gold.jsonl"\ngold_rate = 0.2'
    team.write(("joe", "jane"), tasks=10, routing=routing)
    team.run("ledger", "rebuild")
    questions = [{"text": line["text"]} for line in KNOWN]
    team.answer("joe", 0, questions[0], 1, *questions[1:], 2, accept=["A"])
    team.answer("jane", 3, questions[0], accept=["B"])


def test_merge_counts_them_apart_and_never_writes_them(team: Team) -> None:
    begin(team)
    foretold = team.json("merge", "--dry-run")
    assert (foretold["read"], foretold["used"], foretold["gold"]) == (9, 4, 5)
    assert "read 9 = used 4 + repeated 0 + gold 5" in team.run("merge")
    merged = [json.loads(line)["text"] for line in team.run("export", "headlines_gold").splitlines()]
    assert merged == [text(n)["text"] for n in (3, 0, 1, 2)]
    assert "left out" not in team.errors

    covered = team.pool("coverage")
    assert (covered["read"], covered["gold"], covered["counted"]) == (9, 5, 4)
    plan = team.pool("plan")
    assert (plan["tasks"], plan["gold"], plan["counted"]) == (10, 4, 4)


def test_answers_that_prodigy_wrote_are_told_apart_too(team: Team) -> None:
    begin(team)
    known = {"text": "known 2", "_session_id": "headlines_jane-jane", "accept": ["A"], "answer": "accept"}
    add_as_prodigy(team.database, "headlines_jane", [compact(with_hashes(known))])
    merged = team.json("merge")
    assert (merged["read"], merged["gold"], merged["used"]) == (10, 6, 4)


def test_an_export_leaves_them_out_and_says_so(team: Team) -> None:
    begin(team)
    told = team.run("export", "headlines_joe")
    assert [json.loads(line)["text"] for line in told.splitlines()] == ["text 0", "text 1", "text 2"]
    assert "left out 4 answers: 4 gold" in team.errors
    file = team.folder / "joe.jsonl"
    team.run("export", "headlines_joe", "--output", str(file))
    assert file.read_text() == told
    assert "wrote 3 answers" in team.errors


def test_a_task_that_is_known_and_in_the_source_is_known(team: Team) -> None:
    begin(team)
    (team.folder / "source.jsonl").write_text(
        "".join(f"{json.dumps(line)}\n" for line in [*map(text, range(10)), {"text": "known 3"}])
    )
    assert team.pool("plan")["tasks"] == 10
    (rebuilt,) = team.json("ledger", "rebuild")["pools"]
    assert rebuilt["tasks"] == 10


def test_what_is_dropped_is_copied_whole(team: Team) -> None:
    begin(team)
    team.run("drop", "headlines_joe", "--yes")
    (copy,) = (team.folder / ".prodigy-team").rglob("headlines_joe-*.jsonl")
    assert len(copy.read_text().splitlines()) == 7


def test_the_score_stands_in_progress(team: Team) -> None:
    begin(team)
    scores = {each["name"]: (each["gold_right"], each["gold_judged"]) for each in team.pool("progress")["annotators"]}
    assert scores == {"joe": (4, 4), "jane": (0, 1)}
