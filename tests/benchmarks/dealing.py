"""Part seed: two people, 150 tasks, 1.2 answers each, dealt out by this package and by the rules Prodigy documents."""

from __future__ import annotations

import random
import statistics
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from measuring import Figure, Settings

from pure_ledger import PureLedger

TASKS, BATCH, HOUR = 150, 10, 3600.0
JOE, JANE = 0, 1
BOTH = (JOE, JANE)


@dataclass(frozen=True)
class Event:
    """After so many seconds somebody opens their page anew, or answers up to so many tasks."""

    seconds: float
    who: int
    opens: bool
    tasks: int


class Desk(Protocol):
    """What deals tasks out; ``now`` is moved by the schedule."""

    now: float

    def pull(self, who: int) -> list[int]:
        """Tasks for an empty page."""

    def show(self, who: int, task: int, /) -> bool:
        """A page puts a task on screen; False: it is to be left out."""

    def answer(self, who: int, task: int) -> None:
        """An answer is saved."""

    def wanted(self, task: int) -> int:
        """How many people are to answer it."""

    def answered(self, task: int) -> set[int]:
        """Who has."""


class Ours:
    """This package's policy, with pages that say what is on screen."""

    def __init__(self, seed: int) -> None:
        self._ledger = PureLedger(Decimal("1.2"), TASKS, active=0b11, seed=seed)
        self._loads = 0

    @property
    def now(self) -> float:
        """Seconds."""
        return self._ledger.now

    @now.setter
    def now(self, seconds: float) -> None:
        self._ledger.now = seconds

    def pull(self, who: int) -> list[int]:
        """See `Desk`."""
        return self._ledger.pull(who, BATCH, screen=str(who))

    def show(self, who: int, task: int) -> bool:
        """See `Desk`."""
        return not self._ledger.confirm(who, [task], screen=str(who))

    def answer(self, who: int, task: int) -> None:
        """See `Desk`."""
        self._ledger.answer(who, task)

    def wanted(self, task: int) -> int:
        """See `Desk`."""
        return self._ledger.tasks[task].target

    def answered(self, task: int) -> set[int]:
        """See `Desk`."""
        return set(self._ledger.tasks[task].answers)


class Documented:
    """PRODIGY_ALLOWED_SESSIONS=joe,jane with annotations_per_task 1.2, as its documentation and its staff describe it.

    The router decides by the task's hash how many get it and who comes first, when the stream is read for somebody's
    batch, and puts it into their queues. Somebody whose queue and stream are empty is given tasks that were sent to
    another (the least active first) and not answered, as long as the wanted number of different people stays possible.
    A reload brings the next batch of one's queue; at its end, what was sent and not answered.

    Source: https://support.prodi.gy/t/how-does-work-stealing-work/7402 and /7510, /7615, /7179.
    """

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)
        self.now = 0.0
        self._hashes = [chance.getrandbits(32) for _ in range(TASKS)]
        self._stream = iter(range(TASKS))
        self._queues: dict[int, deque[int]] = {who: deque() for who in BOTH}
        self._sent: dict[int, list[int]] = {who: [] for who in BOTH}
        self._answers: list[set[int]] = [set() for _ in range(TASKS)]

    def pull(self, who: int) -> list[int]:
        """See `Desk`."""
        queue = self._queues[who]
        while len(queue) < BATCH and (task := next(self._stream, None)) is not None:
            for other in self._route(task):
                self._queues[other].append(task)
        batch = [queue.popleft() for _ in range(min(BATCH, len(queue)))]
        batch = batch or self._sent[who][:BATCH] or self._steal(who)
        self._sent[who] += [task for task in batch if task not in self._sent[who]]
        return batch

    def show(self, _who: int, _task: int) -> bool:
        """See `Desk`: it is not told."""
        return True

    def answer(self, who: int, task: int) -> None:
        """See `Desk`."""
        self._answers[task].add(who)
        if task in self._sent[who]:
            self._sent[who].remove(task)

    def wanted(self, task: int) -> int:
        """See `Desk`."""
        return len(self._route(task))

    def answered(self, task: int) -> set[int]:
        """See `Desk`."""
        return self._answers[task]

    def _route(self, task: int) -> tuple[int, ...]:
        first = self._hashes[task] % 2
        return (first, 1 - first) if self._hashes[task] / 2**32 < 0.2 else (first,)

    def _steal(self, who: int) -> list[int]:
        other = 1 - who
        free = [task for task in self._sent[other] if who not in self._route(task)][:BATCH]
        self._sent[other] = [task for task in self._sent[other] if task not in free]
        return free


