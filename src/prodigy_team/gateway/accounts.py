"""Accounts, invitations, logins and counted failures, as gateway.db keeps them.

Passwords are kept as argon2id hashes, tokens as SHA-256 of their 32 random bytes, and what failures are counted under
as HMAC with the team's key: people type passwords where a name belongs.
"""

from __future__ import annotations

import hmac
import secrets
import sqlite3
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Collection
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from prodigy_team.gateway.file import GatewayFile
from prodigy_team.gateway.throttle import FAMILIAR_SECONDS, MEMORY_SECONDS, Tally, counted_address, counted_by
from prodigy_team.servers.revoked import forget_end, note_end
from prodigy_team.servers.secrets import team_key

INVITATION_SECONDS = 24 * 3600.0


@dataclass(frozen=True)
class Login:
    """One browser's login. Times are Unix seconds."""

    name: str
    seen_at: float
    expires_at: float


@dataclass(frozen=True)
class Account:
    """What is known of somebody who may log in. Times are Unix seconds, None where there is none.

    Attributes:
        password: Whether they have chosen one.
        locked: By a manager of the team, until unlocked.
        refused_until: Nobody gets in under the name from unfamiliar addresses before, after too many failures.
        invited_until: Their invitation can be used until then.
        logins: How many there are now.
        last_seen: Of those logins.
    """

    name: str
    password: bool
    locked: bool
    refused_until: float | None
    invited_until: float | None
    logins: int
    last_seen: float | None


@dataclass(frozen=True)
class Try:
    """One try at a password, which counts as a failure until it is forgiven.

    Attributes:
        wait: Seconds for which no try is looked at; 0: this one is.
        before: What was counted before it.
    """

    wait: float
    before: tuple[tuple[bytes, Tally], ...] = ()


def new_token() -> str:
    """32 random bytes as text."""
    return urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()


def token_digest(token: str) -> bytes:
    """What is kept of a token."""
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


