"""`status`: every state produced for real, the promised keys, and nothing consumed or changed."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from prodigy_team import __version__
from prodigy_team.servers import alive
from support import eventually
from team_support import Project, a_project, give, pull

KEYS = [
    "name",
    "annotators",
    "engine",
    "runner",
    "state",
    "url",
    "host",
    "port",
    "pid",
    "started_at",
    "memory_bytes",
    "dataset",
    "answers",
    "last_answer_at",
    "restarts",
    "log",
    "problem",
]


@pytest.fixture
def slow(tmp_path: Path, standin_python: Path) -> Iterator[Project]:
    """A server that binds its port only after a minute."""
    with a_project(tmp_path, engine="prodigy") as found:
        found.write_roster(("joe",), team=f'python = "{standin_python}"', task='env = { STANDIN_SLOW = "60" }')
        yield found


def test_the_object_has_the_promised_keys(project: Project) -> None:
    project.run("up", "joe")
    with project.client("joe") as client:
        give(client, pull(client)[:4])
    content = project.json("status")
    assert {"version", "team", "lockfile", "servers"} <= set(content)
    assert (content["version"], content["team"], content["lockfile"]) == (1, "headlines", str(project.lockfile))
    joe = next(each for each in content["servers"] if each["name"] == "joe")
    assert set(KEYS) <= set(joe)
    assert (joe["state"], joe["answers"], joe["tasks"], joe["runner"]) == ("running", 4, 12, "local")
    assert joe["annotators"] == ["joe"]
    assert joe["memory_bytes"] > 1_000_000
    assert joe["started_at"].endswith("Z")
    assert joe["last_answer_at"] >= joe["started_at"][:10]
    assert Path(joe["log"]).exists()
    assert "4 of 12" in project.run("status").stdout
    assert [each["name"] for each in project.json("status", "joe")["servers"]] == ["joe"]


def test_status_changes_nothing_and_takes_no_task(project: Project) -> None:
    project.run("up")
    with project.client("joe") as client:
        first = pull(client)
    before = {path: path.stat().st_mtime_ns for path in project.folder.rglob("*") if path.is_file()}
    for _ in range(5):
        project.run("status")
        project.run("status", "--json")
    assert {path: path.stat().st_mtime_ns for path in project.folder.rglob("*") if path.is_file()} == before
    with project.client("joe") as client:
        assert [task["text"] for task in pull(client)] == [task["text"] for task in first]


def test_a_database_that_cannot_be_looked_for_costs_the_count_alone(project: Project) -> None:
    """As in a folder that this account may not look into; the gateway, which asks the same, went on no more."""
    project.run("up", "joe")
    project.edit_record("joe", database="/" + "x" * 5000)
    assert project.status("joe")["joe"]["answers"] is None


def test_before_the_first_up_all_are_stopped(project: Project) -> None:
    assert project.states() == {"joe": "stopped", "jane": "stopped", "cy": "stopped"}
    assert not project.state.exists()


def test_stopped_stale_blocked_and_failed_servers_are_told_apart(project: Project) -> None:
    project.write_source(name="own.jsonl")
    foreign = project.foreign_listener(project.ports[5])
    project.write_roster(
        ("joe", "jane", "cy", "bad"), keys={"bad": 'source = "own.jsonl"', "cy": f"port = {project.ports[5]}"}
    )
    project.run("up", code=3)
    assert project.states() == {"joe": "running", "jane": "running", "cy": "blocked", "bad": "running"}
    project.run("stop", "joe")
    (project.folder / "own.jsonl").unlink()
    project.kill("jane", "bad")
    status = project.run("status", code=3)
    assert project.states() == {"joe": "stopped", "jane": "stale", "cy": "blocked", "bad": "stale"}
    assert "prodigy-team up" in status.stdout
    for _ in range(4):
        project.run("up", "--revive", "--quiet", code=3)
    status_of = project.status()
    assert (status_of["jane"]["state"], status_of["jane"]["restarts"]) == ("running", 1)
    assert status_of["bad"]["state"] == "failed"
    assert "five times in 10 minutes, given up" in status_of["bad"]["problem"]
    assert "own.jsonl" in status_of["bad"]["problem"]
    assert f"pid {foreign.pid}" in status_of["cy"]["problem"]

    project.write_source(name="own.jsonl")
    assert project.entries("up", code=3)["bad"]["action"] in ("given-up", "start")
    project.entries("up", "bad")
    assert project.status()["bad"]["state"] == "running"
    assert project.status()["bad"]["problem"] == ""


def test_a_server_not_ready_in_time_is_left_starting(slow: Project) -> None:
    entries = slow.entries("up", "--timeout", "1.5", code=3)
    assert entries["joe"]["state"] == "starting"
    assert "No HTTP answer" in entries["joe"]["problem"]
    assert slow.states() == {"joe": "starting"}
    assert slow.run("status").returncode == 0
    assert "No HTTP answer" in slow.run("up", "--timeout", "1", code=3).stdout  # and so says the next
    assert slow.entries("up", "--no-wait")["joe"]["action"] == "keep"


def test_a_server_that_hangs_is_failed(project: Project) -> None:
    project.run("up", "joe")
    pid = project.pids()["joe"]
    os.kill(pid, signal.SIGSTOP)
    try:
        joe = project.status("joe")["joe"]
        assert (joe["state"], joe["pid"]) == ("failed", pid)
        assert "does not answer" in joe["problem"]
    finally:
        os.kill(pid, signal.SIGCONT)
    eventually(lambda: project.states()["joe"] == "running")


def test_servers_of_another_version_of_this_package_are_named(project: Project) -> None:
    """They were started before it was upgraded."""
    project.run("up", "joe", "jane")
    status = project.status()
    assert [status[name]["package"] for name in ("joe", "jane", "cy")] == [__version__, __version__, None]
    assert "is installed" not in project.run("status").stdout
    alive.update(project.state / "servers" / "joe.alive", package="0.0.1")
    assert project.status()["joe"]["package"] == "0.0.1"
    assert f"joe: on version 0.0.1; {__version__} is installed." in project.run("status").stdout


def test_a_changed_roster_is_mentioned(project: Project) -> None:
    project.run("up")
    project.write_roster(("joe", "jane", "cy", "dee"))
    content = project.json("status")
    assert [each["name"] for each in content["servers"]] == ["joe", "jane", "cy", "dee"]
    assert "roster changed" in " ".join(content["notes"])
    project.roster.write_text("[team\n")
    content = json.loads(project.run("status", "--json", code=None).stdout or "{}")
    assert not content or len(content["servers"]) == 3
