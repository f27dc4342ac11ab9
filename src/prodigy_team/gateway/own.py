"""The gateway's own pages together: who may ask for which, and what is said instead of a page."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from html import escape
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from prodigy_team.errors import TeamError
from prodigy_team.gateway import asking
from prodigy_team.gateway.answers import GONE, App, with_security_headers
from prodigy_team.gateway.pages import page
from prodigy_team.gateway.seldom import Seldom

UNABLE = "The gateway cannot look that up at the moment; nothing is lost. Try again, and tell whoever runs the project."

_OPEN = ("/login", "/logout", "/invitation", "/oidc", "/static", "/favicon.ico", "/api/start_session")
_FOR_MANAGERS = ("/dashboard", "/metrics")
_OF_PRODIGY = (
    *("/project", "/get_questions", "/get_session_questions", "/give_answers", "/validate_answer"),
    *("/set_session_aliases", "/end_session", "/event", "/bundle.js", "/index.html"),
)
_seldom = Seldom(logging.getLogger(__name__))


def is_open(path: str) -> bool:
    """Whether everybody may ask for a path below the gateway's base path."""
    return _is_below(path, _OPEN)


def is_for_managers(path: str) -> bool:
    """Whether only managers may."""
    return _is_below(path, _FOR_MANAGERS)


def is_prodigys(path: str) -> bool:
    """Whether Prodigy's page asks for it, at the root, not knowing of its prefix."""
    return _is_below(path, _OF_PRODIGY)


def _is_below(path: str, places: Sequence[str]) -> bool:
    return any(path == each or path.startswith(each + "/") for each in places)


def own_pages(routes: Sequence[BaseRoute]) -> App:
    """The application of these pages; its ``root_path`` is the gateway's base path."""
    handlers = {HTTPException: _refusal, ClientDisconnect: _gone, TeamError: _unable}
    pages = Starlette(routes=list(routes), exception_handlers=handlers)
    pages.router.redirect_slashes = False  # it would name the host that the client names
    return with_security_headers(pages)


def plain(status: int, detail: str, base: str) -> Response:
    """A page of one sentence and a way on."""
    way = f'<a class="button" href="{escape(base)}/">To the start</a>'
    return page(HTTPStatus(status).phrase, f"<h1>{escape(detail)}</h1>\n{way}", status=status)


def warn_of(error: TeamError) -> None:
    """Write down why a page could not be made, once a minute; who asked for it is told `UNABLE`."""
    _seldom.warn(f"unable {error.message}", "A request could not be answered: %s", error)


async def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = error.detail if error.status_code != 404 else "There is nothing here."
    return _said(request, error.status_code, detail, error.headers)


async def _unable(request: Request, error: Exception) -> Response:
    assert isinstance(error, TeamError)
    warn_of(error)
    return _said(request, 503, UNABLE, {"retry-after": "5"})


async def _gone(request: Request, error: Exception) -> Response:  # noqa: ARG001
    return Response(status_code=GONE)


def _said(request: Request, status: int, detail: str, headers: Mapping[str, str] | None) -> Response:
    if asking.wants_page(request.scope):
        return plain(status, detail, request.scope["root_path"])
    return JSONResponse({"detail": detail}, status, headers=headers)
