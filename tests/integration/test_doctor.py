"""`doctor` finds what keeps servers from running, and says what to do."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import time
from pathlib import Path

import pytest

from prodigy_team.roster import load_roster
from prodigy_team.servers import doctor
from prodigy_team.servers.doctor import Finding, examine
from support import free_ports, run_team, small_roster

ROSTER = small_roster("joe", team='database = "answers.db"\n{team}\n', more="{annotator}")
STATS = """
✨  Prodigy Stats

Version          1.18.4
Location         /env/lib/python3.11/site-packages/prodigy
Prodigy Home     /home/joe/.prodigy
Platform         Linux
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project without a roster yet."""
    (tmp_path / "headlines.jsonl").write_text('{"text": "A headline"}\n', encoding="utf-8")
    return tmp_path


def write_roster(folder: Path, *, team: str = "", annotator: str = "") -> Path:
    """A roster of one."""
    path = folder / "team.toml"
    path.write_text(ROSTER.format(team=team, annotator=annotator), encoding="utf-8")
    return path


def found(path: Path, subject: str) -> list[Finding]:
    """What a whole examination finds about one subject."""
    return [each for each in examine(path, os.environ) if each.subject == subject]


def fake_prodigy(folder: Path, body: str) -> str:
    """A Python whose `-m prodigy stats` does this."""
    program = folder / "python"
    program.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    program.chmod(0o755)
    return f'python = "{program}"'


def test_a_fresh_roster_is_well(folder):
    """Nothing is wrong before the first `up`, and the command ends with 0."""
    write_roster(folder)

    ended = run_team(folder, "doctor", "--json")

    assert ended.returncode == 0, ended.stdout
    subjects = {each["subject"] for each in json.loads(ended.stdout)["findings"]}
    assert subjects >= {
        "prodigy-team",
        "roster",
        "prodigy",
        "database",
        "disk",
        "state folder",
        "ports",
        "clock",
        "logs",
    }


def test_every_problem_of_the_roster_is_a_finding(folder):
    """And nothing else is looked at that needs a good one."""
    path = write_roster(folder, annotator='colour = "red"\nport = 99999')

    findings = examine(path, os.environ)

    assert [each.level for each in findings] == ["ok", "error", "error"]
    assert all(each.remedy for each in findings[1:])


def test_what_cannot_be_looked_at_is_a_finding(folder):
    """As of an account that may not look into Prodigy's folder; other errors of this kind are there for everybody."""
    path = write_roster(folder)
    findings = examine(path, {**os.environ, "PRODIGY_HOME": "/" + "x" * 5000})
    assert [(each.level, each.subject) for each in findings] == [("ok", "prodigy-team"), ("error", "roster")]
    assert "File name too long" in findings[-1].text


def test_prodigys_version_is_asked_of_itself(folder):
    """`prodigy stats` of the roster's Python."""
    stats = folder / "stats.txt"
    stats.write_text(STATS, encoding="utf-8")
    path = write_roster(folder, team=fake_prodigy(folder, f"cat {stats}"))

    (finding,) = found(path, "prodigy")

    assert finding.level == "ok"
    assert "Prodigy 1.18.4" in finding.text
    assert "/home/joe/.prodigy" in finding.text


@pytest.mark.parametrize(
    ("engine", "stderr", "level", "words"),
    [
        ("auto", "python: No module named prodigy", "ok", "embedded engine"),
        ("prodigy", "python: No module named prodigy", "error", "has no Prodigy"),
        ("auto", "Traceback\nLicenseError: expired", "error", "LicenseError: expired"),
        ("embedded", "Traceback\nLicenseError: expired", "warning", "LicenseError"),
    ],
)
def test_without_a_working_prodigy(folder, engine, stderr, level, words):
    """It is an error only where the roster wants Prodigy, or has it and it does not work."""
    roster = load_roster(write_roster(folder, team=f'engine = "{engine}"'), os.environ)

    finding = doctor.prodigy_finding(roster, 1, "", stderr)

    assert (finding.level, words in finding.text) == (level, True)


def test_a_prodigy_that_hangs_is_given_up(folder, monkeypatch):
    """It is ended, and said so."""
    monkeypatch.setattr(doctor, "STATS_SECONDS", 0.3)
    path = write_roster(folder, team=fake_prodigy(folder, "exec tail -f /dev/null"))

    started = time.monotonic()
    (finding,) = found(path, "prodigy")

    assert finding.level == "warning"
    assert "did not answer" in finding.text
    assert time.monotonic() - started < 60


