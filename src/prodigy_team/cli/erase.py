"""`erase`: one person's answers and names, out of everything that this tool keeps."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prodigy_team.cli import output
from prodigy_team.cli.options import AsJson, Quiet, RosterPath, Shared, Yes
from prodigy_team.cli.render import plural
from prodigy_team.errors import TeamError, UsageError
from prodigy_team.presence import exists

if TYPE_CHECKING:
    from prodigy_team.curation.erasing import ErasedDataset, Traces
    from prodigy_team.curation.gathering import People
    from prodigy_team.roster import Roster
    from prodigy_team.store import Store

EXAMPLES = ("prodigy-team erase joe --dry-run", "prodigy-team erase joe --yes")
_SHOWN = 10


@dataclass(frozen=True)
class EraseReport:
    """What was erased, or would be.

    Attributes:
        names: The person's name and earlier ones.
        answers: Of theirs, removed; each once, however many sessions and merged datasets have it too.
        rewritten: Rows of others, merged ones among them, that lost the name.
        ledger: Whether the record of who gets which task was made anew.
        account: Whether they had one at the gateway.
        reviews: Files of disputes that lost the name.
        on_roster: They still stand in the roster.
        files: Of the state folder, that still name them: logs, copies of dropped datasets.
        backup: The one made before; None in a dry run or without one.
        backups: All there are; they still hold everything that they held.
    """

    team: str
    name: str
    names: tuple[str, ...]
    dry_run: bool
    answers: int
    rewritten: int
    datasets: tuple[ErasedDataset, ...]
    ledger: bool
    account: bool
    reviews: tuple[str, ...]
    on_roster: bool
    files: tuple[str, ...]
    backup: str | None
    backups: tuple[str, ...]


@dataclass(frozen=True)
class _Person:
    """Who is erased.

    Attributes:
        own: Datasets that only they write, by the roster.
        left: Where somebody who is on no roster any more wrote by the usual name; others may be in it. "": nowhere.
    """

    name: str
    names: tuple[str, ...]
    own: tuple[str, ...]
    left: str
    servers: tuple[str, ...]
    on_roster: bool


def command(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="On the roster or not any more.", show_default=False)],
    yes: Yes = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the counts, and erase nothing.")] = False,
    roster: RosterPath = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Remove one person's answers and names from everything kept here.

    Their answers go from every dataset, session and merged dataset; merged rows that others agree with stay as theirs,
    without the name. So do ledger, registers, disputes and their account. A backup is made first, and backups keep
    what they hold. It asks; without a terminal it needs --yes. Their server must be stopped.
    """
    shared = Shared.of(context, roster, quiet, as_json)
    path = shared.existing()
    from prodigy_team.cli.answers import read_roster, roster_store
    from prodigy_team.curation.erasing import find_traces

    loaded = read_roster(path, answers_only=True)
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(roster_store(loaded, write=not dry_run))
        if not dry_run:
            for purpose in ("merge", "import", "erase"):
                stack.enter_context(store.alone(purpose))
        person = _person(loaded, store, name)
        people = _people(store, loaded, person)
        merged = {each.name for each in store.team_datasets(loaded.name) if each.kind == "merged"}
        traces = find_traces(store, people, person.names, (*person.own, person.left), merged)
        report = _report(loaded, person, people, traces)
        if not dry_run:
            _refuse_running(loaded, person, report)
            if not (yes or _agreed(report)):
                output.tell(["Nothing was erased."])
                raise typer.Exit(1)
            report = _erase(loaded, person, people, traces, store, report)
    if shared.as_json:
        from prodigy_team.cli.objects import values_of

        output.show_json(values_of(report))
    elif not shared.quiet:
        output.say(_lines(report))


def _person(roster: Roster, store: Store, name: str) -> _Person:
    from prodigy_team.cli.gathered import single_annotators

    annotator = next((each for each in roster.annotators if name in (each.name, *each.aliases)), None)
    manager = next((each for each in roster.managers if each.get("name") == name), None)
    main = annotator.name if annotator else name
    own = [dataset for dataset, writer in single_annotators(roster).items() if writer == main]
    # A shared server's, a merged one or somebody else's may be called like that too.
    others = {server.dataset for server in (*roster.servers, *roster.resting)}
    others.update(each.name for each in store.team_datasets(roster.name) if each.kind != "answers")
    usual = f"{roster.name}_{name}"
    return _Person(
        main,
        (main, *(annotator.aliases if annotator else ())),
        tuple(own),
        "" if annotator or usual in others else usual,
        (annotator.server if annotator else name,),
        on_roster=bool(annotator or manager),
    )


def _people(store: Store, roster: Roster, person: _Person) -> People:
    """As all commands tell people, the one who left included."""
    from prodigy_team.cli.gathered import single_annotators
    from prodigy_team.curation.gathering import people_of

    aliases = {name: each.name for each in roster.annotators for name in (*each.aliases, each.name)}
    aliases |= dict.fromkeys(person.names, person.name)
    if person.left:  # there a row that names nobody is theirs
        aliases[person.left] = person.name
    datasets = [*(server.dataset for server in roster.servers), *person.own, person.left]
    return people_of(store, writers=single_annotators(roster), aliases=aliases, datasets=filter(None, datasets))


