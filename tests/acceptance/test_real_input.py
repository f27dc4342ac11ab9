"""Real headlines from roster to export: 178 answers each, 534 rows merged once, hashes as Prodigy computes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from prodigy_team.tasks import input_hash, task_hash
from support import ROOT, shared_data
from team_support import Project, annotate_all

HEADLINES = "news_headlines.jsonl"
UBER = "Uber\u2019s Lesson: Silicon Valley\u2019s Start-Up Machine Needs Fixing"
SAMPLE = ROOT / "src" / "prodigy_team" / "samples" / "headlines.jsonl"


Tasks = dict[str, dict[str, Any]]


def tasks_of(path: Path) -> Tasks:
    """The first task of each text of a source, in its order."""
    tasks: Tasks = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        task = json.loads(line)
        tasks.setdefault(task["text"], task)
    return tasks


@pytest.fixture(params=["real", "sample"])
def source(request: pytest.FixtureRequest) -> tuple[str, Tasks]:
    """A roster's `source` and the texts in it."""
    if request.param == "sample":
        return "sample:headlines", tasks_of(SAMPLE)
    path = shared_data(HEADLINES)
    return str(path), tasks_of(path)


def test_from_roster_to_export(project: Project, source: tuple[str, Tasks]) -> None:
    name, texts = source
    project.write_roster(
        task=f'recipe = "ner.manual"\nmodel = "blank:en"\nlabels = ["PERSON", "ORG", "LOCATION"]\nsource = "{name}"'
    )
    project.run("up")
    for server in ("joe", "jane", "cy"):
        with project.client(server) as client:
            assert annotate_all(client) == len(texts)
    if name.endswith(HEADLINES):
        assert len(texts) == 178
    assert {each["answers"] for each in project.status().values()} == {len(texts)}
    assert {each["tasks"] for each in project.status().values()} == {len(texts)}

    total = 3 * len(texts)
    first = project.json("merge")
    assert (first["read"], first["used"], first["repeated"]) == (total, total, 0)
    assert project.json("merge")["used"] == 0
    project.run("export", "headlines_gold", "--output", "gold.jsonl")
    rows = [json.loads(line) for line in (project.folder / "gold.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == total
    assert sorted(row["text"] for row in rows) == sorted([*texts] * 3)
    for row in rows:
        raw = texts[row["text"]]
        assert row["_input_hash"] == input_hash(raw)
        assert row["_task_hash"] == task_hash(raw, row["_input_hash"])
        if row["text"] == UBER:
            assert (row["_input_hash"], row["_task_hash"]) == (1886699658, -1952856502)
    assert {row["_session_id"] for row in rows} == {f"headlines_{each}-{each}" for each in ("joe", "jane", "cy")}
    stdout = project.run("export", "headlines_gold").stdout
    assert stdout == (project.folder / "gold.jsonl").read_text(encoding="utf-8")
