"""Backups of a PostgreSQL database, which a licensed Prodigy may write: by `pg_dump`, from a real server."""

from __future__ import annotations

import json
import os
import pwd
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from prodigy_team.errors import TeamError
from prodigy_team.roster import Roster, load_roster
from prodigy_team.servers.backups import DUMP, backup_notes, list_backups, make_backup
from prodigy_team.servers.dumps import Connection, connection_of
from prodigy_team.servers.restoring import check_backup, find_backup, restore
from support import eventually, small_roster

TABLES = """
CREATE TABLE dataset (id serial PRIMARY KEY, name varchar(255), created integer, meta bytea, session boolean);
CREATE TABLE example (id bigserial PRIMARY KEY, input_hash bigint, task_hash bigint, content bytea);
CREATE TABLE link (id bigserial PRIMARY KEY, example_id bigint, dataset_id integer);
INSERT INTO dataset (name, created, meta, session) VALUES
  ('headlines_joe', 1, '{}', false), ('headlines_joe-joe', 1, '{}', true), ('empty', 1, '{}', false);
INSERT INTO example (input_hash, task_hash, content)
  SELECT n, n, convert_to('{"text": "zwölf ' || n || '"}', 'UTF8') FROM generate_series(1, 500) AS n;
INSERT INTO link (example_id, dataset_id) SELECT n, d FROM generate_series(1, 500) AS n, generate_series(1, 2) AS d;
"""
ROSTER = small_roster("joe")


def program(name: str) -> str:
    """One of the server's own programs, which Debian keeps off the PATH; the test is skipped without."""
    found = [shutil.which(name) or "", *map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))]
    path = next((each for each in found if each), "")
    if not path or not shutil.which("pg_dump"):
        pytest.skip("PostgreSQL is not at hand (Debian: postgresql)")
    return path


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    """A PostgreSQL of its own behind a socket in a folder; it refuses to run as root."""
    initdb, postgres = program("initdb"), program("postgres")
    user = (
        pwd.getpwuid(os.getuid()) if os.getuid() else next((u for u in pwd.getpwall() if u.pw_name == "postgres"), None)
    )
    if user is None:
        pytest.skip("PostgreSQL refuses to run as root, and there is no account postgres")
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    running = None
    try:
        os.chown(folder, user.pw_uid, user.pw_gid)
        own = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if not os.getuid() else {}
        (folder / "password").write_text("it's a secret")
        (folder / "password").chmod(0o644)
        setting_up = [initdb, "-D", f"{folder}/data", "-U", "ann", "-A", "scram-sha-256", "--no-sync", "-E", "UTF8"]
        subprocess.run([*setting_up, f"--pwfile={folder}/password"], check=True, capture_output=True, cwd=folder, **own)
        options = ["-c", "listen_addresses=", "-c", "fsync=off", "-k", str(folder)]
        running = subprocess.Popen(
            [postgres, "-D", f"{folder}/data", *options], cwd=folder, stderr=subprocess.DEVNULL, **own
        )
        found = {"host": str(folder), "user": "ann", "password": "it's a secret", "name": "an'swers"}
        ready = ["psql", "-qAt", f"--host={folder}", "--username=ann", "postgres"]
        environ = {**os.environ, "PGPASSWORD": found["password"]}

        def made() -> bool:
            assert running.poll() is None, "the server ended"
            create = [*ready, "-c", 'CREATE DATABASE "an\'swers"']
            return subprocess.run(create, env=environ, capture_output=True, check=False).returncode == 0

        eventually(made, within=120)
        psql(found, TABLES)
        yield found
    finally:
        if running is not None:
            running.terminate()
            running.wait(60)
        shutil.rmtree(folder)


def psql(server: dict[str, str], statements: str, database: str = "an'swers") -> str:
    """What the server answers."""
    command = ["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", f"--host={server['host']}", "--username=ann", database]
    environ = {**os.environ, "PGPASSWORD": server["password"]}
    done = subprocess.run(command, input=statements, env=environ, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def roster(tmp_path: Path, server: dict[str, str]) -> Roster:
    """A team whose answers Prodigy keeps there."""
    (tmp_path / "team.toml").write_text(ROSTER)
    (tmp_path / "headlines.jsonl").write_text('{"text": "one"}\n')
    (tmp_path / "prodigy.json").write_text(json.dumps({"db": "postgresql", "db_settings": {"postgresql": server}}))
    return load_roster(tmp_path / "team.toml", {})


def test_a_backup_is_a_dump_that_pg_restore_puts_back(roster: Roster, server: dict[str, str]) -> None:
    backup = make_backup(roster, os.environ).backup
    assert dict(backup.datasets) == {"headlines_joe": 500, "empty": 0}
    assert (backup.path / DUMP).stat().st_mode & 0o777 == 0o600
    assert {each.name for each in backup.path.iterdir()} == {DUMP, "team.toml", "prodigy.json", "backup.json"}
    assert "secret" not in backup.database
    report = check_backup(roster, os.environ, find_backup(roster.state, None))
    assert (report.problem, [(each.name, each.said, each.there) for each in report.datasets]) == (
        "",
        [("empty", 0, 0), ("headlines_joe", 500, 500)],
    )
    with pytest.raises(TeamError, match="PostgreSQL's own program") as refused:
        restore(roster, os.environ, backup)
    psql(server, "CREATE DATABASE other", "postgres")
    address = Connection({**connection_of(roster, {}).parameters, "dbname": "other"}, {}).address
    _, _, command = refused.value.remedy.partition("pg_restore")
    environ = {**os.environ, "PGPASSWORD": server["password"]}
    arguments = shlex.split(command.replace("--dbname=NAME", f"--dbname={shlex.quote(address)}"))
    subprocess.run(["pg_restore", *arguments], env=environ, check=True)
    query = "SELECT count(*), md5(string_agg(convert_from(content, 'UTF8'), ',' ORDER BY id)) FROM example"
    assert psql(server, query, "other") == psql(server, query)


def test_a_dump_that_lost_its_end_is_not_sound(roster: Roster) -> None:
    backup = make_backup(roster, os.environ).backup
    content = (backup.path / DUMP).read_bytes()
    for damaged in (content[: len(content) // 2], b"", content[:-4000] + bytes(4000)):
        (backup.path / DUMP).write_bytes(damaged)
        problem = check_backup(roster, os.environ, backup).problem
        assert problem
        assert "holds no table" not in problem, "pg_restore knows what is wrong"


def test_what_cannot_be_reached_or_run_is_said_and_leaves_nothing(
    roster: Roster, server: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {**server, "password": "wrong"}
    roster.config.write_text(json.dumps({"db": "postgresql", "db_settings": {"postgresql": settings}}))
    with pytest.raises(TeamError, match=r"was not copied: .*password authentication failed"):
        make_backup(roster, os.environ)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(TeamError, match="pg_dump is not installed"):
        make_backup(roster, os.environ)
    assert not [each for each in (roster.state / "backups").iterdir() if each.is_dir()]
    assert list_backups(roster.state) == []
    assert backup_notes(roster, os.environ, now=0.0) == []


def test_no_secret_stands_on_a_command_line(roster: Roster, server: dict[str, str]) -> None:
    found = connection_of(roster, {})
    assert found.parameters == {"host": server["host"], "user": "ann", "dbname": "an'swers"}
    assert r"dbname='an\'swers'" in found.address
    assert found.environ["PGPASSWORD"] == server["password"]
