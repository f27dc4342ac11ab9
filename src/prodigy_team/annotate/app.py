"""The REST protocol: every path of Prodigy's, the two busy ones without ceremony."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from prodigy_team.annotate import assets, web
from prodigy_team.annotate.answers import AnswerWriter, MalformedError, Owner, Posted, Receipt, Stored, read_answers
from prodigy_team.annotate.sessions import Session, SessionRefusedError, Sessions
from prodigy_team.annotate.stream import Batch, Stream, dumps
from prodigy_team.annotate.team import TeamProgress
from prodigy_team.errors import TeamError
from prodigy_team.store.base import Outcome

log = logging.getLogger(__name__)

BROWSER_COOKIE = "prodigy_team_browser"
_REFUSED = "This task has another answer already, given in another window or by another request; it was kept."

LONGEST_HISTORY = 200
"""Answers that one request for history may have at most."""

Found = TypeVar("Found")
Handler = Callable[[web.Scope, web.Receive, web.Send], Awaitable[None]]


@dataclass(frozen=True)
class Project:
    """What a server says of itself.

    Attributes:
        settings: What the page may know of the settings; nothing secret.
        total: Tasks in the source, or ``total_examples_target``: what progress is measured by.
        progress_kind: Which of the two.
        global_css: The style sheet of the settings.
        image_sources: Hosts that pictures may come from, as the page's policy names them.
    """

    dataset: str
    view_id: str
    settings: Mapping[str, Any]
    total: int
    progress_kind: str
    global_css: str | None = None
    image_sources: str = ""


class _Pull(msgspec.Struct):
    session_id: str | None = None
    held: list[Any] = []
    owner: Owner | None = None


class _HistoryPull(msgspec.Struct):
    session_id: str | None = None
    owner: Owner | None = None
    before: int | None = None
    limit: int = 25
    find: str = ""


_pulls = msgspec.json.Decoder(_Pull)
_history_pulls = msgspec.json.Decoder(_HistoryPull)


@lru_cache
def package_version() -> str:
    """The version of this package; "0" where it runs from a folder that was never installed."""
    try:
        return version("prodigy-team")
    except PackageNotFoundError:
        return "0"


def load_page() -> None:
    """Read all of the page's files, so that processes forked from this one share them."""
    assets.load_assets()
    assets.load_icon()


