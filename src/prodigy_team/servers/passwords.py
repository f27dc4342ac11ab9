"""The passwords of annotators' servers (basic authentication), in a file that only its owner can read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from prodigy_team.errors import TeamError
from prodigy_team.servers.lockfile import write_private


@dataclass(frozen=True)
class Password:
    """What a browser must know to open one server. ``set_at`` is Unix seconds."""

    user: str
    password: str = field(repr=False)
    set_at: float


def passwords_path(state: Path) -> Path:
    """Where a roster's passwords are kept."""
    return state / "passwords.json"


def read_passwords(state: Path) -> dict[str, Password]:
    """Server name to its password; empty where none was ever set.

    Raises:
        TeamError: Others can read the file, or it is not what this module writes.
    """
    path = passwords_path(state)
    try:
        mode = path.stat().st_mode
        if mode & 0o077:
            raise TeamError(f"{path} can be read by others.", remedy=f"chmod 600 {path}, and set new passwords.")
        return {name: Password(**entry) for name, entry in json.loads(path.read_text()).items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise TeamError(
            f"{path} cannot be read: {error.strerror}.",
            remedy=f"Run as the user who ran `up`: ls -l {path}",
        ) from error
    except (ValueError, TypeError, AttributeError) as error:
        # the file's content, which an error may quote, stays out of the message
        raise TeamError(
            f"{path} cannot be read ({type(error).__name__}).",
            remedy="Delete it and set the passwords again: prodigy-team passwd NAME.",
        ) from None


def write_password(state: Path, name: str, password: str, *, now: float, user: str | None = None) -> None:
    """Set the password of a server; the user is its name unless another is given. ``now`` is Unix seconds.

    Callers hold the guard, so that no other command writes at the same time.

    Raises:
        TeamError: The file cannot be read or written.
    """
    entry = Password(user or name, password, now)
    _write(state, read_passwords(state) | {name: entry})


def remove_password(state: Path, name: str) -> bool:
    """Open a server to whoever has its address again; False where it had no password."""
    passwords = read_passwords(state)
    if name not in passwords:
        return False
    _write(state, {other: entry for other, entry in passwords.items() if other != name})
    return True


def basic_auth_environment(password: Password | None) -> dict[str, str]:
    """The variables that put basic authentication on a server, of either engine. Source: Prodigy's public set-ups."""
    if password is None:
        return {}
    return {"PRODIGY_BASIC_AUTH_USER": password.user, "PRODIGY_BASIC_AUTH_PASS": password.password}


def _write(state: Path, passwords: Mapping[str, Password]) -> None:
    """Replace the file as a whole; no draft of it is left anywhere."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = {name: vars(entry) for name, entry in sorted(passwords.items())}
    write_private(passwords_path(state), json.dumps(content, indent=1).encode())
