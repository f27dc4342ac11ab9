"""Servers whose stream has ended although there is work for their annotator again, which only a new start gives."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from prodigy_team.errors import TeamError
from prodigy_team.servers import alive
from prodigy_team.servers.activity import idle_seconds
from prodigy_team.servers.launches import alive_path
from prodigy_team.servers.lockfile import ServerRecord
from prodigy_team.servers.standing import Seen

PAUSE = 60.0
"""Seconds that a server which was given nothing at all keeps its stream: what it could not have, it might not get."""


def with_work_again(
    records: Mapping[str, ServerRecord], seen: Mapping[str, Seen], state: Path, *, rules: Sequence[Any] = ()
) -> dict[str, Seen]:
    """What was seen, with those marked that are to be fed again, and when their annotators last answered.

    Args:
        rules: The pools' rules as they are about to be; empty: they stay as they are.
    """
    ended = {name: note for name, each in seen.items() if each.alive and (note := _ended(state, records.get(name)))}
    again = _again(ended, state, rules) if ended else []
    found = dict(seen)
    for name, idle in idle_seconds([records[name] for name in again], now=time.time()).items() if again else ():
        found[name] = replace(found[name], work_again=True, idle_seconds=idle)
    return found


def _ended(state: Path, record: ServerRecord | None) -> Mapping[str, Any]:
    """What the server says of its stream's end; empty where it has not ended, or is none that is fed."""
    if record is None or record.engine != "prodigy":
        return {}
    note = alive.read(alive_path(state, record.name)).get("ended")
    return note if isinstance(note, dict) else {}


def _again(ended: Mapping[str, Mapping[str, Any]], state: Path, new: Sequence[Any]) -> list[str]:
    from prodigy_team.allocation.rules import read_rules, rules_path

    try:
        old = read_rules(rules_path(state))
        changed = [each for each in new if each not in old]
        names = [person.server for each in changed for person in each.people if not person.paused]
        return [name for name in ended if name in names or _has_work(name, ended[name], state, old)]
    except TeamError:  # no rules or no ledger: nothing is fed here
        return []


def _has_work(name: str, note: Mapping[str, Any], state: Path, rules: Iterable[Any]) -> bool:
    from prodigy_team.allocation.again import has_work
    from prodigy_team.allocation.ledger import Snapshot

    now = time.time()
    if not note.get("fed") and now - float(note.get("at", 0.0)) < PAUSE:
        return False
    places = [(each.pool, person.name) for each in rules for person in each.people if person.server == name]
    with Snapshot(state / "ledger.db") as snapshot:
        found = [(snapshot.pool(pool), person) for pool, person in places]
    return any(pool is not None and has_work(pool, person, now=now) for pool, person in found)
