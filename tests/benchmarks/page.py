"""How fast the annotation page is in Chromium: marking tokens beside Recogito's annotator, the next task, its bytes.

    python tests/benchmarks/page.py                 all of it, about a minute
    python tests/benchmarks/page.py --rounds 9 --list

Needs playwright, Chromium (PT_CHROMIUM or on the PATH) and `npm ci` in src/prodigy_team/annotate/page. Ours and
Recogito's run in turn in one browser. Times are medians over the rounds, from the call (or from the mouse's release) to
the frame with the highlight. Exit code 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import gzip
import os
import random
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from measuring import ROOT, Figure, middle, ratios
from playwright.sync_api import Browser, Page, Response, sync_playwright

sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

from browser import desk  # noqa: E402
from browser.token_harness import PAGE, STYLE, bundle  # noqa: E402

MARKING = Path(__file__).parent / "programs" / "marking.ts"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
WORDS = "the a of and in on report Ann Lee Berlin market said that quickly results , . with from company new".split()  # noqa: SIM905

# In the page: milliseconds from a key's press to the frame that shows another task.
NEXT_TASK = """() => {
  let pressed = 0;
  addEventListener("keydown", (event) => (pressed = event.timeStamp), true);
  window.nextTask = () => new Promise((done) => {
    const root = document.querySelector("[data-task]");
    new MutationObserver((_, observer) => {
      observer.disconnect();
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => done(performance.now() - pressed);
        port2.postMessage(null);
      });
    }).observe(root, { attributeFilter: ["data-task"] });
  });
}"""


def main() -> int:
    """Measure, print, and say whether all goals hold."""
    options = read_options()
    chromium = os.environ.get("PT_CHROMIUM") or shutil.which("chromium")
    if not chromium:
        raise SystemExit("No Chromium: install one, or name it in PT_CHROMIUM.")
    figures: list[Figure] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for figure in chain(marking(browser, options.rounds), whole_page(browser, options.rounds)):
            print(figure.line(), flush=True)
            figures.append(figure)
        browser.close()
    missed = [figure for figure in figures if not figure.holds]
    print(f"{len(figures) - len(missed)} of {len(figures)} goals hold.")
    return 1 if missed else 0


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=7, help="interleaved rounds (default 7)")
    return parser.parse_args()


# --- Marking tokens ---------------------------------------------------------------------------------------------------


def marking(browser: Browser, rounds: int) -> Iterator[Figure]:
    """Build and drop, ours against Recogito's, for the three sizes; and ours at 4x CPU throttling."""
    page = open_marking(browser)
    sizes = [
        ("500 tokens, 40 spans", long_task(500, 40, paragraph=10**6), False),
        ("500 tokens, 40 spans in paragraphs", long_task(500, 40, paragraph=60), False),
        ("500 tokens, 40 overlapping", long_task(500, 40, paragraph=10**6, overlap=True), True),
        ("5,000 tokens, 400 spans in paragraphs", long_task(5000, 400, paragraph=60), False),
        ("5,000 tokens, 400 spans, one paragraph", long_task(5000, 400, paragraph=10**6), False),
    ]
    for slower in (1, 4):
        page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slower})
        for name, task, overlap in sizes if slower == 1 else sizes[:1]:
            measured = [one_round(page, task, overlap) for _ in range(rounds + 1)][1:]
            for part, what in enumerate(("build", "drop")):
                ours, theirs = zip(*(each[part] for each in measured), strict=True)
                note = f"{middle(ours, 'ms', 0)} against {middle(theirs, 'ms', 0)}"
                text = f"{name}{', 4x slower' if slower > 1 else ''}: {what}"
                # Recogito draws no labels in the text, so that nothing of a long paragraph moves for them.
                goal = 1 if part == 0 and name.endswith("one paragraph") else 0.5
                yield Figure("m", text, ratios(ours, theirs), goal, note=note)


def open_marking(browser: Browser) -> Page:
    """A page with both annotators. Recogito writes innerHTML, so the page's own policy cannot hold here."""
    page = browser.new_page(viewport={"width": 900, "height": 700})
    page.on("pageerror", lambda error: print(f"page error: {error}", file=sys.stderr))
    style = STYLE + (PAGE / "source" / "spans" / "spans.css").read_text()
    recogito = PAGE / "node_modules" / "@recogito" / "text-annotator" / "dist"
    script = bundle(MARKING, f"--alias:@recogito/text-annotator={recogito / 'text-annotator.es.js'}", "--minify")
    page.set_content("<!DOCTYPE html><html lang=en><title>Marking</title><main></main>")
    page.add_style_tag(content=style + (recogito / "text-annotator.css").read_text())
    page.add_script_tag(content=script)
    return page


