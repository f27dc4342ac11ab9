"""`init` writes a roster that works, and nothing otherwise."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

import pytest

from prodigy_team.roster import load_roster
from support import PROGRAM, run_team, team_environment


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with one source."""
    (tmp_path / "headlines.jsonl").write_text('{"text": "A headline"}\n', encoding="utf-8")
    return tmp_path


GIVEN = ("init", "--annotators", "joe, jane", "--source", "headlines.jsonl", "--labels", "PERSON,Ämter & Orte")


def test_what_is_given_stands_in_the_roster(folder):
    """The roster loads, with the servers that were asked for."""
    said = run_team(folder, *GIVEN)

    assert said.returncode == 0, said.stderr
    assert said.stdout.splitlines()[0].startswith("Wrote team.toml.")
    assert said.stdout.splitlines()[-1] == "Next: prodigy-team up"
    roster = load_roster(folder / "team.toml", os.environ)
    assert [server.name for server in roster.servers] == ["joe", "jane"]
    assert roster.servers[0].labels == ("PERSON", "Ämter & Orte")
    assert run_team(folder, "check").returncode == 0


def test_a_roster_is_never_overwritten(folder):
    """A second init leaves the file as it is."""
    (folder / "team.toml").write_text("# mine\n", encoding="utf-8")

    said = run_team(folder, *GIVEN)

    assert said.returncode == 2
    assert "is there already" in said.stderr
    assert (folder / "team.toml").read_text(encoding="utf-8") == "# mine\n"


def test_a_roster_that_would_not_work_is_not_written(folder):
    """Every problem is shown as `check` would, under the name of the file that was asked for."""
    said = run_team(folder, "init", "--annotators", "joe,Joe", "--source", "missing.jsonl", "--labels", "A")

    assert said.returncode == 2
    lines = said.stderr.splitlines()
    assert len(lines) >= 2
    assert all(line.startswith("team.toml: ") for line in lines)
    assert sorted(path.name for path in folder.iterdir()) == ["headlines.jsonl"]


def test_what_up_would_refuse_is_said_at_once(folder):
    """By `init` of what it wrote, and by `check`: a recipe that needs Prodigy, and servers open to the network."""
    said = run_team(folder, *GIVEN, "--recipe", "ner.teach", "--engine", "embedded")
    checked = run_team(folder, "check")

    assert "ner.teach trains a model" in said.stderr
    assert said.stdout.splitlines()[-1] == "Next: change team.toml, then prodigy-team check"
    assert (checked.returncode, checked.stdout, checked.stderr) == (2, "", said.stderr)

    roster = (folder / "team.toml").read_text(encoding="utf-8").replace("ner.teach", "ner.manual")
    (folder / "team.toml").write_text(roster.replace("[team]", '[team]\nhost = "0.0.0.0"'), encoding="utf-8")
    assert "0.0.0.0 can be reached by others" in run_team(folder, "check").stderr


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_bytes_of_another_encoding_are_wrong_usage(folder: Path, locale: str) -> None:
    latin = "Jürgen".encode("latin-1")
    for words, stdin in ((["init", "--annotators", latin, *GIVEN[3:]], b""), (["passwd", "joe", "--stdin"], latin)):
        ended = subprocess.run(
            [*PROGRAM, *words],
            input=stdin,
            capture_output=True,
            cwd=folder,
            env=team_environment(LC_ALL=locale, PYTHONIOENCODING=":strict"),
            timeout=120,
            check=False,
        )
        assert ended.returncode == 2, ended.stderr
        assert b"no text in UTF-8" in ended.stderr
        assert b"Traceback" not in ended.stderr
        if words[0] == "init":
            assert not (folder / "team.toml").exists()
            assert run_team(folder, *GIVEN).returncode == 0


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ((), "--annotators"),
        (("--annotators", "joe"), "--source"),
        (("--annotators", "joe", "--source", "headlines.jsonl"), "--labels"),
        (("--annotators", " ", "--source", "headlines.jsonl", "--labels", "A"), "--annotators"),
    ],
)
def test_without_a_terminal_what_is_missing_is_named(folder, given, missing):
    """It does not wait for an answer that nobody can give."""
    said = run_team(folder, "init", *given)

    assert said.returncode == 2
    assert said.stderr.startswith(missing)
    assert not (folder / "team.toml").exists()


def test_on_a_terminal_it_asks(folder):
    """Names, source and labels are asked for; the one file of the folder is proposed."""
    import pty

    ours, theirs = pty.openpty()
    asked = subprocess.Popen(
        [*PROGRAM, "init"],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        cwd=folder,
        env=team_environment(),
    )
    os.close(theirs)
    try:
        os.write(ours, b"joe\n\nPERSON,ORG\n")
        assert asked.wait(timeout=120) == 0
        shown = b""
        with contextlib.suppress(OSError):  # Linux's way to say that nobody writes there any more
            while part := os.read(ours, 65536):
                shown += part
    finally:
        asked.kill()
        asked.communicate()
        os.close(ours)
    assert b"Who annotates" in shown
    assert b"[headlines.jsonl]" in shown
    assert [each.name for each in load_roster(folder / "team.toml", os.environ).annotators] == ["joe"]
