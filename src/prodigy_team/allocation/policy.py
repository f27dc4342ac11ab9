"""Which task somebody gets next: decided on buckets of like tasks, never on single ones, and without any effect."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from hashlib import blake2b
from typing import TypeVar

from prodigy_team.allocation.buckets import ALL, Bucket, People, allowed, may, need, remaining
from prodigy_team.allocation.reach import Flows

Page = TypeVar("Page")
Heads = Callable[[int, int], Sequence[tuple[int, int]]]
"""(bucket id, n) -> its first n tasks as (ord, task number), by ord. Fewer than n: there are no more for this asker,
so what must not be given to them (sent to their stream before, say) is left out here."""


@dataclass(frozen=True)
class Choice:
    """A task to lease to the asker: its number, and the bucket it lies in until then."""

    task: int
    bucket: int


@dataclass(frozen=True)
class Loose:
    """A lease that may be taken over, being over its time or unconfirmed; ``bucket`` still counts the holder."""

    task: int
    bucket: int
    holder: int


@dataclass(frozen=True)
class Taken:
    """A lease that passes to the asker.

    Attributes:
        task: Its number.
        bucket: The one it lies in until then, the holders among its ``people``.
        holders: Whose leases end: the first loose one's, and more where otherwise more people than wanted would be
            planned, as after somebody's late answer.
    """

    task: int
    bucket: int
    holders: tuple[int, ...]


@dataclass(frozen=True)
class Gold:
    """How tasks with known answers are mixed in: this part of what each person gets, at places drawn by seed."""

    rate: Decimal = Decimal(0)
    seed: int = 0

    def due(self, person: int, nth: int) -> bool:
        """Whether the nth task (from 0) of somebody is to be one: the same whenever it is asked."""
        drawn = blake2b(b"%d.%d" % (person, nth), digest_size=8, key=str(self.seed).encode()[:64], person=b"gold")
        return int.from_bytes(drawn.digest(), "big") < self.rate * 2**64


def feasible(buckets: Sequence[Bucket], person: int, people: People) -> set[int]:
    """The buckets from which a task may go to somebody without making the largest reachable total smaller.

    Never empty while there is a bucket that they may be asked from, that lacks somebody, and their limit is not used
    up: a largest total that leaves them idle can be changed, at no loss, into one that does not. For the same reason
    everything is feasible for those whose limit exceeds what they may do.
    """
    choice = _Choosing(buckets, person, people)
    return {each.id for each in choice.buckets if choice.is_feasible(each)}


def is_open_enough(buckets: Sequence[Bucket], people: People) -> bool:
    """Whether `choose` without gold, and `outlook`, say the same of these buckets, all that lack somebody, as of all.

    Those that lack nobody matter where somebody has a limit, in which they count, and where the end may be near.
    """
    bound = _end_bound(people)
    return not people.limits and sum(need(each, people.active) * each.tasks for each in buckets) > bound


def near_end(buckets: Sequence[Bucket], people: People) -> bool:
    """Whether little is left: two batches for each active person, and at most a quarter of all answers.

    The quarter keeps small sets and large teams from being near their end from the beginning, which would bring the
    tasks that need several people first, as a warm-up.
    """
    bound = _end_bound(people)
    left = total = 0
    for bucket in buckets:
        if bucket.tasks and not bucket.gold:
            open_slots = need(bucket, people.active) * bucket.tasks
            left += open_slots
            total += open_slots + bucket.people.bit_count() * bucket.tasks
            if left > bound:
                return False
    return 4 * left <= total


def _end_bound(people: People) -> int:
    return people.active.bit_count() * 2 * people.batch_size


def choose(
    buckets: Sequence[Bucket], person: int, people: People, heads: Heads, count: int, *, gold: Gold | None = None
) -> list[Choice]:
    """The next tasks for somebody, in the order to show them, as if they were leased one after the other.

    Among the feasible ones (see `feasible`): those that fall to the asker by shares before others; near the end those
    with the least slack, which is how many people still may answer beyond those it lacks; then by ord. Never empty
    while there is something they may be asked.

    Args:
        buckets: All of the pool.
        person: The asker's number.
        people: Who takes part.
        heads: Gives the first tasks of a bucket; asked for little, and only of buckets that come into question.
        count: At most so many.
        gold: How gold is mixed in: in the places it draws, counted from how many tasks the asker has touched, and
            never after the last other task. None: not at all.
    """
    choosing = _Choosing(buckets, person, people)
    tasks = choosing.first(heads, count)
    return list(_mixed(tasks, buckets, person, people, heads, gold))[:count] if gold else tasks


def takeover(buckets: Sequence[Bucket], person: int, people: People, loose: Sequence[Loose], count: int) -> list[Taken]:
    """Which leases pass from their holders to somebody, for whom `choose` has found nothing.

    Never empty while a task of ``loose`` would be something they may be asked if its loose leases were given back.
    What is feasible is judged as if all of ``loose`` had been given back: such a lease promises nothing.

    Args:
        buckets: All of the pool.
        person: The asker's number.
        people: Who takes part.
        loose: In the order in which they should go; those the asker may not be asked are passed over.
        count: At most so many.
    """
    freed, part_of = _freed(buckets, loose)
    choosing = _Choosing(freed, person, people)
    by_id = {each.id: each for each in buckets}
    holders: dict[int, list[int]] = {}
    for each in loose:
        holders.setdefault(each.task, []).append(each.holder)
    taken: dict[int, Taken] = {}
    for each in loose:
        bucket, part = by_id[each.bucket], part_of[each.task]
        asked = len(taken) < count and each.task not in taken and bucket.target != ALL and choosing.asks(part)
        if asked and choosing.take(part):
            spare = max(1, bucket.people.bit_count() + 1 - bucket.target)
            taken[each.task] = Taken(each.task, bucket.id, tuple(holders[each.task][:spare]))
    return list(taken.values())


def from_pages(pages: Mapping[Page, Sequence[int]], *, longer_than: int = 0) -> list[tuple[Page, int]]:
    """Which tasks that lie unseen in pages may be taken over, and in what order: the last of the longest page first.

    Args:
        pages: Page -> its unconfirmed tasks as they will be shown; only those that `takeover` would give to the asker,
            since of each page at most half, but at least one, may go.
        longer_than: How many the asker's own page holds: pages are not made shorter than that, so that two people near
            the end do not take the same tasks from each other again and again.

    Returns:
        Pairs of page and task number.
    """
    left = {page: list(tasks) for page, tasks in pages.items() if len(tasks) > longer_than}
    kept = {page: max(longer_than, min(len(each) - 1, (len(each) + 1) // 2)) for page, each in left.items()}
    taken: list[tuple[Page, int]] = []
    while left:
        page = max(left, key=lambda each: len(left[each]))
        taken.append((page, left[page].pop()))
        if len(left[page]) <= kept[page]:
            del left[page]
    return taken


class _Choosing:
    """One asker's choice, task after task; what is feasible is kept up to date in between."""

    def __init__(self, buckets: Sequence[Bucket], person: int, people: People) -> None:
        self._all, self._person, self._people = buckets, person, people
        bit = 1 << person if people.active >> person & 1 else 0
        self.buckets = [
            each
            for each in buckets
            if bit & ~each.people
            and each.tasks
            and (each.eligible is None or each.eligible & bit)
            and need(each, people.active)
        ]
        self._candidates = {each.id for each in self.buckets}
        self._room = self._count_room()

    def asks(self, bucket: Bucket) -> bool:
        """Whether the asker may be asked from it, feasible or not."""
        return bucket.id in self._candidates

    def is_feasible(self, bucket: Bucket) -> bool:
        """Whether taking one from it costs no total."""
        return self._room > 0 and (self._flows is None or self._flows.way(bucket, self._person) is not None)

    def take(self, bucket: Bucket) -> bool:
        """Take one from it, if that is feasible; what is not now will not be later."""
        if self._room <= 0 or (self._flows is not None and not self._flows.take(bucket, self._person)):
            return False
        self._room -= 1
        return True

    def first(self, heads: Heads, count: int) -> list[Choice]:
        """See `choose`."""
        chosen: list[Choice] = []
        for alike in self._ranked() if min(count, self._room) > 0 else ():
            if len(alike) == 1 and self._flows is None:  # as the merging of several would, in a part of the time
                wanted = min(count - len(chosen), self._room)
                tasks = heads(alike[0].id, wanted)[:wanted] if wanted else ()
                chosen += [Choice(task, alike[0].id) for _, task in tasks]
                self._room -= len(tasks)
                continue
            heap = _Merged(alike, heads, count)
            while self._room > 0 and len(chosen) < count and (head := heap.head()):
                task, bucket = head
                if self.take(bucket):
                    chosen.append(Choice(task, bucket.id))
                    heap.step()
                else:
                    heap.drop()
        return chosen

    def _ranked(self) -> list[list[Bucket]]:
        """The buckets to choose from, those of one rank together: theirs by share, then by slack near the end."""
        able = self._people.active & ~sum(1 << number for number, left in self._left.items() if not left)
        ranks: dict[tuple[bool, int], list[Bucket]] = {}
        for each in self.buckets:
            others = each.preferred is not None and not each.preferred >> self._person & 1
            slack = allowed(each, able).bit_count() - need(each, self._people.active) if self._is_near_end else 0
            ranks.setdefault((others, slack), []).append(each)
        return [ranks[rank] for rank in sorted(ranks)]

    def _count_room(self) -> int:
        most = sum(each.tasks for each in self.buckets)
        limit = self._people.limits.get(self._person)
        return most if limit is None else min(most, self._left[self._person])

    @cached_property
    def _left(self) -> dict[int, int]:
        return remaining(self._all, self._people)

    @cached_property
    def _is_near_end(self) -> bool:
        return near_end(self._all, self._people)

    @cached_property
    def _flows(self) -> Flows | None:
        """None where nothing binds the asker: then everything is feasible."""
        most = sum(each.tasks for each in self.buckets)
        limited = self._person in self._people.limits and self._left[self._person] < most
        return Flows(self._all, self._people.active, self._left) if limited and not self._can_be_spared() else None

    def _can_be_spared(self) -> bool:
        """Whether people without limits can do all that the asker may: so it usually is, and no flow is needed."""
        free = self._people.active & ~sum(1 << number for number in self._people.limits)
        return all((allowed(each, free)).bit_count() >= need(each, self._people.active) for each in self.buckets)


