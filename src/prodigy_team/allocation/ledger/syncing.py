"""A pool brought in line with its rules, its source and the answers; only what differs is touched.

The steps are transactions of their own, each of which leaves a ledger that tells the truth, so that a step of a
second or two on a large source keeps nobody waiting for longer than a part of it; and who is killed in between has
done no harm. New tasks are closed (target 0) until it is known whom they may be asked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from prodigy_team.allocation.buckets import ALL
from prodigy_team.allocation.draw import draw
from prodigy_team.allocation.ledger.buckets import Key
from prodigy_team.allocation.ledger.carrying import adopt_leases, adopt_people, adopted_choice
from prodigy_team.allocation.ledger.following import collect_answers, correct, finish_recount, follow, give_back_surplus
from prodigy_team.allocation.ledger.pool import NEVER, Pool
from prodigy_team.allocation.ledger.targets import Targets
from prodigy_team.allocation.ledger.values import Synced
from prodigy_team.allocation.rules import Rules
from prodigy_team.sources import SourceIndex

_AT_ONCE = 5000
_NEW_AT_ONCE = 100_000
CLOSED = Key(None, None, 0, 0)
"""Where tasks lie that the source no longer has, and new ones for a moment."""
_CLOSED_GOLD = Key(0, None, 0, 0, True)
_GOLD = Key(None, None, ALL, 0, True)


class Access(Protocol):
    """How a sync gets at its pool. All raise `FileReplacedError` where it is not the file that the sync began with."""

    def writing(self) -> AbstractContextManager[Pool]:
        """One transaction."""

    def reading(self) -> AbstractContextManager[Pool]:
        """One moment of the file, while others go on writing."""

    def attach(self, index: Path) -> None:
        """Make a source's index readable as `source`."""


