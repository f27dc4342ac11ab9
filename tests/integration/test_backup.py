"""Backups: of one moment, while eight people save; whole or not there; put back, with what they replace kept."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from databases import make_prodigy_database, new_answer
from prodigy_team.errors import TeamError
from prodigy_team.roster import Roster, load_roster
from prodigy_team.servers.backups import DAY, backup_before, backup_notes, backups_folder, list_backups, make_backup
from prodigy_team.servers.restoring import check_backup, find_backup, restore
from prodigy_team.settings import Database
from prodigy_team.store import open_store
from support import eventually, free_ports, full_disk, run_team, small_roster

ROSTER = small_roster("joe", team='database = "answers.db"\n')
NIGHT = 1_700_000_000.0
WRITER = """
import json, sys, time
sys.path[:0] = json.loads(sys.argv[4])
from databases import new_answer
from prodigy_team.settings import Database
from prodigy_team.store import open_store
from pathlib import Path
store = open_store(Database("sqlite", Path(sys.argv[1]), "test"), write=True)
number, worst = 0, 0.0
while not Path(sys.argv[3]).exists():
    begun = time.monotonic()
    store.append("headlines_joe", [[new_answer(f"{sys.argv[2]} {number}", who=sys.argv[2], filler="x" * 300)]])
    worst = max(worst, time.monotonic() - begun)
    number += 1
    print(number, flush=True)
print(f"worst {worst}")
"""

COUNT = "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM link').fetchone())"


@pytest.fixture
def roster(tmp_path: Path) -> Roster:
    """A team with three answers."""
    (tmp_path / "team.toml").write_text(ROSTER, encoding="utf-8")
    (tmp_path / "headlines.jsonl").write_text('{"text": "one"}\n', encoding="utf-8")
    (tmp_path / "prodigy.json").write_text('{"batch_size": 5}', encoding="utf-8")
    save(tmp_path / "answers.db", "one", "two", "three")
    return load_roster(tmp_path / "team.toml", {})


def save(path: Path, *texts: str) -> None:
    with closing(open_store(Database("sqlite", path, "test"), write=True, create=True)) as store:
        store.ensure_dataset("headlines_joe", team="headlines")
        store.append("headlines_joe", [[new_answer(text) for text in texts]])


def texts_in(path: Path) -> list[str]:
    with closing(open_store(Database("sqlite", path, "test"), write=False)) as store:
        return [json.loads(each)["text"] for each in store.answers("headlines_joe")]


def test_a_backup_holds_everything_and_only_its_owner_reads_it(roster):
    """One folder, named by its time, with a copy of each file and the counts."""
    backup = make_backup(roster, {}, now=NIGHT).backup

    assert backup.path == backups_folder(roster.state) / "20231114T221320Z"
    assert {each.name for each in backup.path.iterdir()} == {"answers.db", "backup.json", "prodigy.json", "team.toml"}
    assert texts_in(backup.path / "answers.db") == ["one", "two", "three"]
    assert dict(backup.datasets) == {"headlines_joe": 3}
    assert backup.path.stat().st_mode & 0o777 == 0o700
    assert {each.stat().st_mode & 0o777 for each in backup.path.iterdir()} == {0o600}
    assert list_backups(roster.state) == [backup]


def test_a_backup_takes_no_locks_from_the_store_of_the_command_that_makes_it(roster):
    """Closing any descriptor of a file drops this process's locks on it: whoever then ends would remove the log."""
    with closing(open_store(Database("sqlite", roster.database, "test"), write=True)) as store:
        store.append("headlines_joe", [[new_answer("four")]])
        make_backup(roster, {})
        come_and_go = (
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT * FROM link'); c.close()"
        )
        subprocess.run([sys.executable, "-c", come_and_go, str(roster.database)], check=True)
        store.append("headlines_joe", [[new_answer("five")]])
        seen = subprocess.run(
            [sys.executable, "-c", COUNT, str(roster.database)], check=True, capture_output=True, text=True
        )

    assert int(seen.stdout) == 5


def test_old_backups_go_and_those_of_commands_push_out_none(roster):
    """14 stay when nothing is said; a merge keeps three of its own."""
    for day in range(4):
        make_backup(roster, {}, keep=2, now=NIGHT + day * DAY)
    for second in range(5):
        make_backup(roster, {}, keep=3, reason="merge", now=NIGHT + 5 * DAY + second)

    assert [each.reason for each in list_backups(roster.state)] == ["", "", "merge", "merge", "merge"]
    assert list_backups(roster.state)[0].created == NIGHT + 2 * DAY


