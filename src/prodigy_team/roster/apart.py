"""Shared servers under [routing] on Prodigy, taken apart: one server for each of their annotators, on one dataset.

Prodigy's own router deals a task out once it has been read from the stream, to people who may never come, so that no
task of a server that several people share could be leased when somebody asks for it. A server of one session has
nothing to deal out. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from prodigy_team.roster.findings import NAME, NAME_RULE
from prodigy_team.roster.ports import missing_ports
from prodigy_team.roster.values import Problem, Roster, Server

PRODIGY = "prodigy"


def may_come_apart(roster: Roster) -> bool:
    """Whether it makes a difference to the servers which engine runs them."""
    return roster.routing is not None and any(_is_shared(roster, each) for each in _every(roster))


def taken_apart(roster: Roster, engine: str) -> Roster:
    """The roster as its servers run on an engine: the same, but for shared servers under [routing] on Prodigy.

    The first annotator's keeps the port of the roster; a paused one's rests. What was taken apart stays as it is.

    Args:
        engine: "prodigy" or "embedded".
    """
    if engine != PRODIGY or not may_come_apart(roster):
        return roster
    whole = {each.name: each for each in _shared(roster)}
    return replace(
        roster,
        annotators=tuple(
            replace(each, server=part_name(whole[each.server], each.name)) if each.server in whole else each
            for each in roster.annotators
        ),
        servers=tuple(part for each in roster.servers for part in _parts(roster, each, resting=False)),
        resting=tuple(part for each in _every(roster) for part in _parts(roster, each, resting=True)),
    )


def part_name(server: Server, annotator: str) -> str:
    """The name of one annotator's part of a shared server."""
    return f"{server.name}-{annotator}"


def apart_problems(roster: Roster) -> list[Problem]:
    """What keeps the shared servers of a roster from being taken apart: names that clash, and ports that run out."""
    found = list(_name_problems(roster))
    apart = taken_apart(roster, PRODIGY)
    if not found and apart is not roster and (short := missing_ports(apart)) is not None:
        found.append(
            Problem("team.ports", f"{short[0]} Prodigy needs one for each annotator of {_names(roster)}.", short[1])
        )
    return found


def apart_notes(roster: Roster) -> list[str]:
    """In a sentence, which servers Prodigy runs apart, and why; nothing for a roster in which there are none.

    Args:
        roster: As ``taken_apart`` returned it.
    """
    parts = [each for each in roster.servers if each.part_of]
    notes = []
    for whole in dict.fromkeys(each.part_of for each in parts):
        names = ", ".join(each.name for each in parts if each.part_of == whole)
        dataset = next(each.dataset for each in parts if each.part_of == whole)
        notes.append(
            f"{whole} runs as one Prodigy for each of its annotators ({names}), all on dataset {dataset}: the tasks of "
            "[routing] are leased when somebody asks, and Prodigy's own router would keep them for who is not there."
        )
    return notes


def _every(roster: Roster) -> Sequence[Server]:
    return (*roster.servers, *roster.resting)


def _members(roster: Roster, server: Server) -> tuple[str, ...]:
    """Its annotators in the roster's order, paused ones included."""
    return tuple(
        each.name for each in roster.annotators if each.server == server.name or each.name in server.annotators
    )


def _is_shared(roster: Roster, server: Server) -> bool:
    return server.shared and len(_members(roster, server)) > 1


def _shared(roster: Roster) -> list[Server]:
    return [each for each in _every(roster) if _is_shared(roster, each)]


def _names(roster: Roster) -> str:
    return ", ".join(each.name for each in _shared(roster))


def _parts(roster: Roster, server: Server, *, resting: bool) -> Iterator[Server]:
    """What becomes of a server: those of its parts that rest, or those that do not."""
    rests = server in roster.resting
    if not _is_shared(roster, server):
        if resting == rests:
            yield server
        return
    for place, name in enumerate(_members(roster, server)):
        if resting == (rests or name not in server.annotators):
            port = None if place else server.port
            own = part_name(server, name)
            yield replace(server, name=own, annotators=(name,), shared=False, port=port, part_of=server.name)


def _name_problems(roster: Roster) -> Iterator[Problem]:
    """At most one for each server."""
    names = [*(each.name for each in _every(roster)), *(each.name for each in roster.annotators)]
    taken = {name.lower(): name for name in names}
    for server in _shared(roster):
        own = [part_name(server, name) for name in _members(roster, server)]
        unfit = next((name for name in own if not NAME.fullmatch(name)), None)
        clash = next((name for name in own if name.lower() in taken), None)
        text = f"Prodigy runs {server.name} as one server for each annotator, and one would be called"
        if unfit is not None:
            text, remedy = f"{text} {unfit}: {len(unfit)} characters.", f"Shorten a name. {NAME_RULE}"
            yield Problem(server.where("name"), text, remedy)
        elif clash is not None:
            remedy = f"Rename {server.name} or {taken[clash.lower()]}."
            yield Problem(server.where("name"), f"{text} {clash}, which is taken.", remedy)
        taken |= {name.lower(): name for name in own}
