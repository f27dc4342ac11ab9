"""Whose a request is, by what lets it in and what it says itself; each request is judged here before it is answered."""

from __future__ import annotations

from typing import Any

from prodigy_team.annotate import web
from prodigy_team.annotate.admission import OPEN, Admission
from prodigy_team.annotate.answers import Owner
from prodigy_team.annotate.sessions import Session, Sessions

BROWSER_COOKIE = "prodigy_team_browser"
_NAME = "prodigy_team.annotator"


class Asking:
    """Tells the session of a request. Behind a gateway it is the gateway's to say, and nobody else may be named."""

    def __init__(self, dataset: str, team: Any, *, sessions: Sessions, admission: Admission | None) -> None:
        """Begin.

        Args:
            team: The team's name, or None.
        """
        self._dataset, self._team, self._sessions, self._admission = dataset, team, sessions, admission

    def enter(self, scope: web.Scope) -> None:
        """Let a request in, once, before anything else is made of it.

        Raises:
            HttpError: It may not come in, or names a session that is not its own.
        """
        if self._admission is None or scope.get("path") in OPEN:
            return
        scope[_NAME] = self._admission.admit(scope)
        if scope.get("query_string"):  # the short way takes no address that has one
            self.session(scope, self.named_in_query(scope))

    def session(self, scope: web.Scope, given: str | None) -> Session:
        """The session of a request that names this one, or none.

        Raises:
            SessionRefusedError: As `Sessions.find`.
            HttpError: It is not the asker's.
        """
        if self._admission is None:
            return self._sessions.find(given, browser=web.cookie(scope, BROWSER_COOKIE))
        return self._own(scope, given)

    def session_of_answer(self, scope: web.Scope, given: str | None, own: str | None) -> Session:
        """As ``session``, for an answer that carries a session of its own."""
        if self._admission is None:
            return self._sessions.find_owner(given, own, browser=web.cookie(scope, BROWSER_COOKIE))
        return self._own(scope, given, own)

    def _own(self, scope: web.Scope, *given: str | None) -> Session:
        assert self._admission is not None, "it is asked behind a gateway alone"
        name: str = scope[_NAME]
        session = self._sessions.find(f"{self._dataset}-{name}")
        for each in given:
            if each and each != session.id and each != name:
                raise self._admission.refusal(scope, f"The session {ascii(each)[:80]} is not yours.")
        return session

    def check_owner(self, scope: web.Scope, owner: Owner | None, session: Session) -> None:
        """Refuse what a page says is another team's, dataset's or annotator's.

        Pages behind one gateway share one origin, and a port may be given to another server, so that a page's outbox
        can reach a server that it is not for.

        Raises:
            HttpError: 403.
        """
        if owner is None:
            return
        own = (session.id if session.named else "", self._dataset, self._team)
        given = (owner.annotator or "", owner.dataset, owner.team if owner.team and self._team else self._team)
        if given == own:
            return
        whose = ascii(owner.annotator or owner.dataset or owner.team or "somebody else")[1:-1][:120]
        why = f"This comes from a page of {whose}, which this server is not for."
        raise self._admission.refusal(scope, why) if self._admission else web.HttpError(403, why)

    def named_in_query(self, scope: web.Scope) -> str | None:
        """The session that the address names."""
        name = web.query(scope, "session")
        return f"{self._dataset}-{name}" if name else None

    def gateway(self, scope: web.Scope) -> dict[str, str] | None:
        """What a page may say of the gateway that it came through; None where it did not."""
        if self._admission is None or self._admission.is_direct(scope):
            return None
        return {"name": scope[_NAME], "home": "../../", "logout": "../../logout"}
