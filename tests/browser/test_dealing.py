"""Two people's real pages under [routing]: nobody is locked out, idle tabs keep one task, and the end says why."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest

from browser.desk import Desk
from dealing_support import tally
from support import eventually
from team_support import Project, a_project

SIZES = pytest.mark.parametrize("tasks", [30, pytest.param(150, marks=pytest.mark.long)])


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Project]:
    """A folder without a roster yet."""
    with a_project(tmp_path) as project:
        yield project


def deal(team: Project, routing: str, *, tasks: int = 0, names: tuple[str, ...] = ("joe", "jane"), **keys: str) -> None:
    """Bring a roster up whose tasks are dealt out; with a number of tasks, write those first."""
    if tasks:
        team.write_source(tasks)
    team.write_roster(names, keys=keys, more=f"[routing]\n{routing}\n[prodigy]\nui_lang = 'en'\n")
    team.run("up")


def page_of(open_desk: Any, team: Project, name: str, **options: Any) -> Desk:
    """Somebody's page."""
    server = SimpleNamespace(port=urlsplit(team.status(name)[name]["url"]).port)
    desk: Desk = open_desk(server, **options)
    return desk


def work(desk: Desk, most: int = 1000) -> int:
    """Accept with the key what comes on screen, until so many are done or the page says that there is nothing."""
    for done in range(most):
        desk.page.wait_for_selector("article.card, section.end")
        if desk.page.locator("section.end").count():
            return done
        desk.press("a")
    return most


def says(desk: Desk, text: str) -> None:
    """Wait until the end page says something."""
    desk.page.locator("section.end").filter(has_text=text).wait_for()


def leases(team: Project) -> list[tuple[Any, ...]]:
    """All leases of the ledger: task and person."""
    with closing(sqlite3.connect(team.state / "ledger.db")) as connection:
        return connection.execute("SELECT task, person FROM lease ORDER BY position").fetchall()


def shown_leases(team: Project) -> int:
    """How many tasks the ledger knows to be on a screen."""
    with closing(sqlite3.connect(team.state / "ledger.db")) as connection:
        (count,) = connection.execute("SELECT count(*) FROM lease WHERE shown").fetchone()
    return int(count)


def confirmations(desk: Desk) -> list[dict[str, Any]]:
    """What the page says by itself of its screen; the list grows."""
    found: list[dict[str, Any]] = []
    desk.page.on(
        "request", lambda each: found.append(json.loads(each.post_data)) if "confirm_tasks" in each.url else None
    )
    return found


def later(desk: Desk, seconds: int) -> None:
    """Let the page's clock say that so much time has gone by."""
    desk.page.evaluate(f"(() => {{ const now = Date.now; Date.now = () => now() + {seconds * 1000}; }})()")


@SIZES
def test_s1_one_does_all_and_the_other_exactly_the_rest(team: Project, open_desk: Any, tasks: int) -> None:
    twice = tasks // 5
    deal(team, "annotations_per_task = 1.2", tasks=tasks)
    joe = page_of(open_desk, team, "joe")
    assert work(joe) == tasks
    says(joe, f"{twice} tasks wait for somebody other than you.")
    jane = page_of(open_desk, team, "jane")
    assert work(jane) == twice
    says(jane, "All tasks are answered.")
    assert f"{twice} of {twice}" in jane.page.inner_text(".count")
    jane.all_sent()
    assert work(joe) == 0
    assert tally(team) == {1: tasks - twice, 2: twice}


@SIZES
def test_s2_an_idle_tab_holds_one_task_for_its_lease(team: Project, open_desk: Any, tasks: int) -> None:
    """Joe's page is never loaded again: it does all but one at once, says where that is, and goes on by itself."""
    deal(team, 'annotations_per_task = 1\nlease = "30m"', tasks=tasks)
    jane = page_of(open_desk, team, "jane")
    eventually(lambda: shown_leases(team) == 1, message="jane's task known to be on screen")
    joe = page_of(open_desk, team, "joe")
    assert work(joe) == tasks - 1
    says(joe, "1 on jane’s screen, free at ")
    assert "at the latest" in joe.page.inner_text("section.end")
    assert tally(team) == {1: tasks - 1}

    deal(team, 'annotations_per_task = 1\nlease = "1s"')
    joe.page.wait_for_selector("article.card", timeout=60_000)
    assert work(joe) == 1
    says(joe, "All tasks are answered.")
    joe.all_sent()
    assert tally(team) == {1: tasks}

    # What she gives after her lease is kept; the nine behind it are gone without a word.
    jane.press("a")
    says(jane, "All tasks are answered.")
    jane.all_sent()
    assert jane.page.locator(".problem").count() == 0
    assert tally(team) == {1: tasks - 1, 2: 1}


