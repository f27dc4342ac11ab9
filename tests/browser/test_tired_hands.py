"""What people do without thinking: hands on mouse and keys at once, a phone, a full disk, two tabs, other alphabets."""

from __future__ import annotations

from typing import Any

import pytest

from browser.desk import Desk, stored, tasks_of
from browser.test_views import MANUAL, OPTIONS, SPANS, versions
from support import eventually

TOP = "document.querySelector('.card').getBoundingClientRect().top"


def keydown(desk: Desk, key: str, code: str, *, on: str = "document", **more: Any) -> None:
    """A key that a keyboard of another kind sends: what it writes, and where it lies."""
    event = {"key": key, "code": code, "bubbles": True, "cancelable": True, **more}
    desk.page.evaluate(f"event => {on}.dispatchEvent(new KeyboardEvent('keydown', event))", event)


def take_back(desk: Desk) -> None:
    """Bring the newest answer back on screen, and wait until it is there."""
    desk.press("Backspace")
    desk.page.wait_for_selector(".correcting")


def test_the_next_task_is_read_from_its_start(start: Any, open_desk: Any) -> None:
    server = start([{"text": f"task {n}\n" + "some words\n" * 300} for n in range(3)])
    desk = open_desk(server)
    first = desk.page.evaluate(TOP)
    assert desk.page.evaluate("(scrollTo(0, 4000), scrollY)") == 4000
    desk.press("a")
    desk.shows("task 1")
    assert desk.page.evaluate(TOP) == first
    assert desk.page.evaluate("(scrollTo(0, 4000), scrollY)") == 4000
    take_back(desk)
    assert desk.page.evaluate(TOP) == first


def test_a_click_leaves_the_keys_to_the_decisions(start: Any, open_desk: Any) -> None:
    """Space after a click ignores the task; it does not press what was clicked once more."""
    server = start(tasks_of(3, field_id="note"), view="text_input", settings={"show_flag": True})
    desk = open_desk(server)
    desk.page.click("[aria-label='Light or dark']")
    shown = desk.page.get_attribute("html", "data-theme")
    desk.press("Space")
    desk.shows("task 2")
    assert desk.page.get_attribute("html", "data-theme") == shown
    desk.page.locator("article input").click()
    desk.page.keyboard.type("a note")
    desk.page.click("[data-action=flag]")
    desk.press("a")
    desk.shows("task 3")
    first, second = stored(server, 2)
    assert first["answer"] == "ignore"
    assert (second["answer"], second["note"], second["flagged"]) == ("accept", "a note", True)


def test_a_removed_span_takes_no_other_with_it(start: Any, open_desk: Any) -> None:
    spans = [{"start": 0, "end": 3, "label": "PERSON"}, {"start": 13, "end": 16, "label": "ORG"}]
    server = start([{"text": "Zoë works at IBM", "spans": spans}, {"text": "second"}], recipe=MANUAL)
    desk = open_desk(server)
    desk.page.get_by_role("button", name="Remove PERSON: Zoë").click()
    desk.press("Space")
    desk.shows("second")
    assert [each["label"] for each in stored(server, 1)[0]["spans"]] == ["ORG"]


@pytest.mark.parametrize(
    "keys",
    [
        [("ф", "KeyA"), ("ч", "KeyX"), ("а", "KeyF")],
        [("ש", "KeyA"), ("ס", "KeyX"), ("כ", "KeyF")],
        [("ち", "KeyA"), ("Process", "KeyX"), ("は", "KeyF")],
    ],
    ids=["russian", "hebrew", "kana"],
)
def test_keys_work_in_every_alphabet(start: Any, open_desk: Any, keys: list[tuple[str, str]]) -> None:
    server = start(tasks_of(4), settings={"show_flag": True})
    desk = open_desk(server)
    for number, (key, code) in enumerate(keys, 1):
        desk.shows(f"task {number}")
        keydown(desk, key, code)
    desk.page.wait_for_selector("[aria-pressed=true]")
    assert [each["answer"] for each in stored(server, 2)] == ["accept", "reject"]


