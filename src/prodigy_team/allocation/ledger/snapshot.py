"""The ledger as it stands at one moment, read without a lock and without leasing anything."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from prodigy_team.allocation.buckets import Bucket, People
from prodigy_team.allocation.ledger.buckets import Buckets
from prodigy_team.allocation.ledger.handle import connect_to_read, ledger_errors
from prodigy_team.allocation.ledger.people import Member, Members


@dataclass(frozen=True)
class LeaseState:
    """A lease, as `status` and `progress` show it.

    Attributes:
        until: Unix seconds; infinite where leases do not run out.
        shown: It is on screen, as far as the page has said so.
    """

    identity: bytes
    place: int | None
    bucket: int
    person: str
    screen: str | None
    until: float
    shown: bool


@dataclass(frozen=True)
class PoolState:
    """One pool at one moment.

    Attributes:
        digest: By which rules it was last brought up to date; None: not yet, or the ledger was rebuilt since.
        members: Everybody ever, by name.
        buckets: All that hold tasks; ``people`` are those who answered or hold a lease. Target 0: not in the source.
        leases: By person and position.
    """

    name: str
    digest: str | None
    members: Mapping[str, Member]
    buckets: tuple[Bucket, ...]
    leases: tuple[LeaseState, ...]

    def people(self, batch_size: int = 10) -> People:
        """The people as the policy wants them."""
        members = self.members.values()
        limits = {each.number: each.most for each in members if each.most is not None}
        return People(sum(1 << each.number for each in members if each.active), limits, batch_size)

    def answered(self, name: str) -> int:
        """How many tasks somebody has answered, gold and those the source no longer has included."""
        member = self.members.get(name)
        if member is None:
            return 0
        touched = sum(each.tasks for each in self.buckets if each.people >> member.number & 1)
        return touched - sum(1 for each in self.leases if each.person == name)


@dataclass(frozen=True)
class TaskState:
    """One task of a bucket."""

    identity: bytes
    place: int | None
    bucket: int
    chosen: bool


class Snapshot:
    """One moment of a ledger. A context manager: close it soon, for as long as it is open its log only grows."""

    def __init__(self, path: Path) -> None:
        """Open.

        Raises:
            LedgerError: There is no ledger, or it cannot be read.
        """
        self._path = path
        self._connection = connect_to_read(path)
        with ledger_errors(path):
            self._connection.execute("BEGIN")

    def __enter__(self) -> Snapshot:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def pools(self) -> tuple[str, ...]:
        """Names."""
        with ledger_errors(self._path):
            return tuple(name for (name,) in self._connection.execute("SELECT name FROM pool ORDER BY name"))

    def pool(self, name: str) -> PoolState | None:
        """A pool, or None where the ledger does not know it."""
        with ledger_errors(self._path):
            row = self._connection.execute("SELECT id, digest FROM pool WHERE name = ?", (name,)).fetchone()
            if row is None:
                return None
            members = Members(self._connection, row[0]).read()
            buckets = tuple(Buckets(self._connection, row[0]).read())
            return PoolState(name, row[1], members, buckets, tuple(read_leases(self._connection, row[0], members)))

    def tasks(self, name: str, *, bucket: int | None = None) -> Iterator[TaskState]:
        """The tasks of a pool or of one of its buckets, gold included, in the order of the source."""
        condition = "1" if bucket is None else "bucket = :bucket"
        with ledger_errors(self._path):
            rows = self._connection.execute(
                "SELECT identity, place, bucket, chosen FROM task "
                f"WHERE pool = (SELECT id FROM pool WHERE name = :name) AND {condition} ORDER BY place, number",
                {"name": name, "bucket": bucket},
            )
            for identity, place, found, chosen in rows:
                yield TaskState(identity, place, found, bool(chosen))


def read_leases(
    connection: sqlite3.Connection, pool: int, members: Mapping[str, Member], *, person: int | None = None
) -> Iterator[LeaseState]:
    """The leases of a pool by person and position; of one person, if a number is given."""
    names = {each.number: name for name, each in members.items()}
    condition = "" if person is None else "AND person = :person "
    for identity, place, bucket, holder, screen, until, shown in connection.execute(
        "SELECT identity, place, bucket, person, screen, until, shown FROM lease "
        f"JOIN task ON task.number = lease.task WHERE lease.pool = :pool {condition}ORDER BY person, position",
        {"pool": pool, "person": person},
    ):
        yield LeaseState(identity, place, bucket, names[holder], screen, until, bool(shown))
