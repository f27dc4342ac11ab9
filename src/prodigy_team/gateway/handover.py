"""How a gateway hands its listening socket and its lifetime lock to its successor, over a socket in the state folder.

Both accept connections until the successor says that it serves; only then the old one stops listening. Whichever of
the two ends before that, the other has the socket and the lock.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from prodigy_team.presence import is_dir

_NAME = "gateway.sock"
_LONGEST = 100  # bytes of a path that every system takes for such a socket
_GIVEN, _SERVING = b"given", b"serving"


@dataclass(frozen=True)
class Inheritance:
    """What a gateway was handed by the one before it.

    Attributes:
        alive: The descriptor that holds the lifetime lock.
        channel: To the one before it.
    """

    listener: socket.socket
    alive: int
    channel: socket.socket

    def take_over(self) -> None:
        """Tell the one before that it need not listen any more; it may have ended meanwhile."""
        with contextlib.suppress(OSError):
            self.channel.sendall(_SERVING)
        self.channel.close()


def inherit(state: Path, *, timeout: float = 5.0, patience: float = 30.0) -> Inheritance | None:
    """Ask the gateway that runs for its socket and its lock; None where none does, or it does not answer.

    Args:
        timeout: Seconds in which it must answer.
        patience: Seconds to go on asking while it hands over to another, from whom they can be had afterwards.
    """
    deadline = time.monotonic() + patience
    while True:
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        channel.settimeout(timeout)
        try:
            with _address(state) as path:
                channel.connect(path)
            word, descriptors, _, _ = socket.recv_fds(channel, len(_GIVEN), 2)
        except OSError:
            channel.close()
            return None
        if word == _GIVEN and len(descriptors) == 2:
            for each in descriptors:
                os.set_inheritable(each, False)
            channel.settimeout(None)
            return Inheritance(socket.socket(fileno=descriptors[0]), descriptors[1], channel)
        channel.close()  # it hands over to another, who will listen here
        if time.monotonic() > deadline:
            return None
        time.sleep(0.05)


class Heirs:
    """Waits for a successor, for as long as the event loop runs.

    Args:
        listener: What the gateway listens on.
        alive: The descriptor that holds its lifetime lock.
        handed_over: Called once a successor serves.
    """

    def __init__(self, state: Path, listener: socket.socket, alive: int, handed_over: Callable[[], None]) -> None:
        self._given = [listener.fileno(), alive]
        self._handed_over = handed_over
        self._loop = asyncio.get_running_loop()
        self._door = _listen(state)
        self._channels: set[socket.socket] = set()
        self._loop.add_reader(self._door, self._let_in)

    def close(self) -> None:
        """Hand over to nobody any more."""
        for each in (*self._channels, self._door):
            self._loop.remove_reader(each)
            each.close()
        self._channels.clear()

    def _let_in(self) -> None:
        with contextlib.suppress(OSError):
            channel, _ = self._door.accept()
            if self._channels:  # one after the other: two that begin to serve would both stay
                channel.close()
                return
            try:
                socket.send_fds(channel, [_GIVEN], self._given)
            except OSError:
                channel.close()
                return
            channel.setblocking(False)
            self._channels.add(channel)
            self._loop.add_reader(channel, self._hear, channel)

    def _hear(self, channel: socket.socket) -> None:
        """A successor serves, or has ended without a word: then nothing has happened."""
        word = b""
        with contextlib.suppress(OSError):
            word = channel.recv(64)
        self._loop.remove_reader(channel)
        self._channels.discard(channel)
        channel.close()
        if word == _SERVING:
            self.close()
            self._handed_over()


def _listen(state: Path) -> socket.socket:
    """A socket under the name at which successors knock; it takes the place of an earlier one."""
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _address(state) as path:
            with contextlib.suppress(FileNotFoundError):
                Path(path).unlink()
            door.bind(path)
            Path(path).chmod(0o600)
        door.setblocking(False)
        door.listen(4)
    except OSError:
        door.close()
        raise
    return door


@contextlib.contextmanager
def _address(state: Path) -> Iterator[str]:
    """The socket's path, made short where the system would not take it."""
    path = state / _NAME
    if len(os.fsencode(path)) < _LONGEST or not is_dir(Path("/proc/self/fd")):
        yield str(path)
        return
    folder = os.open(state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{_NAME}"
    finally:
        os.close(folder)
