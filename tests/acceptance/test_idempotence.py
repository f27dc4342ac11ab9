"""`up` from cron, twice at once, after crashes, with a damaged lockfile: one server each, no stranger hurt (S10)."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import PROGRAM, eventually
from team_support import Project, a_project, give, listening, pull

EIGHT = tuple(f"p{number}" for number in range(1, 9))


@pytest.fixture
def eight(tmp_path: Path) -> Iterator[Project]:
    """A team of eight, not brought up."""
    with a_project(tmp_path) as found:
        found.write_roster(EIGHT)
        yield found


def one_server_each(team: Project, names: tuple[str, ...]) -> dict[str, int]:
    """The pid of each server, after making sure that there is one of each and one listener a port."""
    marked = team.marked()
    assert {name: len(pids) for name, pids in marked.items()} == dict.fromkeys(names, 1)
    listeners = [(port, inode) for port, inode in listening() if port in team.ports]
    assert len(listeners) == len({port for port, _ in listeners}) == len(names)
    return {name: pids[0] for name, pids in marked.items()}


@pytest.mark.long
def test_up_sixty_times_in_a_row_changes_nothing(eight: Project) -> None:
    eight.run("up")
    pids = one_server_each(eight, EIGHT)
    for number in range(60):
        options = ("up", "--revive", "--quiet") if number % 2 else ("up", "--quiet")
        done = eight.run(*options)
        assert (done.stdout, done.stderr) == ("", "")
    assert one_server_each(eight, EIGHT) == pids


@pytest.mark.alone
def test_fifty_ups_at_once_start_each_server_once(eight: Project) -> None:
    crowd = [eight.begin("up", "--quiet") for _ in range(50)]
    results = [(each.communicate(timeout=300), each.returncode) for each in crowd]
    assert {code for _, code in results} == {0}, results
    assert not [said for (_, said), _ in results if said]
    pids = one_server_each(eight, EIGHT)
    assert eight.pids() == pids
    assert set(eight.states().values()) == {"running"}
    assert "nothing to do" in eight.run("up").stdout
    assert all(each["restarts"] == 0 for each in eight.status().values())


def test_ups_at_once_on_a_changed_roster_restart_each_server_once(eight: Project) -> None:
    eight.run("up")
    before = one_server_each(eight, EIGHT)
    eight.write_roster(EIGHT, task='env = { COLOUR = "blue" }')
    crowd = [eight.begin("up", "--quiet") for _ in range(12)]
    results = [(each.communicate(timeout=300), each.returncode) for each in crowd]
    assert {code for _, code in results} == {0}, results
    after = one_server_each(eight, EIGHT)
    assert not set(before.values()) & set(after.values())
    assert "nothing to do" in eight.run("up").stdout


def test_a_strangers_pid_in_the_lockfile_is_left_alone(project: Project) -> None:
    project.run("up", "joe")
    stranger = project.stranger()
    project.run("stop", "joe", "--force")
    project.edit_record("joe", pid=stranger.pid, pgid=stranger.pid, started_at="other:1", wanted=True)

    assert project.status()["joe"]["state"] == "stale"
    assert project.status()["joe"]["pid"] is None
    assert project.entries("up", "joe")["joe"]["action"] == "start"
    assert stranger.poll() is None
    for options in ((), ("--force",)):
        project.edit_record("joe", pid=stranger.pid, pgid=stranger.pid, started_at="other:1", wanted=True)
        project.run("stop", "joe", *options)
        assert stranger.poll() is None


def test_a_strangers_pid_with_its_own_start_time_is_still_a_stranger(project: Project) -> None:
    from prodigy_team.servers.processes import identity_of

    project.run("up", "joe")
    project.run("stop", "joe", "--force")
    stranger = project.stranger()
    identity = identity_of(stranger.pid)
    assert identity is not None
    values = {"pid": identity.pid, "pgid": identity.pid, "started_at": identity.started_at, "wanted": True}
    project.edit_record("joe", **values)

    assert project.status()["joe"]["state"] == "stale"
    project.run("up", "joe")
    assert project.status()["joe"]["state"] == "running"
    project.edit_record("joe", **values)
    project.run("stop", "joe", "--force")
    assert stranger.poll() is None
    assert project.marked() == {}


@pytest.mark.parametrize("damage", ["cut", "empty", "garbage", "gone", "other"])
def test_a_damaged_lockfile_is_explained_kept_and_rebuilt(project: Project, damage: str) -> None:
    project.run("up", "joe", "jane")
    before = project.pids()
    whole = project.lockfile.read_bytes()
    written = {"cut": whole[: len(whole) // 2], "empty": b"", "garbage": b"\x00\xff" * 99, "other": b'{"a": [1]}'}
    if damage == "gone":
        project.lockfile.unlink()
    else:
        project.lockfile.write_bytes(written[damage])

    assert project.pids() == before  # status sees them, and changes nothing
    assert not list(project.state.glob("team.lock.unreadable*"))
    done = project.run("up", "joe", "jane")
    assert "nothing to do" in done.stdout
    assert project.pids() == before
    assert {name: len(pids) for name, pids in project.marked().items()} == {"joe": 1, "jane": 1}
    if damage != "gone":
        assert "Kept as" in done.stdout
        [copy] = project.state.glob("team.lock.unreadable*")
        assert copy.read_bytes() == written[damage]
        assert copy.stat().st_mode & 0o777 == 0o600
    project.run("stop")
    assert project.marked() == {}
    assert project.listeners() == []


def test_stop_finds_the_servers_of_a_lost_lockfile(project: Project) -> None:
    project.run("up")
    project.lockfile.write_text("{")
    project.run("stop")
    assert project.marked() == {}
    assert project.states() == {"joe": "stopped", "jane": "stopped", "cy": "stopped"}


def test_up_finds_the_servers_of_a_state_folder_that_was_deleted(project: Project) -> None:
    """No second set beside them: restarted where they were, unless somebody is answering, and strangers left alone."""
    project.run("up")
    before, urls = project.pids(), {name: each["url"] for name, each in project.status().items()}
    with project.client("joe") as client:
        assert give(client, pull(client)[:1]).status_code == 200
    foreign = project.foreign_listener(project.ports[5])
    shutil.rmtree(project.state)

    assert project.pids() == before  # status sees them, and writes nothing
    assert not project.state.exists()
    assert {each["action"] for each in project.entries("up", "--dry-run", code=3).values()} == {"keep", "restart"}
    done = project.entries("up", code=3)
    assert {name: each["action"] for name, each in done.items()} == {"joe": "keep", "jane": "restart", "cy": "restart"}
    assert done["joe"]["problem"].startswith("Not restarted although its record was lost: somebody answered")
    assert done["jane"]["detail"] == "its record was lost"
    assert {name: len(pids) for name, pids in project.marked().items()} == {"joe": 1, "jane": 1, "cy": 1}
    assert project.pids()["joe"] == before["joe"]
    project.run("up", "joe", "--now")
    assert not set(project.pids().values()) & set(before.values())
    assert {name: each["url"] for name, each in project.status().items()} == urls
    assert "nothing to do" in project.run("up").stdout
    shutil.rmtree(project.state)
    project.run("stop", "--force")
    assert project.marked() == {}
    assert foreign.poll() is None


def test_a_foreign_port_is_named_and_the_others_start(project: Project) -> None:
    port = project.ports[5]
    foreign = project.foreign_listener(port)
    project.write_roster(keys={"jane": f"port = {port}"})

    entries = project.entries("up", code=3)

    assert entries["joe"]["state"] == entries["cy"]["state"] == "running"
    assert entries["jane"]["state"] == "blocked"
    assert f"pid {foreign.pid}" in entries["jane"]["problem"]
    assert "python" in entries["jane"]["problem"]
    status = project.status()["jane"]
    assert (status["state"], status["port"], status["dataset"]) == ("blocked", port, "headlines_jane")
    assert foreign.poll() is None

    foreign.kill()
    foreign.wait()
    project.run("up", "--revive")  # cron brings it up once the port is free
    assert project.status()["jane"]["state"] == "running"


def limited(project: Project, size: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command that can write no file beyond so many bytes, as on a disk that fills up."""
    code = (
        f"import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}));"
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    return subprocess.run(
        [PROGRAM[0], "-c", code, *PROGRAM, *arguments],
        cwd=project.folder,
        env={**project.environ, "PYTHONDONTWRITEBYTECODE": "1"},  # cut off by the limit, it could not be read again
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.long
def test_a_lockfile_that_cannot_be_written_leaves_nothing_half_started(project: Project) -> None:
    project.run("up")
    project.run("stop")
    size = project.lockfile.stat().st_size
    failed = 0
    for limit in (0, 300, size // 2, size - 60, size - 20, size - 5, size, size + 20, size + 60, size + 90, size + 150):
        done = limited(project, limit, "up", "--no-wait")
        assert "Traceback" not in done.stderr, done.stderr
        if done.returncode == 1:
            failed += 1
            assert "cannot be" in done.stderr, done.stderr
            eventually(lambda: not project.marked(), message="nothing half-started")
            assert project.listeners() == []
        json.loads(project.lockfile.read_text())
        project.run("stop", "--force", "--grace", "1")
    assert failed >= 4
    assert not list(project.state.glob("*.new"))
    project.run("up")
    assert set(project.states().values()) == {"running"}


def test_a_lockfile_whose_place_is_taken_is_an_error_in_two_lines(project: Project) -> None:
    project.run("up")
    before = project.marked()
    project.lockfile.unlink()
    project.lockfile.mkdir()
    done = project.run("up", code=1)
    assert "team.lock" in done.stderr
    assert project.marked() == before


@pytest.mark.long
def test_up_killed_at_any_moment_leaves_one_server_each_to_the_next(project: Project) -> None:
    chance = random.Random(10)
    stranger = project.stranger()
    for _ in range(15):
        killed = project.begin("up", "--quiet", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            killed.wait(chance.uniform(0.05, 1.0))
        killed.kill()
        killed.wait()

        project.run("up")
        marked = project.marked()
        assert {name: len(pids) for name, pids in marked.items()} == {"joe": 1, "jane": 1, "cy": 1}
        status = project.status()
        assert {name: each["pid"] for name, each in status.items()} == {n: pids[0] for n, pids in marked.items()}
        assert {each["state"] for each in status.values()} == {"running"}
        assert len(project.listeners()) == 3
        assert not list(project.state.glob("*.new"))
        project.run("stop", "--grace", "4")
        assert project.marked() == {}
    assert stranger.poll() is None


def test_stop_killed_half_way_is_not_undone_by_cron(project: Project) -> None:
    project.run("up")
    content = project.record()
    for each in content["servers"]:  # as `stop` writes it before the first signal
        each.update(wanted=False, stopping=True)
    project.lockfile.write_text(json.dumps(content))
    before = project.marked()
    project.run("up", "--revive", "--quiet")
    assert project.marked() == before
    project.run("stop")
    project.run("up", "--revive", "--quiet")
    assert project.marked() == {}


def test_a_lockfile_from_before_a_reboot_counts_no_failure_and_signals_nobody(project: Project) -> None:
    project.run("up", "joe")
    project.run("stop", "joe")
    stranger = project.stranger()
    for _ in range(6):
        project.edit_record("joe", pid=stranger.pid, pgid=stranger.pid, started_at="another-boot:77", wanted=True)
        assert project.status()["joe"]["state"] == "stale"
        done = project.run("up", "--revive", "--quiet")
        assert (done.stdout, done.stderr) == ("", "")
        [joe] = [each for each in project.record()["servers"] if each["name"] == "joe"]
        assert (joe["failures"], joe["given_up"]) == ([], False)
        assert project.states()["joe"] == "running"
        project.run("stop", "joe")
    assert stranger.poll() is None


def test_a_port_taken_between_two_starts_is_named(project: Project) -> None:
    project.run("up", "joe")
    port = project.status()["joe"]["port"]
    project.run("stop", "joe")
    with socket.create_server(("127.0.0.1", port)):
        entry = project.entries("up", "joe", code=3)["joe"]
        assert "in use by pid" in entry["problem"]
        assert entry["remedy"]
    assert project.entries("up", "joe")["joe"]["state"] == "running"


def test_a_killed_server_comes_back_on_its_port_and_counts_as_a_restart(project: Project) -> None:
    project.run("up")
    before = project.status()
    victim = before["jane"]["pid"]
    project.kill("jane")
    assert project.states()["jane"] == "stale"
    done = project.run("up", "--revive", "--quiet")
    assert (done.stdout, done.stderr) == ("", "")
    after = project.status()
    assert after["jane"]["state"] == "running"
    assert after["jane"]["pid"] != victim
    assert (after["jane"]["port"], after["jane"]["restarts"]) == (before["jane"]["port"], 1)
    assert after["joe"]["pid"] == before["joe"]["pid"]