class Server:
    """The ASGI application of one server."""

    def __init__(
        self,
        project: Project,
        *,
        sessions: Sessions,
        stream: Stream,
        writer: AnswerWriter,
        auth: web.BasicAuth | None = None,
        team: Callable[[], TeamProgress | None] = lambda: None,
    ) -> None:
        self._project, self._sessions, self._stream = project, sessions, stream
        self._writer, self._auth, self._team = writer, auth, team
        self._busy: dict[tuple[str, str], Handler] = {
            ("POST", "/get_session_questions"): self._get_session_questions,
            ("GET", "/get_questions"): self._get_questions,
            ("POST", "/give_answers"): self._give_answers,
            ("GET", "/version"): self._version,  # what `up` and `status` ask, of 64 servers at once
        }
        self.at_once: dict[bytes, web.AtOnce] = {
            b"/get_session_questions": self._questions_at_once,
            b"/give_answers": self._answers_at_once,
        }
        self._pages = assets.Pages(global_css=project.global_css)
        rest = Starlette(routes=self._routes(), exception_handlers=_HANDLERS)
        self._rest = web.with_security_headers(rest, image_sources=project.image_sources)

    async def __call__(self, scope: web.Scope, receive: web.Receive, send: web.Send) -> None:
        """Answer one request."""
        path: str = scope["path"]
        if self._auth is not None and path != "/health" and not self._auth.admits(scope):
            await web.ask_for_password(send)
            return
        try:
            if scope["method"] == "POST" and web.is_foreign(scope):
                raise web.HttpError(403, "The request comes from another site's page.")
            busy = self._busy.get((scope["method"], path))
            await (busy(scope, receive, send) if busy else self._rest(scope, receive, send))
        except SessionRefusedError as error:
            await web.send_error(send, web.HttpError(403, str(error)))
        except web.HttpError as error:
            await web.send_error(send, error)

    # The busy paths.

    async def _get_session_questions(self, scope: web.Scope, receive: web.Receive, send: web.Send) -> None:
        pull = _read_pull(await web.read_body(scope, receive))
        held = [each for each in pull.held if isinstance(each, int)]
        session = self._session(scope, pull.session_id)
        self._check_owner(pull.owner, session)
        await web.send_json(send, self._batch(await self._pull(session, held), session))

    async def _get_questions(self, scope: web.Scope, receive: web.Receive, send: web.Send) -> None:  # noqa: ARG002
        session = self._session(scope, self._named_in_query(scope))
        await web.send_json(send, self._batch(await self._pull(session, ()), session))

    async def _version(self, scope: web.Scope, receive: web.Receive, send: web.Send) -> None:  # noqa: ARG002
        content = {"name": "prodigy-team", "version": package_version(), "engine": "embedded"}
        await web.send_json(send, msgspec.json.encode(content))

    async def _pull(self, session: Session, held: Any) -> Batch:
        try:
            return await self._stream.pull(session, held=held)
        except TeamError as error:
            log.error("Tasks cannot be read: %s", error)
            raise web.HttpError(503, f"Tasks cannot be read at the moment: {error}") from error

    def _batch(self, batch: Batch, session: Session) -> bytes:
        progress, kind = self._progress(batch.answered), msgspec.json.encode(self._progress_kind)
        # Only a page that has nothing left asks itself why.
        others = {} if batch.tasks else self._stream.elsewhere(session)
        elsewhere = [{"session": self._bare_name(each), "tasks": tasks} for each, tasks in others.items()]
        return b'{"tasks":[%s],"total":%d,"progress":%s,"progress_kind":%s,"session_id":%s%s}' % (
            batch.tasks,
            batch.answered,
            msgspec.json.encode(progress),
            kind,
            dumps(session.id),
            b',"elsewhere":' + msgspec.json.encode(elsewhere) if elsewhere else b"",
        )

    def _bare_name(self, session_id: str) -> str:
        return session_id.removeprefix(f"{self._project.dataset}-")

    @property
    def _progress_kind(self) -> str | None:
        return self._project.progress_kind if self._project.total else None

    def _progress(self, answered: int) -> float | None:
        return answered / self._project.total if self._project.total else None

    async def _give_answers(self, scope: web.Scope, receive: web.Receive, send: web.Send) -> None:
        body = await web.read_body(scope, receive)
        posted = self._posted(scope, body)
        if not posted:
            await web.send_json(send, self._receipt([], self._session(scope, None)))
            return
        try:
            stored: Stored = await self._writer.save(posted)
        except Exception as error:
            stored = error
        await web.send_json(send, self._receipt(self._entered(stored), posted[-1].session))

    def _posted(self, scope: web.Scope, body: bytes) -> list[Posted]:
        browser = web.cookie(scope, BROWSER_COOKIE)
        try:
            return read_answers(
                body,
                view_id=self._project.view_id,
                find_session=lambda given, own: self._sessions.find_owner(given, own, browser=browser),
                check_owner=self._check_owner,
            )
        except MalformedError as error:
            raise web.HttpError(error.status, error.detail) from error

    def _entered(self, stored: Stored) -> list[Receipt]:
        """The receipts of one request, whose tasks leave their desks."""
        if isinstance(stored, TeamError):
            log.error("Answers could not be stored: %s", stored)
            raise web.HttpError(503, f"The answers could not be stored, so send them again: {stored}") from stored
        if isinstance(stored, Exception):
            raise web.HttpError(500, "The answers could not be stored, so send them again.") from stored
        for each in stored:
            first = each.outcome is Outcome.STORED and each.posted.keys.replaces is None
            self._stream.answered(each.posted.session, each.identity, first=first)
        return stored

    def _receipt(self, receipts: list[Receipt], session: Session) -> bytes:
        answered = self._stream.count(session)
        refused = [each.posted.keys for each in receipts if each.outcome is Outcome.REFUSED]
        if not refused:
            progress = msgspec.json.encode(self._progress(answered))
            return b'{"progress":%s,"total":%d,"session_id":%s}' % (progress, answered, dumps(session.id))
        which = [{"_answer_id": each.answer_id, "_task_hash": each.task_hash} for each in refused]
        raise web.HttpError(409, _REFUSED, refused=which, progress=self._progress(answered), total=answered)

    # The short way of the busiest two: the same, without a task. See `protocol`.

    def _questions_at_once(self, scope: web.Scope, body: bytes, reply: web.Reply) -> bool:
        pull = _read_pull(body)
        session = self._session(scope, pull.session_id)
        self._check_owner(pull.owner, session)
        batch = None if pull.held or not self._admits(scope) else self._stream.at_hand(session)
        if batch is None:
            return False
        reply(self._batch(batch, session))
        return True

    def _answers_at_once(self, scope: web.Scope, body: bytes, reply: web.Reply) -> bool:
        posted = self._posted(scope, body) if self._admits(scope) else []
        if not posted:
            return False

        def confirm(stored: Stored) -> None:
            try:
                reply(self._receipt(self._entered(stored), posted[-1].session))
            except web.HttpError as error:
                reply(error.content, status=error.status)

        self._writer.give(posted, confirm)
        return True

    def _admits(self, scope: web.Scope) -> bool:
        return (self._auth is None or self._auth.admits(scope)) and not web.is_foreign(scope)

    # Who asks.

    def _session(self, scope: web.Scope, given: str | None) -> Session:
        return self._sessions.find(given, browser=web.cookie(scope, BROWSER_COOKIE))

    def _check_owner(self, owner: Owner | None, session: Session) -> None:
        """Refuse what a page says is another team's, dataset's or annotator's.

        Pages behind one gateway share one origin, and a port may be given to another server, so that a page's outbox
        can reach a server that it is not for.
        """
        if owner is None:
            return
        team = self._project.settings.get("team")
        own = (session.id if session.named else "", self._project.dataset, team)
        given = (owner.annotator or "", owner.dataset, owner.team if owner.team and team else team)
        if given != own:
            whose = owner.annotator or owner.dataset or owner.team or "somebody else"
            raise web.HttpError(
                403, f"This comes from a page of {ascii(whose)[1:-1][:120]}, which this server is not for."
            )

    def _named_in_query(self, scope: web.Scope) -> str | None:
        name = web.query(scope, "session")
        return f"{self._project.dataset}-{name}" if name else None

    # The others.

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
            self._session(request.scope, self._named_in_query(request.scope))
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
        pull = _decode(_history_pulls, await web.read_body(request.scope, request.receive), _HistoryPull())
        session = self._session(request.scope, pull.session_id)
        self._check_owner(pull.owner, session)
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
        session = self._session(request.scope, self._named_in_query(request.scope))
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
        given = request.path_params.get("session") or self._named_in_query(request.scope)
        session = self._session(request.scope, given)
        own = {"session_id": session.id, "named": session.named, "total_tasks": self._project.total}
        content = {**self._project.settings, **own}
        return Response(msgspec.json.encode(content), media_type="application/json", headers=_NO_STORE)

    async def _validate_answer(self, request: Request) -> Response:
        # The recipes here have no validation of their own, so an answer is valid if it could be saved.
        body = _read_object(await web.read_body(request.scope, request.receive))
        answer = next((body[key] for key in ("answer", "task", "eg") if isinstance(body.get(key), dict)), body)
        return JSONResponse({"valid": bool(answer), "errors": []})

    async def _set_session_aliases(self, request: Request) -> Response:
        body = _read_object(await web.read_body(request.scope, request.receive))
        session = self._session(request.scope, _text(body.get("session_id")))
        return JSONResponse({"session_id": session.id, "aliases": body.get("aliases") or []})

    async def _end_session(self, request: Request) -> Response:
        body = _read_object(await web.read_body(request.scope, request.receive))
        session = self._session(request.scope, _text(body.get("session_id")))
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


def _read_pull(body: bytes) -> _Pull:
    return _decode(_pulls, body, _Pull())


def _decode(decoder: msgspec.json.Decoder[Found], body: bytes, default: Found) -> Found:
    try:
        return decoder.decode(body) if body.strip() else default
    except msgspec.ValidationError as error:
        raise web.HttpError(422, f'The body should be {{"session_id": "DATASET-NAME"}}: {error}') from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise web.HttpError(400, f"The body is no JSON: {error}") from error


def _read_object(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body) if body.strip() else {}
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise web.HttpError(400, f"The body is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise web.HttpError(422, "The body should be a JSON object.")
    return found


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
