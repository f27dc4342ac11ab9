"""The roster as it was last brought up is kept as text, which runs nothing and from which people can be taken out."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from prodigy_team.roster import Roster
from prodigy_team.roster.keeping import read_roster_text, roster_text, without_people
from roster_lines import Load

EVERYTHING = """
[team]
name = "news"
ports = "9001-9005"
[task]
recipe = "ner.manual"
model = "blank:en"
source = "headlines.jsonl"
labels = ["PERSON", "Örter"]
env = { A = "b" }
[prodigy]
batch_size = 10
custom_theme = { labels = { PERSON = "#ff0000" }, list = [1, 2.5, [true]], of = "a", is = "b" }
[routing]
annotations_per_task = 1.2
[[annotator]]
name = "joe"
aliases = ["joseph"]
only = { language = ["en", "sv"] }
share = 0.5
[[annotator]]
name = "jane"
paused = true
[[annotator]]
name = "ana"
[[annotator]]
name = "bob"
[[server]]
name = "pool"
annotators = ["ana", "bob"]
labels = "labels.txt"
[gateway]
trusted_proxies = ["10.0.0.0/8"]
[[manager]]
name = "joe"
[[manager]]
name = "maria"
"""


@pytest.fixture
def roster(load: Load, folder: Path) -> Roster:
    (folder / "labels.txt").write_text("PERSON\n")
    return load(EVERYTHING)


def test_it_comes_back_as_it_was(roster: Roster) -> None:
    found = read_roster_text(roster_text(roster))
    assert found == roster
    assert repr(found) == repr(roster)
    assert [each.origins for each in found.servers] == [each.origins for each in roster.servers]
    assert [type(each.labels) for each in found.servers] == [type(each.labels) for each in roster.servers]


def test_whoever_is_taken_out_is_nowhere_in_it(roster: Roster) -> None:
    rest = without_people(roster, ("joe", "joseph", "ana"))
    assert [each.name for each in rest.annotators] == ["jane", "bob"]
    assert [(each.name, each.annotators) for each in rest.servers] == [("pool", ("bob",))]
    assert [each.name for each in rest.resting] == ["jane"]
    text = roster_text(rest)
    assert not [name for name in (b'"joe"', b"_joe", b"joseph", b'"ana"') if name in text]
    assert without_people(rest, ("jane",)).resting == ()


@pytest.mark.parametrize("end", [0, 1, 100, -1])
def test_what_is_no_roster_is_none(roster: Roster, end: int) -> None:
    text = roster_text(roster)
    others = [text[:end], pickle.dumps(roster), b"[]", b'{"of": "path", "is": "/"}', b'{"of": "Path", "is": "/"}']
    others.append(json.dumps({"of": "Roster", "is": {"name": "news", "unknown": 1}}).encode())
    for each in others:
        with pytest.raises(ValueError, match=r".*"):
            read_roster_text(each)
