"""Passwords of accounts: their rules, and argon2id in threads of its own, only so many at once."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from prodigy_team.errors import TeamError

Result = TypeVar("Result")
_log = logging.getLogger(__name__)

AT_ONCE = 1
"""Each takes 19 MB of memory and one core for some 0.04 s: 25 people in a second, beside whom servers start."""
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
    """Runs what takes long outside of the event loop: passwords in order of arrival, and what is quick past them."""

    def __init__(self) -> None:
        _give_large_blocks_back()
        self._slow = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="password")
        self._quick = ThreadPoolExecutor(1, thread_name_prefix="account")
        self._waiting = 0

    async def run(self, work: Callable[[], Result]) -> Result:
        """What work with a password returns.

        Raises:
            BusyError: Too much waits already.
        """
        if self._waiting >= MOST_WAITING:
            raise BusyError("Too many people log in at once.", remedy="Try again in a moment.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._slow, work)
        finally:
            self._waiting -= 1

    async def run_quick(self, work: Callable[[], Result]) -> Result:
        """What work without a password returns, past those who wait for theirs."""
        return await asyncio.get_running_loop().run_in_executor(self._quick, work)

    def soon(self, work: Callable[[], object]) -> None:
        """Have something done for which nobody waits."""
        self._quick.submit(_logged, work)

    def close(self) -> None:
        """Finish what was begun."""
        self._slow.shutdown()
        self._quick.shutdown()


def _logged(work: Callable[[], object]) -> None:
    """Do something whose failure nobody hears of but by the log."""
    try:
        work()
    except Exception:
        _log.exception("What could wait was not done")


def _give_large_blocks_back() -> None:
    """Have the C library map blocks of a megabyte and more by themselves, so that freed ones leave the process.

    Left alone, glibc keeps what was freed once for the next block of that size, in each thread's arena
    (mallopt(3), M_MMAP_THRESHOLD); other C libraries have no such setting.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 1 << 20)


_M_MMAP_THRESHOLD = -3
