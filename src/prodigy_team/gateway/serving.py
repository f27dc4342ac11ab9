"""The gateway's process: what it inherits or binds, uvicorn on that, and an end that cuts nobody off."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import socket
from collections.abc import Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import setproctitle
import uvicorn

from prodigy_team import __version__
from prodigy_team.errors import TeamError, UsageError
from prodigy_team.gateway.app import Gateway, build_app
from prodigy_team.gateway.backends import Backends
from prodigy_team.gateway.guarding import Guard, GuardedProtocol
from prodigy_team.gateway.handover import Heirs, Inheritance, inherit
from prodigy_team.gateway.identity import build_people
from prodigy_team.gateway.limits import OTHER_FILES, Limits
from prodigy_team.gateway.overview import Overview
from prodigy_team.gateway.scraping import write_token
from prodigy_team.gateway.sessions import session_routes
from prodigy_team.gateway.tls import TlsServer
from prodigy_team.gateway.values import GatewaySettings
from prodigy_team.roster.values import Roster
from prodigy_team.servers import alive, ports
from prodigy_team.servers.gateways import kept_roster
from prodigy_team.servers.lockfile import GATEWAY, read_lockfile
from prodigy_team.servers.processes import MARK_VARIABLE, Mark, identity_of, read_mark
from prodigy_team.servers.serving import Ending, ended_by_signals, event_loop_of, keep_short
from prodigy_team.servers.statefolder import log_path
from prodigy_team.servers.status import roster_digest
from prodigy_team.servers.succession import NOBODY_THERE, SUCCESSOR_VARIABLE
from prodigy_team.servers.supervisor import Supervisor

log = logging.getLogger(__name__)

BACKLOG = 2048
GRACE = 3
"""Seconds that open requests get to finish once the gateway is told to end."""
DRAIN = 30.0
"""Seconds that open connections get once another gateway takes the new ones."""
KEEP_ALIVE = 75
"""Seconds that a connection may wait for its next request; longer than the proxies in front keep theirs."""
THREADS = 32
"""Starts on a manager's word and counts take one for a minute; pages would wait for asyncio's six on two cores."""
_FILES = resource.RLIMIT_NOFILE


def serve(path: Path, environ: Mapping[str, str]) -> int:
    """Serve a roster's gateway until SIGINT or SIGTERM, or until a successor has taken over.

    Args:
        path: The roster.
        environ: As `up` set it: it says which state folder's gateway this is, and whether it succeeds another.

    Returns:
        The exit code: 0, or ``NOBODY_THERE``.

    Raises:
        TeamError: Roster, accounts, certificate or port do not let it start.
    """
    mark = read_mark(environ.get(MARK_VARIABLE, ""))
    if mark is None:
        raise UsageError("The gateway is one of the roster's servers.", remedy="Start it so: prodigy-team up gateway")
    setproctitle.setproctitle(mark.title)
    with ended_by_signals() as ending:
        inheritance = inherit(mark.state) if environ.get(SUCCESSOR_VARIABLE) else None
        if inheritance is None and environ.get(SUCCESSOR_VARIABLE):
            return NOBODY_THERE
        roster = kept_roster(mark.state) or _read_anew(path, environ)
        settings = GatewaySettings.of(roster)
        listener = inheritance.listener if inheritance else _bind(settings)
        with contextlib.closing(listener):
            lock = inheritance.alive if inheritance else _own_lock(mark)
            _Process(roster, settings, environ, mark, listener, lock, inheritance).run(ending)
    return 0


def allowed_files() -> int:
    """How many files this process may have open; a shell's usual 1,024 are raised to what the gateway can use.

    Each browser keeps up to six connections, and 200 people would have all of them.
    """
    wanted = 2 * Limits.connections + OTHER_FILES
    soft, hard = resource.getrlimit(_FILES)
    if soft == resource.RLIM_INFINITY:
        return wanted
    if soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(OSError, ValueError):  # where it is forbidden, fewer are let in
            resource.setrlimit(_FILES, (most, hard))  # the hard one as it is: servers inherit it
            soft = most
    return soft


def _read_anew(path: Path, environ: Mapping[str, str]) -> Roster:
    from prodigy_team.roster.load import load_roster
    from prodigy_team.servers.shapes import as_it_runs

    return as_it_runs(load_roster(path, environ), environ)


def _bind(settings: GatewaySettings) -> socket.socket:
    listener = ports.bind(settings.host, settings.port, annotator=f"the {GATEWAY}")
    listener.listen(BACKLOG)
    return listener


def _own_lock(mark: Mark) -> int:
    """The descriptor, passed on by whoever started this, that holds its lifetime lock."""
    for entry in Path("/dev/fd").iterdir():
        with contextlib.suppress(OSError, ValueError):
            if int(entry.name) > 2 and os.path.samestat(os.fstat(int(entry.name)), mark.alive.stat()):
                os.set_inheritable(int(entry.name), False)
                return int(entry.name)
    raise UsageError(f"Nobody holds {mark.alive} for this gateway.", remedy="Start it so: prodigy-team up gateway")


class _Uvicorn(TlsServer):
    """uvicorn that tells when it takes requests."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        if self.started:
            self._tell()


