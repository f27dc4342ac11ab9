"""When somebody's logins were last ended: what the gateway notes for servers that let browsers in past it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from prodigy_team.servers.lockfile import write_private

_FILE = "gateway.ended"


def note_end(state: Path, name: str, at: float) -> None:
    """Note that the logins somebody has now are void; whoever calls this lets nobody else write meanwhile.

    Args:
        at: Unix seconds.

    Raises:
        TeamError: It cannot be written.
    """
    path = state / "servers" / _FILE
    path.parent.mkdir(mode=0o700, exist_ok=True)
    write_private(path, json.dumps({**_read(path), name.lower(): at}).encode())


def forget_end(state: Path, name: str) -> None:
    """Keep nothing of somebody; likewise."""
    path = state / "servers" / _FILE
    times = _read(path)
    if times.pop(name.lower(), None) is not None:
        write_private(path, json.dumps(times).encode())


class Revoked:
    """What was noted, read again where it changed. A browser's login counts if it was made later."""

    def __init__(self, state: Path) -> None:
        self._path = state / "servers" / _FILE
        self._stamp: tuple[int, int] | None = None
        self._times: dict[str, float] = {}

    def at(self, name: str) -> float:
        """Unix seconds of the last end of this person's logins; 0.0 where there was none."""
        try:
            found = os.stat(self._path)  # noqa: PTH116 at each request
        except OSError:
            return 0.0
        if (stamp := (found.st_mtime_ns, found.st_ino)) != self._stamp:
            self._stamp, self._times = stamp, _read(self._path)
        return self._times.get(name.lower(), 0.0)


def _read(path: Path) -> dict[str, float]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
