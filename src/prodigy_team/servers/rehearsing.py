"""What tasks are dealt out by, tried on the first task before anybody is served: the router, and the gold tasks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prodigy_team.errors import TeamError
from prodigy_team.roster import Problem, Roster

if TYPE_CHECKING:
    from prodigy_team.roster import Server
    from prodigy_team.tasks import Task


def rehearsal_problems(roster: Roster) -> list[Problem]:
    """Why a roster's router or gold tasks would fail with everybody's first task; runs the user's function."""
    if roster.routing is None:
        return []
    return [*_router_problems(roster, roster.routing.router), *_gold_problems(roster.routing.gold)]


def _router_problems(roster: Roster, named: str | None) -> Iterator[Problem]:
    if named is None:
        return
    from prodigy_team.allocation.routers import load_router

    try:
        router = load_router(named)
        assert router is not None, "it is named"
        for server in roster.servers:
            task = _first_of(server)
            if task is not None:
                for annotator in server.annotators:
                    router(task, annotator)
    except TeamError as error:
        yield Problem("routing.router", error.message, "Mend it, then: prodigy-team up")


def _first_of(server: Server) -> Task | None:
    """A task to try; what is wrong with a source is told where the source is read."""
    from prodigy_team.sources.faults import first_task

    try:
        return None if _is_elsewhere(server.source) else first_task(str(server.source), "input")
    except TeamError:
        return None


def _gold_problems(gold: str | None) -> Iterator[Problem]:
    if _is_elsewhere(gold):
        return
    from prodigy_team.sources.faults import first_task

    try:
        found = first_task(str(gold), "input")
    except TeamError as error:
        yield Problem("routing.gold", error.message, error.remedy)
        return
    if found is None:
        text = f"{gold} has no task that can be read, so that nothing would be mixed in."
        yield Problem("routing.gold", text, "One JSON object a line, with its answer; or take gold away.")


def _is_elsewhere(source: str | None) -> bool:
    """Whether there is no file to look into."""
    return source is None or source.startswith("dataset:")