@dataclass
class Sync:
    """One run. Under the lock for syncing, so that no other changes the same pool's tasks or people."""

    access: Access
    rules: Rules
    targets: Targets
    digest: str
    source: SourceIndex
    gold: SourceIndex | None
    done: Synced = field(default_factory=Synced)

    def run(self) -> Synced:
        """Do what is to do."""
        fresh = self._begin()
        if self.gold is not None:
            self._take_in(self.gold, gold=True, fresh=fresh)
        self._take_in(self.source, gold=False, fresh=fresh)
        self._follow()
        self._draw()
        self._rekey()
        self._finish()
        return self.done

    def _begin(self) -> bool:
        with self.access.writing() as pool:
            before = {name for name, each in pool.everybody.items() if each.active}
            adopt_people(pool, self.rules.pool)
            for person in self.rules.people:
                number = pool.members.number(person.name)
                pool.connection.execute(
                    "UPDATE person SET active = ?, most = ?, share = ? WHERE pool = ? AND number = ?",
                    (int(not person.paused), person.limit, str(person.share), pool.id, number),
                )
            present = {each.name for each in self.rules.people if not each.paused}
            guests = set() if not self.rules.open else before - {each.name for each in self.rules.people}
            gone = sorted(before - present - guests)
            pool.connection.executemany(
                "UPDATE person SET active = 0 WHERE pool = ? AND name = ?", [(pool.id, name) for name in gone]
            )
            pool.everybody = pool.members.read()
            released = release(pool)
            self._write_terms(pool)
            self.done = Synced(joined=tuple(sorted(present - before)), left=tuple(gone), released=released)
            numbers = {name: pool.members.number(name) for name in present}
            self.targets = replace(self.targets, numbers=numbers)
            return pool.connection.execute("SELECT 1 FROM task WHERE pool = ? LIMIT 1", (pool.id,)).fetchone() is None

    def _write_terms(self, pool: Pool) -> None:
        rules = self.rules
        rate = rules.gold_rate if self.gold is not None else Decimal(0)
        pool.connection.execute(
            "UPDATE pool SET lease = ?, stealing = ?, open = ?, gold_rate = ?, seed = ? WHERE id = ?",
            (rules.lease, rules.stealing, rules.open, str(rate), rules.seed, pool.id),
        )
        latest = pool.now + rules.lease if rules.stealing else NEVER
        condition = "until > ?" if rules.stealing else "until < ?"
        pool.connection.execute(f"UPDATE lease SET until = ? WHERE pool = ? AND {condition}", (latest, pool.id, latest))

    def _take_in(self, index: SourceIndex, *, gold: bool, fresh: bool) -> None:
        """Enter new tasks, move those whose place changed, close those that are gone."""
        self.access.attach(index.path)
        last = index.tasks
        at_once = _NEW_AT_ONCE if fresh else _AT_ONCE
        for first in range(1, last + 1, at_once):
            part = first, min(first + at_once - 1, last)
            with self.access.writing() as pool:
                pool.connection.create_function("dealt_order", 2, self.targets.order, deterministic=True)
                if not fresh:
                    self._move(pool, part, gold=gold)
                self._enter(pool, part, gold=gold)
                pool.buckets.flush()
        if not fresh:
            self._close_gone(last, gold=gold)

    def _enter(self, pool: Pool, part: tuple[int, int], *, gold: bool) -> None:
        plain = Key(None, None, self.targets.least, 0) if self.targets.plain else CLOSED
        bucket = pool.buckets.id_of(_GOLD if gold else plain)
        # The condition by identity, not by task_identity's conflict: ids would be used up and repeats be counted.
        added = pool.connection.execute(
            "INSERT INTO task (pool, identity, place, ord, bucket, gold) "
            f"SELECT ?1, identity, place, {self._order('')}, ?2, ?3 FROM source.task AS new "
            "WHERE place BETWEEN ?4 AND ?5 "
            "AND NOT EXISTS (SELECT 1 FROM task AS old WHERE old.pool = ?1 AND old.identity = new.identity)",
            (pool.id, bucket, int(gold), *part),
        ).rowcount
        pool.buckets.count_new(bucket, added)
        self.done = replace(self.done, added=self.done.added + (0 if gold else added))

    def _move(self, pool: Pool, part: tuple[int, int], *, gold: bool) -> None:
        rows = pool.connection.execute(
            f"SELECT new.place, {self._order('new.')} AS wanted, old.number, old.place, old.bucket "
            "FROM source.task AS new CROSS JOIN task AS old ON old.pool = ? AND old.identity = new.identity "
            "WHERE new.place BETWEEN ? AND ? AND old.gold = ? AND (old.place IS NOT new.place OR old.ord <> wanted)",
            (pool.id, *part, int(gold)),
        ).fetchall()
        pool.connection.executemany("UPDATE task SET place = ?, ord = ? WHERE number = ?", [row[:3] for row in rows])
        back = [(number, old) for *_, number, place, old in rows if place is None]
        if gold:
            keys = {old: pool.buckets.key(old)._replace(eligible=None, target=ALL) for _, old in back}
            pool.buckets.move_all([(number, old, pool.buckets.id_of(keys[old])) for number, old in back])
        self.done = replace(self.done, returned=self.done.returned + (0 if gold else len(back)))

    def _order(self, table: str) -> str:
        """What tasks are dealt in the order of, in SQL."""
        return f"dealt_order({table}place, {table}identity)" if self.rules.order == "shuffled" else f"{table}place"

    def _close_gone(self, last: int, *, gold: bool) -> None:
        with self.access.reading() as pool:
            known = "FROM task WHERE pool = ? AND gold = ? AND place IS NOT NULL"
            present = pool.connection.execute(f"SELECT count(*) {known}", (pool.id, int(gold))).fetchone()[0]
            # A task that is gold and in the source alike is gold, so the numbers may differ without any being gone.
            if present == last:
                return
            rows = pool.connection.execute(
                f"SELECT number, bucket {known} AND NOT EXISTS (SELECT 1 FROM source.task AS new "
                "WHERE new.place = task.place AND new.identity = task.identity)",
                (pool.id, int(gold)),
            ).fetchall()
        for start in range(0, len(rows), _AT_ONCE):
            with self.access.writing() as pool:
                self._close(pool, [number for number, _ in rows[start : start + _AT_ONCE]], gold=gold)
        self.done = replace(self.done, gone=self.done.gone + (0 if gold else len(rows)))

    def _close(self, pool: Pool, numbers: list[int], *, gold: bool) -> None:
        shut = _CLOSED_GOLD if gold else CLOSED
        moves = []
        for number in numbers:
            pool.connection.execute("UPDATE task SET place = NULL WHERE number = ?", (number,))
            old = bucket_of(pool, number)
            moves.append((number, old, pool.buckets.id_of(shut._replace(people=pool.buckets.key(old).people))))
        pool.buckets.move_all(moves)
        pool.buckets.flush()

    def _follow(self) -> None:
        with self.access.writing() as pool:
            if pool.terms.digest is not None:
                follow(pool)
                return
            marks = collect_answers(pool)
        after: int | None = 0
        while after is not None:  # nobody uses the pool before it has its digest
            with self.access.writing() as pool:
                after = correct(pool, after)
        with self.access.writing() as pool:
            finish_recount(pool, marks)

    def _draw(self) -> None:
        """Bring the number of tasks that are asked once more often in line; see `draw.draw`."""
        wanted = self.rules.annotations_per_task
        with self.access.reading() as pool:
            first = not pool.connection.execute("SELECT drawn FROM pool WHERE id = ?", (pool.id,)).fetchone()[0]
            if wanted == "all":
                return
            carried = adopted_choice(pool, self.rules.pool)
            # Where every task is asked more or less often than before, those that have their extra answer are drawn.
            by_answers = first or pool.terms.target != self.targets.least
            candidates = _Candidates(pool, self.targets.least, by_answers=by_answers, carried=carried)
            change = draw(
                wanted,
                seed=self.rules.seed,
                tasks=candidates.tasks,
                chosen=candidates.chosen,
                used=candidates.used,
                fresh=candidates.unchosen(touched=None if first else False),
                touched=() if first else candidates.unchosen(touched=True),
            )
            entered = candidates.newly_chosen
        self._choose([*entered, *change.added], chosen=True)
        self._choose(list(change.removed), chosen=False)
        with self.access.writing() as pool:
            pool.connection.execute("UPDATE pool SET drawn = 1 WHERE id = ?", (pool.id,))
        self.done = replace(self.done, drawn=len(entered) + len(change.added), undrawn=len(change.removed))

    def _choose(self, identities: list[bytes], *, chosen: bool) -> None:
        for start in range(0, len(identities), _AT_ONCE):
            with self.access.writing() as pool:
                pool.connection.execute("CREATE TEMP TABLE IF NOT EXISTS drawn (identity BLOB PRIMARY KEY)")
                pool.connection.execute("DELETE FROM temp.drawn")
                part = [(identity,) for identity in identities[start : start + _AT_ONCE]]
                pool.connection.executemany("INSERT INTO temp.drawn VALUES (?)", part)
                self._choose_drawn(pool, chosen=chosen)
                pool.buckets.flush()

    def _choose_drawn(self, pool: Pool, *, chosen: bool) -> None:
        """Let the tasks in the table pass to the buckets of their new target; closed ones pass when they are opened."""
        drawn = "pool = ? AND identity IN (SELECT identity FROM temp.drawn)"
        counts = pool.connection.execute(f"SELECT bucket, count(*) FROM task WHERE {drawn} GROUP BY bucket", (pool.id,))
        for old, tasks in counts.fetchall():
            key = pool.buckets.key(old)
            target = self.targets.target(chosen=chosen) if key.target > 0 else key.target
            new = pool.buckets.id_of(key._replace(target=target))
            pool.connection.execute(
                f"UPDATE task SET chosen = ?, bucket = ? WHERE {drawn} AND +bucket = ?", (chosen, new, pool.id, old)
            )
            pool.buckets.count_new(old, -tasks)
            pool.buckets.count_new(new, tasks)

    def _rekey(self) -> None:
        """Let tasks pass to the bucket they belong in: all of them where the rules changed, else those still closed."""
        with self.access.reading() as pool:
            same = pool.connection.execute("SELECT tasks FROM pool WHERE id = ?", (pool.id,)).fetchone()[0]
            new = not same and self.targets.plain and not self.done.returned and self.done.added
        if new:
            return
        condition = "1" if same != self.targets.digest else "bucket IN (SELECT id FROM bucket WHERE target = 0)"
        for rows in self._tasks(condition):
            wanted = [(number, *self._belongs(place, identity, chosen)) for number, identity, place, chosen in rows]
            with self.access.writing() as pool:
                moves = []
                for number, eligible, preferred, target in wanted:
                    old = bucket_of(pool, number)
                    key = Key(eligible, preferred, target, pool.buckets.key(old).people)
                    moves.append((number, old, pool.buckets.id_of(key)))
                pool.buckets.move_all([move for move in moves if move[1] != move[2]])
                pool.buckets.flush()

    def _belongs(self, place: int, identity: bytes, chosen: int) -> tuple[int | None, int | None, int]:
        target = self.targets.target(chosen=bool(chosen))
        eligible = self.targets.eligible(place)
        return eligible, self.targets.preferred(identity, target, eligible), target

    def _tasks(self, condition: str) -> Iterator[list[tuple[int, bytes, int, int]]]:
        after = 0
        while True:
            with self.access.reading() as pool:
                rows = pool.connection.execute(
                    "SELECT number, identity, place, chosen FROM task NOT INDEXED "  # as in `following.correct`
                    f"WHERE pool = ? AND number > ? AND gold = 0 AND place IS NOT NULL AND {condition} "
                    "ORDER BY number LIMIT ?",
                    (pool.id, after, _AT_ONCE),
                ).fetchall()
            if not rows:
                return
            yield rows
            after = rows[-1][0]

    def _finish(self) -> None:
        with self.access.writing() as pool:
            adopt_leases(pool, self.rules.pool)
            give_back_surplus(pool)
            pool.connection.execute(
                "DELETE FROM screen WHERE pool = ?1 "
                "AND id NOT IN (SELECT screen FROM lease WHERE pool = ?1 AND screen IS NOT NULL)",
                (pool.id,),
            )
            pool.connection.execute(
                "UPDATE pool SET digest = ?, tasks = ?, target = ?, source = ? WHERE id = ?",
                (self.digest, self.targets.digest, self.targets.least, self.rules.source, pool.id),
            )


