"""`up`: starts what is missing, keeps what runs, says what it would do, and lets nobody's failure stop the others."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path

import httpx
import pytest

from support import PROGRAM
from team_support import Project, files_in, give, listen, pull

THREE = ("joe", "jane", "cy")
POOL = '[[server]]\nname = "pool"\nannotators = ["ana", "bob"]\n'


def test_up_starts_all_and_a_second_up_changes_nothing(project: Project) -> None:
    first = project.entries("up")
    assert {name: each["state"] for name, each in first.items()} == dict.fromkeys(THREE, "running")
    assert [first[name]["url"] for name in THREE] == [f"http://127.0.0.1:{port}/" for port in project.ports[:3]]
    for name in THREE:
        with project.client(name) as client:
            assert client.get("/version").status_code == 200
            assert [task["text"] for task in pull(client)][:2] == ["text 0", "text 1"]
    pids, lockfile = project.pids(), project.lockfile.read_bytes()

    second = project.run("up")
    assert "nothing to do" in second.stdout
    quiet = project.run("up", "--quiet")
    assert (quiet.stdout, quiet.stderr) == ("", "")
    assert project.pids() == pids
    assert project.lockfile.read_bytes() == lockfile


def test_up_says_what_is_wrong_with_a_source(project: Project) -> None:
    """Once for all who share it, when they are started; the log, where it stands too, nobody reads."""
    project.write_source(2).write_bytes(b'{"text": "a"}\n{"text": "\xe9"}\n{"text": \n')
    project.write_roster(("joe", "jane"))

    said = [note for note in project.json("up")["notes"] if note.startswith("source.jsonl: ")]

    assert said == [
        "source.jsonl: 2 lines are left out, `prodigy-team plan` lists them. The first is line 2: invalid UTF-8 at "
        "byte 11. Save the file as UTF-8."
    ]
    assert "source.jsonl" not in project.run("up").stdout


def test_up_says_whose_answers_it_goes_on_from(project: Project) -> None:
    """Another folder with the same name and database, and somebody's earlier name, are not gone on with silently."""
    project.write_roster(("joe",))
    assert "already" not in project.run("up").stdout
    with project.client("joe") as client:
        give(client, pull(client)[:2])
    project.write_roster(("jo",), keys={"jo": 'aliases = ["joe"]'})
    told = project.run("up").stdout
    assert 'jo is asked again what is answered in headlines_joe: dataset = "headlines_joe" at jo goes on there.' in told
    assert "nothing was ever started" not in told

    project.write_roster(("jane",), team='state = "other"')
    assert "has 2 answers of a team headlines already" in project.run("up").stdout
    assert "already" not in project.run("up").stdout
    project.run("stop")
    project.write_roster(("jo",))


def test_up_of_one_server_leaves_the_others(project: Project) -> None:
    project.run("up", "jane")
    assert list(project.marked()) == ["jane"]
    assert project.states()["joe"] == "stopped"
    project.run("up")
    assert sorted(project.marked()) == sorted(THREE)


def test_up_of_an_annotator_starts_the_server_they_share(project: Project) -> None:
    project.write_roster(("joe", "ana", "bob"), more=POOL)
    entries = project.entries("up", "bob")
    assert list(entries) == ["pool"]
    with project.client("pool") as client:
        assert pull(client, "headlines_pool-bob")
    assert list(project.entries("up", "--dry-run")) == ["joe", "pool"]


def test_an_unknown_name_is_told_the_nearest(project: Project) -> None:
    done = project.run("up", "jan", code=2)
    assert "jan" in done.stderr
    assert "Did you mean jane?" in done.stderr
    assert not project.state.exists()


def test_dry_run_writes_nothing_and_says_what_would_be_done(project: Project) -> None:
    before = sorted(project.folder.rglob("*"))
    assert {each["action"] for each in project.entries("up", "--dry-run").values()} == {"start"}
    assert sorted(project.folder.rglob("*")) == before

    project.run("up", "joe", "jane")
    narrow = f'ports = "{project.ports[0]}-{project.ports[2]}"'
    project.write_roster(("joe", "cy", "dee"), team=narrow, keys={"joe": 'env = { COLOUR = "blue" }\nversion = 2'})
    lockfile = project.lockfile.read_bytes()
    entries = project.entries("up", "--dry-run", "--remove-orphans", code=3)
    assert {name: each["action"] for name, each in entries.items()} == {
        "jane": "stop",
        "joe": "restart",
        "cy": "start",
        "dee": "blocked",
    }
    assert entries["joe"]["changed"] == ["env", "version"]
    assert "changed: env, version" in project.run("up", "--dry-run", code=3).stdout
    assert project.lockfile.read_bytes() == lockfile
    assert sorted(project.marked()) == ["jane", "joe"]


