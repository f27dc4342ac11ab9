"""What `up --revive` needs besides `up`: how a server was last started, and which problems are news."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from prodigy_team.errors import TeamError
from prodigy_team.servers.launches import read_launch
from prodigy_team.servers.lockfile import ServerRecord, guard, read_lockfile, write_lockfile
from prodigy_team.servers.plan import Step
from prodigy_team.servers.report import Entry

if TYPE_CHECKING:
    from prodigy_team.servers.engines import ServerPlan


def last_plans(steps: Iterable[Step], state: Path) -> tuple[dict[str, ServerPlan], list[Entry]]:
    """The launches of the servers to be started, and an entry for each whose launch is not known any more."""
    plans, unknown = {}, []
    for step in steps:
        if step.action not in ("start", "restart"):
            continue
        try:
            plans[step.name] = read_launch(state, step.name)
        except TeamError as error:
            unknown.append(Entry(step.name, "blocked", "blocked", problem=error.message, remedy=error.remedy))
    return plans, unknown


def told_once(entries: Sequence[Entry], lockfile: Path, *, team: str) -> list[Entry]:
    """The entries, marked fresh where their problem was not reported before; writes down what now is reported.

    A crash that will be tried again is no news; that a server was given up is.
    """
    if not any(entry.problem for entry in entries):
        return list(entries)
    with guard(lockfile):
        book = read_lockfile(lockfile, team=team)
        marked = [replace(entry, fresh=_is_news(entry, book.servers.get(entry.name))) for entry in entries]
        told = [entry for entry in marked if entry.fresh and entry.name in book.servers]
        if told:
            records = [replace(book.servers[entry.name], reported=entry.problem) for entry in told]
            write_lockfile(lockfile, book.with_records(*records))
    return marked


def _is_news(entry: Entry, record: ServerRecord | None) -> bool:
    if not entry.problem or record is None:
        return bool(entry.problem)
    will_be_tried_again = entry.state == "failed" and not record.given_up
    return not will_be_tried_again and record.reported != entry.problem
