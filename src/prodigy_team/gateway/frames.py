"""The frame of the pages that people see after their login: one style sheet, one small program, both from files."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import resources

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from prodigy_team.gateway.html import Content, Html, tag
from prodigy_team.gateway.values import Visitor

KINDS = {"board.css": "text/css", "board.js": "text/javascript"}


def framed(
    title: str,
    content: Content,
    *,
    base: str,
    visitor: Visitor,
    here: str = "",
    again: int | None = None,
    scripted: bool = True,
    status: int = 200,
    has_tasks: bool = False,
) -> Response:
    """A page.

    Args:
        title: Plain text.
        base: The gateway's base path.
        here: Which of the links at the top this page is: "home", "dashboard" or none.
        again: Seconds after which a browser without JavaScript asks anew.
        scripted: With JavaScript the page sees to that itself.
        has_tasks: Somebody who is no annotator has a review to decide.
    """
    head = [
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="robots", content="noindex"),
        tag("title", title),
        tag("link", rel="icon", href=f"{base}/favicon.ico"),
        tag("link", rel="stylesheet", href=f"{base}/static/board.css"),
        tag("script", src=f"{base}/static/board.js", defer=True),
    ]
    if again is not None:
        refresh = tag("meta", http_equiv="refresh", content=again)
        head.append(tag("noscript", refresh) if scripted else refresh)
    body = tag("body", _top(title, base, visitor, here, has_tasks=has_tasks), tag("main", content))
    return HTMLResponse("<!DOCTYPE html>\n" + tag("html", tag("head", head), body, lang="en"), status_code=status)


def _top(title: str, base: str, visitor: Visitor, here: str, *, has_tasks: bool) -> Html:
    links = [("home", f"{base}/", "My tasks")] if visitor.annotator or has_tasks or here == "home" else []
    links += [("dashboard", f"{base}/dashboard", "Dashboard")] if visitor.manager else []
    shown = [tag("a", text, href=to, aria_current="page" if key == here else None) for key, to, text in links]
    out = [tag("span", visitor.name, class_="who"), tag("a", "Log out", href=f"{base}/logout")]
    return tag("header", tag("h1", title), tag("nav", shown, out, aria_label="Pages"))


def table(caption: str, names: Iterable[str], rows: Content) -> Html:
    """A table that can be scrolled sideways where a screen is too narrow."""
    cells = [each if isinstance(each, Html) else tag("th", each, scope="col") for each in names]
    found = tag("table", tag("caption", caption), tag("thead", tag("tr", cells)), tag("tbody", rows))
    return tag("div", found, class_="scroll", tabindex="0", role="region", aria_label=caption)


def row(name: Content, *cells: Content) -> Html:
    """A line of a table; its first cell says what it is about."""
    return tag("tr", tag("th", name, scope="row"), [each if is_cell(each) else tag("td", each) for each in cells])


def is_cell(content: Content) -> bool:
    """Whether it is a cell already."""
    return isinstance(content, Html) and content.startswith("<td")


def bar(done: int, total: int) -> Html:
    """How much of something is done."""
    return tag("progress", value=min(done, total), max=max(1, total), aria_label=f"{done:,} of {total:,}")


@cache
def load_static(name: str) -> bytes:
    """A file of these pages."""
    return (resources.files("prodigy_team.gateway") / "static" / name).read_bytes()


async def send_icon(request: Request) -> Response:  # noqa: ARG001
    """The icon that the annotation page has too."""
    content = (resources.files("prodigy_team") / "annotate" / "page" / "favicon.svg").read_bytes()
    return Response(content, media_type="image/svg+xml", headers={"Cache-Control": "no-cache"})


async def send_static(request: Request) -> Response:
    """Style sheet and program; asked again each time, since they change with the package."""
    name = request.path_params["name"]
    if name not in KINDS:
        return Response(status_code=404)
    return Response(load_static(name), media_type=KINDS[name], headers={"Cache-Control": "no-cache"})
