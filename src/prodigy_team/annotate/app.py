"""The REST protocol: the busy paths, without ceremony; what is asked seldom is left to `rest`."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import lru_cache, partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import msgspec

from prodigy_team.annotate import assets, web
from prodigy_team.annotate.admission import Admission
from prodigy_team.annotate.answers import (
    AnswerWriter,
    Given,
    MalformedError,
    Receipt,
    Stored,
    hashes,
    read_answers,
)
from prodigy_team.annotate.asking import Asking
from prodigy_team.annotate.bodies import LONGEST_SCREEN, Pull, read_pull
from prodigy_team.annotate.rest import Project, Rest
from prodigy_team.annotate.sessions import Session, SessionRefusedError, Sessions
from prodigy_team.annotate.stream import Batch, Count, Deals, dumps
from prodigy_team.annotate.team import TeamProgress
from prodigy_team.errors import TeamError
from prodigy_team.store.base import Outcome

log = logging.getLogger(__name__)

_REFUSED = "This task has another answer already, given in another window or by another request; it was kept."

Handler = Callable[[web.Scope, web.Receive, web.Send], Awaitable[None]]


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
        stream: Deals,
        writer: AnswerWriter,
        auth: web.BasicAuth | None = None,
        admission: Admission | None = None,
        team: Callable[[], TeamProgress | None] = lambda: None,
    ) -> None:
        self._project, self._stream, self._writer = project, stream, writer
        self._auth, self._admission = auth, admission
        self._asking = Asking(project.dataset, project.settings.get("team"), sessions=sessions, admission=admission)
        self._busy: dict[tuple[str, str], Handler] = {
            ("POST", "/get_session_questions"): self._get_session_questions,
            ("GET", "/get_questions"): self._get_questions,
            ("POST", "/give_answers"): self._give_answers,
            ("POST", "/confirm_tasks"): self._confirm_tasks,
            ("GET", "/version"): self._version,  # what `up` and `status` ask, of 64 servers at once
        }
        self.at_once: dict[bytes, web.AtOnce] = {
            b"/get_session_questions": self._questions_at_once,
            b"/give_answers": self._answers_at_once,
        }
        rest = Rest(project, self._asking, sessions=sessions, stream=stream, team=team).application()
        self._rest = web.with_security_headers(rest, image_sources=project.image_sources)

    async def __call__(self, scope: web.Scope, receive: web.Receive, send: web.Send) -> None:
        """Answer one request."""
        path: str = scope["path"]
        if self._auth is not None and path != "/health" and not self._auth.admits(scope):
            await web.ask_for_password(send)
            return
        try:
            cookie = self._admission.exchange(scope) if self._admission and path == "/" else None
            if cookie:
                await web.send_redirect(send, "/", cookie)
                return
            self._asking.enter(scope)
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
        pull = read_pull(await web.read_body(scope, receive))
        session = self._asking.session(scope, pull.session_id)
        self._asking.check_owner(scope, pull.owner, session)
        if self._is_outdated(pull):
            await web.send_json(send, b'{"tasks":[],"outdated":true,"session_id":%s}' % dumps(session.id))
        else:
            await web.send_json(send, self._batch(await self._pull(session, pull), session))

    async def _get_questions(self, scope: web.Scope, receive: web.Receive, send: web.Send) -> None:  # noqa: ARG002
        session = self._asking.session(scope, self._asking.named_in_query(scope))
        await web.send_json(send, self._batch(await self._pull(session, Pull()), session))

    async def _confirm_tasks(self, scope: web.Scope, receive: web.Receive, send: web.Send) -> None:
        """What is on a page's screen is told by itself where no other request tells it."""
        pull = read_pull(await web.read_body(scope, receive))
        session = self._asking.session(scope, pull.session_id)
        self._asking.check_owner(scope, pull.owner, session)
        skip = await self._confirm(session, hashes(pull.shown), pull.screen)
        await web.send_json(send, b'{"session_id":%s,"skip":%s}' % (dumps(session.id), msgspec.json.encode(skip)))

    async def _version(self, scope: web.Scope, receive: web.Receive, send: web.Send) -> None:  # noqa: ARG002
        content = {"name": "prodigy-team", "version": package_version(), "engine": "embedded"}
        await web.send_json(send, msgspec.json.encode(content))

    def _is_outdated(self, pull: Pull) -> bool:
        """Whether the page was loaded under other labels, guidelines or files: it gets no tasks for those of today."""
        return pull.page is not None and pull.page != self._project.page

    async def _pull(self, session: Session, pull: Pull) -> Batch:
        held, shown = hashes(pull.held), hashes(pull.shown)
        try:
            return await self._stream.pull(session, held=held, screen=pull.screen, shown=shown)
        except TeamError as error:
            log.error("Tasks cannot be read: %s", error)
            raise web.HttpError(503, f"Tasks cannot be read at the moment: {error}") from error

    async def _confirm(self, session: Session, shown: tuple[int, ...], screen: str | None) -> tuple[int, ...]:
        """Note what is on screen; a page asks again by itself, so that what fails here is not its business."""
        if not shown or len(screen or "") > LONGEST_SCREEN:
            return ()
        try:
            return await self._stream.confirm(session, shown, screen=screen)
        except TeamError as error:
            log.error("What is on screen cannot be noted: %s", error)
            return ()

    def _batch(self, batch: Batch, session: Session) -> bytes:
        progress, kind = self._progress(batch.count), msgspec.json.encode(self._progress_kind)
        more: dict[str, Any] = {"skip": batch.skip} if batch.skip else {}
        # Only a page that has nothing left asks itself why.
        if batch.elsewhere:
            more["elsewhere"] = [
                {"session": self._bare_name(each.session), "tasks": each.tasks} for each in batch.elsewhere
            ]
        if batch.waiting is not None:
            more["waiting"] = batch.waiting
        return b'{"tasks":[%s],"total":%d,"progress":%s,"progress_kind":%s,"session_id":%s%s}' % (
            batch.tasks,
            batch.count.answered,
            msgspec.json.encode(progress),
            kind,
            dumps(session.id),
            b"," + msgspec.json.encode(more)[1:-1] if more else b"",
        )

    def _bare_name(self, session_id: str) -> str:
        return session_id.removeprefix(f"{self._project.dataset}-")

    @property
    def _progress_kind(self) -> str | None:
        return self._project.progress_kind if self._project.total else None

    def _progress(self, count: Count) -> float | None:
        """How far the asker is: of what is theirs where tasks are dealt out, else of the target or the source."""
        own = count.total if self._project.progress_kind == "source" else None
        if own is not None:
            return count.answered / own if own else None
        return count.answered / self._project.total if self._project.total else None

    async def _give_answers(self, scope: web.Scope, receive: web.Receive, send: web.Send) -> None:
        given = self._given(scope, await web.read_body(scope, receive))
        stored: Stored = []
        if given.answers:
            try:
                stored = await self._writer.save(given.answers)
            except Exception as error:
                stored = error
        receipts = self._entered(stored)
        session = given.answers[-1].session if given.answers else self._asking.session(scope, given.session_id)
        skip = await self._confirm(session, given.shown, given.screen)
        await web.send_json(send, self._receipt(receipts, session, skip))

    def _given(self, scope: web.Scope, body: bytes) -> Given:
        try:
            return read_answers(
                body,
                view_id=self._project.view_id,
                find_session=partial(self._asking.session_of_answer, scope),
                check_owner=partial(self._asking.check_owner, scope),
                version=self._project.version,
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

    def _receipt(self, receipts: list[Receipt], session: Session, skip: tuple[int, ...] = ()) -> bytes:
        count = self._stream.count(session)
        refused = [each.posted.keys for each in receipts if each.outcome is Outcome.REFUSED]
        more: dict[str, Any] = {"skip": skip} if skip else {}
        if not refused:
            own = {"progress": self._progress(count), "total": count.answered, "session_id": session.id}
            return msgspec.json.encode({**own, **more})
        more |= {"progress": self._progress(count), "total": count.answered}
        which = [{"_answer_id": each.answer_id, "_task_hash": each.task_hash} for each in refused]
        raise web.HttpError(409, _REFUSED, refused=which, **more)

    # The short way of the busiest two: the same, without a task. See `protocol`.

    def _questions_at_once(self, scope: web.Scope, body: bytes, reply: web.Reply) -> bool:
        if not self._admits(scope):
            return False
        pull = read_pull(body)
        session = self._asking.session(scope, pull.session_id)
        self._asking.check_owner(scope, pull.owner, session)
        batch = None if pull.held or self._is_outdated(pull) else self._stream.at_hand(session)
        if batch is None:
            return False
        reply(self._batch(batch, session))
        return True

    def _answers_at_once(self, scope: web.Scope, body: bytes, reply: web.Reply) -> bool:
        given = self._given(scope, body) if self._admits(scope) else Given([])
        posted = given.answers
        if not posted or (given.shown and given.screen):  # what is on screen is noted by another thread
            return False

        def confirm(stored: Stored) -> None:
            try:
                reply(self._receipt(self._entered(stored), posted[-1].session))
            except web.HttpError as error:
                reply(error.content, status=error.status)

        self._writer.give(posted, confirm)
        return True

    def _admits(self, scope: web.Scope) -> bool:
        self._asking.enter(scope)
        return (self._auth is None or self._auth.admits(scope)) and not web.is_foreign(scope)
