"""What a pool asks for before anybody starts, or as it stands: targets, who may get how much, what is out of reach."""

from __future__ import annotations

from dataclasses import dataclass, replace

from prodigy_team.allocation.reach import outlook, reach
from prodigy_team.curation.coverage import Impossible, impossible
from prodigy_team.curation.standing import Dealt, Standing, count_held


@dataclass(frozen=True)
class Duplicate:
    """A task that the source has several times; it is asked once.

    Attributes:
        lines: Line or record numbers, the first of them is the one that is asked.
    """

    lines: tuple[int, ...]
    task: str


@dataclass(frozen=True)
class Unusable:
    """A line of the source that is no task."""

    line: int
    reason: str


@dataclass(frozen=True)
class Collision:
    """Different tasks with one 32-bit hash: Prodigy asks the first of them only. Places in the source, 1 the first."""

    hash: int
    places: tuple[int, ...]


@dataclass(frozen=True)
class SourceFacts:
    """What is wrong with a source.

    Attributes:
        repeats: How many tasks are left out since the same came earlier.
        unusable_lines: How many lines are no task; ``unusable`` has the first 1,000 of them.
    """

    lines: int
    repeats: int
    unusable_lines: int
    duplicates: tuple[Duplicate, ...] = ()
    unusable: tuple[Unusable, ...] = ()
    collisions: tuple[Collision, ...] = ()


@dataclass(frozen=True)
class PersonPlan:
    """One person's part.

    Attributes:
        state: "active", "paused", or "left" for somebody who is not in the roster any more.
        answered: Tasks of the source they answered.
        held: Tasks they hold and have not answered.
        may: Tasks that lack somebody and that they could be asked, ``limit`` aside.
        at_least: So many of these only they can do, if the others do all they can.
        at_most: So many they can be asked.
        kept_away: Tasks that lack somebody and that `only` or the router keeps from them.
    """

    name: str
    state: str
    limit: int | None
    answered: int
    held: int
    may: int
    at_least: int
    at_most: int
    kept_away: int


@dataclass(frozen=True)
class Changes:
    """What the next `up` or pull changes in the ledger; None of it is known where there is no ledger.

    Attributes:
        new: Tasks that the source has and the ledger has not, by place; an edited text is a new task.
        gone: How many tasks the ledger has and the source has not; an edited text's old one is among them.
        drawn: Tasks that are then asked once more often.
        undrawn: Tasks that no longer are.
    """

    new: tuple[int, ...]
    gone: int
    drawn: int
    undrawn: int

    @property
    def any(self) -> bool:
        """Whether anything changes."""
        return bool(self.new or self.gone or self.drawn or self.undrawn)


@dataclass(frozen=True)
class PoolPlan:
    """One pool.

    Attributes:
        routed: Whether [routing] deals it out.
        per_task: Answers wanted per task, as in the roster; "all": one by everybody.
        tasks: Tasks with a target; each is asked ``per_task`` rounded down, and ``twice`` of them once more.
        wanted: Answers wanted in all.
        counted: Answers that count towards that, and tasks that somebody holds.
        reachable: The most that ``counted`` can become.
        gold: Tasks with known answers, mixed in besides.
        changes: None where no ledger deals it out yet.
    """

    pool: str
    source: str
    servers: tuple[str, ...]
    routed: bool
    per_task: str
    tasks: int
    twice: int
    wanted: int
    counted: int
    reachable: int
    gold: int
    people: tuple[PersonPlan, ...]
    impossible: tuple[Impossible, ...]
    input: SourceFacts
    changes: Changes | None


def plan_pool(
    standing: Standing, dealt: Dealt, facts: SourceFacts, *, servers: tuple[str, ...], routed: bool, gold: int
) -> PoolPlan:
    """Work out what a pool comes to.

    Args:
        standing: Taken with leases.
    """
    reached = reach(standing.buckets, standing.people)
    return PoolPlan(
        pool=standing.rules.pool,
        source=standing.rules.source,
        servers=servers,
        routed=routed,
        per_task=str(standing.rules.annotations_per_task),
        tasks=standing.count,
        twice=len(standing.drawn),
        wanted=reached.wanted,
        counted=reached.planned,
        reachable=reached.reachable,
        gold=gold,
        people=tuple(plan_person(standing, dealt, number) for number in range(len(standing.names))),
        impossible=tuple(impossible(standing, reached.short)),
        input=facts,
        changes=find_changes(standing, dealt),
    )


def plan_person(standing: Standing, dealt: Dealt, number: int) -> PersonPlan:
    """One person's part, from the least to the most."""
    name, rules = standing.names[number], standing.rules
    known = rules.person(name)
    left = outlook(standing.buckets, number, standing.people)
    active = bool(standing.people.active >> number & 1)
    return PersonPlan(
        name=name,
        state="active" if active else "paused" if known is not None else "left",
        limit=known.limit if known is not None else None,
        answered=sum(number in people for people in standing.answers.people.values()),
        held=count_held(standing.answers, dealt, name, number),
        may=left.for_me + (0 if left.paused else left.over_limit),
        at_least=_only_by(standing, number) if active else 0,
        at_most=left.for_me,
        kept_away=left.not_for_me,
    )


def _only_by(standing: Standing, number: int) -> int:
    """What is lost where somebody does nothing more."""
    without = replace(standing.people, active=standing.people.active & ~(1 << number))
    all_of_them = reach(standing.buckets, standing.people)
    others = reach(standing.buckets, without)
    return all_of_them.reachable - others.reachable


def find_changes(standing: Standing, dealt: Dealt) -> Changes | None:
    """Compare the source as it is with what the ledger deals out."""
    if dealt.known is None:
        return None
    present = {identity: place for tasks in standing.tasks.values() for place, identity in tasks}
    return Changes(
        tuple(sorted(place for identity, place in present.items() if identity not in dealt.known)),
        sum(identity not in present for identity in dealt.known),
        len(standing.drawn - dealt.chosen),
        len((dealt.chosen - standing.drawn) & present.keys()),
    )
