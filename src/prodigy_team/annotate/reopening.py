"""Tasks sent back to the people who answered them: the last ones, those answered in some way or under a version."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from prodigy_team.annotate.surveying import Pool
from prodigy_team.curation.given import Given
from prodigy_team.store import Store


@dataclass(frozen=True)
class Wish:
    """Which tasks are to go back, told by the newest answer of each person; all that is said must hold.

    Attributes:
        annotators: Only these people's; everybody's where there are none.
        version: Answered under it; "" for answers without one.
        where: Field of the answer (dots lead into tables, as in ``meta.source``) to what it must be, as text; of a
            list one entry.
        last: Of each person the newest so many.
    """

    annotators: Collection[str] = ()
    version: str | None = None
    where: tuple[tuple[str, str], ...] = ()
    last: int | None = None


@dataclass(frozen=True)
class ReopenedPool:
    """What was sent back in one pool.

    Attributes:
        version: What was asked for; None where it was not.
        people: Name -> how many tasks.
        tasks: How many different tasks.
        answers: How many answers, corrections among them.
    """

    pool: str
    source: str
    version: str | None
    people: dict[str, int]
    tasks: int
    answers: int
    dry_run: bool


def reopen(pool: Pool, wish: Wish, *, dry_run: bool = False) -> ReopenedPool:
    """Send tasks back; what was answered again since then stays answered.

    The old answers are kept. Whoever left the roster is asked nothing, so theirs stay too.
    """
    if not dry_run:
        pool.index_answers()
    given = [each for each in pool.given() if each.task and not each.gold]
    wanted = _wanted(pool, {(each.task, each.person): each for each in given}, wish)
    links: dict[str, list[int]] = defaultdict(list)
    for each in given:
        if (each.task, each.person) in wanted and not each.reopened:
            links[each.dataset].append(each.link)
    if pool.store is not None and not dry_run:
        for dataset, found_links in links.items():
            pool.store.reopen(dataset, found_links)
    return ReopenedPool(
        pool.rules.pool,
        pool.rules.source,
        wish.version,
        dict(sorted(Counter(person for _, person in wanted).items())),
        len({task for task, _ in wanted}),
        sum(map(len, links.values())),
        dry_run,
    )


def _wanted(pool: Pool, newest: Mapping[tuple[bytes, str], Given], wish: Wish) -> set[tuple[bytes, str]]:
    """Task and person of what goes back."""
    here = {person.name for person in pool.rules.people}
    found = [
        each
        for each in newest.values()
        if (pool.rules.open or each.person in here)
        and (not wish.annotators or each.person in wish.annotators)
        and wish.version in (None, each.version)
    ]
    if wish.where and pool.store is not None:
        found = _as_told(pool.store, found, wish.where)
    if wish.last is not None:
        found = _last(found, wish.last)
    # What is back already counts as one of the last ones, so that a second run sends nothing more.
    return {(each.task, each.person) for each in found if not each.reopened}


def _as_told(store: Store, given: Collection[Given], where: tuple[tuple[str, str], ...]) -> list[Given]:
    """Those whose answers say so."""
    wanted: dict[str, dict[int, Given]] = defaultdict(dict)
    for each in given:
        wanted[each.dataset][each.link] = each
    found = []
    for dataset, by_link in wanted.items():
        for row in store.rows(dataset):
            if row.link in by_link and _says(msgspec.json.decode(row.content), where):
                found.append(by_link[row.link])
    return found


def _says(answer: Any, where: tuple[tuple[str, str], ...]) -> bool:
    return all(_is(answer, field.split("."), value) for field, value in where)


def _is(value: Any, path: list[str], wanted: str) -> bool:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return wanted in [_text(each) for each in (value if isinstance(value, list) else [value])]


def _text(value: Any) -> str:
    """A value as one writes it in a shell; nothing is what is not there."""
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _last(given: Collection[Given], count: int) -> list[Given]:
    people: dict[str, list[Given]] = defaultdict(list)
    for each in sorted(given, key=lambda each: each.link, reverse=True):
        people[each.person].append(each)
    return [each for answers in people.values() for each in answers[:count]]
