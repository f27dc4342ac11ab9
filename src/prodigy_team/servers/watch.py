"""`watch`: in the foreground, brings dead servers back at once, and gives up on those that cannot live."""

from __future__ import annotations

import os
import random
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType

from prodigy_team.errors import TeamError
from prodigy_team.servers.lockfile import GATEWAY, ServerRecord, read_lockfile
from prodigy_team.servers.observing import identity_of_record
from prodigy_team.servers.plan import FAILURE_WINDOW, retry_delay
from prodigy_team.servers.processes import is_alive
from prodigy_team.servers.report import Entry
from prodigy_team.servers.supervisor import Supervisor

PERIOD = 2.0  # seconds between two looks
STARTUP = 5.0  # seconds that a server brought back may keep the others waiting


@dataclass
class Patience:
    """When a dead server is due again: at once after its first failure, then after growing, jittered delays.

    Attributes:
        clock: Unix seconds.
        jitter: A factor around 1, drawn anew for each failure.
    """

    clock: Callable[[], float] = time.time
    jitter: Callable[[], float] = lambda: random.uniform(0.75, 1.25)
    due_at: dict[tuple[str, float], float] = field(default_factory=dict)

    def is_due(self, record: ServerRecord) -> bool:
        """Whether a server is to be brought back now."""
        if not record.failures:
            return True
        now, latest = self.clock(), record.failures[-1]
        recent = sum(now - each < FAILURE_WINDOW for each in record.failures)
        due = self.due_at.setdefault((record.name, latest), latest + retry_delay(recent, jitter=self.jitter()))
        return now >= due


class _StopAskedForError(Exception):
    """SIGTERM or SIGINT came; raised only where nothing is half done."""


class _Bell:
    """SIGTERM and SIGINT are only noted when they come, and heard at the next pause, which they cut short."""

    def __init__(self) -> None:
        self._rung = False
        self._ears, mouth = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if hasattr(os, "pipe2") else _plain_pipe()
        signal.set_wakeup_fd(mouth, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ring)

    def _ring(self, _number: int, _frame: FrameType | None) -> None:
        self._rung = True

    def pause(self, seconds: float, until: int | None = None) -> None:
        """Sleep, unless asked to stop, at most until a descriptor has something to say.

        Raises:
            _StopAskedForError: A signal came, now or earlier.
        """
        deadline, heard = time.monotonic() + seconds, [self._ears]
        listened_to = heard if until is None else [*heard, until]
        while not self._rung and (left := deadline - time.monotonic()) > 0:
            ready = select.select(listened_to, [], [], left)[0]
            if self._ears in ready:
                os.read(self._ears, 64)
            if until in ready:
                break
        if self._rung:
            raise _StopAskedForError


def _plain_pipe() -> tuple[int, int]:
    ears, mouth = os.pipe()  # not inherited by programs that are executed (PEP 446)
    os.set_blocking(ears, False)
    os.set_blocking(mouth, False)
    return ears, mouth


def watch(
    path: Path, environ: Mapping[str, str] | None = None, *, stop_servers: bool = False, say: Callable[[str], None]
) -> int:
    """Bring the roster's servers up, then keep them up until SIGTERM or SIGINT.

    Servers that a person stops meanwhile stay stopped. Ending the watch leaves the servers running.

    Args:
        stop_servers: Stop the servers when the watch ends.
        say: Takes one sentence for each thing that happened.

    Returns:
        The exit code: 0 after a signal.
    """
    bell = _Bell()
    supervisor = replace(Supervisor.for_roster(path, environ), pause=bell.pause)
    try:
        _tell(supervisor.up().entries, say)
        notify("READY=1")
        _look_again_and_again(supervisor, bell, say)
    except _StopAskedForError:
        notify("STOPPING=1")
        if stop_servers:
            _tell(supervisor.stop(force=True).entries, say)
    return 0


def _look_again_and_again(supervisor: Supervisor, bell: _Bell, say: Callable[[str], None]) -> None:
    patience, trouble = Patience(), ""
    while True:
        with _end_of_gateway(supervisor) as ending:  # everybody's work waits for it, so its end is heard at once
            bell.pause(PERIOD, None if trouble else ending)
        try:
            report = supervisor.revive(timeout=STARTUP, due=patience.is_due)
        except TeamError as error:  # a full disk, say: what runs goes on, and perhaps it passes
            if str(error) != trouble:
                say(str(error))
            trouble = str(error)
            continue
        trouble = ""
        _tell([entry for entry in report.entries if _is_worth_telling(entry)], say)
        for note in report.notes:
            say(note)


@contextmanager
def _end_of_gateway(supervisor: Supervisor) -> Iterator[int | None]:
    """What tells that the gateway's process has ended; None where there is none, or the system cannot tell."""
    descriptor = None
    with suppress(TeamError, OSError, AttributeError):
        record = read_lockfile(supervisor.lockfile).servers.get(GATEWAY)
        identity = identity_of_record(record) if record is not None else None
        if identity is not None and is_alive(identity):
            descriptor = os.pidfd_open(identity.pid)
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _is_worth_telling(entry: Entry) -> bool:
    """Servers brought back and new problems; one that merely takes its time to start is neither."""
    return (entry.action in ("start", "restart") or entry.fresh) and not (entry.state == "starting" and entry.problem)


def _tell(entries: list[Entry] | tuple[Entry, ...], say: Callable[[str], None]) -> None:
    for entry in entries:
        if entry.problem:
            say(f"{entry.name} {entry.problem} {entry.remedy}".rstrip())
        elif entry.action != "keep":
            say(f"{entry.name} {entry.state} {entry.detail} {entry.url}".rstrip())


def notify(message: str, environ: Mapping[str, str] | None = None) -> None:
    """Tell systemd, where it started this process with ``Type=notify``; nothing elsewhere. Source: sd_notify(3).

    Containers and shells pass the variable on to programs that reach no such socket; watching does not hang on it.
    """
    address = (os.environ if environ is None else environ).get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel, suppress(OSError):
        channel.connect(address)
        channel.sendall(message.encode())
