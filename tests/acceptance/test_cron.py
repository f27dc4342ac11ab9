"""A real cron daemon calls the printed line each minute: silence, the same pids, the dead brought back, one mail."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import ROOT, eventually
from team_support import Project, a_project

SENDMAIL = Path("/usr/sbin/sendmail")  # compiled into Debian's cron
ALONE = Path(tempfile.gettempdir()) / "prodigy-team-test-cron.lock"
MINUTE = 75.0  # seconds within which the next call is certain

pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]


class Cron:
    """A cron daemon with one crontab, its calls counted and its mail kept."""

    def __init__(self, folder: Path) -> None:
        self.calls_file = folder / "calls"
        self.mail_file = folder / "mail"
        self.calls_file.touch()
        self.mail_file.touch()

    def calls(self) -> int:
        """How many calls have ended."""
        return len(self.calls_file.read_text().splitlines())

    def mail(self) -> str:
        """Everything mailed so far."""
        return self.mail_file.read_text()

    def wait_for_calls(self, count: int = 1) -> None:
        """Wait until so many further calls have ended."""
        goal = self.calls() + count
        eventually(lambda: self.calls() >= goal, within=count * MINUTE, message="calls by cron")


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Project]:
    """A team of four, each with a source of its own."""
    with a_project(tmp_path) as found:
        names = ("joe", "jane", "cy", "bad")
        for name in names:
            found.write_source(name=f"{name}.jsonl")
        found.write_roster(names, keys={name: f'source = "{name}.jsonl"' for name in names})
        yield found


@pytest.fixture
def executable(tmp_path: Path) -> Path:
    """`prodigy-team` as an installed script would be, which also counts its calls by cron."""
    path = tmp_path / "prodigy-team"
    path.write_text(
        f'#!/bin/sh\nPYTHONPATH={ROOT / "src"} {sys.executable} -m prodigy_team "$@"\ncode=$?\n'
        f'case "$*" in *--revive*) echo $code >> {tmp_path / "calls"};; esac\nexit $code\n'
    )
    path.chmod(0o755)
    return path


@pytest.fixture
def cron(tmp_path: Path, team: Project, executable: Path) -> Iterator[Cron]:
    """The daemon with the printed line in root's crontab; crontab and sendmail are put back afterwards."""
    if os.getuid() != 0 or not shutil.which("cron") or not shutil.which("crontab"):
        pytest.skip("needs root, cron and crontab (apt-get install cron)")
    with ALONE.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until it is closed
        yield from crontab_of(tmp_path, team, executable)


def crontab_of(tmp_path: Path, team: Project, executable: Path) -> Iterator[Cron]:
    """The daemon, while no other run of these tests on this machine uses root's crontab."""
    found = Cron(tmp_path)
    line = f"* * * * * {executable} -f {team.roster} up --revive --quiet"
    assert " up --revive --quiet" in team.run("service", "cron").stdout
    earlier = subprocess.run(["crontab", "-l"], capture_output=True, text=True, check=False)
    aside = SENDMAIL.with_name("sendmail.put-aside-by-a-test")
    if SENDMAIL.exists() or SENDMAIL.is_symlink():
        SENDMAIL.rename(aside)
    SENDMAIL.write_text(f"#!/bin/sh\nexec cat >> {found.mail_file}\n")
    SENDMAIL.chmod(SENDMAIL.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    daemon = None
    try:
        subprocess.run(["crontab", "-"], input=f"MAILTO=root\n{line}\n", text=True, check=True)
        daemon = subprocess.Popen(["cron", "-f"], stdin=subprocess.DEVNULL, start_new_session=True)
        yield found
    finally:
        if daemon is not None:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(10)
        if earlier.returncode == 0:
            subprocess.run(["crontab", "-"], input=earlier.stdout, text=True, check=True)
        else:
            subprocess.run(["crontab", "-r"], check=False)
        SENDMAIL.unlink()
        if aside.exists() or aside.is_symlink():
            aside.rename(SENDMAIL)


def test_cron_keeps_the_servers_and_speaks_once(team: Project, cron: Cron) -> None:
    team.run("up")
    pids = team.pids()
    cron.wait_for_calls(2)
    assert team.pids() == pids
    assert cron.mail() == ""

    os.kill(pids["jane"], signal.SIGKILL)
    team.run("stop", "cy")
    (team.folder / "bad.jsonl").unlink()
    os.kill(pids["bad"], signal.SIGKILL)
    cron.wait_for_calls()
    after = team.status()
    assert after["joe"]["pid"] == pids["joe"]
    assert after["jane"]["state"] == "running"
    assert after["jane"]["pid"] != pids["jane"]
    assert after["cy"]["state"] == "stopped"
    assert cron.mail() == ""

    eventually(lambda: "given up" in cron.mail(), within=5 * MINUTE, message="the mail about the broken server")
    assert team.states() == {"joe": "running", "jane": "running", "cy": "stopped", "bad": "failed"}
    mail = cron.mail()
    cron.wait_for_calls(2)
    assert cron.mail() == mail
    assert mail.count("Subject:") == 1
    assert "five times in 10 minutes" in mail
    assert f"{team.state}/logs/bad.log" in mail
    assert f"prodigy-team -f {team.roster} up bad" in mail
    assert team.pids()["joe"] == pids["joe"]
    print(mail)
