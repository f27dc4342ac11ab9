"""From posted answers to committed rows: what is stored of each, and the one thread that stores them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol, TypeAlias

import msgspec

from prodigy_team.annotate.numbers import unreadable_number
from prodigy_team.annotate.sessions import Session
from prodigy_team.errors import TeamError
from prodigy_team.store.base import NewAnswer, Outcome, Store

log = logging.getLogger(__name__)

AT_ONCE = 256
"""Requests that share one commit at most."""
_LONGEST_ID = 200

FindSession = Callable[["str | None", "str | None"], Session]
Hash = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Id = Annotated[str, msgspec.Meta(min_length=1, max_length=_LONGEST_ID)]


class AnswerKeys(msgspec.Struct):
    """The keys of an answer that the server reads; everything else passes through as bytes."""

    answer: Literal["accept", "reject", "ignore"]
    input_hash: Hash = msgspec.field(name="_input_hash")
    task_hash: Hash = msgspec.field(name="_task_hash")
    answer_id: Id | None = msgspec.field(name="_answer_id", default=None)
    replaces: Id | None = msgspec.field(name="_replaces", default=None)
    timestamp: Any = msgspec.field(name="_timestamp", default=msgspec.UNSET)
    view_id: Any = msgspec.field(name="_view_id", default=msgspec.UNSET)
    session_id: Any = msgspec.field(name="_session_id", default=msgspec.UNSET)
    annotator_id: Any = msgspec.field(name="_annotator_id", default=msgspec.UNSET)
    version: Any = msgspec.field(name="_version", default=msgspec.UNSET)


@dataclass(frozen=True)
class Posted:
    """One answer of a request: whose it is, the keys that were read, and what will be stored, compact."""

    session: Session
    keys: AnswerKeys
    content: bytes


@dataclass(frozen=True)
class Given:
    """What one request gives.

    Attributes:
        answers: In the order they were sent.
        session_id: The session that the request names, if it does.
        screen: The load of a page that it comes from; None for clients that never say what they show.
        shown: Hashes of the tasks that came on that screen since the page last said so.
    """

    answers: list[Posted]
    session_id: str | None = None
    screen: str | None = None
    shown: tuple[int, ...] = ()


@dataclass(frozen=True)
class Receipt:
    """What became of an answer."""

    posted: Posted
    outcome: Outcome
    identity: bytes


def stored_content(
    raw: bytes, keys: AnswerKeys, *, session_id: str, view_id: str, now: float, version: str | None = None
) -> bytes:
    """The JSON that is stored for an answer: the client's own, with what it lacks spliced in at its end.

    Numbers, escapes and the order of keys stay as the client sent them. A session or annotator other than the
    request's own is replaced, whatever the client wrote there.

    Args:
        version: Of labels and guidelines; a page that was opened under an earlier one sends that one back.
    """
    owners = (keys.session_id, keys.annotator_id)
    if any(each is not msgspec.UNSET and each != session_id for each in owners):
        raw = _without_owner(raw)
        owners = (msgspec.UNSET, msgspec.UNSET)
    content: bytes = msgspec.json.format(raw, indent=-1)
    added = []
    if keys.view_id is msgspec.UNSET:
        added.append(b',"_view_id":' + msgspec.json.encode(view_id))
    if keys.timestamp is msgspec.UNSET:
        added.append(b',"_timestamp":%d' % int(now))
    if version is not None and keys.version is msgspec.UNSET:
        added.append(b',"_version":' + msgspec.json.encode(version))
    if owners[1] is msgspec.UNSET:
        added.append(b',"_annotator_id":' + msgspec.json.encode(session_id))
    if owners[0] is msgspec.UNSET:
        added.append(b',"_session_id":' + msgspec.json.encode(session_id))
    return content[:-1] + b"".join(added) + b"}" if added else content


def _without_owner(raw: bytes) -> bytes:
    parts = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    kept = {key: value for key, value in parts.items() if key not in ("_session_id", "_annotator_id")}
    return msgspec.json.encode(kept)


class Unnamed(Protocol):
    """Knows which answers have no id that a new one could name; asked where tasks are asked again."""

    def cannot_be_named(self, session_id: str, task: bytes) -> bool:
        """Whether this person's newest answer to the task has no id."""


