"""Where the annotators' servers are: read from the lockfile, started when somebody comes, stopped when nobody does."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from prodigy_team.errors import TeamError
from prodigy_team.gateway.starts import Starts, Tell
from prodigy_team.gateway.values import Place, Waking
from prodigy_team.servers.activity import idle_seconds
from prodigy_team.servers.gateways import server_login
from prodigy_team.servers.lockfile import Lockfile, ServerRecord, read_lockfile
from prodigy_team.servers.observing import is_running
from prodigy_team.servers.ports import connectable
from prodigy_team.servers.processes import connected_ports
from prodigy_team.servers.report import Entry
from prodigy_team.servers.reviews import PREFIX as REVIEW
from prodigy_team.servers.secrets import SECRET_HEADER, server_secret
from prodigy_team.servers.supervisor import Supervisor
from prodigy_team.servers.waking import put_to_sleep, wake

log = logging.getLogger(__name__)

START_SECONDS = 60.0
"""Seconds that a server has to come up."""
FORKED_AT_ONCE = 16
"""Embedded servers that may be starting at the same time: forked from one process, they cost little."""
ENDED_AT_ONCE = 16
"""Servers that are put to sleep at the same time: ended together they cost little, and a visitor waits for all."""
LOOK = 0.05
"""Seconds between two looks at the lockfile, which is written several times while servers start."""


class Backends:
    """The servers of a roster; see ``values.Servers``.

    Args:
        homes: The server of each annotator.
        idle_stop: Seconds without a request after which a server stops.
        at_once: How many of Prodigy's servers may be starting at the same time.
    """

    def __init__(self, supervisor: Supervisor, homes: Mapping[str, str], *, idle_stop: float, at_once: int) -> None:
        self._supervisor, self._homes, self._idle_stop = supervisor, dict(homes), idle_stop
        self._book, self._stamp, self._looked = Lockfile(supervisor.team), (0, 0, 0), 0.0
        self._places: dict[str, Place] = {}
        self._reviews: dict[str, tuple[str, ...]] = {}
        self._look(at_once=True)
        self._prodigy_at_once = at_once
        embedded = self._book.engine != "prodigy"
        self._starts = Starts(self._wake, at_once=max(at_once, FORKED_AT_ONCE) if embedded else at_once)
        self._answered: dict[str, tuple[int | None, str | None]] = {}
        self._gone: dict[str, tuple[int | None, str | None]] = {}
        self._ending: dict[str, asyncio.Task[None]] = {}
        self._used: dict[str, float] = {}
        self._began = time.monotonic()

    def knows(self, annotator: str) -> bool:
        """Whether the roster has this annotator."""
        return annotator in self._homes

    def reviews(self, name: str) -> tuple[str, ...]:
        """The servers on which this person settles disputes."""
        self._look()
        return self._reviews.get(name, ())

    def place(self, annotator: str) -> Place | None:
        """Where their server runs; None while it does not."""
        self._look()
        server = self._home(annotator)
        if server is None:
            return None
        return self._places.get(server) or self._place(server)

    def found(self, annotator: str) -> Place | None:
        """Where their server runs, once it was looked whether it lives."""
        if self.place(annotator) is not None:
            self.lost(annotator)
        return self.place(annotator)

    def waking(self, annotator: str) -> Waking | None:
        """How far the start of their server is, or why there is none."""
        server = self._homes.get(annotator, annotator)
        self._look()
        found = self._barred(server) or self._starts.waking(server)
        return found and replace(found, server=server)

    def touched(self, annotator: str) -> None:
        """A request was sent to their server."""
        self._used[self._homes.get(annotator, annotator)] = time.monotonic()

    def lost(self, annotator: str) -> None:
        """Nobody answered there: a server that is gone has no place until another runs."""
        server = self._homes.get(annotator, annotator)
        self._look(at_once=True)
        record = self._book.servers.get(server)
        if record is not None and not is_running(record, self._supervisor.state, self._book.team):
            self._gone[server] = (record.pid, record.started_at)
            self._places.pop(server, None)

    async def wake(self, annotator: str) -> Place:
        """Start their server, in order of arrival, and return once it answers.

        Raises:
            TeamError: It does not come up.
        """
        server = self._home(annotator)
        if server is None:
            raise TeamError(f"{annotator} is not on the roster.")
        if (found := self.place(annotator)) is not None:
            return found
        if server in self._ending:
            await asyncio.shield(self._ending[server])
        await self._starts.come_up(server)
        self._look(at_once=True)
        self._note_answer(server)
        self.touched(annotator)
        if (found := self._place(server)) is None:
            raise TeamError(f"{server}'s server did not stay up.", remedy=f"prodigy-team logs {server}")
        log.info("New session %s: server %s, port %d", annotator, server, found.port)
        return found

    async def enter(self, annotator: str) -> Place:
        """As ``wake``, for a script's session: also one on a server that runs is a new session.

        Raises:
            TeamError: It does not come up.
        """
        if (found := self.found(annotator)) is None:
            return await self.wake(annotator)
        self.touched(annotator)
        log.info("New session %s: server %s, port %d", annotator, found.server, found.port)
        return found

    def may_start(self, server: str) -> bool:
        """Whether a manager may: nobody annotates on the server of whoever left the roster or is paused."""
        return server in self._homes.values() or any(server in names for names in self._reviews.values())

    async def start(self, server: str) -> str:
        """Start a server on a manager's word, also one that was stopped or given up; a sentence says what came of it.

        Raises:
            TeamError: It does not come up, or nobody would annotate there.
        """
        name = self._homes.get(server, server)
        if not self.may_start(name):
            raise TeamError(
                f"{name} is not started: whoever annotated there left the roster or is paused.",
                remedy="Change that in team.toml, then: prodigy-team up",
            )
        self._starts.forget(name)
        (entry,) = await asyncio.to_thread(self._wake, [name], lambda _: None, anyway=True)
        if entry.problem:
            raise TeamError(entry.problem, remedy=entry.remedy)
        self._look(at_once=True)
        self._used[name] = time.monotonic()
        log.info("Started %s on a manager's word", name)
        return f"{name} {'was running' if entry.action == 'keep' else 'started'}."

    async def stop(self, server: str) -> str:
        """Stop a server on a manager's word until somebody starts it; a sentence says what came of it.

        Raises:
            TeamError: It does not end.
        """
        name = self._homes.get(server, server)
        report = await asyncio.to_thread(self._supervisor.stop, (name,), force=True)
        self._look(at_once=True)
        if report.entries[0].problem:
            raise TeamError(report.entries[0].problem, remedy=report.entries[0].remedy)
        log.info("Stopped %s on a manager's word", name)
        return f"{name} stopped."

    async def stop_idle(self) -> None:
        """Stop servers that nobody uses, for ever."""
        while True:
            await asyncio.sleep(min(15.0, self._idle_stop / 4))
            try:
                await self._stop_those_idle_now()
            except Exception:  # the edge of what nobody waits for: it is tried again, and the log says why
                log.exception("Servers that nobody uses could not be looked for.")

    async def _stop_those_idle_now(self) -> None:
        self._look(at_once=True)
        idle = await asyncio.to_thread(self._idle)
        for first in range(0, len(idle), ENDED_AT_ONCE):
            await self._end(idle[first : first + ENDED_AT_ONCE])

    def close(self) -> None:
        """Start and stop nothing more; the servers run on."""
        self._starts.close()

    def _home(self, annotator: str) -> str | None:
        """The server of an annotator, or of a review."""
        of_review = any(annotator in names for names in self._reviews.values())
        return annotator if of_review else self._homes.get(annotator)

    def _look(self, *, at_once: bool = False) -> None:
        """Read the lockfile again where it has changed."""
        now = time.monotonic()
        if not at_once and now - self._looked < LOOK:
            return
        self._looked = now
        with contextlib.suppress(OSError):
            found = self._supervisor.lockfile.stat()
            stamp = (found.st_mtime_ns, found.st_ino, found.st_size)
            if stamp != self._stamp:
                with contextlib.suppress(TeamError):  # being mended by a command: what was known goes on
                    self._book = read_lockfile(self._supervisor.lockfile)
                    self._reviews = self._who_reviews()
                self._stamp, self._places = stamp, {}

    def _who_reviews(self) -> dict[str, tuple[str, ...]]:
        """The servers of reviews, which stand beside the roster's, by who decides there."""
        found: dict[str, tuple[str, ...]] = {}
        roster = {*self._homes, *self._homes.values()}
        for record in self._book.servers.values():
            if record.name.startswith(REVIEW) and record.name not in roster and len(record.annotators) == 1:
                found[record.annotators[0]] = (*found.get(record.annotators[0], ()), record.name)
        return found

    def _place(self, server: str) -> Place | None:
        record = self._book.servers.get(server)
        if record is None or record.pid is None or record.port is None or record.stopping or server in self._ending:
            return None
        identity = (record.pid, record.started_at)
        if self._gone.get(server) == identity or not (record.ready or self._answered.get(server) == identity):
            return None
        place = Place(server, record.engine, connectable(record.host), record.port, self._headers(record))
        self._places[server] = place
        return place

    def _barred(self, server: str) -> Waking | None:
        """What keeps a server from being started by a visit, as ``servers.waking`` judges it."""
        record = self._book.servers.get(server)
        if record is None or (record.pid is not None and not record.stopping):
            return None
        if record.given_up:
            return Waking(0, 0.0, record.problem or "It was given up.", "given up")
        if not (record.wanted or record.asleep):
            return Waking(0, 0.0, "It was stopped.", "stopped")
        return None

    def _headers(self, record: ServerRecord) -> dict[str, str]:
        return headers_for(record.engine, record.name, self._supervisor.state)

    def _note_answer(self, server: str) -> None:
        """It answers, though the command that started it, and others with it, has not written that down yet."""
        if (record := self._book.servers.get(server)) is not None:
            self._answered[server] = (record.pid, record.started_at)

    def _wake(self, names: Sequence[str], tell: Tell, *, anyway: bool = False) -> list[Entry]:
        return wake(
            self._supervisor,
            names,
            timeout=START_SECONDS,
            anyway=anyway,
            at_once=self._prodigy_at_once,
            on_event=tell,
        )

    def _idle(self) -> list[str]:
        """The running servers to which nobody is connected, and where neither request nor answer came for so long."""
        book, connected, now = self._book, connected_ports(), time.monotonic()
        running = [record for record in book.servers.values() if record.name in self._homes.values() and record.ready]
        for record in running:
            if record.port in connected:
                self._used[record.name] = now
        quiet = [each for each in running if self._is_quiet(each.name)]
        answered = idle_seconds(quiet, now=time.time()) if quiet else {}
        return [name for name, seconds in answered.items() if seconds is None or seconds >= self._idle_stop]

    def _is_quiet(self, server: str) -> bool:
        return time.monotonic() - self._used.get(server, self._began) >= self._idle_stop

    async def _end(self, servers: Sequence[str]) -> None:
        """Put servers to sleep, but for those to which somebody came since they were found idle."""
        quiet = [each for each in servers if each not in self._ending and self._is_quiet(each)]
        if quiet:
            ending = asyncio.ensure_future(self._put_to_sleep(quiet))
            self._ending |= dict.fromkeys(quiet, ending)
            await asyncio.shield(ending)

    async def _put_to_sleep(self, servers: Sequence[str]) -> None:
        for each in servers:
            self._places.pop(each, None)
        try:
            for name, stopped in (await asyncio.to_thread(put_to_sleep, self._supervisor, servers)).items():
                if stopped.problem:
                    log.warning("%s could not be put to sleep: %s", name, stopped.problem)
                else:
                    log.info("Stopped %s: nobody used it for %.0f s", name, self._idle_stop)
        except TeamError as error:
            log.warning("%s could not be put to sleep: %s", ", ".join(servers), error)
        finally:
            for each in servers:
                self._used.pop(each, None)
                del self._ending[each]
            self._look(at_once=True)


def headers_for(engine: str, server: str, state: Path) -> dict[str, str]:
    """What proves to a server that a request is the gateway's."""
    if engine != "prodigy":
        return {SECRET_HEADER.decode(): server_secret(state, server)}
    login = server_login(state, server)
    pair = f"{login['PRODIGY_BASIC_AUTH_USER']}:{login['PRODIGY_BASIC_AUTH_PASS']}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
