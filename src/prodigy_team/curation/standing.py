"""How a pool stands: every task with its target, who answered it and who might, in buckets that the policy reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from prodigy_team.allocation.buckets import Bucket, People, allowed, need
from prodigy_team.allocation.draw import base, draw
from prodigy_team.allocation.ledger.targets import Targets
from prodigy_team.allocation.rules import Rules
from prodigy_team.curation.given import Given


@dataclass(frozen=True)
class Dealt:
    """What a ledger adds to the answers; all empty where there is none.

    Attributes:
        known: Identity -> place of the tasks it deals out; None: there is no ledger of this pool yet.
        chosen: Those that are asked once more often.
        least: How many answers each task was to get when they were drawn; None: nobody can tell.
        held: Identity -> who holds a lease on it, by name.
        closed: Tasks that the source no longer has and who answered them, as (names, number of tasks).
    """

    known: Mapping[bytes, int] | None = None
    chosen: frozenset[bytes] = frozenset()
    least: int | None = None
    held: Mapping[bytes, tuple[str, ...]] = field(default_factory=dict)
    closed: tuple[tuple[tuple[str, ...], int], ...] = ()


class Key(NamedTuple):
    """What tasks of one bucket have in common; masks of numbers."""

    eligible: int | None
    target: int
    people: int


@dataclass
class Answers:
    """The answers of a pool, summed up.

    Attributes:
        people: Identity -> numbers of those who answered, in the order in which their first answers were stored.
        newest: (identity, number) -> that person's newest answer.
        read: All answers there are.
        corrections: Those that come after a first one by the same person to the same task.
        gold: Those to tasks with known answers.
        elsewhere: Those to no task of the source.
        reopened: Those that were sent back to be given again.
    """

    numbers: dict[str, int]
    people: dict[bytes, tuple[int, ...]] = field(default_factory=dict)
    newest: dict[tuple[bytes, int], Given] = field(default_factory=dict)
    known: dict[tuple[bytes, int], Given] = field(default_factory=dict)
    read: int = 0
    corrections: int = 0
    gold: int = 0
    elsewhere: int = 0
    reopened: int = 0

    def add(self, given: Given) -> None:
        """Take in one answer, in link order."""
        self.read += 1
        number = self.numbers.setdefault(given.person, len(self.numbers))
        if given.reopened:
            self.reopened += 1
        elif given.gold:
            self.gold += 1
            self.known[given.task, number] = given
        elif not given.task:
            self.elsewhere += 1
        else:
            before = self.people.get(given.task, ())
            if number in before:
                self.corrections += 1
            else:
                self.people[given.task] = (*before, number)
            self.newest[given.task, number] = given


def sum_up(rules: Rules, given: Iterable[Given]) -> Answers:
    """All answers of a pool; people of the roster have the first numbers, in its order."""
    answers = Answers({person.name: number for number, person in enumerate(rules.people)})
    for each in given:
        answers.add(each)
    return answers


@dataclass(frozen=True)
class Standing:
    """A pool at one moment.

    Attributes:
        names: By number: the roster's people first.
        people: Who is active, and the limits.
        buckets: All tasks; those with target 0 are no longer in the source.
        tasks: Bucket id -> its tasks as (place, identity), in source order; none for closed ones.
        drawn: Tasks that are asked once more often.
    """

    rules: Rules
    names: tuple[str, ...]
    people: People
    buckets: tuple[Bucket, ...]
    tasks: Mapping[int, Sequence[tuple[int, bytes]]]
    drawn: frozenset[bytes]
    answers: Answers

    @property
    def count(self) -> int:
        """How many tasks the source has, those with known answers left out."""
        return sum(map(len, self.tasks.values()))

    def named(self, mask: int) -> tuple[str, ...]:
        """The names of a mask's people."""
        return tuple(name for number, name in enumerate(self.names) if mask >> number & 1)

    def lacking(self) -> Iterator[tuple[Bucket, int, int]]:
        """Buckets whose tasks lack somebody: how many each, and the mask of those who may."""
        for bucket in self.buckets:
            lacks = need(bucket, self.people.active)
            if lacks and bucket.tasks and bucket.target:
                yield bucket, lacks, allowed(bucket, self.people.active)


