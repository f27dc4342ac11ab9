"""No answer is lost and none is doubled: offline, closed tabs, lost replies, killed servers, two tabs, held keys."""

from __future__ import annotations

import json
import random
import signal
from collections import Counter
from typing import Any

import pytest

from browser.desk import answers, stored, tasks_of
from support import eventually


def fail_give(route: Any) -> None:
    """The server stores, and its reply is lost."""
    route.fetch()
    route.abort()


def test_the_surveys_offline_test(start: Any, open_desk: Any, browser: Any) -> None:
    """1 answer online, 10 offline, tab closed, opened again online, the first reply lost: 11 of 11, once each."""
    server = start(tasks_of(30), settings={"batch_size": 20})
    context = browser.new_context()
    desk = open_desk(server, context=context)
    desk.harmless = ("Failed to load resource",)
    desk.press("a")
    stored(server, 1)
    desk.all_sent()
    context.set_offline(True)
    for number in range(2, 12):
        desk.shows(f"task {number}")
        desk.press("a")
        assert desk.unsent >= 1
    eventually(lambda: desk.unsent == 10)
    desk.page.locator("main").filter(has_text="cannot be reached").wait_for()
    desk.page.close()
    assert len(answers(server)) == 1
    context.set_offline(False)

    posts: list[str] = []

    def lose_first(route: Any) -> None:
        posts.append(route.request.post_data)
        if len(posts) > 1:
            route.continue_()
            return
        route.fetch()
        route.fulfill(status=500, body="lost")

    context.route("**/give_answers", lose_first)
    again = open_desk(server, context=context, load=False)
    again.harmless = ("Failed to load resource",)
    again.open()
    again.shows("task 12")
    again.all_sent()
    found = stored(server, 11)
    assert sorted(each["text"] for each in found) == sorted(f"task {number}" for number in range(1, 12))
    assert len(posts) == 2
    context.close()


def test_answers_given_while_a_tab_closes_arrive(start: Any, open_desk: Any, browser: Any) -> None:
    server = start(tasks_of(20))
    context = browser.new_context()
    desk = open_desk(server, context=context)
    desk.shows("task 1")
    # All five within one turn of the page, and then it is gone before any request can have been answered.
    desk.page.evaluate("""() => {
      for (let i = 0; i < 5; i += 1) document.querySelector('[data-action=accept]').click();
    }""")
    desk.page.goto("about:blank")
    stored(server, 5)
    context.close()


def test_an_answer_outlives_a_server_that_is_down_and_the_page_that_gave_it(
    start: Any, open_desk: Any, browser: Any
) -> None:
    server = start(tasks_of(20))
    context = browser.new_context()
    desk = open_desk(server, context=context)
    desk.shows("task 1")
    server.kill()
    desk.press("a", "x", "a")
    desk.shows("task 4")
    assert desk.unsent == 3
    desk.page.close()
    server.start()
    again = open_desk(server, context=context)
    again.shows("task 4")
    again.all_sent()
    assert [each["answer"] for each in stored(server, 3)] == ["accept", "reject", "accept"]
    context.close()


def test_a_page_goes_on_over_a_restart_of_its_server(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(20))
    desk = open_desk(server)
    desk.press("a")
    stored(server, 1)
    server.kill()
    desk.press("a", "a")
    desk.page.locator("main").filter(has_text="cannot be reached").wait_for()
    server.start()
    desk.all_sent()
    desk.page.locator(".problem").wait_for(state="detached")
    desk.press("a")
    found = stored(server, 4)
    assert [each["text"] for each in found] == [f"task {number}" for number in range(1, 5)]


def test_new_labels_reach_an_open_page_with_the_first_task_dealt_for_them(start: Any, open_desk: Any) -> None:
    """What was on the page is finished under the labels and the version that it came with."""
    recipe = ["ner.manual", "ds", "blank:en", "source.jsonl", "--label"]
    server = start(tasks_of(8), recipe=[*recipe, "OLD,OTHER"], settings={"batch_size": 4}, version="1")
    desk = open_desk(server)
    server.signal(signal.SIGTERM)
    server.argv[-1] = "NEW,OTHER"
    server.env["PRODIGY_TEAM_SERVER"] = server.env["PRODIGY_TEAM_SERVER"].replace('"version": "1"', '"version": "2"')
    server.start()
    for number in range(1, 9):
        desk.shows(f"task {number}")
        desk.page.locator(".label").filter(has_text="OLD" if number < 5 else "NEW").wait_for()
        desk.press("a")
    found = stored(server, 8)
    assert [each["text"] for each in found] == [f"task {number}" for number in range(1, 9)]
    assert [each["_version"] for each in found] == ["1"] * 4 + ["2"] * 4


