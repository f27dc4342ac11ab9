"""Runs a Prodigy as its child and feeds it: one task at a time, leased when the last one has been taken."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType

from prodigy_team.errors import TeamError
from prodigy_team.feeding.leasing import Leases, Nothing
from prodigy_team.feeding.pipe import TaskPipe

log = logging.getLogger(__name__)

PATIENCE = 2.0  # seconds between two looks whether others have let go of a task
LONGEST_WAIT = 10.0
"""Seconds for which nothing comes before the stream ends although others hold tasks that may come back. A batch that is
not full yet waits with it, unseen in Prodigy: two people's batches could wait for each other until their leases end."""
ENDED_PATIENCE = 5.0  # seconds between two looks at the rules once the stream has ended
PASS_ON = 3.0
"""Seconds until a signal is passed on. One for the whole process group has reached Prodigy already, and a second
interrupt would cut short what it does about the first."""
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Told:
    """What the feeder says of itself.

    Attributes:
        tasks: How many tasks the source has.
        ended: When the stream ended, in Unix seconds; None as long as it has not.
        fed: How many tasks were given.
    """

    tasks: int
    ended: float | None
    fed: int


class Feeder:
    """One Prodigy and its stream, in one thread. The feeder leads the process group and ends when Prodigy does."""

    def __init__(
        self, leases: Leases, command: Sequence[str], environ: Mapping[str, str], *, tell: Callable[[Told], None]
    ) -> None:
        """Prepare.

        Args:
            command: Prodigy's; it reads its source from standard input.
            environ: Prodigy's.
            tell: Told how it stands: at the start, and when the stream has ended.
        """
        self._leases, self._command, self._environ, self._tell = leases, command, environ, tell
        self._pipe = TaskPipe()
        self._asked: tuple[int, float] | None = None
        self._waiting_since: float | None = None
        self._trouble = ""

    def run(self) -> int:
        """Serve until Prodigy ends.

        Returns:
            Its exit code, or the negative number of the signal that ended it.

        Raises:
            TeamError: Rules, source, ledger or answers cannot be read at the start; Prodigy was not started.
        """
        self._leases.refresh()
        self._tell(Told(self._leases.tasks, None, 0))
        ears = self._listen()
        # The descriptor that holds the lifetime lock is inherited; none that was opened here is.
        child = subprocess.Popen(self._command, stdin=self._pipe.reader, env=self._environ, close_fds=False)
        self._pipe.hand_over()
        try:
            while child.poll() is None:
                self._step(child, ears)
        finally:
            self._pipe.close()
            self._leases.close()
        return child.returncode

    def _listen(self) -> int:
        ears, mouth = os.pipe()
        os.set_blocking(ears, False)
        os.set_blocking(mouth, False)
        signal.set_wakeup_fd(mouth, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        for number in _ENDING:
            signal.signal(number, self._note)
        return ears

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self._asked = (number, time.monotonic())

    def _step(self, child: subprocess.Popen[bytes], ears: int) -> None:
        if self._asked is not None:
            self._pass_on(child, ears)
        elif self._pipe.closed:
            self._wait(ears, ENDED_PATIENCE)
            self._guarded(self._leases.refresh)
        elif self._pipe.wait([ears]) and self._asked is None:
            self._feed(ears)
        else:
            _drain(ears)
            if self._pipe.closed:
                log.error("Prodigy has closed its standard input: it gets no more tasks.")

    def _feed(self, ears: int) -> None:
        found = self._guarded(self._leases.next_line)
        if isinstance(found, bytes):
            self._waiting_since = None
            self._pipe.send(found)
        elif found is Nothing.END or (found is Nothing.WAIT and self._has_waited()):
            self._pipe.close()
            told = Told(self._leases.tasks, time.time(), self._leases.fed)
            self._guarded(lambda: self._tell(told))
        else:
            self._wait(ears, PATIENCE)

    def _has_waited(self) -> bool:
        now = time.monotonic()
        self._waiting_since = self._waiting_since or now
        return now - self._waiting_since >= LONGEST_WAIT

    def _wait(self, ears: int, seconds: float) -> None:
        """Until a signal, or so many seconds; the pipe has room all the time, so it is not looked at."""
        if _readable(ears, seconds):
            _drain(ears)

    def _guarded(self, ask: Callable[[], object]) -> object:
        """Prodigy goes on whatever happens here, with answers in its pages; each trouble is told once."""
        try:
            found = ask()
        except Exception as error:
            if str(error) != self._trouble:
                log.error("No task can be fed: %s", error, exc_info=not isinstance(error, TeamError))
            self._trouble = str(error)
            return None
        self._trouble = ""
        return found

    def _pass_on(self, child: subprocess.Popen[bytes], ears: int) -> None:
        assert self._asked is not None, "looked at by the caller"
        number, at = self._asked
        left = at + PASS_ON - time.monotonic()
        if left > 0:
            self._wait(ears, left)
        else:
            child.send_signal(number)
            self._asked = (signal.SIGTERM, time.monotonic())  # again, should it not have listened


def _readable(descriptor: int, seconds: float) -> bool:
    return bool(select.select([descriptor], [], [], seconds)[0])


def _drain(ears: int) -> None:
    with contextlib.suppress(BlockingIOError):
        os.read(ears, 256)
