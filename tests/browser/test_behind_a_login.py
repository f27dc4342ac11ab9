"""The page behind the gateway: a login that ends, somebody else in the same browser, a server that is on its way up."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from browser.desk import Desk, stored, tasks_of
from browser.door import a_door
from embedded import EmbeddedServer
from gateway_support import PASSWORD
from overview_support import Managed
from prodigy_team.gateway.app import build_app
from prodigy_team.gateway.guarding import GuardedProtocol
from prodigy_team.gateway.identity import Identity, build_people
from prodigy_team.gateway.overview import Overview
from prodigy_team.gateway.passwords import hash_password
from prodigy_team.gateway.values import Place
from prodigy_team.roster import load_roster
from prodigy_team.servers.secrets import server_secret
from prodigy_team.servers.supervisor import Supervisor
from proxy_support import serving
from support import eventually

REFUSALS = ("Failed to load resource",)


@contextmanager
def a_gateway(folder: Path, **servers: EmbeddedServer) -> Iterator[tuple[str, Identity]]:
    """The whole gateway in front of people's servers: its address, and who is logged in there."""
    people = "".join(f'[[annotator]]\nname = "{name}"\n' for name in servers)
    task = '[task]\nrecipe = "mark"\nview_id = "text"\nsource = "source.jsonl"\n'
    (folder / "source.jsonl").write_text('{"text": "one"}\n')
    (folder / "team.toml").write_text(f'[team]\nname = "team"\n{task}{people}[gateway]\nbase_path = "/annot"\n')
    roster = load_roster(folder / "team.toml", os.environ)
    roster.state.mkdir(mode=0o700)
    entry = build_people(roster)
    for name in servers:
        entry.accounts.set_password(name, hash_password(PASSWORD))
    backends = Managed({name: place_of(server) for name, server in servers.items()})
    board = Overview(roster, entry.settings, backends, Supervisor.for_roster(roster.path))
    app = build_app(entry, backends, board, entry.settings)
    with serving(app, protocol=GuardedProtocol) as port:
        yield f"http://127.0.0.1:{port}/annot", entry
    entry.close()


def place_of(server: EmbeddedServer) -> Place:
    secret = server_secret(server.folder / "state", "server")
    return Place("server", "embedded", "127.0.0.1", server.port, {"X-Prodigy-Team-Secret": secret})


def enter(desk: Desk, name: str) -> None:
    """Log in where the page is sent to, and come back to one's tasks."""
    desk.page.get_by_label("Name").fill(name)
    if (field := desk.page.get_by_label("Password")).count():
        field.fill(PASSWORD)
    desk.page.get_by_role("button", name="Log in").click()
    desk.page.wait_for_selector("article.card, section.end")


def visit(page: Any, address: str, name: str) -> Desk:
    desk = Desk(page, address)
    desk.harmless = REFUSALS
    page.goto(address)
    enter(desk, name)
    return desk


def test_a_login_that_ends_eats_no_answer_whoever_comes_next(start: Any, browser: Any, tmp_path: Path) -> None:
    """8 answers of joe's are unsent when his login ends; jane logs in and out meanwhile; then his 8 are stored once."""
    servers = {name: start(tasks_of(20), annotators=[name], gateway=True) for name in ("joe", "jane")}
    with a_gateway(tmp_path, **servers) as (root, people), browser.new_context() as context:
        joe = visit(context.new_page(), f"{root}/a/joe/", "joe")
        assert joe.page.locator(".account a").all_inner_texts() == ["joe", "Log out"]
        links = joe.page.locator(".account a").evaluate_all("links => links.map(link => link.href)")
        assert links == [f"{root}/", f"{root}/logout"]
        joe.press("a", "a")
        stored(servers["joe"], 2)
        joe.all_sent()
        people.accounts.end_logins("joe")
        eventually(lambda: context.request.get(f"{root}/a/joe/project").status == 401)
        for number in range(3, 11):
            joe.shows(f"task {number}")
            joe.press("a")
        bar = joe.page.get_by_role("alert")
        bar.filter(has_text="You are not logged in any more.").filter(has_text="8 answers are kept here").wait_for()

        jane = visit(context.new_page(), f"{root}/a/jane/", "jane")
        jane.press("x")
        [given] = stored(servers["jane"], 1)
        assert (given["answer"], given["_session_id"]) == ("reject", "ds-jane")
        jane.page.locator("[data-unsent]").click()
        jane.page.get_by_text("8 unsent of ds-joe are kept in this browser").wait_for()
        joe.page.bring_to_front()
        joe.page.locator(".problem").filter(has_text="These are not your tasks.").wait_for()
        assert joe.unsent == 8
        stored(servers["joe"], 2)
        jane.page.get_by_role("link", name="Log out").click()
        jane.page.get_by_role("button", name="Log out").click()
        jane.page.get_by_label("Password").wait_for()
        jane.page.close()

        joe.page.get_by_role("link", name="Log in again").click()
        enter(joe, "joe")
        joe.all_sent()
        joe.shows("task 11")
        found = stored(servers["joe"], 10)
        assert [each["text"] for each in found] == [f"task {number}" for number in range(1, 11)]
        assert len(stored(servers["jane"], 1)) == 1
        joe.checked()


def test_a_login_in_another_tab_is_enough(start: Any, browser: Any, tmp_path: Path) -> None:
    server = start(tasks_of(9), annotators=["joe"], gateway=True)
    with a_gateway(tmp_path, joe=server) as (root, people), browser.new_context() as context:
        joe = visit(context.new_page(), f"{root}/a/joe/", "joe")
        people.accounts.end_logins("joe")
        eventually(lambda: context.request.get(f"{root}/a/joe/project").status == 401)
        joe.press("a")
        joe.page.get_by_role("alert").filter(has_text="1 answer is kept here").wait_for()
        visit(context.new_page(), f"{root}/a/joe/", "joe").page.close()
        joe.page.bring_to_front()
        joe.all_sent()
        stored(server, 1)
        eventually(lambda: joe.page.get_by_role("alert").count() == 0)
        joe.checked()


def test_answers_wait_for_a_server_that_starts_and_for_whoever_answers_with_a_page(start: Any, browser: Any) -> None:
    """A proxy's login page comes with status 200: taken for a receipt, it would have the answer forgotten."""
    server = start(tasks_of(9), annotators=["joe"], gateway=True)
    with a_door(joe=server) as door, browser.new_context() as context:
        joe = visit(context.new_page(), door.address("/a/joe/"), "joe")
        for mood, said in (("asleep", "Your server is starting."), ("page", "You are not logged in any more.")):
            door.mood = mood
            joe.press("a")
            joe.page.locator(".problem").filter(has_text=said).wait_for()
            assert joe.unsent == 1
            door.mood = "well"
            joe.all_sent()
        stored(server, 2)
        joe.checked()
