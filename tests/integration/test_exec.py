"""`exec` runs a command where it sees what the servers see."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from prodigy_team.roster import load_roster
from prodigy_team.servers.tools import team_database
from prodigy_team.settings import find_database, read_settings
from support import PROGRAM, team_environment

ROSTER = """
[team]
name = "headlines"
{team}
[task]
recipe = "ner.manual"
source = "headlines.jsonl"
labels = ["A"]
{task}
[[annotator]]
name = "joe"
"""
SHOW = "import json, os, sys; print(json.dumps([dict(os.environ), os.getcwd(), sys.argv[1:]]))"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project without a roster yet."""
    (tmp_path / "headlines.jsonl").write_text('{"text": "A headline"}\n', encoding="utf-8")
    return tmp_path


def write_roster(folder: Path, *, team: str = "", task: str = "") -> Path:
    """A roster of one."""
    path = folder / "team.toml"
    text = ROSTER.format(team=team, task=f'model = "blank:en"\n{task}')
    path.write_text(text, encoding="utf-8")
    return path


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """`prodigy-team` in a folder."""
    return subprocess.run(
        [*PROGRAM, *arguments],
        capture_output=True,
        cwd=folder,
        env=team_environment(**environment),
        timeout=60,
        check=False,
    )


def test_a_file_that_is_no_program_is_said_in_two_lines(folder: Path) -> None:
    write_roster(folder)
    script = folder / "script"
    script.write_bytes(b"\x00 no program")
    script.chmod(0o755)
    ended = run(folder, "exec", "./script")
    assert ended.returncode == 2
    assert ended.stderr.decode().startswith("./script cannot be run: Exec format error.\n")


def seen_by(folder: Path, *options: str, cwd: Path | None = None, **environment: str) -> dict[str, str]:
    """The environment in which a command runs."""
    ended = run(cwd or folder, *options, "exec", sys.executable, "-c", SHOW, **environment)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)[0]


def database_of(seen: dict[str, str], directory: Path) -> Path | None:
    """Where Prodigy would look for answers in that environment."""
    return find_database(read_settings(seen, directory), seen).path


def test_it_ends_with_the_commands_code_and_passes_its_options(folder):
    """Options behind the command are the command's own, ours stand before it."""
    write_roster(folder)

    assert run(folder, "exec", "sh", "-c", "exit 7").returncode == 7
    ended = run(folder, "exec", "-f", "team.toml", sys.executable, "-c", SHOW, "-f", "x", "--json", "--help")
    assert json.loads(ended.stdout)[2] == ["-f", "x", "--json", "--help"]


def test_output_is_passed_through_byte_for_byte(folder):
    """Nothing of ours is mixed in."""
    write_roster(folder)

    ended = run(folder, "exec", sys.executable, "-c", "import sys; sys.stdout.buffer.write(bytes(range(256)))")

    assert ended.stdout == bytes(range(256))
    assert ended.stderr == b""


@pytest.mark.parametrize("elsewhere", [False, True])
def test_the_database_is_the_rosters(folder, elsewhere, tmp_path_factory):
    """Wherever the command is called from, whatever prodigy.json lies there."""
    path = write_roster(folder, team='database = "answers.db"')
    cwd = tmp_path_factory.mktemp("elsewhere") if elsewhere else folder
    (cwd / "prodigy.json").write_text('{"db_settings": {"sqlite": {"name": "other.db"}}}', encoding="utf-8")

    seen = seen_by(folder, "-f", str(path), cwd=cwd)

    assert database_of(seen, cwd) == folder / "answers.db"
    assert team_database(load_roster(path, os.environ), os.environ).path == folder / "answers.db"


def test_without_one_it_is_what_the_settings_beside_the_roster_say(folder, tmp_path_factory):
    """The prodigy.json beside the roster applies, not the one where the command is called."""
    path = write_roster(folder)
    own = {"db_settings": {"sqlite": {"name": "own.db", "path": str(folder)}}, "batch_size": 3}
    (folder / "prodigy.json").write_text(json.dumps(own), encoding="utf-8")
    cwd = tmp_path_factory.mktemp("elsewhere")

    seen = seen_by(folder, "-f", str(path), cwd=cwd)

    assert database_of(seen, cwd) == folder / "own.db"
    assert read_settings(seen, cwd)["batch_size"] == 3


def test_settings_of_the_shell_do_not_leak_in(folder):
    """What servers do not get, a command does not get either; the home stays the shell's."""
    write_roster(folder, task='env = { PRODIGY_LOGGING = "basic" }')
    shell = {"PRODIGY_CONFIG_OVERRIDES": '{"batch_size": 99}', "PRODIGY_PORT": "1"}

    seen = seen_by(folder, **shell)

    assert "PRODIGY_PORT" not in seen
    assert read_settings(seen, folder)["batch_size"] == 10
    assert seen["PRODIGY_HOME"] == os.environ["PRODIGY_HOME"]
    assert seen["PRODIGY_LOGGING"] == "basic"


def test_the_rosters_programs_are_found_first(folder):
    """`prodigy` is the one of the roster's Python."""
    programs = folder / "env" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").symlink_to(sys.executable)
    (programs / "prodigy").write_text("#!/bin/sh\necho found $1\n", encoding="utf-8")
    (programs / "prodigy").chmod(0o755)
    write_roster(folder, team='python = "env/bin/python"')

    assert run(folder, "exec", "prodigy", "stats").stdout == b"found stats\n"


@pytest.mark.parametrize("words", [(), ("there-is-no-such-program",)])
def test_nothing_to_run(folder, words):
    """Wrong usage, in two lines."""
    write_roster(folder)

    ended = run(folder, "exec", *words)

    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 2
