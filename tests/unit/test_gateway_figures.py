"""Pictures, tables and counts of the gateway: values in, text out, and nothing from outside gets to be markup."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prodigy_team.gateway.dashboard import calendar, csv_text, dashboard_content, days_of
from prodigy_team.gateway.figures import Look
from prodigy_team.gateway.html import Html, join, tag
from prodigy_team.gateway.landing import Desk, landing_content, starting_content
from prodigy_team.gateway.metrics import BOUNDS, Metrics, metrics_text
from prodigy_team.gateway.pictures import Part, days_picture, parts_picture, round_top
from prodigy_team.gateway.values import Waking
from prodigy_team.servers.status import ServerStatus, never_started

EVIL = """<script>alert(1)</script>"'><img src=x onerror=alert(1)>&amp;"""


def person(name: str, **more: Any) -> dict[str, Any]:
    counts = ("done", "leased", "left", "accept", "reject", "ignore", "corrections", "gold_right", "gold_judged")
    keys = (*counts, "active_seconds")
    rest = dict.fromkeys(["last_seen", "median_seconds", "pace", "hours_left", "expected_end"])
    return {"name": name, "state": "active", **dict.fromkeys(keys, 0), **rest, "versions": {}, **more}


def look(*people: dict[str, Any], pool: str = "textcat.manual-1", source: str = "/x/source.jsonl", **more: Any) -> Look:
    days = [
        {"day": "2026-11-20", "done": 5, "people": ["joe"], "active_seconds": 50.0},
        {"day": "2026-11-21", "done": 7, "people": ["jane", "joe"], "active_seconds": 90.0},
    ]
    counts = {"tasks": 10, "wanted": 20, "counted": 12, "reachable": 20, "expected_end": None}
    progress = {"pool": pool, "source": source, **counts, "annotators": list(people), "days": days}
    zeros = dict.fromkeys(["exact", "under", "over", "untouched", "surplus", "corrections"], 0)
    coverage = {
        "pool": pool,
        **zeros,
        "people": [{"name": each["name"], "missing": 3, "surplus": 1} for each in people],
    }
    figures = {"now": 0.0, "time_zone": "UTC", "progress": [progress], "coverage": [coverage]}
    return Look(figures=figures, **more)


def server(name: str, **more: Any) -> ServerStatus:
    found = never_started(name, (name,), "127.0.0.1", 8081, f"team_{name}")
    return ServerStatus(**{**vars(found), **more})


def shown(content: Any) -> str:
    return join(content)


@given(st.text(), st.text())
def test_texts_and_attributes_stay_texts(text: str, value: str) -> None:
    printable = "".join(each for each in text + value if each.isprintable())
    element = ET.fromstring(tag("p", printable, title=printable))
    assert (element.text or "") == printable
    assert element.get("title") == printable
    assert len(element) == 0


def test_what_is_html_already_is_not_escaped_again() -> None:
    assert tag("p", tag("b", "a<b"), "&", None, [1, "<"]) == "<p><b>a&lt;b</b>&amp;1&lt;</p>"
    assert tag("input", type="hidden", value=None, disabled=True, aria_label="x") == (
        '<input type="hidden" disabled aria-label="x">'
    )
    assert isinstance(tag("p"), Html)


def test_hostile_names_logs_and_problems_are_shown_as_they_are() -> None:
    evil = server(EVIL, dataset=EVIL, problem=EVIL, state="failed", annotators=(EVIL,))
    pages = [
        dashboard_content(
            look(person(EVIL), pool=EVIL, source=EVIL, servers=(evil,), problem=EVIL),
            base="/annot",
            csrf=EVIL,
            now=0.0,
            said=EVIL,
        ),
        landing_content(Desk(EVIL, EVIL, EVIL, (EVIL,), 3), person(EVIL), to=EVIL, runs=False),
        starting_content(Waking(1, 2.0, EVIL), poll=EVIL, manager=True, name=EVIL, base="/annot"),
    ]
    for page in map(shown, pages):
        assert "&lt;script&gt;" in page
        assert "<script" not in page
        assert "<img" not in page
        assert not re.search(r"<[^>]*\son\w+=", re.sub(r'"[^"]*"', '""', page))


