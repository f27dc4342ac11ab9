"""`agreement` on stored answers: what is compared, what is left out, and what is said where nothing can be told."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from conflicting import PEOPLE, SESSION, begin
from counting_support import Team, stored, team
from databases import compact
from prodigy_team.curation.agreement.coefficients import cohen_kappa, fleiss_kappa, krippendorff_alpha
from prodigy_team.tasks import with_hashes

__all__ = ["team"]

PEOPLE_OF_TEAM = ("cy", "jane", "joe")
AT, WEEK = 1_700_000_000, 7 * 86400


def binary(team: Team, *, tasks: int = 60) -> dict[str, list[str]]:
    """Three people who accept and reject, or ignore; returns what they said, task by task."""
    chance, said = random.Random(1), {}
    team.write(PEOPLE_OF_TEAM, tasks=tasks, routing=None)
    for name in PEOPLE_OF_TEAM:
        said[name] = chance.choices(("accept", "reject", "ignore"), (6, 3, 1), k=tasks)
        put(team, name, map(one_answer, range(tasks), said[name]))
    return said


def one_answer(number: int, answer: str) -> dict[str, Any]:
    """To a task of one of two labels, in one of two weeks; in the order in which Prodigy stores it."""
    task = with_hashes({"text": f"text {number}", "label": "XY"[number % 2]})
    return {**task, "_view_id": "classification", "answer": answer, "_timestamp": AT + (number >= 30) * WEEK}


def put(team: Team, name: str, answers: Iterable[Mapping[str, Any]]) -> None:
    """Store them at once, byte for byte in this order."""
    dataset = f"headlines_{name}"
    owner = {"_annotator_id": f"{dataset}-{name}", "_session_id": f"{dataset}-{name}"}
    rows = [replace(stored(dataset, name, each, {}), content=compact({**each, **owner})) for each in answers]
    with team.store() as store:
        store.ensure_dataset(dataset, team="headlines")
        store.append(dataset, [rows])


def written(team: Team) -> list[str]:
    """Everybody's answers in files."""
    paths = []
    for name in PEOPLE_OF_TEAM:
        path = team.folder / f"{name}.jsonl"
        with team.store() as store:
            path.write_bytes(b"".join(line + b"\n" for line in store.answers(f"headlines_{name}")))
        paths.append(str(path))
    return paths


def view(team: Team, *arguments: str) -> dict[str, Any]:
    """What the command says of the only view."""
    (found,) = team.json("agreement", *arguments)["views"]
    assert isinstance(found, dict)
    return found


def judged(said: dict[str, list[str]], *names: str) -> list[list[str]]:
    return [[each for each in unit if each != "ignore"] for unit in zip(*(said[name] for name in names), strict=True)]


def test_the_figures_are_those_of_the_answers(team: Team) -> None:
    """Also of those whose tasks are not read twice, and those that are: cy's answers to ten tasks are given again."""
    said = binary(team)
    put(team, "cy", map(one_answer, range(10), ["reject"] * 10))
    said["cy"][:10] = ["reject"] * 10
    found = view(team)
    units = judged(said, *PEOPLE_OF_TEAM)

    assert (found["view"], found["kind"], found["distance"]) == ("classification", "answer", "nominal")
    assert found["tasks"] == sum(len(unit) > 1 for unit in units)
    assert found["single"] == sum(len(unit) == 1 for unit in units)
    assert found["answers"] + found["ignored"] == 180
    assert found["fleiss"]["value"] == pytest.approx(fleiss_kappa(units), abs=1e-12)
    assert found["alpha"]["value"] == pytest.approx(krippendorff_alpha(units), abs=1e-12)
    assert found["alpha"]["low"] < found["alpha"]["value"] < found["alpha"]["high"]
    for pair in found["pairs"]:
        both = [unit for unit in judged(said, pair["first"], pair["second"]) if len(unit) == 2]
        assert pair["tasks"] == len(both)
        assert pair["kappa"]["value"] == pytest.approx(cohen_kappa(*zip(*both, strict=True)), abs=1e-12)
    assert [each["name"] for each in found["people"]] == list(PEOPLE_OF_TEAM)
    assert found["f1"] is found["token_kappa"] is None
    assert found["labels"] == found["weeks"] == []


def test_counting_at_a_glance_is_reading_every_answer(team: Team) -> None:
    """As it is without --by, and with it: to the last digit, intervals and worst tasks too."""
    binary(team)
    put(team, "cy", map(one_answer, range(10), ["reject"] * 10))
    glance, whole = view(team, "--worst", "40"), view(team, "--worst", "40", "--by", "week")

    assert [each["week"] for each in whole.pop("weeks")] == ["2023-W46", "2023-W47"]
    assert glance.pop("weeks") == []
    assert glance == whole
    distances = [each["distance"] for each in whole["disagreements"]]
    assert distances == sorted(distances, reverse=True)
    assert len(distances) > 20


