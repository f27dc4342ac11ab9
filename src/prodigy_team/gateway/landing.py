"""What annotators see: their task with one button, and a page while their server starts. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prodigy_team.gateway.frames import bar
from prodigy_team.gateway.html import Content, tag
from prodigy_team.gateway.values import Barred, Waking
from prodigy_team.roster.values import Roster, Server

_HEADING = re.compile(r"^\s*#\s+(.+?)\s*#*\s*$|<h[1-3][^>]*>\s*([^<]+?)\s*</h", re.MULTILINE | re.IGNORECASE)
_MOST = 8_000  # characters of the instructions in which a heading is looked for
_LABELS = 12
_NOT_RUNNING: Mapping[Barred, str] = {
    "": "Your server is asleep; it takes a few seconds to start.",
    "stopped": "Your server was stopped by the team's manager: ask them when you can go on.",
    "given up": "Your server failed too often to be started by itself: tell whoever runs the project.",
}


@dataclass(frozen=True)
class Desk:
    """Somebody's own task.

    Attributes:
        title: The instructions' heading, or "".
        labels: The first of them.
        more: How many further ones there are.
    """

    name: str
    recipe: str
    title: str
    labels: tuple[str, ...]
    more: int


def desk_of(roster: Roster, annotator: str, settings: Mapping[str, Any]) -> Desk | None:
    """What the roster has for somebody; None where it has nothing. Reads the files of labels and instructions.

    Args:
        settings: Of their server, as `settings.read_settings` has them.
    """
    server = next((each for each in roster.servers if annotator in each.annotators), None)
    if server is None:
        return None
    labels = _labels(server)
    return Desk(annotator, server.recipe, _title(server, settings), labels[:_LABELS], len(labels[_LABELS:]))


def _labels(server: Server) -> tuple[str, ...]:
    if not isinstance(server.labels, Path):
        return server.labels or ()
    lines = _read(server.labels).splitlines()
    return tuple(line.strip() for line in lines if line.strip())


def _title(server: Server, settings: Mapping[str, Any]) -> str:
    given = settings.get("instructions")
    found = _HEADING.search(_read(server.directory / given)) if isinstance(given, str) and given else None
    return re.sub(r"[*_`]", "", found[1] or found[2])[:120] if found else ""


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_MOST)
    except OSError:
        return ""


def landing_content(
    desk: Desk | None, own: Mapping[str, Any] | None, *, to: str, runs: bool, barred: Barred = ""
) -> Content:
    """What an annotator has to do, how far they are, and the way there.

    Args:
        own: Their part as `progress --json` has it; None where it is not counted yet.
        to: Where the button leads.
        runs: Their server is up.
        barred: Why nobody's coming starts it; "" where it does.
    """
    if desk is None:
        return tag("section", tag("p", "There are no tasks for you here at the moment."), class_="desk")
    labels = [tag("li", each) for each in desk.labels]
    labels += [tag("li", f"and {desk.more} more", class_="faint")] if desk.more else []
    return tag(
        "section",
        tag("h2", desk.title or "Your task"),
        tag("p", "Task: ", tag("code", desk.recipe)),
        tag("ul", labels, class_="labels", aria_label="Labels") if labels else None,
        _progress(own),
        tag("p", tag("a", "Start annotating", href=to, class_="button")),
        None if runs else tag("p", _NOT_RUNNING[barred], class_="faint"),
        id="desk",
        class_="desk",
        data_live=True,
    )


def review_content(name: str, *, to: str) -> Content:
    """The way to the tasks on which others disagree, for the person who decides."""
    return tag(
        "section",
        tag("h2", "Settle what others dispute"),
        tag("p", "Task: ", tag("code", name)),
        tag("p", tag("a", "Start deciding", href=to, class_="button")),
        class_="desk",
    )


def _progress(own: Mapping[str, Any] | None) -> Content:
    if own is None:
        return None
    total = own["done"] + own["left"]
    if not own["left"]:
        return tag("p", f"You have answered all {total:,} tasks there are for you." if total else "No tasks yet.")
    return [tag("p", f"You have answered {own['done']:,} of {total:,} tasks."), bar(own["done"], total)]


def why_not(waking: Waking | None) -> str:
    """What a program is told whose person's server does not run."""
    if waking is None or not waking.problem:
        return "Your annotation server is starting. Nothing is lost; ask again in a moment."
    if waking.barred == "stopped":
        return "Your annotation server was stopped by the team's manager. Nothing is lost; ask them when it runs again."
    return "Your annotation server did not start; whoever runs it has to look into it."


def starting_content(waking: Waking | None, *, poll: str, manager: bool, name: str, base: str) -> Content:
    """How far the start of somebody's server is.

    Args:
        poll: What answers with another status than 503 once the server is up.
    """
    if waking is not None and waking.barred == "stopped":
        return _stopped()
    if waking is not None and waking.problem:
        return _failed(waking, manager=manager, name=name, base=base)
    ahead = waking.ahead if waking else 0
    seconds = round(waking.seconds) if waking else 0
    line = f"{ahead} {'server starts' if ahead == 1 else 'servers start'} before it." if ahead else "It is its turn."
    return tag(
        "section",
        tag("h2", "Your server is starting"),
        tag("p", f"Since {seconds} s. {line} This page goes on by itself.", role="status", id="waiting"),
        tag("progress", aria_label="Starting"),
        class_="desk",
        data_poll=poll,
        data_since=seconds,
    )


def _stopped() -> Content:
    return tag(
        "section",
        tag("h2", "Your server was stopped"),
        tag("p", "The team's manager stopped it. Ask them when you can go on; then this page goes on by itself."),
        tag("p", "Nothing is lost: answers that you gave are saved, or wait in this browser."),
        tag("p", tag("a", "Look again now", href="", class_="button")),
        class_="desk",
        role="alert",
    )


def _failed(waking: Waking, *, manager: bool, name: str, base: str) -> Content:
    """What went wrong is for those who can put it right; everybody else hears what it means for them."""
    again = "It is tried again by itself. If it stays so, tell whoever runs the project."
    if waking.barred:
        again = "It failed too often to be tried again by itself. Tell whoever runs the project: they can start it."
    log = tag("a", "its log", href=f"{base}/dashboard/logs/{waking.server or name}")
    reason = tag("p", waking.problem.splitlines()[0][:300], " ", log) if manager else None
    return tag(
        "section",
        tag("h2", "Your server did not start"),
        tag("p", "Nothing is lost: answers that you gave are saved, or wait in this browser."),
        tag("p", again),
        reason,
        tag("p", tag("a", "Try again now", href="", class_="button")),
        class_="desk",
        role="alert",
    )
