"""What people see before they are at work: a button to their tasks, and the page while their server starts."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from prodigy_team.gateway.pages import hidden, page
from prodigy_team.gateway.values import GatewaySettings, Scope, Visitor, Waking

LOOK_AGAIN = 1
"""Seconds after which the page of a server that starts asks again; without a program of its own it can do no better."""


class PlainBoard:
    """The pages without figures."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._team, self._base = settings.team, settings.base_path

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """The page after login."""
        return [Route("/", self._home)]

    def starting(self, scope: Scope, visitor: Visitor, waking: Waking | None) -> Response:  # noqa: ARG002
        """What is shown in place of a server that is on its way up, or did not come up."""
        if waking is not None and waking.problem:
            text = (
                "<h1>Your tasks are not at hand</h1><p>The annotation server did not start. Tell whoever runs it.</p>"
            )
            again = f'<a class="button" href="{escape(self._base)}/a/{visitor.name}/">Try again</a>'
            return page(self._team, text + again, status=503)
        ahead = waking.ahead if waking else 0
        turn = f"<p>{ahead} before you.</p>" if ahead else ""
        text = f"<h1>Your tasks are being prepared</h1>{turn}<p>This page goes on by itself.</p>"
        return page(self._team, text, headers={"refresh": str(LOOK_AGAIN)})

    async def _home(self, request: Request) -> Response:
        visitor: Visitor = request.scope["visitor"]
        start = (
            f'<a class="button" href="{escape(self._base)}/a/{visitor.name}/">Annotate</a>' if visitor.annotator else ""
        )
        out = f'<form method="post" action="{escape(self._base)}/logout">{hidden("csrf", visitor.csrf)}'
        return page(self._team, f"<h1>{escape(visitor.name)}</h1>{start}{out}<button>Log out</button></form>")
