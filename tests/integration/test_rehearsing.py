"""A router that fails, gold without a task and a damaged ledger are told before anybody is dealt anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from prodigy_team.servers.doctor import examine
from support import run_team

ROSTER = """
team = {{ name = "headlines", engine = "embedded", database = "answers.db" }}
task = {{ recipe = "textcat.manual", source = "headlines.jsonl", labels = ["A", "B"] }}
annotator = [{{ name = "joe" }}, {{ name = "jane" }}]
routing = {{ {routing} }}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project without a roster yet."""
    (tmp_path / "headlines.jsonl").write_text('no JSON\n{"text": "A headline"}\n', encoding="utf-8")
    return tmp_path


def write_roster(folder: Path, routing: str) -> Path:
    path = folder / "team.toml"
    path.write_text(ROSTER.format(routing=routing), encoding="utf-8")
    return path


@pytest.mark.parametrize("words", [("up",), ("up", "--dry-run"), ("check",)])
def test_a_router_that_fails_stops_up_before_a_server_starts(folder: Path, words: tuple[str, ...]) -> None:
    """Else every page would be told that tasks cannot be read."""
    code = 'def may(task, annotator):\n    return annotator == "joe" or task["nothing"]\n'
    (folder / "routes.py").write_text(code, encoding="utf-8")
    write_roster(folder, 'router = "routes.py:may"')
    done = run_team(folder, *words)
    assert done.returncode == 2
    assert "routing.router" in done.stderr
    assert "failed for jane: KeyError('nothing')" in done.stderr
    assert not (folder / ".prodigy-team" / "team.lock").exists()


@pytest.mark.parametrize("content", ["", "\n\n", "no JSON\n", '{"label": "A"}\n'])
def test_gold_without_a_task_is_told(folder: Path, content: str) -> None:
    (folder / "gold.jsonl").write_text(content, encoding="utf-8")
    write_roster(folder, 'gold = "gold.jsonl", gold_rate = 0.1')
    done = run_team(folder, "up")
    assert done.returncode == 2
    assert "routing.gold" in done.stderr
    assert "no task that can be read" in done.stderr


def test_a_router_and_gold_that_work_are_let_through(folder: Path) -> None:
    (folder / "gold.jsonl").write_text('{"text": "Known", "label": "A"}\n', encoding="utf-8")
    (folder / "routes.py").write_text("def may(task, annotator):\n    return bool(task)\n", encoding="utf-8")
    write_roster(folder, 'router = "routes.py:may", gold = "gold.jsonl", gold_rate = 0.1')
    assert run_team(folder, "check").returncode == 0


def test_doctor_finds_a_damaged_ledger(folder: Path) -> None:
    path = write_roster(folder, "annotations_per_task = 1")
    ledger = folder / ".prodigy-team" / "ledger.db"
    ledger.parent.mkdir()
    ledger.write_bytes(b"SQLite format 3\0" + bytes(4096))
    [found] = [each for each in examine(path, {}) if each.subject == "dealing"]
    assert found.level == "error"
    assert "damaged" in found.text
    assert "ledger rebuild" in found.remedy
