"""Draws the README's pictures from the real page: a server on shipped headlines, a real browser, real keys."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

from browser.chromium import launched  # noqa: E402
from browser.desk import Desk  # noqa: E402
from embedded import EmbeddedServer  # noqa: E402

RECIPES = {
    "ner": ["ner.manual", "headlines", "blank:en", "sample:headlines", "--label", "PERSON,ORG,PLACE"],
    "choice": ["textcat.manual", "headlines", "sample:headlines", "--label", "BUSINESS,SPORT,OTHER", "--exclusive"],
}


def work(desk: Desk, kind: str) -> None:
    """A few answers, and one half done."""
    for decision in ("a", "a", "x", "a"):
        desk.press("1", decision) if kind == "choice" else desk.press(decision)
    desk.all_sent()
    if kind == "choice":
        desk.press("2")
        return
    # "police of Grensby" in the fifth headline
    desk.press("ArrowRight", "ArrowRight", "ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight", "2")


def main() -> None:
    """Write ner and choice, each in light and dark, beside this file."""
    with launched() as browser:
        for kind, argv in RECIPES.items():
            for scheme in ("light", "dark"):
                with tempfile.TemporaryDirectory() as folder:
                    server = EmbeddedServer(Path(folder), argv, env={"PRODIGY_ALLOWED_SESSIONS": "ada"}).start()
                    try:
                        page = browser.new_page(
                            viewport={"width": 1080, "height": 620}, color_scheme=scheme, reduced_motion="reduce"
                        )
                        desk = Desk(page, f"http://127.0.0.1:{server.port}/").open()
                        work(desk, kind)
                        page.screenshot(path=Path(__file__).parent / f"{kind}-{scheme}.png")
                        desk.checked()
                        page.close()
                    finally:
                        server.close()


if __name__ == "__main__":
    main()
