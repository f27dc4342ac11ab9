"""plan, coverage and progress beside running servers: they tell the same numbers, and nobody's tasks change."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from dealing_support import Crew, answered, tally
from team_support import Project


def numbers(project: Project) -> dict[str, Any]:
    """What the commands say of the only pool."""
    found = {}
    for command in ("plan", "coverage", "progress"):
        (found[command],) = project.json(command)["pools"]
    return found


def leases(project: Project) -> list[tuple[Any, ...]]:
    """Everything the ledger has leased."""
    with closing(sqlite3.connect(f"file:{project.state}/ledger.db?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT * FROM lease ORDER BY task, person").fetchall()


def test_one_and_the_same_numbers_half_way(project: Project) -> None:
    """S1: 150 x 1.2, joe has done 110, jane has a page open."""
    project.write_source(150)
    project.write_roster(("joe", "jane"), more="[routing]\nannotations_per_task = 1.2\n")
    before = numbers(project)
    assert {(found["wanted"], found["counted"]) for found in before.values()} == {(180, 0)}
    missing = project.json("coverage", "--missing")["pools"][0]["missing"]
    twice = {gap["task"] for gap in missing if gap["lacks"] == 2}

    project.run("up")
    with Crew(project, ("joe", "jane")) as crew:
        assert crew["joe"].work(110) == 110
        held = len(crew["jane"].pull())
        crew["joe"].pull()
        taken = leases(project)
        found = numbers(project)
        assert leases(project) == taken

        merged = project.json("merge", "--dry-run")["read"]
        assert found["coverage"]["counted"] == found["progress"]["counted"] == merged == 110
        assert found["plan"]["counted"] == 110 + len(taken)
        people = {each["name"]: each for each in found["progress"]["annotators"]}
        assert (people["joe"]["done"], people["jane"]["done"], people["jane"]["leased"]) == (110, 0, held)
        assert (people["joe"]["left"], people["jane"]["left"]) == (40, 150 - (110 - _twice_done(found)))

        crew["joe"].work()
        crew["jane"].work()
        done = numbers(project)
    assert tally(project) == {1: 120, 2: 30}
    assert [done["coverage"][key] for key in ("exact", "under", "over", "surplus")] == [150, 0, 0, 0]
    assert done["plan"]["counted"] == done["progress"]["counted"] == 180
    assert "Complete." in project.run("coverage").stdout
    by_two = {text for text, people in answered(project).items() if people == 2}
    assert by_two == twice, "what plan and coverage draw before the first start is what is dealt out"


def _twice_done(found: dict[str, Any]) -> int:
    """How many of joe's tasks need somebody else."""
    coverage = found["coverage"]
    return int(coverage["under"] - coverage["untouched"])


def test_the_ledger_is_made_anew_while_people_work(project: Project) -> None:
    project.write_source(60)
    project.write_roster(("joe", "jane"), more="[routing]\nannotations_per_task = 1.5\n")
    project.run("up")
    with Crew(project, ("joe", "jane")) as crew:
        crew["joe"].work(20)
        held = {each["text"] for each in crew["jane"].pull()}
        (found,) = project.json("ledger", "rebuild")["pools"]
        assert (found["tasks"], found["twice"], found["answers"]) == (60, 30, 20)
        assert found["leases"] == found["leases_before"] >= len(held)
        crew["jane"].queue.clear()
        assert {each["text"] for each in crew["jane"].pull()} == held
        while crew["joe"].work() + crew["jane"].work():
            pass
    assert tally(project) == {1: 30, 2: 30}


def test_an_earlier_version_is_asked_again_of_the_same_person(project: Project) -> None:
    project.write_source(12)
    routing = "[routing]\nannotations_per_task = 1\n"
    project.write_roster(("joe", "jane"), task='version = "1"', more=routing)
    project.run("up")
    with Crew(project, ("joe", "jane")) as crew:
        assert crew["joe"].work(5) == 5
        crew["jane"].work()
        crew["joe"].work()
    done = {name: each["tasks"] for each in project.json("coverage")["pools"][0]["people"] if (name := each["name"])}
    project.write_roster(("joe", "jane"), task='version = "2"', more=routing)
    project.run("up", "--now")
    with Crew(project, ("joe", "jane")) as crew:
        joe, jane = crew["joe"], crew["jane"]
        assert joe.pull() == jane.pull() == []
        project.run("reopen", "--version", "1", "--annotator", "joe")
        tasks = joe.pull()
        assert len(tasks) == done["joe"]
        assert jane.pull() == []
        answers = [{**task, "answer": "reject", "_answer_id": f"again-{task['_task_hash']}"} for task in tasks]
        reply = joe.client.post("/give_answers", json={"answers": answers, "session_id": joe.session})
        assert reply.status_code == 200, reply.text
        joe.queue.clear()
        assert joe.pull() == jane.pull() == []
    (found,) = project.json("coverage")["pools"]
    assert [found[key] for key in ("read", "counted", "reopened", "surplus")] == [12 + len(tasks), 12, len(tasks), 0]
    versions = {each["version"]: each["answers"] for each in found["versions"]}
    assert versions == {"1": done["jane"], "2": done["joe"]}
