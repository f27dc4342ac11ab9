"""Which tasks a pull gives, over any order of pulls and answers: each once to one person, or once to everybody."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given, settings
from hypothesis import strategies as some

from prodigy_team.annotate.sessions import Session
from prodigy_team.annotate.stream import Offer, Stream
from prodigy_team.store import StoreError

NAMES = ("ana", "bob", "cy")
STEPS = some.lists(some.tuples(some.sampled_from(NAMES), some.integers(0, 4), some.booleans()), max_size=40)


class Source:
    """So many tasks, and who answered which."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.answers: set[tuple[str, int]] = set()

    def next_offers(self, annotator: str | None, *, after: int, limit: int) -> list[Offer]:
        """See `Supply`."""
        done = {place for who, place in self.answers if annotator in (None, who)}
        open_places = [place for place in range(after + 1, self.count + 1) if place not in done]
        return [Offer(place, bytes([place]), place, b'{"place":%d}' % place) for place in open_places[:limit]]

    def count_answered(self, annotator: str | None) -> int:
        """See `Supply`."""
        return len({place for who, place in self.answers if annotator in (None, who)})


@settings(max_examples=60, deadline=None)
@given(STEPS, some.integers(1, 30), some.booleans())
def test_any_order_of_pulls_and_answers(steps: list[tuple[str, int, bool]], count: int, overlap: bool) -> None:
    with ThreadPoolExecutor(1) as executor:
        asyncio.run(_play(steps, Source(count), executor, overlap=overlap))


async def _play(
    steps: list[tuple[str, int, bool]], source: Source, executor: ThreadPoolExecutor, *, overlap: bool
) -> None:
    stream = Stream(source, executor, overlap=overlap, batch_size=4)
    screens: dict[str, list[int]] = {name: [] for name in NAMES}
    for name, answered, holding in steps:
        session = Session(name, name, named=True)
        screen = screens[name]
        batch = await stream.pull(session, held=screen if holding else ())
        got = [task["place"] for task in json.loads(b"[%s]" % batch.tasks)]
        assert len(got) <= 4
        screens[name] = screen = screen + got if holding else got
        assert len(set(screen)) == len(screen)
        assert not {(name, place) for place in screen} & source.answers
        for place in screen[:answered]:
            source.answers.add((name, place))
            stream.answered(session, bytes([place]), first=True)
        screens[name] = screen[answered:]
        assert stream.count(session).answered == source.count_answered(name if overlap else None)
    if not overlap:
        places = [place for _, place in source.answers] + [place for screen in screens.values() for place in screen]
        assert len(set(places)) == len(places)


class _Late(Source):
    """An answer to the first two tasks comes while the supply is asked."""

    stream: Stream
    session = Session("ana", "ana", named=True)

    def next_offers(self, annotator: str | None, *, after: int, limit: int) -> list[Offer]:
        found = super().next_offers(annotator, after=after, limit=limit)
        for place in {0, 1} - {place for _, place in self.answers}:
            self.answers.add(("ana", place))
            self.stream.answered(self.session, bytes([place]), first=True)
        return found


def test_what_is_answered_while_tasks_are_looked_for_is_not_asked_again() -> None:
    """By a page that has its tasks from before the server was restarted."""

    async def pull_twice(source: _Late, executor: ThreadPoolExecutor, size: int) -> list[int]:
        source.stream = Stream(source, executor, overlap=True, batch_size=size)
        batches = [await source.stream.pull(source.session, held=[9]) for _ in range(2)]
        return [task["place"] for batch in batches for task in json.loads(b"[%s]" % batch.tasks)]

    with ThreadPoolExecutor(1) as executor:
        assert asyncio.run(pull_twice(_Late(4), executor, 4)) == [2, 3, 2, 3, 4]
        assert asyncio.run(pull_twice(_Late(4), executor, 2)) == [2, 3, 2, 3]


class _Locked(Source):
    """A database that is locked for too long when it is first asked."""

    failures = 1

    def count_answered(self, annotator: str | None) -> int:
        if self.failures:
            self.failures -= 1
            raise StoreError("It is locked.")
        return super().count_answered(annotator)


def test_answers_that_could_not_be_counted_are_counted_by_a_later_pull() -> None:
    async def pull_twice(source: Source, executor: ThreadPoolExecutor) -> list[int]:
        stream, session = Stream(source, executor, overlap=True, batch_size=2), Session("ana", "ana", named=True)
        return [(await stream.pull(session, held=[9])).count.answered for _ in range(2)]

    source = _Locked(4)
    source.answers.add(("ana", 1))
    with ThreadPoolExecutor(1) as executor:
        assert asyncio.run(pull_twice(source, executor)) == [0, 1]


class _Overtaken(Source):
    """An answer that the count does not see yet is stored before the count is known."""

    stream: Stream
    session = Session("ana", "ana", named=True)

    def count_answered(self, annotator: str | None) -> int:
        counted = super().count_answered(annotator)
        self.answers.add(("ana", 2))
        self.stream.answered(self.session, bytes([2]), first=True)
        return counted


def test_what_is_answered_while_answers_are_counted_stays_counted() -> None:
    """A slow database: the page had its tasks and said "1 of 4", then went back to 0."""

    async def pull(source: _Overtaken, executor: ThreadPoolExecutor) -> int:
        source.stream = Stream(source, executor, overlap=True, batch_size=2)
        return (await source.stream.pull(source.session)).count.answered

    source = _Overtaken(4)
    source.answers.add(("ana", 1))
    with ThreadPoolExecutor(1) as executor:
        assert asyncio.run(pull(source, executor)) == 2
