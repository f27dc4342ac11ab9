"""team.toml.example runs as it stands, and its source suits it."""

from __future__ import annotations

import json
import re
import shutil
from importlib import resources
from pathlib import Path

import pytest

from prodigy_team.roster import load_roster
from prodigy_team.roster.schema import LISTS, TABLES
from roster_lines import Load
from support import ROOT

EXAMPLE = ROOT / "team.toml.example"


def test_the_example_loads_wherever_it_is_copied_to(tmp_path: Path) -> None:
    shutil.copy(EXAMPLE, tmp_path / "team.toml")
    roster = load_roster(tmp_path / "team.toml", {"HOME": str(tmp_path)})
    assert [server.name for server in roster.servers] == ["joe", "jane", "kim"]
    assert {(server.recipe, server.source) for server in roster.servers} == {("ner.manual", "sample:headlines")}
    assert roster.warnings == ()


def test_every_key_there_is_stands_in_the_example() -> None:
    """In use or as a comment with its meaning."""
    text = EXAMPLE.read_text(encoding="utf-8")
    shown = set(re.findall(r"^(?:# )?(\w+) = ", text, flags=re.MULTILINE))
    later = set(TABLES["gateway"].types())
    for name, table in {**TABLES, **LISTS}.items():
        assert set(table.types()) - shown - later == set(), name
        assert f"[{name}]" in text


COMMENTED = [
    line.removeprefix("# ") for line in EXAMPLE.read_text(encoding="utf-8").splitlines() if re.match(r"# \w+ = ", line)
]


@pytest.fixture
def furnished(folder: Path) -> Path:
    """All files that the commented keys name."""
    for name in ("recipes.py", "gold.jsonl"):
        (folder / name).touch()
    (folder / "rules.py").write_text("def may_get(task, annotator):\n    return True\n")
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").symlink_to("/bin/sh")
    return folder


@pytest.mark.usefixtures("furnished")
@pytest.mark.parametrize("line", COMMENTED, ids=lambda line: line.split(" ")[0])
def test_every_commented_key_is_one_that_loads(line: str, load: Load) -> None:
    """Each is switched on by itself, with its heading where that is a comment too."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    place = lines.index(f"# {line}")
    lines[place] = line
    headings = [at for at in range(place) if re.match(r"(# )?\[", lines[at])]
    lines[headings[-1]] = lines[headings[-1]].removeprefix("# ")
    if line.startswith("annotators"):
        lines[place - 1] = lines[place - 1].removeprefix("# ")
    if line.startswith("args"):
        lines = [each for each in lines if not each.startswith(("labels", "model"))]
    load("\n".join(lines))


def test_the_sample_is_at_least_150_different_texts() -> None:
    content = resources.files("prodigy_team").joinpath("samples", "headlines.jsonl").read_text(encoding="utf-8")
    tasks = [json.loads(line) for line in content.splitlines()]
    texts = {task["text"] for task in tasks}
    assert len(texts) == len(tasks) >= 160
    assert all(set(task) == {"text", "meta"} and task["meta"]["section"] for task in tasks)
    assert any(not text.isascii() for text in texts)
    assert content.endswith("\n")
