"""What is printed for cron and systemd survives paths with blanks and per cent signs."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import pytest

from prodigy_team.cli.service import user_name
from prodigy_team.cli.watch import say
from prodigy_team.servers.service import cron_line, systemd_unit
from prodigy_team.servers.watch import notify


@pytest.mark.parametrize(
    ("roster", "expected"),
    [
        ("/srv/h/team.toml", "* * * * * /opt/pt/bin/prodigy-team -f /srv/h/team.toml up --revive --quiet"),
        ("/srv/my h/team.toml", "* * * * * /opt/pt/bin/prodigy-team -f '/srv/my h/team.toml' up --revive --quiet"),
        ("/srv/50%/team.toml", "* * * * * /opt/pt/bin/prodigy-team -f /srv/50\\%/team.toml up --revive --quiet"),
    ],
)
def test_cron_line(roster: str, expected: str) -> None:
    assert cron_line(Path("/opt/pt/bin/prodigy-team"), Path(roster)) == expected


def test_the_unit_watches_and_names_its_roster() -> None:
    unit = systemd_unit(
        Path("/opt/pt/bin/prodigy-team"),
        Path("/srv/50% h/team.toml"),
        user="ann",
        team="headlines",
        path="/usr/bin:/bin",
        prodigy_home="/srv/home",
    )

    assert 'ExecStart=/opt/pt/bin/prodigy-team -f "/srv/50%% h/team.toml" watch --stop-servers' in unit
    assert "Type=notify" in unit
    assert "Environment=PRODIGY_HOME=/srv/home" in unit


def test_a_user_without_a_name_is_named_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)
    assert user_name() == "4000000000"


def test_a_socket_of_systemds_that_is_not_there_keeps_nobody_from_watching(tmp_path: Path) -> None:
    """As in a container that is told of it, but not let in."""
    notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "gone")})


def test_a_watch_whose_log_is_full_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, text: str, /) -> int:
            raise OSError(errno.ENOSPC, text)

    monkeypatch.setattr("sys.stdout", Full())
    say("joe is back")
