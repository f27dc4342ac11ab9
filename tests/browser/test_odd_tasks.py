"""Odd data: whatever a source holds, the page shows it or says that it cannot, and goes on."""

from __future__ import annotations

from typing import Any

import pytest

from browser.desk import stored
from browser.test_views import MANUAL, PIXEL, SPANS, versions

TEXTS = [
    *("one", "<b>bold</b> & <script>x</script>", "x" * 20_000, "שלום עולם", "مرحبا بالعالم", "👩‍👩‍👧‍👦 🇩🇪 👍🏽"),
    *("Z\u0335\u0321\u035b\u0345a\u0338\u0322l", "\u202egnirts\u202c \u200b\ufeff", "\ud7ff\ue000\x01\x07"),
    *("{name} {n}", "line\u2028separator\r\nand\rmore", "word " * 200_000),
]
SPAN = {"start": 0, "end": 3, "label": "PERSON"}
LABELS = ("constructor", "__proto__", '"><img src=x onerror=alert(1)>', "", "L" * 300)
SPAN_LISTS: list[Any] = [
    *(None, "none", [None, 1, "x", SPAN], [{}], [{"start": 0, "end": 3}], [{**SPAN, "label": None}]),
    *([{**SPAN, "label": 7}], [{**SPAN, "end": 10**9}], [{**SPAN, "start": -5}], [{**SPAN, "start": 500, "end": 600}]),
    *([{**SPAN, "start": 3, "end": 0}], [{**SPAN, "start": "0", "end": "3"}], [{**SPAN, "end": 2.5}]),
    *([{**SPAN, "end": None}], [{**SPAN, "end": 0}]),
    [{**SPAN, "label": name} for name in LABELS],
    [{**SPAN, "label": f"L{n}"} for n in range(60)],
]
TOKEN = {"text": "one", "start": 0, "end": 3, "id": 0, "ws": True}
TWO = {"text": "two", "start": 4, "end": 7, "id": 1, "ws": False}
NOWHERE = {**TOKEN, "start": 0, "end": 0, "text": "[CLS]"}
TOKEN_LISTS: list[Any] = [
    *(None, "none", [], [None, 1, TOKEN], [TWO, TOKEN], [TOKEN, TOKEN], [TOKEN, {**TWO, "end": 500}]),
    *([{**TOKEN, "start": 900, "end": 903}], [{**TOKEN, "start": 3, "end": 0}, TWO], [{**TOKEN, "end": 5}, TWO]),
    *([{**TOKEN, "text": ""}], [{**TOKEN, "text": 5}], [{**TOKEN, "disabled": True}], [NOWHERE, TOKEN, TWO, NOWHERE]),
]
OPTION_LISTS: list[Any] = [
    *(None, "none", [], [None, 1, "plain", {}], [{"text": "no id"}], [{"id": "a"}, {"id": "a", "text": "same"}]),
    [{"id": None, "text": "null"}, {"id": {"x": 1}, "text": "object"}, {"id": 1.0, "text": "number"}],
    [{"id": name, "text": name} for name in LABELS],
    [{"id": str(n), "text": f"Option {n}"} for n in range(200)],
]
METAS: list[Any] = [None, "text", [1], {}, {"a": None, "b": {"c": [1]}, "": "", "<b>": "<i>", "constructor": "x" * 500}]
PICTURES = ["data:image/png;base64,AAAA", "data:text/html,<script>", "javascript:alert(1)", "missing.png", PIXEL]
HTMLS = [
    *("<", "<b", "<!-- ", "</div></div></article>", "<p " + "<p " * 5000, "<div>" * 2000, "<table><tr><td>x"),
    '<a href="javascript:alert(1)" target="_self">x</a><svg onload=alert(1)><script>alert(1)</script></svg>',
    '<style>body{display:none}</style><dialog open>x</dialog><div class="page" id="page">y</div><base href="/">',
    '<div style="position:fixed;inset:0;z-index:99;">over</div><math><mi xlink:href="data:x">z</mi></math>',
]
VERSIONS: list[Any] = [
    *([], [None, 1], [{}], versions()[:1], [{**each, "sessions": None} for each in versions()]),
    *([{"answer": "odd"}, {"answer": "constructor"}], [{"answer": "accept"}, {"answer": "reject"}]),
    [{**versions()[0], "spans": [None]}, {**versions()[1], "tokens": [None]}],
]
BASE = {"text": "one two"}
VIEWED = {"text": "Zoë Li", "versions": versions()}
ODD: dict[str, list[dict[str, Any]]] = {
    "text": [{"text": each} for each in TEXTS] + [{**BASE, "meta": each} for each in METAS],
    "classification": [{**BASE, "label": each} for each in (None, "", 5, "constructor", "x" * 400)],
    "choice": [{**BASE, "options": each, "accept": "x"} for each in OPTION_LISTS],
    "html": [{"html": each} for each in HTMLS] + [{**BASE, "html_template": each} for each in ("{{#a}}{{b}", 5)],
    "image": [{"image": each} for each in PICTURES],
    "ner": [{**BASE, "spans": each} for each in SPAN_LISTS],
    "spans": [{**BASE, "spans": each} for each in SPAN_LISTS] + [{"text": each, "spans": [SPAN]} for each in TEXTS],
    "text_input": [{**BASE, "user_input": each, "field_suggestions": ["a", "a", 1]} for each in (None, 5, "x", [1])],
    "blocks": [{**BASE, "spans": one, "options": two} for one, two in zip(SPAN_LISTS, OPTION_LISTS, strict=False)],
    "review": [{**VIEWED, "versions": each, "view_id": "ner_manual"} for each in VERSIONS]
    + [{**VIEWED, "view_id": each} for each in (None, "odd", "choice", "blocks", "review")],
}
BLOCKS = [{"view_id": each} for each in ("ner_manual", "choice", "text_input", "odd")] + [{"view_id": None}, {}]
OFTEN = ("choice", "html", "ner", "review")


