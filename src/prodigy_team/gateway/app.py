"""The gateway's application: whose request it is, which of its parts answers, and what is refused before that."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any, Protocol
from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.routing import BaseRoute

from prodigy_team.errors import TeamError
from prodigy_team.gateway import asking
from prodigy_team.gateway.answers import (
    HttpError,
    Receive,
    Send,
    redirect,
    send_error,
    send_whole,
    with_security_headers,
)
from prodigy_team.gateway.forwarding import foreign_session
from prodigy_team.gateway.guarding import Guard
from prodigy_team.gateway.handing import address_of
from prodigy_team.gateway.journal import Journal
from prodigy_team.gateway.landing import why_not
from prodigy_team.gateway.limits import Limits
from prodigy_team.gateway.metrics import Metrics
from prodigy_team.gateway.network import Proxies
from prodigy_team.gateway.own import UNABLE, is_for_managers, is_open, is_prodigys, own_pages, plain, warn_of
from prodigy_team.gateway.proxy import Errand, Proxy
from prodigy_team.gateway.scraping import Scrapers
from prodigy_team.gateway.seldom import Seldom
from prodigy_team.gateway.upstream import UnreachableError
from prodigy_team.gateway.values import GatewaySettings, People, Place, Scope, Servers, Visitor, Waking

log = logging.getLogger(__name__)

VISITOR = "visitor"
"""Key of the scope: the Visitor who asks for one of the gateway's own pages, or None."""
TRY_AGAIN = 30.0
"""Seconds after which a server that did not come up is tried again by itself."""

_ALIVE = b'{"status":"alive"}'


class Pages(Protocol):
    """Pages of the gateway's own, below its base path."""

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """What is asked for by which path; ``request.scope["visitor"]`` says by whom."""


class Entry(People, Pages, Protocol):
    """Who is asking, and the pages by which they log in."""

    @property
    def cookies(self) -> frozenset[str]:
        """Names of the cookies that servers must neither see nor set."""

    def to_login(self, scope: Scope) -> str:
        """Where to send a browser that nobody is logged in with."""


class Board(Pages, Protocol):
    """What people see of their work: the page after login, the dashboard, and the page while a server starts.

    Attributes:
        metrics: What is counted of all requests.
    """

    metrics: Metrics

    def starting(self, scope: Scope, visitor: Visitor, waking: Waking | None, *, desk: str) -> Response:
        """What is shown in place of a server that is on its way up, or did not come up.

        Args:
            desk: What stands in its path: the annotator's name or the review's.
        """

    def close(self) -> None:
        """Look at nothing any more."""


def build_app(
    people: Entry,
    servers: Servers,
    board: Board,
    settings: GatewaySettings,
    *,
    more: Sequence[BaseRoute] = (),
    limits: Limits | None = None,
) -> Gateway:
    """The application, for uvicorn with ``http=guarding.GuardedProtocol`` and ``lifespan="on"``.

    Args:
        more: Further pages of its own.
    """
    routes = [*people.routes, *board.routes, *more]
    return Gateway(people, servers, board, settings, routes, limits or Limits())


