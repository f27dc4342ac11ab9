"""The paths asked seldom, on starlette: the page and its files, history, progress, and Prodigy's small ones."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from prodigy_team.annotate import assets, web
from prodigy_team.annotate.asking import BROWSER_COOKIE, Asking
from prodigy_team.annotate.bodies import read_history_pull, read_object
from prodigy_team.annotate.sessions import SessionRefusedError, Sessions
from prodigy_team.annotate.stream import Deals, dumps
from prodigy_team.annotate.team import TeamProgress
from prodigy_team.errors import TeamError

log = logging.getLogger(__name__)

LONGEST_HISTORY = 200
"""Answers that one request for history may have at most."""


@dataclass(frozen=True)
class Project:
    """What a server says of itself.

    Attributes:
        settings: What the page may know of the settings; nothing secret.
        total: Tasks in the source, or ``total_examples_target``: what progress is measured by.
        progress_kind: Which of the two.
        global_css: The style sheet of the settings.
        image_sources: Hosts that pictures may come from, as the page's policy names them.
        version: Of labels and guidelines, stored with each answer.
    """

    dataset: str
    view_id: str
    settings: Mapping[str, Any]
    total: int
    progress_kind: str
    global_css: str | None = None
    image_sources: str = ""
    version: str | None = None

    @cached_property
    def page(self) -> str:
        """16 hexadecimal digits that change with the page: its files, labels, guidelines, and all else it is told."""
        told = [assets.Pages(global_css=self.global_css).index, dict(self.settings), self.version]
        return blake2b(msgspec.json.encode(told, order="deterministic"), digest_size=8).hexdigest()


class Rest:
    """These paths of one server."""

    def __init__(
        self,
        project: Project,
        asking: Asking,
        *,
        sessions: Sessions,
        stream: Deals,
        team: Callable[[], TeamProgress | None],
    ) -> None:
        self._project, self._asking, self._sessions = project, asking, sessions
        self._stream, self._team = stream, team
        self._pages = assets.Pages(global_css=project.global_css)

    def application(self) -> Starlette:
        """The ASGI application that answers them, and every path there is not."""
        return Starlette(routes=self._routes(), exception_handlers=_HANDLERS)

    def _routes(self) -> list[Route]:
        return [
            Route("/", self._page),
            Route("/index.html", self._page),
            Route("/static/{name}", self._static),
            Route("/favicon.ico", self._icon),
            Route("/get_session_answers", self._get_session_answers, methods=["POST"]),
            Route("/team_progress", self._team_progress),
            Route("/health", self._health),
            Route("/project", self._show_project),
            Route("/project/{session:path}", self._show_project),
            Route("/validate_answer", self._validate_answer, methods=["POST"]),
            Route("/set_session_aliases", self._set_session_aliases, methods=["POST"]),
            Route("/end_session", self._end_session, methods=["POST"]),
            Route("/event/{name:path}", self._event, methods=["POST"]),
        ]

    async def _page(self, request: Request) -> Response:
        try:
            self._asking.session(request.scope, self._asking.named_in_query(request.scope))
        except SessionRefusedError as error:
            return PlainTextResponse(str(error), status_code=403)
        headers = _NO_STORE
        response = Response(self._pages.index, media_type="text/html", headers=headers)
        if not self._sessions.allowed and web.cookie(request.scope, BROWSER_COOKIE) is None:
            # Without a path the cookie is for the folder of the page, so that it works below a proxy's prefix.
            value = secrets.token_urlsafe(16)
            response.headers.append("Set-Cookie", f"{BROWSER_COOKIE}={value}; HttpOnly; SameSite=Lax; Max-Age=31536000")
        return response

    async def _static(self, request: Request) -> Response:
        found = self._pages.find(request.path_params["name"])
        if found is None:
            raise web.HttpError(404, "There is no such file.")
        asset, kept = found
        return Response(asset.content, media_type=asset.kind, headers={"Cache-Control": kept})

    async def _icon(self, request: Request) -> Response:  # noqa: ARG002
        return Response(assets.load_icon(), media_type="image/svg+xml", headers={"Cache-Control": assets.ANEW})

    async def _get_session_answers(self, request: Request) -> Response:
        """A person's own answers, newest first, a page at a time: what history, its search and undo reach back to."""
        pull = read_history_pull(await web.read_body(request.scope, request.receive))
        session = self._asking.session(request.scope, pull.session_id)
        self._asking.check_owner(request.scope, pull.owner, session)
        limit = max(1, min(pull.limit, LONGEST_HISTORY))
        try:
            past = await self._stream.own_answers(session, before=pull.before, limit=limit, wanted=pull.find.strip())
        except TeamError as error:
            log.error("Answers cannot be read: %s", error)
            raise web.HttpError(503, f"Answers cannot be read at the moment: {error}") from error
        content = b'{"answers":[%s],"before":%s,"replaced":%s,"session_id":%s}' % (
            b",".join(row.content for row in past.rows),
            msgspec.json.encode(past.before),
            msgspec.json.encode(past.replaced),
            dumps(session.id),
        )
        return Response(content, media_type="application/json", headers=_NO_STORE)

    async def _team_progress(self, request: Request) -> Response:
        """How far all servers of the roster are together, and how much of a shared run this person has done."""
        session = self._asking.session(request.scope, self._asking.named_in_query(request.scope))
        try:
            alone = len(self._sessions.allowed) == 1
            own = None if alone else await self._stream.count_own(session)
            team = await asyncio.to_thread(self._team)
        except TeamError as error:
            raise web.HttpError(503, f"Answers cannot be counted at the moment: {error}") from error
        content = {"own": own, "team": team}
        return Response(msgspec.json.encode(content), media_type="application/json", headers=_NO_STORE)

    async def _health(self, request: Request) -> Response:  # noqa: ARG002
        return JSONResponse({"status": "alive"})

    async def _show_project(self, request: Request) -> Response:
        given = request.path_params.get("session") or self._asking.named_in_query(request.scope)
        session = self._asking.session(request.scope, given)
        content = {
            **self._project.settings,
            "session_id": session.id,
            "page": self._project.page,
            "named": session.named,
            "total_tasks": self._project.total,
            "gateway": self._asking.gateway(request.scope),
        }
        return Response(msgspec.json.encode(content), media_type="application/json", headers=_NO_STORE)

    async def _validate_answer(self, request: Request) -> Response:
        # The recipes here have no validation of their own, so an answer is valid if it could be saved.
        body = read_object(await web.read_body(request.scope, request.receive))
        answer = next((body[key] for key in ("answer", "task", "eg") if isinstance(body.get(key), dict)), body)
        return JSONResponse({"valid": bool(answer), "errors": []})

    async def _set_session_aliases(self, request: Request) -> Response:
        body = read_object(await web.read_body(request.scope, request.receive))
        session = self._asking.session(request.scope, _text(body.get("session_id")))
        return JSONResponse({"session_id": session.id, "aliases": body.get("aliases") or []})

    async def _end_session(self, request: Request) -> Response:
        body = read_object(await web.read_body(request.scope, request.receive))
        session = self._asking.session(request.scope, _text(body.get("session_id")))
        return JSONResponse({"session_id": session.id, "ended": True})

    async def _event(self, request: Request) -> Response:
        detail = f"This recipe has no event {ascii(request.path_params['name'])[:80]}."
        return JSONResponse({"detail": detail}, status_code=404)


def _refuse(request: Request, error: Exception) -> Response:  # noqa: ARG001
    if isinstance(error, web.HttpError):
        return JSONResponse({"detail": error.detail, **error.more}, status_code=error.status)
    return JSONResponse({"detail": str(error)}, status_code=403)


def _by_status(request: Request, error: Exception) -> Response:  # noqa: ARG001
    assert isinstance(error, HTTPException), "it is called for these alone"
    return JSONResponse({"detail": error.detail}, status_code=error.status_code, headers=error.headers)


_HANDLERS: dict[Any, Any] = {web.HttpError: _refuse, SessionRefusedError: _refuse, HTTPException: _by_status}
_NO_STORE = {"Cache-Control": "no-store"}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
