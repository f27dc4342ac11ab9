"""Whose request is this: session names, the server's own timestamp session, and browsers that share one address."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from prodigy_team.errors import TeamError

_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d")
_UNFIT = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
LONGEST_NAME = 120


class SessionRefusedError(TeamError):
    """A session that this server is not for, or a name that cannot be one."""


@dataclass(frozen=True)
class Session:
    """One annotator's named work on the dataset, as a request shows it.

    Attributes:
        id: ``DATASET-NAME``, or the timestamp of the server's start; what answers carry.
        desk: Whose open tasks these are: several browsers on one unnamed session each have a desk of their own.
            None for a client that cannot be told from others; it gets the next batch at each call.
        named: Whether the session has a name, so that tasks carry it.
    """

    id: str
    desk: str | None
    named: bool


def timestamp_session(seconds: float | None = None) -> str:
    """The id of the session without a name, in local time, as Prodigy writes it."""
    return time.strftime("%Y-%m-%d_%H-%M-%S", time.localtime(seconds))


def is_timestamp(session_id: str) -> bool:
    """Whether this is the id of a session without a name."""
    return _TIMESTAMP.fullmatch(session_id) is not None


def read_allowed(text: str | None) -> tuple[str, ...]:
    """The names in ``PRODIGY_ALLOWED_SESSIONS``, in order; empty means whoever asks."""
    return tuple(dict.fromkeys(name.strip() for name in (text or "").split(",") if name.strip()))


class Sessions:
    """Tells which session a request belongs to, and refuses those the server is not for."""

    def __init__(
        self,
        dataset: str,
        *,
        allowed: Iterable[str] = (),
        joined: Callable[[], Iterable[str]] | None = None,
        started: float | None = None,
    ) -> None:
        """Begin.

        Args:
            allowed: The people it is for; empty for whoever asks.
            joined: Asked, where somebody else wants in, who has been let in since.
        """
        self.dataset = dataset
        self._joined, self._started = joined, timestamp_session(started)
        self._allow(tuple(allowed))

    def _allow(self, allowed: tuple[str, ...]) -> None:
        self.allowed = allowed
        self._bare = f"{self.dataset}-{allowed[0]}" if len(allowed) == 1 else self._started
        self._known: dict[str, Session] = {}

    def _is_allowed(self, name: str) -> bool:
        if self.allowed and name not in self.allowed and self._joined is not None:
            new = [each for each in self._joined() if each not in self.allowed]
            if new:
                self._allow((*self.allowed, *new))
        return not self.allowed or name in self.allowed

    def find(self, given: str | None, *, browser: str | None = None) -> Session:
        """The session of a request.

        Args:
            given: A session id, a bare name, or None for the address without a name.
            browser: What the page's cookie says, if there is one.

        Raises:
            SessionRefusedError: The name is not allowed here, is missing where one is needed, or cannot be a name.
        """
        if given is not None and given in self._known:
            return self._known[given]
        if not given or given == self._bare:
            return self._unnamed(browser)
        if _TIMESTAMP.fullmatch(given) and not self.allowed:
            # A page opened before a restart goes on under the session it was given then.
            return Session(given, f"{given}\0{browser}" if browser else None, named=False)
        return self._remember(given, self._named(given))

    def find_owner(self, given: str | None, own: str | None, *, browser: str | None = None) -> Session:
        """The session that an answer is stored under: the request's, else the answer's own ``_session_id``.

        An answer's own session counts only if it could be one of this server's. Somebody else's on this dataset is
        refused as any other request of theirs would be, never stored as this server's annotator's.
        """
        if given or not own:
            return self.find(given, browser=browser)
        ours = own.startswith(f"{self.dataset}-") or (_TIMESTAMP.fullmatch(own) and not self.allowed)
        return self.find(own if ours else None, browser=browser)

    def _unnamed(self, browser: str | None) -> Session:
        if len(self.allowed) == 1:
            return Session(self._bare, self._bare, named=True)
        if self.allowed:
            names = ", ".join(self.allowed)
            remedy = f"Open it with ?session=NAME, where NAME is one of {names}."
            raise SessionRefusedError("This server is for named sessions.", remedy=remedy)
        return Session(self._bare, f"{self._bare}\0{browser}" if browser else None, named=False)

    def _named(self, given: str) -> Session:
        name = given.removeprefix(f"{self.dataset}-")
        if not self._is_allowed(name):
            raise SessionRefusedError(
                f"The session {_shown(name)} is not one of this server's.", remedy="Ask who sent you here."
            )
        if not name or len(name) > LONGEST_NAME or _UNFIT.search(name):
            raise SessionRefusedError(
                f"{_shown(name)} cannot be a session's name.",
                remedy=f"Use at most {LONGEST_NAME} printable characters.",
            )
        session_id = f"{self.dataset}-{name}"
        return Session(session_id, session_id, named=True)

    def _remember(self, given: str, session: Session) -> Session:
        if len(self._known) < 10_000:
            self._known[given] = session
        return session


def _shown(name: str) -> str:
    return ascii(name if len(name) <= 60 else name[:57] + "...")
