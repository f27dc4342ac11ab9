"""The keyboard: what a key does is listed under `?`, in every view, and nothing else is done by one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from browser.desk import stored, tasks_of
from browser.test_accessible import VIEWS
from browser.test_views import MANUAL, OPTIONS, PIXEL

SIGNS = {
    "⌫": "backspace", "Del": "delete", "␣": "space", "⏎": "enter", "Enter": "enter", "Esc": "escape",
    "←": "arrowleft", "→": "arrowright", "↑": "arrowup", "↓": "arrowdown", "Home": "home", "End": "end",
}  # fmt: skip
MODIFIERS = {"Ctrl": ["ctrl"], "⌘": ["meta"], "Ctrl/⌘": ["ctrl", "meta"], "Alt": ["alt"], "⇧": ["shift"]}
NAMED = [
    "ArrowRight",
    "ArrowLeft",
    "ArrowDown",
    "ArrowUp",
    "Home",
    "End",
    "Enter",
    "Escape",
    "Backspace",
    "Delete",
    " ",
]
LETTERS = "abcdefghijklmnopqrstuvwxyz"
PRESS_ALL = """async candidates => {
  const used = [];
  for (const [name, key, code, ctrlKey, metaKey, altKey, shiftKey] of candidates) {
    const held = {ctrlKey, metaKey, altKey, shiftKey};
    const event = new KeyboardEvent("keydown", {key, code, ...held, bubbles: true, cancelable: true});
    document.dispatchEvent(event);
    if (!event.defaultPrevented) continue;
    used.push(name);
    // What the key has opened is closed, before the next one.
    await new Promise(requestAnimationFrame);
    document.querySelector("dialog")?.close();
    await new Promise(requestAnimationFrame);
    document.activeElement?.blur();
  }
  return used;
}"""


def listed(kbd: str) -> set[str]:
    """The keys that one entry of the overlay stands for, such as "⇧ 1 – 0"."""
    words = kbd.replace(",", " ").split()
    held = [MODIFIERS[word] for word in words if word in MODIFIERS]
    free = [word for word in words if word not in MODIFIERS]
    if "–" in free:
        free = list("1234567890")
    names = {SIGNS.get(word, word.lower()) for word in free}
    choices: list[list[str]] = [[]]
    for each in held:
        choices = [[*chosen, one] for chosen in choices for one in each]
    return {"+".join([*sorted(chosen), name]) for chosen in choices for name in names}


def candidates() -> list[tuple[str, list[Any]]]:
    """Every key that could mean something: its name, and what a keyboard sends for it."""
    found: list[tuple[str, list[Any]]] = []
    for key in NAMED:
        name = "space" if key == " " else key.lower()
        found += [
            (name, [key, key, False, False, False, False]),
            (f"shift+{name}", [key, key, False, False, False, True]),
        ]
    for digit in "1234567890":
        code = f"Digit{digit}"
        found += [(digit, [digit, code, False, False, False, False])]
        found += [(f"shift+{digit}", ["!", code, False, False, False, True])]
        found += [(f"alt+shift+{digit}", ["!", code, False, False, True, True])]
    for letter in LETTERS:
        code = f"Key{letter.upper()}"
        found += [(letter, [letter, code, False, False, False, False])]
        found += [(f"ctrl+{letter}", [letter, code, True, False, False, False])]
        found += [(f"ctrl+shift+{letter}", [letter.upper(), code, True, False, False, True])]
        found += [(f"meta+{letter}", [letter, code, False, True, False, False])]
    found += [(sign, [sign, "", False, False, False, False]) for sign in "/+-=.,;#[]?"]
    return found


# Every key of the keyboard in every view takes minutes: each time those views that have the most keys of their own.
OFTEN = ("ner_manual", "choice", "review", "text")


@pytest.mark.parametrize(
    "name", [each if each in OFTEN else pytest.param(each, marks=pytest.mark.long) for each in VIEWS]
)
def test_every_key_that_does_something_is_listed(start: Any, open_desk: Any, name: str) -> None:
    case = {"view": name, **VIEWS[name]}
    few = case.pop("tasks")
    tasks = [{**few[at % len(few)], "meta": {"n": at}, "history_text": f"{at}"} for at in range(16)]
    tasks = [{**task, **({"text": f"{task['text']} {at}"} if "text" in task else {})} for at, task in enumerate(tasks)]
    server = start(tasks, **{**case, "settings": {**case.get("settings", {}), "show_flag": True}})
    desk = open_desk(server)
    desk.press("?")
    known = {key for kbd in desk.page.locator("dialog.keys kbd").all_inner_texts() for key in listed(kbd)}
    desk.press("Escape")
    desk.page.wait_for_selector("dialog", state="detached")
    used = set(desk.page.evaluate(PRESS_ALL, [[key, *event] for key, event in candidates()]))
    # Shift makes no difference to these while a text is marked.
    same = {f"shift+{key}" for key in ("home", "end", "enter", "delete", "escape")} if "_manual" in name else set()
    assert used - known - same == set()
    assert {"?", "f", "space", "ctrl+s", "ctrl+h", "backspace"} <= used
    desk.all_sent()


@pytest.mark.parametrize("key", ["Control+s", "Meta+s"])
def test_save_sends_at_once(start: Any, open_desk: Any, key: str) -> None:
    """With the page's clock stopped nothing is sent by itself."""
    server = start(tasks_of(3))
    desk = open_desk(server)
    desk.page.clock.install()
    desk.page.clock.pause_at(desk.page.evaluate("Date.now()") + 60_000)
    desk.press("a")
    desk.page.wait_for_selector('[data-unsent="1"]')
    with desk.page.expect_request("**/give_answers"):
        desk.press(key)
    stored(server, 1)
    desk.page.clock.resume()
    desk.all_sent()


