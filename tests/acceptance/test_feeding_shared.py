"""[routing] on a shared server of the Prodigy engine: one stand-in for each annotator, all on one dataset."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from dealing_support import tally
from feeding_support import in_turns, reading, touched_by
from gateway_support import hidden_fields
from prodigy_team.feeding.loader import order_of
from prodigy_team.gateway.accounts import Accounts
from prodigy_team.gateway.passwords import hash_password
from support import eventually, free_ports
from team_support import Project, a_project, give, pull

PASSWORD = "Korrekt Pferd Batterie"
POOL = '[[server]]\nname = "pool"\nannotators = ["joe", "jane"]\n'


@pytest.fixture
def shared(tmp_path: Path, standin_python: Path) -> Iterator[Project]:
    """Joe and jane share a server whose tasks are dealt out."""
    with a_project(tmp_path, engine="prodigy", ports=4) as found:
        write(found, standin_python)
        yield found


def write(project: Project, python: Path, *, tasks: int = 30, engine: str = "prodigy", **keys: str) -> None:
    """Its roster and source."""
    project.engine = engine
    project.write_source(tasks)
    more = f"[routing]\nannotations_per_task = 1.2\n{keys.get('prodigy', '')}{POOL}{keys.get('server', '')}"
    project.write_roster((), team=f'python = "{python}"\n', task=keys.get("task", ""), more=more)


def said(project: Project, command: str) -> dict[str, Any]:
    """What a command says of the pool."""
    [found] = project.json(command)["pools"]
    result: dict[str, Any] = found
    return result


def test_one_alone_reaches_the_end_and_the_other_gets_exactly_the_rest(shared: Project) -> None:
    """S1, although what joe has answered stands in the dataset that jane's Prodigy writes."""
    note = "pool runs as one Prodigy for each of its annotators (pool-joe, pool-jane), all on dataset headlines_pool"
    assert note in shared.run("up", "joe").stdout
    with reading(shared, "joe") as joe:
        assert joe.work() == 30
    assert touched_by(shared, "jane") == 0
    done = shared.run("up").stdout
    assert note in done
    assert set(shared.entries("stop", "jane")) == {"pool-jane"}  # what joe has just answered is no work of hers
    assert "joe answered" in shared.run("stop", "joe", code=3).stdout
    shared.run("up", "jane")
    assert "nothing to do" in (again := shared.run("up").stdout)
    assert note not in again
    with reading(shared, "jane") as jane:
        assert jane.work() == 6
    assert tally(shared) == {1: 24, 2: 6}
    coverage = said(shared, "coverage")
    assert [coverage[key] for key in ("exact", "under", "over", "surplus")] == [30, 0, 0, 0]
    assert {each["name"]: each["tasks"] for each in coverage["people"]} == {"joe": 30, "jane": 6}
    assert {name: each["answers"] for name, each in shared.status().items()} == {"pool-joe": 30, "pool-jane": 6}
    merged = shared.json("merge")
    assert (merged["read"], merged["used"]) == (36, 36)


@pytest.mark.long
def test_both_at_once_make_the_exact_total(shared: Project) -> None:
    shared.run("up")
    with reading(shared, "joe") as joe, reading(shared, "jane") as jane:
        assert in_turns(joe, jane) == 36
    assert tally(shared) == {1: 24, 2: 6}


def test_each_is_started_for_one_and_told_to_ask_what_the_others_have_answered(
    shared: Project, standin_python: Path
) -> None:
    record = shared.folder / "record"
    write(shared, standin_python, task=f'env = {{ STANDIN_RECORD = "{record}" }}', server=f"port = {shared.ports[2]}\n")
    (shared.folder / "prodigy.json").write_text('{"feed_overlap": false}')
    entries = shared.entries("up")
    starts = {
        each["environ"]["PRODIGY_ALLOWED_SESSIONS"]: each for each in map(json.loads, record.read_text().splitlines())
    }
    assert set(starts) == {"joe", "jane"}
    for name, start in starts.items():
        assert start["argv"] == ["textcat.manual", "headlines_pool", "-", "--label", "A,B"]
        assert json.loads(start["environ"]["PRODIGY_CONFIG_OVERRIDES"])["feed_overlap"] is True
        assert entries[f"pool-{name}"]["url"].endswith(f"/?session={name}")
    ports = {name: each["port"] for name, each in shared.status("pool").items()}
    assert ports == {"pool-joe": shared.ports[2], "pool-jane": shared.ports[0]}
    assert {each["part_of"] for each in shared.status().values()} == {"pool"}
    assert "pool-joe, pool-jane, each with a log of its own" in shared.run("logs", "pool", code=2).stderr
    assert shared.run("logs", "jane").stdout == shared.run("logs", "pool-jane").stdout
    assert set(shared.entries("stop", "jane")) == {"pool-jane"}
    assert set(shared.entries("stop", "pool")) == {"pool-joe", "pool-jane"}
    assert set(shared.entries("up", "pool")) == {"pool-joe", "pool-jane"}


