"""Who may log in: the roster's annotators and managers, read again when the file changes."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass

from prodigy_team.errors import TeamError
from prodigy_team.roster.values import Roster

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Member:
    """Somebody on the roster.

    Attributes:
        name: As the roster spells it.
        annotator: They have tasks: a paused annotator has none.
        login: What an OpenID provider says of them.
    """

    name: str
    manager: bool
    annotator: bool
    login: str


def members_of(roster: Roster) -> dict[str, Member]:
    """Everybody on the roster, by their name in lower case."""
    managers = {str(each["name"]): str(each.get("login") or "") for each in roster.managers if each.get("name")}
    members = {
        each.name.lower(): Member(
            each.name, each.name in managers, not each.paused, each.login or managers.get(each.name) or each.name
        )
        for each in roster.annotators
    }
    for name, login in managers.items():
        members.setdefault(name.lower(), Member(name, True, False, login or name))
    return members


def _is_same(login: str, said: str) -> bool:
    """Whether two logins differ in case alone. A Kelvin sign is a K only when made small: it is another login."""
    return login.lower() == said.lower() and login.upper() == said.upper()


class Members:
    """Everybody on the roster as it is now. One that is being edited and has problems changes nothing yet.

    Args:
        current: The roster is what the file says; else it is from before, and the file is read at the first look.

    Attributes:
        version: Counts how often the roster was read.
    """

    def __init__(self, roster: Roster, environ: Mapping[str, str], *, current: bool = True) -> None:
        self._path = roster.path
        self._environ = environ
        self.version = 0
        self._read: tuple[int, ...] | None = self._stamp() if current else None
        self._members = members_of(roster)

    def find(self, name: str) -> Member | None:
        """Whose name this is, without regard to case."""
        return self._members.get(name.strip().lower())

    def by_login(self, login: str) -> Member | None:
        """Whom an OpenID provider calls this, without regard to case."""
        return next((each for each in self._members.values() if _is_same(each.login, login)), None)

    def names(self) -> tuple[str, ...]:
        """Everybody, in the roster's order."""
        return tuple(each.name for each in self._members.values())

    def is_old(self) -> bool:
        """Whether the file has changed since it was read."""
        return self._stamp() != self._read

    def read(self) -> None:
        """Read the roster again; of a large one this takes a moment."""
        from prodigy_team.roster.load import load_roster  # its validator is a third of a gateway's memory

        stamp = self._stamp()
        try:
            self._members = members_of(load_roster(self._path, self._environ))
        except TeamError as error:
            _log.warning("The roster cannot be used; those who were on it may still log in. %s", error)
        finally:
            self._read = stamp
            self.version += 1

    def _stamp(self) -> tuple[int, ...]:
        try:
            found = os.stat(self._path)  # noqa: PTH116 several times a second
        except OSError:
            return ()
        return found.st_mtime_ns, found.st_size, found.st_ino