def test_an_input_method_keeps_its_keys(start: Any, open_desk: Any) -> None:
    """Enter and Escape that end a word there choose nothing and leave no field; its letters are no keys."""
    options = [{"id": f"選択{n}", "text": f"選択 {n}"} for n in range(12)]
    server = start(tasks_of(2, options=options), view="choice")
    desk = open_desk(server)
    devtools = desk.page.context.new_cdp_session(desk.page)
    desk.press("/")
    devtools.send("Input.imeSetComposition", {"text": "選択", "selectionStart": 2, "selectionEnd": 2})
    for key in ("Enter", "Escape", "a"):
        code = {"a": "KeyA"}.get(key, key)
        keydown(desk, key, code, on="document.activeElement", keyCode=229, isComposing=True)
    assert desk.page.evaluate("document.activeElement.className") == "filter"
    devtools.send("Input.insertText", {"text": "選択 7"})
    desk.page.locator(".option").nth(1).wait_for(state="detached")
    assert desk.page.locator(":checked").count() == 0
    desk.press("Enter", "a")
    assert stored(server, 1)[0]["accept"] == ["選択7"]


def test_arrows_beside_the_keyboard_are_no_digits(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(2, options=OPTIONS), view="choice", settings={"choice_style": "multiple"})
    desk = open_desk(server)
    for key, code in (("End", "Numpad1"), ("2", "Numpad2")):
        keydown(desk, key, code)
    desk.page.wait_for_selector(":checked")
    desk.press("a")
    assert stored(server, 1)[0]["accept"] == [2]


def test_a_suggestion_taken_by_mouse_is_no_key(start: Any, open_desk: Any) -> None:
    """Chromium reports it as the press of a key that has no name."""
    server = start(tasks_of(2, field_suggestions=["yes"]), view="text_input")
    desk = open_desk(server)
    desk.page.evaluate("""() => { const field = document.querySelector('article input');
      field.dispatchEvent(new Event('keydown', {bubbles: true}));
      field.value = 'yes';
      field.dispatchEvent(new Event('input', {bubbles: true})); }""")
    desk.press("a")
    assert stored(server, 1)[0]["user_input"] == "yes"


def test_labels_may_have_any_name(start: Any, open_desk: Any) -> None:
    names = ["constructor", "__proto__", "toString", '"><img src=x onerror=alert(1)>', "<b>B</b>", "a'b\\"]
    settings = {"labels": names, "custom_theme": {"labels": {"__proto__": "#123456"}}}
    server = start([{"text": "one two three four five six"}], view="spans_manual", settings=settings)
    desk = open_desk(server)
    assert desk.page.locator(".label span").all_inner_texts() == names
    for number in range(1, 7):
        desk.press("ArrowRight", str(number))
    assert desk.page.locator(".spans-chip").all_inner_texts() == names
    desk.press("a")
    assert [each["label"] for each in stored(server, 1)[0]["spans"]] == names


@pytest.mark.parametrize("size", [(1200, 700), (360, 640), (640, 320)], ids=["desk", "phone", "phone on its side"])
def test_two_hundred_labels_leave_the_text_in_sight(start: Any, open_desk: Any, size: tuple[int, int]) -> None:
    labels = ",".join(f"LABEL_{number}" for number in range(200))
    server = start([{"text": "some words\n" * 300}], recipe=[*MANUAL[:-1], labels])
    desk = open_desk(server, viewport={"width": size[0], "height": size[1]})
    desk.page.evaluate("scrollTo(0, 3000)")
    bar, foot = (desk.page.locator(each).bounding_box() for each in (".labels", ".decisions"))
    assert foot["y"] - (bar["y"] + bar["height"]) > size[1] * 0.2
    desk.press("/")
    desk.page.keyboard.type("label_150")
    desk.press("Enter")
    chosen = desk.page.locator(".label:has(:checked)")
    chosen.filter(has_text="LABEL_150").wait_for()
    box, bar = (each.bounding_box() for each in (chosen, desk.page.locator(".labels")))
    assert bar["y"] <= box["y"]
    assert box["y"] + box["height"] <= bar["y"] + bar["height"]