def test_a_command_uses_the_newest_backup_where_nothing_was_written_since(roster):
    """Sizes and times of the files tell; what was written a moment ago is copied in any case."""
    database = roster.database
    for each in (database, Path(f"{database}-wal")):
        if each.exists():
            os.utime(each, (NIGHT, NIGHT))
    first = backup_before(roster, {}, "merge")
    again = backup_before(roster, {}, "merge")
    save(database, "four")
    third = backup_before(roster, {}, "merge")

    assert first is not None
    assert again is not None
    assert third is not None
    assert first.path == again.path
    assert texts_in(third.path / "answers.db")[-1] == "four"
    database.unlink()
    assert backup_before(roster, {}, "merge") is None


@pytest.mark.parametrize("own", [True, False], ids=["write-ahead log", "Prodigy's rollback journal"])
def test_eight_people_save_while_a_backup_is_made(roster, tmp_path, own):
    """No save fails, and what was confirmed before the backup began is in it."""
    if not own:
        for each in tmp_path.glob("answers.db*"):
            each.unlink()
        make_prodigy_database(tmp_path / "answers.db")
        save(tmp_path / "answers.db", "one", "two", "three")
    end = tmp_path / "end"
    writers = [start_writer(tmp_path, f"p{number}", end) for number in range(8)]
    try:
        eventually(lambda: all(confirmed(tmp_path / f"p{number}") > 3 for number in range(8)), within=120)
        before = [confirmed(tmp_path / f"p{number}") for number in range(8)]
        backup = make_backup(roster, {}).backup
    finally:
        end.touch()
        errors = [each.communicate(timeout=120)[1].decode() for each in writers]

    assert errors == [""] * 8
    found = texts_in(backup.path / "answers.db")
    assert len(found) == len(set(found))
    for number, count in enumerate(before):
        assert {f"p{number} {each}" for each in range(count)} <= set(found)


def start_writer(folder: Path, name: str, end: Path) -> subprocess.Popen[bytes]:
    """Somebody who saves until a file appears, and writes down what was confirmed."""
    tests = json.dumps([str(Path(__file__).parents[1])])
    with (folder / name).open("w") as file:
        return subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder / "answers.db"), name, str(end), tests],
            stdout=file,
            stderr=subprocess.PIPE,
        )


def confirmed(path: Path) -> int:
    """How many answers a writer has been told are stored."""
    lines = [line for line in path.read_text().splitlines() if line.isdigit()]
    return int(lines[-1]) if lines else 0


def test_a_full_disk_leaves_no_half_backup_and_the_earlier_ones(roster):
    """The error names the copy."""
    make_backup(roster, {}, now=NIGHT)
    with full_disk(40_960), pytest.raises(TeamError, match="cannot be written"):
        make_backup(roster, {}, keep=1, now=NIGHT + DAY)

    assert [each.created for each in list_backups(roster.state)] == [NIGHT]
    assert [each.name for each in backups_folder(roster.state).iterdir() if not each.name.startswith(".lock")] == [
        "20231114T221320Z"
    ]


def test_a_folder_that_cannot_be_written_is_said(roster):
    roster.state.mkdir()
    backups_folder(roster.state).write_text("in the way")

    with pytest.raises(TeamError, match=r"No backup could be made in .*backups"):
        make_backup(roster, {})