def _report(roster: Roster, person: _Person, people: People, traces: Traces) -> EraseReport:
    """What would be erased.

    Raises:
        UsageError: The name is nobody's.
    """
    from prodigy_team.curation.erasing import scrub_disputes
    from prodigy_team.servers.backups import list_backups
    from prodigy_team.servers.reviews import read_reviews, review_folder

    disputes = [
        str(path)
        for path in sorted(review_folder(roster.state).glob("*.jsonl"))
        if scrub_disputes(path, _naming(people, person), dry_run=True)
    ]
    account = _has_account(roster, person.names)
    decides = any(each.adjudicator in person.names for each in read_reviews(roster.state))
    begun = exists(_mark(roster, person))  # killed when their answers were gone, and other traces were not
    if not (person.on_roster or traces.datasets or account or disputes or decides or begun):
        known = sorted({*traces.people, *(each.name for each in roster.annotators)})
        near = get_close_matches(person.name, known, n=1, cutoff=0.5)
        remedy = f"Did you mean {near[0]}?" if near else f"There is: {', '.join(known) or 'nobody'}."
        raise UsageError(f"Nobody here is called {person.name}.", remedy=remedy)
    backups = [str(each.path) for each in list_backups(roster.state)]
    named = [path for path in _files_naming(roster, person) if str(path) not in disputes]
    return EraseReport(
        team=roster.name,
        name=person.name,
        names=person.names,
        dry_run=True,
        answers=traces.answers,
        rewritten=len(traces.rewritten),
        datasets=tuple(traces.datasets),
        ledger=exists(roster.state / "ledger.db"),
        account=account,
        reviews=tuple(disputes),
        on_roster=person.on_roster,
        files=tuple(map(str, named)),
        backup=None,
        backups=tuple(backups),
    )


def _naming(people: People, person: _Person) -> Any:
    from prodigy_team.curation.sources import Source

    source = Source("disputes", Path("disputes"))
    return lambda value: isinstance(value, str) and people.name(source, value, None) in person.names


def _has_account(roster: Roster, names: Collection[str]) -> bool:
    if not exists(roster.state / "gateway.db"):
        return False
    from prodigy_team.gateway.accounts import Accounts

    with contextlib.closing(Accounts(roster.state)) as accounts:
        known = {each.lower() for each in accounts.strangers(())}
        return any(each.lower() in known for each in names)


def _refuse_running(roster: Roster, person: _Person, report: EraseReport) -> None:
    """Refuse while a server runs that writes what is to go, or shows it."""
    from prodigy_team.servers.observing import names_alive, observe
    from prodigy_team.servers.statefolder import lockfile_path

    touched = {each.name for each in report.datasets if each.removed or each.gone} | set(person.own)
    reviews = {Path(each).stem for each in report.reviews}
    observed = observe(lockfile_path(roster.state), roster.state, team=roster.name, keep_copy=False)
    alive = names_alive(observed, roster.state)
    running = [
        name
        for name, record in observed.lockfile.servers.items()
        if name in alive and (name in person.servers or record.dataset in touched or record.dataset in reviews)
    ]
    if running:
        verb = "runs" if len(running) == 1 else "run"
        raise TeamError(
            f"{', '.join(running)} {verb} and would write answers of {person.name} again.",
            remedy=f"First: prodigy-team stop {' '.join(running)}",
        )


def _agreed(report: EraseReport) -> bool:
    question = f"Erase {report.name}: {plural(report.answers, 'answer')} removed, {plural(report.rewritten, 'row')} of "
    question += "others without the name?"
    if not output.on_terminal():
        raise UsageError(f"{question} There is no terminal to ask on.", remedy="Add --yes to erase.")
    return output.confirm(question)


def _erase(
    roster: Roster, person: _Person, people: People, traces: Traces, store: Store, report: EraseReport
) -> EraseReport:
    from prodigy_team.servers.backups import backup_before, list_backups
    from prodigy_team.servers.lockfile import guard
    from prodigy_team.servers.statefolder import lockfile_path, prepare_state

    prepare_state(roster.state)
    with guard(lockfile_path(roster.state)):  # nobody starts their server meanwhile
        _refuse_running(roster, person, report)
        backup = backup_before(roster, os.environ, "erase")
        _mark(roster, person).touch(0o600)
        _erase_in_store(roster, person, people, traces, store, ledger=report.ledger)
        _erase_beside(roster, person, people, report)
        _mark(roster, person).unlink()
    backups = tuple(str(each.path) for each in list_backups(roster.state))
    named = _files_naming(roster, person)
    return replace(
        report,
        dry_run=False,
        files=tuple(map(str, named)),
        backup=str(backup.path) if backup else None,
        backups=backups,
    )


