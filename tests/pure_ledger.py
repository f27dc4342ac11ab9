"""A ledger in memory on top of the policy, so that pulls, answers, leases and people can be played by the thousand.

It does what the ledger on disk does and nothing of what makes that hard: one process, one clock that tests move.
"""

from __future__ import annotations

import random
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from prodigy_team.allocation.buckets import ALL, Bucket, People, may, need
from prodigy_team.allocation.draw import base, draw, order_key
from prodigy_team.allocation.policy import Choice, Loose, choose, from_pages, takeover
from prodigy_team.allocation.reach import Outlook, Reach, outlook, reach

Key = tuple[int | None, int, int]
"""(eligible, target, people)"""


@dataclass
class Lease:
    """A task in somebody's hands."""

    until: float
    screen: str | None
    shown: bool = False


@dataclass
class Task:
    """One task, and what happened to it.

    ``late`` counts answers by people who did not hold it any more: only these can bring it above its target.
    """

    identity: bytes
    order: int
    eligible: int | None
    target: int
    key: Key | None = None
    answers: list[int] = field(default_factory=list)
    leases: dict[int, Lease] = field(default_factory=dict)
    late: int = 0

    @property
    def people(self) -> int:
        """Mask of those who touched it."""
        mask = 0
        for number in (*self.answers, *self.leases):
            mask |= 1 << number
        return mask


