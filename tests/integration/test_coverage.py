"""`coverage`: different people per task, counted from the answers alone, and who is missing where."""

from __future__ import annotations

from counting_support import Team, team, text

__all__ = ["team"]


def numbers(team: Team, *keys: str) -> tuple[int, ...]:
    found = team.pool("coverage")
    return tuple(found[key] for key in keys)


def test_one_alone_and_then_the_other(team: Team) -> None:
    """S1: 150 x 1.2; joe does all, then jane the 30 that need somebody else."""
    team.write(("joe", "jane"), tasks=150)
    assert numbers(team, "tasks", "twice", "wanted", "counted", "untouched") == (150, 30, 180, 0, 150)
    team.answer("joe", *range(150))

    found = team.pool("coverage", "--missing")
    assert [found[key] for key in ("counted", "under", "exact", "over", "untouched")] == [150, 30, 120, 0, 0]
    assert len(found["missing"]) == 30
    assert {(tuple(gap["has"]), gap["lacks"], tuple(gap["may"])) for gap in found["missing"]} == {
        (("joe",), 1, ("jane",))
    }
    team.answer("jane", *(gap["place"] - 1 for gap in found["missing"]))
    assert numbers(team, "counted", "wanted", "under", "exact", "over") == (180, 180, 0, 150, 0)
    assert "Complete." in team.run("coverage")


def test_what_is_twice_answered_beyond_the_target_is_surplus_of_who_came_last(team: Team) -> None:
    """S2 (c): jane saves 4 that joe has done meanwhile."""
    team.write(("joe", "jane"), tasks=20, routing="annotations_per_task = 1")
    team.answer("joe", *range(20))
    team.answer("jane", 3, 4, 5, 6)

    found = team.pool("coverage")
    assert (found["over"], found["exact"], found["surplus"]) == (4, 16, 4)
    assert {each["name"]: each["surplus"] for each in found["people"]} == {"joe": 0, "jane": 4}
    assert found["read"] == found["counted"] + found["surplus"] == team.json("merge", "--dry-run")["read"]


def test_corrections_and_answers_to_other_tasks_are_counted_apart(team: Team) -> None:
    team.write(("joe", "jane"), tasks=10, routing="annotations_per_task = 1")
    team.answer("joe", 0, _answer_id="a")
    team.answer("joe", 0, _answer_id="b", _replaces="a", answer="reject")
    team.answer("joe", 1, 2)
    team.answer("jane", {"text": "of another source"})

    found = team.pool("coverage")
    assert [found[key] for key in ("read", "counted", "corrections", "elsewhere")] == [5, 3, 1, 1]
    assert found["read"] == sum(
        found[key] for key in ("counted", "surplus", "corrections", "gold", "elsewhere", "reopened")
    )


def test_an_edited_text_is_another_task(team: Team) -> None:
    team.write(("joe",), tasks=4, routing="annotations_per_task = 1")
    team.answer("joe", *range(4))
    team.write(("joe",), tasks=[text(0), text(1), text(2), {"text": "edited"}], routing="annotations_per_task = 1")

    found = team.pool("coverage", "--missing")
    assert (found["counted"], found["elsewhere"], found["untouched"]) == (3, 1, 1)
    assert [gap["task"] for gap in found["missing"]] == ["edited"]


def test_without_routing_everybody_is_to_answer_everything(team: Team) -> None:
    """S5: any gap is named, tasks nobody has included; a paused annotator is nobody's gap."""
    team.write({"joe": "", "jane": "", "cy": "paused = true"}, tasks=6, routing=None)
    team.answer("joe", 0, 1, 2, 3)
    team.answer("jane", 0, 1)

    found = team.pool("coverage", "--missing")
    assert (found["per_task"], found["wanted"], found["counted"]) == ("all", 12, 6)
    assert [(gap["place"], gap["has"], gap["may"]) for gap in found["missing"]] == [
        (3, ["joe"], ["jane"]),
        (4, ["joe"], ["jane"]),
        (5, [], ["joe", "jane"]),
        (6, [], ["joe", "jane"]),
    ]
    assert 'task 5 "text 4" lacks joe, jane; answered by nobody' in team.run("coverage", "--missing")


def test_what_cannot_be_completed_says_why(team: Team) -> None:
    team.write(("ana", "bob"), tasks=5, routing="annotations_per_task = 3")
    (people,) = team.pool("coverage")["impossible"]
    assert (people["why"], people["answers"], people["tasks"]) == ("people", 5, [1, 2, 3, 4, 5])

    team.write({"ana": "limit = 2", "bob": ""}, tasks=5, routing="annotations_per_task = 2")
    found = team.pool("coverage")
    (limit,) = found["impossible"]
    assert (limit["why"], limit["answers"], found["reachable"]) == ("limit", 3, 7)

    tasks = [{"text": str(n), "meta": {"lang": "en" if n < 3 else "sv"}} for n in range(5)]
    team.write({"ana": 'only = { lang = "en" }', "bob": ""}, tasks=tasks, routing="annotations_per_task = 2")
    (only,) = team.pool("coverage")["impossible"]
    assert (only["why"], only["answers"], only["tasks"], only["away"]) == ("only", 2, [4, 5], ["ana"])
    assert "`only` or the router keeps ana away" in team.run("coverage")


def test_who_left_counts(team: Team) -> None:
    """S8: ana's answers stay, and she is asked nothing more."""
    team.write(("ana", "bob"), tasks=10, routing="annotations_per_task = 2")
    pool = team.pool("coverage")["pool"]
    team.routed("headlines_ana", "ana", pool)
    team.answer("ana", *range(4))
    team.write(("bob", "cy"), tasks=10, routing="annotations_per_task = 2")

    found = team.pool("coverage")
    assert (found["counted"], found["reachable"], found["wanted"]) == (4, 20, 20)
    ana = next(each for each in found["people"] if each["name"] == "ana")
    assert ana == {"name": "ana", "active": False, "tasks": 4, "surplus": 0, "missing": 0}


def test_versions_are_told_apart(team: Team) -> None:
    team.write(("joe", "jane"), tasks=6, routing="annotations_per_task = 2")
    team.answer("joe", 0, 1, 2, _version="1")
    team.answer("jane", 0, _version="2")
    found = team.pool("coverage")["versions"]
    assert found == [
        {"version": "1", "answers": 3, "tasks": 3, "people": ["joe"]},
        {"version": "2", "answers": 1, "tasks": 1, "people": ["jane"]},
    ]
    assert "VERSION  ANSWERS  TASKS  PEOPLE" in team.run("coverage", "--by", "version")


def test_a_source_that_is_not_there_is_told(team: Team) -> None:
    team.write(("joe",))
    (team.folder / "source.jsonl").unlink()
    team.run("coverage", code=2)


def test_a_source_without_tasks_is_not_called_complete(team: Team) -> None:
    team.write(("joe", "jane"), tasks=0)
    said = team.run("coverage")
    assert "Complete" not in said
    assert "There is no task in" in said
