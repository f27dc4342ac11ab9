"""Ends process groups, many at once: INT, then TERM, then KILL, and never one that is not proved to be ours."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from prodigy_team.servers import processes
from prodigy_team.servers.processes import Identity, Mark

_TICK = 0.02  # seconds between looks at what has no pidfd to wait for
_LOOK_SHARE = 12  # looking at all processes takes at most one part in so many of the time: those that end need it more
_AFTER_KILL = 2.0  # seconds the kernel is given to clear away what was killed


class Outcome(str, Enum):
    """How a process group ended."""

    GONE = "gone"  # nothing ran any more
    INTERRUPTED = "interrupted"  # by INT, or by itself meanwhile
    TERMINATED = "terminated"
    KILLED = "killed"
    SURVIVED = "survived"  # still there after KILL: waiting for a dead disk, or not ours to signal
    FOREIGN = "foreign"  # never touched: nothing proves that it is a server of ours


@dataclass(frozen=True)
class Target:
    """A server to end: the process group it leads, and the mark to know it by."""

    name: str
    pgid: int
    mark: Mark


@dataclass(frozen=True)
class Ended:
    """What became of one target, after how many seconds, and the pids that are left of it."""

    name: str
    outcome: Outcome
    seconds: float
    pids: tuple[int, ...] = ()


def end_groups(targets: Sequence[Target], *, grace: float = 10.0) -> list[Ended]:
    """End whole process groups, all of them at the same time, and wait until nothing of them runs.

    INT goes to every process of a group first, since Ctrl+C is what Prodigy expects; TERM after half the grace, KILL
    at its end. Once its leader is gone nobody is left to finish anything, so a group's remaining members get TERM
    after a tenth of the grace and KILL a fifth later. The proof that a group is ours is made before each signal.

    Args:
        targets: The groups; several servers never share one.
        grace: Seconds from INT to KILL; 0 kills at once.

    Returns:
        One entry per target, in their order.
    """
    groups = [_Group(target) for target in targets]
    with contextlib.ExitStack() as cleanup:
        watch = _Watch(cleanup)
        _look(groups, watch)
        started = time.monotonic()
        for group in groups:
            group.begin(started, grace)
        while pending := [group for group in groups if group.outcome is None]:
            watch.wait(pending)
            _settle(pending, watch)
            for group in pending:
                group.escalate(time.monotonic(), grace)
    return [group.report(started) for group in groups]


@dataclass(eq=False)
class _Group:
    target: Target
    members: dict[int, int | None] = field(default_factory=dict)  # pid -> pidfd
    trusted: frozenset[Identity] = frozenset()
    sent: signal.Signals | None = None
    due: float = 0.0  # when the next, harder signal is sent
    without_leader: bool = False
    outcome: Outcome | None = None
    ended: float = 0.0

    def begin(self, now: float, grace: float) -> None:
        """Judge what was found, and send the first signal."""
        if not self.members:
            self.finish(Outcome.GONE, now)
        elif not self.is_ours():
            self.finish(Outcome.FOREIGN if self.is_there() else Outcome.GONE, now)
        elif grace <= 0:
            self.send(signal.SIGKILL, now + _AFTER_KILL)
        else:
            self.send(signal.SIGINT, now + grace / 2)
            self.notice_leader(now, grace)

    def is_ours(self) -> bool:
        """Proved by a mark now, or by a member that was there when the group was proved."""
        if self.target.pgid <= 1 or self.target.pgid == os.getpgrp():
            return False
        identities = frozenset(filter(None, map(processes.identity_of, self.members)))
        proved = bool(identities & self.trusted) or processes.is_group_ours(self.members, self.target.mark)
        if proved:
            self.trusted |= identities
        return proved

    def is_there(self) -> bool:
        """Whether one of those that were found still runs: what has just ended proves nothing, and is no stranger."""
        return any(map(processes.identity_of, self.members))

    def send(self, number: signal.Signals, due: float) -> None:
        """Signal the whole group; the next signal is due at a time of the monotonic clock."""
        self.sent, self.due = number, due
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.target.pgid, number)

    def notice_leader(self, now: float, grace: float) -> None:
        """Once the leader is gone the rest is not waited for as long."""
        if not self.without_leader and self.target.pgid not in self.members:
            self.without_leader = True
            self.due = min(self.due, now + grace / 10)

    def escalate(self, now: float, grace: float) -> None:
        """Send the next signal where it is due."""
        if self.outcome is not None or not self.members:
            return
        if self.sent is signal.SIGINT:
            self.notice_leader(now, grace)
        if now < self.due:
            return
        if self.sent is signal.SIGKILL or not self.is_ours():
            if self.is_there():
                self.finish(Outcome.SURVIVED, now)
            else:
                self.due = now + _TICK  # the next look finds nobody, or who was forked meanwhile
        elif self.sent is signal.SIGINT:
            self.send(signal.SIGTERM, now + (grace / 5 if self.without_leader else grace / 2))
        else:
            self.send(signal.SIGKILL, now + _AFTER_KILL)

    def finish(self, outcome: Outcome, now: float) -> None:
        """Nothing more is done about this group."""
        self.outcome, self.ended = outcome, now

    def finish_empty(self, now: float) -> None:
        """Nothing of the group runs any more: name the last signal that was sent."""
        names = {signal.SIGTERM: Outcome.TERMINATED, signal.SIGKILL: Outcome.KILLED}
        self.finish(names.get(self.sent, Outcome.INTERRUPTED) if self.sent else Outcome.GONE, now)

    def report(self, started: float) -> Ended:
        """The entry for the caller."""
        outcome = self.outcome or Outcome.SURVIVED
        left = tuple(sorted(self.members)) if outcome in (Outcome.SURVIVED, Outcome.FOREIGN) else ()
        return Ended(self.target.name, outcome, max(0.0, self.ended - started), left)


class _Watch:
    """Waits for processes to end: by pidfd where the system has it, else by looking again shortly after."""

    def __init__(self, cleanup: contextlib.ExitStack) -> None:
        self._poll = select.poll()
        self._open: dict[int, tuple[_Group, int]] = {}
        self.look_due = 0.0
        cleanup.callback(self._close)

    def add(self, group: _Group, pid: int) -> None:
        """Follow a member of a group."""
        descriptor = _pidfd(pid)
        group.members[pid] = descriptor
        if descriptor is not None:
            self._poll.register(descriptor, select.POLLIN)
            self._open[descriptor] = (group, pid)

    def wait(self, pending: Sequence[_Group]) -> None:
        """Wait until a member ends or a signal is due; members that have ended leave their group."""
        blind = any(not group.members or None in group.members.values() for group in pending)
        seconds = min(group.due for group in pending) - time.monotonic()
        seconds = min(seconds, max(_TICK, self.look_due - time.monotonic())) if blind else seconds
        for descriptor, _ in self._poll.poll(max(0, int(seconds * 1000) + 1)):
            group, pid = self._open[descriptor]
            group.members.pop(pid, None)
            self._drop(descriptor)

    def forget(self, group: _Group, pid: int) -> None:
        """A member is gone."""
        descriptor = group.members.pop(pid, None)
        if descriptor is not None:
            self._drop(descriptor)

    def _drop(self, descriptor: int) -> None:
        self._poll.unregister(descriptor)
        del self._open[descriptor]
        os.close(descriptor)

    def _close(self) -> None:
        for descriptor in list(self._open):
            self._drop(descriptor)


def _settle(pending: Sequence[_Group], watch: _Watch) -> None:
    """Find out what is left of groups whose known members have all ended: nothing, or what was forked meanwhile."""
    now = time.monotonic()
    unsure = []
    for group in pending:
        if None in group.members.values() or now >= group.due:
            unsure.append(group)
        elif not group.members:
            if _is_empty(group.target.pgid):
                group.finish_empty(now)
            else:
                unsure.append(group)
    if unsure and (len(unsure) == len(pending) or now >= watch.look_due):
        _look(unsure, watch)
        for group in unsure:
            if not group.members:
                group.finish_empty(now)


def _look(groups: Sequence[_Group], watch: _Watch) -> None:
    """Bring the members of groups up to date, in one pass over all processes."""
    began = time.monotonic()
    found = processes.members_of([group.target.pgid for group in groups])
    now = time.monotonic()
    watch.look_due = now + _LOOK_SHARE * (now - began)
    for group in groups:
        pids = found[group.target.pgid]
        for pid in set(group.members) - set(pids):
            watch.forget(group, pid)
        for pid in set(pids) - set(group.members):
            watch.add(group, pid)


def _is_empty(pgid: int) -> bool:
    """Whether the kernel knows no process of this group; zombies nobody has reaped yet still count as some."""
    try:
        os.killpg(pgid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _pidfd(pid: int) -> int | None:
    open_pidfd = getattr(os, "pidfd_open", None)
    try:
        return open_pidfd(pid) if open_pidfd else None
    except OSError:  # ended meanwhile, or too many open files: then it is looked for instead
        return None
