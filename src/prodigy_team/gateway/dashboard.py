"""What managers see: how far everybody is, how the servers stand, and what may be done about them. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from prodigy_team.curation.wording import source_name, worked
from prodigy_team.gateway.figures import Look
from prodigy_team.gateway.frames import bar, row, table
from prodigy_team.gateway.html import Content, Html, tag
from prodigy_team.gateway.pictures import Part, days_picture, parts_picture
from prodigy_team.servers.status import ServerStatus

DAYS = 30
"""Days that the picture shows; all of them stand in the values."""
_STARTABLE = ("stopped", "asleep", "failed", "stale", "blocked")


@dataclass(frozen=True)
class Person:
    """Somebody's part in one pool, with their server.

    Attributes:
        pool: Of the tasks; "" where nothing is counted yet.
        figures: As `progress --json` has them; empty where nothing is counted yet.
        coverage: As `coverage --json` has them.
        agreement: Of the view in which they share most tasks with others, a record as `Agreement.records("people")` has
            it; empty where they share none.
        server: Theirs, or the one they share; None where the roster has none any more.
    """

    name: str
    pool: str
    figures: Mapping[str, Any]
    coverage: Mapping[str, Any]
    agreement: Mapping[str, Any]
    server: ServerStatus | None


def people_of(look: Look) -> list[Person]:
    """Everybody, in the pools' order; those of whom nothing is counted yet by their servers."""
    servers = {name: each for each in look.servers for name in each.annotators}
    found: list[Person] = []
    agreeing = _agreement_of(look)
    for pool, coverage in pools_of(look):
        lacks = {each["name"]: each for each in coverage.get("people", ())}
        for each in pool["annotators"]:
            name = each["name"]
            found.append(
                Person(name, pool["pool"], each, lacks.get(name, {}), agreeing.get(name, {}), servers.get(name))
            )
    known = {each.name for each in found}
    return found + [Person(name, "", {}, {}, {}, each) for name, each in servers.items() if name not in known]


def _agreement_of(look: Look) -> dict[str, Mapping[str, Any]]:
    """By name the record of the view with most tasks."""
    records = (look.figures or {}).get("agreement", ())
    return {each["name"]: each for each in sorted(records, key=lambda each: each["tasks"])}