def test_labels_counted_at_a_glance_are_those_of_every_answer(team: Team) -> None:
    """Answers in files are read one by one. What is no text is no label."""
    chance, labels = random.Random(2), ("X", "„Y“", "X", 7, None)
    team.write(PEOPLE_OF_TEAM, tasks=60, routing=None)
    for name in PEOPLE_OF_TEAM:
        said = chance.choices(("accept", "reject", "ignore"), (6, 3, 1), k=60)
        put(team, name, ({**one_answer(number, said[number]), "label": labels[number % 5]} for number in range(60)))
    put(team, "cy", ({**one_answer(number, "reject"), "label": labels[number % 5]} for number in range(10)))
    files = written(team)
    glance = view(team, "--by", "label")

    assert [each["label"] for each in glance["labels"]] == ["", "X", "„Y“"]
    assert glance["labels"] == view(team, *files, "--by", "label")["labels"]


def test_by_label_and_by_week(team: Team) -> None:
    units = judged(binary(team), *PEOPLE_OF_TEAM)
    labels = {each["label"]: each["alpha"]["value"] for each in view(team, "--by", "label")["labels"]}
    weeks = {each["week"]: each["alpha"]["value"] for each in view(team, "--by", "week")["weeks"]}

    assert labels == pytest.approx({"X": krippendorff_alpha(units[::2]), "Y": krippendorff_alpha(units[1::2])})
    halves = krippendorff_alpha(units[:30]), krippendorff_alpha(units[30:])
    assert weeks == pytest.approx(dict(zip(("2023-W46", "2023-W47"), halves, strict=True)))


def test_the_worst_tasks_are_told_with_who_said_what(team: Team) -> None:
    said = binary(team)
    worst = view(team, "--worst", "3")["disagreements"]

    assert len(worst) == 3
    for each in worst:
        number = int(each["text"].removeprefix("text "))
        assert dict(each["said"]) == {name: said[name][number] for name, _ in each["said"]}
        assert each["distance"] == 1.0
    words = "; ".join(f"{name}: {what}" for name, what in worst[0]["said"])
    assert words in team.run("agreement")


def test_a_file_says_the_same_as_its_dataset_and_order_does_not_matter(team: Team) -> None:
    binary(team)
    stored = view(team)
    for order in permutations(written(team)):
        found = view(team, *order)
        places = {"disagreements": [{**each, "source": "", "position": 0} for each in found["disagreements"]]}
        assert found["disagreements"][0]["source"].endswith(".jsonl")
        expected = [{**each, "source": "", "position": 0} for each in stored["disagreements"]]
        assert found | places == stored | {"disagreements": expected}


def test_everybody_said_accept(team: Team) -> None:
    """No number can be told then, and none is; a few tasks are marked."""
    team.write(("joe", "jane"), routing=None)
    for name in ("joe", "jane"):
        team.answer(name, *range(5), answer="accept", _view_id="text")
    found = view(team)

    assert found["percent"] == {"value": 1, "low": 1, "high": 1, "tasks": 5, "thin": True, "undefined": ""}
    for figure in (found["fleiss"], found["alpha"], found["pairs"][0]["kappa"]):
        assert (figure["value"], figure["undefined"]) == (None, "everybody said accept")
    told = team.run("agreement", "--by", "pair")
    assert "undefined: everybody said accept" in told
    assert "1.00 (1.00 to 1.00)*" in told
    assert "* on few tasks" in told


def test_nobody_answered_the_same_task(team: Team) -> None:
    team.write(("joe", "jane"), routing=None)
    team.answer("joe", 1, 2, _view_id="text")
    team.answer("jane", 3, _view_id="text")

    assert view(team)["alpha"]["undefined"] == "no task was answered by two people"
    assert "No task was answered by two people" in team.run("agreement")


def test_spans_repeats_and_known_tasks(team: Team) -> None:
    """In S13's answers 235 of 292 shared tasks are alike, 45 have another label, and jane rejects 12."""
    begin(team)
    found = team.json("agreement", *PEOPLE, SESSION)
    (only,) = found["views"]

    assert (found["read"], found["counted"]) == (2220, 1300)
    assert found["left_out"] == {"repeated": 820, "gold": 100}
    assert (only["kind"], only["tasks"], only["single"], only["ignored"]) == ("spans", 292, 708, 8)
    assert only["percent"]["value"] == pytest.approx(235 / 292)
    assert only["f1"]["value"] == pytest.approx(235 / 280)
    assert only["partial_f1"]["value"] == 1.0
    assert (only["f1"]["tasks"], only["alpha"], only["token_kappa"]["value"]) == (280, None, None)
    (pair,) = only["pairs"]
    assert (pair["first"], pair["second"], pair["tasks"], pair["kappa"]) == ("jane", "joe", 292, None)
    labels = {each["label"]: each["f1"]["value"] for each in view(team, *PEOPLE, "--by", "label")["labels"]}
    assert labels == pytest.approx({"A": 2 * 235 / (280 + 235), "B": 0.0})