class _Candidates:
    """What a draw is made from."""

    def __init__(self, pool: Pool, least: int, *, by_answers: bool, carried: frozenset[bytes]) -> None:
        self._pool, self._carried = pool, carried
        buckets = [each for each in pool.buckets.read() if not each.gold]
        self._touched = {each.id for each in buckets if each.people}
        answered_more = {each.id for each in buckets if each.people.bit_count() > least}
        self.tasks = int(
            self._one("SELECT count(*) FROM task NOT INDEXED WHERE pool = ? AND NOT gold AND place IS NOT NULL")
        )
        self.chosen: list[bytes] = []
        self.used: list[bytes] = []
        self.newly_chosen: list[bytes] = []
        wanted = f"chosen OR {by_answers:d} AND bucket IN ({_listed(answered_more)})"
        for identity, bucket, chosen in self._rows("1" if carried else wanted):
            more = bucket in answered_more
            if chosen or identity in carried or (by_answers and more):
                self.chosen.append(identity)
                if more:
                    self.used.append(identity)
                if not chosen:
                    self.newly_chosen.append(identity)
        self._entered = frozenset(self.newly_chosen)

    def unchosen(self, *, touched: bool | None) -> Iterator[bytes]:
        """Tasks that are not drawn; None: whether or not somebody touched them."""
        condition = "1" if touched is None else f"{'' if touched else 'NOT '}bucket IN ({_listed(self._touched)})"
        rows = self._rows(f"NOT chosen AND {condition}")
        return (identity for identity, _, _ in rows if identity not in self._entered)

    def _rows(self, condition: str) -> Iterator[tuple[bytes, int, int]]:
        return iter(
            self._pool.connection.execute(
                "SELECT identity, bucket, chosen FROM task NOT INDEXED "  # by number: in the order they lie in
                f"WHERE pool = ? AND NOT gold AND place IS NOT NULL AND ({condition})",
                (self._pool.id,),
            )
        )

    def _one(self, query: str) -> int:
        return int(self._pool.connection.execute(query, (self._pool.id,)).fetchone()[0])


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(str(number) for number in numbers)


def bucket_of(pool: Pool, task: int) -> int:
    """The bucket a task lies in."""
    return int(pool.connection.execute("SELECT bucket FROM task WHERE number = ?", (task,)).fetchone()[0])


def release(pool: Pool, numbers: Collection[int] | None = None) -> int:
    """Give back what these people hold (None: all who are not active); returns how many leases that were."""
    rows = pool.connection.execute(
        "SELECT lease.task, lease.person, active FROM lease "
        "JOIN person ON person.pool = lease.pool AND person.number = lease.person WHERE lease.pool = ?",
        (pool.id,),
    ).fetchall()
    rows = [row for row in rows if (not row[2] if numbers is None else row[1] in numbers)]
    for task, person, _ in rows:
        pool.connection.execute("DELETE FROM lease WHERE task = ? AND person = ?", (task, person))
        bucket = bucket_of(pool, task)
        pool.buckets.move([task], bucket, pool.buckets.id_of(pool.buckets.key(bucket).without([person])))
    pool.buckets.flush()
    return len(rows)