def pools_of(look: Look) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Progress and coverage of each pool."""
    figures = look.figures or {"progress": (), "coverage": ()}
    return list(zip(figures["progress"], figures["coverage"], strict=True))


def dashboard_content(
    look: Look, *, base: str, csrf: str, now: float, said: str = "", left: Collection[str] = ()
) -> Content:
    """What stands on the dashboard.

    Args:
        said: What came of a button, for the manager who pressed it.
        left: Servers that may not be started: whoever annotated there left the roster or is paused.
    """
    return [
        tag("p", said, class_="notice", role="status") if said else None,
        tag("div", _live(look, base=base, csrf=csrf, now=now, left=left), id="live", data_live=True),
    ]


def _live(look: Look, *, base: str, csrf: str, now: float, left: Collection[str]) -> Iterator[Content]:
    if look.problem:
        yield tag("p", f"These figures may be old: {look.problem}", class_="notice")
    if look.figures is None:
        yield tag("p", "The answers are being counted; the figures come by themselves.", class_="notice")
    yield tag("section", tag("h2", "All together"), [_pool(each, lacks) for each, lacks in pools_of(look)])
    people = people_of(look)
    yield tag("section", tag("h2", "People"), _people(people, now=now), _parts(people))
    yield tag("section", tag("h2", "Days"), _days(look))
    yield tag("section", tag("h2", "Servers"), _servers(look.servers, base=base, csrf=csrf, left=left))
    yield _foot(look, base)


def _pool(pool: Mapping[str, Any], coverage: Mapping[str, Any]) -> Html:
    counted, wanted, reachable = pool["counted"], pool["wanted"], pool["reachable"]
    facts = [
        f"{coverage['exact']:,} of {pool['tasks']:,} tasks have all their answers, {coverage['under']:,} lack some"
        f" ({coverage['untouched']:,} have none), {coverage['over']:,} have more.",
        f"{coverage['surplus']:,} answers are surplus, {coverage['corrections']:,} corrected others."
        if coverage["surplus"] or coverage["corrections"]
        else None,
        f"At most {reachable:,} can be reached: prodigy-team plan says why." if reachable < wanted else None,
        f"Done about {moment(pool['expected_end'])} if the last days go on so." if pool["expected_end"] else None,
    ]
    title = f"{pool['pool'].rpartition('-')[0]}, {source_name(pool['source'])}"
    head = tag("p", tag("strong", title), f": {counted:,} of {wanted:,} answers")
    return tag("article", head, bar(counted, wanted), tag("ul", [tag("li", each) for each in facts if each]))


_NUMBERS = ("Done", "Left", "Holds", "Acc/rej/ign", "An hour", "Worked", "Last answer", "Missing", "Surplus")


def _people(people: Sequence[Person], *, now: float) -> Html:
    gold = any(each.figures.get("gold_judged") for each in people)
    shared = any(each.agreement for each in people)
    more = [name for name, wanted in (("Known tasks", gold), ("As others", shared)) if wanted]
    names = ("Name", *map(head, (*_NUMBERS, *more)), "Server")
    return table("Everybody's part", names, [_person(each, gold=gold, shared=shared, now=now) for each in people])


def _person(person: Person, *, gold: bool, shared: bool, now: float) -> Html:
    each, server = person.figures, person.server
    state = tag("td", server.state if server else "none", class_=f"state {server.state if server else ''}")
    if not each:
        return row(person.name, *[number(None)] * (len(_NUMBERS) + gold + shared), state)
    name = person.name if each["state"] == "active" else f"{person.name} ({each['state']})"
    known = f"{each['gold_right']} of {each['gold_judged']}" if each["gold_judged"] else "–"
    return row(
        name,
        *(number(each[key]) for key in ("done", "left", "leased")),
        number(f"{each['accept']:,}/{each['reject']:,}/{each['ignore']:,}"),
        number(each["pace"]),
        number(worked(each["active_seconds"])),
        number(ago(each["last_seen"], now)),
        number(person.coverage.get("missing")),
        number(person.coverage.get("surplus")),
        *((number(known),) if gold else ()),
        *((number(alike(person.agreement)),) if shared else ()),
        state,
    )


def _parts(people: Sequence[Person]) -> Html | None:
    parts = [Part(each.name, each.figures["done"], each.figures["left"]) for each in people if each.figures]
    if not parts:
        return None
    return tag("figure", parts_picture(parts), tag("figcaption", "Done, and left to do, of each person."))


def days_of(look: Look) -> list[dict[str, Any]]:
    """All pools' days together, in order; "" for answers without a time."""
    found: dict[str, dict[str, Any]] = {}
    for pool, _ in pools_of(look):
        for each in pool["days"]:
            day = found.setdefault(each["day"], {"day": each["day"], "done": 0, "seconds": 0.0, "people": set()})
            day["done"] += each["done"]
            day["seconds"] += each["active_seconds"]
            day["people"] |= set(each["people"])
    return [found[day] for day in sorted(found)]


def _days(look: Look) -> Content:
    days = days_of(look)
    if not days:
        return tag("p", "Nobody has answered anything yet.")
    rows = [
        row(
            each["day"] or "unknown", number(each["done"]), number(len(each["people"])), number(worked(each["seconds"]))
        )
        for each in reversed(days[-DAYS:])
    ]
    picture = tag("figure", days_picture(calendar(days)), tag("figcaption", "First answers to a task on each day."))
    return tag(
        "div", picture, table("Day by day", ("Day", *map(head, ("Answers", "People", "Worked"))), rows), class_="beside"
    )


