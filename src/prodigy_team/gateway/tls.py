"""TLS at the gateway's own door: who has not ended the handshake is counted and timed as everybody else is.

asyncio's listener tells its protocol of a connection only after the handshake, for which it waits a minute: a stranger
could have all the files that the gateway may open, uncounted, without saying a word.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Any, cast

import uvicorn

from prodigy_team.gateway.guarding import Guard, GuardedProtocol

log = logging.getLogger(__name__)

_AT_ONCE = 64
"""Connections taken before those that are open get their turn."""
_PAUSE = 1.0
"""Seconds without a new connection where the process has no files left for one."""
_NO_ROOM = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))


class TlsServer(uvicorn.Server):
    """uvicorn, whose connections are counted before their handshake; without a certificate nothing is different.

    ``http`` of its config must be `GuardedProtocol`.
    """

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen."""
        context = self.config.ssl
        await super().startup(sockets if context is None else [])
        if context is not None:
            guard: Guard = cast(Any, self.config.loaded_app).guard
            listeners = [TlsListener(each, context, self._protocol, guard) for each in sockets or ()]
            self.servers += cast(Sequence[Any], listeners)

    def _protocol(self) -> GuardedProtocol:
        state = self.lifespan.state
        return GuardedProtocol(config=self.config, server_state=self.server_state, app_state=state)


class TlsListener:
    """A listening socket; what uvicorn asks of one of asyncio's servers."""

    def __init__(
        self, listener: socket.socket, context: ssl.SSLContext, make: Callable[[], GuardedProtocol], guard: Guard
    ) -> None:
        self._listener, self._context, self._make, self._guard = listener, context, make, guard
        self._loop = asyncio.get_running_loop()
        self._shaking: set[asyncio.Task[None]] = set()
        self._again: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        self._listen()

    def close(self) -> None:
        """Take no more connections; handshakes that are under way go on."""
        if self._again is not None:
            self._again.cancel()
        if self._listener.fileno() >= 0:
            self._loop.remove_reader(self._listener)
            self._listener.close()

    async def wait_closed(self) -> None:
        """End the handshakes that are under way."""
        for each in self._shaking:
            each.cancel()
        await asyncio.gather(*self._shaking, return_exceptions=True)

    def _listen(self) -> None:
        self._loop.add_reader(self._listener, self._take_some)

    def _take_some(self) -> None:
        with contextlib.suppress(BlockingIOError, InterruptedError, ConnectionAbortedError):
            for _ in range(_AT_ONCE):
                try:
                    connection, address = self._listener.accept()
                except OSError as error:
                    if error.errno not in _NO_ROOM:
                        raise
                    self._guard.seldom.warn("no files left", "No connection can be taken: %s.", error.strerror)
                    self._loop.remove_reader(self._listener)
                    self._again = self._loop.call_later(_PAUSE, self._listen)
                    return
                self._take(connection, address)

    def _take(self, connection: socket.socket, address: Any) -> None:
        protocol = self._make()
        if not protocol.expect(address[0]):
            connection.close()
            return
        connection.setblocking(False)
        task = self._loop.create_task(self._shake_hands(connection, protocol))
        self._shaking.add(task)
        task.add_done_callback(self._shaking.discard)

    async def _shake_hands(self, connection: socket.socket, protocol: GuardedProtocol) -> None:
        """Let the protocol have the connection once it speaks TLS; whoever does not is forgotten."""
        seconds = self._guard.limits.handshake_seconds
        try:
            await self._loop.connect_accepted_socket(
                lambda: protocol, connection, ssl=self._context, ssl_handshake_timeout=seconds
            )
        except OSError:  # no TLS, or too slow, or gone: nobody is there to be told
            self._guard.dismiss(protocol)
        except BaseException:
            self._guard.dismiss(protocol)
            connection.close()
            raise
