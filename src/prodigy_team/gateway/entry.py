"""The way in and out: the pages for logging in, logging out, and choosing a password by an invitation."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from prodigy_team.gateway.accounts import new_token
from prodigy_team.gateway.forms import form_fields, read_body
from prodigy_team.gateway.identity import Refusal, find_cookie
from prodigy_team.gateway.members import Member
from prodigy_team.gateway.pages import hidden, notice, page
from prodigy_team.gateway.passwords import SHORTEST, BusyError, hash_password, password_problem
from prodigy_team.roster.findings import NAME

if TYPE_CHECKING:
    from prodigy_team.gateway.identity import Identity

LARGEST_FORM = 16 * 1024
"""Bytes."""
LONGEST_PATH = 1500
"""Longer ones are forgotten on the way through the login; they must fit into a cookie."""
REFUSED = (
    "That did not work. Check the name and the password. After several tries in vain the next one counts only when "
    "some time has gone by."
)
_OLD_FORM = "This page was open for too long, or in two windows at once. Please try again."
_VOID = "This link has been used already, or it is too old."
_UNFIT = re.compile(r"[\x00-\x20\x7f\\]")


def entry_routes(identity: Identity) -> list[Route]:
    """The routes, as paths below the gateway's base path."""
    entry = Entry(identity)
    routes = [
        Route("/login", entry.login_page, methods=["GET"]),
        Route("/login", entry.login, methods=["POST"]),
        Route("/logout", entry.logout_page, methods=["GET"]),
        Route("/logout", entry.logout, methods=["POST"]),
        Route("/invitation/{token}", entry.invitation_page, methods=["GET"]),
        Route("/invitation/{token}", entry.invitation, methods=["POST"]),
    ]
    if identity.settings.auth == "oidc":
        from prodigy_team.gateway.visiting import visiting_routes

        routes += visiting_routes(identity, entry)
    return routes


def own_path(wanted: str, base_path: str) -> str:
    """Where a browser may be sent after logging in: a path of the gateway's, else its first page.

    Args:
        wanted: What the address of the login page said, which anybody may have written.
        base_path: "" or "/x/y".
    """
    home = f"{base_path}/"
    path = unquote(wanted.partition("?")[0].partition("#")[0])
    unfit = _UNFIT.search(wanted) or _UNFIT.search(path.replace(" ", "")) or "//" in path
    if unfit or len(wanted) > LONGEST_PATH or not wanted.startswith(home) or {".", ".."} & set(path.split("/")):
        return home
    if path.removeprefix(home).split("/")[0] in ("login", "logout", "invitation", "oidc"):
        return home
    return quote(wanted, safe="/?#[]@!$&'()*+,;=%:~-._")


