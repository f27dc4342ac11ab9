"""Settling disputes: a real team that disagrees, `prodigy-team review`, and whoever decides in Chromium."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from acceptance.test_gateway_among_servers import PASSWORD, Team
from acceptance.test_review import choose, questions
from browser.desk import Desk
from team_support import Project, a_project

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PEOPLE = ("joe", "jane", "cy")
MANAGER = '[[manager]]\nname = "maria"\n'
DESK = "review-headlines_reviewed"
PERSON, ORG = "PERSON", "ORG"


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Project]:
    """A folder without a roster yet."""
    with a_project(tmp_path) as project:
        yield project


def begin(team: Project, **roster: str) -> None:
    """Bring up joe, jane and cy, with maria for a manager."""
    team.write_roster(PEOPLE, more=MANAGER, **roster)
    team.run("up")


def adjudicate(team: Project, open_desk: Any) -> Desk:
    """The page of whoever decides."""
    desk: Desk = open_desk(SimpleNamespace(port=urlsplit(team.status(DESK)[DESK]["url"]).port))
    return desk


def chosen(desk: Desk, who: str) -> None:
    """Wait until the version of these people is the one that would be taken."""
    desk.page.locator(".version.chosen .who").get_by_text(who, exact=True).wait_for()


def correcting(desk: Desk, text: str) -> None:
    """Wait until an earlier decision is back on screen."""
    desk.page.locator(".card:has(.correcting)").filter(has_text=text).wait_for()


def shown(desk: Desk, selector: str) -> list[list[str]]:
    """What each version shows there."""
    return [each.locator(selector).all_inner_texts() for each in desk.page.locator(".version").all()]


def finished(desk: Desk) -> None:
    """Wait until nothing is left and everything is stored."""
    desk.page.wait_for_selector("section.end")
    desk.all_sent()


def merge(team: Project) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """What a merge by the decisions says, and its rows by their texts."""
    told = team.json("merge", "--on-conflict", "review", "--into", "gold.jsonl", "--conflicts", "open.jsonl")
    rows = [json.loads(line) for line in (team.folder / "gold.jsonl").read_text().splitlines()]
    found = {row["text"]: row for row in rows}
    assert len(found) == len(rows)
    return told, found


def test_by_mouse(team: Project, open_desk: Any) -> None:
    """Eight texts, five of them in dispute: taken, changed, rejected, corrected, ignored."""
    team.write_source(8)
    begin(team)
    choose(team, "joe", dict.fromkeys(range(8), "A"), flagged=True, flag_note="hm")
    choose(team, "jane", {n: "B" if n in (1, 2, 4, 5, 6) else "A" for n in range(8)})
    choose(team, "cy", {1: "A"})
    assert team.json("review")["asked"] == 5
    desk = adjudicate(team, open_desk)
    decide_by_mouse(desk)
    change_ones_mind_by_mouse(desk)
    finished(desk)

    told, rows = merge(team)
    assert (told["unsettled"], told["conflicting"]) == (1, 2)
    agreed = {f"text {n}": ["A"] for n in (0, 3, 7)}
    decided = {"text 1": ["B"], "text 2": ["B", "A"], "text 5": ["A"]}
    assert {text: row["accept"] for text, row in rows.items()} == agreed | decided
    assert not any("flagged" in rows[text] for text in decided), "the flags are joe's"
    assert team.json("review", "--dry-run")["decided"] == 4


def decide_by_mouse(desk: Desk) -> None:
    """One version is taken, one changed, one task rejected and one ignored; the sixth is on screen then."""
    page = desk.page
    accept, reject, ignore = (page.locator(f"[data-action={name}]") for name in ("accept", "reject", "ignore"))
    desk.shows("text 1")
    chosen(desk, "cy, joe")
    assert shown(desk, ".who") == [["cy, joe"], ["jane"]]
    assert shown(desk, ".option:has(:checked)") == [["A"], ["B"]]
    left, right = (each.bounding_box() for each in page.locator(".version").all())
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] <= right["x"]
    page.locator(".version-head", has_text="jane").click()
    chosen(desk, "jane")
    accept.click()

    desk.shows("text 2")
    chosen(desk, "jane")
    page.get_by_role("button", name="Change this version").click()
    page.locator(".review > .choice .option", has_text="A").click()
    page.locator(".review > .choice .option:has(:checked)").nth(1).wait_for()
    accept.click()
    desk.shows("text 4")
    reject.click()
    desk.shows("text 5")
    ignore.click()
    desk.shows("text 6")


def change_ones_mind_by_mouse(desk: Desk) -> None:
    """What was ignored is corrected, then looked at once more and left; the sixth is ignored."""
    page = desk.page
    accept, ignore, undo = (page.locator(f"[data-action={name}]") for name in ("accept", "ignore", "undo"))
    undo.click()
    correcting(desk, "text 5")
    page.locator(".version-head", has_text="joe").click()
    chosen(desk, "joe")
    accept.click()
    desk.shows("text 6")
    undo.click()
    correcting(desk, "text 5")
    chosen(desk, "joe")
    page.locator(".correcting button").click()
    desk.shows("text 6")
    ignore.click()


def mark(team: Project, name: str, spans: Mapping[int, list[tuple[int, int, str]]]) -> None:
    """Give somebody's tasks spans: first token, last token, label."""
    with team.client(name) as client:
        given = []
        for task in questions(client):
            number = int(task["text"].split()[-1])
            tokens = task["tokens"]
            marked = [
                {
                    **{"start": tokens[first]["start"], "end": tokens[last]["end"], "label": label},
                    **{"token_start": first, "token_end": last},
                }
                for first, last, label in spans.get(number, [])
            ]
            given.append({**task, "spans": marked, "answer": "accept"})
        assert client.post("/give_answers", json={"answers": given}).status_code == 200


