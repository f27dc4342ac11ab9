"""Prodigy's settings that shape the page, each with what it changes on the screen."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from browser.desk import stored, tasks_of
from embedded import EmbeddedServer, write_jsonl
from support import eventually


def refused(folder: Path, settings: Any) -> str:
    """What a server says that does not start with these settings."""
    write_jsonl(folder / "source.jsonl", tasks_of(1))
    argv = ["mark", "ds", "source.jsonl", "--view-id", "text"]
    server = EmbeddedServer(folder, argv, env={"PRODIGY_CONFIG_OVERRIDES": json.dumps(settings)})
    try:
        done = subprocess.run(
            [sys.executable, "-m", "prodigy_team.annotate", *argv],
            cwd=folder, env=server.environment(), capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip
    finally:
        server.close()
    assert done.returncode in (1, 2)
    return done.stderr


META = {"source": "paper", "score": 0.5}
MANUAL = ["ner.manual", "ds", "blank:en", "source.jsonl", "--label", "PERSON,ORG"]


def test_buttons_leave_out_decisions_with_their_keys(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(3), settings={"buttons": ["reject", "accept"]})
    desk = open_desk(server)
    assert [each.get_attribute("data-action") for each in desk.page.query_selector_all(".decision")] == [
        "reject",
        "accept",
    ]
    desk.press("Space", "Backspace", "a")
    desk.shows("task 2")
    assert [each["answer"] for each in stored(server, 1)] == ["accept"]


def test_labels_and_their_colours(start: Any, open_desk: Any) -> None:
    server = start([{"text": "Zoë runs"}], recipe=MANUAL, settings={"custom_theme": {"labels": {"ORG": "#123456"}}})
    desk = open_desk(server)
    assert [each.inner_text().split()[0] for each in desk.page.query_selector_all(".label")] == ["PERSON", "ORG"]
    colour = "getComputedStyle(document.querySelectorAll('.label')[1]).backgroundColor"
    assert desk.page.evaluate(colour) == "rgb(18, 52, 86)"


def test_meta_flag_and_its_note(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(3, meta=META), settings={"show_flag": True})
    desk = open_desk(server)
    desk.shows("source: paper")
    desk.press("f")
    desk.page.fill(".flag-note input", "odd one")
    desk.press("Escape", "a")
    desk.shows("task 2")
    desk.press("f", "f", "a")
    first, second = stored(server, 2)
    assert (first["flagged"], first["flag_note"]) == (True, "odd one")
    assert second["flagged"] is False


def test_without_show_flag_and_with_hide_meta_neither_is_there(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(2, meta=META), settings={"hide_meta": True})
    desk = open_desk(server)
    desk.press("f", "a")
    desk.shows("task 2")
    assert desk.page.locator(".meta, [data-action=flag]").count() == 0
    assert "flagged" not in stored(server, 1)[0]


@pytest.mark.parametrize(
    ("name", "text"), [("guide.html", "<h3>Be kind</h3><script>x</script>"), ("guide.md", "# Be *kind*\n\n- one")]
)
def test_instructions_open_once_for_each_version(
    start: Any, open_desk: Any, browser: Any, name: str, text: str, tmp_path: Any
) -> None:
    (tmp_path / name).write_text(text)
    server = start(tasks_of(3), settings={"instructions": str(tmp_path / name)})
    context = browser.new_context()
    desk = open_desk(server, context=context)
    desk.page.locator("dialog.instructions h3").filter(has_text="Be kind").wait_for()
    desk.press("a", "Escape")
    desk.shows("task 1")
    desk.page.reload()
    desk.shows("task 1")
    assert desk.page.locator("dialog").count() == 0
    desk.press("h")
    desk.page.wait_for_selector("dialog.instructions")
    (tmp_path / name).write_text(text + " More")
    server.kill()
    server.start()
    desk.page.reload()
    desk.page.locator("dialog.instructions").filter(has_text="have changed").wait_for()
    desk.press("Escape")
    desk.page.locator(".badge").filter(has_text="changed").wait_for()
    context.close()


def test_each_annotator_of_a_browser_reads_the_instructions(
    start: Any, open_desk: Any, browser: Any, tmp_path: Any
) -> None:
    (tmp_path / "guide.md").write_text("# Be kind\n")
    server = start(tasks_of(3), annotators=["joe", "jane"], settings={"instructions": str(tmp_path / "guide.md")})
    with browser.new_context() as context:
        for name, opens in (("joe", True), ("jane", True), ("joe", False)):
            desk = open_desk(server, query=f"?session={name}", context=context)
            assert desk.page.locator("dialog.instructions").count() == opens


def test_keymap_changes_keys(start: Any, open_desk: Any) -> None:
    keymap = {"accept": ["ctrl+enter", "j"], "undo": ["u"]}
    server = start(tasks_of(4), settings={"keymap": keymap})
    desk = open_desk(server)
    desk.press("a", "j")
    desk.shows("task 2")
    desk.press("Control+Enter")
    desk.shows("task 3")
    desk.press("Backspace", "u")
    desk.page.wait_for_selector(".correcting")
    assert "J" in desk.page.inner_text("[data-action=accept]") or "Ctrl" in desk.page.inner_text("[data-action=accept]")
    stored(server, 2)


def test_keymap_by_label_for_spans_and_options(start: Any, open_desk: Any) -> None:
    server = start([{"text": "Zoë runs"}], recipe=MANUAL, settings={"keymap_by_label": {"ORG": "o", "0": "p"}})
    desk = open_desk(server)
    assert [each.inner_text() for each in desk.page.query_selector_all(".label kbd")] == ["P", "O"]
    desk.press("ArrowRight", "o", "ArrowRight", "p", "a")
    assert [each["label"] for each in stored(server, 1)[0]["spans"]] == ["ORG", "PERSON"]
    options = [{"id": "yes", "text": "Yes"}, {"id": "no", "text": "No"}]
    other = start(tasks_of(1, options=options), view="choice", settings={"keymap_by_label": {"yes": "y", "1": "n"}})
    desk = open_desk(other)
    desk.press("y", "n", "a")
    assert stored(other, 1)[0]["accept"] == ["no"]


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"keymap": {"accept": ["x"]}}, ("accept", "reject")),
        ({"keymap_by_label": {"ORG": "a"}}, ("the action accept", "the label ORG")),
        ({"keymap_by_label": {"ORG": "Q", "PERSON": "q"}}, ("ORG", "PERSON")),
        ({"keymap": {"undo": ["command+s"]}}, ("undo", "save")),
    ],
)
def test_keys_that_clash_are_refused_at_the_start_with_both_names(tmp_path: Any, settings: Any, names: Any) -> None:
    said = refused(tmp_path, settings)
    assert all(name in said for name in names), said


def test_missing_instructions_end_the_start(tmp_path: Any) -> None:
    assert "none.html" in refused(tmp_path, {"instructions": "none.html"})


@pytest.mark.parametrize(
    ("code", "word"), [("en", "Accept"), ("de", "Annehmen"), ("fr", "Accepter"), ("es", "Aceptar"), ("pt", "Accept")]
)
def test_the_page_speaks_four_languages(start: Any, open_desk: Any, code: str, word: str) -> None:
    server = start(tasks_of(1), settings={"ui_lang": code})
    desk = open_desk(server)
    assert word in desk.page.inner_text("[data-action=accept]")
    assert desk.page.get_attribute("html", "lang") == ("en" if code == "pt" else code)
    assert ("ui_lang" in server.output()) == (code == "pt")


def background(desk: Any) -> str:
    found: str = desk.page.evaluate("getComputedStyle(document.body).backgroundColor")
    return found


def test_theme_of_the_system_of_the_project_and_of_the_person(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(1))
    light, dark = open_desk(server, color_scheme="light"), open_desk(server, color_scheme="dark")
    bright, night = background(light), background(dark)
    assert bright != night
    light.page.click("[aria-label='Light or dark']")
    assert background(light) == night
    light.page.reload()
    light.shows("task 1")
    assert background(light) == night
    of_project = open_desk(start(tasks_of(1), settings={"theme": "dark"}), color_scheme="light")
    assert background(of_project) == night


def test_swipes_answer_where_they_are_switched_on(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(3), settings={"swipe": True})
    desk = open_desk(server, has_touch=True, viewport={"width": 390, "height": 800})
    touch = desk.page.context.new_cdp_session(desk.page)

    def swipe(start_x: int, end_x: int) -> None:
        """A finger goes over the card, once the page listens to it: a paint after the task."""
        desk.page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        box = desk.page.locator(".card").bounding_box()
        y = round(box["y"] + box["height"] / 2)
        places = [start_x, (start_x + end_x) // 2, end_x]
        for kind, x in zip(("touchStart", "touchMove", "touchMove"), places, strict=True):
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    swipe(300, 120)
    desk.shows("task 2")
    swipe(100, 290)
    desk.shows("task 3")
    swipe(100, 120)
    assert [each["answer"] for each in stored(server, 2)] == ["accept", "reject"]
    desk.shows("task 3")


def test_writing_direction(start: Any, open_desk: Any) -> None:
    desk = open_desk(start(tasks_of(1), settings={"writing_dir": "rtl"}))
    assert desk.page.get_attribute(".text", "dir") == "rtl"


def test_sidebar_with_project_info_statistics_and_history_size(start: Any, open_desk: Any) -> None:
    settings = {"project_info": ["dataset", "recipe_name"], "show_stats": True, "history_size": 2}
    server = start(tasks_of(8), settings=settings)
    desk = open_desk(server)
    assert desk.page.locator(".facts").first.inner_text().split() == ["Dataset", "ds", "Recipe", "mark"]
    desk.press("a", "a", "x")
    desk.shows("task 4")
    desk.page.locator("[data-count=reject]", has_text="1").wait_for()  # the sidebar is drawn after the next paint
    assert [each.text_content() for each in desk.page.query_selector_all("[data-count]")] == ["2", "1", "0"]
    assert desk.page.locator(".past").count() == 2
    desk.page.locator(".count").filter(has_text="3 of 8").wait_for()


def test_progress_without_a_total(start: Any, open_desk: Any) -> None:
    """A source that has nothing yet: nobody can tell how much will come."""
    server = start([])
    desk = open_desk(server)
    progress = desk.page.locator("section.progress")
    assert progress.inner_text().split() == ["0", "answered", "∞"]
    assert progress.locator("progress").count() == 0
    write_jsonl(server.folder / "source.jsonl", tasks_of(2))
    server.kill()
    server.start()
    desk.shows("task 1")
    desk.press("a")
    progress.locator("progress[value='0.5']").wait_for()
    assert "∞" not in progress.inner_text()


def test_progress_with_a_target(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(4), settings={"total_examples_target": 2})
    desk = open_desk(server)
    desk.press("a")
    desk.page.locator(".count").filter(has_text="1 of 2").wait_for()
    desk.page.locator("progress[value='0.5']").wait_for()  # beside the task, so drawn after the next paint
    assert "∞" not in desk.page.inner_text("section.progress")


def test_a_look_for_tasks_that_is_overtaken_does_not_take_progress_back(start: Any, open_desk: Any) -> None:
    """The server had counted nothing yet when it sent the tasks; they come after the answer is confirmed."""
    desk = open_desk(start(tasks_of(4), settings={"total_examples_target": 2}))
    looks: list[tuple[Any, Any]] = []
    given: list[Any] = []
    desk.page.route("**/give_answers", lambda route: given.append(route))
    desk.page.route("**/get_session_questions", lambda route: looks.append((route, route.fetch())))
    desk.press("a")
    eventually(lambda: desk.page.evaluate("true") and looks and given, message="both requests")
    given[0].continue_()
    count = desk.page.locator(".count")
    count.filter(has_text="1 of 2").wait_for()
    route, reply = looks[0]
    with desk.page.expect_response("**/get_session_questions"):
        route.fulfill(response=reply)
    desk.page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    assert count.inner_text() == "1 of 2"


def test_global_css_is_a_file_of_the_page(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(1), settings={"global_css": ".text { letter-spacing: 7px }"})
    desk = open_desk(server)
    assert desk.page.evaluate("getComputedStyle(document.querySelector('.text')).letterSpacing") == "7px"


def test_batch_size_bounds_what_is_fetched_and_instant_submit_changes_no_answer(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(7), settings={"batch_size": 2, "instant_submit": True})
    desk = open_desk(server, load=False)
    replies: list[Any] = []
    # Read at the end: a handler that asks the browser while the page is closed fails whatever is tested next.
    desk.page.on("response", lambda each: replies.append(each) if "questions" in each.url else None)
    desk.open()
    for number in range(1, 8):
        desk.shows(f"task {number}")
        desk.press("a")
    desk.page.wait_for_selector(".end")
    assert max(len(each.json()["tasks"]) for each in list(replies)) == 2
    assert len(stored(server, 7)) == 7


def test_large_text(start: Any, open_desk: Any) -> None:
    small = open_desk(start(tasks_of(1)))
    large = open_desk(start(tasks_of(1), settings={"largeText": True}))
    size = "parseFloat(getComputedStyle(document.querySelector('.text')).fontSize)"
    assert large.page.evaluate(size) > small.page.evaluate(size)


def test_the_text_is_as_large_as_somebody_has_set_their_browser_to(start: Any, open_desk: Any) -> None:
    desk = open_desk(start(tasks_of(1)))
    size = "parseFloat(getComputedStyle(document.querySelector('.text')).fontSize)"
    before = desk.page.evaluate(size)
    devtools = desk.page.context.new_cdp_session(desk.page)
    devtools.send("Page.setFontSizes", {"fontSizes": {"standard": 32}})
    desk.page.wait_for_function(f"{size} === {2 * before}")


def test_white_space_can_be_shown_without_changing_the_offsets(start: Any, open_desk: Any) -> None:
    text = start([{"text": "one\n\ttwo"}], settings={"show_whitespace": True})
    assert open_desk(text).page.text_content(".text") == "one↵\n⇥\ttwo"
    server = start([{"text": "one\n\ntwo"}], recipe=MANUAL, settings={"show_whitespace": True})
    desk = open_desk(server)
    assert desk.page.locator(".spans-blank").evaluate_all("all => all.map(each => each.dataset.shown)") == ["↵↵"]
    desk.press("ArrowRight", "End", "1", "a")
    assert [(each["start"], each["end"]) for each in stored(server, 1)[0]["spans"]] == [(5, 8)]


def test_the_width_of_the_card(start: Any, open_desk: Any) -> None:
    width = "document.querySelector('.card').getBoundingClientRect().width"
    assert open_desk(start(tasks_of(1))).page.evaluate(width) > 500
    theme = {"cardMaxWidth": 400, "bgCardTitle": "red"}
    server = start(tasks_of(1), settings={"custom_theme": theme, "darken_image": 0.3})
    assert open_desk(server).page.evaluate(width) == 400
    # What is known and has no effect is named once, with the reason.
    said = server.output()
    assert said.count("does not honour") == 1
    assert "darken_image (images are annotated with Prodigy only)" in said
    assert "custom_theme.bgCardTitle" in said
    assert "cardMaxWidth (" not in said


def test_scripts_are_refused_with_the_reason(tmp_path: Any) -> None:
    said = refused(tmp_path, {"javascript": "alert(1)"})
    assert "runs no scripts of a prodigy.json in its page" in said
    assert "use Prodigy" in said
