"""Answers requests for what people see of their work: the page after login, the dashboard, and how a start goes on."""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from prodigy_team import settings as configuration
from prodigy_team.errors import TeamError
from prodigy_team.gateway.dashboard import csv_text, dashboard_content, pools_of
from prodigy_team.gateway.figures import Figures
from prodigy_team.gateway.forms import form_fields, read_body
from prodigy_team.gateway.frames import framed, send_icon, send_static
from prodigy_team.gateway.html import tag
from prodigy_team.gateway.landing import Desk, desk_of, landing_content, review_content, starting_content
from prodigy_team.gateway.metrics import CONTENT_TYPE, Metrics, metrics_text
from prodigy_team.gateway.values import GatewaySettings, Scope, Servers, Visitor, Waking
from prodigy_team.roster import load_roster
from prodigy_team.roster.values import Roster
from prodigy_team.servers import logs
from prodigy_team.servers.engines import EMBEDDED, server_environment
from prodigy_team.servers.statefolder import log_path
from prodigy_team.servers.supervisor import Supervisor

log = logging.getLogger(__name__)

PATIENCE = 2.0
"""Seconds that a page waits for fresh figures before it shows the last ones."""
RENEW = 15
"""Seconds after which a page without JavaScript asks anew."""
STARTING, FAILED = 2, 30
"""The same while a server starts, and after it failed."""
LOG_LINES = 200
_SAID = 15.0  # seconds for which the outcome of a button is shown
_PRESSED = 4.0  # seconds that a button waits for its outcome
_LARGEST_FORM = 4096


class ManagedServers(Servers, Protocol):
    """Servers that managers may start and stop by name."""

    def may_start(self, server: str) -> bool:
        """Whether a server is one of those that managers may start."""

    async def start(self, server: str) -> str:
        """Start one; a sentence says what came of it.

        Raises:
            TeamError: It does not come up, or may not be started.
        """

    async def stop(self, server: str) -> str:
        """Stop one, likewise."""


