"""`plan`: targets before the start, who may get what, what is out of reach, and what is wrong with the source."""

from __future__ import annotations

import json

import pytest

from counting_support import Team, team, text

__all__ = ["team"]


def people(team: Team, *keys: str) -> dict[str, tuple[int, ...]]:
    return {each["name"]: tuple(each[key] for key in keys) for each in team.pool("plan")["people"]}


@pytest.mark.parametrize(
    ("k", "said"),
    [
        ("1.2", "150 tasks x 1.2: 120 once, 30 twice = 180 answers"),
        ("1", "150 tasks x 1: 150 once = 150 answers"),
        ("2.5", "150 tasks x 2.5: 75 twice, 75 3 times = 375 answers"),
        ('"all"', "150 tasks x everybody = 450 answers"),
    ],
)
def test_the_target_is_known_before_the_start(team: Team, k: str, said: str) -> None:
    team.write(("joe", "jane", "cy"), tasks=150, routing=f"annotations_per_task = {k}")
    told = team.run("plan")
    assert said in told
    assert told.endswith(f"Next: prodigy-team -f {team.folder / 'team.toml'} up\n")
    assert not team.database.exists()
    state = team.folder / ".prodigy-team"
    assert state.stat().st_mode & 0o777 == 0o700, "texts are in it, so it is private whoever makes it first"
    assert (state / ".gitignore").read_text() == "*\n"


def test_who_gets_at_least_and_at_most_how_much(team: Team) -> None:
    """150 x 1.2 for two: each at least the 30 that need both, at most everything."""
    team.write(("joe", "jane"), tasks=150)
    assert people(team, "at_least", "at_most") == {"joe": (30, 150), "jane": (30, 150)}
    team.answer("joe", *range(150))
    assert people(team, "answered", "at_least", "at_most") == {"joe": (150, 0, 0), "jane": (0, 30, 30)}


def test_limit_and_only_that_bind(team: Team) -> None:
    """Trap 14's case: 10 English and 10 Swedish tasks, joe only English, jane at most 10: 20 can be reached."""
    tasks = [{"text": str(n), "meta": {"lang": "en" if n < 10 else "sv"}} for n in range(20)]
    keys = {"joe": 'only = { lang = "en" }', "jane": "limit = 10"}
    team.write(keys, tasks=tasks, routing="annotations_per_task = 1")
    assert people(team, "at_least", "at_most", "kept_away") == {"joe": (10, 10, 10), "jane": (10, 10, 0)}
    assert team.pool("plan")["reachable"] == 20

    team.write({**keys, "jane": "limit = 7"}, tasks=tasks, routing="annotations_per_task = 1")
    found = team.pool("plan")
    assert (found["reachable"], found["wanted"]) == (17, 20)
    assert [(each["why"], each["answers"]) for each in found["impossible"]] == [("limit", 3)]
    assert "at most 17 of 20 answers can be reached" in team.run("plan")


def test_duplicates_and_unusable_lines_have_numbers(team: Team) -> None:
    """S5: 740 lines of which 6 say the same again and 2 are empty make 732 tasks."""
    lines = [json.dumps(text(n)) for n in range(732)]
    for at, copied in enumerate((3, 3, 50, 100, 200, 731)):
        lines.insert(300 + at, json.dumps(text(copied)))
    lines[10:10] = ['{"text": ""}', '{"text": 7']
    team.write(("joe", "jane"), tasks=lines, routing='annotations_per_task = "all"')

    found = team.pool("plan")
    assert (found["tasks"], found["wanted"], found["input"]["repeats"]) == (732, 1464, 6)
    assert [each["lines"] for each in found["input"]["duplicates"]] == [
        [4, 303, 304],
        [53, 305],
        [103, 306],
        [203, 307],
        [308, 740],
    ]
    assert [each["line"] for each in found["input"]["unusable"]] == [11, 12]
    assert 'lines 4, 303, 304 are the same task, asked once: "text 3"' in team.run("plan")


def test_an_edit_is_told_before_it_is_made(team: Team) -> None:
    """New lines, one gone, one edited: told against the ledger, which stays as it is."""
    team.write(("joe", "jane"), tasks=10, routing="annotations_per_task = 1.2")
    assert team.pool("plan")["changes"] is None
    team.run("ledger", "rebuild")
    drawn = team.pool("plan")
    assert drawn["changes"] == {"new": [], "gone": 0, "drawn": 0, "undrawn": 0}

    team.write(("joe", "jane"), tasks=[*map(text, range(9)), {"text": "edited"}, *map(text, range(20, 25))])
    changes = team.pool("plan")["changes"]
    assert (changes["new"], changes["gone"]) == ([10, 11, 12, 13, 14, 15], 1)
    assert changes["drawn"] in (1, 2)  # 3 of 15 are asked twice, and of the 2 drawn one may have gone
    assert "an edited text is a new task" in team.run("plan")
    assert team.pool("plan")["changes"] == changes


def test_the_next_draw_is_the_one_that_is_told(team: Team) -> None:
    """What plan and coverage draw without a ledger is what the ledger draws."""
    team.write(("joe", "jane"), tasks=40, routing="annotations_per_task = 1.5")
    before = team.pool("coverage", "--missing")["missing"]
    team.run("ledger", "rebuild")
    assert team.pool("coverage", "--missing")["missing"] == before
    team.write(("joe", "jane"), tasks=60, routing="annotations_per_task = 1.5")
    grown = team.pool("coverage", "--missing")["missing"]
    team.run("ledger", "rebuild")
    assert team.pool("coverage", "--missing")["missing"] == grown


def test_what_two_have_answered_before_there_was_a_ledger_is_drawn_first(team: Team) -> None:
    """Everybody did everything for a while; then [routing] comes, and what two did counts as done by two."""
    team.write(("joe", "jane"), tasks=40, routing=None)
    team.answer("joe", *range(9))
    team.answer("jane", *range(7))
    team.write(("joe", "jane"), tasks=40, routing="annotations_per_task = 1.2")
    before = team.pool("coverage", "--missing")
    assert (before["twice"], before["exact"], before["surplus"]) == (8, 9, 0)
    team.run("ledger", "rebuild")
    assert team.pool("coverage", "--missing") == before


def test_without_routing_and_on_a_shared_server(team: Team) -> None:
    team.write(("joe", "jane"), tasks=10, routing=None)
    assert people(team, "at_least", "at_most") == {"joe": (10, 10), "jane": (10, 10)}

    server = '[[server]]\nname = "both"\nannotators = ["cy", "di"]\n'
    people_of = '[[annotator]]\nname = "cy"\n[[annotator]]\nname = "di"\n'
    team.write(("joe",), tasks=10, routing=None, more=server + people_of)
    found = {tuple(each["servers"]): each["wanted"] for each in team.json("plan")["pools"]}
    assert found == {("joe",): 10, ("both",): 10}


def test_tasks_that_share_a_hash_are_told(team: Team) -> None:
    """Prodigy would ask the first of them only."""
    team.write(("joe",), tasks=[{"text": "a", "_input_hash": 5}, {"text": "b", "_input_hash": 5}])
    (one,) = team.pool("plan")["input"]["collisions"]
    assert one["places"] == [1, 2]