LONG_LABEL = "A_LABEL_THAT_IS_LONGER_THAN_A_PHONE_IS_WIDE"
WIDE: dict[str, dict[str, Any]] = {
    "spans": {
        "recipe": [*SPANS[:-1], LONG_LABEL],
        "tasks": [{"text": "Zoë works at IBM", "spans": [{"start": 13, "end": 16, "label": LONG_LABEL}]}],
    },
    "html": {"view": "html", "tasks": [{"html": f"<table><tr>{'<td>a cell</td>' * 50}</tr></table><pre>{'x' * 500}"}]},
    "choice": {
        "view": "choice",
        "tasks": [{"text": "x" * 300, "options": [{"id": "x" * 200}], "meta": {"source": "x" * 100}}],
        "settings": {"show_flag": True},
    },
    "review": {
        "view": "review",
        "tasks": [{"text": "Zoë Li", "view_id": "ner_manual", "versions": versions()}],
        "settings": {"labels": [LONG_LABEL]},
    },
}


@pytest.mark.parametrize("name", WIDE)
def test_enlarged_four_times_the_page_scrolls_one_way_only(start: Any, open_desk: Any, name: str) -> None:
    """A window of 1280 pixels at 400 % is as wide as a small phone (WCAG 2.2, 1.4.10)."""
    case = dict(WIDE[name])
    desk = open_desk(start(case.pop("tasks"), **case), viewport={"width": 320, "height": 640})
    desk.page.wait_for_selector(".html pre, .spans, .option, .version")
    assert desk.page.evaluate("document.documentElement.scrollWidth") == 320


def test_on_a_phone_an_earlier_answer_comes_to_the_front(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(3))
    desk = open_desk(server, viewport={"width": 390, "height": 780}, has_touch=True, is_mobile=True)
    desk.page.tap("[data-action=accept]")
    desk.shows("task 2")
    desk.page.tap(".menu")
    desk.page.locator("[data-action=accept]").wait_for(state="hidden")  # nobody decides on what is covered
    desk.page.tap(".past")
    desk.page.locator(".correcting").wait_for()
    desk.page.tap("[data-action=reject]")
    desk.shows("task 2")
    assert [each["answer"] for each in stored(server, 2)] == ["accept", "reject"]


def test_two_tabs_know_each_others_answers(start: Any, open_desk: Any, browser: Any) -> None:
    """Undo in one tab takes the newest answer, wherever it was given; a correction knows of the one before it."""
    server = start([{"text": f"task {n}", "meta": {"score": 1.0}} for n in range(1, 6)])
    context = browser.new_context()
    first = open_desk(server, context=context)
    second = open_desk(server, context=context)
    first.press("a")
    for desk in (first, second):
        desk.shows("task 2")
        desk.page.locator(".past", has_text="task 1").wait_for()
    take_back(second)
    second.press("x")
    second.shows("task 2")
    first.page.locator(".past.reject", has_text="task 1").wait_for()
    take_back(first)
    first.press("Space")
    first.all_sent()
    assert [(each["text"], each["answer"]) for each in stored(server, 3)] == [
        ("task 1", "accept"), ("task 1", "reject"), ("task 1", "ignore"),
    ]  # fmt: skip
    assert b'"score":1.0' in server.contents("ds")[2].replace(b" ", b"")
    context.close()


def test_a_correction_made_in_another_tab_leaves_the_screen(start: Any, open_desk: Any, browser: Any) -> None:
    server = start(tasks_of(3))
    context = browser.new_context()
    first = open_desk(server, context=context)
    first.press("a")
    stored(server, 1)
    first.all_sent()
    second = open_desk(server, context=context)
    second.shows("task 2")
    for desk in (first, second):
        take_back(desk)
    first.press("x")
    second.shows("task 2")
    second.press("a")
    second.all_sent()
    assert [each["answer"] for each in stored(server, 3)] == ["accept", "reject", "accept"]
    assert second.page.locator(".state", has_text="refused").count() == 0
    context.close()


FULL = """IDBObjectStore.prototype.put = () => { throw new DOMException("full", "QuotaExceededError") }"""
SILENT = """IDBFactory.prototype.open = () => ({})"""


def test_a_full_disk_is_told_before_it_costs_an_answer(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(4))
    desk = open_desk(server, load=False)
    desk.page.add_init_script(FULL)
    desk.open()
    server.kill()
    desk.press("a")
    desk.page.locator(".warning").filter(has_text="leave the page open").wait_for()
    server.start()
    desk.all_sent()
    stored(server, 1)


