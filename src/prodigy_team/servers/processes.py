"""Who a process is and whose: identity, life, process groups, and the proof that one of them is a server of ours."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

if sys.platform == "linux":
    from prodigy_team.servers import procfs as system
else:
    from prodigy_team.servers import macos as system

MARK_VARIABLE = "PRODIGY_TEAM_SERVER"
_TITLE = re.compile(r"prodigy-team: (?P<team>[^/]+)/(?P<name>\S+) \((?P<state>.+)\)")


@dataclass(frozen=True)
class Identity:
    """A process for good: its pid, and when it started, since pids are given out again.

    ``started_at`` is ``BOOTID:TICKS`` on Linux (the kernel's start ticks, which no clock step moves) and
    ``created:SECONDS`` on macOS. Compare it, do not read it.
    """

    pid: int
    started_at: str


@dataclass(frozen=True)
class Mark:
    """Which server a process is part of: written into its environment, or its title, for finding it again."""

    team: str
    name: str
    state: Path

    @property
    def alive(self) -> Path:
        """The file this server locks for as long as it lives."""
        return self.state / "servers" / f"{self.name}.alive"

    @property
    def title(self) -> str:
        """The process title of an embedded server."""
        return f"prodigy-team: {self.team}/{self.name} ({self.state})"

    def is_same_server(self, other: Mark) -> bool:
        """Whether both mean one server: the team's name may have been changed in the roster since."""
        return self.name == other.name and _is_same_folder(self.state, other.state)


@dataclass(frozen=True)
class Marked:
    """A process group that carries the mark of one server. ``leader`` is None once the leader has died."""

    mark: Mark
    pgid: int
    leader: Identity | None
    pids: tuple[int, ...]

    @property
    def name(self) -> str:
        """The server's name."""
        return self.mark.name


def identity_of(pid: int) -> Identity | None:
    """The identity of a live process; None where there is none. A zombie is dead."""
    started_at = system.started_at(pid)
    return Identity(pid, started_at) if started_at else None


def is_alive(identity: Identity) -> bool:
    """Whether this very process still runs; a stranger who was given its pid does not count."""
    return system.started_at(identity.pid) == identity.started_at


def started_under(identity: Identity, server: Identity) -> bool:
    """Whether a process is no older than a server, so that it may be one that the server started. Pure."""
    boot, _, moment = identity.started_at.partition(":")
    own_boot, _, own_moment = server.started_at.partition(":")
    return boot == own_boot and float(moment) >= float(own_moment)


def from_another_boot(identity: Identity) -> bool:
    """Whether the machine has been restarted since: the process ended with it, whatever it was doing."""
    here = identity_of(os.getpid())
    return here is not None and here.started_at.partition(":")[0] != identity.started_at.partition(":")[0]


def uptime(identity: Identity) -> float | None:
    """Seconds since the process started; None where it has ended."""
    return system.age(identity.started_at) if is_alive(identity) else None


def memory_bytes(pid: int) -> int | None:
    """Resident memory of one process, shared pages included; None where it has ended."""
    return system.memory(pid)


def command_line(pid: int) -> str:
    """The command a process runs, in one line; empty where it has ended or is not ours to see."""
    return " ".join(system.arguments(pid))


def connected_ports() -> frozenset[int]:
    """This machine's TCP ports at which somebody is connected; none where the system does not tell."""
    return system.connected_ports()


def group_of(pid: int) -> int | None:
    """The process group of a live process."""
    return system.group_of(pid)


def members_of(pgids: Collection[int]) -> dict[int, list[int]]:
    """The live members of several process groups, found in one pass; a group without any is an empty list."""
    found: dict[int, list[int]] = {pgid: [] for pgid in pgids}
    for pid, pgid in system.live():
        if pgid in found:
            found[pgid].append(pid)
    return found


def group_members(pgid: int) -> list[int]:
    """The live members of one process group."""
    return members_of((pgid,))[pgid]


def is_ours(pid: int, mark: Mark) -> bool:
    """Whether a process provably belongs to a server: by title, by environment, or by its hold on the alive file.

    Each proof covers a gap of the others: a title wipes the environment, Prodigy's title cannot be set, and only the
    descriptor is there between fork and exec. Whoever merely reads the alive file does not hold it.
    """
    found = mark_of(pid)
    return (found is not None and found.is_same_server(mark)) or system.holds(pid, mark.alive)


def is_group_ours(pids: Iterable[int], mark: Mark) -> bool:
    """Whether a process group is a server's: one proved member is enough, since each server leads its own session."""
    return any(is_ours(pid, mark) for pid in pids)


def mark_of(pid: int) -> Mark | None:
    """The mark in a process's title or environment."""
    words = system.arguments(pid)
    if words and (found := _TITLE.fullmatch(" ".join(words).strip())):
        return Mark(found["team"], found["name"], Path(found["state"]))
    return read_mark(system.variable(pid, MARK_VARIABLE))


def find_marked(state: Path) -> list[Marked]:
    """Every process group that runs for this state folder, by name: what a lost lockfile is rebuilt from."""
    groups: dict[tuple[str, int], tuple[Mark, list[int]]] = {}
    for pid, pgid in system.live():
        mark = mark_of(pid) if pid != os.getpid() else None
        if mark is not None and _is_same_folder(mark.state, state):
            groups.setdefault((mark.name, pgid), (mark, []))[1].append(pid)
    return [_marked(mark, pgid, pids) for (_, pgid), (mark, pids) in sorted(groups.items())]


def _marked(mark: Mark, pgid: int, pids: list[int]) -> Marked:
    return Marked(mark, pgid, identity_of(pgid) if pgid in pids else None, tuple(sorted(pids)))


def read_mark(text: str | None) -> Mark | None:
    """The mark that a server's environment holds; None where it is none."""
    try:
        value = json.loads(text or "")
        return Mark(value["team"], value["name"], Path(value["state"]))
    except (ValueError, KeyError, TypeError):
        return None


def _is_same_folder(first: Path, second: Path) -> bool:
    try:
        return first == second or first.samefile(second)
    except OSError:
        return False
