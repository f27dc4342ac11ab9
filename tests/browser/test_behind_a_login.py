"""The page behind a gateway: a login that ends, another person in the same browser, a server that is on its way up."""

from __future__ import annotations

from typing import Any

from browser.desk import Desk, stored, tasks_of
from browser.door import a_door
from support import eventually

REFUSALS = ("Failed to load resource",)


def enter(desk: Desk, name: str) -> None:
    """Log in where the page is sent to, and come back to one's tasks."""
    desk.page.get_by_label("Name").fill(name)
    desk.page.get_by_role("button", name="Log in").click()
    desk.page.wait_for_selector("article.card, section.end")


def visit(page: Any, address: str, name: str) -> Desk:
    desk = Desk(page, address)
    desk.harmless = REFUSALS
    page.goto(address)
    enter(desk, name)
    return desk


def test_a_login_that_ends_eats_no_answer_whoever_comes_next(start: Any, browser: Any) -> None:
    """8 answers of joe's are unsent when his login ends; jane logs in and out meanwhile; then his 8 are stored once."""
    servers = {name: start(tasks_of(20), annotators=[name], gateway=True) for name in ("joe", "jane")}
    with a_door(**servers) as door, browser.new_context() as context:
        joe = visit(context.new_page(), door.address("/a/joe/"), "joe")
        assert joe.page.locator(".account a").all_inner_texts() == ["joe", "Log out"]
        assert joe.page.locator(".account a").first.evaluate("link => link.href") == door.address("/")
        assert joe.page.locator(".account a").last.evaluate("link => link.href") == door.address("/logout")
        joe.press("a", "a")
        stored(servers["joe"], 2)
        joe.all_sent()
        door.logins.clear()
        for number in range(3, 11):
            joe.shows(f"task {number}")
            joe.press("a")
        bar = joe.page.get_by_role("alert")
        bar.filter(has_text="You are not logged in any more.").filter(has_text="8 answers are kept here").wait_for()

        jane = visit(context.new_page(), door.address("/a/jane/"), "jane")
        jane.press("x")
        [given] = stored(servers["jane"], 1)
        assert (given["answer"], given["_session_id"]) == ("reject", "ds-jane")
        jane.page.locator("[data-unsent]").click()
        jane.page.get_by_text("8 unsent of ds-joe are kept in this browser").wait_for()
        joe.page.bring_to_front()
        joe.page.locator(".problem").filter(has_text="These are not your tasks.").wait_for()
        assert joe.unsent == 8
        jane.page.close()
        stored(servers["joe"], 2)
        door.logins.clear()

        joe.page.get_by_role("link", name="Log in again").click()
        enter(joe, "joe")
        joe.all_sent()
        joe.shows("task 11")
        found = stored(servers["joe"], 10)
        assert [each["text"] for each in found] == [f"task {number}" for number in range(1, 11)]
        assert len(stored(servers["jane"], 1)) == 1
        joe.checked()


def test_a_login_in_another_tab_is_enough(start: Any, browser: Any) -> None:
    server = start(tasks_of(9), annotators=["joe"], gateway=True)
    with a_door(joe=server) as door, browser.new_context() as context:
        joe = visit(context.new_page(), door.address("/a/joe/"), "joe")
        door.logins.clear()
        joe.press("a")
        joe.page.get_by_role("alert").filter(has_text="1 answer is kept here").wait_for()
        visit(context.new_page(), door.address("/a/joe/"), "joe").page.close()
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
