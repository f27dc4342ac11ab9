"""A folder with a roster and the files it names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from prodigy_team.roster import Roster, load_roster


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Holds a source, patterns and labels."""
    (tmp_path / "headlines.jsonl").write_text('{"text": "Velmora buys Kornblum"}\n', encoding="utf-8")
    (tmp_path / "patterns.jsonl").write_text('{"label": "ORG", "pattern": "Velmora"}\n', encoding="utf-8")
    (tmp_path / "labels.txt").write_text("PERSON\nBread, rolls\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def load(folder: Path) -> Callable[[str], Roster]:
    """Load a roster from its text."""

    def load_text(text: str) -> Roster:
        path = folder / "team.toml"
        path.write_text(text, encoding="utf-8")
        return load_roster(path, {"HOME": str(folder), "PRODIGY_HOME": str(folder / "home"), "PATH": "/usr/bin:/bin"})

    return load_text