def test_a_changed_entry_is_restarted_when_nobody_is_answering(project: Project) -> None:
    project.run("up")
    before = project.pids()
    project.write_roster(keys={"jane": "version = 2"})
    entries = project.entries("up")
    assert {name: each["action"] for name, each in entries.items()} == {"joe": "keep", "jane": "restart", "cy": "keep"}
    after = project.status()
    assert after["jane"]["pid"] != before["jane"]
    assert after["joe"]["pid"] == before["joe"]
    assert after["jane"]["port"] == project.ports[1]


def test_a_dry_run_of_restart_says_whom_it_would_meet_and_leaves_everything(project: Project) -> None:
    project.run("up")
    project.run("stop", "cy")
    with project.client("joe") as client:
        give(client, pull(client)[:1])
    pids = project.pids()

    told = {name: (each["action"], each["detail"]) for name, each in project.entries("restart", "--dry-run").items()}
    assert told["jane"] == ("restart", "asked for")
    assert told["joe"][0] == "restart"
    assert told["joe"][1].startswith("joe answered")
    assert "cy" not in told
    assert "Would: 1 start." in project.run("restart", "cy", "--dry-run").stdout
    assert (project.pids(), project.states()["cy"]) == (pids, "stopped")


def test_a_changed_entry_waits_while_somebody_is_answering(project: Project) -> None:
    project.run("up")
    with project.client("jane") as client:
        assert give(client, pull(client)[:1]).status_code == 200
    before = project.pids()
    project.write_roster(keys={"jane": "version = 2"})
    entry = project.entries("up", code=3)["jane"]
    assert entry["action"] == "keep"
    assert "version" in entry["problem"]
    assert "answered" in entry["problem"]
    assert "--now" in entry["remedy"]
    assert project.pids() == before
    assert project.entries("up", "--now")["jane"]["action"] == "restart"
    assert project.pids()["jane"] != before["jane"]
    assert project.status()["jane"]["answers"] == 1


def test_a_server_that_left_the_roster_runs_on_until_it_is_removed(project: Project) -> None:
    project.run("up")
    project.write_roster(("joe", "cy"))
    entries = project.entries("up")
    assert entries["jane"]["action"] == "leave"
    assert "--remove-orphans" in project.status()["jane"]["problem"]
    assert "jane" in project.marked()
    assert project.entries("up", "--remove-orphans")["jane"]["action"] == "stop"
    assert sorted(project.marked()) == ["cy", "joe"]
    assert sorted(project.states()) == ["cy", "joe"]
    project.write_roster(("joe", "cy", "dee"))
    assert project.entries("up")["dee"]["url"].endswith(f":{project.ports[1]}/")  # the port is free again


def test_ports_are_kept_whatever_the_order_of_the_roster(project: Project) -> None:
    project.run("up")
    ports = {name: each["port"] for name, each in project.status().items()}
    project.run("stop")
    project.write_roster(("zoe", "cy", "jane", "joe"))
    project.run("up")
    assert {name: each["port"] for name, each in project.status().items()} == {**ports, "zoe": project.ports[3]}


def test_a_port_that_the_roster_gives_to_another_is_made_free(project: Project) -> None:
    project.run("up", "joe")
    project.write_roster(keys={"jane": f"port = {project.ports[0]}"})
    entries = project.entries("up")
    assert entries["joe"]["changed"] == ["port"]
    ports = {name: each["port"] for name, each in project.status().items()}
    assert ports["jane"] == project.ports[0]
    assert len(set(ports.values())) == 3
    assert set(project.states().values()) == {"running"}


def test_without_a_free_port_a_server_is_blocked_and_the_others_start(project: Project) -> None:
    with_foreign = project.foreign_listener(project.ports[1])
    project.write_roster(team=f'ports = "{project.ports[0]}-{project.ports[2]}"')
    entries = project.entries("up", code=3)
    assert [each["state"] for each in entries.values()] == ["running", "running", "blocked"]
    assert "ports" in entries["cy"]["remedy"]
    assert project.status()["cy"]["state"] == "blocked"
    assert "range" in project.status()["cy"]["problem"]
    assert with_foreign.poll() is None