class Identifier(Protocol):
    """Finds which task an answer belongs to; used by one thread only."""

    def __call__(self, posted: Posted) -> bytes:
        """The task's 16 bytes, the same for every answer to one task."""

    def close(self) -> None:
        """Let go of the source."""


Stored: TypeAlias = list[Receipt] | Exception
"""What became of a request's answers, or why none of them is stored."""


@dataclass
class _Request:
    answers: Sequence[Posted]
    loop: asyncio.AbstractEventLoop
    done: Callable[[Stored], None]


class AnswerWriter:
    """The one thread that stores answers: everything that waits is committed in one transaction.

    A reply is given after the commit that holds its answers, so that answers arriving during one commit share the
    next, and a slow disk costs each annotator one wait and not one for every other's answer too.
    """

    def __init__(
        self,
        dataset: str,
        *,
        open_store: Callable[[], Store],
        open_identifier: Callable[[], Identifier],
        newest: Unnamed | None = None,
    ) -> None:
        """Prepare; nothing is opened before the start."""
        self._dataset, self._open_store, self._open_identifier = dataset, open_store, open_identifier
        self._newest = newest
        self._waiting: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._store: Store | None = None

    def start(self) -> None:
        """Open what is needed, which may fail, then start the thread."""
        self._store = self._open_store()
        arguments = (self._open_identifier(),)
        self._thread = threading.Thread(target=self._run, args=arguments, name="answers", daemon=True)
        self._thread.start()

    def close(self, *, timeout: float = 10.0) -> None:
        """Store what waits, then end the thread."""
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join(timeout)

    async def save(self, answers: Sequence[Posted]) -> list[Receipt]:
        """Store the answers of one request; returns when they are committed.

        Raises:
            TeamError: They could not be stored; none of this request's answers is.
        """
        reply: asyncio.Future[list[Receipt]] = asyncio.get_running_loop().create_future()

        def done(stored: Stored) -> None:
            if not reply.done():
                reply.set_exception(stored) if isinstance(stored, Exception) else reply.set_result(stored)

        self.give(answers, done)
        return await reply

    def give(self, answers: Sequence[Posted], done: Callable[[Stored], None]) -> None:
        """Store the answers of one request; ``done`` is called on the running event loop once they are committed."""
        self._waiting.put(_Request(answers, asyncio.get_running_loop(), done))

    def _run(self, identify: Identifier) -> None:
        with contextlib.closing(identify):
            while requests := self._next():
                self._settle(identify, requests)
        if self._store is not None:
            self._store.close()

    def _next(self) -> list[_Request]:
        first = self._waiting.get()
        if first is None:
            return []
        requests = [first]
        with contextlib.suppress(queue.Empty):
            while len(requests) < AT_ONCE:
                following = self._waiting.get_nowait()
                if following is None:
                    self._waiting.put(None)
                    break
                requests.append(following)
        return requests

    def _settle(self, identify: Identifier, requests: list[_Request]) -> None:
        try:
            results: list[Stored] = list(self._append(identify, requests))
        except Exception as error:
            if len(requests) > 1:
                # One request that cannot be stored must not take the others with it.
                for each in requests:
                    self._settle(identify, [each])
                return
            if not isinstance(error, TeamError):
                log.exception("Answers could not be stored")
            results = [error]
        loop = requests[0].loop
        with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits for the reply any more
            loop.call_soon_threadsafe(_reply, requests, results)

    def _append(self, identify: Identifier, requests: list[_Request]) -> list[list[Receipt]]:
        identities = [[identify(each) for each in request.answers] for request in requests]
        batches = [
            [self._new_answer(posted, identity) for posted, identity in zip(request.answers, found, strict=True)]
            for request, found in zip(requests, identities, strict=True)
        ]
        outcomes = self._open().append(self._dataset, batches)
        if self._store is None or self._store.replaced():
            outcomes = self._open().append(self._dataset, batches)  # what is in it already is confirmed once more
        return [
            [Receipt(*each) for each in zip(request.answers, done, found, strict=True)]
            for request, done, found in zip(requests, outcomes, identities, strict=True)
        ]

    def _open(self) -> Store:
        """The database that lies at its path now: one that was deleted or replaced would swallow all answers."""
        if self._store is not None and self._store.replaced():
            gone, self._store = self._store, None
            with contextlib.suppress(TeamError):
                gone.close()
            log.error("The database was deleted or replaced by another; answers go to the one that is there now.")
        if self._store is None:
            self._store = self._open_store()
        return self._store

    def _new_answer(self, posted: Posted, identity: bytes) -> NewAnswer:
        keys, session_id = posted.keys, posted.session.id
        answer_id = keys.answer_id
        if self._newest is not None and keys.replaces is None and self._newest.cannot_be_named(session_id, identity):
            answer_id = None
        return NewAnswer(
            content=posted.content,
            input_hash=keys.input_hash,
            task_hash=keys.task_hash,
            annotator=session_id,
            identity=identity,
            answer_id=answer_id,
            replaces=keys.replaces,
            sessions=(session_id,),
        )


