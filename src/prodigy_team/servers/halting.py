"""Stopping servers on a person's word: who would be cut off, what is written down before and after, what is said."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from prodigy_team.servers.activity import idle_seconds
from prodigy_team.servers.lockfile import ServerRecord, guard, read_lockfile, write_lockfile
from prodigy_team.servers.observing import Observation, observe
from prodigy_team.servers.report import Entry
from prodigy_team.servers.standing import Seen
from prodigy_team.servers.stopping import Stopped, end_servers


def who_is_answering(observation: Observation, names: Iterable[str]) -> dict[str, str]:
    """By server, who answered in the last ten minutes and when: "joe answered 12 s ago"."""
    records = [observation.lockfile.servers[name] for name in names if observation.seen[name].alive]
    idle = idle_seconds(records, now=time.time()) if records else {}
    people = {record.name: " or ".join(record.annotators) or "somebody" for record in records}
    return {
        name: f"{people[name]} answered {seconds:.0f} s ago"
        for name, seconds in idle.items()
        if seconds is not None and Seen(idle_seconds=seconds).in_use
    }


def who_would_lose(in_use: Mapping[str, str], observation: Observation) -> dict[str, str]:
    """Those of ``in_use`` whose unsaved answers would go with the server.

    Prodigy's page keeps answers back until a batch is full; the embedded engine's sends each at once, and what it
    could not send once the server is there again.
    """
    records = observation.lockfile.servers
    return {name: who for name, who in in_use.items() if records[name].engine == "prodigy"}


def question(in_use: Mapping[str, str]) -> str:
    """What to ask before servers in use are stopped."""
    people = "; ".join(in_use.values())
    return f"{people}. Answers still in an open page of Prodigy are lost when its server stops. Stop anyway?"


def halt(
    names: Sequence[str],
    lockfile: Path,
    state: Path,
    *,
    team: str,
    grace: float,
    wanted: bool = False,
    asleep: bool = False,
) -> dict[str, Stopped]:
    """Stop servers and write that down before and after, so that a crash in between leaves them as they are meant.

    Args:
        wanted: They are to run again: whatever happens now, what was to run is brought back.
        asleep: They are to run again when somebody comes.
    """
    with guard(lockfile):
        book = observe(lockfile, state, team=team, keep_copy=True).lockfile
        records = [book.servers[name] for name in names]
        marked = [replace(each, wanted=each.wanted and wanted, stopping=each.pid is not None) for each in records]
        marked = [replace(each, asleep=asleep) for each in marked]
        write_lockfile(lockfile, book.with_records(*marked))
    ended = {each.name: each for each in end_servers(records, state, team=team, grace=grace)}
    with guard(lockfile):
        book = read_lockfile(lockfile, team=team)
        # Whoever took a server out of the roster may have had its record removed meanwhile.
        there = [each for each in records if each.name in book.servers]
        after = [_stopped_record(book.servers[each.name], each, ended[each.name]) for each in there]
        write_lockfile(lockfile, book.with_records(*after))
    return ended


def _stopped_record(record: ServerRecord, before: ServerRecord, stopped: Stopped) -> ServerRecord:
    """The record after its server ended; untouched where another command started it anew meanwhile."""
    if stopped.problem or (record.pid, record.started_at) != (before.pid, before.started_at):
        return record
    problem = record.problem if record.given_up else ""  # `up` has to say why it leaves it alone
    return replace(record, pid=None, started_at=None, pgid=None, stopping=False, ready=False, problem=problem)


def refusal(record: ServerRecord, who: str) -> Entry:
    """The entry of a server that was not stopped because somebody is using it."""
    return Entry(
        record.name,
        "leave",
        "running",
        url=record.url,
        dataset=record.dataset,
        engine=record.engine,
        problem=f"Not stopped: {who}.",
        remedy=f"Ask them to save (Ctrl+S), then: prodigy-team stop {record.name} --force",
        log=record.log,
    )


def stop_entry(record: ServerRecord, stopped: Stopped, *, who: str = "") -> Entry:
    """The entry of a server that was stopped, or was not running; ``who`` was answering until then."""
    detail = f"port {record.port} is free" if stopped.ran else "was asleep" if record.asleep else "was not running"
    if who and stopped.ran:
        detail += f" ({who}; their page sends what is unsaved once the server is back)"
    if stopped.stranger is not None:
        detail = f"was not running; pid {stopped.stranger} belongs to another program and was left alone"
    if stopped.left:
        pids = ", ".join(map(str, stopped.left))
        detail += f"; pid {pids} carries its mark but was not started by it and was left alone"
    return Entry(
        record.name,
        "stop",
        "failed" if stopped.problem else "stopped",
        detail="" if stopped.problem else detail,
        seconds=stopped.seconds,
        url=record.url,
        dataset=record.dataset,
        engine=record.engine,
        problem=stopped.problem,
        remedy=f"End that process by hand, then: prodigy-team stop {record.name}" if stopped.problem else "",
        log=record.log,
    )