def _erase_in_store(
    roster: Roster, person: _Person, people: People, traces: Traces, store: Store, *, ledger: bool
) -> None:
    from prodigy_team.curation.sources import Source

    store.erase_answers(traces.removed, traces.rewritten)
    if ledger:  # registers whoever is on the roster
        _rebuild_ledger(roster, store, person.names)
    store.forget(
        roster.name,
        lambda dataset, annotator: people.name(Source(dataset), annotator, None) in person.names,
        person.names,
        (*traces.own, *person.own, person.left),
    )


def _erase_beside(roster: Roster, person: _Person, people: People, report: EraseReport) -> None:
    """In disputes, reviews, the gateway's roster and its accounts."""
    from prodigy_team.curation.erasing import scrub_disputes
    from prodigy_team.servers.gateways import forget_in_roster
    from prodigy_team.servers.reviews import read_reviews, write_reviews

    for each in report.reviews:
        scrub_disputes(Path(each), _naming(people, person))
    reviews = read_reviews(roster.state)
    if any(each.adjudicator in person.names for each in reviews):
        write_reviews(roster.state, [each for each in reviews if each.adjudicator not in person.names])
    if not person.on_roster:  # else the next `up` after the entry was taken out
        forget_in_roster(roster.state, person.names)
    if report.account:
        _erase_account(roster, person.names)


def _mark(roster: Roster, person: _Person) -> Path:
    """The file that is there while somebody is erased; it does not name them."""
    return roster.state / f"erasing-{hashlib.sha256(person.name.encode()).hexdigest()[:16]}"


def _files_naming(roster: Roster, person: _Person) -> list[Path]:
    """What in the state folder still names somebody, but for databases, which are erased from by other means."""
    import glob

    from prodigy_team.curation.erasing import files_naming, naming
    from prodigy_team.servers.backups import backups_folder
    from prodigy_team.servers.tools import team_database

    own = team_database(roster, os.environ).path
    if own is None:
        return files_naming(roster.state, person.names, but=(backups_folder(roster.state),))
    found = files_naming(roster.state, person.names, but=(backups_folder(roster.state), own))
    # What `restore` put aside, and what one that was killed left.
    beside = [*sorted(own.parent.glob(f"{glob.escape(own.name)}.replaced-*")), own.with_name(f".{own.name}.restoring")]
    return [*found, *(path for path in naming(beside, person.names) if path not in found)]


def _rebuild_ledger(roster: Roster, store: Store, names: Sequence[str]) -> None:
    from prodigy_team.annotate.rebuilding import rebuild_ledger
    from prodigy_team.annotate.surveying import Pool, survey

    path = roster.state / "ledger.db"
    try:
        with survey(roster, os.environ, store) as pools:
            rebuild_ledger(path, [each for each in pools if isinstance(each, Pool)], forget=names)
    except TeamError as error:
        # Made without the person already, or by the next server that starts; what is left is its filling.
        rebuild_ledger(path, [], forget=names)
        output.tell([f"The ledger is filled by the next `prodigy-team up`: {error.message}"])


def _erase_account(roster: Roster, names: Sequence[str]) -> None:
    from prodigy_team.gateway.accounts import Accounts

    with contextlib.closing(Accounts(roster.state)) as accounts:
        for each in names:
            accounts.erase(each)


def _lines(report: EraseReport) -> list[str]:
    done = "would be" if report.dry_run else "were" if report.answers != 1 else "was"
    lines = [f"{plural(report.answers, 'answer')} of {report.name} {done} removed"]
    for each in report.datasets:
        parts = [f"{each.removed:,} removed"] if each.removed else []
        parts += [f"{each.rewritten:,} without the name"] if each.rewritten else []
        parts += ["the dataset goes too"] if each.gone else []
        lines.append(f"  {each.name}: {', '.join(parts)}")
    if report.rewritten or any(each.removed and not each.gone for each in report.datasets):
        lines.append("Merged rows stay where others said the same; merge again to have majorities counted anew.")
    also = [("the ledger", report.ledger), ("the account", report.account), ("disputes", bool(report.reviews))]
    if any(known for _, known in also):
        lines.append(f"Also out of {', '.join(what for what, known in also if known)}.")
    if report.on_roster:
        lines.append(f"{report.name} still stands in the roster: take the entry out, then: prodigy-team up")
    lines += _files("Files that still name them", report.files)
    if report.backups:
        lines += _files("Backups still hold everything", report.backups)
        lines.append(f"Remove them when you are sure: rm -r {' '.join(report.backups[:_SHOWN])}")
    return [*lines, *(["Nothing was erased: --dry-run"] if report.dry_run else [])]


def _files(title: str, paths: Sequence[str]) -> list[str]:
    more = [f"  and {len(paths) - _SHOWN} more"] if len(paths) > _SHOWN else []
    return [f"{title}:", *(f"  {each}" for each in paths[:_SHOWN]), *more] if paths else []
