"""Buckets of like tasks, and the people they are for: what every decision about a pool is made from.

A bucket holds all tasks of a pool that are alike to the policy: who may be asked, how many people are wanted, who has
touched it (answered it, or holds a lease on it). There are tens of them where there are a million tasks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

ALL = -1
"""The target "everybody who is active and may"."""


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


def need(bucket: Bucket, active: int) -> int:
    """How many more people each task of a bucket lacks. Gold lacks nobody."""
    if bucket.gold:
        return 0
    if bucket.target == ALL:
        return allowed(bucket, active).bit_count()
    lacking = bucket.target - bucket.people.bit_count()
    return lacking if lacking > 0 else 0


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