class Accounts:
    """The accounts of one team; for any number of threads and processes. Names are told apart without regard to case.

    Args:
        state: The state folder, which must exist.
        clock: Unix seconds.
    """

    def __init__(self, state: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._state, self.file = state, GatewayFile(state)
        self._key = team_key(state)
        self._clock = clock

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def password(self, name: str) -> str | None:
        """The hash of somebody's password; None where they have none."""
        with self.file.reading() as connection:
            row = connection.execute("SELECT password FROM account WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set_password(self, name: str, hashed: str) -> None:
        """Set somebody's password; their logins and invitation end."""
        with self.file.writing(revokes=True) as connection:
            self._set_password(connection, name, hashed)

    def _set_password(self, connection: sqlite3.Connection, name: str, hashed: str) -> None:
        connection.execute(
            "INSERT INTO account (name, password, set_at) VALUES (?1, ?2, ?3) "
            "ON CONFLICT (name) DO UPDATE SET password = ?2, set_at = ?3",
            (name, hashed, self._clock()),
        )
        connection.execute("DELETE FROM invitation WHERE name = ?", (name,))
        self._end_logins(connection, name)

    def _end_logins(self, connection: sqlite3.Connection, name: str) -> None:
        """Here, and at servers to which the gateway handed browsers on."""
        connection.execute("DELETE FROM login WHERE name = ?", (name,))
        note_end(self._state, name, self._clock())

    def locked(self) -> frozenset[str]:
        """Names, in lower case, that were locked."""
        with self.file.reading() as connection:
            return frozenset(name.lower() for (name,) in connection.execute("SELECT name FROM account WHERE locked"))

    def lock(self, name: str) -> None:
        """Let nobody in under a name until it is unlocked; logins end."""
        with self.file.writing(revokes=True) as connection:
            connection.execute(
                "INSERT INTO account (name, locked) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET locked = 1", (name,)
            )
            self._end_logins(connection, name)

    def unlock(self, name: str) -> None:
        """Let somebody in again, also after too many failures."""
        with self.file.writing(revokes=True) as connection:
            connection.execute("UPDATE account SET locked = 0 WHERE name = ?", (name,))
            addresses = connection.execute("SELECT address FROM familiar WHERE name = ?", (name,)).fetchall()
            counted = [f"name {name.lower()}", *(f"own {name.lower()} {address}" for (address,) in addresses)]
            connection.executemany("DELETE FROM tally WHERE counted = ?", [(self._counted(each),) for each in counted])

    def forgive_address(self, address: str) -> None:
        """Forget the failures of an address."""
        with self.file.writing() as connection:
            counted = self._counted(f"address {counted_address(address)}")
            connection.execute("DELETE FROM tally WHERE counted = ?", (counted,))

    def invite(self, name: str, *, seconds: float = INVITATION_SECONDS) -> str:
        """A token with which somebody may choose a password once; an earlier one is void."""
        token = new_token()
        with self.file.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO invitation (name, token, expires_at) VALUES (?, ?, ?)",
                (name, token_digest(token), self._clock() + seconds),
            )
        return token

    def invited(self, token: str) -> str | None:
        """Whom an invitation is for; None where it was used, is too old, or never was."""
        with self.file.reading() as connection:
            return self._invited(connection, token)

    def accept(self, token: str, hashed: str) -> str | None:
        """Use an invitation to set a password; None as `invited`. Of several at once one succeeds."""
        with self.file.writing(revokes=True) as connection:
            name = self._invited(connection, token)
            if name is not None:
                self._set_password(connection, name, hashed)
            return name

    def _invited(self, connection: sqlite3.Connection, token: str) -> str | None:
        values = (token_digest(token), self._clock())
        row = connection.execute("SELECT name FROM invitation WHERE token = ? AND expires_at > ?", values).fetchone()
        return row[0] if row else None

    def log_in(self, name: str, address: str, *, seconds: float) -> str:
        """The token of a new login, good for so long without a request; the address is familiar from now on."""
        token, now, near = new_token(), self._clock(), counted_address(address)
        with self.file.writing() as connection:
            connection.execute("DELETE FROM login WHERE expires_at <= ?", (now,))
            connection.execute("DELETE FROM familiar WHERE at < ?", (now - FAMILIAR_SECONDS,))
            connection.execute(
                "INSERT OR REPLACE INTO familiar (name, address, at) VALUES (?, ?, ?)", (name, near, now)
            )
            connection.execute(
                "INSERT INTO login (token, name, address, made_at, seen_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
                (token_digest(token), name, address, now, now, now + seconds),
            )
        return token

    def login(self, digest: bytes) -> Login | None:
        """The login whose token has this digest; None where it has ended."""
        with self.file.reading() as connection:
            row = connection.execute(
                "SELECT name, seen_at, expires_at FROM login WHERE token = ? AND expires_at > ?",
                (digest, self._clock()),
            ).fetchone()
        return Login(*row) if row else None

    def renew(self, digest: bytes, *, seconds: float) -> None:
        """A login was used: it lasts for so long from now on."""
        now = self._clock()
        with self.file.writing() as connection:
            connection.execute(
                "UPDATE login SET seen_at = ?, expires_at = ? WHERE token = ?", (now, now + seconds, digest)
            )

    def log_out(self, digest: bytes) -> None:
        """End one login, and with it all at servers to which its person was handed on."""
        with self.file.writing(revokes=True) as connection:
            row = connection.execute("SELECT name FROM login WHERE token = ?", (digest,)).fetchone()
            connection.execute("DELETE FROM login WHERE token = ?", (digest,))
            if row:
                note_end(self._state, row[0], self._clock())

    def end_logins(self, name: str) -> int:
        """End all of somebody's logins, and say how many there were."""
        with self.file.writing(revokes=True) as connection:
            counted = "SELECT count(*) FROM login WHERE name = ? AND expires_at > ?"
            found: int = connection.execute(counted, (name, self._clock())).fetchone()[0]
            self._end_logins(connection, name)
            return found

    def erase(self, name: str) -> bool:
        """Forget an account, with logins, invitation, addresses and failures; whether anything was known."""
        with self.file.writing(revokes=True) as connection:
            connection.execute("PRAGMA secure_delete=ON").fetchone()
            forget_end(self._state, name)
            addresses = connection.execute("SELECT address FROM familiar WHERE name = ?", (name,)).fetchall()
            counted = [f"name {name.lower()}", *(f"own {name.lower()} {address}" for (address,) in addresses)]
            connection.executemany("DELETE FROM tally WHERE counted = ?", [(self._counted(each),) for each in counted])
            tables = ("account", "invitation", "login", "familiar")
            rows = sum(connection.execute(f"DELETE FROM {each} WHERE name = ?", (name,)).rowcount for each in tables)
        self.file.forget_deleted()
        return rows > 0

    def keep_only(self, names: Collection[str], *, before: Collection[str] = ()) -> None:
        """End the logins of everybody else: somebody who comes back to the roster logs in anew.

        Args:
            before: Who was there until now; they may be logged in at a server alone.
        """
        kept = {name.lower() for name in names}
        with self.file.reading() as connection:
            rows = connection.execute("SELECT DISTINCT name FROM login").fetchall()
        for name in {*(name.lower() for (name,) in rows), *(name.lower() for name in before)} - kept:
            self.end_logins(name)

    def begin_try(self, name: str, address: str) -> Try:
        """Count a try as a failure, before it is looked at: many at once are not more than one after the other."""
        now, near = self._clock(), counted_address(address)
        with self.file.writing() as connection:
            known = "SELECT 1 FROM familiar WHERE name = ? AND address = ? AND at > ?"
            familiar = connection.execute(known, (name, near, now - FAMILIAR_SECONDS)).fetchone() is not None
            keys = [self._counted(each) for each in counted_by(name.lower(), near, familiar=familiar)]
            before = tuple((key, _tally(connection, key)) for key in keys)
            wait = max(tally.wait(now) for _, tally in before)
            if wait > 0:
                return Try(wait)
            connection.execute("DELETE FROM tally WHERE at < ? AND until < ?", (now - MEMORY_SECONDS, now))
            for key, tally in before:
                _write_tally(connection, key, tally.failed(now))
        return Try(0.0, before)

    def forgive(self, tried: Try) -> None:
        """The password was right: the person's failures are forgotten; the address's are what they were."""
        with self.file.writing() as connection:
            for place, (key, tally) in enumerate(tried.before):
                _write_tally(connection, key, tally if place else Tally())

    def overview(self, names: Collection[str]) -> tuple[Account, ...]:
        """What is known of these people, in their order."""
        return tuple(self._account(name) for name in names)

    def strangers(self, names: Collection[str]) -> tuple[str, ...]:
        """Who has an account and is none of these."""
        kept = {name.lower() for name in names}
        with self.file.reading() as connection:
            rows = connection.execute("SELECT name FROM account ORDER BY name").fetchall()
        return tuple(name for (name,) in rows if name.lower() not in kept)

    def _account(self, name: str) -> Account:
        now = self._clock()
        with self.file.reading() as connection:
            found = connection.execute("SELECT password, locked FROM account WHERE name = ?", (name,)).fetchone()
            invited = connection.execute("SELECT expires_at FROM invitation WHERE name = ?", (name,)).fetchone()
            logins, seen = connection.execute(
                "SELECT count(*), max(seen_at) FROM login WHERE name = ? AND expires_at > ?", (name, now)
            ).fetchone()
            tally = _tally(connection, self._counted(f"name {name.lower()}"))
        password, locked = found or (None, 0)
        return Account(
            name=name,
            password=password is not None,
            locked=bool(locked),
            refused_until=tally.until if tally.locks and tally.failures == 0 and tally.wait(now) else None,
            invited_until=invited[0] if invited and invited[0] > now else None,
            logins=logins,
            last_seen=seen,
        )

    def _counted(self, what: str) -> bytes:
        return hmac.new(self._key, b"counted\0" + what.encode("utf-8", "surrogatepass"), sha256).digest()[:16]


def _tally(connection: sqlite3.Connection, key: bytes) -> Tally:
    row = connection.execute("SELECT failures, locks, at, until FROM tally WHERE counted = ?", (key,)).fetchone()
    return Tally(*row) if row else Tally()


def _write_tally(connection: sqlite3.Connection, key: bytes, tally: Tally) -> None:
    if tally == Tally():
        connection.execute("DELETE FROM tally WHERE counted = ?", (key,))
        return
    values = (key, tally.failures, tally.locks, tally.at, tally.until)
    connection.execute(
        "INSERT OR REPLACE INTO tally (counted, failures, locks, at, until) VALUES (?, ?, ?, ?, ?)", values
    )