def test_by_keys_alone(team: Project, open_desk: Any) -> None:
    """Names marked differently in four of six texts; what is decided is told by the ends of the spans."""
    with (team.folder / "source.jsonl").open("w") as file:
        file.writelines(json.dumps({"text": f"👍 Zoë Müller of IBM {n}", "meta": {"n": n}}) + "\n" for n in range(6))
    begin(team, task='recipe = "ner.manual"\nmodel = "blank:en"\nlabels = ["PERSON", "ORG"]\n')
    name, both, firm = (1, 2, PERSON), [(1, 2, PERSON), (4, 4, ORG)], (4, 4, ORG)
    mark(team, "joe", {0: both, 1: both, 2: both, 3: both, 4: both, 5: [name]})
    mark(team, "jane", {0: both, 1: [name], 2: [(1, 1, PERSON), firm], 3: [firm], 4: [], 5: [name]})
    mark(team, "cy", {0: both, 1: [name], 2: both, 3: both, 4: both, 5: [name]})
    assert team.json("review")["asked"] == 4
    desk = adjudicate(team, open_desk)
    decide_by_keys(desk)
    change_ones_mind_by_keys(desk)
    finished(desk)

    told, rows = merge(team)
    assert told["unsettled"] == 0
    ends = {text: [(each["start"], each["end"], each["label"]) for each in row["spans"]] for text, row in rows.items()}
    person, org = (2, 12, PERSON), (16, 19, ORG)
    assert {int(text[-1]): sorted(spans) for text, spans in ends.items()} == {
        **{0: [person, org], 1: [person, org], 4: [person, org], 5: [person]},
        2: [(2, 5, PERSON), (6, 12, ORG), org],
    }


def decide_by_keys(desk: Desk) -> None:
    """One version is taken, one changed, one task ignored; the last is on screen then."""
    desk.shows("n: 1")
    chosen(desk, "cy, jane")
    assert shown(desk, ".difference") == [[], ["IBM ORG"]]
    desk.press("2")
    chosen(desk, "joe")
    desk.press("a")
    desk.shows("n: 2")
    chosen(desk, "cy, joe")
    assert shown(desk, ".difference") == [["Zoë Müller PERSON"], ["Zoë PERSON"]]
    desk.press("2")
    chosen(desk, "jane")
    desk.press("e")
    desk.page.wait_for_selector(".marking")
    desk.press("ArrowRight", "ArrowRight", "ArrowRight", "2")
    desk.page.locator(".marking mark").nth(2).wait_for()
    desk.press("a")
    desk.shows("n: 3")
    desk.press("Space")
    desk.shows("n: 4")