def count_held(answers: Answers, dealt: Dealt, name: str, number: int) -> int:
    """Tasks that somebody holds and has not answered: the ledger may not have heard of an answer yet."""
    return sum(
        name in people and number not in answers.people.get(identity, ()) for identity, people in dealt.held.items()
    )


def take_stock(
    targets: Targets, tasks: Sequence[tuple[int, bytes]], answers: Answers, dealt: Dealt, *, leases: bool
) -> Standing:
    """Put tasks, targets and answers together.

    Args:
        targets: What the rules say of single tasks; ``targets.numbers`` is not looked at.
        tasks: Place and identity of the source's tasks, gold left out.
        leases: A task that somebody holds counts as touched by them.
    """
    rules, numbers = targets.rules, answers.numbers
    held = dealt.held if leases else {}
    for name in chain.from_iterable(held.values()):
        numbers.setdefault(name, len(numbers))
    drawn = drawn_tasks(rules, [identity for _, identity in tasks], answers.people, dealt)
    active = {person.name: numbers[person.name] for person in rules.people if not person.paused}
    if rules.open:
        active |= {name: number for name, number in numbers.items() if rules.person(name) is None}
    targets = Targets(rules, active, targets.read, targets.router)
    keys: dict[Key, list[tuple[int, bytes]]] = {}
    for place, identity in tasks:
        touched = chain(answers.people.get(identity, ()), (numbers[each] for each in held.get(identity, ())))
        key = Key(targets.eligible(place), targets.target(chosen=identity in drawn), _mask(touched))
        keys.setdefault(key, []).append((place, identity))
    buckets = [
        Bucket(id_, key.eligible, None, key.target, key.people, len(found))
        for id_, (key, found) in enumerate(keys.items(), 1)
    ]
    by_id = {bucket.id: found for bucket, found in zip(buckets, keys.values(), strict=True)}
    people = People(_mask(active.values()), _limits(rules, numbers))
    names = tuple(sorted(numbers, key=lambda name: numbers[name]))
    closed = _closed(dealt, numbers, len(buckets))
    return Standing(rules, names, people, (*buckets, *closed), by_id, drawn, answers)


def drawn_tasks(
    rules: Rules, identities: Collection[bytes], people: Mapping[bytes, Sequence[int]], dealt: Dealt
) -> frozenset[bytes]:
    """The tasks that are asked once more often, as the next sync of the ledger draws them: see `draw`."""
    wanted = rules.annotations_per_task
    if wanted == "all":
        return frozenset()
    least = base(wanted)
    more = {each for each in identities if len(people.get(each, ())) > least}
    fresh_draw = dealt.known is None or dealt.least != least
    chosen = {each for each in identities if each in dealt.chosen or (fresh_draw and each in more)}
    touched = frozenset() if dealt.known is None else people.keys() | dealt.held.keys()
    result = draw(
        wanted,
        seed=rules.seed,
        tasks=len(identities),
        chosen=chosen,
        used=chosen & more,
        fresh=(each for each in identities if each not in chosen and each not in touched),
        touched=(each for each in identities if each not in chosen and each in touched),
    )
    return frozenset(chosen.union(result.added).difference(result.removed))


def surplus(standing: Standing) -> Counter[str]:
    """Answers beyond their tasks' targets, by who gave them."""
    return Counter(name for _, name in surplus_of(standing))


def surplus_of(standing: Standing) -> set[tuple[bytes, str]]:
    """Tasks and people whose answers to them are beyond the target: those whose first answer was stored last."""
    found: set[tuple[bytes, str]] = set()
    for bucket in standing.buckets:
        if bucket.target <= 0 or bucket.people.bit_count() <= bucket.target:
            continue
        for _, identity in standing.tasks[bucket.id]:
            beyond = standing.answers.people[identity][bucket.target :]
            found.update((identity, standing.names[number]) for number in beyond)
    return found


def _closed(dealt: Dealt, numbers: Mapping[str, int], after: int) -> Iterator[Bucket]:
    for id_, (names, tasks) in enumerate(dealt.closed, after + 1):
        yield Bucket(id_, None, None, 0, _mask(numbers[each] for each in names if each in numbers), tasks)


def _limits(rules: Rules, numbers: Mapping[str, int]) -> dict[int, int]:
    return {numbers[person.name]: person.limit for person in rules.people if person.limit is not None}


def _mask(numbers: Iterable[int]) -> int:
    mask = 0
    for number in numbers:
        mask |= 1 << number
    return mask
