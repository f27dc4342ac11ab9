"""The page after login and the dashboard in a browser: light and dark, with JavaScript and without, by themselves."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from browser.desk import Desk
from browser.test_accessible import axe, violations
from counting_support import Team
from overview_support import overview
from prodigy_team.gateway.values import Place
from prodigy_team.servers.statefolder import log_path
from proxy_support import COOKIE, RawServer, Running, read_request, reply
from support import eventually

__all__ = ["axe"]

PEOPLE = ("joe", "jane", "ana-maria", "bob")
DAY = 86_400


def write_team(folder: Path, capture: Any) -> Team:
    """Four people, 120 tasks, three weeks of answers."""
    team, chance = Team(folder, capture), random.Random(5)
    (folder / "guide.md").write_text("# Is the headline about *money*?\n")
    team.write(PEOPLE, tasks=120, routing="annotations_per_task = 1.2", more='[prodigy]\ninstructions = "guide.md"\n')
    for place, name in enumerate(PEOPLE[:3]):
        at = time.time() - 21 * DAY
        for number in range(place * 30, place * 30 + 24 + 4 * place):
            at += chance.choice([9, 12, 20, 8 * 3600, DAY])
            team.answer(
                name, number, _timestamp=int(min(at, time.time() - 60)), answer=chance.choice(["accept", "reject"])
            )
    return team


@pytest.fixture
def gateway(tmp_path: Path, capsys: Any) -> Iterator[Running]:
    with overview(write_team(tmp_path, capsys).folder) as running:
        yield running


def visit(browser: Any, gateway: Running, name: str, path: str, **options: Any) -> Desk:
    """Somebody's page, once it has figures."""
    context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **options})
    context.add_cookies([{"name": COOKIE, "value": name, "url": f"http://127.0.0.1:{gateway.port}"}])
    desk = Desk(context.new_page(), gateway.url + path)
    desk.page.goto(desk.address)
    return desk


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.long)])
def test_axe_finds_nothing(browser: Any, gateway: Running, axe: str, scheme: Any) -> None:
    gateway.servers.problems["jane"] = "It did not start."
    for name, path, said in (
        ("boss", "/dashboard", "Day by day"),
        ("joe", "/", "You have answered"),
        ("boss", "/dashboard/logs/joe", "Log of joe"),
    ):
        with visit(browser, gateway, name, path, color_scheme=scheme, reduced_motion="reduce").page.context as context:
            desk = context.pages[0]
            desk.locator("main").filter(has_text=said).wait_for()
            assert violations(type("Seen", (), {"page": desk}), axe) == []
            desk.set_viewport_size({"width": 320, "height": 640})
            assert desk.evaluate("document.documentElement.scrollWidth") <= 320, path


def test_the_dashboard_needs_no_javascript_to_start_a_server(browser: Any, gateway: Running) -> None:
    desk = visit(browser, gateway, "boss", "/dashboard", java_script_enabled=False)
    eventually(lambda: (desk.page.reload(), desk.page.locator("footer", has_text="Counted").count())[1], within=30)
    desk.page.get_by_role("button", name="Start joe").click()
    desk.page.get_by_text("joe started.").wait_for()
    desk.page.locator("svg").nth(1).wait_for()
    assert desk.page.locator("svg").count() == 2
    desk.page.context.close()


def test_what_is_shown_renews_itself_without_loading_the_page_anew(
    browser: Any, gateway: Running, tmp_path: Path
) -> None:
    log = log_path(tmp_path / ".prodigy-team", "joe")
    log.parent.mkdir(exist_ok=True)
    log.write_text("first line\n")
    live = visit(browser, gateway, "boss", "/dashboard/logs/joe")
    live.page.get_by_text("first line").wait_for()
    live.page.evaluate("window.same = true")
    log.write_text("first line\n<b>second</b> line\n")
    live.page.get_by_text("<b>second</b> line").wait_for()
    assert live.page.evaluate("window.same")
    live.checked()
    live.page.context.close()


async def page_of_tasks(reader: Any, writer: Any) -> None:
    while True:
        await read_request(reader)
        writer.write(reply(b"<!doctype html><title>Tasks</title><h1>Here are your tasks</h1>"))


@pytest.mark.parametrize("scripts", [True, False])
def test_who_comes_to_a_server_that_starts_gets_in_by_themselves(browser: Any, gateway: Running, scripts: bool) -> None:
    servers: Any = gateway.servers
    del servers.asleep["joe"]
    servers.coming = {"joe"}
    desk = visit(browser, gateway, "joe", "/a/joe/", java_script_enabled=scripts)
    desk.page.get_by_role("heading", name="Your server is starting").wait_for()
    with RawServer(page_of_tasks) as server:
        # Never neither: whoever asked in between would be told that there are no tasks for joe.
        servers.places["joe"] = Place("joe", "embedded", "127.0.0.1", server.place().port)
        servers.coming.clear()
        desk.page.get_by_text("Here are your tasks").wait_for()
        desk.page.context.close()