def change_ones_mind_by_keys(desk: Desk) -> None:
    """Two are taken back, and the one that was changed comes as it was left; then the last is decided."""
    desk.press("Backspace")
    correcting(desk, "n: 3")
    chosen(desk, "cy, joe")
    desk.press("Backspace")
    correcting(desk, "n: 2")
    desk.page.locator(".marking mark").nth(2).wait_for()
    assert desk.page.locator(".version.chosen").count() == 0
    desk.press("a")
    correcting(desk, "n: 3")
    desk.press("x")
    desk.shows("n: 4")
    assert shown(desk, ".difference") == [["Zoë Müller PERSON", "IBM ORG"], []]
    desk.press("2")
    chosen(desk, "jane")
    desk.press("1")
    chosen(desk, "cy, joe")
    desk.press("a")


def judge(team: Project, name: str, answers: Mapping[int, str]) -> None:
    """Accept or reject tasks by number."""
    with team.client(name) as client:
        tasks = {each["text"]: each for each in questions(client)}
        given = [{**tasks[f"text {n}"], "answer": answer} for n, answer in answers.items()]
        assert client.post("/give_answers", json={"answers": given}).status_code == 200


def test_accept_against_reject(team: Project, open_desk: Any) -> None:
    """One question for each text: taking a version is the decision, by digit or by mouse, and so is a button."""
    team.write_source(6)
    begin(team, task='recipe = "textcat.manual"\nlabels = ["SPORT"]\n')
    judge(team, "joe", dict.fromkeys(range(6), "accept"))
    judge(team, "jane", {0: "accept", 1: "reject", 2: "reject", 3: "reject", 4: "reject", 5: "ignore"})
    judge(team, "cy", {1: "reject"})
    assert team.json("review")["asked"] == 4
    desk = adjudicate(team, open_desk)

    desk.shows("text 1")
    assert desk.page.locator(".version .question").all_inner_texts() == ["SPORT", "SPORT"]
    assert shown(desk, ".answer") == [["Reject"], ["Accept"]]
    assert shown(desk, ".who") == [["cy, jane"], ["joe"]]
    assert desk.page.locator(".version.chosen, .differences").count() == 0
    desk.press("1")
    desk.shows("text 2")
    assert shown(desk, ".answer") == [["Reject"], ["Accept"]]
    desk.page.get_by_role("button", name="Version 1 Reject jane").click()
    desk.shows("text 3")
    desk.press("a")
    desk.shows("text 4")

    desk.press("Backspace", "Backspace")
    correcting(desk, "text 2")
    desk.page.locator(".correcting").filter(has_text="Reject").wait_for()
    chosen(desk, "jane")
    desk.page.locator("[data-action=accept]").click()
    correcting(desk, "text 3")
    desk.page.locator(".correcting").filter(has_text="Accept").wait_for()
    chosen(desk, "joe")
    desk.press("1")
    desk.shows("text 4")
    desk.press("x")
    finished(desk)

    told, rows = merge(team)
    assert told["unsettled"] == 0
    decided = {1: "reject", 2: "accept", 3: "reject", 4: "reject"}
    assert {int(text[-1]): row["answer"] for text, row in rows.items()} == {0: "accept", 5: "accept", **decided}
    assert team.json("review", "--dry-run")["decided"] == 4


@pytest.mark.long
def test_a_rejection_among_choices(team: Project, open_desk: Any) -> None:
    """Most rejected the task: what is taken unless somebody says otherwise can be accepted all the same."""
    team.write_source(4)
    begin(team)
    choose(team, "joe", {0: "A", 1: "A", 2: "A"})
    judge(team, "jane", {0: "reject", 1: "reject", 2: "reject"})
    judge(team, "cy", {0: "reject", 1: "reject"})
    assert team.json("review")["asked"] == 3
    desk = adjudicate(team, open_desk)
    desk.shows("text 0")
    assert shown(desk, ".answer") == [["Reject"], ["Accept"]]
    chosen(desk, "joe")
    desk.press("a")
    desk.shows("text 1")
    desk.press("1")
    desk.shows("text 2")
    desk.press("Backspace")
    correcting(desk, "text 1")
    chosen(desk, "joe")
    desk.page.get_by_role("button", name="Version 1 Reject cy, jane").click()
    desk.shows("text 2")
    desk.page.locator(".version-head", has_text="joe").click()
    desk.press("a")
    finished(desk)
    told, rows = merge(team)
    assert told["unsettled"] == 0
    assert {text: row["accept"] for text, row in rows.items() if row["answer"] == "accept"} == {
        **{"text 0": ["A"], "text 2": ["A"]}
    }


