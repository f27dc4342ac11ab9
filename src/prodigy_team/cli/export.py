"""`export`: answers as files to train on or to look at, or the list of datasets."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prodigy_team.cli import output
from prodigy_team.cli.options import AsJson, Quiet, RosterPath, Shared
from prodigy_team.errors import UsageError

if TYPE_CHECKING:
    from prodigy_team.curation.export import ExportReport, Request
    from prodigy_team.curation.gathering import Gathering
    from prodigy_team.curation.sources import Source
    from prodigy_team.curation.split import Shares
    from prodigy_team.roster import Roster
    from prodigy_team.store import Store

EXAMPLES = (
    "prodigy-team export",
    "prodigy-team export headlines_gold --output gold.jsonl",
    "prodigy-team export headlines_gold --format spacy --output corpus --dev 0.2",
    "prodigy-team export joe.jsonl --format csv --output joe.csv --answers accept,reject",
    "prodigy-team export headlines_joe | head -1",
)


class Format(str, Enum):
    """How answers are written."""

    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"
    spacy = "spacy"
    conll = "conll"
    huggingface = "huggingface"


TO_STDOUT = frozenset({"jsonl", "csv", "conll"})

Sources = Annotated[
    list[str] | None,
    typer.Argument(metavar="[SOURCE]...", help="Datasets or files of JSON lines; without one datasets are listed."),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="PATH", help="A file, or a folder where there are several; else stdout."),
]
Kind = Annotated[Format, typer.Option("--format", help="jsonl: the stored answers, byte for byte, one a line.")]
Dev = Annotated[float, typer.Option(metavar="SHARE", help="Hold back so much of the inputs, such as 0.2.")]
Test = Annotated[float, typer.Option(metavar="SHARE", help="Hold back so much more, for a test set.")]
Seed = Annotated[int, typer.Option(help="Another one gives another split.")]
GroupBy = Annotated[
    str | None,
    typer.Option(metavar="KEY", help="What shares this key of `meta` stays together, such as doc_id."),
]
Answers = Annotated[
    str | None,
    typer.Option(metavar="LIST", help="Only these, of accept,reject,ignore; left out: what suits the format."),
]
Language = Annotated[
    str, typer.Option("--lang", metavar="CODE", help="Whose tokenizer spaCy takes for texts without tokens.")
]


@dataclass(frozen=True)
class Opened:
    """Where answers are read; neither roster nor store, where only files are named and there is no roster."""

    roster: Roster | None
    store: Store | None
    sources: tuple[Source, ...]

    @property
    def title(self) -> str:
        """What is exported, for people."""
        return ", ".join(each.name if each.path is None else each.path.name for each in self.sources)


def command(
    context: typer.Context,
    sources: Sources = None,
    file: Output = None,
    kind: Kind = Format.jsonl,
    dev: Dev = 0.0,
    test: Test = 0.0,
    seed: Seed = 0,
    group_by: GroupBy = None,
    answers: Answers = None,
    language: Language = "en",
    roster: RosterPath = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Write answers as files to train on or to look at, or list the datasets.

    Beside the files is a manifest, and a list of everything that was left out, with its reason. A split is by input and
    keeps to the sides of the last export to the same place. JSON lines are what `prodigy db-out` prints.
    """
    shared = Shared.of(context, roster, quiet, as_json)
    if not sources:
        list_datasets(shared)
        return
    asked = request_of(kind, file, shares_of(dev, test, seed, group_by), answers_of(answers), language)
    if file is None:
        check_stdout(asked, shared)
    with opened(shared, sources) as place:
        request = replace(asked, title=place.title)
        if file is None:
            to_stdout(place, request, shared)
        else:
            show(to_file(place, request, shared), request, file, shared)


def request_of(
    kind: Format, file: Path | None, shares: Shares, answers: frozenset[str] | None, language: str
) -> Request:
    """What was asked for; what it is called is known once the sources are."""
    from prodigy_team.curation.export import FORMATS, Request

    form = FORMATS[kind.value]
    path = (file or Path(f"answers.{form.suffix}")).absolute()
    return Request(form, path, shares, answers, language)


def shares_of(dev: float, test: float, seed: int, group_by: str | None) -> Shares:
    """The split that was asked for."""
    from decimal import Decimal

    from prodigy_team.curation.split import Shares

    try:
        return Shares(Decimal(str(dev)), Decimal(str(test)), seed, group_by)
    except (ValueError, ArithmeticError):  # no number at all: a Decimal does not compare
        remedy = "For example: --dev 0.2 --test 0.1"
        raise UsageError("--dev and --test are shares of the inputs, together below 1.", remedy=remedy) from None


def answers_of(text: str | None) -> frozenset[str] | None:
    """The answers that were asked for; None: nothing was said."""
    if text is None:
        return None
    names = frozenset(each.strip() for each in text.split(",")) - {""}
    if not names or names - {"accept", "reject", "ignore"}:
        raise UsageError(f"`{text}` names no answers.", remedy="Write for example --answers accept,reject")
    return names


def check_stdout(request: Request, shared: Shared) -> None:
    """Refuse what only files can hold."""
    if shared.as_json:
        remedy = "What is printed is the answers as they are: leave --json out, or name a file with --output."
        raise UsageError("Only the list of datasets and the report of written files are objects.", remedy=remedy)
    kind = request.format.name
    if request.split or kind not in TO_STDOUT:
        raise UsageError(f"This export ({kind}) needs a place.", remedy="Name one with --output PATH.")


