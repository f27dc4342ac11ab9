"""The buckets of a pool as they stand in the file: read whole, and kept true as tasks move from one to another."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import NamedTuple

from prodigy_team.allocation.buckets import ALL, Bucket

_FEW = 100
_OLD_AND_NEW = itemgetter(1, 2)
_COLUMNS = "eligible, preferred, target, people, gold"


class Key(NamedTuple):
    """What a bucket's tasks have in common; see `policy.Bucket`."""

    eligible: int | None
    preferred: int | None
    target: int
    people: int
    gold: bool = False

    def with_person(self, number: int) -> Key:
        """The same, touched by one more."""
        return self._replace(people=self.people | 1 << number)

    def without(self, numbers: Iterable[int]) -> Key:
        """The same, no longer touched by these."""
        mask = sum(1 << number for number in set(numbers))
        return self._replace(people=self.people & ~mask)

    @property
    def open(self) -> bool:
        """Whether these tasks may lack somebody, whoever is active: others change nothing but totals."""
        return self.gold or self.target == ALL or self.target > self.people.bit_count()


class Buckets:
    """The buckets of one pool, through one open file.

    What a bucket means is remembered; how many tasks it holds is read in each transaction, since other processes move
    them too. What is moved is counted at once here and written by `flush`.
    """

    def __init__(self, connection: sqlite3.Connection, pool: int) -> None:
        self._connection, self._pool = connection, pool
        self._keys: dict[int, Key] = {}
        self._ids: dict[Key, int] = {}
        self._made: dict[int, Bucket] = {}
        self._moved: Counter[int] = Counter()

    def read(self) -> list[Bucket]:
        """All that hold tasks, as they stand with what was moved so far."""
        return self._read("tasks > 0", list(self._moved.items()))

    def read_open(self) -> list[Bucket]:
        """Of these only those that are open; see `Key.open`."""
        return self._read("open AND tasks > 0", [each for each in self._moved.items() if self.key(each[0]).open])

    def _read(self, condition: str, moved: Iterable[tuple[int, int]]) -> list[Bucket]:
        rows = self._connection.execute(f"SELECT id, tasks FROM bucket WHERE pool = ? AND {condition}", (self._pool,))
        counts: dict[int, int] = dict(rows.fetchall())
        for number, change in moved:
            counts[number] = counts.get(number, 0) + change
        return [self._bucket(number, tasks) for number, tasks in counts.items() if tasks]

    def _bucket(self, number: int, tasks: int) -> Bucket:
        """A bucket as a value; there are hundreds, of which few change from one claim to the next."""
        made = self._made.get(number)
        if made is None or made.tasks != tasks:
            key = self.key(number)
            made = self._made[number] = Bucket(number, *key[:4], tasks, key.gold)
        return made

    def key(self, number: int) -> Key:
        """What a bucket means."""
        found = self._keys.get(number)
        if found is None:
            row = self._connection.execute(f"SELECT {_COLUMNS} FROM bucket WHERE id = ?", (number,)).fetchone()
            found = Key(_mask(row[0]), _mask(row[1]), row[2], int(row[3], 16), bool(row[4]))
            self._remember(number, found)
        return found

    def id_of(self, key: Key) -> int:
        """The bucket that means this, made where there is none; inside a transaction only."""
        found = self._ids.get(key)
        if found is None:
            values = (_text(key.eligible), _text(key.preferred), key.target, f"{key.people:x}", int(key.gold))
            row = self._connection.execute(
                f"SELECT id FROM bucket WHERE pool = ? AND ({_COLUMNS}) = (?, ?, ?, ?, ?)", (self._pool, *values)
            ).fetchone()
            found = row[0] if row else self._insert(values, is_open=key.open)
            self._remember(found, key)
        return found

    def move(self, tasks: Sequence[int], old: int, new: int) -> None:
        """Let tasks pass from one bucket to another."""
        if old != new:
            self.move_all([(task, old, new) for task in tasks])

    def move_all(self, moves: Sequence[tuple[int, int, int]]) -> None:
        """Let tasks pass: (task, old bucket, new bucket) each."""
        counts = Counter(map(_OLD_AND_NEW, moves))
        if len(moves) < _FEW:
            for wanted in {new for _, new in counts}:
                tasks = [task for task, _, new in moves if new == wanted]
                self._connection.execute(
                    f"UPDATE task SET bucket = ? WHERE number IN ({marks(len(tasks))})", (wanted, *tasks)
                )
        else:
            self._connection.executemany(
                "UPDATE task SET bucket = ? WHERE number = ?", [(new, task) for task, _, new in moves]
            )
        for (old, new), count in counts.items():
            self._moved[old] -= count
            self._moved[new] += count

    def count_new(self, bucket: int, tasks: int) -> None:
        """Count tasks that were entered straight into a bucket."""
        self._moved[bucket] += tasks

    def flush(self) -> None:
        """Write how many tasks each bucket holds now."""
        changes = [(change, number) for number, change in self._moved.items() if change]
        self._connection.executemany("UPDATE bucket SET tasks = tasks + ? WHERE id = ?", changes)
        self._moved.clear()

    def forget(self) -> None:
        """After a transaction that was undone: its buckets are not there."""
        self._keys.clear()
        self._ids.clear()
        self._made.clear()
        self._moved.clear()

    def _insert(self, values: tuple[object, ...], *, is_open: bool) -> int:
        cursor = self._connection.execute(
            f"INSERT INTO bucket (pool, {_COLUMNS}, open) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (self._pool, *values, int(is_open)),
        )
        return int(cursor.lastrowid or 0)

    def _remember(self, number: int, key: Key) -> None:
        self._keys[number] = key
        self._ids[key] = number


def marks(count: int) -> str:
    """Placeholders of so many values."""
    return ", ".join("?" * count)


def _mask(text: str) -> int | None:
    return int(text, 16) if text else None


def _text(mask: int | None) -> str:
    return "" if mask is None else f"{mask:x}"
