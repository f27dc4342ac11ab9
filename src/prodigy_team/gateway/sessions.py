"""Sessions for scripts: a name and a password in, the address of that annotator's running server out."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from prodigy_team.errors import TeamError
from prodigy_team.gateway.backends import Backends
from prodigy_team.gateway.forms import form_fields, read_body
from prodigy_team.gateway.handing import address_of
from prodigy_team.gateway.landing import why_not
from prodigy_team.gateway.values import GatewaySettings, People

log = logging.getLogger(__name__)

PATH = "/api/start_session"
LARGEST = 4096
"""Bytes of a request's body."""
FAILED = 530
"""What the answer calls a wrong password; its HTTP status is 401."""


def session_routes(people: People, backends: Backends, settings: GatewaySettings) -> list[Route]:
    """`POST /api/start_session`, below the gateway's base path."""

    async def start_session(request: Request) -> Response:
        given = await _given(request)
        if given is None:
            return _answer(400, 'Send "annotator" and "password", as a form or as JSON.')
        name, password = given
        try:
            visitor = await people.authenticate(name, password, people.address(request.scope))
        except TeamError as error:
            return _answer(503, str(error))
        if visitor is None:
            return _answer(401, "Authentication failed", said=FAILED)
        if not visitor.annotator or not backends.knows(visitor.name):
            return _answer(403, "There are no tasks for you here.")
        try:
            place = await backends.enter(visitor.name)
        except TeamError as error:
            log.warning("No session for %s: %s", visitor.name, error)
            return _answer(503, why_not(backends.waking(visitor.name)))
        url = address_of(place, visitor.name, settings)
        return _answer(200, f"Started Prodigy server at: {url}", url=url)

    return [Route(PATH, start_session, methods=["POST"])]


def _answer(status: int, message: str, *, said: int | None = None, **more: str) -> Response:
    """The answer, which says its status itself."""
    headers = {"Cache-Control": "no-store"} | ({"Retry-After": "5"} if status == 503 else {})
    return JSONResponse({"status": said or status, "msg": message, **more}, status, headers)


async def _given(request: Request) -> tuple[str, str] | None:
    """Name and password; None where the body is neither a form nor JSON with both, or too large."""
    body = await read_body(request, largest=LARGEST)
    if body is None:
        return None
    try:
        fields = _fields(request.headers.get("content-type", ""), body)
        name, password = fields["annotator"], fields["password"]
        name.encode(), password.encode()  # JSON can spell halves of characters, which nothing can be looked up by
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return (name, password) if isinstance(name, str) and isinstance(password, str) else None


def _fields(kind: str, body: bytes) -> Mapping[str, Any]:
    if kind.partition(";")[0].strip().lower() != "application/json":
        return form_fields(body)
    found = json.loads(body)
    return found if isinstance(found, dict) else {}