class Play:
    """Two browsers at one desk.

    Who comes back to an open page touches a key or the mouse before they answer; where pages tell what is on screen,
    what has become somebody else's is left out then. (An answer given all the same would be kept, as surplus.)
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._pages: dict[int, list[int]] = {who: [] for who in BOTH}
        self._shown: dict[int, float] = dict.fromkeys(BOTH, -HOUR)
        self.empty_with_work_left = 0

    def event(self, event: Event) -> None:
        """One step of a schedule."""
        self._desk.now += event.seconds
        if event.opens:
            self._load(event.who)
        self.work(event.who, event.tasks)

    def work(self, who: int, tasks: int = TASKS) -> int:
        """Answer up to so many, as long as the page has or gets any; how many that were."""
        done = 0
        if tasks:
            self._show(who)
        while done < tasks and (self._pages[who] or self._load(who)):
            self._desk.answer(who, self._pages[who].pop(0))
            self._show(who)
            done += 1
        return done

    def at_least(self, people: int) -> int:
        """How many tasks so many people or more have answered."""
        return sum(len(self._desk.answered(task)) >= people for task in range(TASKS))

    def _load(self, who: int) -> bool:
        self._pages[who] = self._desk.pull(who)
        self._show(who)
        self.empty_with_work_left += not self._pages[who] and self._is_left_for(who)
        return bool(self._pages[who])

    def _show(self, who: int) -> None:
        """Put the next task on screen, leaving out what has become somebody else's."""
        page = self._pages[who]
        while page and not self._desk.show(who, page[0]):
            page.pop(0)
        self._shown[who] = self._desk.now

    def _is_left_for(self, who: int) -> bool:
        """Whether something lacks somebody and might be theirs, the task on the other's screen not counted."""
        other = 1 - who
        fresh = self._desk.now - self._shown[other] < 1800
        seen = self._pages[other][:1] if fresh else []
        lacking = (task for task in range(TASKS) if len(self._desk.answered(task)) < self._desk.wanted(task))
        return any(task not in seen and who not in self._desk.answered(task) for task in lacking)


@dataclass(frozen=True)
class Outcome:
    """What one schedule came to.

    Attributes:
        alone: Tasks done when joe has nothing left, before jane's last visit.
        tasks: Tasks done at the end.
        pairs: Of these, by both.
        empty: Pages that were empty with work left.
    """

    alone: int
    tasks: int
    pairs: int
    empty: int


def schedule(seed: int) -> Iterator[Event]:
    """Joe works most of the time; jane comes now and then, answers some or none, leaves her page open."""
    chance = random.Random(seed)
    often, diligent = chance.uniform(0, 0.4), chance.random()
    for _ in range(chance.randint(10, 60)):
        who = JANE if chance.random() < often else JOE
        works = who == JOE or chance.random() < diligent
        pause = chance.choice((5.0, 60.0, 300.0, 300.0, HOUR))
        yield Event(pause, who, chance.random() < 0.3 or not works, chance.randint(1, 15) if works else 0)


def play(desk: Desk, seed: int) -> Outcome:
    """The schedule; then joe until nothing is left, jane's page opened once more; then both until nobody gets any."""
    here = Play(desk)
    for event in schedule(seed):
        here.event(event)
    here.event(Event(60, JANE, True, 0))
    here.event(Event(HOUR, JOE, True, TASKS))
    alone = here.at_least(1)
    while sum(_visit(here, desk, who) for who in (JANE, JOE)):
        pass
    return Outcome(alone, here.at_least(1), here.at_least(2), here.empty_with_work_left)


def _visit(here: Play, desk: Desk, who: int) -> int:
    desk.now += HOUR
    return here.work(who)


def seed_case(settings: Settings) -> Iterator[Figure]:
    """Tasks done, those done twice, empty pages with work left: ours in the worst schedule, theirs in the note."""
    seeds = range(settings.lines)
    ours = [play(Ours(seed), seed) for seed in seeds]
    theirs = [play(Documented(seed), seed) for seed in seeds]
    ratio = tuple(mine.alone / other.alone for mine, other in zip(ours, theirs, strict=True))
    stopped = _spread([each.alone for each in theirs])
    yield Figure(
        "seed", "tasks done when joe has nothing left, ours / documented", ratio, 1, True, f"of 150: {stopped}"
    )
    alone = float(min(each.alone for each in ours))
    yield Figure("seed", "tasks done when joe has nothing left, of 150, worst", (alone,), 150, True)
    done, note = float(min(each.tasks for each in ours)), _spread([each.tasks for each in theirs])
    yield Figure("seed", "tasks done in the end, of 150, worst", (done,), 150, True, f"documented rules: {note}")
    exact = [100 * sum(each.pairs == 30 for each in side) / len(side) for side in (ours, theirs)]
    note = f"documented rules: {exact[1]:.1f} %, {_spread([each.pairs for each in theirs])} tasks"
    yield Figure("seed", "schedules with exactly 30 tasks by both, %", (exact[0],), 100, True, note)
    empty, note = float(max(each.empty for each in ours)), _spread([each.empty for each in theirs])
    yield Figure("seed", "empty pages with work left, worst", (empty,), 0, False, f"documented rules: {note}")


def _spread(values: list[int]) -> str:
    return f"{statistics.median(values):g} ({min(values)}-{max(values)})"