def make_database(path: Path, *, wal: bool) -> None:
    """A database as Prodigy makes it."""
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA journal_mode={'WAL' if wal else 'DELETE'}")
    connection.executescript(
        "CREATE TABLE dataset (id INTEGER PRIMARY KEY, name VARCHAR(255), created INTEGER, meta BLOB, session INTEGER);"
        "CREATE TABLE example (id INTEGER PRIMARY KEY, input_hash BIGINT, task_hash BIGINT, content BLOB);"
        "CREATE TABLE link (id INTEGER PRIMARY KEY, example_id INTEGER, dataset_id INTEGER);"
        "INSERT INTO dataset VALUES (1, 'headlines_joe', 1, '{}', 0);"
    )
    connection.close()


@pytest.mark.parametrize(("wal", "level"), [(True, "ok"), (False, "warning")])
def test_the_journal_of_our_own_database(folder, wal, level):
    """WAL is expected of the file that the roster names."""
    make_database(folder / "answers.db", wal=wal)
    path = write_roster(folder)

    assert [each.level for each in found(path, "database")] == ["ok"]
    assert [each.level for each in found(path, "journal")] == [level]


def test_a_file_that_is_no_database(folder):
    """It is said by name, and the rest is still looked at."""
    (folder / "answers.db").write_bytes(b"no database at all" * 100)
    path = write_roster(folder)

    assert [each.level for each in found(path, "database")] == ["error"]
    assert found(path, "clock")


@pytest.mark.parametrize(
    ("wal", "network", "chosen", "level"),
    [
        (True, "nfs4", True, "error"),
        (False, "nfs4", True, "warning"),
        (True, "", True, "ok"),
        (False, "", True, "warning"),
        (False, "", False, "ok"),
    ],
)
def test_the_journal_and_its_place(wal, network, chosen, level):
    finding = doctor.journal_finding(Path("/x/a.db"), wal=wal, network=network, chosen=chosen)

    assert finding.level == level
    assert bool(finding.remedy) == (level != "ok")


@pytest.mark.parametrize(("free", "level"), [(5 * 10**9, "ok"), (5 * 10**8, "warning"), (10**7, "error")])
def test_disk_space(free, level):
    assert doctor.space_finding("database", Path("/x"), free).level == level


@pytest.mark.parametrize(
    ("stamps", "booted", "levels"),
    [
        ({}, None, ["ok"]),
        ({"/s": 0.5}, 10.0, ["ok"]),
        ({"/s": -120.0}, 10.0, ["warning"]),
        ({"/s": 3.0}, 5000.0, ["warning", "warning"]),
    ],
)
def test_clocks(stamps, booted, levels):
    """File times that are off, and a clock that was set back behind the last boot."""
    assert [each.level for each in doctor.clock_findings(stamps, booted=booted, now=1000.0)] == levels


def test_a_state_folder_open_to_others(folder):
    """With the command that closes it."""
    path = write_roster(folder)
    logs = folder / ".prodigy-team" / "logs"
    logs.mkdir(parents=True, mode=0o755)
    (folder / ".prodigy-team").chmod(0o755)

    (finding,) = found(path, "state folder")

    assert finding.level == "warning"
    assert finding.remedy == f"chmod -R go-rwx {folder / '.prodigy-team'}"


def test_a_strangers_port_is_named_with_its_holder(folder):
    """And the command would end with 3."""
    (port,) = free_ports(1)
    path = write_roster(folder, annotator=f"port = {port}")
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        findings = found(path, "ports")

    assert findings[0].level == "error"
    assert f"{port}, joe's, is in use" in findings[0].text
    assert str(os.getpid()) in findings[0].text


def test_the_newest_error_of_each_log(folder):
    """The last one of a log, in the words of the log."""
    path = write_roster(folder)
    logs = folder / ".prodigy-team" / "logs"
    logs.mkdir(parents=True, mode=0o700)
    (folder / ".prodigy-team").chmod(0o700)
    text = "starting\nTraceback (most recent call last):\n  x\nOSError: [E050] Can't find model 'en'\nended\n"
    (logs / "joe.log").write_text(text, encoding="utf-8")
    (logs / "jane.log").write_text("INFO all is well, no Error here\n", encoding="utf-8")

    findings = found(path, "logs")

    assert [each.text for each in findings] == ["joe: OSError: [E050] Can't find model 'en'"]
    assert findings[0].remedy == "Read it: prodigy-team logs joe"
