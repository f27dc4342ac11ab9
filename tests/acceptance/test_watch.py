"""`watch`: brings back what died at once, gives up in the end, and goes without touching the servers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from support import PROGRAM, eventually
from team_support import Project


@pytest.fixture
def watcher(project: Project, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A watch of three servers, ready."""
    address = tmp_path / "notify"
    project.write_source(name="own.jsonl")
    project.write_roster(keys={"cy": 'source = "own.jsonl"'})
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(address))
        channel.settimeout(120)
        project.environ["NOTIFY_SOCKET"] = str(address)
        with (tmp_path / "said").open("wb") as said:
            process = subprocess.Popen(
                [*PROGRAM, "watch"], cwd=project.folder, env=project.environ, stdout=said, stderr=said, text=True
            )
        project.strangers.append(process)
        assert channel.recv(100) == b"READY=1"
        yield process
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def test_what_was_killed_is_back_at_once_and_a_stopped_one_stays_stopped(
    project: Project, watcher: subprocess.Popen[str]
) -> None:
    pids = project.pids()
    assert len(pids) == 3
    project.run("stop", "jane")
    os.kill(pids["joe"], signal.SIGKILL)
    eventually(lambda: project.pids().get("joe", pids["joe"]) != pids["joe"])
    eventually(lambda: project.states() == {"joe": "running", "jane": "stopped", "cy": "running"})
    assert project.pids()["cy"] == pids["cy"]

    watcher.send_signal(signal.SIGTERM)
    assert watcher.wait(60) == 0
    assert sorted(project.marked()) == ["cy", "joe"]
    assert "Traceback" not in (project.folder / "said").read_text()


@pytest.mark.long
def test_a_broken_server_is_given_up_after_five_failures(project: Project, watcher: subprocess.Popen[str]) -> None:
    (project.folder / "own.jsonl").unlink()
    os.kill(project.pids()["cy"], signal.SIGKILL)
    eventually(lambda: project.status()["cy"]["state"] == "failed" and given_up(project))
    assert "five times in 10 minutes, given up" in project.status()["cy"]["problem"]
    eventually(lambda: "given up" in (project.folder / "said").read_text())
    said = (project.folder / "said").read_text()
    assert said.count("given up") == 1
    assert "Traceback" not in said
    failures = next(each for each in project.record()["servers"] if each["name"] == "cy")["failures"]
    gaps = [later - earlier for earlier, later in pairwise(failures)]
    assert gaps[-1] > gaps[0]
    assert watcher.poll() is None
    assert children_of(watcher.pid) == []  # no launcher is left over


def given_up(project: Project) -> bool:
    """Whether the last server was given up."""
    return bool(next(each for each in project.record()["servers"] if each["name"] == "cy")["given_up"])


def children_of(pid: int) -> list[int]:
    """Processes that a process started and that run, zombies included."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(each) for each in text.split()]


def test_stop_servers_ends_them_with_the_watch(project: Project) -> None:
    process = project.begin("watch", "--stop-servers", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    eventually(lambda: len(project.listeners()) == 3)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert project.marked() == {}
    assert set(project.states().values()) == {"stopped"}


def test_a_watch_survives_a_lockfile_that_cannot_be_written_for_a_while(
    project: Project, watcher: subprocess.Popen[str]
) -> None:
    draft = project.lockfile.with_name("team.lock.new")
    draft.mkdir()
    pid = project.pids()["joe"]
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: "cannot be written" in (project.folder / "said").read_text())
    draft.rmdir()
    eventually(lambda: project.pids().get("joe", pid) != pid)
    assert watcher.poll() is None
