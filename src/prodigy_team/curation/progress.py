"""Who did how much, how fast, and when it will be done; by person and by day."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone, tzinfo

from prodigy_team.allocation.reach import outlook, reach
from prodigy_team.curation.given import Given
from prodigy_team.curation.gold import GoldScore, score
from prodigy_team.curation.standing import Dealt, Standing, count_held
from prodigy_team.curation.working import Work, measure

DAY = 86400.0
RECENT = 7
"""Days whose pace is taken to go on."""


@dataclass(frozen=True)
class PersonProgress:
    """One person in one pool.

    Attributes:
        state: "active", "paused", or "left" for somebody who is not in the roster any more.
        done: Tasks of the source they answered.
        leased: Tasks they hold and have not answered.
        left: Tasks they can still be asked, those they hold included.
        accept, reject, ignore: What their newest answers to these tasks say.
        corrections: Answers that replaced an earlier one.
        last_seen: Time of their newest answer, in UTC; None where none carries a time.
        median_seconds: Per task; None where too little is known.
        active_seconds: Working time, breaks left out.
        pace: Tasks in an hour of work.
        hours_left: Hours of work that ``left`` is at this pace.
        expected_end: When ``left`` will be done if the last seven days go on so, in UTC.
        gold_right, gold_judged: Tasks with known answers that they answered so, of how many.
        versions: Version of the task -> their newest answers under it.
    """

    name: str
    state: str
    done: int
    leased: int
    left: int
    accept: int
    reject: int
    ignore: int
    corrections: int
    last_seen: str | None
    median_seconds: float | None
    active_seconds: float
    pace: float | None
    hours_left: float | None
    expected_end: str | None
    gold_right: int
    gold_judged: int
    versions: dict[str, int]


@dataclass(frozen=True)
class DayProgress:
    """One day of one pool, in the time zone that is asked for.

    Attributes:
        day: Such as 2026-11-22; "" for answers that carry no time.
        done: First answers of anybody to a task of the source.
        people: Who gave them.
    """

    day: str
    done: int
    accept: int
    reject: int
    ignore: int
    people: tuple[str, ...]
    active_seconds: float
    median_seconds: float | None


@dataclass(frozen=True)
class PoolProgress:
    """One pool.

    Attributes:
        counted: Answers given that count towards ``wanted``; ``reachable`` is what that can become.
        expected_end: When ``reachable`` will be reached if the last seven days go on so, in UTC.
    """

    pool: str
    source: str
    tasks: int
    wanted: int
    counted: int
    reachable: int
    expected_end: str | None
    annotators: tuple[PersonProgress, ...]
    days: tuple[DayProgress, ...]


@dataclass(frozen=True)
class Terms:
    """How it is counted.

    Attributes:
        now: Unix seconds.
        zone: In which days begin; None: the machine's.
        idle: Seconds from which a gap between answers is a break; None: as `measure` decides.
    """

    now: float
    zone: tzinfo | None = None
    idle: float | None = None


def follow_progress(
    standing: Standing, dealt: Dealt, given: Sequence[Given], known: Callable[[bytes], bytes | None], terms: Terms
) -> PoolProgress:
    """Sum up one pool.

    Args:
        standing: Taken without leases.
        given: All answers of the pool, in link order.
        known: The gold file's line for an identity.
    """
    reached = reach(standing.buckets, standing.people)
    by_person: dict[str, list[Given]] = defaultdict(list)
    for each in given:
        by_person[each.person].append(each)
    people = [
        _person(standing, dealt, number, by_person.get(name, []), known, terms)
        for number, name in enumerate(standing.names)
    ]
    left = reached.reachable - reached.planned
    firsts = [each for each in _firsts(given) if each.at is not None]
    return PoolProgress(
        standing.rules.pool,
        standing.rules.source,
        standing.count,
        reached.wanted,
        reached.planned,
        reached.reachable,
        expected_end([each.at for each in firsts if each.at is not None], left, terms.now),
        tuple(people),
        tuple(_days(given, terms)),
    )


def expected_end(times: Sequence[float], left: int, now: float) -> str | None:
    """When so much more is done if the last seven days go on so; None without an end in sight.

    Args:
        times: Unix seconds of what was done.
        left: How much there is to do.
    """
    since = max(now - RECENT * DAY, min(times, default=now))
    recent = sum(1 for at in times if at >= since)
    days = max(1.0, (now - since) / DAY)
    if left <= 0 or not recent:
        return None
    return _moment(now + left * days / recent * DAY)


def _person(
    standing: Standing,
    dealt: Dealt,
    number: int,
    given: Sequence[Given],
    known: Callable[[bytes], bytes | None],
    terms: Terms,
) -> PersonProgress:
    name = standing.names[number]
    active = bool(standing.people.active >> number & 1)
    left = outlook(standing.buckets, number, standing.people).for_me
    newest = [each for (_, who), each in standing.answers.newest.items() if who == number]
    says = Counter(each.answer for each in newest)
    times = [each.at for each in given if each.at is not None]
    work = measure(times, idle=terms.idle)
    gold = _gold(standing, number, known)
    done = [each.at for each in _firsts(given) if each.at is not None]
    return PersonProgress(
        name=name,
        state="active" if active else "paused" if standing.rules.person(name) is not None else "left",
        done=len(newest),
        leased=count_held(standing.answers, dealt, name, number),
        left=left,
        accept=says["accept"],
        reject=says["reject"],
        ignore=says["ignore"],
        corrections=sum(1 for each in given if each.task and not (each.gold or each.reopened)) - len(newest),
        last_seen=_moment(max(times)) if times else None,
        median_seconds=_rounded(work.median),
        active_seconds=round(work.seconds, 1),
        pace=_rounded(work.pace),
        hours_left=_rounded(left / work.pace) if work.pace else None,
        expected_end=expected_end(done, left, terms.now) if active else None,
        gold_right=gold.right,
        gold_judged=gold.judged,
        versions=dict(sorted(Counter(each.version for each in newest).items())),
    )


def _gold(standing: Standing, number: int, known: Callable[[bytes], bytes | None]) -> GoldScore:
    answers = ((task, each.content) for (task, who), each in standing.answers.known.items() if who == number)
    return score(answers, known)


def _firsts(given: Iterable[Given]) -> Iterator[Given]:
    """Everybody's first answer to each task of the source."""
    seen: set[tuple[str, bytes]] = set()
    for each in given:
        if each.task and not each.gold and not each.reopened and (each.person, each.task) not in seen:
            seen.add((each.person, each.task))
            yield each


