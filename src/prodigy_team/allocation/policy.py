"""Which task somebody gets next. Decided on buckets of like tasks, never on single ones, and without any effect.

A bucket holds all tasks of a pool that are alike to the policy: who may be asked, how many people are wanted, who has
touched it (answered it, or holds a lease on it). There are tens of them where there are a million tasks.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from hashlib import blake2b
from itertools import groupby

from prodigy_team.allocation.flow import Network

ALL = -1
"""The target "everybody who is active and may"."""

Heads = Callable[[int, int], Sequence[tuple[int, int]]]
"""(bucket id, n) -> its first n tasks as (ord, task number), by ord. Fewer than n: there are no more for this asker,
so what must not be given to them (sent to their stream before, say) is left out here."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """So many tasks that are alike.

    Attributes:
        id: Unique in the pool.
        eligible: Mask of those who may be asked (`only`, the router); None: everybody.
        preferred: Mask of those it falls to by their shares; None: where shares do not differ.
        target: How many people are to answer each; `ALL`; 0 for tasks that the source no longer has.
        people: Mask of those who touched each.
        tasks: How many; 0 is allowed.
        gold: With known answers: given to each person once, part of no total and no limit.
    """

    id: int
    eligible: int | None
    preferred: int | None
    target: int
    people: int
    tasks: int
    gold: bool = False


@dataclass(frozen=True)
class People:
    """Who takes part.

    Attributes:
        active: Mask of those in the roster who are not paused, whether or not they ever come.
        limits: Most tasks that somebody touches, by number; who has no limit is left out. What is left of it is
            counted from the buckets, so the tasks that the source no longer has must be among them (target 0).
        batch_size: Tasks that a page asks for at once.
    """

    active: int
    limits: Mapping[int, int] = field(default_factory=dict)
    batch_size: int = 10


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


@dataclass(frozen=True)
class Outlook:
    """What is left, and why it is not for one person. In tasks that lack somebody; each is counted once.

    Attributes:
        for_me: They may be asked now. Where it is 0 the rest says why.
        waits_for_others: Touched by them already.
        not_for_me: Kept from them by `only` or the router.
        over_limit: They might be asked if their limit were higher, or if they were not paused.
        paused: They are not active.
    """

    for_me: int = 0
    waits_for_others: int = 0
    not_for_me: int = 0
    over_limit: int = 0
    paused: bool = False

    @property
    def left(self) -> int:
        """Tasks that lack somebody, whoever that is."""
        return self.for_me + self.waits_for_others + self.not_for_me + self.over_limit


@dataclass(frozen=True)
class Reach:
    """What the whole pool can come to if everybody in the roster does what they may.

    Attributes:
        wanted: Answers wanted in all.
        planned: Of these, given or leased; surplus does not count.
        reachable: The most that ``planned`` can become.
        short: Bucket id -> answers that its tasks will lack, together. Where limits bind, who goes short is one
            solution of several; what people who may not be asked leave open is always that of its bucket.
    """

    wanted: int
    planned: int
    reachable: int
    short: Mapping[int, int]


def need(bucket: Bucket, active: int) -> int:
    """How many more people each task of a bucket lacks. Gold lacks nobody."""
    if bucket.gold:
        return 0
    if bucket.target == ALL:
        return allowed(bucket, active).bit_count()
    return max(0, bucket.target - bucket.people.bit_count())


def allowed(bucket: Bucket, active: int) -> int:
    """Mask of the active people who may be asked its tasks and have not touched them."""
    free = active & ~bucket.people
    return free if bucket.eligible is None else free & bucket.eligible


def may(bucket: Bucket, person: int, active: int) -> bool:
    """Whether somebody may be asked its tasks, limits aside: they are active, eligible and have not touched them."""
    return bool(allowed(bucket, active) >> person & 1)


def remaining(buckets: Sequence[Bucket], people: People) -> dict[int, int]:
    """What is left of each limit, at least 0, by number."""
    return {
        number: max(0, limit - sum(each.tasks for each in buckets if each.people >> number & 1 and not each.gold))
        for number, limit in people.limits.items()
    }


def feasible(buckets: Sequence[Bucket], person: int, people: People) -> set[int]:
    """The buckets from which a task may go to somebody without making the largest reachable total smaller.

    Never empty while there is a bucket that they may be asked from, that lacks somebody, and their limit is not used
    up: a largest total that leaves them idle can be changed, at no loss, into one that does not. For the same reason
    everything is feasible for those whose limit exceeds what they may do.
    """
    choice = _Choosing(buckets, person, people)
    return {each.id for each in choice.buckets if choice.is_feasible(each)}


def near_end(buckets: Sequence[Bucket], people: People) -> bool:
    """Whether little is left: two batches for each active person, and at most a quarter of all answers.

    The quarter keeps small sets and large teams from being near their end from the beginning, which would bring the
    tasks that need several people first, as a warm-up.
    """
    bound = people.active.bit_count() * 2 * people.batch_size
    left = total = 0
    for bucket in buckets:
        if bucket.tasks and not bucket.gold:
            open_slots = need(bucket, people.active) * bucket.tasks
            left += open_slots
            total += open_slots + bucket.people.bit_count() * bucket.tasks
            if left > bound:
                return False
    return 4 * left <= total


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
    taken: dict[int, Taken] = {}
    for each in loose:
        bucket, part = by_id[each.bucket], part_of[each.task]
        asked = len(taken) < count and each.task not in taken and bucket.target != ALL and choosing.asks(part)
        if asked and choosing.take(part):
            spare = max(1, bucket.people.bit_count() + 1 - bucket.target)
            holders = [other.holder for other in loose if other.task == each.task]
            taken[each.task] = Taken(each.task, bucket.id, tuple(holders[:spare]))
    return list(taken.values())


def from_pages(pages: Mapping[str, Sequence[int]], count: int) -> list[int]:
    """Which tasks that lie unseen in pages should go first: the last of the longest page, over and over.

    Args:
        pages: Page -> its unconfirmed tasks as they will be shown.
        count: At most so many.

    Returns:
        Task numbers; of each page at most half, but of each at least one may go.
    """
    left = {page: list(tasks) for page, tasks in pages.items() if tasks}
    floor = {page: min(len(tasks) - 1, (len(tasks) + 1) // 2) for page, tasks in left.items()}
    taken: list[int] = []
    while left and len(taken) < count:
        page = max(left, key=lambda each: len(left[each]))
        taken.append(left[page].pop())
        if len(left[page]) <= floor[page]:
            del left[page]
    return taken


def outlook(buckets: Sequence[Bucket], person: int, people: People) -> Outlook:
    """What is left of the pool for somebody, and of what is not, why. Leases count as work that is being done."""
    counts: Counter[str] = Counter()
    for bucket in buckets:
        if bucket.tasks and need(bucket, people.active):
            counts[_standing(bucket, person)] += bucket.tasks
    paused = not people.active >> person & 1
    room = 0 if paused else remaining(buckets, people).get(person, counts["for_me"])
    for_me = min(room, counts["for_me"])
    return Outlook(for_me, counts["waits_for_others"], counts["not_for_me"], counts["for_me"] - for_me, paused)


def reach(buckets: Sequence[Bucket], people: People) -> Reach:
    """How many answers the pool can come to, and which buckets will lack how many."""
    planned = wanted = 0
    for bucket in buckets:
        if bucket.target and not bucket.gold:
            lacking = need(bucket, people.active)
            touched = bucket.people.bit_count()
            planned += bucket.tasks * (touched if bucket.target == ALL else min(touched, bucket.target))
            wanted += bucket.tasks * (touched + lacking if bucket.target == ALL else bucket.target)
    counted = [bucket for bucket in buckets if bucket.tasks and need(bucket, people.active)]
    flows = _Flows(counted, people.active, remaining(buckets, people))
    short = {each.id: need(each, people.active) * each.tasks - flows.into(each) for each in counted}
    short = {number: lacking for number, lacking in short.items() if lacking}
    return Reach(wanted, planned, wanted - sum(short.values()), short)


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
        ranked = sorted(self.buckets, key=self._rank) if min(count, self._room) > 0 else []
        for _, alike in groupby(ranked, key=self._rank):
            heap = _Merged(list(alike), heads, count)
            while self._room > 0 and len(chosen) < count and (head := heap.head()):
                task, bucket = head
                if self.take(bucket):
                    chosen.append(Choice(task, bucket.id))
                    heap.step()
                else:
                    heap.drop()
        return chosen

    def _rank(self, bucket: Bucket) -> tuple[bool, int]:
        theirs = bucket.preferred is None or bool(bucket.preferred >> self._person & 1)
        return not theirs, self._slack(bucket) if self._is_near_end else 0

    def _slack(self, bucket: Bucket) -> int:
        able = allowed(bucket, self._people.active)
        for number, left in self._left.items():
            able &= ~(1 << number) if left == 0 else -1
        return able.bit_count() - need(bucket, self._people.active)

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
    def _flows(self) -> _Flows | None:
        """None where nothing binds the asker: then everything is feasible."""
        most = sum(each.tasks for each in self.buckets)
        if self._person not in self._people.limits or self._left[self._person] >= most:
            return None
        return _Flows(self._all, self._people.active, self._left)


class _Flows:
    """A largest flow of answers: buckets -> people who may -> what is left of their limits.

    People without a limit, or with one above all that they may do, are no nodes: a bucket's edge to the sink stands
    for all of them. Buckets that lack equally many of the same people are one node. Both change no total.
    """

    def __init__(self, buckets: Sequence[Bucket], active: int, left: Mapping[int, int]) -> None:
        self._active = active
        groups: dict[tuple[int, int], int] = {}
        for bucket in buckets:
            key = self._key(bucket)
            if bucket.tasks and key[1]:
                groups[key] = groups.get(key, 0) + bucket.tasks
        self._limited = [number for number, most in self._most(groups).items() if left.get(number, most) < most]
        self._network = Network(2 + len(self._limited) + len(groups))
        self._people = {
            number: (2 + at, self._network.edge(2 + at, 1, left[number])) for at, number in enumerate(self._limited)
        }
        self._groups = {key: self._add_group(at, key, tasks) for at, (key, tasks) in enumerate(groups.items())}
        self._network.maximise(0, 1)
        self._unasked = {key: self._network.flow(edge) for key, (_, edge, _) in self._groups.items()}

    def into(self, bucket: Bucket) -> int:
        """The answers that a bucket gets; buckets that are one node are served in the order they are asked for."""
        key = self._key(bucket)
        if not key[1]:
            return 0
        given = min(self._unasked[key], key[1] * bucket.tasks)
        self._unasked[key] -= given
        return given

    def way(self, bucket: Bucket, person: int) -> list[int] | None:
        """The edges along which a unit is moved so that the person answers one of the bucket; [] if one does."""
        node, _, edges = self._groups[self._key(bucket)]
        if person not in edges:
            return []
        if self._network.flow(edges[person]):
            return []
        way = self._network.path(self._people[person][0], node)
        return None if way is None else [*way, edges[person]]

    def take(self, bucket: Bucket, person: int) -> bool:
        """Let the person answer one of the bucket, if the total stays as large.

        One of the tasks then lacks one less, and not this person. It may stay in the node all the same: that the
        person's edge and the group's both lose one unit describes exactly what is possible afterwards.
        """
        way = self.way(bucket, person)
        if way is None:
            return False
        self._network.push(way)
        _, source, edges = self._groups[self._key(bucket)]
        self._network.take_out((source, edges[person], self._people[person][1]))
        return True

    def _key(self, bucket: Bucket) -> tuple[int, int]:
        able = allowed(bucket, self._active)
        return able, min(need(bucket, self._active), able.bit_count())

    def _most(self, groups: Mapping[tuple[int, int], int]) -> dict[int, int]:
        numbers = range(self._active.bit_length())
        return {number: sum(tasks for (able, _), tasks in groups.items() if able >> number & 1) for number in numbers}

    def _add_group(self, at: int, key: tuple[int, int], tasks: int) -> tuple[int, int, dict[int, int]]:
        able, lacking = key
        node = 2 + len(self._limited) + at
        source = self._network.edge(0, node, lacking * tasks)
        free = able & ~sum(1 << number for number in self._limited)
        if free:
            self._network.edge(node, 1, free.bit_count() * tasks)
        limited = (number for number in self._limited if able >> number & 1)
        return node, source, {number: self._network.edge(node, self._people[number][0], tasks) for number in limited}


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


def _standing(bucket: Bucket, person: int) -> str:
    if bucket.people >> person & 1:
        return "waits_for_others"
    kept = bucket.eligible is not None and not bucket.eligible >> person & 1
    return "not_for_me" if kept else "for_me"


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
