"""The folder of everything this tool writes: private, and ignored by git."""

from __future__ import annotations

from pathlib import Path

from prodigy_team.errors import TeamError
from prodigy_team.presence import exists


def prepare_state(state: Path) -> None:
    """Make the state folder and what must be in it; nothing changes where it is there.

    Raises:
        TeamError: It cannot be made, or belongs to somebody else.
    """
    try:
        for folder in (state, state / "servers", state / "logs"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if state.stat().st_mode & 0o077:
            state.chmod(0o700)
        ignore = state / ".gitignore"
        if not exists(ignore) or ignore.stat().st_size == 0:  # empty: killed in between, or the disk was full
            ignore.touch(mode=0o600)
            ignore.write_text("*\n")
    except OSError as error:
        raise TeamError(
            f"{error.filename or state} cannot be made: {error.strerror}.",
            remedy="Check free space and the owner of the folder, or set another `state` in [team].",
        ) from error


def lockfile_path(state: Path) -> Path:
    """Where the record of running servers is kept."""
    return state / "team.lock"


def log_path(state: Path, name: str) -> Path:
    """Where a server's output goes."""
    return state / "logs" / f"{name}.log"
