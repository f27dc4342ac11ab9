"""[routing] on the Prodigy engine: tasks are piped to the stand-in one at a time, leased as it takes them."""

from __future__ import annotations

import importlib
import json
import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import tomli

from dealing_support import tally
from feeding_support import ended, in_turns, pool, reading, touched_by
from prodigy_team.errors import UsageError
from prodigy_team.feeding.loader import load
from support import ROOT, eventually
from team_support import Project, a_project


@pytest.fixture
def fed(tmp_path: Path, standin_python: Path) -> Iterator[Project]:
    """Joe and jane, each with a server of their own that runs the stand-in."""
    with a_project(tmp_path, engine="prodigy") as found:
        route(found, standin_python, "annotations_per_task = 1.2")
        yield found


def route(project: Project, python: Path, routing: str, *, tasks: int = 50, more: str = "", **team: str) -> None:
    """Write a roster whose tasks are dealt out, and its source."""
    project.write_source(tasks)
    keys = "".join(f"{key} = {value}\n" for key, value in team.items())
    project.write_roster(("joe", "jane"), team=f'python = "{python}"\n{keys}', more=f"[routing]\n{routing}\n{more}")


@pytest.mark.parametrize("tasks", [50, pytest.param(150, marks=pytest.mark.long)])
def test_one_alone_reaches_the_end_and_the_other_gets_exactly_the_rest(
    fed: Project, standin_python: Path, tasks: int
) -> None:
    """S1."""
    route(fed, standin_python, "annotations_per_task = 1.2", tasks=tasks)
    assert "Routing: 1.2 answers per task" in fed.run("up").stdout
    with reading(fed, "joe") as joe, reading(fed, "jane") as jane:
        assert touched_by(fed, "jane") <= 2  # one taken at the start, one in the pipe
        done = joe.work()
        held = touched_by(fed, "jane")
        assert done >= tasks - held
        assert jane.work() == tasks * 6 // 5 - done
    assert tally(fed) == {1: tasks * 4 // 5, 2: tasks // 5}


@pytest.mark.long
def test_both_at_once_make_the_exact_total(fed: Project, standin_python: Path) -> None:
    """S1, in turns: near the end each waits for what the other still holds, and for neither it is for ever."""
    route(fed, standin_python, "annotations_per_task = 1.2", tasks=150)
    fed.run("up")
    with reading(fed, "joe") as joe, reading(fed, "jane") as jane:
        assert in_turns(joe, jane) == 180
    assert tally(fed) == {1: 120, 2: 30}


def test_a_server_is_fed_through_its_standard_input(fed: Project) -> None:
    record = f'env = {{ STANDIN_RECORD = "{fed.folder / "record"}" }}'
    fed.roster.write_text(fed.roster.read_text().replace("[task]\n", f"[task]\n{record}\n"))
    fed.run("up", "joe")
    [start] = [json.loads(line) for line in (fed.folder / "record").read_text().splitlines()]
    assert start["argv"] == ["textcat.manual", "headlines_joe", "-", "--label", "A,B"]
    overrides = json.loads(start["environ"]["PRODIGY_CONFIG_OVERRIDES"])
    assert (overrides["instant_submit"], overrides["batch_size"]) == (True, 3)
    assert "save, then reload" in Path(overrides["instructions"]).read_text()
    [pids] = fed.marked().values()
    leader = fed.pids()["joe"]
    assert len(pids) == 2
    assert {os.getpgid(pid) for pid in pids} == {leader}
    assert fed.status()["joe"]["tasks"] == 50


def test_what_roster_and_prodigy_json_say_beats_what_is_best_for_feeding(fed: Project, standin_python: Path) -> None:
    (fed.folder / "prodigy.json").write_text('{"instructions": "own.html"}')
    (fed.folder / "own.html").write_text("ours")
    more = f'[prodigy]\nbatch_size = 5\n[task.env]\nSTANDIN_RECORD = "{fed.folder / "record"}"\n'
    route(fed, standin_python, "annotations_per_task = 1", more=more)
    fed.run("up", "joe")
    [start] = [json.loads(line) for line in (fed.folder / "record").read_text().splitlines()]
    overrides = json.loads(start["environ"]["PRODIGY_CONFIG_OVERRIDES"])
    assert overrides["batch_size"] == 5
    assert "instructions" not in overrides
    with reading(fed, "joe") as joe:
        assert len(joe.pull()) == 5


@pytest.mark.parametrize("whom", ["feeder", "prodigy"])
def test_whoever_of_the_two_is_killed_the_open_tasks_come_first_again(fed: Project, whom: str) -> None:
    fed.run("up", "joe")
    leader = fed.pids()["joe"]
    [pids] = fed.marked().values()
    [child] = [pid for pid in pids if pid != leader]
    with reading(fed, "joe") as joe:
        joe.give(joe.pull())
        lost = joe.pull()
        held = eventually(lambda: held_by(fed, "joe", at_least=4))
    os.kill(leader if whom == "feeder" else child, signal.SIGKILL)
    if whom == "prodigy":
        eventually(lambda: fed.marked() == {}, message="an end of the feeder")
    else:
        # what was on screen can still be answered
        eventually(lambda: fed.marked()["joe"] == [child], message="an end of the feeder alone")
    entry = eventually(lambda: fed.entries("up", "--revive").get("joe"))
    assert (entry["action"], entry["state"]) == ("start", "running")
    [pids] = fed.marked().values()
    assert not {leader, child} & set(pids)
    with reading(fed, "joe") as joe:
        again = joe.pull()
        assert [each["text"] for each in again] == [each["text"] for each in lost]
        assert eventually(lambda: held_by(fed, "joe", at_least=4)) == held  # one of them lay in the pipe


def held_by(project: Project, name: str, *, at_least: int) -> list[bytes]:
    """The tasks that somebody holds, in order, once there are so many; before that none."""
    found = [each.identity for each in pool(project).leases if each.person == name]
    return found if len(found) >= at_least else []


def test_stop_leaves_nothing_behind_and_up_goes_on_where_it_was(fed: Project) -> None:
    fed.run("up")
    with reading(fed, "joe") as joe:
        joe.give(joe.pull())
        lost = joe.pull()
    stopped = fed.entries("stop", "--force", "--grace", "20")
    assert {each["state"] for each in stopped.values()} == {"stopped"}
    assert fed.marked() == {}
    log = (fed.state / "logs" / "joe.log").read_text()
    assert "Traceback" not in log, log
    fed.run("up")
    with reading(fed, "joe") as joe, reading(fed, "jane") as jane:
        again = joe.pull()
        assert [each["text"] for each in again] == [each["text"] for each in lost]
        joe.give(again)
        done = 3 + len(again) + joe.work()
        assert done + jane.work() == 60
    assert tally(fed) == {1: 40, 2: 10}


def test_a_signal_to_the_feeder_alone_reaches_prodigy(fed: Project) -> None:
    fed.run("up", "joe")
    os.kill(fed.pids()["joe"], signal.SIGTERM)
    eventually(lambda: fed.marked() == {}, message="an end of both")


def test_prodigys_exit_code_is_the_servers(fed: Project) -> None:
    text = fed.roster.read_text().replace("[task]\n", '[task]\nenv = { STANDIN_FAIL = "7" }\n')
    fed.roster.write_text(text)
    entry = fed.entries("up", "joe", code=3)["joe"]
    assert (entry["state"], entry["exit_code"]) == ("failed", 7)
    assert "Can't find model 'en_core_web_md'" in entry["problem"]


def test_new_tasks_start_an_ended_stream_anew(fed: Project, standin_python: Path) -> None:
    """By `up` at once for whom nobody has answered to; for somebody in the middle not before they are told to."""
    route(fed, standin_python, "annotations_per_task = 1", tasks=12)
    fed.run("up", "joe")
    with reading(fed, "joe") as joe:
        assert joe.work() == 12
    eventually(lambda: ended(fed, "joe"))
    assert fed.entries("up")["joe"]["action"] == "keep"
    eventually(lambda: ended(fed, "jane"))
    before = fed.pids()
    route(fed, standin_python, "annotations_per_task = 1", tasks=14)
    entries = fed.entries("up")
    assert (entries["joe"]["action"], entries["jane"]["action"]) == ("keep", "restart")
    assert "there is work again" in entries["jane"]["detail"]
    assert fed.pids()["joe"] == before["joe"]
    with reading(fed, "jane") as jane:
        assert jane.work() == 2
    assert tally(fed) == {1: 14}


def test_what_was_lost_starts_an_ended_stream_anew(fed: Project, standin_python: Path) -> None:
    """Jane's page has lost all it was given; `up --revive` brings it back when the leases are over."""
    route(fed, standin_python, 'annotations_per_task = 1\nlease = "3s"', tasks=12)
    fed.run("up", "jane")
    with reading(fed, "jane") as jane:
        assert sum(len(tasks) for tasks in iter(jane.pull, [])) == 12
    eventually(lambda: ended(fed, "jane"))
    before = fed.pids()

    def restarted() -> bool:
        return fed.entries("up", "--revive").get("jane", {}).get("action") == "restart"

    eventually(restarted)
    assert fed.pids()["jane"] != before["jane"]
    with reading(fed, "jane") as jane:
        assert jane.work() == 12
    assert tally(fed) == {1: 12}


def test_a_loader_leases_each_task_when_it_is_asked_for(fed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """For who starts Prodigy by hand, with this package beside it."""
    fed.run("up", "jane")
    overrides = {"db_settings": {"sqlite": {"name": "answers.db", "path": str(fed.folder)}}}
    monkeypatch.setenv("PRODIGY_CONFIG_OVERRIDES", json.dumps(overrides))
    [point] = [each for each in entry_points_declared() if each == "prodigy_team.feeding.loader:load"]
    module, _, function = point.partition(":")
    tasks = getattr(importlib.import_module(module), function)(f"{fed.roster}#joe")
    with closing(tasks):
        texts = [next(tasks)["text"] for _ in range(4)]
        assert len(held_by(fed, "joe", at_least=1)) == 4
    with closing(load(f"{fed.roster}#joe")) as again:
        assert [next(again)["text"] for _ in range(5)][:4] == texts
    assert len(set(texts)) == 4
    with pytest.raises(UsageError, match="no tasks to a server nobody"):
        next(load(f"{fed.roster}#nobody"))


def entry_points_declared() -> list[str]:
    """The loaders that pyproject.toml registers with Prodigy."""
    content = tomli.loads((ROOT / "pyproject.toml").read_text())
    return list(content["project"]["entry-points"]["prodigy_loaders"].values())