def go_through(desk: Any, server: Any) -> int:
    """Ignore every task, see that all of them are stored, and say how many they were."""
    seen: list[str] = []
    while not desk.page.locator("section.end").count():
        task = desk.page.get_attribute("#page", "data-task")
        assert task not in seen
        seen.append(task)
        desk.press("Space")
        desk.page.wait_for_function("task => document.getElementById('page').dataset.task !== task", arg=task)
        desk.page.wait_for_selector("article.card, section.end")
    desk.all_sent()
    return len(stored(server, len(seen)))


def numbered(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tasks that are told apart though they ask the same."""
    return [{"_input_hash": at, "_task_hash": at, **task} for at, task in enumerate(tasks, 1)]


@pytest.mark.parametrize(
    "view", [each if each in OFTEN else pytest.param(each, marks=pytest.mark.long) for each in ODD]
)
def test_every_odd_task_can_be_gone_past(start: Any, open_desk: Any, view: str) -> None:
    tasks = numbered(ODD[view])
    server = start(tasks, view=view, settings={"blocks": BLOCKS, "labels": ["PERSON"], "project_info": ["constructor"]})
    desk = open_desk(server, load=False)
    desk.harmless = ("Failed to load resource", "violates the following Content Security Policy directive")
    desk.open()
    assert go_through(desk, server) + server.output().count("is left out") == len(tasks), server.output()


@pytest.mark.parametrize("recipe", [MANUAL, pytest.param(SPANS, marks=pytest.mark.long)], ids=["ner", "spans"])
def test_odd_tokens_and_spans_can_be_gone_past(start: Any, open_desk: Any, recipe: list[str]) -> None:
    tasks = [{**BASE, "tokens": each} for each in TOKEN_LISTS]
    tasks += [{**BASE, "spans": each} for each in SPAN_LISTS] + [{"text": each} for each in TEXTS[:-1]]
    server = start(numbered(tasks), recipe=recipe)
    assert go_through(open_desk(server), server) + server.output().count("is left out") == len(tasks)


def test_options_without_ids_are_known_by_their_texts(start: Any, open_desk: Any) -> None:
    server = start(
        [{**BASE, "options": ["plain", {"text": "no id"}]}], view="choice", settings={"choice_style": "multiple"}
    )
    desk = open_desk(server)
    assert desk.page.locator(".option > span").all_inner_texts() == ["plain", "no id"]
    desk.press("2", "1", "a")
    assert stored(server, 1)[0]["accept"] == ["no id", "plain"]


def test_versions_of_nobody_show_each_its_own_choice(start: Any, open_desk: Any) -> None:
    chosen = [{"accept": ["a"], "answer": "accept"}, {"accept": ["b"], "answer": "accept"}]
    task = {**BASE, "options": [{"id": "a"}, {"id": "b"}], "view_id": "choice", "versions": chosen}
    desk = open_desk(start([task], view="review"))
    options = desk.page.locator(".version .option:has(:checked)")
    assert options.all_inner_texts() == ["a", "b"]


def test_a_drawing_without_a_ground_is_on_paper_in_the_dark(start: Any, open_desk: Any) -> None:
    desk = open_desk(start([{"image": PIXEL}], view="image"), color_scheme="dark")
    ground = "getComputedStyle(document.querySelector('.picture img')).backgroundColor"
    assert desk.page.evaluate(ground) == "rgb(255, 255, 255)"