def _reply(requests: list[_Request], results: list[Stored]) -> None:
    for request, result in zip(requests, results, strict=True):
        try:
            request.done(result)
        except Exception:
            log.exception("An answer was stored, but could not be confirmed")  # the others' must be


class MalformedError(Exception):
    """A request's body is not what it should be; ``status`` is the HTTP status that says how."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class Owner(msgspec.Struct):
    """Whose answers a page says that it sends, or whose tasks it asks for."""

    dataset: str = ""
    annotator: str | None = None
    team: str | None = None


class _Body(msgspec.Struct):
    answers: list[msgspec.Raw]
    session_id: str | None = None
    owner: Owner | None = None
    screen: str | None = None
    shown: list[Any] = []


_bodies = msgspec.json.Decoder(_Body)
_answers = msgspec.json.Decoder(AnswerKeys)


def read_answers(
    body: bytes,
    *,
    view_id: str,
    find_session: FindSession,
    check_owner: Callable[[Owner | None, Session], None] = lambda owner, session: None,  # noqa: ARG005
    now: float | None = None,
    version: str | None = None,
) -> Given:
    """What is in the body of ``/give_answers``, its answers ready to be stored.

    Args:
        find_session: The session of a request that gives this id, or none, for an answer that carries that one; may
            refuse by raising.
        version: Of labels and guidelines, for answers that carry none.
        check_owner: Refuses, by raising, what the page says is not for the session it would be stored under.

    Raises:
        MalformedError: The body is no JSON, or an answer holds a number that nobody could read again (400); or it lacks
            what makes it an answer (422). Nothing is stored then.
    """
    try:
        if not body.isascii():
            str(body, "utf-8")  # the decoder looks at no bytes that it passes on, and whoever reads them stumbles
        request = _bodies.decode(body)
    except msgspec.ValidationError as error:
        raise MalformedError(422, f'The body should be {{"answers": [task, …]}}: {error}') from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise MalformedError(400, f"The body is no JSON: {error}") from None
    if (wrong := unreadable_number(request.answers, body)) is not None:
        raise MalformedError(400, wrong)
    seconds = time.time() if now is None else now
    found = [
        _read_answer(raw, number, request.session_id, view_id, find_session, seconds, version)
        for number, raw in enumerate(request.answers)
    ]
    if request.owner is not None:
        for session in {each.session for each in found} or {find_session(request.session_id, None)}:
            check_owner(request.owner, session)
    return Given(found, request.session_id, request.screen, hashes(request.shown))


def hashes(values: list[Any]) -> tuple[int, ...]:
    """Those of a page's values that can be a task's hash."""
    return tuple(each for each in values if type(each) is int and -(2**63) <= each < 2**63)


def _read_answer(
    raw: msgspec.Raw,
    number: int,
    given: str | None,
    view_id: str,
    find_session: FindSession,
    now: float,
    version: str | None,
) -> Posted:
    try:
        keys = _answers.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        detail = f"answers[{number}] should be the task as it was served, with an answer: {error}"
        raise MalformedError(422, detail) from None
    own = keys.session_id if isinstance(keys.session_id, str) else None
    session = find_session(given, own)
    content = stored_content(bytes(raw), keys, session_id=session.id, view_id=view_id, now=now, version=version)
    return Posted(session, keys, content)
