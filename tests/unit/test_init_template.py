"""What `init` writes loads again, and says what it was told."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prodigy_team.roster import render_roster
from prodigy_team.roster.findings import NAME
from prodigy_team.roster.paths import tomllib
from prodigy_team.roster.template import default_name
from roster_lines import Load


def test_the_shortest_answers_make_a_roster(load: Load, folder: Path) -> None:
    text = render_roster(name="news", annotators=["joe", "jane"], source="headlines.jsonl", labels=["PERSON", "ORG"])
    roster = load(text)
    assert [server.dataset for server in roster.servers] == ["news_joe", "news_jane"]
    server = roster.servers[0]
    assert (server.recipe, server.model, server.labels) == ("ner.manual", "blank:en", ("PERSON", "ORG"))
    assert server.source == str(folder / "headlines.jsonl")
    assert roster.warnings == ()


def test_every_option_arrives(load: Load, folder: Path) -> None:
    (folder / "python").symlink_to("/bin/sh")
    roster = load(
        render_roster(
            name="news",
            annotators=["joe"],
            source="sample:headlines",
            labels="labels.txt",
            recipe="spans.manual",
            model="blank:sv",
            engine="embedded",
            patterns="patterns.jsonl",
            ports="9001-9009",
            python="python",
        )
    )
    (server,) = roster.servers
    assert (roster.engine, roster.ports, roster.python) == ("embedded", range(9001, 9010), folder / "python")
    assert (server.recipe, server.model, server.source) == ("spans.manual", "blank:sv", "sample:headlines")
    assert (server.labels, server.patterns) == (folder / "labels.txt", folder / "patterns.jsonl")


def test_a_recipe_without_a_model_gets_none(load: Load) -> None:
    options = {"name": "news", "annotators": ["joe"], "source": "headlines.jsonl", "recipe": "textcat.manual"}
    assert load(render_roster(**options, labels=["A", "B"])).servers[0].model is None


def test_commented_keys_are_good_once_the_comment_sign_is_gone(load: Load, folder: Path) -> None:
    """A suggestion that does not load would be worse than none."""
    (folder / "recipes.py").touch()
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").symlink_to("/bin/sh")
    text = render_roster(name="news", annotators=["joe"], source="headlines.jsonl", labels=["A"])
    for line in [line for line in text.splitlines() if line.startswith("# ") and " = " in line]:
        if "args = " in line or "annotations_per_task" in line or "batch_size" in line:
            continue  # these stand in place of other keys, or under a heading that is a comment too
        load(text.replace(line, line.removeprefix("# ")))


@given(label=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_label_survives_the_quotes(label: str) -> None:
    text = render_roster(name="news", annotators=["joe"], source="a % b.jsonl", labels=[label])
    assert tomllib.loads(text)["task"]["labels"] == [label]


@pytest.mark.parametrize(
    ("folder_name", "name"),
    [("headlines", "headlines"), ("my news (2)", "my-news-2"), ("Überschriften", "berschriften"), ("地名", "team")],
)
def test_a_folders_name_becomes_a_team_name(folder_name: str, name: str) -> None:
    assert default_name(folder_name) == name


@given(st.text())
def test_any_folders_name_becomes_a_fit_one(folder_name: str) -> None:
    assert NAME.fullmatch(default_name(folder_name))