def test_what_prodigy_could_not_do_is_refused_before_anything_starts(shared: Project) -> None:
    (shared.folder / "prodigy.json").write_text('{"annotations_per_task": 2}')
    for command in ("up", "check"):
        assert "both say who gets a task of pool" in shared.run(command, code=2).stderr
    (shared.folder / "prodigy.json").unlink()
    shared.roster.write_text(shared.roster.read_text().replace('annotators = ["joe", "jane"]\n', ""))
    for command in ("up", "check"):
        assert "Name the annotators of pool" in shared.run(command, code=2).stderr


@pytest.mark.parametrize("ports", [2, 4])
def test_another_engine_takes_the_place_of_the_shape_before(tmp_path: Path, standin_python: Path, ports: int) -> None:
    """There and back, on the same ports; who is in the middle is not cut off."""
    with a_project(tmp_path, ports=ports) as project:
        write(project, standin_python, engine="embedded")
        assert set(project.entries("up")) == {"pool"}
        with project.client("pool") as page:
            tasks = pull(page, "headlines_pool-joe")
            assert give(page, tasks[:1], "headlines_pool-joe").status_code == 200
            write(project, standin_python)
            entries = project.entries("up", code=3)
            assert set(entries) == {"pool"}
            assert entries["pool"]["action"] == "keep"
            assert "Not yet one for each of its annotators: somebody answered" in entries["pool"]["problem"]
            assert give(page, tasks[1:], "headlines_pool-joe").status_code == 200
            assert len(more := pull(page, "headlines_pool-joe")) > 0  # its people are still dealt to
        assert project.status("pool")["pool"]["problem"] == ""
        entries = project.entries("up", "joe", "--now")
        assert {name: each["action"] for name, each in entries.items()} == {
            "pool": "stop",
            "pool-joe": "start",
            "pool-jane": "start",
        }
        assert project.states() == {"pool-joe": "running", "pool-jane": "running"}
        assert set(project.marked()) == {"pool-joe", "pool-jane"}
        with reading(project, "joe") as joe:
            assert {each["text"] for each in joe.pull()} <= {each["text"] for each in more}
            joe.give(joe.pull())
        assert order_of(f"{project.roster}#jane", project.environ, project.folder).server == "pool-jane"
        write(project, standin_python, engine="embedded")
        kept = project.entries("up", code=3)
        assert {name: each["action"] for name, each in kept.items()} == {"pool-joe": "keep", "pool-jane": "keep"}
        project.lockfile.unlink()  # what they are is known without it
        assert project.run("restart", code=3).stdout.count("Not yet one for all its annotators") == 1
        assert set(project.entries("restart", "--force")) == {"pool", "pool-joe", "pool-jane"}
        assert project.states() == {"pool": "running"}
        assert set(project.marked()) == {"pool"}
        assert project.status()["pool"]["port"] in project.ports


def test_the_gateway_leads_each_to_their_own(shared: Project, standin_python: Path) -> None:
    (port,) = free_ports(1)
    write(shared, standin_python, server=f"[gateway]\nport = {port}\n")
    assert {name: each["state"] for name, each in shared.entries("up").items()} == {
        "gateway": "running",
        "pool-joe": "asleep",
        "pool-jane": "asleep",
    }
    with closing(Accounts(shared.state)) as accounts:
        accounts.set_password("jane", hash_password(PASSWORD))
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as jane:
        fields = hidden_fields(jane.get("/login", headers={"accept": "text/html"}).text)
        jane.post("/login", data={**fields, "name": "jane", "password": PASSWORD})
        eventually(lambda: jane.get("/a/jane/version").status_code == 200)
        reply = jane.post("/a/jane/get_session_questions", json={"session_id": "headlines_pool-jane"})
        assert len(reply.json()["tasks"]) == 3
        assert jane.get("/a/joe/version").status_code == 403
    assert shared.states() == {"gateway": "running", "pool-joe": "asleep", "pool-jane": "running"}