def test_a_server_that_dies_early_is_shown_with_its_last_words(project: Project) -> None:
    (project.folder / "broken.jsonl").write_text("not json\n")
    project.write_roster(keys={"jane": 'source = "broken.jsonl"\nrecipe = "ner.manual"\nmodel = "spacy:xx"'})
    entries = project.entries("up", code=None)
    if entries["jane"]["state"] == "running":
        pytest.skip("this engine serves such a source")
    assert entries["jane"]["state"] == "failed"
    assert entries["jane"]["exit_code"]
    assert entries["jane"]["log_tail"]
    assert f"exited {entries['jane']['exit_code']}" in entries["jane"]["problem"]
    assert entries["joe"]["state"] == entries["cy"]["state"] == "running"
    assert project.states() == {"joe": "running", "jane": "failed", "cy": "running"}
    shown = project.run("up", code=3)
    assert entries["jane"]["log_tail"][-1].strip() in shown.stdout


def test_a_host_for_the_network_needs_a_password(project: Project) -> None:
    project.write_roster(("joe",), team='host = "0.0.0.0"')
    refused = project.run("up", code=2)
    assert "authentication" in refused.stderr
    assert "passwd" in refused.stderr
    assert project.marked() == {}
    set_password(project, "joe", "s3cret-of-joe")
    project.run("up")
    with project.client("joe") as client:
        url = str(client.base_url).replace("0.0.0.0", "127.0.0.1")
    assert httpx.get(f"{url}version", trust_env=False, timeout=60).status_code == 401


def set_password(project: Project, name: str, password: str) -> None:
    """`passwd NAME` with both questions answered on a terminal."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, "passwd", name],
        cwd=project.folder,
        env=project.environ,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        preexec_fn=lambda: (os.setsid(), os.open(os.ttyname(follower), os.O_RDWR)),
    )
    os.close(follower)
    heard = b""
    try:
        for _ in range(2):
            heard += listen(leader, b":")
            os.write(leader, f"{password}\n".encode())
        heard += listen(leader, None)
        assert process.wait(30) == 0, heard
        assert password.encode() not in heard
    finally:
        os.close(leader)


def test_a_password_guards_the_server_and_shows_nowhere(project: Project) -> None:
    project.write_roster(("joe",))
    project.run("up")
    secret = "s3cret-of-joe"
    set_password(project, "joe", secret)
    assert project.entries("up")["joe"]["changed"] == ["password"]
    with project.client("joe") as client:
        assert client.get("/").status_code == 401
        assert client.post("/get_session_questions", json={}).status_code == 401
        assert client.get("/version", auth=("joe", "wrong")).status_code == 401
        assert client.get("/version", auth=("joe", secret)).status_code == 200
    assert project.states() == {"joe": "running"}  # 401 is an answer
    pid = project.pids()["joe"]
    assert secret.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
    for path, content in files_in(project.folder):
        assert path.name == "passwords.json" or secret.encode() not in content, path
    assert (project.state / "passwords.json").stat().st_mode & 0o777 == 0o600
    project.kill("joe")
    assert project.states() == {"joe": "stale"}
    project.run("up", "--revive")
    with project.client("joe") as client:
        assert client.get("/version").status_code == 401


def test_what_is_written_is_the_owners_alone(project: Project) -> None:
    project.run("up")
    with project.client("joe") as client:
        give(client, pull(client))
    assert project.state.stat().st_mode & 0o777 == 0o700
    for path in project.state.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert (project.state / ".gitignore").read_text() == "*\n"


def test_servers_outlive_the_terminal_that_started_them(project: Project) -> None:
    leader, follower = pty.openpty()
    shell = subprocess.Popen(
        ["sh", "-c", f"{' '.join(PROGRAM)} up --quiet; echo brought up; sleep 600"],
        cwd=project.folder,
        env=project.environ,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
    )
    os.close(follower)
    try:
        listen(leader, b"brought up")
    finally:
        os.close(leader)  # the terminal is gone: its session gets HUP
        os.killpg(shell.pid, 1)
        shell.kill()
        shell.wait(60)
    pids = project.pids()
    assert sorted(pids) == sorted(THREE)
    for name, pid in pids.items():
        assert os.getsid(pid) == pid, name
        with project.client(name) as client:
            assert client.get("/version").status_code == 200


def test_no_wait_returns_at_once_and_the_next_up_waits(project: Project) -> None:
    entries = project.entries("up", "--no-wait")
    assert {each["state"] for each in entries.values()} == {"starting"}
    entries = project.entries("up")
    assert {(each["action"], each["state"]) for each in entries.values()} == {("keep", "running")}
    assert all(each["ready"] for each in json.loads(project.lockfile.read_text())["servers"])
