"""[routing] on real servers, driven as pages drive them: nobody is locked out, and the totals are exact."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from dealing_support import Crew, Somebody, answered, tally
from support import eventually
from team_support import Project


def route(project: Project, names: tuple[str, ...], routing: str, *, tasks: int, more: str = "", **keys: str) -> None:
    """Write a roster whose tasks are dealt out, and its source."""
    project.write_source(tasks)
    project.write_roster(names, keys=keys, more=f"[routing]\n{routing}\n{more}")


def take_turns(people: list[Somebody], *, at_once: int = 1) -> list[int]:
    """Everybody at the same pace until nobody gets anything; how many each did."""
    done = [0] * len(people)
    while True:
        got = [each.work(at_once) for each in people]
        if not any(got):
            return done
        done = [before + new for before, new in zip(done, got, strict=True)]


@pytest.mark.parametrize("first", ["joe", "jane"])
def test_one_alone_reaches_the_end_and_the_other_gets_exactly_the_rest(project: Project, first: str) -> None:
    """S1."""
    second = {"joe": "jane", "jane": "joe"}[first]
    route(project, ("joe", "jane"), "annotations_per_task = 1.2", tasks=150)
    assert "Routing: 1.2 answers per task, dealt out to joe, jane." in project.run("up").stdout
    with Crew(project, ("joe", "jane")) as crew:
        assert crew[first].work() == 150
        assert crew[first].waiting["others"] == 30
        assert crew[first].said["progress"] == 1.0
        assert "0 of 30" in project.run("status").stdout
        done_by_first = set(answered(project))
        assert crew[second].work() == 30
        assert crew[second].said["total"] == 30
        assert crew[second].waiting == {"others": 0, "not_yours": 0, "limit": False, "paused": False, "held": []}
        assert crew[first].work() == 0
        status = project.status()
        assert [(status[name]["answers"], status[name]["part"]) for name in (first, second)] == [(150, 150), (30, 30)]
        assert "  30 of 30  " in project.run("status").stdout
    assert set(answered(project)) == done_by_first
    assert tally(project) == {1: 120, 2: 30}


@pytest.mark.parametrize(("wanted", "expected"), [("1", {1: 150}), ("1.5", {1: 75, 2: 75}), ("2", {2: 150})])
def test_both_at_once_make_the_exact_total(project: Project, wanted: str, expected: dict[int, int]) -> None:
    """S1, other numbers."""
    route(project, ("joe", "jane"), f"annotations_per_task = {wanted}\nseed = 5", tasks=150)
    project.run("up")
    with Crew(project, ("joe", "jane")) as crew:
        assert sum(take_turns([crew["joe"], crew["jane"]], at_once=7)) == sum(k * v for k, v in expected.items())
    assert tally(project) == expected


def test_who_never_comes_keeps_nothing(project: Project) -> None:
    """S2 (a)."""
    route(project, ("joe", "jane"), "annotations_per_task = 1", tasks=150)
    project.run("up")
    with Crew(project, ("joe", "jane")) as crew:
        assert crew["joe"].work() == 150


def test_an_idle_page_keeps_its_tasks_for_a_lease_and_late_answers_are_kept(project: Project) -> None:
    """S2 (b) and (c), for a client that never says what it shows."""
    route(project, ("joe", "jane"), 'annotations_per_task = 1\nlease = "2s"', tasks=150)
    project.run("up")
    with Crew(project, ("joe", "jane")) as crew:
        joe, jane = crew["joe"], crew["jane"]
        assert len(jane.pull()) == 10
        assert len(jane.queue) == len({each["text"] for each in jane.queue})
        first = joe.work(140)
        assert first == 140
        if not joe.pull():  # else two seconds went by already
            [held] = joe.waiting["held"]
            assert (held["session"], held["tasks"]) == ("jane", 10)
            assert held["until"] > 0
            assert joe.said["elsewhere"] == [{"session": "jane", "tasks": 10}]
            eventually(joe.pull)
        assert joe.work() == 10
        assert jane.give(4) == 4
        assert jane.pull() == []
        assert jane.queue == []  # the other six are somebody else's now, and her page is told
    assert tally(project) == {1: 146, 2: 4}


def test_a_page_that_says_what_it_shows_keeps_that_task_alone(project: Project) -> None:
    """S2 (b), for our own page."""
    route(project, ("joe", "jane"), 'annotations_per_task = 1\nlease = "30m"', tasks=40)
    project.run("up")
    with Crew(project, ("joe", "jane")) as crew:
        joe, jane = crew["joe"], crew["jane"]
        jane.screen = "one load of the page"
        jane.pull()
        jane.show()
        assert joe.work() == 39
        [held] = joe.waiting["held"]
        assert (held["session"], held["tasks"]) == ("jane", 1)
        assert jane.work(1) == 1
        assert jane.pull() == []
        assert jane.queue == []
        assert joe.work() == 0
    assert tally(project) == {1: 40}


def test_a_page_learns_what_was_taken_over_while_its_server_was_away(project: Project) -> None:
    route(project, ("joe", "jane"), 'annotations_per_task = 1\nlease = "30m"', tasks=40)
    project.run("up")
    with Crew(project, ("joe", "jane")) as crew:
        joe, jane = crew["joe"], crew["jane"]
        jane.screen = "one load of the page"
        jane.pull()
        jane.show()
        project.run("stop", "jane", "--force")
        assert joe.work() == 39
        project.run("up", "jane")
        assert jane.pull() == []
        assert len(jane.queue) == 1
        assert jane.work(1) == 1
    assert tally(project) == {1: 40}


@pytest.mark.parametrize(("come", "each"), [(6, 4), (4, 6), (1, 12)])
def test_a_small_set_and_many_people(project: Project, come: int, each: int) -> None:
    """S4."""
    names = ("ana", "bob", "cy", "dee", "eve", "fay")
    route(project, names, "annotations_per_task = 2", tasks=12, more="[prodigy]\nbatch_size = 1\n")
    project.run("up", *names[:come])
    with Crew(project, names[:come]) as crew:
        people = list(crew.people.values())
        assert take_turns(people) == [each] * come
        if come == 1:
            assert people[0].waiting["others"] == 12
    assert tally(project) == ({1: 12} if come == 1 else {2: 12})


@pytest.mark.parametrize("wanted", ["2", '"all"'])
def test_everybody_does_everything(project: Project, wanted: str) -> None:
    """S5, with lines that are there twice and lines without a text."""
    more = "[prodigy]\nbatch_size = 60\n"
    route(project, ("joe", "jane"), f"annotations_per_task = {wanted}", tasks=732, more=more)
    with (project.folder / "source.jsonl").open("a") as file:
        file.writelines(json.dumps({"text": f"text {number}"}) + "\n" for number in range(6))
        file.write("{}\nno task\n")
    project.run("up")
    with Crew(project, ("joe", "jane")) as crew:
        assert [crew["joe"].work(), crew["jane"].work()] == [732, 732]
    assert tally(project) == {2: 732}


@pytest.mark.long
def test_five_names_and_two_who_work(project: Project) -> None:
    """S3."""
    names = ("miguel", "francesca", "rosa", "anna", "marina")
    more = "[prodigy]\nbatch_size = 50\n"
    route(project, names, "annotations_per_task = 1.2", tasks=5000, more=more)
    project.run("up", "anna", "marina", "rosa")
    with Crew(project, ("anna", "marina", "rosa")) as crew:
        days = [crew["anna"].work(900), crew["marina"].work(700), crew["anna"].work(900), crew["marina"].work(700)]
        assert days == [900, 700, 900, 700]
        assert crew["rosa"].work(100) == 100
        rest = take_turns([crew["anna"], crew["marina"]], at_once=50)
    assert sum(days) + 100 + sum(rest) == 6000
    assert tally(project) == {1: 4000, 2: 1000}


def test_people_and_tasks_come_and_go_while_all_other_servers_run_on(project: Project) -> None:
    """S8."""
    (project.folder / "other.jsonl").write_text('{"text": "Something else"}\n')
    others = {"x1": 'source = "other.jsonl"', "x2": 'source = "other.jsonl"'}
    routing = "annotations_per_task = 2"

    def up(*names: str, paused: str = "", more: tuple[str, ...] = ()) -> str:
        """Edit the roster and bring it up: only servers that came or went may differ."""
        before = project.pids()
        keys = {**others, **({paused: "paused = true"} if paused else {})}
        project.write_roster((*names, *others), keys=keys, more=f"[routing]\n{routing}\n")
        said = project.run("up", *more).stdout
        after = project.pids()
        assert {name: pid for name, pid in before.items() if name in after} == {
            name: pid for name, pid in after.items() if name in before
        }
        return said

    project.write_source(200)
    up("ana")
    with Crew(project, ("ana",)) as crew:
        assert crew["ana"].work(50) == 50
        assert "Routing: bob joined." in up("ana", "bob")
        crew.find(("bob",))
        assert crew["bob"].work(50) == 50
        assert crew["bob"].pull()
        assert "Routing: bob is paused." in up("ana", "bob", paused="bob")
        assert crew["bob"].pull() == []
        assert crew["bob"].waiting["paused"]
        assert "Routing: cy joined." in up("ana", "bob", "cy", paused="bob")
        with Path(project.folder / "source.jsonl").open("a") as file:
            file.writelines(json.dumps({"text": f"added {number}"}) + "\n" for number in range(50))
        assert "Routing: source.jsonl has 50 new lines." in up("ana", "bob", "cy", paused="bob")
        assert crew["ana"].work(130) == 130
        assert crew["ana"].pull()
        said = up("bob", "cy", paused="bob", more=("--remove-orphans",))
        assert "Routing: ana left." in said
        crew.find(("cy",))
        assert crew["cy"].work() == 200  # ana and bob have done 50 together
        lacking = crew["cy"].waiting["others"]
        assert lacking == 500 - 180 - 50 - 200
        assert "Routing: bob is back." in up("bob", "cy")
        crew.find(("bob",))  # his server went with ana's
        assert crew["bob"].work() == lacking
    assert tally(project) == {2: 250}


def test_a_dry_run_says_what_would_change_and_changes_nothing(project: Project) -> None:
    route(project, ("joe", "jane"), "annotations_per_task = 1.2", tasks=12)
    assert "Routing: 1.2 answers per task, dealt out to joe, jane." in project.run("up", "--dry-run").stdout
    assert not project.state.exists()
    project.run("up")
    rules = (project.state / "routing.json").read_bytes()
    assert "Routing" not in project.run("up").stdout
    route(project, ("joe", "jane"), "annotations_per_task = 2", tasks=12, joe="limit = 3")
    said = project.run("up", "--dry-run").stdout
    assert "Routing: joe's limit none -> 3; annotations_per_task 1.2 -> 2; source.jsonl has changed." in said
    assert (project.state / "routing.json").read_bytes() == rules
    pids = project.pids()
    project.run("up")
    assert project.pids() == pids
    with Crew(project, ("joe", "jane")) as crew:
        assert [crew["joe"].work(), crew["joe"].waiting["limit"]] == [3, True]
        assert crew["jane"].work() == 12


def test_named_sessions_of_a_shared_server_are_people_like_others(project: Project) -> None:
    more = '[[server]]\nname = "pool"\nannotators = ["ana", "bob"]\n'
    route(project, ("joe",), "annotations_per_task = 1.5", tasks=40, more=more)
    project.run("up")
    with Crew(project, ("joe",)) as own, Crew(project, ("ana", "bob"), shared="pool") as crew:
        done = take_turns([own["joe"], crew["ana"], crew["bob"]], at_once=3)
    assert sum(done) == 60
    assert tally(project) == {1: 20, 2: 20}


def test_people_come_to_a_shared_server_and_go_while_it_runs(project: Project) -> None:
    def up(*names: str, keys: str = "") -> str:
        listed = ", ".join(f'"{name}"' for name in names)
        pool = f'[[server]]\nname = "pool"\nannotators = [{listed}]\n'
        project.write_roster((), more=f"{pool}[routing]\nannotations_per_task = 2\n{keys}")
        return project.run("up").stdout

    project.write_source(30)
    up("ana", "bob")
    pids = project.pids()
    with Crew(project, ("ana", "bob"), shared="pool") as crew:
        assert crew["ana"].work(10) == 10
        refused = crew["ana"].client.post("/get_session_questions", json={"session_id": "headlines_pool-cy"})
        assert refused.status_code == 403
        paused = '[[annotator]]\nname = "bob"\npaused = true\n'
        assert "Routing: bob is paused; cy joined." in up("ana", "bob", "cy", keys=paused)
        crew.find(("cy",))
        assert crew["cy"].work() == 30
        assert crew["bob"].pull() == []
        assert crew["bob"].waiting["paused"]
        assert "Routing: dee joined; bob left; ana left." in up("cy", "dee")
        crew.find(("dee",))
        assert crew["ana"].pull() == []
        assert crew["dee"].work() == 20
    assert project.pids() == pids
    assert project.status()["pool"]["annotators"] == ["cy", "dee"]
    assert tally(project) == {2: 30}


def test_what_the_roster_keeps_from_somebody_is_said(project: Project) -> None:
    (project.folder / "rules.py").write_text("def may(task, annotator):\n    return task['text'] != 'text 0'\n")
    route(
        project,
        ("joe", "jane"),
        'annotations_per_task = 1\nrouter = "rules.py:may"',
        tasks=0,
        joe='only = { lang = "sv" }',
    )
    languages = ["sv" if number % 3 else "en" for number in range(12)]
    with (project.folder / "source.jsonl").open("w") as file:
        for number, language in enumerate(languages):
            file.write(json.dumps({"text": f"text {number}", "meta": {"lang": language}}) + "\n")
    project.run("up")
    with Crew(project, ("joe", "jane")) as crew:
        assert crew["joe"].work() == 8
        assert (crew["joe"].waiting["not_yours"], crew["joe"].waiting["others"]) == (4, 0)
        assert crew["jane"].work() == 3
        assert crew["jane"].waiting["not_yours"] == 1
    assert "text 0" not in answered(project)


def test_indexes_and_ledger_removed_under_running_servers_are_made_again(project: Project) -> None:
    route(project, ("joe", "jane"), "annotations_per_task = 1.5", tasks=20)
    project.run("up")
    with Crew(project, ("joe", "jane")) as crew:
        crew["joe"].work(7)
        shutil.rmtree(project.state / "index")
        for path in project.state.glob("ledger.db*"):
            path.unlink()
        crew["joe"].queue.clear()
        assert crew["joe"].work() == 13
        assert crew["jane"].work() == 10
    assert tally(project) == {1: 10, 2: 10}


def test_gold_is_mixed_in_without_its_answer_and_counts_for_nothing(project: Project) -> None:
    with (project.folder / "gold.jsonl").open("w") as file:
        for number in range(3):
            file.write(json.dumps({"text": f"gold {number}", "accept": ["A"], "answer": "accept"}) + "\n")
    route(project, ("joe",), 'annotations_per_task = 1\ngold = "gold.jsonl"\ngold_rate = 0.3', tasks=40)
    project.run("up")
    with Crew(project, ("joe",)) as crew:
        shown = list(crew["joe"].pull())
        while crew["joe"].queue:
            crew["joe"].give(len(crew["joe"].queue))
            shown += crew["joe"].pull()
    assert len({tuple(sorted(task)) for task in shown}) == 1  # gold looks like any other
    texts = [task["text"] for task in shown]
    assert len(texts) == len(set(texts))
    assert sum(text.startswith("text") for text in texts) == 40
    assert 0 < sum(text.startswith("gold") for text in texts) <= 3
    assert sum(answered(project).values()) == len(texts)


def test_each_answer_says_to_which_version_of_the_task_it_was_given(project: Project) -> None:
    route(project, ("joe",), "annotations_per_task = 1", tasks=12, joe='version = "2"')
    project.run("up")
    with Crew(project, ("joe",)) as crew:
        crew["joe"].pull()
        assert crew["joe"].queue[0]["_version"] == "2"
        del crew["joe"].queue[0]["_version"]
        crew["joe"].work()
        rows = crew["joe"].client.post("/get_session_answers", json={}).json()["answers"]
    assert {row["_version"] for row in rows} == {"2"}
