"""Answering: keys, buttons, what reaches the database, undo, history."""

from __future__ import annotations

from typing import Any

from browser.desk import answers, stored, tasks_of
from support import eventually


def test_keys_and_buttons_answer_and_every_answer_is_stored_once(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(6))
    desk = open_desk(server)
    desk.shows("task 1")
    desk.press("a")
    desk.shows("task 2")
    desk.press("x")
    desk.shows("task 3")
    desk.press("Space")
    desk.shows("task 4")
    for action in ("accept", "reject", "ignore"):
        desk.page.click(f"[data-action={action}]")
    found = stored(server, 6)
    assert [each["text"] for each in found] == [f"task {number}" for number in range(1, 7)]
    assert [each["answer"] for each in found] == ["accept", "reject", "ignore"] * 2
    assert len({each["_answer_id"] for each in found}) == 6
    assert all(each["_session_id"] == "ds-ana" and each["_timestamp"] for each in found)
    desk.all_sent()
    desk.page.locator(".end").filter(has_text="All 6 answers are saved.").wait_for()


def test_undo_gives_a_correction_that_names_what_it_replaces(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(5))
    desk = open_desk(server)
    desk.press("a")
    desk.shows("task 2")
    desk.press("Backspace")
    desk.page.wait_for_selector(".correcting")
    desk.shows("task 1")
    desk.press("x")
    desk.shows("task 2")
    found = stored(server, 2)
    assert [each["answer"] for each in found] == ["accept", "reject"]
    assert found[1]["_replaces"] == found[0]["_answer_id"] != found[1]["_answer_id"]
    desk.press("Delete")
    desk.shows("task 1")
    desk.page.click(".correcting button")
    desk.shows("task 2")
    assert len(answers(server)) == 2


def test_undo_and_history_reach_answers_of_earlier_visits(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(40))
    desk = open_desk(server)
    for number in range(1, 36):
        desk.shows(f"task {number}")
        desk.press("a")
    stored(server, 35)
    desk.all_sent()
    again = open_desk(server)
    again.shows("task 36")
    again.press("Backspace")
    again.shows("task 35")
    again.press("Backspace")
    again.shows("task 34")
    again.press("x", "x")
    again.shows("task 36")
    again.page.click(".history > button")
    again.page.locator(".past").nth(34).wait_for()
    again.page.fill(".history .filter", "task 3")
    again.page.locator(".past", has_text="task 3").last.click()
    again.page.wait_for_selector(".correcting")
    assert again.page.inner_text("article .text") == "task 3"
    again.press("x")
    found = stored(server, 38)
    assert [each["text"] for each in found[35:]] == ["task 34", "task 35", "task 3"]
    newest = {each["text"]: each for each in found}
    ids = {each["_answer_id"]: each for each in found[:35]}
    assert all(ids[each["_replaces"]]["text"] == each["text"] for each in found[35:])
    assert newest["task 3"]["answer"] == "reject"


def test_undo_pressed_twice_before_the_list_is_there_reaches_two_answers(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(6))
    desk = open_desk(server)
    desk.press("a", "a", "a")
    stored(server, 3)
    desk.all_sent()
    held: list[Any] = []
    again = open_desk(server, load=False)
    again.page.route("**/get_session_answers", lambda route: held.append(route))
    again.open()
    again.shows("task 4")
    again.press("Backspace", "Backspace")
    # Talking to the page lets the route be called.
    eventually(lambda: again.page.evaluate("1") and held, message="a question for earlier answers")
    for route in held:
        route.continue_()
    again.shows("task 2")
    again.press("x")
    again.shows("task 3")
    again.press("x")
    again.shows("task 4")
    found = stored(server, 5)
    assert [each["text"] for each in found[3:]] == ["task 2", "task 3"]
    assert [each["_replaces"] for each in found[3:]] == [each["_answer_id"] for each in found[1:3]]


def test_a_correction_of_a_correction_names_the_newest(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(3))
    desk = open_desk(server)
    desk.press("a")
    for decision in ("x", "Space", "a"):
        desk.shows("task 2")
        desk.press("Backspace")
        desk.shows("task 1")
        desk.press(decision)
    found = stored(server, 4)
    assert [each["answer"] for each in found] == ["accept", "reject", "ignore", "accept"]
    assert [each.get("_replaces") for each in found[1:]] == [each["_answer_id"] for each in found[:3]]


def test_numbers_come_back_as_they_were_sent(start: Any, open_desk: Any) -> None:
    server = start(
        [{"text": "one", "meta": {"id": 12345678901234567890, "score": 1.0, "small": 1e-7}}, {"text": "two"}]
    )
    desk = open_desk(server)
    desk.shows("12345678901234567890")
    desk.press("a")
    stored(server, 1)
    assert b'"id":12345678901234567890,"score":1.0,"small":1e-7' in server.contents("ds")[0].replace(b" ", b"")


def test_the_overlay_lists_every_key(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(2), settings={"show_flag": True})
    desk = open_desk(server)
    desk.press("?")
    text = desk.page.inner_text("dialog.keys")
    assert all(word in text for word in ("Accept", "Reject", "Ignore", "Undo", "Flag", "Save now", "A", "X", "⌫"))
    assert "Instructions" not in text
    desk.press("a")
    desk.press("Escape")
    desk.page.wait_for_selector("dialog", state="detached")
    desk.shows("task 1")


def test_browsers_without_a_name_share_the_tasks_and_keep_their_own_desk(start: Any, open_desk: Any) -> None:
    # Without stealing: whoever is done first would take over what the other has not seen yet.
    server = start(tasks_of(4), annotators=(), settings={"batch_size": 2, "allow_work_stealing": False})
    first, second = open_desk(server), open_desk(server)
    first.shows("task 1")
    second.shows("task 3")
    first.press("a", "a")
    second.press("a", "a")
    for desk in (first, second):
        desk.page.wait_for_selector(".end")
        desk.all_sent()
    assert sorted(each["text"] for each in stored(server, 4)) == ["task 1", "task 2", "task 3", "task 4"]


def test_a_session_that_is_not_allowed_is_told_so(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(4))
    desk = open_desk(server, query="?session=eve", load=False)
    desk.harmless = ("403",)
    desk.page.goto(desk.address)
    desk.page.locator("body").filter(has_text="not one of this server's").wait_for()


def test_an_answer_is_sent_within_a_second(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(4))
    desk = open_desk(server)
    # By the page's clock: how long a second takes that others use too says nothing of the page.
    desk.page.clock.install()
    desk.page.clock.pause_at(desk.page.evaluate("Date.now()") + 60_000)
    desk.press("a")
    with desk.page.expect_request("**/give_answers"):
        desk.page.clock.run_for(999)
    stored(server, 1)
    desk.page.clock.resume()
    desk.all_sent()


def test_what_waits_is_kept_even_where_the_browser_keeps_nothing(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(4))
    desk = open_desk(server, load=False)
    desk.page.add_init_script("Object.defineProperty(window, 'indexedDB', { value: undefined })")
    desk.open()
    server.kill()
    desk.press("a")
    desk.page.locator(".warning").filter(has_text="leave the page open").wait_for()
    server.start()
    desk.all_sent()
    stored(server, 1)