def test_a_reload_and_a_second_tab_go_on_with_the_same_tasks_in_the_same_order(
    start: Any, open_desk: Any, browser: Any
) -> None:
    server = start(tasks_of(30), settings={"batch_size": 5})
    context = browser.new_context()
    desk = open_desk(server, context=context)
    for number in range(1, 8):
        desk.shows(f"task {number}")
        desk.press("a")
    desk.all_sent()
    desk.open()
    desk.shows("task 8")
    second = open_desk(server, context=context)
    second.shows("task 8")
    second.press("x")
    second.shows("task 9")
    # The first tab moves on by itself: what the second answered needs no second answer.
    desk.shows("task 9")
    desk.press("a")
    second.shows("task 10")
    for number in range(10, 31):
        second.shows(f"task {number}")
        second.press("a")
    second.page.wait_for_selector(".end")
    desk.page.wait_for_selector(".end")
    found = stored(server, 30)
    assert [each["text"] for each in found] == [f"task {number}" for number in range(1, 31)]
    context.close()


def test_s7_a_held_key_two_tabs_and_every_seventh_request_twice(start: Any, open_desk: Any, browser: Any) -> None:
    server = start(tasks_of(60))
    context = browser.new_context()
    count = 0

    def repeat(route: Any) -> None:
        nonlocal count
        count += 1
        if count % 7 == 0:
            assert route.fetch().status == 200
        route.continue_()

    context.route("**/give_answers", repeat)
    first = open_desk(server, context=context)
    second = open_desk(server, context=context)
    hold = """() => { const timer = setInterval(() => {
        document.dispatchEvent(new KeyboardEvent('keydown', {key: 'a', code: 'KeyA', repeat: true, bubbles: true}));
        if (document.querySelector('.end')) clearInterval(timer);
    }, 5); }"""
    first.page.evaluate(hold)
    second.page.evaluate(hold)
    first.page.wait_for_selector(".end")
    second.page.wait_for_selector(".end")
    first.all_sent()
    second.all_sent()
    found = stored(server, 60)
    assert Counter(each["text"] for each in found) == Counter(f"task {number}" for number in range(1, 61))
    # What one tab has sent may be under way from the other too: its handler would outlive this test.
    context.unroute_all(behavior="wait")
    context.close()


def test_s7_in_one_tab_the_rows_are_in_order(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(60))
    desk = open_desk(server, load=False)
    count = 0

    def repeat(route: Any) -> None:
        nonlocal count
        count += 1
        if count % 7 == 0:
            assert route.fetch().status == 200
        route.continue_()

    desk.page.route("**/give_answers", repeat)
    desk.open()
    desk.page.keyboard.down("a")
    while not desk.page.query_selector(".end"):
        desk.page.keyboard.down("a")
    desk.page.keyboard.up("a")
    desk.all_sent()
    assert [each["text"] for each in stored(server, 60)] == [f"task {number}" for number in range(1, 61)]


def test_unsent_answers_go_to_nobody_else(start: Any, open_desk: Any, browser: Any) -> None:
    """Trap 6: the port of a server is given to another annotator; her server and her page leave his answers alone."""
    server = start(tasks_of(10))
    context = browser.new_context()
    desk = open_desk(server, context=context)
    desk.harmless = ("Failed to load resource",)
    desk.shows("task 1")
    server.kill()
    desk.press("a", "a")
    eventually(lambda: desk.unsent == 2)
    mark = json.loads(server.env["PRODIGY_TEAM_SERVER"])
    server.env.update(PRODIGY_ALLOWED_SESSIONS="bob", PRODIGY_TEAM_SERVER=json.dumps({**mark, "annotators": ["bob"]}))
    server.start()
    # His open page is refused and keeps its answers.
    desk.page.locator(".problem").filter(has_text="does not take requests from here").wait_for()
    assert desk.unsent == 2
    # Her page in the same browser counts her answers alone, and sends hers alone.
    hers = open_desk(server, context=context)
    hers.shows("task 1")
    assert hers.unsent == 0
    hers.press("x")
    stored(server, 1)
    hers.page.click(".state")
    hers.page.locator(".details").filter(has_text="2 unsent of ds-ana").wait_for()
    assert {each["_session_id"] for each in answers(server)} == {"ds-bob"}
    # His server is back at its place: they arrive.
    hers.page.close()
    server.kill()
    server.env.update(PRODIGY_ALLOWED_SESSIONS="ana", PRODIGY_TEAM_SERVER=json.dumps(mark))
    server.start()
    desk.all_sent()
    found = stored(server, 3)
    assert [each["_session_id"] for each in found] == ["ds-bob", "ds-ana", "ds-ana"]
    context.close()


def test_the_server_refuses_what_a_page_says_is_not_for_it(start: Any) -> None:
    server = start(tasks_of(3), annotators=())
    [task, *_] = server.pull("ds-ana")["tasks"]
    answer = {**task, "answer": "accept", "_answer_id": "1"}
    own = {"team": "team", "dataset": "ds", "annotator": "ds-ana"}
    for wrong in ({"team": "other"}, {"dataset": "ds2"}, {"annotator": "ds-bob"}):
        for path, body in (
            ("give_answers", {"answers": [answer]}),
            ("get_session_questions", {}),
            ("get_session_answers", {}),
        ):
            reply = server.client.post(f"/{path}", json={"session_id": "ds-ana", "owner": {**own, **wrong}, **body})
            assert reply.status_code == 403, path
            assert "not for" in reply.json()["detail"]
    assert answers(server) == []
    reply = server.client.post("/give_answers", json={"session_id": "ds-ana", "owner": own, "answers": [answer]})
    assert reply.status_code == 200


