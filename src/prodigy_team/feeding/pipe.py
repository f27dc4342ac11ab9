"""A pipe that holds one task at most: the next can be written only when the reader has taken all of the last."""

from __future__ import annotations

import array
import contextlib
import fcntl
import math
import os
import select
import sys
import termios
import time
from collections.abc import Sequence

ROOM = 4096
"""Bytes of the smallest pipe there is on Linux: one buffer, which is free again only when all of it has been read."""
PAUSE = 0.05  # seconds between two looks where the kernel does not tell
_SET_SIZE = 1031  # F_SETPIPE_SZ, which Python names since 3.10 on Linux only


class TaskPipe:
    """Lines to a reader that takes them when it wants.

    On Linux a pipe of one buffer can be written to exactly when that buffer is empty, so at most one piece of one line
    is ahead of the reader. Elsewhere the bytes that wait in the pipe are counted, again and again.

    Source: pipe(7), "Pipe capacity"; fs/pipe.c, ``pipe_poll``. Packet mode (O_DIRECT) would do the same, but a reader
    whose buffer is smaller than a packet loses the rest of it.
    """

    def __init__(self, *, told: bool = sys.platform == "linux") -> None:
        """Open.

        Args:
            told: The kernel tells when the pipe is empty; otherwise it is looked at.
        """
        self.reader, self._writer = os.pipe()  # not inherited by what is executed, until it is made somebody's input
        os.set_blocking(self._writer, False)
        self._told = told and _shrink(self._writer)
        self._pending = memoryview(b"")  # so that a line of 50 MB is not copied for every piece of it

    @property
    def closed(self) -> bool:
        """Whether nothing can be written any more."""
        return self._writer < 0

    def hand_over(self) -> None:
        """The reader has its end by now. Where bytes are counted, they are counted at this process's copy of it."""
        if self._told:
            self._close_reader()

    def wait(self, others: Sequence[int], *, timeout: float = math.inf) -> bool:
        """Wait until the reader has taken everything, one of the others can be read, or so many seconds are over.

        What is left of the last line is written meanwhile.

        Returns:
            Whether there is room for the next line. False at once where the pipe is closed, or the reader closes it.
        """
        deadline = time.monotonic() + timeout
        while not self.closed:
            empty, heard = self._look(others, deadline - time.monotonic())
            if empty and not self._pending:
                return True
            if empty:
                self._write()
            if heard or time.monotonic() >= deadline:
                break
        return False

    def send(self, line: bytes) -> None:
        """Write a line, or as much of it as there is room for; ``wait`` writes the rest."""
        self._pending = memoryview(bytes(self._pending) + line)
        self._write()

    def close(self) -> None:
        """Let the reader see the end, once it has taken what is there."""
        self._close_reader()
        if not self.closed:
            os.close(self._writer)
            self._writer = -1

    def _write(self) -> None:
        """Write the next piece."""
        try:
            with contextlib.suppress(BlockingIOError):
                self._pending = self._pending[os.write(self._writer, self._pending[:ROOM]) :]
        except BrokenPipeError:
            self.close()

    def _look(self, others: Sequence[int], seconds: float) -> tuple[bool, bool]:
        """Wait a while; whether the pipe is empty, and whether one of the others can be read."""
        if not self._told and not self._waiting():
            return True, False
        poll = select.poll()
        for each in others:
            poll.register(each, select.POLLIN)
        if self._told:
            poll.register(self._writer, select.POLLOUT)
        longest = seconds if self._told else min(PAUSE, seconds)
        found = dict(poll.poll(None if longest == math.inf else max(0.0, longest) * 1000))
        state = found.pop(self._writer, 0)
        if state & (select.POLLERR | select.POLLHUP):  # the reader has closed its end
            self.close()
        return bool(state & select.POLLOUT) and not self.closed, bool(found)

    def _waiting(self) -> int:
        count = array.array("i", [0])
        fcntl.ioctl(self.reader, termios.FIONREAD, count)
        return count[0]

    def _close_reader(self) -> None:
        if self.reader >= 0:
            os.close(self.reader)
            self.reader = -1


def _shrink(writer: int) -> bool:
    with contextlib.suppress(OSError):
        return fcntl.fcntl(writer, _SET_SIZE, ROOM) == ROOM
    return False
