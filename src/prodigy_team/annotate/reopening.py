"""Tasks that were answered under an earlier version sent back to the people who answered them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from prodigy_team.annotate.surveying import Pool


@dataclass(frozen=True)
class ReopenedPool:
    """What was sent back in one pool.

    Attributes:
        people: Name -> how many tasks.
        tasks: How many different tasks.
        answers: How many answers, corrections among them.
    """

    pool: str
    source: str
    version: str
    people: dict[str, int]
    tasks: int
    answers: int
    dry_run: bool


def reopen_version(
    pool: Pool, version: str, annotators: Collection[str] = (), *, dry_run: bool = False
) -> ReopenedPool:
    """Send back what was answered under a version of the task; what was answered again since then stays answered.

    The old answers are kept. Whoever left the roster is asked nothing, so theirs stay too.

    Args:
        version: "" for answers without one.
        annotators: Only these people's; everybody's where there are none.
    """
    if not dry_run:
        pool.index_answers()
    given = [each for each in pool.given() if each.task and not (each.gold or each.reopened)]
    newest = {(each.task, each.person): each.version for each in given}
    here = {person.name for person in pool.rules.people} if not pool.rules.open else {each.person for each in given}
    wanted = {
        (task, person)
        for (task, person), found in newest.items()
        if found == version and person in here and (not annotators or person in annotators)
    }
    links: dict[str, list[int]] = defaultdict(list)
    for each in given:
        if (each.task, each.person) in wanted:
            links[each.dataset].append(each.link)
    if pool.store is not None and not dry_run:
        for dataset, found_links in links.items():
            pool.store.reopen(dataset, found_links)
    return ReopenedPool(
        pool.rules.pool,
        pool.rules.source,
        version,
        dict(sorted(Counter(person for _, person in wanted).items())),
        len({task for task, _ in wanted}),
        sum(map(len, links.values())),
        dry_run,
    )
