"""Real pages of real servers: what an annotator does with mouse and keys, and what must not go wrong meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedded import EmbeddedServer, write_jsonl
from support import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page


def tasks_of(count: int, **more: Any) -> list[dict[str, Any]]:
    """Numbered tasks."""
    return [{"text": f"task {number}", **more} for number in range(1, count + 1)]


def start(
    folder: Path,
    tasks: Sequence[Mapping[str, Any]],
    *,
    view: str = "text",
    recipe: Sequence[str] = (),
    settings: Mapping[str, Any] | None = None,
    annotators: Sequence[str] = ("ana",),
    image_hosts: Sequence[str] = (),
    within: float = 60,
    kind: type[EmbeddedServer] = EmbeddedServer,
    **mark: Any,
) -> EmbeddedServer:
    """A server of a team named "team" for these tasks, in the dataset "ds"; ``mark`` is what else it is told."""
    write_jsonl(folder / "source.jsonl", tasks)
    argv = [*recipe] if recipe else ["mark", "ds", "source.jsonl", "--view-id", view]
    state = folder / "state"
    (state / "servers").mkdir(parents=True, exist_ok=True)
    context = {"team": "team", "name": "server", "annotators": list(annotators), "state": str(state), **mark}
    env = {"PRODIGY_TEAM_SERVER": json.dumps({**context, "image_hosts": list(image_hosts)})}
    env["PRODIGY_CONFIG_OVERRIDES"] = json.dumps(dict(settings or {}))
    if annotators:
        env["PRODIGY_ALLOWED_SESSIONS"] = ",".join(annotators)
    return kind(folder, argv, env=env).start(within=within)


class Desk:
    """One page of a server, and what went wrong on it."""

    def __init__(self, page: Page, address: str, server: Any = None) -> None:
        self.page, self.address, self._server = page, address, server
        self.problems: list[str] = []
        self.harmless: tuple[str, ...] = ()
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.set_default_timeout(60_000)

    def _heard(self, message: ConsoleMessage) -> None:
        # A page goes on asking, at moments of its own, a server that the test has ended. Other servers never are.
        ended = ("net::ERR_",) if getattr(self._server, "ended", False) else ()
        harmless = (*self.harmless, *ended)
        if message.type in ("error", "warning") and not any(each in message.text for each in harmless):
            self.problems.append(f"{message.type}: {message.text}")

    def open(self) -> Desk:
        """Load the page, and wait until it shows something to do, or says that there is nothing."""
        self.page.goto(self.address)
        self.page.wait_for_selector("article.card, section.end")
        return self

    def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def shows(self, text: str) -> None:
        """Wait until the card shows a text."""
        self.page.locator(".card").filter(has_text=text).first.wait_for()

    @property
    def unsent(self) -> int:
        """How many answers the page says the server has not got."""
        return int(self.page.locator("[data-unsent]").get_attribute("data-unsent") or "0")

    def all_sent(self, *, within: float = 60) -> None:
        """Wait until the page says that everything is sent."""
        self.page.wait_for_selector('[data-unsent="0"]', timeout=within * 1000)

    def checked(self) -> None:
        """Fail if anything went wrong on the page."""
        assert self.problems == [], "\n".join(self.problems)


Opener = Callable[..., Desk]


@contextmanager
def desks(browser: Browser) -> Iterator[Opener]:
    """Opens pages, each in a browser profile of its own unless one is given; fails at the end if any had a problem."""
    opened: list[Desk] = []
    contexts: list[BrowserContext] = []

    def open_desk(
        server: EmbeddedServer,
        *,
        query: str = "",
        context: BrowserContext | None = None,
        load: bool = True,
        **options: Any,
    ) -> Desk:
        if context is None:
            context = browser.new_context(**{"viewport": {"width": 1200, "height": 800}, **options})
            contexts.append(context)
        desk = Desk(context.new_page(), f"http://127.0.0.1:{server.port}/{query}", server)
        opened.append(desk)
        return desk.open() if load else desk

    try:
        yield open_desk
        for desk in opened:
            desk.checked()
    finally:
        for context in contexts:
            context.close()


def answers(server: EmbeddedServer, dataset: str = "ds") -> list[dict[str, Any]]:
    """What is stored, in link order."""
    return server.stored(dataset) if server.database.exists() else []


def stored(server: EmbeddedServer, count: int, *, within: float = 60) -> list[dict[str, Any]]:
    """Wait until so many answers are stored, and return them."""
    eventually(lambda: len(answers(server)) >= count, within=within, message=f"{count} answers")
    found = answers(server)
    assert len(found) == count, [each.get("text") for each in found]
    return found