@pytest.mark.parametrize(("key", "stays"), [("ArrowDown", False), ("1", True)])
def test_a_task_taken_over_leaves_the_screen_unless_it_is_worked_on(
    team: Project, open_desk: Any, key: str, stays: bool
) -> None:
    deal(team, 'annotations_per_task = 1\nlease = "1s"', tasks=4)
    jane = page_of(open_desk, team, "jane", load=False)
    with jane.page.expect_response("**/confirm_tasks"):
        jane.open()
    joe = page_of(open_desk, team, "joe")
    for done in range(4):
        joe.page.wait_for_selector("article.card", timeout=60_000)
        assert work(joe, 1) == 1, done
    joe.all_sent()
    eventually(lambda: tally(team) == {1: 4}, message="all of it by joe")
    # A page where nobody does anything is left as it is, and asks nothing.
    jane.shows("text 0")
    later(jane, 61)
    with jane.page.expect_response("**/confirm_tasks"):
        jane.press(key)
    if stays:
        jane.shows("text 0")
        jane.press("a")
    says(jane, "All tasks are answered." if stays else "Nothing for you right now.")
    jane.all_sent()
    assert jane.page.locator(".problem").count() == 0
    assert tally(team) == ({1: 3, 2: 1} if stays else {1: 4})


def test_whoever_works_at_a_task_keeps_it_and_an_open_tab_says_nothing(team: Project, open_desk: Any) -> None:
    deal(team, "annotations_per_task = 1", tasks=12)
    jane = page_of(open_desk, team, "jane", load=False)
    told = confirmations(jane)
    with jane.page.expect_response("**/confirm_tasks") as heard:
        jane.open()
    heard.value.finished()  # a page that hears it only after the minute below counts a new one from there
    [first] = told
    assert len(first["shown"]) == 1
    jane.press("ArrowDown", "ArrowUp", "1")
    # Both in it: of the keys before too the page tells a frame later, once the minute is over.
    with jane.page.expect_response("**/confirm_tasks"):
        later(jane, 61)
        jane.page.mouse.click(5, 5)
    jane.press("ArrowDown", "ArrowUp")
    with jane.page.expect_request("**/give_answers") as given:
        jane.press("a")
    sent = given.value.post_data_json
    assert [each["_task_hash"] for each in sent["answers"]] == first["shown"]
    assert len(sent["shown"]) == 1
    assert sent["shown"] != first["shown"]
    jane.all_sent()
    assert told == [first, first]
    assert sent["screen"] == first["screen"]
    assert shown_leases(team) == 1
    # A correction keeps the task behind it.
    jane.press("Backspace")
    jane.page.wait_for_selector(".correcting")
    with jane.page.expect_request("**/give_answers") as given:
        jane.press("x")
    assert given.value.post_data_json["shown"] == sent["shown"]
    jane.all_sent()


@pytest.mark.long
def test_a_reload_and_a_second_tab_go_on_with_the_same_tasks(team: Project, open_desk: Any) -> None:
    deal(team, "annotations_per_task = 1", tasks=40)
    jane = page_of(open_desk, team, "jane")
    jane.shows("text 0")
    open_before = leases(team)
    assert len(open_before) == 10
    for _ in range(10):
        jane.page.reload()
        jane.shows("text 0")
    second = page_of(open_desk, team, "jane", context=jane.page.context)
    second.shows("text 0")
    assert leases(team) == open_before
    second.press("a")
    for desk in (jane, second):
        desk.shows("text 1")
    jane.press("a")
    for desk in (jane, second):
        desk.shows("text 2")
        desk.all_sent()
    eventually(lambda: tally(team) == {1: 2}, message="two answers")


def test_the_end_says_what_the_roster_keeps_from_somebody(team: Project, open_desk: Any) -> None:
    with (team.folder / "source.jsonl").open("w") as file:
        for number in range(6):
            lang = "sv" if number == 5 else "en"
            file.write(json.dumps({"text": f"text {number}", "meta": {"lang": lang}}) + "\n")
    deal(team, "annotations_per_task = 2", joe="limit = 3", jane='only = { lang = "en" }')
    joe = page_of(open_desk, team, "joe")
    assert work(joe) == 3
    says(joe, "You have reached the number of tasks that is set for you.")
    jane = page_of(open_desk, team, "jane")
    assert work(jane) == 5
    says(jane, "1 task is not for you.")


def test_who_has_answered_nothing_is_told_of_no_answers(team: Project, open_desk: Any) -> None:
    deal(team, "annotations_per_task = 1", tasks=2, jane='only = { lang = "sv" }')
    jane = page_of(open_desk, team, "jane")
    assert work(jane) == 0
    says(jane, "2 tasks are not for you.")
    assert "saved" not in jane.page.inner_text("section.end")