def _days(given: Sequence[Given], terms: Terms) -> Iterator[DayProgress]:
    firsts: dict[str, list[Given]] = defaultdict(list)
    for each in _firsts(given):
        firsts[_day(each.at, terms.zone)].append(each)
    work = _work_by_day(given, terms)
    for day in sorted(firsts):
        says = Counter(each.answer for each in firsts[day])
        people = tuple(sorted({each.person for each in firsts[day]}))
        seconds = sum(each.seconds for each in work.get(day, ()))
        medians = [each for each in work.get(day, ()) if each.median is not None]
        yield DayProgress(
            day,
            len(firsts[day]),
            says["accept"],
            says["reject"],
            says["ignore"],
            people,
            round(seconds, 1),
            _rounded(_weighted_median(medians)),
        )


def _work_by_day(given: Sequence[Given], terms: Terms) -> dict[str, list[Work]]:
    """Each person's work on each day; what goes on over midnight counts on both days, but for the gap itself."""
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    everything: dict[str, list[float]] = defaultdict(list)
    for each in given:
        if each.at is not None:
            times[_day(each.at, terms.zone), each.person].append(each.at)
            everything[each.person].append(each.at)
    idle = {name: measure(each, idle=terms.idle).idle for name, each in everything.items()}
    found: dict[str, list[Work]] = defaultdict(list)
    for (day, name), own in times.items():
        found[day].append(measure(own, idle=idle[name]))
    return found


def _weighted_median(work: Sequence[Work]) -> float | None:
    """The median of people's medians, each as often as they did tasks."""
    half, sofar = sum(each.tasks for each in work) / 2, 0
    for each in sorted(work, key=lambda one: one.median or 0.0):
        sofar += each.tasks
        if sofar >= half:
            return each.median
    return None


def _day(at: float | None, zone: tzinfo | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at, timezone.utc).astimezone(zone).date().isoformat()


def _moment(seconds: float) -> str | None:
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return None  # so slow that no calendar has it


def _rounded(value: float | None) -> float | None:
    return None if value is None or math.isinf(value) else round(value, 1)