def one_round(page: Page, task: dict[str, Any], overlap: bool) -> list[tuple[float, float]]:
    """(ours, theirs) in milliseconds: to build, and from a drop to its highlight."""
    free = free_place(task)
    ours_built = page.evaluate("([task, overlap]) => buildOurs(task, overlap)", [task, overlap])
    ours_dropped = drop(page, free)
    theirs_built = page.evaluate("task => buildTheirs(task)", task)
    theirs_dropped = drop(page, free)
    return [(ours_built, theirs_built), (ours_dropped, theirs_dropped)]


def drop(page: Page, place: tuple[int, int]) -> float:
    """Mark a stretch of the text with the mouse; milliseconds from its release."""
    first, last = page.evaluate("([start, end]) => pixels(start, end)", place)
    page.evaluate("forget()")
    page.mouse.move(first["x"], first["y"])
    page.mouse.down()
    page.mouse.move(last["x"], last["y"], steps=5)
    page.mouse.up()
    milliseconds: float = page.evaluate("sinceDrop()")
    return milliseconds


def free_place(task: dict[str, Any]) -> tuple[int, int]:
    """Offsets of three words near the top that no span touches, nor the word before them."""
    tokens, spans = task["tokens"], task["spans"]
    for at in range(12, len(tokens) - 3):
        start, end = tokens[at - 1]["start"], tokens[at + 2]["end"]
        taken = any(span["start"] < end and start < span["end"] for span in spans)
        if not taken and "\n" not in task["text"][start:end]:
            return tokens[at]["start"], end
    raise SystemExit("no room for a span")


def long_task(count: int, spans: int, *, paragraph: int, overlap: bool = False) -> dict[str, Any]:
    """So many tokens, a line break after every `paragraph`; spans of one to three tokens, evenly spread."""
    chance = random.Random(7)
    words = [chance.choice(WORDS) + ("\n" if at % paragraph == paragraph - 1 else "") for at in range(count)]
    text = " ".join(words).replace("\n ", "\n")
    found = list(re.finditer(r"\S+|\n", text))[:count]
    tokens = [{"text": m[0], "start": m.start(), "end": m.end(), "id": at} for at, m in enumerate(found)]
    marked = []
    for at in range(0, count - 6, count // spans):
        last = at + chance.randrange(6 if overlap else 3)
        for first in (at, at + 2) if overlap else (at,):
            end = max(first, last)
            edges = {"start": tokens[first]["start"], "end": tokens[end]["end"]}
            marked.append({**edges, "token_start": first, "token_end": end, "label": chance.choice("ABC")})
    return {"text": text[: tokens[-1]["end"]], "tokens": tokens, "spans": marked[:spans]}


# --- The whole page ---------------------------------------------------------------------------------------------------


def whole_page(browser: Browser, rounds: int) -> Iterator[Figure]:
    """The real page of a real server: the next task after a key, at 4x CPU throttling, and bytes on first load."""
    texts = [{"text": " ".join(WORDS) + f" , number {number} ."} for number in range(10 * rounds)]
    recipe = ["ner.manual", "ds", "blank:en", "source.jsonl", "--label", "PERSON,ORG,GPE"]
    settings = {"batch_size": len(texts)}
    with tempfile.TemporaryDirectory(prefix="prodigy-team-page-") as folder:
        server = desk.start(Path(folder), texts, recipe=recipe, settings=settings)
        try:
            page = browser.new_page(viewport={"width": 1200, "height": 800})
            loaded = first_load(page, f"http://127.0.0.1:{server.port}/")
            packed = sum(len(gzip.compress(body, 9)) for body in loaded.values()) / 1024
            note = ", ".join(f"{name or 'page'} {len(gzip.compress(body, 9))}" for name, body in loaded.items())
            yield Figure("b", "KB on first load, gzipped", (packed,), 60, note=note)
            scripts, paints = zip(*next_tasks(page, 3 * rounds), strict=True)
            for text, values, goal in (("of script to", scripts, 16), ("to paint of", paints, 50)):
                yield Figure("n", f"ms {text} the next task, 4x slower", values, goal)
        finally:
            server.close()


def first_load(page: Page, address: str) -> dict[str, bytes]:
    """Open the page; every response's body by its path."""
    responses: list[Response] = []
    page.on("response", lambda response: responses.append(response))  # playwright marks the function it is given
    page.goto(address)
    page.wait_for_selector(".spans-text")
    return {re.sub(r"^https?://[^/]+/", "", each.url): each.body() for each in responses if each.status == 200}


def next_tasks(page: Page, count: int) -> Iterator[tuple[float, float]]:
    """Press accept so many times; milliseconds of script, and until the next task's frame."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable")
    page.evaluate(NEXT_TASK)
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": 4})

    def script() -> float:
        metrics = devtools.send("Performance.getMetrics")["metrics"]
        return 1000 * next(float(each["value"]) for each in metrics if each["name"] == "ScriptDuration")

    for _ in range(count):
        page.wait_for_selector('[data-unsent="0"]')
        page.evaluate("() => void (window.shown = nextTask())")
        before = script()
        page.keyboard.press("a")
        painted: float = page.evaluate("() => shown")
        yield script() - before, painted


if __name__ == "__main__":
    sys.exit(main())
