"""`stop`, `restart`, `logs`: whole groups ended, ports free, people who are answering asked first."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import PROGRAM, eventually
from team_support import Project, a_project, give, listen, pull


@pytest.fixture
def licensed(tmp_path: Path, standin_python: Path) -> Iterator[Project]:
    """Two servers of the (stand-in) Prodigy, whose page keeps answers to itself for a while."""
    with a_project(tmp_path, engine="prodigy") as found:
        found.write_roster(("joe", "jane"), team=f'python = "{standin_python}"')
        yield found


def test_stop_frees_ports_keeps_records_and_cron_leaves_it_so(project: Project) -> None:
    project.run("up")
    ports = {name: each["port"] for name, each in project.status().items()}
    done = project.run("stop", "joe")
    assert f"joe stopped, port {ports['joe']} is free" in done.stdout
    assert project.states() == {"joe": "stopped", "jane": "running", "cy": "running"}
    quiet = project.run("up", "--revive", "--quiet")
    assert (quiet.stdout, quiet.stderr) == ("", "")
    assert project.states()["joe"] == "stopped"
    assert "nothing to do" in project.run("stop", "joe").stdout
    project.run("stop")
    assert project.marked() == {}
    assert project.listeners() == []
    project.run("up")
    assert {name: each["port"] for name, each in project.status().items()} == ports


def test_stop_dry_run_and_unknown_names(project: Project) -> None:
    assert project.run("stop").returncode == 0  # nothing was ever started
    assert not project.state.exists()
    project.run("up", "joe")
    before, lockfile = project.pids(), project.lockfile.read_bytes()
    assert project.entries("stop", "--dry-run")["joe"]["action"] == "stop"
    assert (project.pids(), project.lockfile.read_bytes()) == (before, lockfile)
    assert "Did you mean joe?" in project.run("stop", "jo", code=2).stderr


def test_less_than_no_time_is_wrong_usage_and_kills_nobody(project: Project) -> None:
    pids = project.run("up", "joe") and project.pids()
    assert "--grace" in project.run("stop", "--grace", "-1", code=2).stderr
    assert "--timeout" in project.run("up", "--timeout", "-1", code=2).stderr
    assert project.pids() == pids


def test_stop_mentions_who_was_answering_on_an_embedded_server(project: Project) -> None:
    project.run("up", "joe")
    with project.client("joe") as client:
        give(client, pull(client)[:1])
    done = project.run("stop", "joe")
    assert "joe answered" in done.stdout
    assert project.marked() == {}


def test_stop_refuses_while_somebody_answers_on_prodigy_unless_forced(licensed: Project) -> None:
    licensed.run("up")
    with licensed.client("joe") as client:
        give(client, pull(client, "headlines_joe-joe")[:1], "headlines_joe-joe")
    entries = licensed.entries("stop", code=3)
    assert "joe answered" in entries["joe"]["problem"]
    assert "--force" in entries["joe"]["remedy"]
    assert licensed.states() == {"joe": "running", "jane": "stopped"}

    entries = licensed.entries("restart", code=3)  # jane was stopped by a person: only joe is to run
    assert list(entries) == ["joe"]
    entries = licensed.entries("restart", "joe", "jane", code=3)
    assert (entries["joe"]["action"], entries["jane"]["state"]) == ("leave", "running")

    licensed.run("stop", "--force")
    assert licensed.marked() == {}


def test_restart_gives_new_processes_on_the_same_ports(project: Project) -> None:
    project.run("up")
    before = project.status()
    project.run("stop", "cy")
    project.run("restart")
    after = project.status()
    assert after["cy"]["state"] == "stopped"
    for name in ("joe", "jane"):
        assert after[name]["state"] == "running"
        assert after[name]["pid"] != before[name]["pid"]
        assert after[name]["port"] == before[name]["port"]
    project.run("restart", "cy")
    assert project.states()["cy"] == "running"


def test_a_restart_killed_half_way_is_brought_to_its_end_by_cron(project: Project) -> None:
    project.run("up")
    project.run("stop", "cy")
    before = project.pids()
    restarting = project.begin("restart")
    eventually(lambda: is_under_way(project, before))
    restarting.kill()
    restarting.wait()
    for pids in project.marked().values():  # should it have been killed before its first signal
        for pid in set(pids) & set(before.values()):
            with contextlib.suppress(ProcessLookupError):  # or after it
                os.kill(pid, signal.SIGKILL)
    eventually(lambda: not set(before.values()) & {pid for pids in project.marked().values() for pid in pids})

    done = project.run("up", "--revive", "--quiet")

    assert (done.stdout, done.stderr) == ("", "")
    # One that the killed command had still started is left to come up.
    eventually(lambda: project.states() == {"joe": "running", "jane": "running", "cy": "stopped"})
    assert [each["failures"] for each in project.record()["servers"]] == [[], [], []]


def is_under_way(project: Project, before: dict[str, int]) -> bool:
    """Whether a restart has begun with one of the first two servers."""
    return any(each["stopping"] or each["pid"] != before[each["name"]] for each in project.record()["servers"][:2])


def test_restart_stops_nothing_when_the_roster_is_broken(project: Project) -> None:
    project.run("up")
    before = project.pids()
    good = project.roster.read_text()
    project.roster.write_text(good.replace("recipe =", "recepi ="))
    assert "recipe" in project.run("restart", code=2).stderr
    assert project.pids() == before


def test_restart_leaves_servers_that_left_the_roster(project: Project) -> None:
    project.run("up")
    before = project.pids()
    project.write_roster(("joe", "cy"))
    project.run("restart")
    after = project.pids()
    assert after["jane"] == before["jane"]
    assert after["joe"] != before["joe"]


def test_restart_when_idle_waits_for_the_last_answer_to_be_old(project: Project) -> None:
    project.run("up", "joe")
    before = project.pids()["joe"]
    with project.client("joe") as client:
        give(client, pull(client)[:1])
    waiting = project.begin("restart", "joe", "--when-idle", "1h")
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(1.5)
    waiting.kill()
    assert project.pids()["joe"] == before
    project.run("restart", "joe", "--when-idle", "2s")
    assert project.pids()["joe"] != before


def test_logs_shows_and_follows(project: Project) -> None:
    project.run("up", "joe")
    log = project.state / "logs" / "joe.log"
    assert project.run("logs", "joe").stdout.strip() == log.read_text().strip()
    with log.open("a") as file:
        file.write("first\nsecond\n")
    assert project.run("logs", "joe", "--tail", "1").stdout == "second\n"
    follower = project.begin("logs", "joe", "-f", "--tail", "1")
    assert follower.stdout is not None
    assert follower.stdout.readline() == "second\n"
    with log.open("a") as file:
        file.write("third\n")
    assert follower.stdout.readline() == "third\n"
    assert "Did you mean joe?" in project.run("logs", "jo", code=2).stderr


def test_a_terminal_is_asked_before_people_are_cut_off(licensed: Project) -> None:
    import pty

    licensed.run("up", "joe")
    with licensed.client("joe") as client:
        give(client, pull(client, "headlines_joe-joe")[:1], "headlines_joe-joe")
    for reply, code, state in ((b"n\n", 3, "running"), (b"y\n", 0, "stopped")):
        leader, follower = pty.openpty()
        process = subprocess.Popen(
            [*PROGRAM, "stop", "joe"],
            cwd=licensed.folder,
            env=licensed.environ,
            stdin=follower,
            stdout=subprocess.DEVNULL,
            stderr=follower,
        )
        os.close(follower)
        try:
            listen(leader, b"joe answered")
            os.write(leader, reply)
            assert process.wait(60) == code
        finally:
            os.close(leader)
        eventually(lambda expected=state: licensed.states()["joe"] == expected)


def test_up_says_why_it_leaves_alone_what_was_given_up_and_then_stopped(project: Project) -> None:
    project.write_roster(("joe",))
    project.run("up")
    project.run("stop")
    project.edit_record("joe", given_up=True, problem="died five times in 10 minutes, given up.")
    project.run("stop")
    said = project.run("up", code=3).stdout
    assert "died five times in 10 minutes, given up." in said
    assert "When the cause is mended: prodigy-team up joe" in said
