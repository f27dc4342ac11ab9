"""The Prodigy engine from roster to export, against a stand-in that records what it was given. Not Prodigy itself."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from standin_fixture import STANDIN
from team_support import Project, a_project, annotate_all


@pytest.fixture
def licensed(tmp_path: Path, standin_python: Path) -> Iterator[Project]:
    """Two annotators with a server each, and two who share one."""
    with a_project(tmp_path, engine="auto") as found:
        write(found, standin_python)
        yield found


def write(project: Project, python: Path, *, team: str = "", env: str = "") -> None:
    """Its roster."""
    pool = '[[server]]\nname = "pool"\nannotators = ["ana", "bob"]\n'
    record = f'env = {{ STANDIN_RECORD = "{project.folder / "record"}"{env} }}'
    names = ("joe", "jane", "ana", "bob")
    project.write_roster(names, team=f'python = "{python}"\n{team}', task=record, more=pool)


def starts(project: Project) -> dict[str, dict[str, Any]]:
    """What each server was given at its last start, by dataset."""
    lines = [json.loads(line) for line in (project.folder / "record").read_text().splitlines()]
    return {each["argv"][1]: each for each in lines}


def test_a_server_is_given_what_the_contract_says(licensed: Project) -> None:
    entries = licensed.entries("up")
    assert {each["engine"] for each in entries.values()} == {"prodigy"}  # auto found it
    joe = starts(licensed)["headlines_joe"]
    source = str(licensed.folder / "source.jsonl")
    assert joe["argv"] == ["textcat.manual", "headlines_joe", source, "--label", "A,B"]
    assert joe["cwd"] == str(licensed.folder)
    environ = joe["environ"]
    assert environ["PRODIGY_HOST"] == "127.0.0.1"
    assert environ["PRODIGY_PORT"] == str(licensed.ports[0])
    assert environ["PRODIGY_ALLOWED_SESSIONS"] == "joe"
    assert environ["PRODIGY_HOME"] == licensed.environ["PRODIGY_HOME"]
    overrides = json.loads(environ["PRODIGY_CONFIG_OVERRIDES"])
    assert overrides["db"] == "sqlite"
    assert overrides["db_settings"] == {"sqlite": {"name": "answers.db", "path": str(licensed.folder)}}
    assert starts(licensed)["headlines_pool"]["environ"]["PRODIGY_ALLOWED_SESSIONS"] == "ana,bob"
    assert entries["joe"]["url"] == f"http://127.0.0.1:{licensed.ports[0]}/?session=joe"
    assert "?" not in entries["pool"]["url"]


def test_the_shells_prodigy_variables_stay_outside_and_are_named(licensed: Project) -> None:
    done = licensed.run("up", "joe", PRODIGY_LOGGING="verbose", PRODIGY_PORT="1")
    assert "PRODIGY_LOGGING" in done.stdout
    environ = starts(licensed)["headlines_joe"]["environ"]
    assert "PRODIGY_LOGGING" not in environ
    assert environ["PRODIGY_PORT"] == str(licensed.ports[0])


def test_answers_go_from_server_to_merge_and_export(licensed: Project) -> None:
    licensed.run("up")
    pids = licensed.pids()
    assert "nothing to do" in licensed.run("up").stdout
    assert licensed.pids() == pids
    for name in ("joe", "jane"):
        with licensed.client(name) as client:
            assert annotate_all(client, f"headlines_{name}-{name}") == 12
    with licensed.client("pool") as client:
        shared = [annotate_all(client, f"headlines_pool-{name}") for name in ("ana", "bob")]
    assert sum(shared) == 12  # each task to one of them
    assert {name: each["answers"] for name, each in licensed.status().items()} == {"joe": 12, "jane": 12, "pool": 12}
    licensed.run("stop", "--force")
    assert licensed.marked() == {}
    licensed.run("merge")
    licensed.run("export", "headlines_gold", "--output", "gold.jsonl")
    assert len((licensed.folder / "gold.jsonl").read_text().splitlines()) == 36


def test_prodigy_that_has_disappeared_is_never_replaced_silently(licensed: Project, plain_python: Path) -> None:
    licensed.run("up")
    pids = licensed.pids()
    write(licensed, plain_python)
    done = licensed.run("up", code=1)
    assert "Prodigy is not installed" in done.stderr
    assert 'engine = "embedded"' in done.stderr
    assert licensed.pids() == pids
    assert licensed.json("status")["engine"] == "prodigy"


def test_a_recipe_that_fails_is_shown_with_its_last_words(licensed: Project, standin_python: Path) -> None:
    write(licensed, standin_python, env=', STANDIN_FAIL = "7"')
    entry = licensed.entries("up", "joe", code=3)["joe"]
    assert (entry["state"], entry["exit_code"]) == ("failed", 7)
    assert "exited 7" in entry["problem"]
    assert "Can't find model 'en_core_web_md'" in entry["problem"]
    assert "E050" in entry["log_tail"][-1]


@pytest.mark.alone
def test_as_many_start_at_once_as_the_roster_says(licensed: Project, standin_python: Path) -> None:
    write(licensed, standin_python, team="start_at_once = 1", env=', STANDIN_SLOW = "1"')
    began = time.monotonic()
    licensed.run("up")
    one_by_one = time.monotonic() - began
    licensed.run("stop", "--force")
    write(licensed, standin_python, team="start_at_once = 3", env=', STANDIN_SLOW = "1"')
    began = time.monotonic()
    licensed.run("up")
    assert one_by_one > 3.0
    assert time.monotonic() - began < one_by_one


def test_servers_that_never_answer_do_not_keep_the_others_waiting_for_ever(
    licensed: Project, standin_python: Path
) -> None:
    write(licensed, standin_python, team="start_at_once = 1", env=', STANDIN_SLOW = "90"')
    entries = licensed.entries("up", "--timeout", "1.5", code=3)
    assert {each["state"] for each in entries.values()} == {"starting"}


def test_a_foreign_port_is_named_before_anything_is_launched(licensed: Project) -> None:
    licensed.run("up", "joe")
    licensed.run("stop", "joe", "--force")
    foreign = licensed.foreign_listener(licensed.ports[0])
    entries = licensed.entries("up", code=3)
    assert f"pid {foreign.pid}" in entries["joe"]["problem"]
    assert entries["jane"]["state"] == entries["pool"]["state"] == "running"
    assert foreign.poll() is None


def test_exec_runs_beside_the_servers(licensed: Project) -> None:
    assert STANDIN.exists()
    assert "1.18.4+standin" in licensed.run("exec", "python", "-m", "prodigy", "stats").stdout


def test_routing_is_refused_on_prodigys_engine_with_the_reason(licensed: Project, standin_python: Path) -> None:
    routing = "[routing]\nannotations_per_task = 1.2\n"
    licensed.write_roster(
        team=f'python = "{standin_python}"', task='recipe = "textcat.teach"\nargs = ["blank:en", "file"]', more=routing
    )
    said = licensed.run("up", code=2).stderr
    assert "textcat.teach asks none, one or several questions of a task" in said
    assert "Write {source} in its place." in said
    assert not licensed.marked()


def test_check_warns_of_prodigys_own_router(licensed: Project, standin_python: Path) -> None:
    said = licensed.run("check").stderr
    assert "Prodigy deals pool's tasks out itself (feed_overlap = false), and stops a lone annotator" in said
    assert "joe" not in said
    licensed.roster.write_text(licensed.roster.read_text() + "[prodigy]\nfeed_overlap = true\n")
    assert "stops a lone annotator" not in licensed.run("check").stderr
    licensed.write_roster(team=f'python = "{standin_python}"', more="[prodigy]\nannotations_per_task = 1.2\n")
    assert "Prodigy deals joe's tasks out itself (annotations_per_task = 1.2)" in licensed.run("check").stderr
