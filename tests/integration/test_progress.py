"""`progress`: done, left, pace and end of everybody, told from the answers alone."""

from __future__ import annotations

import csv
import io
import json
import time
from typing import Any

import pytest

from counting_support import Team, team, text

__all__ = ["team"]

MONDAY = 1_763_370_000  # 2025-11-17 09:00 UTC


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def annotate(team: Team, name: str, first: int, count: int, *, at: float, each: float = 10, **more: Any) -> None:
    """Answer so many tasks in a row, one every so many seconds."""
    for n in range(count):
        team.answer(name, first + n, _timestamp=int(at + n * each), **more)


def people(team: Team) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in team.pool("progress")["annotators"]}


def test_what_somebody_did_and_how_long_it_took(team: Team) -> None:
    team.write(("joe", "jane"), tasks=40, routing="annotations_per_task = 1")
    annotate(team, "joe", 0, 10, at=MONDAY)
    annotate(team, "joe", 10, 5, at=MONDAY + 7200, answer="reject")
    team.answer("jane", 20, 21, _timestamp=MONDAY + 7300, answer="ignore")

    joe, jane = people(team)["joe"], people(team)["jane"]
    assert [joe[key] for key in ("done", "leased", "left", "accept", "reject", "ignore")] == [15, 0, 23, 10, 5, 0]
    # Nine gaps, a break of two hours, four gaps: 130 seconds for 13 tasks.
    assert [joe[key] for key in ("median_seconds", "active_seconds", "pace")] == [10, 130, 360]
    assert joe["hours_left"] == pytest.approx(23 / 360, abs=0.05)
    assert joe["last_seen"] == "2025-11-17T11:00:40Z"
    # Two at once are one moment: no time at all is known.
    assert [jane[key] for key in ("done", "ignore", "median_seconds", "active_seconds", "pace")] == [
        2,
        2,
        None,
        0,
        None,
    ]


def test_open_tabs_and_bursts_inflate_nothing(team: Team) -> None:
    team.write(("joe", "jane"), tasks=300, routing="annotations_per_task = 1")
    annotate(team, "joe", 0, 100, at=MONDAY)
    before = people(team)["joe"]
    team.answer("joe", *range(100, 200), _timestamp=MONDAY + 40_000)
    after = people(team)["joe"]
    assert (before["done"], after["done"]) == (100, 200)
    for key in ("median_seconds", "active_seconds", "pace"):
        assert after[key] == before[key]


def test_days_and_the_expected_end(team: Team) -> None:
    """From the first answer to now so many a day; the rest at that pace."""
    team.write(("joe",), tasks=100, routing="annotations_per_task = 1")
    noon = time.time() // 86400 * 86400 + 43200
    began = noon - 2 * 86400
    annotate(team, "joe", 0, 20, at=began)
    annotate(team, "joe", 20, 20, at=noon - 86400)
    earliest = time.time()
    found = team.pool("progress")
    latest = time.time()
    end = found["annotators"][0]["expected_end"]
    seconds = time.mktime(time.strptime(end, "%Y-%m-%dT%H:%M:%SZ"))
    # 40 so far, 60 are left; to the second.
    assert earliest + 1.5 * (earliest - began) - 1 <= seconds <= latest + 1.5 * (latest - began) + 1
    assert found["expected_end"] == end
    assert [(each["done"], each["people"]) for each in found["days"]] == [(20, ["joe"])] * 2
    assert "Times are in UTC" in team.run("progress", "--by", "day")


def test_days_begin_where_people_are(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    team.write(("joe",), tasks=10, routing="annotations_per_task = 1")
    annotate(team, "joe", 0, 2, at=MONDAY + 14 * 3600 + 1800)  # 23:30 in UTC
    assert [each["day"] for each in team.pool("progress")["days"]] == ["2025-11-17"]
    monkeypatch.setenv("TZ", "CET-1")
    time.tzset()
    told = team.json("progress")
    assert [each["day"] for each in told["pools"][0]["days"]] == ["2025-11-18"]
    assert told["time_zone"] == "CET (UTC+0100)"


def test_gold_is_scored_and_counts_in_no_target(team: Team) -> None:
    gold = [{"text": f"known {n}", "accept": ["A" if n % 2 else "B"]} for n in range(4)]
    (team.folder / "gold.jsonl").write_text("".join(f"{line}\n" for line in map(json.dumps, gold)))
    routing = 'annotations_per_task = 1\ngold = "gold.jsonl"\ngold_rate = 0.1'
    team.write(("joe", "jane"), tasks=10, routing=routing)
    for n in range(4):
        team.answer("joe", {"text": f"known {n}"}, _view_id="choice", accept=["A"], _timestamp=MONDAY + n)
    team.answer("joe", 0, 1)

    joe = people(team)["joe"]
    assert (joe["gold_right"], joe["gold_judged"], joe["done"]) == (2, 4, 2)
    covered = team.pool("coverage")
    assert (covered["tasks"], covered["gold"], covered["counted"]) == (10, 4, 2)
    assert "2 of 4" in team.run("progress")


def test_versions_and_people_who_left(team: Team) -> None:
    team.write(("joe", "jane"), tasks=10, routing=None)
    annotate(team, "joe", 0, 3, at=MONDAY, _version="1")
    annotate(team, "joe", 3, 2, at=MONDAY + 100, _version="2")
    annotate(team, "jane", 0, 3, at=MONDAY, _version="2")
    team.write({"joe": "", "cy": "paused = true"}, tasks=10, routing=None)
    found = people(team)
    assert found["joe"]["versions"] == {"1": 3, "2": 2}
    assert {name: each["state"] for name, each in found.items()} == {"joe": "active", "cy": "paused", "jane": "left"}
    assert "1: 3, 2: 2" in team.run("progress")


def test_commas(team: Team) -> None:
    team.write(("joe", "jane"), tasks=[text(0), {"text": "a, b"}], routing=None)
    annotate(team, "joe", 0, 1, at=MONDAY, _version="1")
    rows = list(csv.DictReader(io.StringIO(team.run("progress", "--csv"))))
    assert [(each["name"], each["done"], each["versions"], each["pace"]) for each in rows] == [
        ("joe", "1", "1:1", ""),
        ("jane", "0", "", ""),
    ]
    assert "day,done" in team.run("progress", "--by", "day", "--csv")
    team.run("progress", "--csv", "--json", code=2)


def test_before_the_start(team: Team) -> None:
    team.write(("joe", "jane"), tasks=10)
    assert "0 of 12 answers" in team.run("progress")
    assert not team.database.exists()