def test_a_browser_whose_database_never_opens_annotates_nevertheless(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(2))
    desk = open_desk(server, load=False)
    desk.page.clock.install()
    desk.page.add_init_script(SILENT)
    desk.page.goto(desk.address)
    eventually(lambda: desk.page.clock.run_for(500) or desk.page.locator("article.card").count(), message="a task")
    desk.press("a")
    desk.page.clock.run_for(1000)
    stored(server, 1)


def test_a_refused_answer_is_named_and_can_be_put_away(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(3))
    desk = open_desk(server)
    desk.harmless = ("409",)
    desk.shows("task 1")
    [task] = [each for each in server.pull("ds-ana")["tasks"] if each["text"] == "task 1"]
    assert server.give([{**task, "answer": "reject", "_answer_id": "elsewhere"}], "ds-ana").status_code == 200
    desk.press("a")
    refused = desk.page.locator(".state").filter(has_text="refused")
    refused.filter(has_text="1 refused").click()
    desk.page.locator(".details").filter(has_text="task 1").wait_for()
    desk.page.reload()
    refused.filter(has_text="1 refused").click()
    desk.page.get_by_role("button", name="Discard this answer").click()
    refused.wait_for(state="detached")
    desk.page.reload()
    desk.shows("task 2")
    assert refused.count() == 0
    assert [each["answer"] for each in stored(server, 1)] == ["reject"]


def test_a_task_that_nobody_could_see_can_only_be_ignored(start: Any, open_desk: Any) -> None:
    server = start([{"text": "x", "spans": [{"start": 0, "end": 1, "label": {}}]}, {"text": "fine"}], view="ner")
    desk = open_desk(server)
    desk.page.locator("article [role=alert]").wait_for()
    desk.press("a", "x")
    assert desk.page.is_disabled("[data-action=accept]")
    desk.press("Space")
    desk.shows("fine")
    desk.press("a")
    assert [each["answer"] for each in stored(server, 2)] == ["ignore", "accept"]


def test_what_a_text_lacks_is_said(start: Any, open_desk: Any) -> None:
    blocks = [{"view_id": "ner_manual"}]
    tokens = [{"text": "Zoë", "start": 0, "end": 3, "id": 4}, {"text": "far", "start": 90, "end": 93, "id": 5}]
    tasks = [{"text": "Zoë runs", "tokens": tokens}, {"text": "no tokens"}]
    server = start(tasks, view="blocks", settings={"blocks": blocks, "labels": ["PERSON"]})
    desk = open_desk(server)
    desk.shows("1 of 2 tokens do not fit this text")
    desk.press("ArrowRight", "1", "a")
    desk.shows("no tokens, so nothing can be marked")
    [span] = stored(server, 1)[0]["spans"]
    assert (span["start"], span["end"], span["token_start"], span["token_end"]) == (0, 3, 4, 4)


def test_a_screen_reader_is_told_of_the_next_task(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(3))
    desk = open_desk(server)
    live = desk.page.locator("#live")
    desk.press("a")
    live.filter(has_text="task 2").wait_for(state="attached")
    desk.press("Backspace")
    live.filter(has_text="You are correcting an answer of yours: Accept. task 1").wait_for(state="attached")
    stored(server, 1)


def test_a_server_that_takes_three_seconds_holds_nobody_up(start: Any, open_desk: Any) -> None:
    """Its tasks come ten at a time and its receipts late: no task is shown twice, none is waited for."""
    server = start(tasks_of(24))
    desk = open_desk(server)
    desk.page.clock.install()
    held: list[Any] = []
    slow = True
    desk.page.route("**/g*", lambda route: held.append(route) if slow else route.continue_())
    for number in range(1, 11):
        desk.shows(f"task {number}")
        desk.press("a")
    desk.page.locator(".card").filter(has_text="Loading").wait_for()
    desk.page.clock.run_for(3000)
    assert desk.unsent == 10
    assert desk.page.locator(".problem").count() == 0
    slow = False
    for route in held:
        route.continue_()
    for number in range(11, 25):
        desk.shows(f"task {number}")
        desk.press("a")
        desk.page.clock.run_for(400)
    desk.page.wait_for_selector("section.end")
    desk.all_sent()
    assert [each["text"] for each in stored(server, 24)] == [f"task {number}" for number in range(1, 25)]