class _Merged:
    """The tasks of several buckets in one order, each bucket read a little at a time."""

    def __init__(self, buckets: Sequence[Bucket], heads: Heads, count: int) -> None:
        self._buckets, self._heads, self._count = buckets, heads, count
        self._page = count if len(buckets) < 4 else 1
        self._read: list[Sequence[tuple[int, int]]] = [()] * len(buckets)
        self._asked = [0] * len(buckets)
        self._heap: list[tuple[int, int, int, int]] = []
        for at in range(len(buckets)):
            self._enter(at, 0)

    def head(self) -> tuple[int, Bucket] | None:
        """The first task and its bucket."""
        if not self._heap:
            return None
        _, task, at, _ = self._heap[0]
        return task, self._buckets[at]

    def step(self) -> None:
        """Go on to the next."""
        _, _, at, place = heapq.heappop(self._heap)
        self._enter(at, place + 1)

    def drop(self) -> None:
        """Leave the bucket of the first task out from now on."""
        heapq.heappop(self._heap)

    def _enter(self, at: int, place: int) -> None:
        if place >= self._asked[at] and place < self._count and self._asked[at] == len(self._read[at]):
            self._asked[at] = min(self._count, max(self._page, 4 * place))
            self._read[at] = self._heads(self._buckets[at].id, self._asked[at])
        if place < len(self._read[at]):
            order, task = self._read[at][place]
            heapq.heappush(self._heap, (order, task, at, place))


