"""The token view alone on a page, under the page's strict policy, with the mouse moved token by token."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Route

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "src" / "prodigy_team" / "annotate" / "page"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; require-trusted-types-for 'script'"
)
HTML = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Tokens</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<link rel="stylesheet" href="app.css"><script src="app.js" defer></script></head>
<body><h1>Tokens</h1><input aria-label="a field"><main></main></body></html>"""
STYLE = """:root { color-scheme: light dark; font: 16px/1.5 "Noto Sans", sans-serif; }
body { max-width: 44rem; margin: 1rem auto; padding: 0 1rem; background: #fff; color: #1d2330; }
main { font-size: 1.25rem; } h1 { font-size: 1rem; }
@media (prefers-color-scheme: dark) { body { background: #1c212c; color: #e6e9f0; } }
"""


def esbuild() -> str:
    """The bundler of the page's own sources; skips where `npm ci` was not run."""
    local = PAGE / "node_modules" / ".bin" / "esbuild"
    found = os.environ.get("PT_ESBUILD") or (str(local) if local.exists() else shutil.which("esbuild"))
    if not found:
        pytest.skip("no esbuild: run `npm ci` in the page's folder, or set PT_ESBUILD")
    return found


def bundle(source: Path, *more: str) -> str:
    """A TypeScript file that imports the token views as "SPANS", as one script."""
    command = [esbuild(), str(source), "--bundle", "--format=iife", "--log-level=error", *more]
    command.append(f"--alias:SPANS={PAGE / 'source' / 'spans' / 'index.ts'}")
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def serve(page: Page, script: str) -> None:
    """Open a page made of a script and the token views' styles, without a network."""
    style = STYLE + (PAGE / "source" / "spans" / "spans.css").read_text()
    contents = {"/": ("text/html", HTML), "/app.js": ("text/javascript", script), "/app.css": ("text/css", style)}

    def answer(route: Route) -> None:
        kind, body = contents[re.sub(r"^https?://[^/]+", "", route.request.url)]
        headers = {"content-type": f"{kind}; charset=utf-8", "content-security-policy": POLICY}
        route.fulfill(body=body, headers=headers)

    page.route("http://tokens.test/**", answer)
    page.goto("http://tokens.test/")


def fail_on_errors(page: Page) -> list[str]:
    """Collects console errors and page errors from now on; violations of the policy are among the former."""
    problems: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            problems.append(message.text)

    page.on("console", heard)
    page.on("pageerror", lambda error: problems.append(str(error)))
    return problems


def task_of(text: str, pattern: str = r"\n+|\w+|[^\w\s]", **extra: Any) -> dict[str, Any]:
    """A task whose tokens are the pattern's matches; offsets are Python's, so code points."""
    found = enumerate(re.finditer(pattern, text))
    tokens = [
        {"text": m[0], "start": m.start(), "end": m.end(), "id": i, "ws": text[m.end() : m.end() + 1] == " "}
        for i, m in found
    ]
    return {"text": text, "tokens": tokens, **extra}


class Tokens:
    """One token view in a browser."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.task: dict[str, Any] = {}
        self.problems = fail_on_errors(page)

    def watched(self) -> Iterator[Tokens]:
        """For one test: fails at its end if anything went wrong on the page."""
        self.page.mouse.move(0, 0)
        self.problems.clear()
        yield self
        self.page.mouse.up()
        assert self.problems == []

    def open(self, task: str | dict[str, Any], **options: Any) -> None:
        """Draw a task, given whole or as a text."""
        self.task = task_of(task) if isinstance(task, str) else task
        self.page.evaluate("([task, options]) => openTask(task, options)", [self.task, options])

    def boxes(self, at: int) -> dict[str, float]:
        """Where a token is drawn: left, right, top, bottom in pixels of the window."""
        box: dict[str, float] = self.page.evaluate("at => boxOf(at)", at)
        return box

    def point(self, at: int, across: float = 0.5, down: float = 0.5) -> tuple[int, int]:
        """A pixel on a token: `across` and `down` are shares of its box, from the left and the top."""
        box = self.boxes(at)
        x = box["left"] + (box["right"] - box["left"]) * across
        y = box["top"] + (box["bottom"] - box["top"]) * down
        return round(x), round(y)

    def drag(self, start: tuple[int, int], *stops: tuple[int, int]) -> None:
        """Press at the first pixel, pass the others, release at the last."""
        self.press(start, *stops)
        self.page.mouse.up()

    def press(self, start: tuple[int, int], *stops: tuple[int, int]) -> None:
        """As `drag`, without the release."""
        self.page.mouse.move(*start)
        self.page.mouse.down()
        for stop in stops:
            self.page.mouse.move(*stop, steps=4)

    def select(self, first: int, last: int) -> None:
        """Drag from the middle of one token to that of another."""
        self.drag(self.point(first), self.point(last))

    def keys(self, *keys: str) -> None:
        """Press keys one after another."""
        for key in keys:
            self.page.keyboard.press(key)

    @property
    def spans(self) -> list[dict[str, Any]]:
        """The view's spans."""
        spans: list[dict[str, Any]] = self.page.evaluate("view().spans()")
        return spans

    @property
    def marked(self) -> list[tuple[str, str]]:
        """Text, cut out by Python at the spans' offsets, and label of each; token numbers must agree."""
        for span in self.spans:
            if "token_start" in span:
                assert self.task["tokens"][span["token_start"]]["start"] == span["start"]
                assert self.task["tokens"][span["token_end"]]["end"] == span["end"]
        return [(self.task["text"][span["start"] : span["end"]], span["label"]) for span in self.spans]

    def seen(self, what: str) -> list[Any]:
        """What the page was told: `changes`, `said` or `labels`."""
        found: list[Any] = self.page.evaluate("what => seen[what]", what)
        return found

    @property
    def picked(self) -> str | None:
        """The tokens shown as selected, as "first-last"."""
        found: str | None = self.page.locator(".spans-text").get_attribute("data-picked")
        return found

    @property
    def texts(self) -> Sequence[str]:
        """The drawn text, line by line, without labels."""
        script = """() => [...document.querySelectorAll(".spans-text > div:not(.spans-cursor)")].map(block => {
          const copy = block.cloneNode(true);
          copy.querySelectorAll(".spans-chip").forEach(chip => chip.remove());
          return copy.textContent;
        })"""
        found: list[str] = self.page.evaluate(script)
        return found


def opened(browser: Browser, script: str, **context: Any) -> Iterator[Tokens]:
    """A page in a context of its own, with the harness on it."""
    own = browser.new_context(viewport={"width": 900, "height": 700}, **context)
    tokens = Tokens(own.new_page())
    serve(tokens.page, script)
    yield tokens
    own.close()