def test_choices_tokens_and_views_side_by_side(team: Team) -> None:
    team.write(("joe", "jane"), routing=None)
    tokens = [{"text": each, "start": 5 * at, "end": 5 * at + 4} for at, each in enumerate(("text", "next", "last"))]
    first, second = ({"start": 5 * at, "end": 5 * at + 4, "label": "A"} for at in (0, 1))
    for name, options, spans in (("joe", ["P"], [first]), ("jane", ["P", "Q"], [first, second])):
        team.answer(name, 1, 2, _view_id="choice", options=[{"id": each} for each in "PQR"], accept=options)
        team.answer(name, 1, _view_id="ner_manual", tokens=tokens, spans=spans)
        team.answer(name, 1, _view_id="text_input", user_input=f" the same {name if name == 'joe' else 'joe'} ")
    choice, ner, typed = team.json("agreement")["views"]

    assert (choice["distance"], choice["disagreements"][0]["said"]) == ("masi", [["jane", "P, Q"], ["joe", "P"]])
    assert choice["disagreements"][0]["distance"] == pytest.approx(2 / 3)
    assert ner["f1"]["value"] == pytest.approx(2 / 3)
    assert ner["token_kappa"]["value"] == pytest.approx((2 / 3 - 4 / 9) / (1 - 4 / 9))
    assert ner["disagreements"][0]["said"] == [["jane", "A 0-4, A 5-9"], ["joe", "A 0-4"]]
    assert (typed["kind"], typed["percent"]["value"]) == ("other", 1.0)
    assert typed["alpha"]["undefined"] == "everybody said the same joe"


def test_decisions_are_nobodys_vote(team: Team) -> None:
    team.write(("joe", "jane"), routing=None)
    team.answer("joe", 1, _view_id="text")
    team.answer("jane", 1, _view_id="text", answer="reject")
    decision = {"_view_id": "review", "view_id": "text", "versions": []}
    team.answer("maria", 1, into="headlines_reviewed", **decision)
    found = team.json("agreement", "headlines_joe", "headlines_jane", "headlines_reviewed")

    assert found["left_out"] == {"decisions": 1}
    assert found["views"][0]["disagreements"][0]["said"] == [["jane", "reject"], ["joe", "accept"]]


def test_to_reject_is_no_option_and_a_task_without_an_answer_no_judgement(team: Team) -> None:
    team.write(("joe", "jane"), routing=None)
    for name in ("joe", "jane"):
        team.answer(name, 1, _view_id="choice", accept=["P"])
        team.answer(name, 2, _view_id="choice", answer="reject")
        team.answer(name, 3, _view_id="choice", answer=None)
    found = view(team, "--by", "label")

    assert [each["label"] for each in found["labels"]] == ["P"]
    assert (found["tasks"], found["ignored"], found["alpha"]["value"]) == (2, 2, 1.0)
    (option,) = found["labels"]
    assert [option[key]["tasks"] for key in ("f1", "alpha")] == [1, 2], "F1 rests on tasks where somebody chose it"


def test_eight_people_save_while_it_runs(team: Team) -> None:
    """No save fails, and what is counted balances at any moment."""
    names = [f"person{number}" for number in range(8)]
    team.write(names, tasks=15, routing=None)
    for name in names:
        team.answer(name, 0, _view_id="text")
    enough = Event()

    def save(name: str) -> int:
        number = 0
        while not enough.is_set():
            number += 1
            team.answer(name, number, _view_id="text", answer=random.choice(("accept", "reject")))
        return number + 1

    with ThreadPoolExecutor(8) as writers:
        saving = [writers.submit(save, name) for name in names]
        read: list[int] = []
        try:
            while len(read) < 3 or read[0] == read[-1]:
                found = team.json("agreement")
                assert found["read"] == found["counted"] + sum(found["left_out"].values())
                read.append(found["read"])
        finally:
            enough.set()
        saved = sum(each.result() for each in saving)
    assert read == sorted(read)
    assert view(team)["answers"] == saved


def test_files_alone_need_no_roster_and_broken_lines_are_counted(team: Team) -> None:
    names = [str(team.folder / name) for name in ("joe.jsonl", "jane.jsonl")]
    for name in names:
        Path(name).write_text(json.dumps({"text": "a", "answer": "accept"}) + "\n{broken\n")
    found = team.json("agreement", *names)

    assert (found["read"], found["counted"], found["left_out"]) == (4, 2, {"unreadable": 2})
    assert [each["name"] for each in found["views"][0]["people"]] == ["jane", "joe"]
    assert [(each["position"], each["reason"]) for each in found["broken"]] == [(2, "no JSON object")] * 2
    Path(names[0]).write_text("{broken\n" * 30)
    team.run("agreement", names[0])
    told = team.errors.splitlines()
    assert (told[0], len(told), told[-1]) == (f"{names[0]}:1: no JSON object", 21, "and 10 more")
    team.run("agreement", "headlines_joe", code=2)
    assert "There is no roster" in team.errors


def test_the_nearest_name_of_an_unknown_source_is_told(team: Team) -> None:
    team.write(("joe",), routing=None)
    team.answer("joe", 1)
    team.run("agreement", "headlines_jo", code=2)
    assert "Did you mean headlines_joe" in team.errors
