"""`import`: answers from files into the datasets of the people who gave them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prodigy_team.cli import output
from prodigy_team.cli.options import AsJson, Quiet, RosterPath, Shared
from prodigy_team.errors import UsageError
from prodigy_team.presence import exists, is_file

if TYPE_CHECKING:
    from prodigy_team.annotate.importing import ImportReport
    from prodigy_team.roster import Roster
    from prodigy_team.store import Store

EXAMPLES = (
    "prodigy-team import joe-2023.jsonl --annotator joe",
    "prodigy-team import old/*.jsonl --dry-run",
)
_SHOWN = 20


def command(
    context: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Files of JSON lines, as from db-out.", show_default=False)
    ],
    annotator: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose they all are; the rows say when left out.")
    ] = None,
    answer: Annotated[
        str, typer.Option(metavar="ANSWER", help="Of rows without one: accept, reject or ignore.")
    ] = "accept",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and store nothing.")] = False,
    roster: RosterPath = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Store answers from files in the datasets of the people who gave them.

    They count as given on the page: once per task, and nobody is asked again. Without --annotator, names of the roster
    and its aliases are looked for in _annotator_id and _session_id of each row, then in the file's name. A second run
    stores nothing.
    """
    shared = Shared.of(context, roster, quiet, as_json)
    path = shared.existing()
    from prodigy_team.annotate.importing import import_answers, known_annotator
    from prodigy_team.annotate.surveying import survey
    from prodigy_team.cli.answers import read_roster
    from prodigy_team.cli.gathered import roster_people

    if answer not in ("accept", "reject", "ignore"):
        raise UsageError(f"{answer} is no answer.", remedy="Use --answer accept, reject or ignore.")
    for each in files:
        if not is_file(each):
            raise UsageError(f"There is no file {each}.")
    loaded = read_roster(path)
    name = known_annotator(loaded, annotator) if annotator is not None else None
    unique = tuple(dict.fromkeys(files))
    with _store(loaded, write=not dry_run) as store, survey(loaded, os.environ, store) as pools:
        people = roster_people(store, loaded)
        report = import_answers(
            loaded, pools, store, unique, people=people, annotator=name, answer=answer, dry_run=dry_run
        )
    if shared.as_json:
        from prodigy_team.cli.objects import values_of

        output.show_json(values_of(report))
    elif not shared.quiet:
        output.say(_lines(report))
    if report.unreadable and not shared.as_json:
        output.tell(_broken(report))


@contextlib.contextmanager
def _store(roster: Roster, *, write: bool) -> Iterator[Store | None]:
    """The answers' database, made where there is none yet; None in a dry run then."""
    from prodigy_team.servers.tools import team_database
    from prodigy_team.store import open_store

    database = team_database(roster, os.environ)
    if not write and database.path is not None and not exists(database.path):
        yield None
        return
    with contextlib.closing(open_store(database, write=write, create=write)) as store:
        yield store


def _lines(report: ImportReport) -> list[str]:
    parts = {"already there": report.already, "older": report.older}
    parts |= {"refused": report.refused, "unreadable": report.unreadable}
    told = "".join(f" + {name} {count}" for name, count in parts.items() if count)
    lines = [f"read {report.read} = imported {report.imported}{told}"]
    lines += [f"{each.imported} into {each.dataset} ({each.name})" for each in report.people if each.imported]
    if report.elsewhere:
        lines.append(f"{report.elsewhere} of them to tasks that the source does not have")
    if report.older:
        lines.append("older: the person has answered that task otherwise since then")
    if report.refused:
        lines.append("refused: another answer of the person stands there, which these do not say they correct")
    return [*lines, *(["Nothing was stored: --dry-run"] if report.dry_run else [])]


def _broken(report: ImportReport) -> list[str]:
    shown = [f"{each.source}, line {each.position}: {each.reason}" for each in report.broken[:_SHOWN]]
    more = report.unreadable - len(shown)
    return [*shown, *([f"and {more} more"] if more else [])]
