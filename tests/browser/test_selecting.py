"""Marking tokens in a real browser, by mouse, touch and keys: what is under the pointer is in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from browser.token_harness import HERE, Tokens, bundle, opened, task_of
from support import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SENTENCE = "Zoë Müller met Ann in New York, said she."
CHARACTERS = r"\n+|[^\s]"
HEBREW = "דנה לוי פגשה את Ann Lee בתל אביב"


@pytest.fixture(scope="session")
def script() -> str:
    return bundle(HERE / "harness.ts")


@pytest.fixture(scope="module")
def screen(browser: Browser, script: str) -> Iterator[Tokens]:
    """One page for all tests: each draws its own task."""
    yield from opened(browser, script)


@pytest.fixture(scope="module")
def touch_screen(browser: Browser, script: str) -> Iterator[Tokens]:
    yield from opened(browser, script, has_touch=True, is_mobile=True)


@pytest.fixture
def tokens(screen: Tokens) -> Iterator[Tokens]:
    """The view before a mouse and keys; nothing may go wrong on the page."""
    yield from screen.watched()


@pytest.fixture
def phone(touch_screen: Tokens) -> Iterator[Tokens]:
    """The view on a touch screen."""
    yield from touch_screen.watched()


# --- Dragging ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "last"), [(0, 1), (1, 0)])
def test_dragging_marks_in_both_directions(tokens: Tokens, first: int, last: int) -> None:
    tokens.open(SENTENCE)
    tokens.select(first, last)
    assert tokens.spans == [{"start": 0, "end": 10, "token_start": 0, "token_end": 1, "label": "PERSON"}]
    assert tokens.seen("changes") == [tokens.spans]
    assert tokens.seen("said") == ["Added PERSON: Zoë Müller"]


@pytest.mark.parametrize(("start", "stop"), [((0, 0.6), (1, 0.3)), ((1, 0.3), (0, 0.6)), ((0, 0.9), (1, 0.1))])
def test_from_and_to_the_middle_of_tokens_takes_them_whole(
    tokens: Tokens, start: tuple[int, float], stop: tuple[int, float]
) -> None:
    tokens.open(SENTENCE)
    tokens.drag(tokens.point(*start), tokens.point(*stop))
    assert tokens.marked == [("Zoë Müller", "PERSON")]


def test_a_drag_inside_one_token_marks_it(tokens: Tokens) -> None:
    tokens.open(SENTENCE)
    tokens.drag(tokens.point(1, 0.2), tokens.point(1, 0.8))
    assert tokens.marked == [("Müller", "PERSON")]


def test_a_plain_click_marks_nothing(tokens: Tokens) -> None:
    tokens.open(SENTENCE)
    tokens.page.mouse.click(*tokens.point(1))
    assert (tokens.marked, tokens.seen("changes")) == ([], [])


def test_released_in_a_gap_the_nearest_token_is_the_last(tokens: Tokens) -> None:
    tokens.open(task_of("Ann     Lee     said", r"\w+"))
    left, right = tokens.boxes(0)["right"], tokens.boxes(1)["left"]
    y = tokens.point(0)[1]
    tokens.drag(tokens.point(1), (round(left + (right - left) * 0.25), y))
    assert tokens.marked == [("Ann     Lee", "PERSON")]
    tokens.keys("Control+z")
    tokens.drag(tokens.point(1), (round(left + (right - left) * 0.75), y))
    assert tokens.marked == [("Lee", "PERSON")]


def test_released_below_the_text_marks_to_its_end_and_above_to_its_start(tokens: Tokens) -> None:
    tokens.open(SENTENCE)
    x, y = tokens.point(3)
    tokens.drag((x, y), (x, y + 300))
    assert tokens.marked == [("Ann in New York, said she.", "PERSON")]
    tokens.keys("Control+z")
    tokens.drag((x, y), (x, 5))
    assert tokens.marked == [("Zoë Müller met Ann", "PERSON")]


def test_between_two_lines_the_nearer_line_counts(tokens: Tokens) -> None:
    tokens.open("word " * 40)
    tops = [tokens.boxes(at)["top"] for at in range(40)]
    second = next(at for at, top in enumerate(tops) if top > tops[0])
    x, _ = tokens.point(second)
    gap = tokens.boxes(second)["top"] - tokens.boxes(0)["bottom"]
    assert gap > 4
    tokens.drag(tokens.point(second + 2), (x, round(tokens.boxes(second)["top"] - 2)))
    assert (tokens.spans[0]["token_start"], tokens.spans[0]["token_end"]) == (second, second + 2)


def test_a_drag_from_outside_the_text_marks_nothing_and_breaks_nothing(tokens: Tokens) -> None:
    tokens.open(SENTENCE)
    tokens.drag((5, 5), tokens.point(1))
    assert tokens.marked == []
    tokens.select(0, 1)
    assert tokens.marked == [("Zoë Müller", "PERSON")]


def test_the_selection_shows_while_dragging(tokens: Tokens) -> None:
    tokens.open(task_of("Ann , Lee and Bob"))
    tokens.press(tokens.point(0), tokens.point(2))
    assert tokens.picked == "0-2"
    tokens.page.mouse.move(*tokens.point(4))
    assert tokens.picked == "0-4"
    tokens.page.mouse.move(*tokens.point(0))
    assert tokens.picked == "0-0"
    assert tokens.page.evaluate("CSS.highlights.has('spans-picked')")
    tokens.page.mouse.up()
    assert (tokens.picked, tokens.marked) == (None, [("Ann", "PERSON")])
    assert not tokens.page.evaluate("CSS.highlights.has('spans-picked')")


def test_escape_drops_a_drag(tokens: Tokens) -> None:
    tokens.open(SENTENCE)
    tokens.press(tokens.point(0), tokens.point(2))
    tokens.keys("Escape")
    assert tokens.picked is None
    tokens.page.mouse.up()
    assert tokens.marked == []


def test_other_buttons_and_cancelled_pointers_mark_nothing(tokens: Tokens) -> None:
    tokens.open(SENTENCE)
    for button in ("right", "middle"):
        tokens.page.mouse.move(*tokens.point(0))
        tokens.page.mouse.down(button=button)
        tokens.page.mouse.move(*tokens.point(1))
        tokens.page.mouse.up(button=button)
    tokens.press(tokens.point(0), tokens.point(1))
    tokens.page.locator(".spans-text").dispatch_event("pointercancel", {"pointerId": 1})
    assert tokens.picked is None
    tokens.page.mouse.up()
    assert tokens.marked == []


def test_the_label_chosen_while_dragging_is_the_one_given(tokens: Tokens) -> None:
    tokens.open(SENTENCE)
    tokens.press(tokens.point(5), tokens.point(6))
    tokens.keys("3")
    tokens.page.mouse.up()
    assert tokens.marked == [("New York", "GPE")]
    assert tokens.seen("labels") == ["GPE"]


# --- Code points and narrow tokens ------------------------------------------------------------------------------------


def test_offsets_after_emoji_are_code_points(tokens: Tokens) -> None:
    tokens.open(task_of("👨‍👩‍👧 met 😀 Ann Lee today", r"\S+"))
    tokens.select(3, 4)
    assert tokens.spans == [{"start": 12, "end": 19, "token_start": 3, "token_end": 4, "label": "PERSON"}]
    assert tokens.marked == [("Ann Lee", "PERSON")]


@pytest.mark.parametrize("text", ["我在北京見王小明", "a😀b😀c😀d😀", "(!)(?)[.]"])
def test_a_drag_from_past_the_middle_of_a_narrow_token_takes_it(tokens: Tokens, text: str) -> None:
    tokens.open(task_of(text, CHARACTERS))
    tokens.drag(tokens.point(2, 0.85), tokens.point(3, 0.15))
    assert tokens.marked == [(text[2:4], "PERSON")]
    tokens.keys("Control+z")
    tokens.drag(tokens.point(3, 0.15), tokens.point(2, 0.85))
    assert tokens.marked == [(text[2:4], "PERSON")]


def test_combining_marks_stay_with_their_tokens(tokens: Tokens) -> None:
    tokens.open(task_of("Zoe\u0308 नमस्ते दिल्ली", r"\S+"))
    tokens.select(1, 2)
    assert tokens.marked == [("नमस्ते दिल्ली", "PERSON")]


# --- Clicks -----------------------------------------------------------------------------------------------------------


def test_a_double_click_marks_one_token_of_a_word(tokens: Tokens) -> None:
    tokens.open(task_of("I can't go", r"ca|n't|\w+"))
    tokens.page.mouse.dblclick(*tokens.point(1))
    assert tokens.marked == [("ca", "PERSON")]


def test_a_double_click_marks_one_character_where_that_is_the_token(tokens: Tokens) -> None:
    tokens.open(task_of("我在北京", CHARACTERS))
    tokens.page.mouse.dblclick(*tokens.point(2, 0.7))
    assert tokens.marked == [("北", "PERSON")]


def test_a_triple_click_marks_one_token_once(tokens: Tokens) -> None:
    tokens.open(SENTENCE)
    tokens.page.mouse.click(*tokens.point(1), click_count=3)
    assert tokens.marked == [("Müller", "PERSON")]
    assert len(tokens.seen("changes")) == 1


def test_shift_click_extends_to_a_token(tokens: Tokens) -> None:
    tokens.open(SENTENCE)
    tokens.page.mouse.dblclick(*tokens.point(5))
    tokens.page.keyboard.down("Shift")
    tokens.page.mouse.click(*tokens.point(6))
    tokens.page.keyboard.up("Shift")
    assert tokens.marked == [("New York", "PERSON")]
    tokens.page.mouse.click(*tokens.point(1))
    tokens.page.keyboard.down("Shift")
    tokens.page.mouse.click(*tokens.point(0))
    tokens.page.keyboard.up("Shift")
    assert tokens.marked == [("Zoë Müller", "PERSON"), ("New York", "PERSON")]


def test_shift_click_extends_the_span_where_spans_may_overlap(tokens: Tokens) -> None:
    tokens.open(SENTENCE, overlap=True)
    tokens.page.mouse.dblclick(*tokens.point(5))
    tokens.page.keyboard.down("Shift")
    tokens.page.mouse.click(*tokens.point(6))
    tokens.page.keyboard.up("Shift")
    assert tokens.marked == [("New York", "PERSON")]


def test_a_click_on_the_label_removes_the_span(tokens: Tokens) -> None:
    tokens.open(SENTENCE)
    tokens.select(0, 1)
    tokens.page.mouse.dblclick(*tokens.point(3))
    tokens.page.locator(".spans-chip").first.click()
    assert tokens.marked == [("Ann", "PERSON")]
    assert tokens.seen("said")[-1] == "Removed PERSON: Zoë Müller"


def test_two_fast_clicks_on_a_label_do_not_mark_what_moves_under_them(tokens: Tokens) -> None:
    tokens.open(SENTENCE)
    tokens.select(0, 1)
    box = tokens.page.locator(".spans-chip").bounding_box()
    assert box
    tokens.page.mouse.dblclick(round(box["x"] + box["width"] / 2), round(box["y"] + box["height"] / 2))
    assert tokens.marked == []


def test_a_named_button_removes_a_span_and_the_focus_goes_on(tokens: Tokens) -> None:
    tokens.open(SENTENCE)
    tokens.select(0, 1)
    tokens.select(5, 6)
    tokens.page.get_by_role("button", name="Remove PERSON: Zoë Müller").click()
    assert tokens.marked == [("New York", "PERSON")]
    assert tokens.page.evaluate("document.activeElement.ariaLabel") == "Remove PERSON: New York"
    tokens.keys("Enter")
    assert tokens.marked == []
    assert tokens.page.evaluate("document.activeElement.getAttribute('role')") == "application"


# --- Directions and whitespace ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "first", "last", "wanted"),
    [
        (HEBREW, 0, 1, "דנה לוי"),
        (HEBREW, 7, 6, "בתל אביב"),
        (HEBREW, 4, 5, "Ann Lee"),
        (HEBREW, 3, 4, "את Ann"),
        ("قابلت سلمى علي في بيروت", 1, 2, "سلمى علي"),
        ("She met דנה לוי in town", 2, 3, "דנה לוי"),
    ],
)
def test_right_to_left_and_mixed_texts(tokens: Tokens, text: str, first: int, last: int, wanted: str) -> None:
    tokens.open(text)
    tokens.select(first, last)
    assert tokens.marked == [(wanted, "PERSON")]


def test_a_right_to_left_line_ends_at_the_left(tokens: Tokens) -> None:
    tokens.open(HEBREW)
    assert tokens.boxes(0)["left"] > tokens.boxes(7)["right"]
    box = tokens.page.locator(".spans-text").bounding_box()
    assert box
    tokens.drag(tokens.point(6), (round(box["x"]) + 3, tokens.point(6)[1]))
    assert tokens.marked == [("בתל אביב", "PERSON")]


def test_over_a_line_break(tokens: Tokens) -> None:
    tokens.open("Ann Lee\nBob Ray\n\nCem")
    tokens.select(1, 3)
    assert tokens.marked == [("Lee\nBob", "PERSON")]
    assert tokens.page.locator("mark").count() == 2
    assert tokens.page.locator(".spans-chip").count() == 1
    assert list(tokens.texts) == ["Ann Lee\n", "Bob Ray\n\n", "Cem"]


def test_blank_tokens_are_trimmed_from_both_ends(tokens: Tokens) -> None:
    tokens.open(task_of("Ann   Lee \n Bob", r"\w+|\s+"))
    tokens.select(1, 3)
    assert tokens.marked == [("Lee", "PERSON")]


@pytest.mark.parametrize("text", ["can't  stop", "Ann,Lee", "a\tb", "end. \n Next", "😀😀 x", " lead"])
def test_gaps_are_drawn_from_the_text(tokens: Tokens, text: str) -> None:
    """Whatever `ws` says."""
    for ws in (True, False):
        task = task_of(text, r"\w+|[^\w\s]")
        tokens.open({**task, "tokens": [{**token, "ws": ws} for token in task["tokens"]]})
        assert "".join(tokens.texts) == text


def test_whitespace_can_be_shown(tokens: Tokens) -> None:
    tokens.open(task_of("a\tb\n\nc", r"\w+|\s+"), showWhitespace=True)
    shown = tokens.page.locator(".spans-blank").evaluate_all("all => all.map(each => each.dataset.shown)")
    assert shown == ["⇥", "↵↵"]


def test_disabled_tokens_are_skipped(tokens: Tokens) -> None:
    task = task_of("Ann Lee wrote this page")
    task["tokens"][2]["disabled"] = True
    tokens.open(task)
    tokens.select(0, 4)
    assert tokens.marked == [("Ann Lee", "PERSON")]
    tokens.keys("Control+z")
    tokens.select(4, 0)
    assert tokens.marked == [("this page", "PERSON")]
    tokens.page.mouse.dblclick(*tokens.point(2))
    assert tokens.marked == [("this page", "PERSON")]


# --- Spans that are there -------------------------------------------------------------------------------------------


def test_spans_that_came_with_the_task_keep_their_keys(tokens: Tokens) -> None:
    given = [
        {"start": 22, "end": 30, "label": "GPE", "source": "model", "score": 0.75, "rank": 1},
        {"start": 0, "end": 10, "token_start": 0, "token_end": 1, "label": "PERSON", "input_hash": 5},
    ]
    tokens.open({**task_of(SENTENCE), "spans": given})
    assert tokens.spans == [given[1], given[0]]
    tokens.page.mouse.dblclick(*tokens.point(3))
    assert tokens.spans[0] == given[1]
    assert tokens.spans[2] == given[0]
    assert tokens.seen("changes")[-1] == tokens.spans


def test_without_overlap_a_new_span_replaces_and_undo_brings_back(tokens: Tokens) -> None:
    tokens.open(SENTENCE)
    tokens.select(0, 1)
    tokens.keys("2")
    tokens.select(1, 3)
    assert tokens.marked == [("Müller met Ann", "ORG")]
    tokens.keys("Control+z")
    assert tokens.marked == [("Zoë Müller", "PERSON")]


def test_overlapping_spans_are_stacked_and_each_label_shows(tokens: Tokens) -> None:
    tokens.open(SENTENCE, overlap=True)
    tokens.select(0, 3)
    tokens.keys("2")
    tokens.select(1, 1)
    tokens.keys("3", "Escape")
    tokens.page.mouse.dblclick(*tokens.point(1))
    assert tokens.marked == [("Zoë Müller met Ann", "PERSON"), ("Müller", "GPE")]
    boxes = tokens.page.locator(".spans-chip").evaluate_all(
        "all => all.map(each => { const b = each.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom] })"
    )
    assert tokens.page.locator(".spans-chip").all_inner_texts() == ["PERSON", "GPE"]
    assert boxes[0][3] <= boxes[1][1] + 0.5
    tokens.page.locator(".spans-chip").first.click()
    assert tokens.marked == [("Müller", "GPE")]


def test_deep_lines_grow_and_others_do_not(tokens: Tokens) -> None:
    spans = [{"start": 0, "end": end, "label": label} for end, label in [(4, "A"), (9, "B"), (14, "C"), (19, "D")]]
    tokens.open(task_of("word " * 40), overlap=True)
    plain = [tokens.boxes(at)["top"] for at in range(40)]
    tokens.open({**task_of("word " * 40), "spans": spans}, overlap=True)
    deep = [tokens.boxes(at)["top"] for at in range(40)]
    first, second, third = sorted(set(deep))[:3]
    assert third - second == pytest.approx(sorted(set(plain))[1] - plain[0], abs=1)
    assert second - first > (third - second) * 1.3
    lowest = max(
        tokens.page.locator(".spans-chip").evaluate_all("all => all.map(each => each.getBoundingClientRect().bottom)")
    )
    assert lowest <= second + 6


def test_undo_and_redo(tokens: Tokens) -> None:
    tokens.open(SENTENCE)
    tokens.select(0, 1)
    tokens.select(5, 6)
    tokens.keys("Control+z")
    assert tokens.marked == [("Zoë Müller", "PERSON")]
    tokens.keys("Control+z")
    assert tokens.marked == []
    tokens.keys("Control+z", "Control+Shift+z", "Meta+Shift+z")
    assert tokens.marked == [("Zoë Müller", "PERSON"), ("New York", "PERSON")]
    assert len(tokens.seen("changes")) == 6


# --- Keys -------------------------------------------------------------------------------------------------------------


def test_by_keys_alone(tokens: Tokens) -> None:
    tokens.open(SENTENCE)
    tokens.keys("ArrowRight", "Shift+ArrowRight")
    assert tokens.picked == "0-1"
    tokens.keys("1")
    assert tokens.marked == [("Zoë Müller", "PERSON")]
    tokens.keys("Control+ArrowLeft", "ArrowRight", "ArrowRight", "ArrowRight", "Enter")
    assert tokens.marked == [("Zoë Müller", "PERSON"), ("Ann", "PERSON")]
    tokens.keys("Home", "Delete")
    assert tokens.marked == [("Ann", "PERSON")]
    tokens.keys("End", "ArrowLeft", "ArrowLeft", "Shift+ArrowLeft", "Shift+ArrowLeft", "Shift+ArrowLeft", "3")
    assert tokens.marked == [("Ann", "PERSON"), ("New York, said", "GPE")]


def test_the_cursor_is_what_assistive_technology_is_told(tokens: Tokens) -> None:
    tokens.open(SENTENCE)
    tokens.keys("ArrowRight", "ArrowRight")
    text = tokens.page.get_by_role("application")
    assert text.evaluate("each => each === document.activeElement")
    active = tokens.page.locator("#" + str(text.get_attribute("aria-activedescendant")))
    assert active.get_attribute("aria-label") == "Müller"
    tokens.keys("Escape")
    assert text.get_attribute("aria-activedescendant") is None
    assert tokens.page.locator(".spans-cursor").count() == 0


def test_arrow_keys_follow_the_direction_of_the_text(tokens: Tokens) -> None:
    tokens.open(HEBREW)
    tokens.keys("ArrowLeft", "Shift+ArrowLeft", "2")
    assert tokens.marked == [("דנה לוי", "ORG")]
    tokens.open(SENTENCE, direction="rtl")
    tokens.keys("ArrowLeft", "Enter")
    assert tokens.marked == [("Zoë", "PERSON")]


def test_up_and_down_go_by_lines(tokens: Tokens) -> None:
    tokens.open("word " * 40)
    tops = [tokens.boxes(at)["top"] for at in range(40)]
    second = next(at for at, top in enumerate(tops) if top > tops[0])
    tokens.keys("ArrowRight", "ArrowDown", "Enter")
    assert tokens.spans[0]["token_start"] == second
    tokens.keys("ArrowUp", "Enter")
    assert tokens.spans[0]["token_start"] == 0
    tokens.keys("Control+z", "Control+z", "Shift+ArrowDown", "Enter")
    assert (tokens.spans[0]["token_start"], tokens.spans[0]["token_end"]) == (0, second)


def test_a_digit_gives_the_span_under_the_cursor_another_label(tokens: Tokens) -> None:
    tokens.open({**task_of(SENTENCE), "spans": [{"start": 0, "end": 10, "label": "PERSON", "score": 0.5}]})
    tokens.keys("ArrowRight", "2")
    assert tokens.spans == [{"start": 0, "end": 10, "token_start": 0, "token_end": 1, "label": "ORG"}]


def test_digits_without_a_selection_choose_the_label(tokens: Tokens) -> None:
    labels = [f"L{number}" for number in range(1, 25)]
    tokens.open(SENTENCE, labels=labels)
    tokens.keys("3", "Shift+Digit1", "0", "Shift+Alt+Digit2")
    assert tokens.seen("labels") == ["L3", "L11", "L10", "L22"]
    tokens.select(0, 1)
    assert tokens.marked == [("Zoë Müller", "L22")]


def test_keys_in_a_field_are_left_alone(tokens: Tokens) -> None:
    tokens.open(SENTENCE)
    tokens.keys("ArrowRight")
    field = tokens.page.get_by_label("a field")
    field.focus()
    tokens.keys("2", "ArrowLeft", "Delete", "Enter")
    assert (field.input_value(), tokens.marked) == ("", [])


def test_a_key_that_is_not_used_is_the_pages(tokens: Tokens) -> None:
    tokens.open(SENTENCE)
    used = tokens.page.evaluate(
        """keys => keys.map(key => {
             const event = new KeyboardEvent("keydown", {key, code: key, cancelable: true});
             return view().handleKey(event) || event.defaultPrevented;
           })""",
        ["a", "x", " ", "Backspace", "Delete", "Enter", "Escape", "ArrowDown", "?", "Digit9"],
    )
    assert used == [False] * 10


# --- Touch ------------------------------------------------------------------------------------------------------------


def test_tap_the_first_token_and_the_last(phone: Tokens) -> None:
    # The browser makes a click of a tap, and may do so after the tap has been reported as done.
    phone.open(SENTENCE)
    phone.page.touchscreen.tap(*phone.point(5))
    phone.page.locator("[data-picked='5-5']").wait_for()
    assert phone.seen("said") == ["Starts at New. Tap the last token."]
    phone.page.touchscreen.tap(*phone.point(6))
    eventually(lambda: phone.marked)
    assert phone.marked == [("New York", "PERSON")]
    phone.page.touchscreen.tap(*phone.point(1))
    phone.page.touchscreen.tap(*phone.point(1))
    eventually(lambda: len(phone.marked) > 1)
    assert phone.marked == [("Müller", "PERSON"), ("New York", "PERSON")]
    phone.page.locator(".spans-chip").first.tap()
    eventually(lambda: len(phone.marked) < 2)
    assert phone.marked == [("New York", "PERSON")]


def test_buttons_are_large_enough_for_a_finger(phone: Tokens) -> None:
    phone.open({**task_of(SENTENCE), "spans": [{"start": 0, "end": 3, "label": "PERSON"}]})
    box = phone.page.get_by_role("button").bounding_box()
    assert box
    assert min(box["width"], box["height"]) >= 44


def test_scrolling_by_touch_marks_nothing(phone: Tokens) -> None:
    phone.open("word " * 2000)
    x, y = phone.point(200)
    devtools = phone.page.context.new_cdp_session(phone.page)
    for kind, moved in [("touchStart", 0), *(("touchMove", by) for by in range(20, 320, 20)), ("touchEnd", None)]:
        points = [] if moved is None else [{"x": x, "y": y - moved}]
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    phone.page.wait_for_function("scrollY > 100")
    assert (phone.marked, phone.picked) == ([], None)


# --- Read-only --------------------------------------------------------------------------------------------------------


def test_read_only_shows_and_changes_nothing(tokens: Tokens) -> None:
    spans = [{"start": 0, "end": 10, "label": "PERSON"}]
    tokens.open({**task_of(SENTENCE), "spans": spans}, readOnly=True)
    tokens.select(3, 4)
    tokens.keys("ArrowRight", "1")
    tokens.page.locator(".spans-chip").click()
    assert (tokens.spans, tokens.seen("changes")) == (spans, [])
    assert tokens.page.get_by_role("button").count() == 0
    assert tokens.page.get_by_role("listitem").all_text_contents() == ["PERSON Zoë Müller"]


def test_a_task_without_tokens_shows_spans_by_characters(tokens: Tokens) -> None:
    text = "😀 Ann Leeson\nagain"
    tokens.open({"text": text, "spans": [{"start": 2, "end": 9, "label": "PERSON"}]})
    assert tokens.page.locator("mark").evaluate("each => each.firstChild.textContent") == "Ann Lee"
    assert "".join(tokens.texts) == text
    assert tokens.page.get_by_role("application").count() == 0


def test_overlapping_spans_in_a_read_only_text_are_stacked_too(tokens: Tokens) -> None:
    spans = [{"start": 0, "end": 10, "label": "A"}, {"start": 4, "end": 14, "label": "B"}]
    tokens.open({**task_of(SENTENCE), "spans": spans}, readOnly=True)
    assert tokens.page.locator(".spans-chip").all_inner_texts() == ["A", "B"]


def test_markup_in_texts_and_labels_is_text(tokens: Tokens) -> None:
    tokens.open("<b>Ann</b> & <img src=x onerror=alert(1)>", labels=["<i>L</i>"])
    tokens.select(3, 3)
    tokens.page.mouse.dblclick(*tokens.point(3))
    assert tokens.marked == [("Ann", "<i>L</i>")]
    assert tokens.page.locator("main img, main i").count() == 0
    assert re.sub(r"\s", "", "".join(tokens.texts)) == re.sub(r"\s", "", tokens.task["text"])
