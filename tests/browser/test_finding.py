"""What the sidebar tells and finds: every own answer, one's own progress and the team's, pace and estimate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from browser.desk import Desk, stored, tasks_of
from embedded import answer
from team_support import Project, a_project


def give_all(server: Any, session: str, count: int, **more: Any) -> None:
    """Answer the first tasks as a client without a page."""
    given = 0
    while given < count:
        tasks = server.pull(session)["tasks"][: count - given]
        answers = [answer(task, _answer_id=f"{given + at:032x}", **more) for at, task in enumerate(tasks)]
        assert server.give(answers, session).status_code == 200
        given += len(tasks)


def test_the_search_reaches_answers_that_were_never_loaded(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(120))
    give_all(server, "ds-ana", 100)
    desk = open_desk(server)
    desk.shows("task 101")
    desk.press("a")
    desk.page.click(".history > button")
    desk.page.locator(".past").nth(20).wait_for()
    assert desk.page.locator(".past", has_text="task 3").count() == 0
    desk.page.fill(".history .filter", "TASK 3")
    desk.page.locator(".past", has_text="task 39").wait_for()
    texts = desk.page.locator(".past-text").all_inner_texts()
    assert texts == [f"task {number}" for number in [*range(39, 29, -1), 3]]
    desk.page.locator(".past").last.click()
    desk.page.wait_for_selector(".correcting")
    assert desk.page.inner_text("article .text") == "task 3"
    desk.press("x")
    found = stored(server, 102)
    assert found[-1]["text"] == "task 3"
    assert found[-1]["_replaces"] == found[2]["_answer_id"]
    # A correction stands for what it corrects; what was never answered is not found.
    desk.page.fill(".history .filter", "task 3")
    desk.page.locator(".past.reject", has_text="task 3").wait_for()
    desk.page.locator(".past-text", has_text="task 3").nth(10).wait_for()
    assert desk.page.locator(".past-text", has_text="task 3").count() == 11
    desk.page.fill(".history .filter", "task 110")
    desk.page.locator(".history", has_text="Nothing fits “task 110”").wait_for()


def test_pace_and_estimate(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(30))
    desk = open_desk(server, load=False)
    desk.page.clock.install()
    desk.open()
    for number in range(1, 6):
        desk.shows(f"task {number}")
        desk.press("a")
    stored(server, 5)
    desk.all_sent()
    desk.page.clock.fast_forward("30:00")
    desk.press("a")
    # Six in half an hour are twelve an hour; twenty-four are left.
    desk.page.locator(".pace").filter(has_text="12 an hour · about 2 h left").wait_for()
    stored(server, 6)
    desk.all_sent()


def test_people_who_share_the_tasks_see_what_is_theirs(start: Any, open_desk: Any) -> None:
    """Of nine tasks joe has answered two and has one open: six can become jane's."""
    server = start(tasks_of(9), annotators=["joe", "jane"], settings={"batch_size": 3})
    give_all(server, "ds-joe", 2)
    desk = open_desk(server, query="?session=jane")
    desk.press("a")
    stored(server, 3)
    desk.all_sent()
    # The count that goes along with an answer may be that of a look for tasks under way meanwhile, one behind.
    desk.page.reload()
    desk.page.locator(".progress-line").filter(has_text="1 of 6").wait_for()
    assert desk.page.locator(".mine, .team").count() == 0


def test_who_has_a_server_alone_is_told_of_nobody_else(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(3))
    desk = open_desk(server, load=False)
    with desk.page.expect_response("**/team_progress") as told:
        desk.open()
    assert told.value.json() == {"own": None, "team": None}
    desk.press("a")
    desk.page.locator(".progress-line").filter(has_text="1 of 3").wait_for()
    stored(server, 1)
    assert desk.page.locator(".mine, .team").count() == 0


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Project]:
    """Three people with twelve tasks each, their servers running."""
    with a_project(tmp_path) as project:
        project.run("up")
        yield project


def test_the_team_has_a_target_and_progress_of_its_own(team: Project, browser: Any) -> None:
    with team.client("jane") as client:
        tasks = client.post("/get_session_questions", json={}).json()["tasks"]
        given = client.post("/give_answers", json={"answers": [answer(task) for task in tasks[:4]]})
        assert given.status_code == 200
    page = browser.new_page()
    desk = Desk(page, team.status("joe")["joe"]["url"]).open()
    page.locator(".team").filter(has_text="Team: 4 of 36").wait_for()
    assert "0 of 12" in page.inner_text(".progress-line")
    desk.checked()
    page.close()