class PureLedger:
    """Deals out tasks 0, 1, 2 … to people 0, 1, 2 …"""

    def __init__(
        self,
        k: Decimal | Literal["all"],
        tasks: int | Iterable[int | None],
        *,
        active: int = 0,
        limits: dict[int, int] | None = None,
        lease: float = 1800.0,
        seed: int = 0,
        batch_size: int = 10,
        order: str = "source",
        steals: bool = True,
    ) -> None:
        self.now, self.tasks, self.active, self.limits = 0.0, list[Task](), active, limits or {}
        self._k, self._seed, self._lease, self._batch_size = k, seed, lease, batch_size
        self._order, self._steals = order, steals
        self._chosen: set[int] = set()
        self._buckets: dict[Key, list[tuple[int, int]]] = {}
        self._confirming: set[str] = set()
        self._held: dict[int, dict[int, Lease]] = {}
        self.answers = 0
        self.append(tasks)

    # People and tasks come and go.

    def append(self, tasks: int | Iterable[int | None]) -> None:
        """Lines are added: so many for everybody, or one for each mask of who may be asked."""
        for eligible in [None] * tasks if isinstance(tasks, int) else tasks:
            number = len(self.tasks)
            identity = number.to_bytes(16, "big")
            order = number if self._order == "source" else order_key(self._seed, identity)
            self.tasks.append(Task(identity, order, eligible, ALL if self._k == "all" else base(self._k)))
            self._place(number)
        self._draw()

    def join(self, person: int) -> None:
        """Somebody is in the roster from now on, or comes back from a pause."""
        self.active |= 1 << person

    def leave(self, person: int) -> None:
        """Somebody is paused or leaves: what they hold is free, what they answered counts."""
        self.active &= ~(1 << person)
        self.release(person)

    def release(self, person: int) -> None:
        """All that somebody holds is free."""
        for number in self.held_by(person):
            self._end_lease(number, person)

    # What pages do.

    def pull(
        self,
        person: int,
        count: int,
        *,
        held: Collection[int] = (),
        screen: str | None = None,
        fed: Collection[int] = (),
    ) -> list[int]:
        """The tasks that a page gets: its own open ones first, then new ones, then what may be taken over."""
        if not self.active >> person & 1:
            return []
        for number in self.held_by(person):
            if number not in held and self.is_superfluous(number):
                self._end_lease(number, person)
        own = [number for number in self.held_by(person) if number not in held and number not in fed][:count]
        for number in own:
            lease = self.tasks[number].leases[person]
            lease.screen, lease.shown = screen, False
            if lease.until <= self.now:
                lease.until = self.now + self._lease
        new = self._choose(person, count - len(own), fed)
        for choice in new:
            self._give(choice.task, person, screen)
        if own or new:
            return own + [choice.task for choice in new]
        return self._take_over(person, count, len(held), screen, fed)

    def confirm(self, person: int, tasks: Collection[int], *, screen: str) -> list[int]:
        """These are on the screen now; those to skip, since they have become somebody else's."""
        self._confirming.add(screen)
        for number in self.held_by(person):
            lease = self.tasks[number].leases[person]
            if lease.screen == screen:
                lease.shown = lease.shown and number in tasks
        skipped = [number for number in tasks if not self._regains(number, person, screen)]
        for number in set(tasks) - set(skipped):
            lease = self.tasks[number].leases[person]
            lease.until, lease.screen, lease.shown = self.now + self._lease, screen, True
        return skipped

    def answer(self, person: int, number: int) -> None:
        """An answer is saved, in time or late; whoever answers is at work, so the rest of theirs is renewed."""
        task = self.tasks[number]
        if person in task.answers:
            return
        task.late += person not in task.leases
        task.leases.pop(person, None)
        self._held.get(person, {}).pop(number, None)
        task.answers.append(person)
        self.answers += 1
        self._place(number)
        for other in self.held_by(person):
            self.tasks[other].leases[person].until = self.now + self._lease

    # What can be asked about it.

    def held_by(self, person: int) -> list[int]:
        """The tasks somebody holds, in the order they were dealt."""
        return list(self._held.get(person, ()))

    def buckets(self) -> list[Bucket]:
        """As the policy sees the pool."""
        self._keys = list(self._buckets)
        return [
            Bucket(at, eligible, None, target, people, len(self._buckets[eligible, target, people]))
            for at, (eligible, target, people) in enumerate(self._keys)
        ]

    def outlook(self, person: int) -> Outlook:
        """Why somebody gets nothing."""
        return outlook(self.buckets(), person, self.people)

    def reach(self) -> Reach:
        """What the pool can come to."""
        return reach(self.buckets(), self.people)

    @property
    def people(self) -> People:
        """Who takes part."""
        return People(self.active, self.limits, self._batch_size)

    @property
    def surplus(self) -> int:
        """Answers beyond what was wanted."""
        return sum(max(0, len(task.answers) - task.target) for task in self.tasks if task.target != ALL)

    def is_free_for(self, number: int, person: int) -> bool:
        """Told from the task alone: it lacks somebody whom no live lease stands for, and they may be asked."""
        task, bit = self.tasks[number], 1 << person
        if person in task.answers or person in task.leases or not self.active & bit:
            return False
        if task.eligible is not None and not task.eligible & bit:
            return False
        live = sum(lease.until > self.now for lease in task.leases.values())
        return task.target == ALL or len(task.answers) + live < task.target

    def is_superfluous(self, number: int) -> bool:
        """Whether more people are planned than wanted, somebody having answered late: one lease may go."""
        task = self.tasks[number]
        return task.target != ALL and task.people.bit_count() > task.target

    def is_unseen(self, lease: Lease) -> bool:
        """Whether the page it lies in says what is on screen, and has not shown this."""
        return lease.screen in self._confirming and not lease.shown

    def has_free(self, person: int) -> bool:
        """Whether somebody must get something: told from all tasks, one by one."""
        return self.room(person) > 0 and any(self.is_free_for(at, person) for at in range(len(self.tasks)))

    def room(self, person: int) -> int:
        """What somebody's limit leaves them."""
        if person not in self.limits:
            return len(self.tasks)
        return max(0, self.limits[person] - sum(task.people >> person & 1 for task in self.tasks))

    # Inside.

    def _choose(self, person: int, count: int, fed: Collection[int]) -> list[Choice]:
        def heads(bucket: int, wanted: int) -> list[tuple[int, int]]:
            members = self._buckets[self._keys[bucket]]
            return [each for each in members[: wanted + len(fed)] if each[1] not in fed][:wanted]

        return choose(self.buckets(), person, self.people, heads, count) if count > 0 else []

    def _take_over(self, person: int, count: int, held: int, screen: str | None, fed: Collection[int]) -> list[int]:
        if not self._steals:
            return []
        loose = [each for each in self._loose(person, held) if each.task not in fed]
        taken = takeover(self.buckets(), person, self.people, loose, count) if loose else []
        for each in taken:
            for holder in each.holders:
                self._end_lease(each.task, holder)
            self._give(each.task, person, screen)
        return [each.task for each in taken]

    def _loose(self, person: int, held: int) -> list[Loose]:
        """Leases over their time, the oldest first; then what lies unseen in pages longer than the asker's.

        Only what would be the asker's if all of these were given back: the last of a page is of no use to them else.
        """
        leases = [
            (number, holder, lease)
            for holder in self._held.keys() - {person}
            for number, lease in self._held[holder].items()
            if lease.until <= self.now or self.is_unseen(lease)
        ]
        free = {number for number in {each[0] for each in leases} if self._may_if_given_back(number, person, leases)}
        lapsed, pages = [], dict[tuple[int, str], list[int]]()
        for number, holder, lease in leases:
            if lease.until <= self.now:
                lapsed.append((lease.until, number, holder))
            elif number in free:
                pages.setdefault((holder, str(lease.screen)), []).append(number)
        unseen = [(number, page[0]) for page, number in from_pages(pages, longer_than=held)]
        at = {key: number for number, key in enumerate(self._buckets)}
        pairs = [(number, holder) for _, number, holder in sorted(lapsed) if number in free] + unseen
        return [Loose(number, at[self._key(number)], holder) for number, holder in pairs]

    def _may_if_given_back(self, number: int, person: int, leases: list[tuple[int, int, Lease]]) -> bool:
        task = self.tasks[number]
        loose = sum(1 << holder for at, holder, _ in leases if at == number)
        bucket = Bucket(0, task.eligible, None, task.target, task.people & ~loose, 1)
        return may(bucket, person, self.active) and need(bucket, self.active) > 0

    def _regains(self, number: int, person: int, screen: str) -> bool:
        """A page shows a task: still its own, or nobody's, so that it is leased again."""
        task = self.tasks[number]
        if person in task.leases and self.is_superfluous(number) and not task.leases[person].shown:
            self._end_lease(number, person)
        if person in task.leases:
            return True
        full = task.target != ALL and task.people.bit_count() >= task.target
        if full or not self.is_free_for(number, person) or not self.room(person):
            return False
        self._give(number, person, screen)
        return True

    def _give(self, number: int, person: int, screen: str | None) -> None:
        task = self.tasks[number]
        assert person not in task.answers, "asked again"
        assert person not in task.leases, "leased twice"
        lease = Lease(self.now + self._lease, screen)
        task.leases[person] = self._held.setdefault(person, {})[number] = lease
        assert task.target == ALL or len({*task.answers, *task.leases}) <= task.target, "more planned than wanted"
        self._place(number)

    def _end_lease(self, number: int, person: int) -> None:
        del self.tasks[number].leases[person]
        del self._held[person][number]
        self._place(number)

    def _key(self, number: int) -> Key:
        task = self.tasks[number]
        return task.eligible, task.target, task.people

    def _place(self, number: int) -> None:
        """Put a task into its bucket."""
        task = self.tasks[number]
        entry = task.order, number
        if task.key is not None:
            members = self._buckets[task.key]
            del members[bisect_left(members, entry)]
            if not members:
                del self._buckets[task.key]
        task.key = self._key(number)
        insort(self._buckets.setdefault(task.key, []), entry)

    def _draw(self) -> None:
        if self._k == "all":
            return
        rest = [number for number in range(len(self.tasks)) if number not in self._chosen]
        done = draw(
            self._k,
            seed=self._seed,
            tasks=len(self.tasks),
            chosen=[self.tasks[number].identity for number in self._chosen],
            fresh=(self.tasks[number].identity for number in rest if not self.tasks[number].people),
            touched=(self.tasks[number].identity for number in rest if self.tasks[number].people),
        )
        assert not done.removed, "lines were added, so nobody loses a place"
        for number in (int.from_bytes(each, "big") for each in done.added):
            self._chosen.add(number)
            self.tasks[number].target += 1
            self._place(number)