def _mixed(
    tasks: list[Choice], buckets: Sequence[Bucket], person: int, people: People, heads: Heads, gold: Gold
) -> Iterator[Choice]:
    """The tasks with gold in the places drawn for it."""
    known = [each for each in buckets if each.gold and each.tasks and may(each, person, people.active)]
    nth = sum(each.tasks for each in buckets if each.people >> person & 1)
    heap = _Merged(known, heads, len(tasks)) if known and tasks else None
    for task in tasks:
        while heap and (head := heap.head()) and gold.due(person, nth):
            yield Choice(head[0], head[1].id)
            heap.step()
            nth += 1
        yield task
        nth += 1


def _freed(buckets: Sequence[Bucket], loose: Sequence[Loose]) -> tuple[list[Bucket], dict[int, Bucket]]:
    """The buckets as if all loose leases were given back, and those of them in which each of these tasks then lies."""
    holders: dict[tuple[int, int], int] = {}
    for each in loose:
        key = each.bucket, each.task
        holders[key] = holders.get(key, 0) | 1 << each.holder
    moved = Counter(bucket for bucket, _ in holders)
    kinds = Counter((bucket, mask) for (bucket, _), mask in holders.items())
    by_id = {each.id: each for each in buckets}
    parts = {
        kind: replace(by_id[kind[0]], id=-1 - at, people=by_id[kind[0]].people & ~kind[1], tasks=tasks)
        for at, (kind, tasks) in enumerate(kinds.items())
    }
    kept = [replace(each, tasks=each.tasks - moved[each.id]) for each in buckets]
    return [*kept, *parts.values()], {task: parts[bucket, mask] for (bucket, task), mask in holders.items()}
