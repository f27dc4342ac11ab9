"""The people of a pool: their numbers, which are theirs for ever, and who it was that stored an answer."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from prodigy_team.allocation.rules import Rules


@dataclass(frozen=True)
class Member:
    """Somebody as the ledger knows them.

    Attributes:
        active: In the roster and not paused.
        most: Their limit, or None.
    """

    number: int
    name: str
    active: bool
    most: int | None


class Naming:
    """Tells from a dataset and a stored annotator who that is.

    Embedded servers store the session, ``DATASET-NAME``. A server without named sessions, as Prodigy's mostly are,
    stores the time of its start; where a dataset has only ever been one person's, it was theirs.
    """

    def __init__(self, rules: Rules, *, alone: Mapping[str, str]) -> None:
        """Prepare.

        Args:
            alone: Dataset -> the one person who ever answered there.
        """
        self._names = {name: person.name for person in rules.people for name in (*person.aliases, person.name)}
        self._alone = alone
        self._known: dict[tuple[str, str], str] = {}

    def person(self, dataset: str, annotator: str) -> str:
        """The name of whoever stored an answer under this annotator."""
        key = dataset, annotator
        if key not in self._known:
            self._known[key] = self._find(dataset, annotator)
        return self._known[key]

    def _find(self, dataset: str, annotator: str) -> str:
        given = annotator.removeprefix(f"{dataset}-")
        return self._names.get(given) or self._alone.get(dataset) or given


class Members:
    """The people of one pool in the file; read anew in each transaction that asks.

    Attributes:
        active: Mask of those who are.
        limits: Of those who have one, by number.
    """

    def __init__(self, connection: sqlite3.Connection, pool: int) -> None:
        self._connection, self._pool = connection, pool
        self._by_name: dict[str, Member] = {}
        self.active = 0
        self.limits: dict[int, int] = {}

    def read(self) -> dict[str, Member]:
        """Everybody by name, those who left included."""
        rows = self._connection.execute(
            "SELECT number, name, active, most FROM person WHERE pool = ? ORDER BY number", (self._pool,)
        )
        self._by_name = {name: Member(number, name, bool(active), most) for number, name, active, most in rows}
        members = self._by_name.values()
        self.active = sum(1 << each.number for each in members if each.active)
        self.limits = {each.number: each.most for each in members if each.most is not None}
        return self._by_name

    def number(self, name: str, *, active: bool = False) -> int:
        """Somebody's number; who was never seen gets the next one. Inside a transaction, after `read`."""
        found = self._by_name.get(name)
        if found is None:
            number = max((each.number for each in self._by_name.values()), default=-1) + 1
            found = self._by_name[name] = Member(number, name, active, None)
            self.active |= active << number
            self._connection.execute(
                "INSERT INTO person (pool, number, name, active) VALUES (?, ?, ?, ?)",
                (self._pool, number, name, int(active)),
            )
        return found.number
