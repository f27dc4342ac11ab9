"""The counts that merge, coverage, progress and export print of one project agree with each other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conflicting import OTHER, SPAN, put
from counting_support import Team
from databases import change
from team_support import Project, a_project, pull

PEOPLE = ("joe", "jane", "cy")
DATASETS = (*(f"headlines_{name}" for name in PEOPLE), "headlines_reviewed")
KNOWN = [{"text": f"known {n}", "spans": [SPAN], "answer": "accept"} for n in range(10)]
DECIDED = 3
NOT_COUNTED = ("gold", "surplus", "reopened")


@pytest.fixture
def team(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    """Conflicts, corrections, rejected, ignored, surplus and reopened answers, some to known tasks, and decisions."""
    monkeypatch.setenv("PRODIGY_HOME", str(tmp_path / "home"))
    with a_project(tmp_path) as project:
        found = Team(tmp_path, capsys)
        (tmp_path / "gold.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in KNOWN))
        write(found, project, "2")
        found.run("ledger", "rebuild")
        answer(found)
        decide(project)
        yield found


def write(team: Team, project: Project | None, per_task: str) -> None:
    """The roster."""
    routing = f'annotations_per_task = {per_task}\ngold = "gold.jsonl"\ngold_rate = 0.1'
    team.write(PEOPLE, tasks=100, routing=routing, more='[[manager]]\nname = "maria"\n')
    path = team.folder / "team.toml"
    if project is not None:
        ports = f'ports = "{project.ports[0]}-{project.ports[-1]}"\n'
        path.write_text(path.read_text().replace("[team]\n", f"[team]\n{ports}", 1))


def known(numbers: Iterable[int]) -> list[dict[str, str]]:
    """Tasks with known answers."""
    return [{"text": str(KNOWN[number]["text"])} for number in numbers]


def answer(team: Team) -> None:
    """Everybody's answers."""
    put(team, "joe", [*range(60), *known(range(5)), {"text": "since taken out of the source"}])
    put(team, "joe", range(5), spans=[])
    put(team, "jane", range(10), spans=[OTHER])
    put(team, "jane", range(10, 15), answer="reject")
    put(team, "jane", range(15, 20), answer="ignore")
    put(team, "jane", [*range(20, 40), *known(range(10))])
    put(team, "cy", [*range(30, 55), *known([0, 1])])
    put(team, "cy", [30, 31, 45], spans=[OTHER])
    put(team, "cy", [32], answer="ignore")
    put(team, "cy", [33, 46], answer="reject")
    team.run("reopen", "--annotator", "jane", "--where", "answer=reject")
    put(team, "jane", [10, 11])
    team.run("reopen", "--annotator", "cy", "--last", "2")


def decide(project: Project) -> None:
    """Maria settles some of what joe and jane dispute."""
    project.run("review")
    with project.client("review-headlines_reviewed") as client:
        tasks = pull(client)[:DECIDED]
        answers = [{**each, "spans": [SPAN], "answer": "accept"} for each in tasks]
        assert client.post("/give_answers", json={"answers": answers}).status_code == 200
    project.run("stop", "review-headlines_reviewed")


def export(team: Team, *arguments: str) -> dict[str, Any]:
    """A report."""
    return team.json("export", *arguments, "--dev", "0.2", "--output", str(team.folder / "out"))


def total(people: Iterable[dict[str, Any]], *keys: str) -> int:
    """The sum over people."""
    return sum(each[key] for each in people for key in keys)


def test_all_four_tell_the_same(team: Team) -> None:
    told = [compare(team, per_task) for per_task in ("2", "1.5", "1", '"all"')]
    assert told[0] == {"gold": 17, "surplus": 9, "reopened": 9}
    assert told[1]["surplus"] < told[2]["surplus"]
    assert told[3]["surplus"] == 0

    change(team.database, "DELETE FROM prodigy_team_answer WHERE identity IN (SELECT identity FROM prodigy_team_gold)")
    assert compare(team, "2") == told[0], "gold that Prodigy's engine wrote, and nobody has indexed yet"
    plain = team.json("export", *DATASETS, "--output", str(team.folder / "out.jsonl"))
    kept = team.json("merge", *DATASETS, "--dry-run")
    assert plain["dropped"] == {"gold": kept["gold"]} == {"gold": told[0]["gold"]}, "both keep everything else"


def compare(team: Team, per_task: str) -> dict[str, int]:
    """Hold the four commands' counts against each other; what does not count."""
    write(team, None, per_task)
    covered, done = team.pool("coverage"), team.pool("progress")
    people = done["annotators"]
    assert [done[key] for key in ("counted", "wanted", "reachable")] == [
        covered[key] for key in ("counted", "wanted", "reachable")
    ]
    assert total(people, "done") == covered["counted"] + covered["surplus"]
    assert total(people, "accept", "reject", "ignore") == total(people, "done")
    assert total(people, "corrections") == covered["corrections"]
    out = export(team, *DATASETS)
    assert {key: out["dropped"].get(key, 0) for key in NOT_COUNTED} == {key: covered[key] for key in NOT_COUNTED}
    assert out["read"] == covered["read"] + DECIDED
    corrections = covered["corrections"] - out["dropped"].get("repeated", 0)
    assert out["exported"] == covered["counted"] + corrections + covered["elsewhere"] + DECIDED
    for policy in ("review", "majority", "unanimous", "prefer=joe"):
        merged = team.json("merge", "--on-conflict", policy, "--dry-run")
        assert {key: merged[key] for key in NOT_COUNTED} == {key: covered[key] for key in NOT_COUNTED}
        assert (merged["read"], merged["repeated"]) == (out["read"], covered["corrections"])
        judged = merged["used"] + merged["conflicting"] + merged["rejected"] + merged["ignored"]
        assert judged == covered["counted"] + covered["elsewhere"] + DECIDED
    return {key: covered[key] for key in NOT_COUNTED}
