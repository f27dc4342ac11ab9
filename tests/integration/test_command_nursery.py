"""Commands that tests fork are processes like any other: output, exit code, environment and end are their own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from command_nursery import run_command
from support import PROGRAM, ROOT, team_environment

ROSTER = """
[team]
name = "t"
[task]
recipe = "mark"
view_id = "text"
source = "sample:headlines"
[[annotator]]
name = "joe"
"""


@pytest.mark.parametrize("arguments", [["--version"], ["status"], ["stauts"], ["check", "--jsn"]])
def test_a_forked_command_says_what_a_started_one_says(tmp_path: Path, arguments: list[str]) -> None:
    """On both streams, with the same exit code."""
    env = team_environment()
    forked = run_command(arguments, cwd=tmp_path, env=env)
    started = subprocess.run(
        [*PROGRAM, *arguments], cwd=tmp_path, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert (forked.returncode, forked.stdout, forked.stderr) == (started.returncode, started.stdout, started.stderr)


def test_it_has_its_own_environment_folder_and_input(tmp_path: Path) -> None:
    """And nothing of the test's own."""
    (tmp_path / "team.toml").write_text(ROSTER)
    code = "import os, sys; print(os.getcwd(), sorted(os.environ), repr(sys.stdin.read()))"
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src"), "SEEN": "1"}
    done = run_command(["exec", "python3", "-c", code], cwd=tmp_path, env=env, stdin="given")
    assert done.stdout.startswith(str(tmp_path)), done
    assert done.stdout.endswith("'given'\n")
    assert "SEEN" in done.stdout
    assert "PYTEST_CURRENT_TEST" not in done.stdout


def test_one_that_does_not_end_in_time_is_ended_and_the_next_is_answered(tmp_path: Path) -> None:
    """As `subprocess.run` does it."""
    (tmp_path / "team.toml").write_text(ROSTER)
    env = team_environment()
    with pytest.raises(subprocess.TimeoutExpired):
        run_command(["exec", "sleep", "30"], cwd=tmp_path, env=env, within=1)
    assert run_command(["--version"], cwd=tmp_path, env=env).stdout.startswith("prodigy-team ")
