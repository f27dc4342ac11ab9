"""Which tasks have as many answers by different people as they should, which have more, and who is missing where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from prodigy_team.allocation.buckets import Bucket
from prodigy_team.allocation.reach import reach
from prodigy_team.curation.standing import Standing, surplus


@dataclass(frozen=True)
class Gap:
    """A task that lacks somebody.

    Attributes:
        place: In the source, 1 for the first task.
        task: How it begins.
        identity: What tells it from every other, as hexadecimal digits.
        has: Who answered it, in the order of their answers.
        lacks: How many more people are to answer it.
        may: Those who still can; where they are as many as ``lacks``, each of them is needed.
    """

    place: int
    task: str
    identity: str
    has: tuple[str, ...]
    lacks: int
    may: tuple[str, ...]


@dataclass(frozen=True)
class Impossible:
    """Answers that will not come, whoever works.

    Attributes:
        why: "people": more are wanted than there are active people; "only": `only` or the router keeps the others
            away; "limit": those who may have reached theirs, or will.
        tasks: Places of the tasks that lack somebody; where limits bind, which of them do is one solution of several.
        answers: How many will be lacking.
        may: Who could still answer them.
        away: Active people who did not answer them and are kept away.
    """

    why: str
    tasks: tuple[int, ...]
    answers: int
    may: tuple[str, ...]
    away: tuple[str, ...]


@dataclass(frozen=True)
class PersonCoverage:
    """One person's part.

    Attributes:
        active: In the roster and not paused.
        tasks: Tasks of the source they answered.
        surplus: Of these, answers beyond the task's target.
        missing: Tasks that lack somebody and that they may answer.
    """

    name: str
    active: bool
    tasks: int
    surplus: int
    missing: int


@dataclass(frozen=True)
class VersionCoverage:
    """The answers given under one version of labels and guidelines; of each person's answers to a task the newest."""

    version: str
    answers: int
    tasks: int
    people: tuple[str, ...]


@dataclass(frozen=True)
class Coverage:
    """One pool, counted from the answers alone. `read = counted + surplus + corrections + gold + elsewhere +
    reopened`.

    Attributes:
        per_task: Answers wanted per task, as in the roster; "all": one by everybody.
        tasks: In the source, those with known answers left out.
        wanted: Answers to be given in all.
        counted: Answers that count towards that.
        reachable: What ``counted`` can become.
        under, exact, over: Tasks with fewer, as many and more different people than wanted.
        untouched: Of those under: tasks that nobody has answered.
        twice: Tasks that are asked once more often than the others.
        gold: Answers to tasks with known answers.
        elsewhere: Answers to no task of the source, such as one that was edited or taken out since.
        reopened: Answers that were sent back to be given again.
        missing: One entry per task that lacks somebody, in source order; None where it was not asked for.
    """

    pool: str
    source: str
    per_task: str
    tasks: int
    twice: int
    wanted: int
    counted: int
    reachable: int
    under: int
    exact: int
    over: int
    untouched: int
    read: int
    surplus: int
    corrections: int
    gold: int
    elsewhere: int
    reopened: int
    people: tuple[PersonCoverage, ...]
    versions: tuple[VersionCoverage, ...]
    impossible: tuple[Impossible, ...]
    missing: tuple[Gap, ...] | None = None


def cover(standing: Standing, *, excerpt: Callable[[int], str] | None = None) -> Coverage:
    """Count one pool.

    Args:
        standing: Taken without leases.
        excerpt: The beginning of the task at a place; with it every gap is named.
    """
    reached, beyond, answers = reach(standing.buckets, standing.people), surplus(standing), standing.answers
    places = Counter[str]()
    for bucket, _, _ in standing.lacking():
        places["under"] += bucket.tasks
        places["untouched"] += 0 if bucket.people else bucket.tasks
    over = sum(each.tasks for each in standing.buckets if 0 < each.target < each.people.bit_count())
    return Coverage(
        pool=standing.rules.pool,
        source=standing.rules.source,
        per_task=str(standing.rules.annotations_per_task),
        tasks=standing.count,
        twice=len(standing.drawn),
        wanted=reached.wanted,
        counted=reached.planned,
        reachable=reached.reachable,
        under=places["under"],
        exact=standing.count - places["under"] - over,
        over=over,
        untouched=places["untouched"],
        read=answers.read,
        surplus=beyond.total(),
        corrections=answers.corrections,
        gold=answers.gold,
        elsewhere=answers.elsewhere,
        reopened=answers.reopened,
        people=tuple(_people(standing, beyond)),
        versions=tuple(_versions(standing)),
        impossible=tuple(impossible(standing, reached.short)),
        missing=None if excerpt is None else tuple(sorted(_gaps(standing, excerpt), key=lambda gap: gap.place)),
    )


def impossible(standing: Standing, short: Mapping[int, int]) -> Iterator[Impossible]:
    """What cannot be completed, and why.

    Args:
        short: Bucket id -> answers that its tasks will lack, by `reach`.
    """
    for bucket, lacks, may in standing.lacking():
        never = max(0, lacks - may.bit_count()) * bucket.tasks
        by_limit = short.get(bucket.id, 0) - never
        away = standing.people.active & ~bucket.people & ~may
        if never:
            yield _impossible(standing, bucket, "only" if away else "people", never, may, away)
        if by_limit > 0:
            yield _impossible(standing, bucket, "limit", by_limit, may, away)


def _impossible(standing: Standing, bucket: Bucket, why: str, answers: int, may: int, away: int) -> Impossible:
    places = tuple(place for place, _ in standing.tasks[bucket.id])
    return Impossible(why, places, answers, standing.named(may), standing.named(away))


def _gaps(standing: Standing, excerpt: Callable[[int], str]) -> Iterator[Gap]:
    for bucket, lacks, may in standing.lacking():
        names = standing.named(may)
        for place, identity in standing.tasks[bucket.id]:
            has = tuple(standing.names[number] for number in standing.answers.people.get(identity, ()))
            yield Gap(place, excerpt(place), identity.hex(), has, lacks, names)


def _people(standing: Standing, beyond: Counter[str]) -> Iterator[PersonCoverage]:
    done = Counter(number for people in standing.answers.people.values() for number in people)
    missing: Counter[int] = Counter()
    for bucket, _, may in standing.lacking():
        missing.update({number: bucket.tasks for number in range(may.bit_length()) if may >> number & 1})
    for number, name in enumerate(standing.names):
        active = bool(standing.people.active >> number & 1)
        yield PersonCoverage(name, active, done[number], beyond[name], missing[number])


def _versions(standing: Standing) -> Iterator[VersionCoverage]:
    found: dict[str, tuple[set[bytes], set[int], list[int]]] = {}
    for (identity, number), given in standing.answers.newest.items():
        tasks, people, count = found.setdefault(given.version, (set(), set(), [0]))
        tasks.add(identity)
        people.add(number)
        count[0] += 1
    for version in sorted(found):
        tasks, people, count = found[version]
        yield VersionCoverage(version, count[0], len(tasks), tuple(standing.names[each] for each in sorted(people)))