class Overview:
    """These pages of one gateway; a `Board` of its application.

    Attributes:
        metrics: What whoever answers requests counts into.
    """

    def __init__(
        self, roster: Roster, settings: GatewaySettings, servers: ManagedServers, supervisor: Supervisor
    ) -> None:
        self._settings, self._servers, self._supervisor = settings, servers, supervisor
        self._base, self._team = settings.base_path, settings.team
        self._figures = Figures(supervisor)
        self._roster, self._stamp = roster, _stamp(roster)
        self._desks: dict[str, Desk | None] = {}
        self._said: dict[str, tuple[str, float]] = {}
        self._pressed: set[asyncio.Task[str]] = set()
        self.metrics = Metrics()

    def close(self) -> None:
        """Count no more."""
        self._figures.close()

    @property
    def routes(self) -> Sequence[Route]:
        """Paths below the gateway's base path; ``request.scope["visitor"]`` is who asks, and may ask."""
        return [
            Route("/", self._landing),
            Route("/dashboard", self._dashboard),
            Route("/dashboard/data.json", self._data),
            Route("/dashboard/progress.csv", self._csv),
            Route("/dashboard/logs/{name}", self._log),
            Route("/dashboard/servers/{name}/{deed}", self._press, methods=["POST"]),
            Route("/metrics", self._metrics),
            Route("/static/{name}", send_static),
            Route("/favicon.ico", send_icon),
        ]

    # For annotators.

    async def _landing(self, request: Request) -> Response:
        visitor = _visitor(request)
        reviews = self._servers.reviews(visitor.name)
        if not visitor.annotator and visitor.manager and not reviews:
            return RedirectResponse(f"{self._base}/dashboard", 303)
        desk = await asyncio.to_thread(self._desk, visitor.name) if visitor.annotator else None
        own = await self._own(visitor.name)
        runs, waking = self._servers.place(visitor.name) is not None, self._servers.waking(visitor.name)
        ways = [f"{self._base}/a/{each}/" for each in reviews]
        to, barred = f"{self._base}/a/{visitor.name}/", waking.barred if waking else ""
        landing = landing_content(desk, own, to=to, runs=runs, barred=barred)
        shown = [landing] if visitor.annotator or not reviews else []
        content = [*shown, *(review_content(each, to=way) for each, way in zip(reviews, ways, strict=True))]
        return framed(self._team, content, base=self._base, visitor=visitor, here="home")

    async def _own(self, name: str) -> Mapping[str, Any] | None:
        counts = self._figures.counts
        look = await self._figures.look(wait=0 if counts.value is not None else PATIENCE / 2)
        people = (each for pool, _ in pools_of(look) for each in pool["annotators"])
        return next((each for each in people if each["name"] == name), None)

    def _desk(self, name: str) -> Desk | None:
        """What the roster has for somebody, read anew where its file has changed."""
        stamp = _stamp(self._roster)
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._roster = load_roster(self._roster.path, self._supervisor.environ)
                self._desks = {}
            except TeamError as error:
                log.warning("The roster cannot be used; what it said before is shown. %s", error)
        if name not in self._desks:
            self._desks[name] = desk_of(self._roster, name, self._page_settings(name))
        return self._desks[name]

    def _page_settings(self, name: str) -> Mapping[str, Any]:
        server = next((each for each in self._roster.servers if name in each.annotators), None)
        if server is None:
            return {}
        try:
            env = server_environment(self._roster, server, self._supervisor.environ, engine=EMBEDDED)
            return configuration.read_settings(env, server.directory)
        except TeamError:
            return {}  # `check` says what is wrong; here it costs a heading

    def starting(self, scope: Scope, visitor: Visitor, waking: Waking | None, *, desk: str) -> Response:  # noqa: ARG002
        """What is shown in place of a server that is on its way up, or did not come up."""
        failed = waking is not None and bool(waking.problem)
        poll = f"{self._base}/a/{desk}/health"
        content = starting_content(waking, poll=poll, manager=visitor.manager, name=desk, base=self._base)
        again, status = (FAILED, 503) if failed else (STARTING, 200)
        return framed(
            self._team, content, base=self._base, visitor=visitor, again=again, scripted=not failed, status=status
        )

    # For managers.

    async def _dashboard(self, request: Request) -> Response:
        visitor = _visitor(request)
        look = await self._figures.look(wait=PATIENCE)
        text, at = self._said.get(visitor.name, ("", 0.0))
        said = text if time.monotonic() - at < _SAID else ""
        has_tasks = bool(self._servers.reviews(visitor.name))
        left = frozenset(each.name for each in look.servers if not self._servers.may_start(each.name))
        content = dashboard_content(look, base=self._base, csrf=visitor.csrf, now=time.time(), said=said, left=left)
        return framed(
            self._team, content, base=self._base, visitor=visitor, here="dashboard", again=RENEW, has_tasks=has_tasks
        )

    async def _data(self, request: Request) -> Response:  # noqa: ARG002
        look = await self._figures.look(wait=PATIENCE)
        figures = look.figures or {"version": 1, "team": self._team, "progress": [], "coverage": [], "problems": []}
        servers = [{"name": each.name, "annotators": each.annotators, "state": each.state} for each in look.servers]
        return JSONResponse({**figures, "servers": servers, "problem": look.problem})

    async def _csv(self, request: Request) -> Response:
        look = await self._figures.look(wait=PATIENCE)
        by_day = request.query_params.get("by") == "day"
        name = f"{self._team}-{'days' if by_day else 'progress'}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name.encode("ascii", "replace").decode()}"'}
        return Response(csv_text(look, by_day=by_day), media_type="text/csv; charset=utf-8", headers=headers)

    async def _log(self, request: Request) -> Response:
        visitor, name = _visitor(request), request.path_params["name"]
        if not await self._knows(name) and name != "gateway":
            return PlainTextResponse("There is no such server.", 404)
        path = log_path(self._settings.state, name)
        try:
            lines = await asyncio.to_thread(logs.tail, path, LOG_LINES)
        except OSError:
            lines = []
        text = tag("pre", "\n".join(lines) or "Nothing yet.", tabindex="0")
        back = tag("p", tag("a", "Back to the dashboard", href=f"{self._base}/dashboard"))
        title = tag("h2", f"Log of {name}, its last {LOG_LINES} lines")
        content = [back, tag("section", title, text, id="log", data_live=True)]
        return framed(self._team, content, base=self._base, visitor=visitor, again=RENEW)

    async def _press(self, request: Request) -> Response:
        """A button: the deed goes on where it takes longer than people like to wait."""
        visitor, name, deed = _visitor(request), request.path_params["name"], request.path_params["deed"]
        if not hmac.compare_digest((await _form(request)).get("csrf", "").encode(), visitor.csrf.encode()):
            return PlainTextResponse("This page was open for too long. Go back and try again.", 403)
        if deed not in ("start", "stop") or not await self._knows(name):
            return PlainTextResponse("There is no such server.", 404)
        log.info("%s: %s %s on the dashboard", visitor.name, deed, name)
        task = asyncio.ensure_future(self._carry_out(name, deed))
        self._pressed.add(task)
        task.add_done_callback(self._pressed.discard)
        done, _ = await asyncio.wait({task}, timeout=_PRESSED)
        said = task.result() if done else f"{name}: this takes a while; its state is shown below."
        self._said[visitor.name] = (said, time.monotonic())
        return RedirectResponse(f"{self._base}/dashboard", 303)

    async def _carry_out(self, name: str, deed: str) -> str:
        try:
            return await (self._servers.start(name) if deed == "start" else self._servers.stop(name))
        except TeamError as error:
            return str(error)
        except Exception:
            log.exception("%s of %s failed", deed, name)
            return f"{name}: that did not work; the gateway's log says why."
        finally:
            self._figures.servers.forget()

    async def _knows(self, name: str) -> bool:
        found = await self._figures.servers.get(wait=PATIENCE)
        return any(each.name == name for each in found or ())

    async def _metrics(self, request: Request) -> Response:  # noqa: ARG002
        servers = await self._figures.servers.get(wait=PATIENCE)
        names = {name for each in servers or () for name in each.annotators}
        found = [self._servers.waking(name) for name in names if self._servers.knows(name)]
        waiting = sum(each is not None and not each.problem for each in found)
        text = metrics_text(self.metrics, servers, waiting=waiting)
        return Response(text, headers={"Content-Type": CONTENT_TYPE})


def _visitor(request: Request) -> Visitor:
    found: Visitor = request.scope["visitor"]
    return found


async def _form(request: Request) -> dict[str, str]:
    """The fields of a small form; empty where it is none."""
    body = await read_body(request, largest=_LARGEST_FORM)
    try:
        return form_fields(body or b"")
    except ValueError:
        return {}


def _stamp(roster: Roster) -> tuple[int, int]:
    try:
        found = roster.path.stat()
    except OSError:
        return (0, 0)
    return found.st_mtime_ns, found.st_size
