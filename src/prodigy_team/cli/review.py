"""`review`: what people answered differently, settled by one more person on a server of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prodigy_team.cli import output
from prodigy_team.cli.options import AsJson, Quiet, RosterPath, Shared
from prodigy_team.errors import TeamError, UsageError

if TYPE_CHECKING:
    from prodigy_team.curation.review import Dispute, Review
    from prodigy_team.roster import Roster
    from prodigy_team.servers.reviews import ReviewServer

EXAMPLES = (
    "prodigy-team review --adjudicator maria",
    "prodigy-team review headlines_joe headlines_jane --into headlines_settled --dry-run",
    "prodigy-team review --auto-accept 2",
    "prodigy-team review --into headlines_settled --end",
)


def command(
    context: typer.Context,
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SOURCE]...", help="Datasets and files; all of this team's when left out."),
    ] = None,
    into: Annotated[
        str | None, typer.Option(metavar="NAME", help="The dataset of decisions; {team}_reviewed when left out.")
    ] = None,
    adjudicator: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Who decides; else a manager or annotator who is in none of the disputes."),
    ] = None,
    auto_accept: Annotated[
        int,
        typer.Option(metavar="NUMBER", min=1, help="Ask too what fewer people judged, even if they agree."),
    ] = 1,
    end: Annotated[bool, typer.Option("--end", help="Stop its server and forget it; decisions stay.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and start nothing.")] = False,
    roster: RosterPath = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Start a server on which one person settles what others answered differently.

    It shows every version and who gave it, and is one more server of the roster: in `status`, kept up, stopped by
    `stop`. Nobody decides on tasks that they judged themselves, and tasks on which all agree are not asked. The next
    merge takes decisions before votes. Run it again for disputes that came up since.
    """
    shared = Shared.of(context, roster, quiet, as_json)
    path = shared.existing()
    from prodigy_team.cli.answers import read_roster

    loaded = read_roster(path, answers_only=True)
    target = _checked(loaded, into or f"{loaded.name}_reviewed")
    if end:
        _end(loaded, path, target, shared)
        return
    disputes, review, who = _review(loaded, sources or (), target, adjudicator, auto_accept, quiet=shared.quiet)
    disputed = sum(each.differs for each in disputes)
    few = len(disputes) - disputed
    report = {"into": target, "adjudicator": who, "disputes": disputed, "few": few, "asked": len(review.tasks)}
    report |= {"own": review.own, "decided": review.decided, "views": review.views}
    url = _start(loaded, path, _server(loaded, target, who, review), review) if review.tasks and not dry_run else ""
    if shared.as_json:
        from prodigy_team.cli.objects import values_object

        output.show_json(values_object(**report, dry_run=dry_run, url=url))
    elif not shared.quiet:
        output.say(_lines(review, disputed, few, target, who, url, dry_run=dry_run))


def _checked(roster: Roster, into: str) -> str:
    """The name, where decisions may be stored under it."""
    from prodigy_team.servers.reviews import PREFIX

    if into in {server.dataset for server in (*roster.servers, *roster.resting)} or into == f"{roster.name}_gold":
        raise UsageError(f"{into} holds other answers.", remedy="Choose another name with --into.")
    if not into.replace("_", "").replace("-", "").replace(".", "").isalnum() or not into.isascii() or len(into) > 33:
        text = f"{into} cannot be the name of a review: {PREFIX}{into} is its server's."
        raise UsageError(text, remedy="Use at most 33 of A-Z, a-z, 0-9, _, - and dots.")
    return into


def _review(
    roster: Roster, names: Sequence[str], into: str, adjudicator: str | None, enough: int, *, quiet: bool
) -> tuple[list[Dispute], Review, str]:
    from prodigy_team.cli.answers import roster_store
    from prodigy_team.cli.gathered import chosen_sources, roster_marks, roster_people
    from prodigy_team.curation.gathering import Gathering, gather
    from prodigy_team.curation.review import find_disputes, make_review
    from prodigy_team.curation.sources import Source

    with roster_store(roster, write=False) as store:
        sources = [each for each in chosen_sources(store, roster, names, quiet=quiet) if each.name != into]
        if not sources:
            raise TeamError(f"Team {roster.name} has no answers yet.", remedy="First: prodigy-team up")
        people, marks = roster_people(store, roster), roster_marks(store, roster, sources)

        def read(*more: Source) -> Gathering:
            return gather(store, [*sources, *more], people=people, marks=marks)

        disputes, _ = find_disputes(read(), enough=enough)
        known = Source(into) if into in {each.name for each in store.datasets()} else None
        decided = find_disputes(read(known), enough=enough)[1] if known else 0
        who = _adjudicator(roster, disputes, adjudicator)
        return disputes, make_review(disputes, decided, who, read), who


