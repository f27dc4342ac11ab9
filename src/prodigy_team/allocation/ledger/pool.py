"""One pool in one transaction: what its parts share while they read and change it."""

from __future__ import annotations

import math
import sqlite3
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING

from prodigy_team.allocation.buckets import People
from prodigy_team.allocation.ledger.buckets import Buckets
from prodigy_team.allocation.ledger.handle import LedgerFile
from prodigy_team.allocation.ledger.people import Member, Members, Naming
from prodigy_team.allocation.policy import Gold
from prodigy_team.store import Store
from prodigy_team.store.base import Identify, Sight

if TYPE_CHECKING:
    from prodigy_team.allocation.ledger.following import Ahead

NEVER = math.inf
"""When a lease ends that does not run out."""


@dataclass(frozen=True)
class Seen:
    """The answers' database at one moment; see `Store.version` and `Store.touched`."""

    version: int
    sight: Sight


@dataclass(frozen=True)
class Terms:
    """How a pool is dealt out, as the file says; see `rules.Rules`.

    Attributes:
        target: Answers each task got at least when it was last brought up to date; `policy.ALL`.
        digest: By which rules and source it was last brought up to date; None until it first was.
        people: Grows whenever somebody's row changes.
    """

    digest: str | None
    lease: float
    stealing: bool
    open: bool
    gold: Gold | None
    target: int
    people: int


@dataclass
class Pool:
    """A pool as seen by one process. What is remembered between transactions holds for one opened file.

    Attributes:
        id: Its row.
        answers: The answers' database.
        identify: Stored content to (annotator, identity), for rows that a licensed Prodigy wrote.
        naming: Whose an answer is.
        datasets: All that are followed.
        own_datasets: Those whose index of answers this pool may bring up to date.
        now: Unix seconds, of this transaction.
        others: The other ones.
        seen: The answers' database as it was when they were followed last.
        seen_here: The same, of this transaction; None before.
        ahead: What was read of it for the transaction that begins.
    """

    id: int
    file: LedgerFile
    answers: Store
    identify: Identify
    naming: Naming
    datasets: tuple[str, ...]
    own_datasets: frozenset[str]
    buckets: Buckets
    members: Members
    now: float = 0.0
    seen: Seen | None = None
    seen_here: Seen | None = None
    ahead: Ahead | None = None
    terms: Terms = field(init=False)
    everybody: dict[str, Member] = field(init=False)
    _revision: int = -1

    @property
    def connection(self) -> sqlite3.Connection:
        """Of the open file."""
        return self.file.connection

    def begin(self, now: float) -> None:
        """Read what the file says of pool and people; first in each transaction."""
        self.now = now
        self.terms = read_terms(self.connection, self.id)
        if self._revision != self.terms.people:
            self.everybody = self.members.read()
            self._revision = self.terms.people
        self.seen_here = None

    @cached_property
    def others(self) -> frozenset[str]:
        """See the class."""
        return frozenset(self.datasets) - self.own_datasets

    def note_seen(self, seen: Seen) -> None:
        """The answers were followed as far as this, if this transaction is kept."""
        self.seen_here = seen

    def kept(self) -> None:
        """The transaction was."""
        self.seen = self.seen_here or self.seen

    def undone(self) -> None:
        """The transaction was not."""
        self.buckets.forget()
        self.ahead = None
        self._revision = -1

    def lease_end(self) -> float:
        """Until when a task dealt out now is somebody's."""
        return self.now + self.terms.lease if self.terms.stealing else NEVER

    def people(self, batch_size: int) -> People:
        """The people as the policy wants them."""
        return People(self.members.active, self.members.limits, batch_size)

    def name(self, number: int) -> str:
        """A person's name."""
        return next((each.name for each in self.everybody.values() if each.number == number), "")


def read_terms(connection: sqlite3.Connection, pool: int) -> Terms:
    """How a pool is dealt out."""
    digest, lease, stealing, is_open, rate, seed, target, people = connection.execute(
        "SELECT digest, lease, stealing, open, gold_rate, seed, target, people FROM pool WHERE id = ?", (pool,)
    ).fetchone()
    gold = Gold(Decimal(rate), seed) if rate != "0" else None
    return Terms(digest, lease, bool(stealing), bool(is_open), gold, target, people)
