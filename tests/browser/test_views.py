"""Every view: what it shows, what mouse and keys do in it, what its answer holds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from browser.desk import stored, tasks_of

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9AAAAFUlEQVR42mNk"
    "+M9Qz0AEYBxVSF+FABJADveWkH6oAAAAAElFTkSuQmCC"
)
OPTIONS = [{"id": "a", "text": "Alpha"}, {"id": 2, "text": "Beta"}, {"id": "c", "html": "<b>Gamma</b>"}]
MANUAL = ["ner.manual", "ds", "blank:en", "source.jsonl", "--label", "PERSON,ORG"]
SPANS = ["spans.manual", "ds", "blank:en", "source.jsonl", "--label", "PERSON,ORG"]


def test_text_keeps_its_white_space_and_direction(start: Any, open_desk: Any) -> None:
    server = start([{"text": "one\n  two"}, {"text": "שלום עולם"}, {"text": "👍🏽 é"}])
    desk = open_desk(server)
    assert desk.page.text_content(".text") == "one\n  two"
    desk.press("a")
    desk.shows("שלום")
    assert desk.page.evaluate("getComputedStyle(document.querySelector('.text')).direction") == "rtl"
    desk.press("a")
    desk.shows("👍🏽")


def test_classification_shows_its_label_and_takes_binary_answers(start: Any, open_desk: Any) -> None:
    recipe = ["textcat.manual", "ds", "source.jsonl", "--label", "SPORT"]
    server = start(tasks_of(2), recipe=recipe)
    desk = open_desk(server)
    assert desk.page.inner_text(".question") == "SPORT"
    desk.press("x")
    [answer] = stored(server, 1)
    assert (answer["label"], answer["answer"]) == ("SPORT", "reject")


def test_one_choice_by_key_and_by_mouse(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(3, options=OPTIONS), view="choice")
    desk = open_desk(server)
    assert desk.page.locator("input[type=radio]").count() == 3
    desk.press("2", "a")
    desk.shows("task 2")
    desk.page.locator(".option", has_text="Gamma").click()
    desk.page.locator(".option", has_text="Alpha").click()
    assert desk.page.locator("input:checked").count() == 1
    desk.press("a")
    desk.shows("task 3")
    desk.press("1", "1", "Space")
    found = stored(server, 3)
    assert [each["accept"] for each in found] == [[2], ["a"], []]
    assert found[2]["answer"] == "ignore"


def test_several_choices(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(1, options=OPTIONS), view="choice", settings={"choice_style": "multiple"})
    desk = open_desk(server)
    assert desk.page.locator("input[type=checkbox]").count() == 3
    desk.press("3", "1", "2", "1")
    desk.page.wait_for_selector("input:checked >> nth=1")
    desk.press("a")
    assert stored(server, 1)[0]["accept"] == ["c", 2]


def test_choice_auto_accept_locks_in_by_digit_and_click_but_not_by_arrow(start: Any, open_desk: Any) -> None:
    server = start(tasks_of(4, options=OPTIONS[:2]), view="choice", settings={"choice_auto_accept": True})
    desk = open_desk(server)
    desk.press("1")
    desk.shows("task 2")
    desk.page.locator(".option", has_text="Beta").click()
    desk.shows("task 3")
    desk.page.focus(".option input")
    desk.press("ArrowDown")
    desk.page.wait_for_selector("input:checked")
    desk.shows("task 3")
    desk.press("a")
    assert [each["accept"] for each in stored(server, 3)] == [["a"], [2], [2]]


def test_more_than_ten_options_can_be_filtered_and_have_keys(start: Any, open_desk: Any) -> None:
    options = [{"id": f"o{number}", "text": f"Option {number}"} for number in range(1, 26)]
    server = start(tasks_of(2, options=options), view="choice", settings={"choice_style": "multiple"})
    desk = open_desk(server)
    desk.press("0", "Shift+Digit3", "Alt+Shift+Digit1", "/")
    desk.page.keyboard.type("option 24")
    desk.page.locator(".option").nth(1).wait_for(state="detached")
    desk.press("Enter")
    desk.page.locator(".option").nth(24).wait_for()
    desk.press("a")
    assert stored(server, 1)[0]["accept"] == ["o10", "o13", "o21", "o24"]


def test_html_is_cleaned_and_keeps_its_looks(start: Any, open_desk: Any) -> None:
    html = (
        '<h3 style="color: rgb(1, 2, 3)">Title</h3><script>window.bad = 1</script>'
        '<img src="x" onerror="window.bad = 2">'
        '<a href="javascript:window.bad=3">link</a><p style="position:fixed;top:0">fixed</p><form><input></form>'
        '<a href="https://example.org/">out</a><iframe src="https://example.org"></iframe>'
    ).replace('src="x"', f'src="{PIXEL[:30]}"')
    server = start([{"html": html}, {"html": "<i>second</i>"}], view="html")
    desk = open_desk(server)
    desk.page.wait_for_selector(".html h3")
    assert desk.page.evaluate("getComputedStyle(document.querySelector('.html h3')).color") == "rgb(1, 2, 3)"
    assert desk.page.evaluate("window.bad") is None
    assert desk.page.locator(".html script, .html form, .html input, .html iframe, .html [onerror]").count() == 0
    assert desk.page.get_attribute(".html a >> nth=0", "href") is None
    assert "noopener" in (desk.page.get_attribute(".html a >> nth=1", "rel") or "")
    top = "document.querySelector('%s').getBoundingClientRect().top"
    assert desk.page.evaluate(top % ".html") <= desk.page.evaluate(top % ".html p")
    desk.press("a")
    desk.page.wait_for_selector(".html i")
    assert stored(server, 1)[0]["html"] == html


def test_html_template(start: Any, open_desk: Any) -> None:
    template = "<h3>{{title}}</h3>{{#items}}<li>{{.}}</li>{{/items}}"
    tasks = [{"text": "t", "title": "A & <b>", "items": ["x", "y"]}]
    server = start(tasks, view="html", settings={"html_template": template})
    desk = open_desk(server)
    desk.page.wait_for_selector(".html li >> nth=1")
    assert desk.page.inner_text(".html h3") == "A & <b>"


def test_an_image_can_be_enlarged(start: Any, open_desk: Any) -> None:
    server = start([{"image": PIXEL}, {"image": PIXEL, "meta": {"n": 2}}], view="image")
    desk = open_desk(server)
    before = desk.page.locator(".picture img").bounding_box()["width"]
    desk.page.click(".picture img")
    desk.page.wait_for_selector(".frame.large")
    assert desk.page.locator(".picture img").bounding_box()["width"] > before
    desk.page.click("figcaption button >> nth=1")
    desk.page.wait_for_selector(".frame:not(.large)")
    desk.press("a")
    desk.shows("n: 2")
    stored(server, 1)


def test_pictures_come_from_the_hosts_of_the_roster_only(start: Any, open_desk: Any) -> None:
    tasks = [{"image": "http://good.test/a.png"}, {"image": "http://bad.test/a.png"}]
    server = start(tasks, view="image", image_hosts=["http://good.test"])
    desk = open_desk(server, load=False)
    desk.harmless = ("http://bad.test/a.png",)
    asked: list[str] = []

    def answer(route: Any) -> None:
        asked.append(route.request.url)
        route.fulfill(status=200, content_type="image/svg+xml", body='<svg xmlns="http://www.w3.org/2000/svg"/>')

    desk.page.route("http://*.test/**", answer)
    # A picture that leaves the screen before it was asked for need not be asked for.
    with desk.page.expect_response("http://good.test/a.png"):
        desk.open()
    desk.page.wait_for_selector(".picture img")
    desk.press("a")
    desk.shows("could not be loaded: http://bad.test/a.png")
    assert asked == ["http://good.test/a.png"]


@pytest.mark.parametrize("view", ["ner", "spans"])
def test_fixed_highlights(start: Any, open_desk: Any, view: str) -> None:
    spans = [{"start": 0, "end": 3, "label": "PERSON"}, {"start": 9, "end": 12, "label": "ORG"}]
    server = start([{"text": "Zoë runs 👍IBM", "spans": spans}], view=view)
    desk = open_desk(server)
    desk.page.locator(".spans").filter(has_text="PERSON").wait_for()
    assert "ORG" in desk.page.inner_text(".spans")
    desk.press("a")
    [answer] = stored(server, 1)
    assert answer["spans"] == spans


def test_ner_manual_by_keys_alone(start: Any, open_desk: Any) -> None:
    server = start([{"text": "👍 Zoë Müller works at IBM ."}, {"text": "second"}], recipe=MANUAL)
    desk = open_desk(server)
    desk.press("ArrowRight", "ArrowRight", "Shift+ArrowRight", "1")
    desk.press("ArrowRight", "ArrowRight", "ArrowRight", "2")
    desk.press("a")
    desk.shows("second")
    [answer] = stored(server, 1)
    assert [(each["start"], each["end"], each["label"]) for each in answer["spans"]] == [
        (2, 12, "PERSON"),
        (22, 25, "ORG"),
    ]
    assert [(each["token_start"], each["token_end"]) for each in answer["spans"]] == [(1, 2), (5, 5)]


def test_ner_manual_by_mouse_with_the_label_bar(start: Any, open_desk: Any) -> None:
    server = start([{"text": "Zoë works at IBM"}], recipe=MANUAL)
    desk = open_desk(server)
    desk.page.locator(".label", has_text="ORG").click()
    box = desk.page.evaluate("""() => {
      const walker = document.createTreeWalker(document.querySelector('.spans-text'), NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const at = node.data.indexOf('IBM');
        if (at < 0) continue;
        const range = document.createRange();
        range.setStart(node, at); range.setEnd(node, at + 3);
        const box = range.getBoundingClientRect();
        return [box.left, box.right, (box.top + box.bottom) / 2];
      }
    }""")
    left, right, middle = (round(each) for each in box)
    desk.page.mouse.move(left + 2, middle)
    desk.page.mouse.down()
    desk.page.mouse.move(right - 2, middle)
    desk.page.mouse.up()
    desk.page.locator("mark").wait_for()
    desk.press("a")
    assert [(each["start"], each["label"]) for each in stored(server, 1)[0]["spans"]] == [(13, "ORG")]


def test_spans_manual_lets_spans_overlap(start: Any, open_desk: Any) -> None:
    server = start([{"text": "Bank of England"}], recipe=SPANS)
    desk = open_desk(server)
    desk.press("ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight", "2")
    desk.press("End", "1", "a")
    [answer] = stored(server, 1)
    assert [(each["start"], each["end"], each["label"]) for each in answer["spans"]] == [
        (0, 15, "ORG"),
        (8, 15, "PERSON"),
    ]


def test_a_correction_shows_the_spans_as_they_were_given(start: Any, open_desk: Any) -> None:
    server = start([{"text": "Zoë works"}, {"text": "second"}], recipe=MANUAL)
    desk = open_desk(server)
    desk.press("ArrowRight", "1", "a")
    desk.shows("second")
    desk.press("Backspace")
    desk.page.locator("mark").filter(has_text="PERSON").wait_for()
    desk.press("ArrowRight", "Delete")
    desk.page.locator("mark").wait_for(state="detached")
    desk.press("a")
    assert [len(each["spans"]) for each in stored(server, 2)] == [1, 0]


def test_text_input_writes_its_field_and_leaves_the_keys_to_it(start: Any, open_desk: Any) -> None:
    field = {"field_id": "note", "field_label": "What is it?", "field_autofocus": True, "field_rows": 3}
    server = start([{"text": "one", **field}, {"text": "two", **field}], view="text_input")
    desk = open_desk(server)
    desk.page.wait_for_selector("textarea:focus")
    desk.page.keyboard.type("axa 12 ?")
    desk.press("Escape", "a")
    desk.shows("two")
    assert stored(server, 1)[0]["note"] == "axa 12 ?"


def test_blocks_show_several_views_in_one_card(start: Any, open_desk: Any) -> None:
    blocks = [
        {"view_id": "ner_manual"},
        {"view_id": "choice", "text": None},
        {"view_id": "text_input", "field_id": "note", "field_label": "Note"},
        {"view_id": "html", "html_template": "<b>{{text}}</b>"},
    ]
    tokens = [
        {"text": "Zoë", "start": 0, "end": 3, "id": 0, "ws": True},
        {"text": "runs", "start": 4, "end": 8, "id": 1},
    ]
    settings = {"blocks": blocks, "labels": ["PERSON"], "keymap_by_label": {"Beta": "b"}}
    server = start([{"text": "Zoë runs", "tokens": tokens, "options": OPTIONS[:2]}], view="blocks", settings=settings)
    desk = open_desk(server)
    desk.page.wait_for_selector(".block b")
    desk.press("ArrowRight", "1", "b")
    desk.page.fill("#field-note", "hm")
    desk.press("Escape", "a")
    [answer] = stored(server, 1)
    assert ([each["label"] for each in answer["spans"]], answer["accept"], answer["note"]) == (["PERSON"], [2], "hm")


def versions() -> list[dict[str, Any]]:
    tokens = [{"text": "Zoë", "start": 0, "end": 3, "id": 0, "ws": True}, {"text": "Li", "start": 4, "end": 6, "id": 1}]
    short = {"start": 0, "end": 3, "token_start": 0, "token_end": 0, "label": "PERSON"}
    long = {**short, "end": 6, "token_end": 1}
    task = {"text": "Zoë Li", "tokens": tokens}
    return [
        {**task, "spans": [short], "sessions": ["ds-ana"], "answer": "accept"},
        {**task, "spans": [long], "sessions": ["ds-bob", "ds-cy"], "answer": "accept"},
        {**task, "spans": [], "sessions": ["ds-eve"], "answer": "accept"},
    ]


def test_review_shows_who_chose_what_and_digits_pick(start: Any, open_desk: Any) -> None:
    task = {"text": "Zoë Li", "view_id": "ner_manual", "versions": versions()}
    server = start(
        [task, {**task, "text": "Zoë Li", "meta": {"n": 2}}, {**task, "meta": {"n": 3}}],
        view="review",
        settings={"labels": ["PERSON"]},
    )
    desk = open_desk(server)
    chosen = desk.page.locator(".version.chosen .who")
    assert chosen.inner_text() == "bob, cy"
    assert "Zoë" in desk.page.inner_text(".version >> nth=0 >> .differences")
    assert desk.page.locator(".version >> nth=2 >> .differences").count() == 0
    desk.press("a")
    desk.shows("n: 2")
    desk.press("3")
    desk.page.locator(".version.chosen .who", has_text="eve").wait_for()
    desk.press("a")
    desk.shows("n: 3")
    desk.press("1", "e")
    desk.page.wait_for_selector(".marking")
    desk.press("ArrowRight", "Delete", "a")
    found = stored(server, 3)
    assert [[each["end"] for each in answer["spans"]] for answer in found] == [[6], [], []]
    assert all(len(answer["versions"]) == 3 for answer in found)


def decisions(text: str) -> list[dict[str, Any]]:
    return [{"text": text, "answer": answer, "sessions": [f"ds-{answer}"]} for answer in ("accept", "reject")]


def test_review_of_decisions_takes_the_picked_one(start: Any, open_desk: Any) -> None:
    task = {"text": "t", "view_id": "text", "versions": decisions("t")}
    server = start([task, {**task, "meta": {"n": 2}}], view="review")
    desk = open_desk(server)
    desk.press("2")
    desk.shows("n: 2")
    assert stored(server, 1)[0]["answer"] == "reject"


def test_a_view_that_is_not_drawn_is_named_and_can_only_be_ignored(start: Any, open_desk: Any) -> None:
    server = start([{"text": "a"}, {"text": "b"}], view="relations")
    desk = open_desk(server)
    desk.shows("“relations”")
    desk.press("a", "x")
    assert desk.page.is_disabled("[data-action=accept]")
    desk.press("Space")
    assert [each["answer"] for each in stored(server, 1)] == ["ignore"]
    assert "cannot show tasks of the view relations" in server.output()


def test_a_task_that_cannot_be_drawn_does_not_stop_the_page(start: Any, open_desk: Any) -> None:
    broken = {"text": "x", "spans": [None, 1]}
    server = start([broken, {"text": "fine"}], view="ner")
    desk = open_desk(server)
    desk.press("Space")
    desk.shows("fine")
    stored(server, 1)


def test_a_draft_survives_a_reload(start: Any, open_desk: Any) -> None:
    server = start([{"text": "Zoë works"}, {"text": "second"}], recipe=MANUAL)
    desk = open_desk(server)
    desk.press("ArrowRight", "1")
    desk.page.locator("mark").wait_for()
    desk.page.reload()
    desk.page.locator("mark").filter(has_text="PERSON").wait_for()
    desk.press("a")
    assert json.dumps(stored(server, 1)[0]["spans"]).count("PERSON") == 1


def test_a_text_of_more_than_5000_tokens_is_warned_of(start: Any, open_desk: Any) -> None:
    server = start([{"text": "a " * 5001}, {"text": "a " * 5000}], recipe=MANUAL)
    desk = open_desk(server)
    desk.shows("5001 tokens: this page is made for at most 5000. Consider splitting such texts.")
    desk.press("ArrowRight", "1", "a")
    desk.page.locator(".notice").wait_for(state="detached")
    assert len(stored(server, 1)[0]["spans"]) == 1


def test_parts_of_words_can_be_marked_where_characters_are_the_tokens(start: Any, open_desk: Any) -> None:
    server = start([{"text": "Zoë 👍🏽 x"}], recipe=[*MANUAL, "--highlight-chars"])
    desk = open_desk(server)
    desk.press("ArrowRight", "Shift+ArrowRight", "1", "a")
    [span] = stored(server, 1)[0]["spans"]
    assert (span["start"], span["end"]) == (0, 2)


@pytest.mark.parametrize("phone", [False, True])
def test_labels_stay_in_sight_and_wrap(start: Any, open_desk: Any, phone: bool) -> None:
    labels = ",".join(f"A_RATHER_LONG_LABEL_{number}" for number in range(6))
    server = start([{"text": "some words\n" * 300}], recipe=[*MANUAL[:-1], labels])
    desk = open_desk(server, viewport={"width": 380 if phone else 1100, "height": 640})
    desk.page.evaluate("document.querySelector('.spans-text').scrollIntoView({block: 'end', behavior: 'instant'})")
    boxes = desk.page.evaluate(
        "[...document.querySelectorAll('.label')].map(each => each.getBoundingClientRect())"
        ".map(box => [box.top, box.bottom, box.right])"
    )
    assert desk.page.evaluate("scrollY") > 500
    assert all(top >= 0 and bottom <= 640 for top, bottom, _ in boxes)
    assert max(right for *_, right in boxes) <= (380 if phone else 1100)
    assert len({top for top, *_ in boxes}) > 1
    assert desk.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_text_of_a_choice_stays_in_sight(start: Any, open_desk: Any) -> None:
    options = [{"id": str(number), "text": f"Option {number}"} for number in range(30)]
    desk = open_desk(start(tasks_of(1, options=options), view="choice"), viewport={"width": 1000, "height": 500})
    desk.page.locator(".option").last.scroll_into_view_if_needed()
    assert desk.page.evaluate("scrollY") > 300
    box = desk.page.locator(".text").bounding_box()
    assert 0 <= box["y"] <= 400


def test_versions_stand_side_by_side_with_what_differs(start: Any, open_desk: Any) -> None:
    task = {"text": "Zoë Li", "view_id": "ner_manual", "versions": versions()}
    desk = open_desk(start([task], view="review", settings={"labels": ["PERSON"]}))
    boxes = [each.bounding_box() for each in desk.page.locator(".version").all()]
    assert len({round(box["y"]) for box in boxes[:2]}) == 1
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    assert desk.page.locator(".version .who").all_inner_texts() == ["ana", "bob, cy", "eve"]
    differing = [each.locator(".difference").all_inner_texts() for each in desk.page.locator(".version").all()]
    assert differing == [["Zoë PERSON"], ["Zoë Li PERSON"], []]
    desk.page.locator(".version-head").first.click()
    desk.page.locator(".version.chosen .who", has_text="ana").wait_for()