def _adjudicator(roster: Roster, disputes: Sequence[Dispute], named: str | None) -> str:
    from prodigy_team.curation.review import choose_adjudicator

    managers = [str(each["name"]) for each in roster.managers if each.get("name")]
    annotators = [each.name for each in roster.annotators if not each.paused]
    if named is not None:
        known = {each.lower(): each for each in (*annotators, *managers)}
        if roster.gateway is not None and named.lower() not in known:
            raise UsageError(
                f"{named} cannot log in at the gateway, and so cannot decide.",
                remedy=f'Add [[manager]] name = "{named}" to {roster.path.name}, or name somebody of the roster.',
            )
        return known.get(named.lower(), named)
    found = choose_adjudicator(disputes, [*managers, *annotators])
    if found is None:
        raise UsageError(
            "Everybody on the roster is in one of the disputes.",
            remedy="Name somebody else: --adjudicator NAME. An annotator is not asked about their own.",
        )
    return found


def _server(roster: Roster, into: str, adjudicator: str, review: Review) -> ReviewServer:
    from prodigy_team.servers.reviews import ReviewServer, review_folder

    labels = dict.fromkeys(
        label for server in roster.servers if isinstance(server.labels, tuple) for label in server.labels
    )
    source = review_folder(roster.state) / f"{into}.jsonl"
    return ReviewServer(into, adjudicator, str(source), tuple(labels), "task" if review.binary else "input")


def _start(roster: Roster, path: Path, server: ReviewServer, review: Review) -> str:
    """Write down what is asked, and bring the server up; its address."""
    from prodigy_team.cli.up import bring_up
    from prodigy_team.curation.review import lines
    from prodigy_team.servers.lockfile import guard
    from prodigy_team.servers.reviews import read_reviews, write_reviews
    from prodigy_team.servers.statefolder import lockfile_path, prepare_state

    prepare_state(roster.state)
    source = Path(server.source)
    source.parent.mkdir(mode=0o700, exist_ok=True)
    with guard(lockfile_path(roster.state)):
        new = source.with_suffix(".new")
        new.write_bytes(b"".join(lines(review)))
        new.replace(source)
        others = [each for each in read_reviews(roster.state) if each.into != server.into]
        write_reviews(roster.state, [*others, server])
    return bring_up(path, server.name)


def _end(roster: Roster, path: Path, into: str, shared: Shared) -> None:
    from prodigy_team.servers.lockfile import guard
    from prodigy_team.servers.reviews import read_reviews, write_reviews
    from prodigy_team.servers.statefolder import lockfile_path
    from prodigy_team.servers.supervisor import Supervisor

    reviews = read_reviews(roster.state)
    found = next((each for each in reviews if each.into == into), None)
    if found is None:
        known = ", ".join(each.into for each in reviews) or "none"
        raise UsageError(f"There is no review into {into}.", remedy=f"There is: {known}.")
    with guard(lockfile_path(roster.state)):
        write_reviews(roster.state, [each for each in read_reviews(roster.state) if each.into != into])
    Supervisor.for_roster(path).up((found.name,), remove_orphans=True)
    Path(found.source).unlink(missing_ok=True)
    if not shared.quiet:
        output.say([f"The review into {into} has ended; its decisions stay.", "Next: prodigy-team merge"])


def _lines(review: Review, disputes: int, few: int, into: str, who: str, url: str, *, dry_run: bool) -> list[str]:
    if not disputes + few:
        return ["Nobody answered differently: nothing to settle.", "Next: prodigy-team merge"]
    from prodigy_team.cli.render import plural

    views = ", ".join(f"{view} {count}" for view, count in review.views.items())
    also = f", {few:,} by too few" if few else ""
    first = (
        f"{plural(disputes, 'task')} answered differently{also}; {len(review.tasks):,} for {who} ({views or 'none'})"
    )
    found = [first]
    if review.decided:
        found.append(f"{review.decided:,} of them are decided in {into}.")
    if review.own:
        found.append(f"{review.own:,} that {who} judged as well are left for somebody else: --adjudicator NAME")
    if dry_run:
        return [*found, "Nothing was started (--dry-run)."]
    if not url:
        return found
    return [*found, f"{who} decides at {url}", "Next, at any time: prodigy-team merge --on-conflict review"]