def calendar(days: Sequence[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """Each of the last days and how much was done, also where nothing was; answers without a date are left out."""
    counts = {each["day"]: each["done"] for each in days if each["day"]}
    if not counts:
        return []
    last = date.fromisoformat(max(counts))
    span = min(DAYS, (last - date.fromisoformat(min(counts))).days + 1)
    shown = [(last - timedelta(days=back)).isoformat() for back in range(span - 1, -1, -1)]
    return [(day, counts.get(day, 0)) for day in shown]


def _servers(servers: Sequence[ServerStatus], *, base: str, csrf: str, left: Collection[str]) -> Html:
    names = ("Server", "State", *map(head, ("Answers", "Memory", "Restarts")), "Dataset", "Log", "Start or stop")
    return table("Every server", names, [_server(each, base=base, csrf=csrf, left=left) for each in servers])


def _server(server: ServerStatus, *, base: str, csrf: str, left: Collection[str]) -> Html:
    others = [each for each in server.annotators if each != server.name]
    state: Content = [server.state, tag("br"), tag("small", server.problem)] if server.problem else server.state
    deed = "start" if server.state in _STARTABLE else "stop"
    may = deed == "stop" or server.name not in left
    return row(
        [server.name, tag("small", f" {', '.join(others)}") if others else None],
        tag("td", state, class_=f"state {server.state}"),
        number(server.answers),
        number(None if server.memory_bytes is None else f"{server.memory_bytes / 1e6:,.0f} MB"),
        number(server.restarts),
        server.dataset,
        tag("a", "Log", href=f"{base}/dashboard/logs/{server.name}", aria_label=f"Log of {server.name}"),
        _button(server.name, deed, base=base, csrf=csrf) if may else tag("small", "Left or paused"),
    )


def _button(server: str, deed: str, *, base: str, csrf: str) -> Html:
    return tag(
        "form",
        tag("input", type="hidden", name="csrf", value=csrf),
        tag("button", deed.capitalize(), aria_label=f"{deed.capitalize()} {server}"),
        method="post",
        action=f"{base}/dashboard/servers/{server}/{deed}",
    )


def _foot(look: Look, base: str) -> Html:
    link = tag("a", "All figures as CSV", href=f"{base}/dashboard/progress.csv")
    days = tag("a", "days as CSV", href=f"{base}/dashboard/progress.csv?by=day")
    figures = look.figures
    counted = f" Counted {moment_of(figures['now'])}, {figures['time_zone']}." if figures else ""
    text = f"{counted} Working time is told from the times of answers. "
    more = tag("a", "JSON", href=f"{base}/dashboard/data.json")
    own = tag("a", "The gateway's own log", href=f"{base}/dashboard/logs/gateway")
    return tag("footer", tag("p", text, link, ", ", days, ", ", more, ". ", own, "."))


# values as texts


def csv_text(look: Look, *, by_day: bool) -> str:
    """All figures as comma-separated values under a line of their names."""
    rows = [_csv_day(each) for each in days_of(look)] if by_day else [_csv_person(each) for each in people_of(look)]
    text = io.StringIO()
    names = list(dict.fromkeys(key for each in rows for key in each))
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
    if rows:
        writer.writeheader()
        writer.writerows({key: _cell(value) for key, value in each.items()} for each in rows)
    return text.getvalue()


def _csv_person(person: Person) -> dict[str, Any]:
    server, coverage = person.server, person.coverage
    lacks = {"missing": coverage.get("missing"), "surplus": coverage.get("surplus")}
    agreement = {f"agreement_{key}": person.agreement.get(key) for key in ("percent", "kappa", "tasks")}
    found = {"pool": person.pool, "name": person.name, **person.figures, **lacks, **agreement}
    if server is not None:
        keys = ("state", "dataset", "answers", "memory_bytes", "restarts", "last_answer_at")
        found |= {"server": server.name, **{f"server_{key}": getattr(server, key) for key in keys}}
    return found


def _csv_day(day: Mapping[str, Any]) -> dict[str, Any]:
    return {**day, "people": " ".join(sorted(day["people"]))}


def _cell(value: Any) -> Any:
    if isinstance(value, Mapping):
        value = " ".join(f"{key or '-'}:{each}" for key, each in value.items())
    # What begins like a formula is run by spreadsheets.
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def number(value: float | str | None) -> Html:
    """A cell of numbers, flush right."""
    shown = "–" if value is None else value if isinstance(value, str) else f"{value:,}"
    return tag("td", shown, class_="number")


def head(name: str) -> Html:
    """The name of a column of numbers."""
    return tag("th", name, scope="col", class_="number")


def alike(agreement: Mapping[str, Any]) -> str:
    """`81 % of 292`: how often others said the same, and of how many tasks; a dash where there are none."""
    percent = agreement.get("percent")
    return "–" if percent is None else f"{100 * percent:.0f} % of {agreement['tasks']:,}"


def ago(at: str | None, now: float) -> str | None:
    """How long ago a moment was, as `progress --json` writes moments."""
    if at is None:
        return None
    seconds = max(0.0, now - datetime.fromisoformat(at.replace("Z", "+00:00")).timestamp())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"


def moment(at: str) -> str:
    """`2026-11-22 14:30` in the machine's time zone."""
    return datetime.fromisoformat(at.replace("Z", "+00:00")).astimezone().strftime("%Y-%m-%d %H:%M")


def moment_of(seconds: float) -> str:
    """`14:30:05` in the machine's time zone."""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%H:%M:%S")
