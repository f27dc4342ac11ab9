"""`passwd` takes a password from a terminal or a pipe, never from its arguments."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from prodigy_team.errors import TeamError
from prodigy_team.servers.passwords import passwords_path, read_passwords
from support import PROGRAM, eventually, run_team, small_roster, team_environment

ROSTER = small_roster("joe", "ana", more='[[server]]\nname = "pool"\nannotators = ["ana"]')


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A team with a server of joe's own and a shared one."""
    (tmp_path / "headlines.jsonl").write_text('{"text": "A headline"}\n', encoding="utf-8")
    (tmp_path / "team.toml").write_text(ROSTER, encoding="utf-8")
    return tmp_path


def test_a_line_from_a_pipe(folder):
    """It is kept where only its owner can read it, and not said again."""
    ended = run_team(folder, "passwd", "joe", "--stdin", stdin="correct horse: ü\n")

    assert ended.returncode == 0, ended.stderr
    assert "correct" not in ended.stdout + ended.stderr
    state = folder / ".prodigy-team"
    assert read_passwords(state)["joe"].password == "correct horse: ü"
    assert stat.S_IMODE(passwords_path(state).stat().st_mode) == 0o600


def test_an_annotator_of_a_shared_server_sets_that_servers(folder):
    """There is one password to a server."""
    assert run_team(folder, "passwd", "ana", "--stdin", stdin="x\n").returncode == 0
    assert list(read_passwords(folder / ".prodigy-team")) == ["pool"]


@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        (("joe",), "secret\n", "--stdin"),
        (("joe", "--stdin"), "\n", "empty"),
        (("joe", "--stdin"), "", "empty"),
        (("joe", "--stdin"), "a\x07b\n", "control character"),
        (("jo", "--stdin"), "x\n", "Did you mean joe?"),
        (("joe", "secret"), "", "secret"),
    ],
)
def test_what_is_no_password(folder, arguments, stdin, words):
    ended = run_team(folder, "passwd", *arguments, stdin=stdin)

    assert ended.returncode == 2
    assert words in ended.stderr
    assert not passwords_path(folder / ".prodigy-team").exists()


@pytest.mark.parametrize(("content", "said", "remedy"), [("{", "JSON", "Delete it"), (None, "Is a dir", "ls -l")])
def test_only_a_file_of_another_form_is_to_be_deleted(folder, content, said, remedy):
    """Not one that this account merely may not read; a folder in its place cannot be read by anybody."""
    path = passwords_path(folder)
    path.mkdir(0o700) if content is None else path.touch(0o600)
    if content:
        path.write_text(content)
    with pytest.raises(TeamError, match=f"cannot be read.*{said}") as caught:
        read_passwords(folder)
    assert remedy in caught.value.remedy


def test_on_a_terminal_it_is_typed_twice_and_not_shown(folder):
    """The first pair differs, so it asks again."""
    import pty

    ours, theirs = pty.openpty()
    asked = subprocess.Popen(
        [*PROGRAM, "passwd", "joe"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=folder,
        env=team_environment(),
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""

    def said(word: bytes, times: int) -> bool:
        nonlocal shown
        shown += os.read(ours, 4096)
        return shown.count(word) >= times

    try:
        for time, (prompt, typed) in enumerate(
            [(b"Password", b"one\n"), (b"Once more", b"two\n"), (b"Password", b"three\n"), (b"Once more", b"three\n")]
        ):
            eventually(lambda prompt=prompt, times=time // 2 + 1: said(prompt, times), within=100)
            os.write(ours, typed)
        assert asked.wait(timeout=100) == 0
    finally:
        asked.kill()
        asked.wait()
        os.close(ours)
    assert b"The two differ" in shown
    assert b"three" not in shown
    assert read_passwords(folder / ".prodigy-team")["joe"].password == "three"
