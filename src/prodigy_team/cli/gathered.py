"""What commands on many sources share: from a roster and what was named to sources, people, and what does not count."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from prodigy_team.cli import output
from prodigy_team.errors import TeamError
from prodigy_team.presence import is_file

if TYPE_CHECKING:
    from prodigy_team.annotate.surveying import Pool
    from prodigy_team.cli.options import Shared
    from prodigy_team.curation.gathering import Marks, People
    from prodigy_team.curation.sources import Source
    from prodigy_team.roster import Roster
    from prodigy_team.store import Store


@contextmanager
def opened_sources(
    shared: Shared, names: Sequence[str]
) -> Iterator[tuple[Store | None, Roster | None, tuple[Source, ...], People]]:
    """For reading alone: the database, the roster, the sources and who is who; files alone need neither of the first.

    Raises:
        UsageError: There is no roster and a dataset is named, or nothing.
    """
    from prodigy_team.cli.answers import read_roster, roster_store
    from prodigy_team.curation.sources import is_file_name

    only_files = bool(names) and all(map(is_file_name, names))
    path = shared.path() if only_files else shared.existing()
    roster = read_roster(path, answers_only=True) if is_file(path) else None
    with nullcontext() if only_files or roster is None else roster_store(roster, write=False) as store:
        yield store, roster, chosen_sources(store, roster, names, quiet=shared.quiet), roster_people(store, roster)


def may_do_without_roster(shared: Shared, names: Sequence[str]) -> bool:
    """Whether sources are named and there is no roster that they might be of.

    Raises:
        UsageError: It is not enough: one of them is no file.
    """
    from prodigy_team.curation.sources import resolve_sources

    if not names or is_file(shared.path()):
        return False
    if shared.roster is None:  # where one was named, that it is not there is what matters
        resolve_sources(None, names)
    return all(map(os.path.isfile, names))


def chosen_sources(
    store: Store | None, roster: Roster | None, names: Sequence[str], *, target: str = "", quiet: bool = False
) -> tuple[Source, ...]:
    """The sources named, or all datasets that this team wrote; says which of these nobody writes any more.

    Args:
        target: What is written from them, which is no source.
    """
    from prodigy_team.curation.sources import find_sources, resolve_sources
    from prodigy_team.servers.reviews import read_reviews

    if names or store is None or roster is None:
        return resolve_sources(store, names)
    current = [*(server.dataset for server in roster.servers), *(each.into for each in read_reviews(roster.state))]
    sources = find_sources(store, roster.name, current, target)
    if sources.departed and not quiet:
        output.tell([f"Also of people no longer on the roster: {', '.join(sources.departed)}"])
    if not sources.datasets:
        raise TeamError(f"Team {roster.name} has no answers yet.", remedy="First: prodigy-team up")
    return resolve_sources(store, sources.datasets)


def roster_people(store: Store | None, roster: Roster | None) -> People:
    """Who gave a stored answer, as far as roster and database tell."""
    from prodigy_team.curation.gathering import people_of

    if roster is None:
        return people_of(store)
    aliases = {name: each.name for each in roster.annotators for name in (*each.aliases, each.name)}
    datasets = [server.dataset for server in roster.servers]
    return people_of(store, writers=single_annotators(roster), aliases=aliases, datasets=datasets)


def single_annotators(roster: Roster) -> dict[str, str]:
    """The datasets that one annotator alone writes, and who that is."""
    writers: dict[str, set[str]] = {}
    for server in (*roster.servers, *roster.resting):
        writers.setdefault(server.dataset, set()).update(server.annotators or ("",))
    return {dataset: min(names) for dataset, names in writers.items() if len(names) == 1 and names != {""}}


def roster_marks(store: Store, roster: Roster, sources: Sequence[Source], *, surplus: bool = True) -> dict[str, Marks]:
    """Which answers of the datasets among these sources do not count.

    A source of tasks or a gold set that is not there any more stops nothing: what cannot be told is said.

    Args:
        surplus: Also leave out answers beyond their task's target, and those sent back; else only gold.
    """
    from prodigy_team.curation.gathering import Marks

    told = pool_marks(store, roster) if surplus or store.gold(roster.name) else {}
    found = {}
    for name in (each.name for each in sources if each.path is None):
        marks = told.get(name, Marks())
        gold = marks.gold | store.gold_links(roster.name, name)
        found[name] = Marks(gold, marks.surplus, store.reopened(name), marks.repeated) if surplus else Marks(gold)
    return found


def pool_marks(store: Store, roster: Roster) -> Mapping[str, Marks]:
    """Answers to known tasks and beyond their tasks' targets, by dataset, as `coverage` counts them.

    Reads all answers of the roster's pools. Where everybody answers everything on a server of their own there can be
    none, and nothing is read.
    """
    if roster.routing is None and not any(server.shared for server in (*roster.servers, *roster.resting)):
        return {}
    from prodigy_team.annotate.surveying import Pool, survey
    from prodigy_team.curation.gathering import Marks

    links: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    try:
        with survey(roster, os.environ, store) as pools:
            for pool in pools:
                if not isinstance(pool, Pool):
                    output.tell([f"Surplus answers of {pool.source} cannot be told: {pool.problem}"])
                    continue
                for reason, dataset, link in pool_links(pool):
                    links[dataset][reason].add(link)
    except TeamError as error:
        output.tell([f"Surplus answers cannot be told: {error.message}"])
    return {
        dataset: Marks(**{reason: frozenset(found) for reason, found in by_reason.items()})
        for dataset, by_reason in links.items()
    }


def pool_links(pool: Pool) -> Iterator[tuple[str, str, int]]:
    """Why, dataset and link of a pool's answers that do not count; of somebody's to one task the newest is surplus."""
    from prodigy_team.curation.given import Given
    from prodigy_team.curation.standing import sum_up, surplus_of

    gold: list[tuple[str, str, int]] = []

    def noting() -> Iterator[Given]:
        for given in pool.given():
            if given.gold:
                gold.append(("gold", given.dataset, given.link))
            yield given

    answers = sum_up(pool.rules, noting())
    beyond = surplus_of(pool.standing(answers, leases=False))
    yield from gold
    for given in pool.given() if beyond else ():
        if not given.reopened and not given.gold and (given.task, given.person) in beyond:
            newest = answers.newest[given.task, answers.numbers[given.person]]
            yield "surplus" if given.link == newest.link else "repeated", given.dataset, given.link


def index_answers(roster: Roster, store: Store) -> None:
    """Let answers that Prodigy wrote be told from answers to tasks with known answers."""
    from prodigy_team.annotate.surveying import Pool, survey

    try:
        with survey(roster, os.environ, store) as pools:
            for pool in pools:
                if isinstance(pool, Pool):
                    pool.index_answers()
                else:
                    output.tell([f"Answers to known tasks of {pool.source} may be missed: {pool.problem}"])
    except TeamError as error:
        output.tell([f"Answers to known tasks may be missed: {error.message}"])
