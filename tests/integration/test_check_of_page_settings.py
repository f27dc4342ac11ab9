"""`check` names what the embedded engine's page will not honour, and refuses what keeps a server from starting."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support import run_team

ROSTER = """
[team]
name = "t"
engine = "embedded"
[task]
recipe = "mark"
view_id = "text"
source = "sample:headlines"
[prodigy]
{settings}
[[annotator]]
name = "joe"
[[annotator]]
name = "jane"
"""


def check(folder: Path, settings: str) -> tuple[int, dict[str, object]]:
    (folder / "team.toml").write_text(ROSTER.format(settings=settings), encoding="utf-8")
    done = run_team(folder, "check", "--json")
    return done.returncode, json.loads(done.stdout)


def test_settings_without_effect_are_named_once(tmp_path: Path) -> None:
    code, said = check(tmp_path, 'darken_image = 0.3\nui_lang = "pt"\nshow_flag = true')
    assert code == 0
    problems = said["problems"]
    assert isinstance(problems, list)
    assert sorted(each["where"] for each in problems) == ["prodigy.darken_image", "prodigy.ui_lang"]


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ('javascript = "alert(1)"', "javascript"),
        ('keymap = { accept = ["x"] }', "reject"),
        ('instructions = "none.md"', "none.md"),
    ],
)
def test_what_keeps_a_server_from_starting_is_a_problem(tmp_path: Path, settings: str, word: str) -> None:
    code, said = check(tmp_path, settings)
    assert code == 2
    assert word in json.dumps(said["problems"])


def test_what_a_server_would_end_with_is_said_before(tmp_path: Path) -> None:
    """Each once, at its key: a view that does not exist, a source of an unknown kind."""
    (tmp_path / "a.tsv").write_text("text\na\n", encoding="utf-8")
    told = {}
    for old, new in (('view_id = "text"', 'view_id = "txt"'), ("sample:headlines", "a.tsv")):
        text = ROSTER.format(settings="").replace(old, new)
        (tmp_path / "team.toml").write_text(text, encoding="utf-8")
        done = run_team(tmp_path, "check", "--json")
        assert done.returncode == 2
        (problem,) = json.loads(done.stdout)["problems"]
        told[problem["where"]] = problem["text"]

    assert told["task.view_id"].startswith("There is no view txt.")
    assert told["task.source"].endswith("ends in .tsv, which is no kind of source.")