class Entry:
    """Answers the requests for these pages.

    Args:
        identity: Who checks what they are told.
    """

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._base = identity.settings.base_path
        self._title = identity.settings.team

    async def login_page(self, request: Request) -> Response:
        """The form, or straight on for those who are logged in already."""
        wanted = request.query_params.get("next", "")
        if self._identity.visitor(request.scope) is not None:
            return self._redirect(own_path(wanted, self._base))
        if self._identity.settings.auth == "header":
            text = "You get here by your organisation's login, which has not said who you are."
            return page("Not logged in", f"<h1>You are not logged in</h1>{notice(text)}", status=401)
        if self._identity.settings.auth == "oidc":
            link = f"{self._base}/oidc/start?next={quote(own_path(wanted, self._base), safe='/')}"
            text = f"<h1>Log in to {escape(self._title)}</h1><p>You log in at your organisation and come back here.</p>"
            return page(f"Log in – {self._title}", f'{text}<p><a class="button" href="{escape(link)}">Log in</a></p>')
        return self._login_form(request, wanted=wanted)

    async def login(self, request: Request) -> Response:
        """Check name and password."""
        form = await self._form(request)
        if isinstance(form, Response):
            return form
        name, wanted = form.get("name", ""), form.get("next", "")
        if not self._is_own_form(request, form):
            return self._login_form(request, wanted=wanted, name=name, said=_OLD_FORM, status=403)
        address = self._identity.address(request.scope)
        found = await self._identity.check(name, form.get("password", ""), address)
        if isinstance(found, Refusal):
            return self._login_form(request, wanted=wanted, name=name, said=REFUSED, refusal=found)
        return await self.enter(request, found, own_path(wanted, self._base))

    async def logout_page(self, request: Request) -> Response:
        """A button: nobody is logged out by a picture on another page."""
        visitor = self._identity.visitor(request.scope)
        if visitor is None:
            return self._redirect(f"{self._base}/login")
        if self._identity.settings.auth == "header":
            text = f"You are logged in as {visitor.name} by your organisation. Log out there."
            return page("Log out", f"<h1>Log out</h1><p>{escape(text)}</p>")
        return page(
            "Log out",
            f"<h1>Log out, {escape(visitor.name)}?</h1><p>Answers that were not sent yet stay in this browser.</p>"
            f'<form method="post" action="{self._base}/logout">{hidden("csrf", visitor.csrf)}'
            f'<button>Log out</button></form><p><a href="{self._base}/">No, go back</a></p>',
        )

    async def logout(self, request: Request) -> Response:
        """End the login. What the browser keeps of unsent answers stays, for its owner's next login."""
        form = await self._form(request)
        if isinstance(form, Response):
            return form
        visitor, token = self._identity.visitor(request.scope), self._identity.token(request.scope)
        if visitor is not None and not hmac.compare_digest(form.get("csrf", "").encode(), visitor.csrf.encode()):
            return self._redirect(f"{self._base}/logout")
        if visitor is not None and token is not None:
            await self._identity.workers.run_quick(lambda: self._identity.log_out(token))
        answer = self._redirect(f"{self._base}/login")
        self.put_cookie(request, answer, self._login_cookie(request), "", max_age=0)
        return answer

    async def invitation_page(self, request: Request) -> Response:
        """The form for a new password; looking at it uses nothing up, for programs that read mail look too."""
        member = self._invited(request)
        return self._invitation_form(request, member) if member else self._void_invitation()

    async def invitation(self, request: Request) -> Response:
        """Set the password, and log in."""
        form = await self._form(request)
        if isinstance(form, Response):
            return form
        token, member = request.path_params["token"], self._invited(request)
        if member is None:
            return self._void_invitation()
        password = form.get("password", "")
        said = "" if self._is_own_form(request, form) else _OLD_FORM
        said = said or password_problem(password, member.name)
        if not said and password != form.get("again", ""):
            said = "The two passwords differ. Please type both again."
        if said:
            return self._invitation_form(request, member, said=said)
        try:
            done = await self._identity.workers.run(
                lambda: self._identity.accounts.accept(token, hash_password(password))
            )
        except BusyError:
            return self._invitation_form(request, member, said="Too many people come in at once. Please try again.")
        return await self.enter(request, member, f"{self._base}/") if done else self._void_invitation()

    async def enter(self, request: Request, member: Member, path: str) -> Response:
        """A new login in any case: a token that was there before may be known to somebody else."""
        identity, former = self._identity, self._identity.token(request.scope)
        if former and identity.visitor(request.scope) is not None:
            await identity.workers.run_quick(lambda: identity.log_out(former))
        address = identity.address(request.scope)
        token = await identity.workers.run_quick(lambda: identity.log_in(member, address))
        answer = self._redirect(path)
        self.put_cookie(request, answer, self._login_cookie(request), token)
        return answer

    def _login_form(
        self,
        request: Request,
        *,
        wanted: str,
        name: str = "",
        said: str = "",
        status: int = 401,
        refusal: Refusal | None = None,
    ) -> Response:
        mark, fresh = self._form_mark(request)
        wait = refusal.wait if refusal else 0.0
        described = ' aria-describedby="notice"' if said else ""
        # what is no name may be a password in the wrong field
        name = name.strip() if NAME.fullmatch(name.strip()) else ""
        content = (
            f"<h1>Log in to {escape(self._title)}</h1>{notice(said)}"
            f'<form method="post" action="{self._base}/login">{hidden("form", self._identity.form_token(mark))}'
            f"{hidden('next', wanted if len(wanted) <= LONGEST_PATH else '')}"
            f'<label for="name">Name</label><input id="name" name="name" value="{escape(name)}" required '
            f'autocomplete="username" autocapitalize="none" spellcheck="false"{described}'
            f"{'' if name else ' autofocus'}>"
            '<label for="password">Password</label><input id="password" name="password" type="password" required '
            f'autocomplete="current-password"{" autofocus" if name else ""}{described}><button>Log in</button></form>'
            '<p class="faint">Forgot your password? Whoever invited you can send a new link.</p>'
        )
        headers = {"retry-after": str(int(wait) + 1)} if wait else {}
        status = 429 if wait else status if said else 200
        # a redirect that answers a form may lead to a server's own address
        forms = "'self' http: https:" if self._identity.settings.hand_off == "redirect" else "'self'"
        answer = page(f"Log in – {self._title}", content, status=status, headers=headers, forms=forms)
        if fresh:
            self._set_form_cookie(request, answer, mark)
        return answer

    def _invitation_form(self, request: Request, member: Member, *, said: str = "") -> Response:
        mark, fresh = self._form_mark(request)
        described = ' aria-describedby="notice"' if said else ""
        field = (
            '<label for="{0}">{1}</label><input id="{0}" name="{0}" type="password" required '
            f'minlength="{SHORTEST}" autocomplete="new-password"{described}>'
        )
        content = (
            f"<h1>Hello {escape(member.name)}</h1><p>Choose a password for {escape(self._title)}. You will need it, "
            f"with your name, each time you log in.</p>{notice(said)}"
            f'<form method="post">{hidden("form", self._identity.form_token(mark))}'
            f'<label for="name">Your name</label><input id="name" value="{escape(member.name)}" readonly '
            f'autocomplete="username">{field.format("password", f"New password, at least {SHORTEST} characters")}'
            f"{field.format('again', 'The same password once more')}<button>Save and begin</button></form>"
        )
        answer = page(f"Welcome – {self._title}", content, status=400 if said else 200)
        if fresh:
            self._set_form_cookie(request, answer, mark)
        return answer

    def _invited(self, request: Request) -> Member | None:
        """Whom an invitation is for; None where it is void, and for whoever left the roster or was locked since."""
        if self._identity.settings.auth != "password":
            return None
        name = self._identity.accounts.invited(request.path_params["token"])
        member = self._identity.members.find(name) if name else None
        return None if member and self._identity.is_locked(member) else member

    def _void_invitation(self) -> Response:
        content = (
            f"<h1>This link does not work any more</h1><p>{_VOID} Whoever sent it to you can send a new one.</p>"
            f'<p><a class="button" href="{self._base}/login">I have a password: log in</a></p>'
        )
        return page("Link not valid", content, status=404)

    async def _form(self, request: Request) -> Mapping[str, str] | Response:
        """The fields of a form that this page may have sent, or the answer to what it has not."""
        site = request.headers.get("sec-fetch-site", "same-origin")
        if site not in ("same-origin", "none"):
            return page("Refused", f"<h1>Refused</h1>{notice('This form came from another page.')}", status=403)
        body = await read_body(request, largest=LARGEST_FORM)
        if body is None:
            return page("Too large", f"<h1>Too large</h1>{notice('That was too much text.')}", status=413)
        try:
            return form_fields(body)
        except ValueError:
            return page("Not readable", f"<h1>Not readable</h1>{notice('The form could not be read.')}", status=400)

    def _form_mark(self, request: Request) -> tuple[str, bool]:
        """What this browser's forms are known by before anybody is logged in, and whether it is new."""
        mark = find_cookie(request.scope, self._form_cookie.encode())
        return (mark, False) if mark else (new_token(), True)

    def _is_own_form(self, request: Request, form: Mapping[str, str]) -> bool:
        mark = find_cookie(request.scope, self._form_cookie.encode())
        given = form.get("form", "").encode("utf-8", "surrogatepass")
        return mark is not None and hmac.compare_digest(given, self._identity.form_token(mark).encode())

    @property
    def _form_cookie(self) -> str:
        return f"{self._identity.cookie_name(secure=False)}-form"

    def _set_form_cookie(self, request: Request, answer: Response, mark: str) -> None:
        self.put_cookie(request, answer, self._form_cookie, mark)

    def put_cookie(
        self, request: Request, answer: Response, name: str, value: str, *, max_age: int | None = None
    ) -> None:
        """Set a cookie that scripts and other sites do not get at; without an age until the browser is closed."""
        secure, path = self._identity.is_secure(request.scope), self._base or "/"
        answer.set_cookie(name, value, max_age=max_age, path=path, secure=secure, httponly=True, samesite="lax")

    def _login_cookie(self, request: Request) -> str:
        return self._identity.cookie_name(secure=self._identity.is_secure(request.scope))

    def _redirect(self, path: str) -> Response:
        return RedirectResponse(path, status_code=303, headers={"cache-control": "no-store"})
