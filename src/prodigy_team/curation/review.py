"""Tasks that people answered differently, or too few of them, as Prodigy's view `review` shows them: who said what."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from prodigy_team.curation.gathering import Gathered, Gathering, Opinion, grouped
from prodigy_team.curation.judgements import BINARY_VIEWS
from prodigy_team.curation.settling import Said, is_disputed, keeper

_PERSONAL = (
    *("_session_id", "_annotator_id", "_timestamp", "_answer_id", "_replaces", "_version", "_view_id"),
    *("flagged", "flag_note"),
)
Place = tuple[int, int]


@dataclass(frozen=True)
class Review:
    """What an adjudicator is asked.

    Attributes:
        tasks: Content for the view `review` each, in the order of the sources.
        own: Tasks left out because the adjudicator is one of those in dispute.
        decided: Of the tasks found, those that somebody has decided.
        views: The views in which the answers were given, with numbers of tasks.
        binary: All of them ask for accept or reject alone, so that tasks are told apart by task hash, else by input.
    """

    tasks: tuple[bytes, ...]
    own: int
    decided: int
    views: dict[str, int]

    @property
    def binary(self) -> bool:
        """See above."""
        return bool(self.views) and all(view in BINARY_VIEWS for view in self.views)


@dataclass(frozen=True)
class Dispute:
    """A task and what people judged, differently or too few of them."""

    opinions: tuple[Opinion[Said], ...]

    @property
    def differs(self) -> bool:
        """They judged it differently."""
        return len({each.kept.judgement for each in self.opinions}) > 1

    @property
    def people(self) -> frozenset[str]:
        """Those who judged it."""
        return frozenset(each.annotator for each in self.opinions)

    @property
    def place(self) -> Place:
        """Where the first of them stands in the sources."""
        return min(each.place for each in self.opinions)


def find_disputes(gathering: Gathering, *, enough: int = 1) -> tuple[list[Dispute], int]:
    """The tasks to settle that nobody has decided, and how many somebody has.

    Args:
        enough: A task on which at least so many agree is accepted as it stands.
    """
    found, decided = [], 0
    for task in grouped(gathering, keeper(spans=False)):
        judged = [each for each in task.opinions if each.kept.judgement is not None]
        votes = [each for each in judged if not each.decision]
        if is_disputed(task) or 0 < len(votes) < enough:
            settled = len(judged) > len(votes)
            decided += settled
            if not settled:
                found.append(Dispute(tuple(votes)))
    found.sort(key=lambda each: each.place)
    return found, decided


def choose_adjudicator(disputes: Sequence[Dispute], candidates: Iterable[str]) -> str | None:
    """The first who is in none of the disputes; None where everybody is in one."""
    busy = {name for each in disputes for name in each.people}
    return next((name for name in candidates if name not in busy), None)


def make_review(disputes: Sequence[Dispute], decided: int, adjudicator: str, read: Callable[[], Gathering]) -> Review:
    """The tasks for one adjudicator, who decides on nothing that they judged themselves.

    Args:
        read: The same sources once more, for the contents.
    """
    asked = [each for each in disputes if adjudicator not in each.people]
    contents = _contents(read(), {opinion.place for each in asked for opinion in each.opinions})
    tasks, views = [], Counter[str]()
    for dispute in asked:
        task, view = _task(dispute, contents)
        tasks.append(task)
        views[view] += 1
    return Review(tuple(tasks), len(disputes) - len(asked), decided, dict(sorted(views.items())))


def _contents(gathering: Gathering, places: set[Place]) -> dict[Place, Gathered]:
    ranks = {source: number for number, source in enumerate(gathering.sources)}
    found: dict[Place, Gathered] = {}
    for given in gathering:
        place = ranks[given.source], given.position
        if place in places:
            found[place] = given
    return found


def _task(dispute: Dispute, contents: dict[Place, Gathered]) -> tuple[bytes, str]:
    """What most people said comes first and is what the page begins with."""
    groups: dict[bytes | None, list[Opinion[Said]]] = defaultdict(list)
    for each in dispute.opinions:
        groups[each.kept.judgement].append(each)
    order = sorted(groups.values(), key=lambda group: (-len(group), min(each.place for each in group)))
    first = contents[order[0][0].place]
    versions = [_version(group, contents) for group in order]
    base = {key: value for key, value in versions[0].items() if key not in ("answer", "sessions")}
    sessions = sorted(name for version in versions for name in version["sessions"])
    task = {**base, "versions": versions, "sessions": sessions, "view_id": first.view}
    hashes = {"_input_hash": first.input_hash, "_task_hash": first.task_hash}
    return msgspec.json.encode({**task, **hashes}), first.view


def _version(group: Sequence[Opinion[Said]], contents: dict[Place, Gathered]) -> dict[str, Any]:
    content = msgspec.json.decode(contents[group[0].place].content)
    kept = {key: value for key, value in content.items() if key not in _PERSONAL}
    return {**kept, "sessions": [each.annotator for each in group]}


def lines(review: Review) -> Iterator[bytes]:
    """The file that a review server reads."""
    for task in review.tasks:
        yield task + b"\n"
