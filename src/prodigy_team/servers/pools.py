"""Which servers deal out the same tasks, by which rules, and what an edit of roster or source changes in them."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Any

from prodigy_team import settings
from prodigy_team.allocation.rules import Person, Rules, RulesError, encode_rules, pool_name, read_rules, rules_path
from prodigy_team.errors import TeamError
from prodigy_team.presence import is_file
from prodigy_team.roster import Annotator, Roster, Server
from prodigy_team.servers.engines import server_environment
from prodigy_team.servers.lockfile import write_private
from prodigy_team.sources.index import open_index
from prodigy_team.sources.origins import file_stamp
from prodigy_team.tasks import By

_COUNTED_FILE = 8_000_000  # bytes up to which the lines of an edited source are counted
_COUNTED_KINDS = (".jsonl", ".txt")
_MATCHING = ("match", "ner.match")


def read_pools(roster: Roster, environ: Mapping[str, str]) -> tuple[Rules, ...]:
    """The rules of every pool of a roster as they should be; none without [routing].

    Reads the prodigy.json that applies to each server, and how the sources' files stand.

    Raises:
        ConfigFileError: A prodigy.json cannot be read.
        TeamError: Somebody would be dealt the same tasks on two servers.
    """

    def by(server: Server) -> str:
        found = settings.read_settings(server_environment(roster, server, environ), server.directory)
        return asked_by(server, str(found.get("exclude_by", "task")))

    return plan_pools(roster, by=by, stamp=source_stamp)


def plan_pools(roster: Roster, *, by: Callable[[Server], str], stamp: Callable[[str], str]) -> tuple[Rules, ...]:
    """Group the servers that ask the same questions of the same source, paused annotators' ones included. Pure.

    Args:
        by: What tells tasks apart on a server; see ``asked_by``.
        stamp: What tells the present state of a source, a file of gold tasks or a router from an earlier one.

    Raises:
        TeamError: Somebody would be dealt the same tasks on two servers.
    """
    if roster.routing is None:
        return ()
    members: dict[str, list[Server]] = {}
    for server in (*roster.servers, *roster.resting):
        if server.source is not None:
            members.setdefault(pool_name(server.recipe, server.source, by(server)), []).append(server)
    return tuple(_rules(roster, name, servers, stamp) for name, servers in members.items())


def _rules(roster: Roster, name: str, servers: Sequence[Server], stamp: Callable[[str], str]) -> Rules:
    routing = roster.routing
    source = servers[0].source
    assert routing is not None, "without [routing] there are no pools"
    assert source is not None, "a server without one is in no pool"
    parts = (source, routing.gold, routing.router and routing.router.rpartition(":")[0])
    return Rules(
        pool=name,
        team=roster.name,
        recipe=servers[0].recipe,
        source=source,
        stamp="-".join(stamp(part) for part in parts if part),
        people=_people(roster, servers),
        annotations_per_task=routing.annotations_per_task,
        lease=routing.lease,
        seed=routing.seed,
        order=routing.order,
        gold=routing.gold,
        gold_rate=routing.gold_rate,
        router=routing.router,
    )


def _people(roster: Roster, servers: Sequence[Server]) -> tuple[Person, ...]:
    """In roster order; a paused annotator of a shared server is known by the server they belong to."""
    found: dict[str, Person] = {}
    for server in servers:
        for annotator in roster.annotators:
            if annotator.name not in server.annotators and annotator.server != server.name:
                continue
            if annotator.name in found:
                raise TeamError(
                    f"{annotator.name} would be dealt the same tasks on {found[annotator.name].server} and on "
                    f"{server.name}.",
                    remedy=f"Name {annotator.name} on one of the two.",
                )
            found[annotator.name] = _person(annotator, server)
    return tuple(found[each.name] for each in roster.annotators if each.name in found)


def _person(annotator: Annotator, server: Server) -> Person:
    return Person(
        annotator.name,
        server.dataset,
        server.name,
        paused=annotator.paused,
        limit=annotator.limit,
        share=annotator.share,
        only=dict(annotator.only),
        aliases=annotator.aliases,
    )


def asked_by(server: Server, exclude_by: str) -> str:
    """What tells the questions of a server apart, and with it what is made of the source's tasks.

    Args:
        exclude_by: The setting, which some recipes overrule.
    """
    if server.recipe in _MATCHING:
        made = [server.model, server.tokenizer, str(server.patterns), _labels(server), server.args]
        return f"task {_short(made)}"
    if server.recipe == "textcat.manual":
        labels = _labels(server)
        return f"task {_short(labels)}" if len(labels) == 1 else "input"
    return exclude_by


def by_and_label(server: Server, exclude_by: str) -> tuple[By, str | None]:
    """The hash that tells a server's questions apart, and the label that is part of each, if there is only one."""
    labels = _labels(server) if server.recipe == "textcat.manual" else []
    by: By = "input" if asked_by(server, exclude_by) == "input" else "task"
    return by, labels[0] if len(labels) == 1 else None


