"""The lines and files that keep a roster's servers running without a person: for cron and for systemd. Pure."""

from __future__ import annotations

import shlex
from pathlib import Path


def cron_line(executable: Path, roster: Path) -> str:
    """The crontab line that brings dead servers back each minute and is silent otherwise.

    A per cent sign ends a command in a crontab (crontab(5)), so it is escaped.
    """
    command = shlex.join([str(executable), "-f", str(roster), "up", "--revive", "--quiet"])
    return f"* * * * * {command}".replace("%", "\\%")


def systemd_unit(executable: Path, roster: Path, *, user: str, team: str, path: str, prodigy_home: str = "") -> str:
    """A unit that keeps the servers running from boot on, to be put into /etc/systemd/system.

    Stopping the unit stops the servers (``--stop-servers``); a crash of the watcher does not (``KillMode=process``),
    the watcher that systemd then starts finds them running.

    Source: systemd.service(5), ``Type=notify``; systemd.kill(5).
    """
    words = [str(executable), "-f", str(roster), "watch", "--stop-servers"]
    command = " ".join(_quoted(word).replace("$", "$$") for word in words)
    home = f"Environment={_quoted(f'PRODIGY_HOME={prodigy_home}')}\n" if prodigy_home else ""
    return f"""[Unit]
Description=prodigy-team: annotation servers of {team}
After=network.target

[Service]
Type=notify
User={user}
WorkingDirectory={str(roster.parent).replace("%", "%%")}
Environment={_quoted(f"PATH={path}")}
{home}ExecStart={command}
KillMode=process
Restart=on-failure
RestartSec=2
TimeoutStartSec=180
TimeoutStopSec=60

[Install]
WantedBy=multi-user.target
"""


def _quoted(word: str) -> str:
    """A word of a unit file: per cent signs doubled, quoted where it holds more than plain characters."""
    escaped = word.replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if any(character in word for character in " '\"\\;") else escaped