@contextmanager
def opened(shared: Shared, names: list[str]) -> Iterator[Opened]:
    """The roster, its store and the sources; the first two only where they are needed or there."""
    from prodigy_team.cli.gathered import may_do_without_roster
    from prodigy_team.curation.sources import resolve_sources

    if may_do_without_roster(shared, names):
        yield Opened(None, None, resolve_sources(None, names))
        return
    with roster_and_store(shared) as (roster, store):
        yield Opened(roster, store, resolve_sources(store, names))


@contextmanager
def roster_and_store(shared: Shared) -> Iterator[tuple[Roster, Store]]:
    """The roster, and its answers to be read."""
    from prodigy_team.cli.answers import read_roster, roster_store

    roster = read_roster(shared.existing(), answers_only=True)
    with roster_store(roster, write=False) as store:
        yield roster, store


def to_stdout(place: Opened, request: Request, shared: Shared) -> None:
    """Print answers, and nothing but them."""
    sys.stdout.flush()
    if not is_copy(place, request):
        report = through_file(place, request, shared)
        if report.dropped or report.spans:
            from prodigy_team.cli.exported import dropped_lines

            output.tell(dropped_lines(report))
        return
    from prodigy_team.curation.export.copying import copy_source

    write = sys.stdout.buffer.write
    if not sum(copy_source(place.store, source, write) for source in place.sources) and not shared.quiet:
        output.tell([f"There are no answers in {request.title}."])


def through_file(place: Opened, request: Request, shared: Shared) -> ExportReport:
    """Write a file, and print what is in it."""
    import shutil

    with tempfile.TemporaryDirectory(prefix="prodigy-team-") as folder:
        there = replace(request, path=Path(folder) / request.path.name)
        report = to_file(place, there, shared)
        with there.path.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
    return report


def to_file(place: Opened, request: Request, shared: Shared) -> ExportReport:
    """Write the files, with a bar on a terminal."""
    from prodigy_team.cli.gathered import roster_people, single_annotators

    with bar(place, silent=shared.quiet or shared.as_json) as progress:
        if is_copy(place, request):
            from prodigy_team.curation.export.copying import copy_answers

            writers = single_annotators(place.roster) if place.roster is not None else {}
            people = partial(roster_people, place.store, place.roster)
            return copy_answers(place.store, place.sources, request, people=people, writers=writers, progress=progress)
        from prodigy_team.curation.export import export_answers

        return export_answers(gathered(place, request), request, progress=progress)


def gathered(place: Opened, request: Request) -> Gathering:
    """The answers, with those that do not count marked."""
    from prodigy_team.cli.gathered import roster_marks, roster_people
    from prodigy_team.curation.gathering import gather

    marks = {}
    if place.store is not None and place.roster is not None:
        surplus = not is_plain(request) and holds_answers(place.store, place.roster, place.sources)
        marks = roster_marks(place.store, place.roster, place.sources, surplus=surplus)
    return gather(place.store, place.sources, people=roster_people(place.store, place.roster), marks=marks)


def is_copy(place: Opened, request: Request) -> bool:
    """Whether all answers are copied, without looking into them."""
    return is_plain(request) and not has_gold(place)


def is_plain(request: Request) -> bool:
    """Whether answers are written as they are, all of them."""
    return request.format.name == Format.jsonl.value and request.answers is None and not request.split


def has_gold(place: Opened) -> bool:
    """Whether there are answers to tasks with known answers, which no export has."""
    store, roster = place.store, place.roster
    if store is None or roster is None:
        return False
    if any(store.gold_links(roster.name, each.name) for each in place.sources if each.path is None):
        return True
    # What Prodigy wrote is in no index yet.
    return bool(store.gold(roster.name)) and holds_answers(store, roster, place.sources)


def holds_answers(store: Store, roster: Roster, sources: tuple[Source, ...]) -> bool:
    """Whether annotators answered into one of these, also such as left."""
    own = {server.dataset for server in (*roster.servers, *roster.resting)}
    own.update(each.name for each in store.team_datasets(roster.name) if each.kind == "answers")
    return any(each.path is None and each.name in own for each in sources)


@contextmanager
def bar(place: Opened, *, silent: bool) -> Iterator[Callable[[int], object] | None]:
    """A bar of answers read, on a terminal; None: nobody is told."""
    if silent or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    known = {info.name: info.answers for info in place.store.datasets()} if place.store is not None else {}
    from_files = any(each.path is not None for each in place.sources)
    total = None if from_files else sum(known.get(each.name, 0) for each in place.sources)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("answers", total=total)
        yield lambda done: progress.update(task, completed=done)


def show(report: ExportReport, request: Request, file: Path, shared: Shared) -> None:
    """Print what was written and left out."""
    if shared.as_json:
        from prodigy_team.cli.objects import values_of

        output.show_json(values_of(report))
    elif not shared.quiet:
        from prodigy_team.cli.exported import export_lines

        output.tell(export_lines(report, request.title, file))


def list_datasets(shared: Shared) -> None:
    """Print every dataset with its number of answers; sessions are left out, they hold the same answers again."""
    with roster_and_store(shared) as (roster, store):
        datasets = [each for each in store.datasets() if not each.session]
    if shared.as_json:
        from prodigy_team.cli.objects import values_object

        output.show_json(values_object(team=roster.name, datasets=datasets))
    else:
        from prodigy_team.cli.exported import dataset_lines

        output.say(dataset_lines(datasets))