class _Process:
    """One gateway while it serves."""

    def __init__(
        self,
        roster: Roster,
        settings: GatewaySettings,
        environ: Mapping[str, str],
        mark: Mark,
        listener: socket.socket,
        lock: int,
        inheritance: Inheritance | None,
    ) -> None:
        self._settings, self._mark, self._listener, self._lock = settings, mark, listener, lock
        self._inheritance = inheritance
        self._heirs: Heirs | None = None
        supervisor = Supervisor(roster.path, roster.state, roster.name, _for_servers(environ))
        self._backends = backends_of(roster, settings, supervisor)
        self._application = build(roster, settings, self._backends, supervisor)
        self._draining = False
        self._tasks: list[asyncio.Future[Any]] = []
        self._server = _Uvicorn(self._config(), self._on_started)

    def run(self, ending: Ending) -> None:
        """Serve to the end."""
        ending.asked_of = self._server
        loop = event_loop_of(self._server.config)
        asyncio.set_event_loop(loop)
        loop.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="aside"))
        try:
            with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises the signal again once it has closed
                loop.run_until_complete(self._server.serve(sockets=[self._listener]))
            for task in self._tasks:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        finally:
            self._backends.close()
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    def _config(self) -> uvicorn.Config:
        tls = self._settings.tls_certificate is not None
        try:
            config = uvicorn.Config(
                self,
                loop="auto",
                http=GuardedProtocol,
                ws="none",
                lifespan="on",
                interface="asgi3",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # whose word counts is judged for each request
                backlog=BACKLOG,
                timeout_graceful_shutdown=GRACE,
                timeout_keep_alive=KEEP_ALIVE,
                ssl_certfile=self._settings.tls_certificate if tls else None,
                ssl_keyfile=self._settings.tls_key if tls else None,
            )
            config.load()
        except OSError as error:  # ssl's errors are among them
            raise TeamError(
                f"{self._settings.tls_certificate} and its key cannot be used: {error.strerror or error}.",
                remedy="Set tls_certificate and tls_key in [gateway] to a certificate and its own key.",
            ) from error
        return config

    @property
    def guard(self) -> Guard:
        """What clients may take."""
        return self._application.guard

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """The application; while the gateway drains every reply asks the client to connect anew."""
        if not self._draining or scope["type"] != "http":
            await self._application(scope, receive, send)
            return

        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                kept = [each for each in message.get("headers", ()) if each[0].lower() != b"connection"]
                message["headers"] = [*kept, (b"connection", b"close")]
            await send(message)

        await self._application(scope, receive, sending)

    def _on_started(self) -> None:
        """Requests are taken from here on: become the one on record, and let the one before go."""
        identity = identity_of(os.getpid())
        assert identity is not None, "a process that runs is alive"
        try:
            self._heirs = Heirs(self._mark.state, self._listener, self._lock, self._on_handed_over)
        except OSError as error:  # a path too long for the system, or a file system that has no sockets
            log.warning("A restart of this gateway will be noticed, it cannot hand over: %s", error)
        identified = {"pid": identity.pid, "started_at": identity.started_at, "pgid": os.getpgrp()}
        alive.update(self._mark.alive, package=__version__, **identified)
        if self._inheritance is not None:
            self._inheritance.take_over()
        log.info("The gateway serves %s/ (pid %d)", self._settings.url, identity.pid)
        own_log = log_path(self._mark.state, GATEWAY)
        self._tasks += [asyncio.ensure_future(self._backends.stop_idle()), asyncio.ensure_future(keep_short(own_log))]

    def _on_handed_over(self) -> None:
        """Another gateway serves: listen no more, and end once everybody here has been answered."""
        log.info("Handed over to another gateway (pid %d drains)", os.getpid())
        self._draining = True
        for server in self._server.servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        os.close(self._lock)
        setproctitle.setproctitle(f"prodigy-team: {self._mark.team}, a gateway that has handed over")
        self._tasks.append(asyncio.ensure_future(self._drain()))

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + DRAIN
        while self._server.server_state.connections and loop.time() < deadline:
            await asyncio.sleep(0.1)
        self._server.should_exit = True


def _for_servers(environ: Mapping[str, str]) -> dict[str, str]:
    """What is passed on to the servers that this gateway starts: nothing of what makes it this gateway."""
    return {name: value for name, value in environ.items() if name not in (MARK_VARIABLE, SUCCESSOR_VARIABLE)}


def backends_of(roster: Roster, settings: GatewaySettings, supervisor: Supervisor) -> Backends:
    """The servers behind the gateway."""
    homes = {name: server.name for server in roster.servers for name in server.annotators}
    at_once = roster.start_at_once or os.cpu_count() or 1
    return Backends(supervisor, homes, idle_stop=settings.idle_stop, at_once=at_once)


def _is_as_brought_up(roster: Roster, supervisor: Supervisor) -> bool:
    """Whether team.toml is what it was at the last `up`: whoever was taken out since must not come back by a crash."""
    try:
        return roster_digest(roster.path) == read_lockfile(supervisor.lockfile).roster_digest
    except (OSError, TeamError):
        return False


def build(roster: Roster, settings: GatewaySettings, backends: Backends, supervisor: Supervisor) -> Gateway:
    """The application with all its parts."""
    people = build_people(roster, current=_is_as_brought_up(roster, supervisor))
    board = Overview(roster, settings, backends, supervisor)
    more = session_routes(people, backends, settings)
    write_token(settings.state)
    return build_app(people, backends, board, settings, more=more, limits=Limits.within(allowed_files()))