def test_the_dashboard_says_who_did_what() -> None:
    joe = person("joe", done=7, left=3, leased=1, accept=5, reject=2, pace=120.5, active_seconds=210.0)
    joe |= {"last_seen": "1970-01-01T00:10:00Z", "gold_right": 4, "gold_judged": 5}
    page = shown(
        dashboard_content(
            look(joe, person("jane", state="paused"), servers=(server("joe", state="running", answers=8),)),
            base="/annot",
            csrf="token",
            now=4200.0,
        )
    )
    [row] = re.findall(r"<tr><th scope=\"row\">joe</th>(.*?)</tr>", page)[:1]
    cells = re.findall(r"<td[^>]*>(.*?)</td>", row)
    assert cells == ["7", "3", "1", "5/2/0", "120.5", "4 min", "1 h ago", "3", "1", "4 of 5", "running"]
    assert "jane (paused)" in page
    assert 'action="/annot/dashboard/servers/joe/stop"' in page
    assert 'value="token"' in page


def test_before_anything_is_counted_people_are_there_with_their_servers() -> None:
    page = shown(dashboard_content(Look(servers=(server("joe"),)), base="", csrf="", now=0.0))
    assert "are being counted" in page
    assert '<th scope="row">joe</th>' in page
    assert 'action="/dashboard/servers/joe/start"' in page


def test_who_left_can_be_stopped_and_not_started() -> None:
    servers = (server("joe"), server("cy", state="running"), server("jane"))
    page = shown(dashboard_content(Look(servers=servers), base="", csrf="", now=0.0, left=("joe", "cy")))
    assert re.findall(r'action="/dashboard/servers/(\w+/\w+)"', page) == ["cy/stop", "jane/start"]
    assert page.count("Left or paused") == 1


def test_csv_has_everything_and_nothing_that_a_spreadsheet_would_run() -> None:
    found = look(person("joe", done=2, versions={"=1+1": 2, "": 1}), pool="=cmd|x", servers=(server("joe"),))
    head, row = csv_text(found, by_day=False).splitlines()
    cells = dict(zip(head.split(","), row.split(","), strict=True))
    assert cells["pool"] == "'=cmd|x"
    assert cells["versions"].startswith("'=1+1")
    assert (cells["done"], cells["server_state"], cells["missing"]) == ("2", "stopped", "3")
    days = csv_text(found, by_day=True).splitlines()
    assert days == ["day,done,seconds,people", "2026-11-20,5,50.0,joe", "2026-11-21,7,90.0,jane joe"]
    assert [each["done"] for each in days_of(found)] == [5, 7]


def test_a_picture_has_days_on_which_nothing_was_done() -> None:
    days = [{"day": day, "done": done} for day, done in (("", 4), ("2026-10-30", 5), ("2026-11-02", 7))]
    assert calendar(days) == [("2026-10-30", 5), ("2026-10-31", 0), ("2026-11-01", 0), ("2026-11-02", 7)]
    assert len(calendar([{"day": "2020-01-01", "done": 1}, *days])) == 30
    assert calendar(days[:1]) == []


@given(st.integers(0, 10**12))
def test_an_axis_ends_at_a_round_number_not_far_above(most: int) -> None:
    top = round_top(most)
    assert max(1, most) <= top <= max(1, 2.5 * most)
    assert top == 1 or top % 2 == 0 or top % 5 == 0


@given(st.lists(st.tuples(st.text("0123456789-", min_size=10, max_size=10), st.integers(0, 10**7)), max_size=40))
def test_pictures_are_well_formed_and_say_their_numbers(days: list[tuple[str, int]]) -> None:
    picture = ET.fromstring(days_picture(days))
    bars = list(picture.iter("rect"))
    assert len(bars) == len(days)
    assert all(float(each.get("height", "-1")) >= 0 for each in bars)
    said = picture.get("aria-label") or ""
    assert all(f"{count:,}" in said for _, count in days)
    parts = ET.fromstring(parts_picture([Part(f"p{n}", count, count) for n, (_, count) in enumerate(days)]))
    assert len(list(parts.iter("rect"))) == 2 * len(days)


