"""What a pool can come to: the largest total of answers within limits, what falls short, what is left for whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prodigy_team.allocation.buckets import ALL, Bucket, People, allowed, need, remaining
from prodigy_team.allocation.flow import Network


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
    flows = Flows(counted, people.active, remaining(buckets, people))
    short = {each.id: need(each, people.active) * each.tasks - flows.into(each) for each in counted}
    short = {number: lacking for number, lacking in short.items() if lacking}
    return Reach(wanted, planned, wanted - sum(short.values()), short)


class Flows:
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
        if person not in edges:
            raise ValueError(f"nothing binds person {person}: everything is feasible for them")
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


def _standing(bucket: Bucket, person: int) -> str:
    if bucket.people >> person & 1:
        return "waits_for_others"
    kept = bucket.eligible is not None and not bucket.eligible >> person & 1
    return "not_for_me" if kept else "for_me"