def largest_total(ledger: PureLedger) -> int:
    """Brute force, task by task: the most answers within targets if everybody does all they may from now on."""
    room = {person: ledger.room(person) for person in range(ledger.active.bit_length())}
    given: dict[int, set[int]] = {person: set() for person in room if ledger.active >> person & 1}
    total = 0
    for number, task in enumerate(ledger.tasks):
        bucket = Bucket(0, task.eligible, None, task.target, task.people, 1)
        total += task.people.bit_count() if task.target == ALL else min(task.people.bit_count(), task.target)
        total += sum(_augment(ledger, number, given, room, set()) for _ in range(need(bucket, ledger.active)))
    return total


def _augment(ledger: PureLedger, number: int, given: dict[int, set[int]], room: dict[int, int], seen: set[int]) -> bool:
    """Find somebody for one more answer to a task, moving what others were given if need be."""
    task = ledger.tasks[number]
    for person in given:
        barred = task.people >> person & 1 or not (task.eligible is None or task.eligible >> person & 1)
        if barred or person in seen or number in given[person]:
            continue
        seen.add(person)
        if len(given[person]) >= room[person]:
            moved = next((each for each in given[person] if _augment(ledger, each, given, room, seen)), None)
            if moved is None:
                continue
            given[person].remove(moved)
        given[person].add(number)
        return True
    return False


def drain(ledger: PureLedger, chance: random.Random, *, most: int = 10) -> Counter[int]:
    """Everybody in the roster pulls, in any order and any number, and answers what they get until nobody gets more."""
    given: Counter[int] = Counter()
    waiting = [number for number in range(ledger.active.bit_length()) if ledger.active >> number & 1]
    while waiting:
        person = chance.choice(waiting)
        got = ledger.pull(person, chance.randint(1, most))
        for number in got:
            ledger.answer(person, number)
        given[person] += len(got)
        if not got:
            waiting.remove(person)
    return given


def work(ledger: PureLedger, person: int, *, tasks: int = 10**9, batch: int = 10) -> int:
    """Somebody pulls and answers until they get nothing, or have done so many."""
    done = 0
    while done < tasks and (got := ledger.pull(person, min(batch, tasks - done))):
        for number in got:
            ledger.answer(person, number)
        done += len(got)
    return done