def test_a_start_says_how_far_it_is_and_a_failure_says_no_more_than_people_need() -> None:
    waiting = shown(starting_content(Waking(3, 4.4), poll="/a/joe/health", manager=False, name="joe", base=""))
    assert "Since 4 s. 3 servers start before it." in waiting
    assert 'data-poll="/a/joe/health"' in waiting
    problem = "ModuleNotFoundError: No module named 'spacy'\nTraceback …"
    for manager in (False, True):
        failed = shown(starting_content(Waking(0, 9.0, problem), poll="", manager=manager, name="joe", base=""))
        given_up = Waking(0, 9.0, problem, "given up")
        last = shown(starting_content(given_up, poll="", manager=manager, name="joe", base=""))
        assert ("tried again by itself. If" in failed, "too often to be tried again" in last) == (True, True)
        assert "Nothing is lost" in failed
        assert ("ModuleNotFoundError" in failed) is manager
        assert "Traceback" not in failed
    shared = Waking(0, 9.0, problem, server="pool")
    assert "/logs/pool" in shown(starting_content(shared, poll="", manager=True, name="joe", base=""))


def counted() -> Metrics:
    metrics = Metrics()
    for seconds in (0.0004, 0.001, 0.0011, 0.2, 60.0):
        metrics.note("GET", "/a/joe/project", 200, seconds)
    metrics.note("POST", "/login", 303, 0.1)
    metrics.note("POST", "/login", 401, 0.1)
    metrics.note("GET", "/login", 200, 0.1)
    metrics.note("POST", "/api/start_session", 200, 0.1)
    metrics.started(problem=True)
    return metrics


def test_metrics_are_read_by_a_parser_of_prometheus() -> None:
    parser = pytest.importorskip("prometheus_client.parser")
    text = metrics_text(counted(), [server("joe", answers=3, memory_bytes=5), server('a"b\\c')], waiting=2)
    found = {sample.name: {} for family in parser.text_string_to_metric_families(text) for sample in family.samples}
    for family in parser.text_string_to_metric_families(text):
        assert family.documentation
        for sample in family.samples:
            found[sample.name][tuple(sorted(sample.labels.values()))] = sample.value
    assert found["prodigy_team_server_restarts"][('a"b\\c',)] == 0
    assert found["prodigy_team_logins_total"] == {("ok",): 2, ("failed",): 1}


_LINE = re.compile(r'([a-z_:]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*\})? (-?[0-9.e+-]+)')


def test_metrics_are_the_text_format_to_the_letter() -> None:
    text = metrics_text(counted(), [server("joe", answers=3, state="running"), server('a"b\\c\nd')], waiting=2)
    assert text.endswith("\n")
    values: dict[str, float] = {}
    known: list[str] = []
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            known.append(line.split()[2])
        elif not line.startswith("# HELP "):
            match = _LINE.fullmatch(line)
            assert match, line
            assert match[1].startswith(known[-1]), "each family in one piece, under its type"
            assert (match[1] + (match[2] or "")) not in values
            values[match[1] + (match[2] or "")] = float(match[3])
    assert len(known) == len(set(known))
    buckets = [values[f'prodigy_team_upstream_seconds_bucket{{le="{bound:g}"}}'] for bound in BOUNDS]
    assert buckets[:2] == [2, 3]
    assert buckets == sorted(buckets)
    assert values['prodigy_team_upstream_seconds_bucket{le="+Inf"}'] == 5
    assert values["prodigy_team_upstream_seconds_count"] == 5
    assert values['prodigy_team_requests_total{code="200",to="desk"}'] == 5
    assert values['prodigy_team_logins_total{result="ok"}'] == 2
    assert values['prodigy_team_logins_total{result="failed"}'] == 1
    assert values['prodigy_team_starts_total{result="failed"}'] == 1
    assert values['prodigy_team_servers{state="running"}'] == 1
    assert values['prodigy_team_servers{state="asleep"}'] == 0
    assert values['prodigy_team_server_answers{server="joe"}'] == 3
    assert values["prodigy_team_starts_waiting"] == 2


def test_of_servers_that_nobody_has_looked_at_yet_nothing_is_measured() -> None:
    """Zero running servers would wake somebody at each restart of the gateway."""
    text = metrics_text(counted(), None, waiting=0)
    assert "prodigy_team_server" not in text
    assert "prodigy_team_logins_total" in text
    assert 'prodigy_team_servers{state="running"} 0' in metrics_text(counted(), [], waiting=0)