def test_a_refused_answer_is_kept_and_shown(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(5))
    desk = open_desk(server)
    desk.harmless = ("409",)
    desk.shows("task 1")
    [task] = [each for each in server.pull("ds-ana")["tasks"] if each["text"] == "task 1"]
    assert server.give([{**task, "answer": "reject", "_answer_id": "elsewhere"}], "ds-ana").status_code == 200
    desk.press("a", "a")
    desk.page.locator(".state").filter(has_text="1 refused").wait_for()
    desk.all_sent()
    desk.page.click(".state")
    desk.page.locator(".details").filter(has_text="has another answer already").wait_for()
    assert [(each["text"], each["answer"]) for each in stored(server, 2)] == [
        ("task 1", "reject"),
        ("task 2", "accept"),
    ]


def test_the_task_on_screen_is_confirmed_with_the_answer_before_it(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(5), annotators=["ana", "bob"])
    desk = open_desk(server, query="?session=ana")
    first = desk.page.evaluate("document.getElementById('page').dataset.task")
    with desk.page.expect_request("**/give_answers") as given:
        desk.press("a")
    desk.shows("task 2")
    second = desk.page.evaluate("document.getElementById('page').dataset.task")
    sent = given.value.post_data_json
    assert sent["answers"][0]["_task_hash"] == int(first)
    assert sent["shown"] == [int(second)]
    assert len(sent["screen"]) == 32
    assert sent["owner"] == {"team": "team", "dataset": "ds", "annotator": "ds-ana"}
    stored(server, 1)
    desk.all_sent()


def test_a_server_that_leases_nothing_is_not_told_what_is_on_screen(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(3))
    desk = open_desk(server, load=False)
    sent: list[Any] = []
    desk.page.on("request", lambda each: sent.append(each))
    desk.open()
    desk.press("a")
    desk.shows("task 2")
    stored(server, 1)
    desk.all_sent()
    assert [each for each in sent if "confirm_tasks" in each.url] == []
    [given] = [each.post_data_json for each in sent if "give_answers" in each.url]
    assert set(given) == {"session_id", "owner", "answers"}


def test_a_task_taken_over_meanwhile_is_skipped_without_a_word(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(6))
    desk = open_desk(server, load=False)
    third = {each["text"]: each["_task_hash"] for each in server.pull("ds-ana")["tasks"]}["task 3"]

    def taken(route: Any) -> None:
        reply = route.fetch()
        route.fulfill(response=reply, json={**reply.json(), "skip": [third]})

    desk.page.route("**/give_answers", taken)
    desk.open()
    desk.press("a")
    desk.all_sent()
    stored(server, 1)
    desk.press("a")
    desk.shows("task 4")
    # No request is under way when the page is closed: its handler would outlive this test.
    desk.all_sent()
    assert desk.page.locator(".problem").count() == 0


@pytest.mark.long
@pytest.mark.parametrize("people", [3])
def test_s6_a_server_killed_at_twenty_points_under_real_pages(start: Any, open_desk: Any, people: int) -> None:
    """300 answers by each of three pages at different places, killed 20 times: 900 rows, none twice, none missing."""
    names = ["ana", "bob", "cy"][:people]
    server = start(tasks_of(300), annotators=names, settings={"feed_overlap": True, "batch_size": 10})
    desks = [open_desk(server, query=f"?session={name}", load=False) for name in names]
    for desk, ahead in zip(desks, (0, 37, 91), strict=True):
        desk.open()
        # Answers as fast as tasks come, for as long as there are any; each page has begun at another place.
        desk.page.evaluate(
            """ahead => {
          window.given = 0;
          window.pause = ahead ? 0 : 25;
          const work = () => {
            const key = ["a", "x", " "][window.given % 3];
            if (document.querySelector("article.card")) {
              document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
              window.given += 1;
            }
            setTimeout(work, window.given < ahead ? 0 : window.pause || 15);
          };
          work();
        }""",
            ahead,
        )
    chance = random.Random(6)
    for _ in range(20):
        goal = min(900, len(answers(server)) + chance.randrange(5, 30))
        eventually(lambda goal=goal: len(answers(server)) >= goal, within=60)
        server.kill()
        server.start()
    for desk in desks:
        desk.page.wait_for_selector(".end")
        desk.all_sent()
    found = stored(server, 300 * people)
    counted = Counter((each["_session_id"], each["text"]) for each in found)
    assert set(counted.values()) == {1}
    assert Counter(session for session, _ in counted) == Counter({f"ds-{name}": 300 for name in names})