@pytest.mark.long
def test_disputes_come_to_an_open_page_and_never_ones_own(team: Project, open_desk: Any) -> None:
    team.write_source(6)
    begin(team)
    choose(team, "joe", dict.fromkeys(range(6), "A"))
    choose(team, "jane", {0: "A", 1: "B", 2: "B"})
    choose(team, "cy", {1: "A"})
    found = team.json("review", "--adjudicator", "cy")
    assert (found["asked"], found["own"]) == (1, 1)
    desk = adjudicate(team, open_desk)
    desk.harmless = ("Failed to load resource",)
    desk.page.evaluate("window.never_loaded_again = true")
    desk.shows("text 2")
    chosen(desk, "jane")
    desk.press("2")
    chosen(desk, "joe")

    # What is begun stays as it is, and what is new comes behind it.
    choose(team, "jane", {3: "B"})
    assert team.json("review", "--adjudicator", "cy")["asked"] == 2
    chosen(desk, "joe")
    desk.press("a")
    desk.shows("text 3")
    desk.press("x")
    finished(desk)

    choose(team, "jane", {5: "B"})
    assert team.json("review", "--adjudicator", "cy")["asked"] == 3
    desk.shows("text 5")
    desk.press("a")
    finished(desk)
    assert desk.page.evaluate("window.never_loaded_again")
    found = team.json("review", "--adjudicator", "cy", "--dry-run")
    assert (found["decided"], found["own"]) == (3, 1)
    told, rows = merge(team)
    assert told["unsettled"] == 1, "the one that cy has a part in"
    assert {text: row["accept"] for text, row in rows.items()} == {
        **{"text 0": ["A"], "text 2": ["A"], "text 4": ["A"], "text 5": ["B"]}
    }


def log_in(page: Any, name: str, address: str) -> None:
    """Go to an address, over the login."""
    page.goto(address)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def test_the_desk_of_a_manager_behind_the_gateway_is_shut_to_annotators(team: Project, browser: Browser) -> None:
    """With `--auto-accept 2` what only joe has answered is asked too, and what both agree on never."""
    house = Team(team)
    house.write_roster(names=("joe", "jane"), more=MANAGER)
    house.up()
    for name, labels in {"joe": "AAA", "jane": "AB"}.items():
        answers = [{"text": f"text {n}", "accept": [label], "answer": "accept"} for n, label in enumerate(labels)]
        (team.folder / f"{name}.jsonl").write_text("".join(json.dumps(each) + "\n" for each in answers))
        team.run("import", f"{name}.jsonl", "--annotator", name)
    assert team.json("review", "--auto-accept", "2")["asked"] == 2
    place = f"{house.url}/a/{DESK}/"
    with browser.new_context() as context:
        page = context.new_page()
        page.set_default_timeout(60_000)
        log_in(page, "maria", f"{house.url}/")
        page.get_by_role("link", name="Start deciding").click()
        page.wait_for_url(place)
        page.wait_for_selector("article.card")
        desk = Desk(page, place)
        desk.shows("text 1")
        chosen(desk, "jane")
        desk.press("a")
        desk.shows("text 2")
        chosen(desk, "joe")
        desk.press("x")
        finished(desk)
        desk.checked()
    with browser.new_context() as context:
        page = context.new_page()
        log_in(page, "joe", f"{house.url}/")
        page.get_by_role("link", name="Start annotating").wait_for()
        assert page.get_by_role("link", name="Start deciding").count() == 0
        refusal = page.goto(place)
        assert refusal is not None
        assert refusal.status == 403
        assert page.locator("article.card").count() == 0
    told, rows = merge(team)
    assert told["unsettled"] == 0
    assert {text: row["accept"] for text, row in rows.items()} == {"text 0": ["A"], "text 1": ["B"]}
