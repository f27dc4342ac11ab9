"""The page after login, the dashboard and the metrics of a real team, as annotators and managers get them."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from counting_support import Team, team
from overview_support import overview
from prodigy_team.roster import load_roster
from prodigy_team.servers.statefolder import log_path
from proxy_support import CSRF, PAGE, Running
from support import eventually

__all__ = ["team"]


@pytest.fixture
def gateway(team: Team) -> Iterator[Running]:
    team.write(("joe", "jane"), tasks=20, routing="annotations_per_task = 1")
    for number in range(6):
        team.answer("joe", number, _timestamp=1_763_370_000 + number * 10)
    with overview(team.folder) as running:
        yield running


def page(gateway: Running, name: str, path: str, **headers: str) -> str:
    with gateway.client(name) as client:
        reply = client.get(path, headers={**PAGE, **headers})
        assert reply.status_code == 200, (path, reply.status_code, reply.text)
        assert "style-src 'self'" in reply.headers["content-security-policy"]
        assert reply.headers["cache-control"] == "no-store"
        return reply.text


def servers_are_known(gateway: Running) -> None:
    """Wait for that: how they stand may take longer to find out than an answer waits."""
    with gateway.client("boss") as boss:
        eventually(lambda: "prodigy_team_servers{" in boss.get("/metrics").text, message="the servers")


def test_an_annotator_sees_their_task_their_part_and_one_button(gateway: Running) -> None:
    text = eventually(lambda: (found := page(gateway, "joe", "/"), "You have answered 6 of" in found)[1] and found)
    assert "<code>textcat.manual</code>" in text
    assert "<li>A</li><li>B</li>" in text
    assert text.count('class="button"') == 1
    assert '<a href="/annot/a/joe/" class="button">Start annotating</a>' in text
    assert "asleep" in text
    assert "Dashboard" not in text


def test_only_managers_see_figures(gateway: Running) -> None:
    paths = ("/dashboard", "/dashboard/data.json", "/dashboard/progress.csv", "/dashboard/logs/joe", "/metrics")
    for path in paths:
        with gateway.client("joe") as joe, gateway.client() as nobody:
            forwarded = {"X-Forwarded-For": "10.0.0.1"}
            assert joe.get(path, headers=forwarded).status_code == 403, path
            assert nobody.get(path, headers=forwarded).status_code == 401, path
            assert nobody.get(path, headers={**PAGE, **forwarded}).status_code == 303, path
    with gateway.client("joe") as joe:
        assert joe.post("/dashboard/servers/joe/start", data={"csrf": CSRF}).status_code == 403
    assert gateway.servers.pressed == []  # type: ignore[attr-defined]


def test_a_manager_sees_everybody(gateway: Running) -> None:
    with gateway.client("boss") as client:
        assert client.get("/", headers=PAGE).headers["location"] == "/annot/dashboard"
    servers_are_known(gateway)
    text = eventually(lambda: (found := page(gateway, "boss", "/dashboard"), "6 of 20 answers" in found)[1] and found)
    assert "textcat.manual, source.jsonl" in text
    assert text.count("<svg") == 2
    assert '<script src="/annot/static/board.js" defer>' in text
    assert '<noscript><meta http-equiv="refresh" content="15"></noscript>' in text
    assert "style=" not in text
    with gateway.client("boss") as client:
        data = client.get("/dashboard/data.json").json()
        assert [each["done"] for each in data["progress"][0]["annotators"]] == [6, 0]
        assert [each["name"] for each in data["servers"]] == ["joe", "jane"]
        rows = list(csv.DictReader(io.StringIO(client.get("/dashboard/progress.csv").text)))
        assert [(each["name"], each["done"], each["server_state"]) for each in rows] == [
            ("joe", "6", "stopped"),
            ("jane", "0", "stopped"),
        ]
        days = client.get("/dashboard/progress.csv?by=day").text.splitlines()
        assert days[1:] == ["2025-11-17,6,50.0,joe"]
        for name, kind in (("board.css", "text/css"), ("board.js", "text/javascript")):
            assert client.get(f"/static/{name}").headers["content-type"].startswith(kind)
        assert client.get("/static/board.py").status_code == 404
        assert client.get("/favicon.ico").text.startswith("<svg")


def test_how_often_others_said_the_same_stands_beside_everybody(team: Team) -> None:
    """joe and jane answered four tasks both, three of them alike."""
    team.write(("joe", "jane", "cy"), tasks=20, routing="annotations_per_task = 2")
    team.answer("joe", *range(6), _view_id="text")
    team.answer("jane", *range(3), _view_id="text")
    team.answer("jane", 3, _view_id="text", answer="reject")
    with overview(team.folder) as running:
        text = eventually(lambda: (found := page(running, "boss", "/dashboard"), "75 % of 4" in found)[1] and found)
        assert text.count("75 % of 4") == 2
        assert "As others" in text
        with running.client("boss") as client:
            rows = list(csv.DictReader(io.StringIO(client.get("/dashboard/progress.csv").text)))
    assert [(each["name"], each["agreement_percent"]) for each in rows] == [
        ("joe", "0.75"),
        ("jane", "0.75"),
        ("cy", ""),
    ]


def test_buttons_need_their_page_and_say_what_came_of_them(gateway: Running) -> None:
    servers_are_known(gateway)
    with gateway.client("boss") as client:
        for form in ({}, {"csrf": "x"}, {"csrf": CSRF + "x"}, {"csrf": "ü"}):
            assert client.post("/dashboard/servers/joe/start", data=form).status_code == 403
        assert client.post("/dashboard/servers/nobody/start", data={"csrf": CSRF}).status_code == 404
        assert client.post("/dashboard/servers/joe/explode", data={"csrf": CSRF}).status_code == 404
        assert client.get("/dashboard/servers/joe/start").status_code == 405
        reply = client.post("/dashboard/servers/joe/start", data={"csrf": CSRF})
        assert (reply.status_code, reply.headers["location"]) == (303, "/annot/dashboard")
        assert "joe started." in page(gateway, "boss", "/dashboard")
        client.post("/dashboard/servers/jane/start", data={"csrf": CSRF})
        assert "jane &lt;b&gt;cannot&lt;/b&gt; be started." in page(gateway, "boss", "/dashboard")
        client.post("/dashboard/servers/joe/stop", data={"csrf": CSRF})
    assert gateway.servers.pressed == ["start joe", "start jane", "stop joe"]  # type: ignore[attr-defined]


def test_a_hostile_log_is_text(gateway: Running, team: Team) -> None:
    path = log_path(load_roster(team.folder / "team.toml", os.environ).state, "joe")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("first\n<script>alert(1)</script>\n</pre><img src=x onerror=alert(1)>\n\x1b[31mred\x00\n")
    servers_are_known(gateway)
    text = page(gateway, "boss", "/dashboard/logs/joe")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<img" not in text
    with gateway.client("boss") as client:
        for name in ("nobody", "..%2f..%2fteam", "joe.log", "%2e%2e"):
            assert client.get(f"/dashboard/logs/{name}", headers=PAGE).status_code in (400, 404)


def test_a_start_is_followed_and_a_failed_one_is_told_without_its_insides(gateway: Running) -> None:
    gateway.servers.problems["joe"] = "RuntimeError: secret insides"
    with gateway.client("joe") as client:
        reply = client.get("/a/joe/", headers=PAGE)
        assert reply.status_code == 503
        assert "Your server did not start" in reply.text
        assert "insides" not in reply.text
        assert '<meta http-equiv="refresh" content="30">' in reply.text
        assert "<noscript>" not in reply.text, "no program of the page asks again"
    del gateway.servers.problems["joe"]


def test_metrics_for_a_program_of_this_machine_and_for_managers(gateway: Running) -> None:
    stand = 'prodigy_team_servers{state="stopped"} 2'  # to find that out may take longer than a reply waits
    with gateway.client() as nobody, gateway.client("boss") as boss:
        assert nobody.get("/metrics", headers={"X-Forwarded-For": "10.0.0.1"}).status_code == 401
        for client in (nobody, boss):
            reply = eventually(lambda each=client: (got := each.get("/metrics"), stand in got.text)[1] and got)
            assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert 'prodigy_team_requests_total{code="401",to="own"} 1' in reply.text


def test_a_roster_that_changes_changes_the_page(gateway: Running, team: Team) -> None:
    page(gateway, "joe", "/")
    (team.folder / "guide.md").write_text("# How to <b>judge</b> headlines\n\nText\n")
    path = team.folder / "team.toml"
    path.write_text(path.read_text() + '[prodigy]\ninstructions = "guide.md"\n')
    assert "How to &lt;b&gt;judge&lt;/b&gt; headlines" in page(gateway, "joe", "/")


def test_what_cannot_be_counted_is_told(team: Team) -> None:
    team.write(("joe",), tasks=3)
    team.database.write_bytes(b"no database at all" * 100)
    with overview(team.folder) as gateway:
        assert eventually(lambda: "may be old" in page(gateway, "boss", "/dashboard"))


def test_the_files_of_the_pages_are_part_of_the_package() -> None:
    import prodigy_team.gateway

    folder = Path(prodigy_team.gateway.__file__).parent / "static"
    assert sorted(each.name for each in folder.iterdir()) == ["board.css", "board.js"]