class Gateway:
    """The ASGI application of the gateway.

    Attributes:
        guard: What clients may take, for the protocol that serves this.
    """

    def __init__(
        self,
        people: Entry,
        servers: Servers,
        board: Board,
        settings: GatewaySettings,
        routes: Sequence[BaseRoute],
        limits: Limits,
    ) -> None:
        self._people, self._servers, self._board, self._limits = people, servers, board, limits
        self._settings, self._hands_over = settings, settings.hand_off == "redirect"
        self._base, self._raw_base = settings.base_path, settings.base_path.encode()
        self._desks = self._raw_base + b"/a/"
        self._proxies, self._scrapers = Proxies(settings.trusted_proxies), Scrapers(settings)
        self._hosts = frozenset((urlsplit(settings.url).netloc.encode(),))
        self._seldom = Seldom(log)
        self.guard = Guard(limits, is_trusted=lambda each: asking.is_loopback(each) or self._proxies.trusts(each))
        self._proxy = Proxy(limits, own_cookies=people.cookies)
        self._journal, self._metrics = Journal(), board.metrics
        self._waking: dict[str, asyncio.Task[None]] = {}
        self._own = own_pages(routes)

    def close(self) -> None:
        """End what goes on behind the requests."""
        for task in self._waking.values():
            task.cancel()
        self._proxy.close()
        self._board.close()
        self.guard.close()
        self._journal.write()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._live(scope, receive, send)
            return
        began = time.perf_counter()
        scope[VISITOR] = None
        try:
            status = await self._answer(scope, receive, send)
        except HttpError as error:
            status = await self._refuse(scope, send, error)
        except TeamError as error:  # logins or the lockfile cannot be read
            warn_of(error)
            status = await self._refuse(scope, send, HttpError(503, UNABLE, headers=[(b"retry-after", b"5")]))
        visitor: Visitor | None = scope[VISITOR]
        path = scope["raw_path"].decode("latin-1")
        name, seconds = visitor.name if visitor else "", time.perf_counter() - began
        self._journal.note(self._people.address(scope), name, scope["method"], path, status, seconds)
        self._metrics.note(scope["method"], path[len(self._base) :], status, seconds)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
            return
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                self.close()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Answer a request, and tell by which status."""
        raw_path: bytes = scope["raw_path"]
        if scope["method"] not in asking.METHODS:
            raise HttpError(405, "Nothing here is asked for by that method.", close=True)
        if asking.is_odd(raw_path):
            raise HttpError(400, "The address holds what no address here holds.")
        if asking.is_foreign(scope, self._hosts):
            raise HttpError(403, "The request comes from another site's page.")
        if raw_path.startswith(self._desks):
            return await self._desk(scope, receive, send)
        return await self._own_page(scope, receive, send)

    # A person's own server.

    async def _desk(self, scope: Scope, receive: Receive, send: Send) -> int:
        name, slash, rest = scope["raw_path"][len(self._desks) :].partition(b"/")
        visitor = self._people.visitor(scope)
        scope[VISITOR] = visitor
        if visitor is None:
            return await self._to_login(scope, send)
        place = self._enter(scope, visitor, name)
        desk = name.decode()  # the visitor's own, or of a review of theirs
        if self._hands_over and not rest:
            place = self._servers.found(desk)
        if not slash:
            await redirect(send, 308, f"{self._base}/a/{desk}/")
            return 308
        place = place or await self._woken(scope, desk)
        if place is None:
            return await self._asleep(scope, send, visitor, desk)
        if not rest and (leads_to := self._page_address(scope, place, visitor, desk)) is not None:
            await redirect(send, 303, leads_to)
            return 303
        self._servers.touched(desk)
        target = b"/" + rest + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        try:
            return await self._proxy.carry(self._errand(scope, place, visitor, name, target), scope, receive, send)
        except UnreachableError:
            self._servers.lost(desk)
            waking = self._servers.waking(desk)
            if waking is None or not waking.barred:
                self._wake(desk)
            return await self._asleep(scope, send, visitor, desk)

    def _page_address(self, scope: Scope, place: Place, visitor: Visitor, desk: str) -> str | None:
        """Where a person's page is, if not at the address of their server here."""
        if place.engine == "prodigy" and not scope["query_string"] and scope["method"] == "GET":
            # The page itself reads from its address whose session it is.
            return f"{self._base}/a/{desk}/?session={visitor.name}"
        if self._hands_over and place.engine == "embedded" and asking.wants_page(scope):
            return address_of(place, visitor.name, self._settings)
        return None

    def _enter(self, scope: Scope, visitor: Visitor, name: bytes) -> Place | None:
        """Where a visitor's server is, if it is theirs that they ask for.

        Raises:
            HttpError: It is somebody else's, or they act for somebody else.
        """
        review = name != visitor.name.encode()
        if review and name not in [each.encode() for each in self._servers.reviews(visitor.name)]:
            self._warn_of(visitor, "asks for the tasks of", name)
            raise HttpError(403, "These are not your tasks.")
        if scope["query_string"]:
            other = foreign_session(scope["query_string"], visitor.name)
            if other is not None:
                self._warn_of(visitor, "names the session", other.encode("utf-8", "replace"))
                raise HttpError(403, "This is not your session.")
        if not review and not (visitor.annotator and self._servers.knows(visitor.name)):
            raise HttpError(404, "There are no tasks for you here.")
        return self._servers.place(name.decode())

    def _warn_of(self, visitor: Visitor, does: str, what: bytes) -> None:
        self._seldom.warn(f"{visitor.name} {does}", "%s %s %s; refused.", visitor.name, does, ascii(what[:40])[2:-1])

    def _errand(self, scope: Scope, place: Place, visitor: Visitor, desk: bytes, target: bytes) -> Errand:
        host = asking.header(scope, b"host") or b""
        if self._proxies.announced(scope):
            host = asking.header(scope, b"x-forwarded-host") or host
        return Errand(
            place=place,
            target=target,
            prefix=self._desks + desk,
            session=visitor.name,
            address=self._people.address(scope),
            scheme="https" if self._people.is_secure(scope) else "http",
            host=host,
        )

    async def _woken(self, scope: Scope, desk: str) -> Place | None:
        """Where a person's server is after a moment; None where it takes longer to start, or does not."""
        waking = self._servers.waking(desk)
        if waking is not None and (waking.barred or (waking.problem and waking.seconds < TRY_AGAIN)):
            return None
        seconds = self._limits.page_wait if asking.wants_page(scope) else self._limits.data_wait
        await asyncio.wait({self._wake(desk)}, timeout=seconds)
        return self._servers.place(desk)

    async def _asleep(self, scope: Scope, send: Send, visitor: Visitor, desk: str) -> int:
        """Say that a person's server starts, or did not."""
        waking = self._servers.waking(desk)
        if asking.wants_page(scope):
            shown = self._board.starting(scope, visitor, waking, desk=desk)
            await with_security_headers(shown)(scope, _nothing, send)
            return shown.status_code
        raise HttpError(503, why_not(waking), headers=[(b"retry-after", b"2")])

    def _wake(self, name: str) -> asyncio.Task[None]:
        if name not in self._waking:
            self._waking[name] = asyncio.ensure_future(self._bring_up(name))
        return self._waking[name]

    async def _bring_up(self, name: str) -> None:
        try:
            await self._servers.wake(name)
            self._metrics.started(problem=False)
        except TeamError as error:
            self._metrics.started(problem=True)
            self._seldom.warn(f"{name} does not start", "The server of %s did not start: %s", name, error)
        except Exception:
            log.exception("The server of %s could not be started.", name)
        finally:
            del self._waking[name]

    # The gateway's own pages.

    async def _own_page(self, scope: Scope, receive: Receive, send: Send) -> int:
        path: str = scope["path"]
        if not (path + "/").startswith(self._base + "/"):
            raise HttpError(404, "There is nothing here.")
        below = path[len(self._base) :]
        if below in ("/healthz", "/version"):
            await send_whole(send, 200, _ALIVE, (b"content-type", b"application/json"))
            return 200
        if not below:
            await redirect(send, 308, f"{self._base}/")
            return 308
        visitor = self._people.visitor(scope)
        scope[VISITOR], scope["root_path"] = visitor, self._base
        if not is_open(below) and not (below == "/metrics" and self._scrapers.admits(scope)):
            if visitor is None:
                return await self._to_login(scope, send)
            if (place := self._strayed(scope, visitor)) is not None:
                await redirect(send, 307, place)
                return 307
            if is_for_managers(below) and not visitor.manager:
                self._warn_of(visitor, "asks for", below.encode("utf-8", "replace"))
                raise HttpError(403, "Only managers see this.")
        status = 0

        async def sending(message: Any) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        await self._own(scope, receive, sending)
        return status

    def _strayed(self, scope: Scope, visitor: Visitor) -> str | None:
        """Where a request of Prodigy's page belongs that it made from the root, not knowing of its prefix."""
        below = scope["raw_path"].removeprefix(self._raw_base).decode("ascii")
        if not is_prodigys(below) or not visitor.annotator:
            return None
        place = self._servers.place(visitor.name)
        query = f"?{scope['query_string'].decode('ascii')}" if scope["query_string"] else ""
        return f"{self._base}/a/{visitor.name}{below}{query}" if place and place.engine == "prodigy" else None

    async def _to_login(self, scope: Scope, send: Send) -> int:
        if not asking.wants_page(scope):
            raise HttpError(401, "You are not logged in, or no longer.")
        await redirect(send, 303, self._people.to_login(scope))
        return 303

    async def _refuse(self, scope: Scope, send: Send, error: HttpError) -> int:
        if asking.wants_page(scope):
            shown = plain(error.status, error.detail, self._base)
            shown.raw_headers += [*error.headers, *([(b"connection", b"close")] if error.close else [])]
            await shown(scope, _nothing, send)
        else:
            await send_error(send, error)
        return error.status


async def _nothing() -> dict[str, Any]:
    return {"type": "http.disconnect"}