def test_more_than_ten_labels_have_keys_and_a_filter(start: Any, open_desk: Any) -> None:
    labels = ",".join(f"L{number}" for number in range(1, 26))
    server = start([{"text": "a b c d e"}], recipe=[*MANUAL[:-1], labels])
    desk = open_desk(server)
    desk.press("ArrowRight", "0", "ArrowRight", "Shift+Digit2", "ArrowRight", "Alt+Shift+Digit3", "ArrowRight")
    desk.press("/")
    desk.page.keyboard.type("l25")
    desk.page.locator(".label").nth(1).wait_for(state="detached")
    desk.press("Enter")
    desk.page.locator(".label").nth(24).wait_for()
    desk.press("Enter", "a")
    assert [each["label"] for each in stored(server, 1)[0]["spans"]] == ["L10", "L12", "L23", "L25"]


def test_a_digit_given_to_one_label_is_no_key_of_another(start: Any, open_desk: Any) -> None:
    server = start([{"text": "a b c"}], recipe=MANUAL, settings={"keymap_by_label": {"ORG": "1"}})
    desk = open_desk(server)
    assert [each.split() for each in desk.page.locator(".label").all_inner_texts()] == [["PERSON"], ["ORG", "1"]]
    desk.press("ArrowRight", "1", "ArrowRight", "2", "a")
    assert [(each["start"], each["label"]) for each in stored(server, 1)[0]["spans"]] == [(0, "ORG")]


def test_a_picture_is_enlarged_by_keys(start: Any, open_desk: Any) -> None:
    desk = open_desk(start([{"image": PIXEL}], view="image"))
    width = "document.querySelector('.picture img').getBoundingClientRect().width"
    before = desk.page.evaluate(width)
    desk.press("+", "=")
    desk.page.wait_for_selector(".frame.large")
    assert desk.page.evaluate(width) > before
    desk.press("-", "-")
    desk.page.wait_for_selector(".frame:not(.large)")


def test_the_history_is_reached_and_used_by_keys_alone(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(4, options=OPTIONS), view="choice")
    desk = open_desk(server)
    desk.press("1", "a", "2", "a", "3", "a")
    desk.shows("task 4")
    desk.press("Control+h", "Enter")
    desk.press("Control+h")
    desk.page.keyboard.type("task 2")
    desk.page.locator(".past").nth(1).wait_for(state="detached")
    desk.press("Tab", "Enter")
    desk.page.wait_for_selector(".correcting")
    desk.shows("task 2")
    desk.press("x")
    assert [(each["text"], each["answer"]) for each in stored(server, 4)[3:]] == [("task 2", "reject")]


TELL_LATE = """document.addEventListener("close", event => {
  if (event.late) return;
  event.stopImmediatePropagation();
  setTimeout(() => event.target.dispatchEvent(Object.assign(new Event("close"), {late: true})), 300);
}, true)"""


def test_no_key_is_lost_while_a_dialog_closes(start: Any, open_desk: Any, tmp_path: Path) -> None:
    """The browser closes a dialog at Escape and tells the page later: what is typed in between is the page's."""
    (tmp_path / "guide.md").write_text("# Guide\n\nBe kind.\n")
    server = start(tasks_of(2), settings={"instructions": str(tmp_path / "guide.md")})
    desk = open_desk(server)
    desk.page.wait_for_selector("dialog.instructions")
    desk.page.evaluate(TELL_LATE)
    for _ in range(3):
        desk.press("Escape", "?")
        desk.page.wait_for_selector("dialog.keys")
    desk.press("Escape", "a")
    desk.shows("task 2")
