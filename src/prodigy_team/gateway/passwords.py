"""Passwords of accounts: their rules, and argon2id in threads of its own, only so many at once."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from prodigy_team.errors import TeamError

Result = TypeVar("Result")

AT_ONCE = 2
"""Each takes 19 MB of memory and one core for some 0.04 s."""
MOST_WAITING = 512
SHORTEST, LONGEST = 8, 1024

_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_NOBODYS = "$argon2id$v=19$m=19456,t=2,p=1$yQocRaLeWtqesN1Tl09nkA$N9mz0B8BNY5m8pSrO70mXv3P/5tPFXmCfg4+bOnsgRA"
"""What is computed for a name without a password, so that it costs as much time as a wrong one."""


class BusyError(TeamError):
    """More passwords wait to be checked than can be in reasonable time."""


def password_problem(password: str, name: str) -> str:
    """Why this cannot be somebody's password, a sentence for them; "" where it can."""
    if len(password) < SHORTEST:
        return f"The password needs at least {SHORTEST} characters. Three or four words are easy to remember."
    if len(password) > LONGEST:
        return f"The password may have {LONGEST} characters at most."
    if any(ord(each) < 32 or ord(each) == 127 for each in password):
        return "The password holds a character that cannot be typed, such as a tab."
    if password.strip().lower() == name.lower():
        return "The password must not be your name."
    return ""


def hash_password(password: str) -> str:
    """What is stored of a password; takes some 0.04 s."""
    return _HASHER.hash(_settled(password))


def is_password(password: str, stored: str | None) -> bool:
    """Whether a password is the one stored; takes as long where none is, or where none could be so long."""
    fits = stored is not None and len(password) <= LONGEST
    try:
        _HASHER.verify(stored if fits and stored else _NOBODYS, _settled(password[:LONGEST]))
    except (Argon2Error, InvalidHashError):
        return False
    return fits


def _settled(password: str) -> bytes:
    """One spelling of what looks alike: some keyboards send an umlaut as two characters (RFC 8265, section 4)."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


class Workers:
    """Runs what takes long outside of the event loop, a few at once and the others in order of arrival."""

    def __init__(self, count: int = AT_ONCE) -> None:
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="password")
        self._waiting = 0

    async def run(self, work: Callable[[], Result]) -> Result:
        """What the work returns.

        Raises:
            BusyError: Too much waits already.
        """
        if self._waiting >= MOST_WAITING:
            raise BusyError("Too many people log in at once.", remedy="Try again in a moment.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1

    def soon(self, work: Callable[[], object]) -> None:
        """Have something done for which nobody waits."""
        self._threads.submit(work)

    def close(self) -> None:
        """Finish what was begun."""
        self._threads.shutdown()