def test_a_damaged_database_gets_no_backup_that_looks_sound(roster):
    make_backup(roster, {}, now=NIGHT)
    with closing(sqlite3.connect(roster.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    with roster.database.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)

    with pytest.raises(TeamError, match="damaged"):
        make_backup(roster, {}, now=NIGHT + DAY)

    assert [each.created for each in list_backups(roster.state)] == [NIGHT]


def test_what_a_killed_backup_left_goes_with_the_next(roster):
    left = backups_folder(roster.state) / ".partial-20231114T221320Z"
    left.mkdir(parents=True)
    (left / "answers.db").touch()

    make_backup(roster, {})

    assert not left.exists()
    assert len(list_backups(roster.state)) == 1


def test_restore_puts_the_answers_back_and_keeps_what_it_replaces(roster):
    """Answers of both stay on disk; those replaced with what their log held."""
    ledger = roster.state / "ledger.db"
    roster.state.mkdir()
    with closing(sqlite3.connect(ledger)) as connection, connection:
        connection.execute("CREATE TABLE note (text)")
    backup = make_backup(roster, {}, now=NIGHT).backup
    save(roster.database, "four")
    ledger.write_bytes(b"damaged")

    report = restore(roster, {}, backup, now=NIGHT)

    assert texts_in(roster.database) == ["one", "two", "three"]
    answers, old_ledger = sorted(report.kept)[::-1]
    assert texts_in(answers) == ["one", "two", "three", "four"]
    assert old_ledger.read_bytes() == b"damaged"
    with closing(sqlite3.connect(ledger)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("note",)]
    assert [(each.name, each.there, each.now) for each in report.datasets] == [("headlines_joe", 3, 4)]
    save(roster.database, "five")
    assert texts_in(roster.database)[-1] == "five"
    assert not list(roster.database.parent.glob(".*restoring*"))


def test_two_restores_in_one_second_keep_both_files_that_they_replaced(roster):
    backup = make_backup(roster, {}, now=NIGHT).backup
    save(roster.database, "four")

    first, second = restore(roster, {}, backup, now=NIGHT), restore(roster, {}, backup, now=NIGHT)

    assert "four" in texts_in(first.kept[-1])
    assert "four" not in texts_in(second.kept[-1])


def test_a_restore_that_finds_the_disk_full_leaves_no_copy_behind(roster, tmp_path):
    backup = make_backup(roster, {}).backup
    save(tmp_path / "answers.db", "four")
    with full_disk(40_960), pytest.raises(TeamError, match="cannot be put back"):
        restore(roster, {}, backup)
    assert not [*tmp_path.rglob("*.restoring"), *tmp_path.rglob("*.replaced-*")]
    assert texts_in(tmp_path / "answers.db") == ["one", "two", "three", "four"]


def test_a_restore_that_sqlite_breaks_off_leaves_everything_as_it_was(roster, monkeypatch):
    backup = make_backup(roster, {}).backup

    def fails(path: Path) -> None:
        raise sqlite3.OperationalError(f"database or disk is full: {path}")

    monkeypatch.setattr("prodigy_team.servers.restoring.sync_file", fails)
    with pytest.raises(TeamError, match="cannot be put back"):
        restore(roster, {}, backup)
    assert texts_in(roster.database) == ["one", "two", "three"]
    assert not [*roster.database.parent.rglob("*.restoring"), *roster.database.parent.rglob("*.replaced-*")]


def test_restore_where_the_database_is_gone_or_ruined(roster):
    backup = make_backup(roster, {}).backup
    for each in roster.database.parent.glob("answers.db*"):
        each.unlink()
    restore(roster, {}, backup, now=NIGHT)
    assert texts_in(roster.database) == ["one", "two", "three"]

    roster.database.write_bytes(b"no database at all" * 1000)
    report = restore(roster, {}, find_backup(roster.state, None), now=NIGHT + 1)

    assert texts_in(roster.database) == ["one", "two", "three"]
    assert report.kept[0].read_bytes().startswith(b"no database")


def test_a_backup_that_was_changed_is_not_put_back(roster):
    backup = make_backup(roster, {}).backup
    with closing(sqlite3.connect(backup.path / "answers.db")) as connection, connection:
        connection.execute("DELETE FROM link WHERE id = 2")

    assert "does not hold" in check_backup(roster, {}, backup).problem
    with pytest.raises(TeamError, match="cannot be used"):
        restore(roster, {}, backup)
    assert texts_in(roster.database) == ["one", "two", "three"]


def test_up_names_a_backup_older_than_a_day_and_leaves_new_teams_alone(roster):
    """A team on its first day has no need of one."""
    now = time.time()
    assert backup_notes(roster, {}, now=now) == []
    assert backup_notes(roster, {}, now=now + 1.1 * DAY) == ["There is no backup of the answers: prodigy-team backup"]

    make_backup(roster, {}, now=now)

    assert backup_notes(roster, {}, now=now + 0.9 * DAY) == []
    assert backup_notes(roster, {}, now=now + 3.5 * DAY) == ["The newest backup is 3 days old: prodigy-team backup"]


def test_commands_back_up_check_and_refuse_while_servers_run(roster):
    """From the command line, with a server up."""
    folder = roster.path.parent
    (folder / "team.toml").write_text(ROSTER + f"port = {free_ports(1)[0]}\n", encoding="utf-8")
    made = run_team(folder, "backup")
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("backed up 3 answers in 1 dataset")
    name = list_backups(roster.state)[0].path.name
    checked = run_team(folder, "restore", name, "--check")
    assert checked.returncode == 0, checked.stderr
    assert "headlines_joe  3       3" in checked.stdout
    assert run_team(folder, "restore").returncode == 2
    try:
        assert run_team(folder, "up").returncode == 0
        refused = run_team(folder, "restore", name)
        assert refused.returncode == 1
        assert refused.stderr.startswith("joe runs; answers would be lost.")
    finally:
        run_team(folder, "stop", "--force")
    assert run_team(folder, "restore", name).stdout.endswith("Restored. Next: prodigy-team up\n")
