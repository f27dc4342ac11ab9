"""`prodigy_team.answers` and `prodigy_team.agreement`, and the notebook of the documentation, cell by cell."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import prodigy_team
from conflicting import begin
from counting_support import Team, team
from prodigy_team.errors import UsageError
from support import ROOT

__all__ = ["team"]

pandas = pytest.importorskip("pandas", reason="pandas is not installed; pip install 'prodigy-team[test]'")


def cells() -> Iterator[str]:
    """The code of docs/notebook.ipynb."""
    notebook = json.loads((ROOT / "docs" / "notebook.ipynb").read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [], "it is kept without output"
            yield "".join(cell["source"])


def test_the_notebook_runs(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    begin(team)
    monkeypatch.chdir(team.folder)
    names: dict[str, Any] = {}
    for code in cells():
        exec(code, names)

    assert len(names["frame"]) == len(names["answers"]) == 1410
    assert list(names["pairs"]["tasks"]) == [292]


def test_records_and_frames_hold_the_same(team: Team) -> None:
    begin(team)
    path = team.folder / "team.toml"
    records = prodigy_team.answers("headlines_joe", "headlines_cy", roster=path)
    frame = records.frame()

    assert len(records) == 910
    assert list(frame.columns) == list(records[0])
    assert frame.groupby("left_out").size().to_dict() == {"": 810, "gold": 100}
    assert set(frame["annotator"]) == {"joe", "cy"}
    assert records[100]["text"] == "text 0"
    assert records[100]["content"]["spans"] == records[100]["spans"]
    assert str(frame["answered_at"].dtype).endswith("UTC]")


def test_agreement_is_that_of_the_command(team: Team) -> None:
    begin(team)
    path = team.folder / "team.toml"
    found = prodigy_team.agreement(roster=path, by="label")
    told = team.json("agreement", "--by", "label")["views"][0]
    (pair,) = found.records("pairs")
    labels = found.frame("labels")

    assert found.views[0].f1 is not None
    assert found.views[0].f1.value == told["f1"]["value"] == pair["f1"]
    assert (pair["f1_low"], pair["kappa"]) == (told["pairs"][0]["f1"]["low"], None)
    assert list(labels["label"]) == ["A", "B"]
    assert found.frame("weeks").empty
    assert list(found.frame("weeks").columns) == ["view", "week", "tasks", "percent", "alpha", "f1"]
    assert found.records()[0]["tasks"] == 292
    assert found.frame("disagreements")["said"][0] == dict(told["disagreements"][0]["said"])
    assert prodigy_team.agreement(roster=path, intervals=False).views[0].percent.low is None


def test_a_roster_that_is_not_there_is_said(tmp_path: Any) -> None:
    with pytest.raises(UsageError, match="There is no roster"):
        prodigy_team.answers(roster=tmp_path / "team.toml")


def test_the_package_itself_stays_cheap() -> None:
    """What is for notebooks is imported when it is asked for."""
    program = "import sys, prodigy_team; print(*sys.modules); prodigy_team.answers; print(*sys.modules)"
    before, after = (
        line.split() for line in subprocess.check_output([sys.executable, "-c", program], text=True).splitlines()
    )

    assert [each for each in before if each.startswith("prodigy_team")] == ["prodigy_team"]
    assert not {"msgspec", "pandas", "pydantic"} & set(before)
    assert "prodigy_team.notebook" in after
    assert "pandas" not in after
    with pytest.raises(AttributeError, match="no attribute 'answer'"):
        prodigy_team.answer()