def _labels(server: Server) -> list[str]:
    if isinstance(server.labels, Path):
        lines = server.labels.read_text(encoding="utf-8-sig").splitlines() if is_file(server.labels) else []
        return list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if server.labels is not None or server.args is None:
        return list(server.labels or ())
    pairs = zip(server.args, server.args[1:], strict=False)
    given = next((value for word, value in pairs if word in ("--label", "-l")), "")
    return [label.strip() for label in given.split(",") if label.strip()]


def _short(value: Any) -> str:
    return blake2b(json.dumps(value, default=list).encode(), digest_size=4).hexdigest()


def source_stamp(source: str) -> str:
    """What tells the state of a file from an earlier one; "" for what is no file, or is not there."""
    try:
        return file_stamp(Path(source).stat()) if source.startswith("/") else ""
    except OSError:
        return ""


# What is on disk, and what is said of a change.


def written_pools(state: Path) -> tuple[Rules, ...]:
    """The rules that `up` wrote last; none where it never did, or where they cannot be read any more."""
    with contextlib.suppress(RulesError):
        return read_rules(rules_path(state))
    return ()


def write_pools(state: Path, pools: Sequence[Rules]) -> None:
    """Let running servers know; unchanged rules are not written. To be called under the guard.

    Raises:
        TeamError: The state folder cannot be written.
    """
    path, content = rules_path(state), encode_rules(pools)
    if not (is_file(path) and path.read_bytes() == content):
        write_private(path, content)


def routing_notes(old: Sequence[Rules], new: Sequence[Rules], *, state: Path) -> list[str]:
    """In a sentence, what changes in the dealing; nothing where there is no [routing] or nothing changes.

    Args:
        state: The state folder, whose indexes tell how many lines an edited source had.
    """
    if not new or list(old) == list(new):
        return []
    if not old:
        people = ", ".join(each.name for rules in new for each in rules.people if not each.paused)
        return [f"Routing: {_wanted(new[0].annotations_per_task)}, dealt out to {people}."]
    changes = [*_changed_people(old, new), *_changed_rules(old[0], new[0]), *_changed_sources(old, new, state)]
    return [f"Routing: {'; '.join(changes)}."] if changes else []


def _wanted(number: Any) -> str:
    return "every task by everybody" if number == "all" else f"{number} answers per task"


def _by_name(pools: Iterable[Rules]) -> dict[str, Person]:
    return {person.name: person for rules in pools for person in rules.people}


def _changed_people(old: Sequence[Rules], new: Sequence[Rules]) -> Iterator[str]:
    before, after = _by_name(old), _by_name(new)
    for name, person in after.items():
        if name not in before:
            yield f"{name} joined{', paused' if person.paused else ''}"
        else:
            yield from _changed_person(before[name], person)
    for name in before:
        if name not in after:
            yield f"{name} left"


def _changed_person(before: Person, after: Person) -> Iterator[str]:
    if before.paused != after.paused:
        yield f"{after.name} {'is paused' if after.paused else 'is back'}"
    for key in ("limit", "share", "only", "aliases"):
        first, then = getattr(before, key), getattr(after, key)
        if first != then:
            yield f"{after.name}'s {key} {_said(first)} -> {_said(then)}"


def _changed_rules(before: Rules, after: Rules) -> Iterator[str]:
    for key in ("annotations_per_task", "lease", "seed", "order", "gold", "gold_rate", "router"):
        first, then = getattr(before, key), getattr(after, key)
        if first != then:
            yield f"{key} {_said(first)} -> {_said(then)}"


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} = {'/'.join(each)}" for key, each in value.items()) or "none"
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _changed_sources(old: Sequence[Rules], new: Sequence[Rules], state: Path) -> Iterator[str]:
    before = {rules.source: rules.stamp for rules in old}
    for source, stamp in {rules.source: rules.stamp for rules in new}.items():
        name = Path(source).name if source.startswith("/") else source
        if source not in before:
            yield f"{name} is new"
        elif before[source] != stamp:
            first, then = before[source].split("-"), stamp.split("-")
            changed = first[0] != then[0]
            yield f"{name} {_more_lines(Path(source), first[0], state)}" if changed else "gold tasks or router edited"


def _more_lines(source: Path, stamp: str, state: Path) -> str:
    """`has 50 new lines`, where both states are easily counted; lines that cannot be used count too."""
    had = _lines_indexed(state, stamp)
    try:
        if had is None or source.suffix.lower() not in _COUNTED_KINDS or source.stat().st_size > _COUNTED_FILE:
            return "has changed"
        more = sum(1 for line in source.read_bytes().splitlines() if line.strip()) - had
    except OSError:
        return "has changed"
    if more == 0:
        return "has changed"
    return f"has {abs(more):,} {'new' if more > 0 else 'fewer'} line{'' if abs(more) == 1 else 's'}"


def _lines_indexed(state: Path, stamp: str) -> int | None:
    for path in (state / "index").glob(f"*-{stamp}.sqlite"):
        with (
            contextlib.suppress(sqlite3.Error, TeamError, ValueError),
            contextlib.closing(open_index(path)) as connection,
        ):
            row = connection.execute("SELECT value FROM meta WHERE key = 'lines'").fetchone()
            return None if row is None else int(row[0])
    return None
