"""What axe-core finds, light and dark, in every view: nothing. Phones, reduced motion, what a screen reader is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from browser.desk import stored, tasks_of
from browser.test_views import MANUAL, OPTIONS, PIXEL, SPANS, decisions, versions
from prodigy_team.annotate.assets import PAGE

AXE = PAGE / "node_modules" / "axe-core" / "axe.min.js"
SPANNED = {
    "text": "Zoë works at IBM",
    "spans": [{"start": 0, "end": 3, "label": "PERSON"}, {"start": 13, "end": 16, "label": "ORG"}],
}
MANY = [{"id": str(number), "text": f"Option {number}"} for number in range(12)]
VIEWS: dict[str, dict[str, Any]] = {
    "text": {"tasks": tasks_of(3, meta={"source": "a"}), "settings": {"show_flag": True, "show_stats": True}},
    "classification": {"tasks": tasks_of(3, label="SPORT")},
    "choice": {"tasks": tasks_of(3, options=OPTIONS)},
    "choice of many": {"view": "choice", "tasks": tasks_of(3, options=MANY), "settings": {"choice_style": "multiple"}},
    "html": {"tasks": [{"html": "<p>one <a href='https://example.org/'>out</a></p>"}, {"html": "<p>two</p>"}]},
    "image": {"tasks": [{"image": PIXEL}, {"image": PIXEL, "meta": {"n": 2}}]},
    "ner": {"tasks": [SPANNED, {**SPANNED, "meta": {"n": 2}}]},
    "spans": {"tasks": [SPANNED, {**SPANNED, "meta": {"n": 2}}]},
    "ner_manual": {"recipe": MANUAL, "tasks": [SPANNED, {**SPANNED, "text": "Zoë works at SAP"}]},
    "spans_manual": {"recipe": SPANS, "tasks": [SPANNED, {**SPANNED, "text": "Zoë works at SAP"}]},
    "text_input": {"tasks": tasks_of(3, field_label="What?", field_suggestions=["a", "b"])},
    "blocks": {
        "tasks": tasks_of(3, options=OPTIONS),
        "settings": {"blocks": [{"view_id": "text"}, {"view_id": "choice"}, {"view_id": "text_input"}]},
    },
    "review": {
        "tasks": [{"text": "Zoë Li", "view_id": "ner_manual", "versions": versions()}],
        "settings": {"labels": ["PERSON"]},
    },
    "review of decisions": {
        "view": "review",
        "tasks": [{"text": "t", "label": "SPORT", "view_id": "classification", "versions": decisions("t")}],
    },
    "relations": {"tasks": tasks_of(2)},
}


def violations(desk: Any, axe: str) -> list[str]:
    """What axe finds now: rule, how bad, where."""
    # axe sets styles and reads all; running it through the debugger passes the page's policy.
    desk.page.evaluate(axe)
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = desk.page.evaluate("tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", tags)
    return [
        f"{each['id']}: {node['html'][:200]} {node.get('failureSummary')}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


@pytest.fixture(scope="module")
def axe() -> str:
    """axe-core's script, from the page's development dependencies."""
    if not AXE.exists():
        pytest.skip("no axe-core: run `npm ci` in the page's folder")
    return Path(AXE).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", VIEWS)
def test_axe_finds_nothing_in_light_and_dark(start: Any, open_desk: Any, axe: str, name: str) -> None:
    case = {"view": name, **VIEWS[name]}
    server = start(case.pop("tasks"), **case)
    desk = open_desk(server, color_scheme="light", reduced_motion="reduce")
    desk.press("Space" if name == "relations" else "a", "Backspace")
    desk.page.wait_for_selector(".correcting, .end")
    stored(server, 1)
    desk.all_sent()
    assert violations(desk, axe) == []
    desk.page.emulate_media(color_scheme="dark")
    assert violations(desk, axe) == []


def test_axe_finds_nothing_at_the_end_and_on_a_phone(start: Any, open_desk: Any, axe: str, tmp_path: Path) -> None:
    (tmp_path / "guide.md").write_text("# Guide\n\nBe *kind*, see [this](https://example.org).\n")
    server = start(tasks_of(2), settings={"instructions": str(tmp_path / "guide.md")})
    desk = open_desk(server, viewport={"width": 390, "height": 780}, has_touch=True, reduced_motion="reduce")
    desk.page.wait_for_selector("dialog.instructions")
    assert violations(desk, axe) == []
    desk.press("Escape", "?")
    desk.page.wait_for_selector("dialog.keys")
    assert violations(desk, axe) == []
    desk.press("Escape")
    desk.page.click(".menu")
    desk.page.locator("aside").wait_for()
    assert violations(desk, axe) == []
    desk.page.click(".menu")
    desk.press("a", "a")
    desk.page.wait_for_selector(".end")
    assert violations(desk, axe) == []


def test_targets_on_a_phone_are_large_and_nothing_is_cut_off(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(3, options=MANY), view="choice", settings={"show_flag": True})
    desk = open_desk(server, viewport={"width": 360, "height": 700}, has_touch=True, is_mobile=True)
    small = desk.page.evaluate("""() => [...document.querySelectorAll('button, .option, .label')]
      .filter(each => each.offsetParent && !each.disabled)
      .map(each => [each.className, each.getBoundingClientRect()])
      .filter(([, box]) => box.width < 44 || box.height < 44)
      .map(([name, box]) => name + box.width + 'x' + box.height)""")
    assert small == []
    assert desk.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    desk.page.tap(".option >> nth=1")
    desk.page.tap("[data-action=accept]")
    assert stored(server, 1)[0]["accept"] == ["1"]


def test_reduced_motion_means_no_motion(start: Any, open_desk: Any) -> None:
    desk = open_desk(start(tasks_of(1)), reduced_motion="reduce")
    moving = """[...document.querySelectorAll('*')].filter(each =>
      getComputedStyle(each).transitionDuration !== '0s' || getComputedStyle(each).animationName !== 'none').length"""
    assert desk.page.evaluate(moving) == 0


def test_everything_can_be_reached_by_tab(start: Any, open_desk: Any) -> None:
    desk = open_desk(start(tasks_of(2, options=OPTIONS), view="choice"))
    seen = []
    for _ in range(14):
        desk.press("Tab")
        seen.append(desk.page.evaluate("document.activeElement.dataset.action || document.activeElement.type || ''"))
    assert {"accept", "reject", "ignore", "radio"} <= set(seen)
    desk.page.focus(".option input")
    desk.press("Space")
    desk.page.wait_for_selector("input:checked")
    desk.page.focus("[data-action=reject]")
    desk.press("Enter")
    desk.shows("task 2")


def test_what_a_screen_reader_gets(start: Any, open_desk: Any) -> None:
    desk = open_desk(start(tasks_of(2, options=OPTIONS), view="choice"))
    tree = desk.page.locator("main").aria_snapshot()
    assert 'group "Options"' in tree
    assert 'radio "Alpha' in tree
    assert "task 1" in tree
