"""Draws the README's pictures from the real pages: servers on shipped headlines, a real browser, real keys."""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

from browser.chromium import launched  # noqa: E402
from browser.desk import Desk  # noqa: E402
from counting_support import Team  # noqa: E402
from embedded import EmbeddedServer  # noqa: E402
from gateway_support import PASSWORD  # noqa: E402
from overview_support import Managed  # noqa: E402
from prodigy_team.gateway.app import build_app  # noqa: E402
from prodigy_team.gateway.guarding import guarded_by  # noqa: E402
from prodigy_team.gateway.identity import build_people  # noqa: E402
from prodigy_team.gateway.overview import Overview  # noqa: E402
from prodigy_team.gateway.passwords import hash_password  # noqa: E402
from prodigy_team.gateway.values import Place  # noqa: E402
from prodigy_team.roster import load_roster  # noqa: E402
from prodigy_team.servers.supervisor import Supervisor  # noqa: E402
from proxy_support import serving  # noqa: E402
from support import free_ports, run_team  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PEOPLE = {"joe": 46, "jane": 61, "ana": 38, "bob": 12}
GATEWAY = '[gateway]\n[[manager]]\nname = "maria"\n[prodigy]\ninstructions = "guide.md"\n'
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


def write_team(folder: Path) -> Team:
    """Four people who have been at it for some weeks."""
    sample = ROOT / "src/prodigy_team/samples/headlines.jsonl"
    tasks = [json.loads(line) for line in sample.read_text(encoding="utf-8").splitlines()]
    [first] = free_ports(1)
    team, chance = Team(folder, capture=None), random.Random(4)  # type: ignore[arg-type]
    routing = "annotations_per_task = 1.2\n"
    team.write(tuple(PEOPLE), tasks=tasks, routing=routing)
    path = folder / "team.toml"
    labels = 'labels = ["BUSINESS", "SPORT", "OTHER"]'
    path.write_text(
        path.read_text()
        .replace('labels = ["A", "B"]', labels)
        .replace("[task]", f'ports = "{first}-{first + 9}"\n[task]')
    )
    (folder / "guide.md").write_text("# What is the headline about?\n")
    for place, (name, count) in enumerate(PEOPLE.items()):
        at = time.time() - (16 - place) * 86_400
        for number in range(place * 40, place * 40 + count):
            pause = 150_000 if number % 7 == 6 else chance.choice([7, 9, 11, 14, 20])
            at = min(at + pause, time.time() - 60 * (5 - place))
            team.answer(
                name, tasks[number % len(tasks)], _timestamp=int(at), answer=chance.choice(["accept"] * 4 + ["reject"])
            )
    return team


@contextmanager
def gateway(folder: Path) -> Iterator[str]:
    """The gateway of a team of which two servers run: its address."""
    team = write_team(folder)
    run_team(folder, "up", "joe", "jane")
    try:
        path = folder / "team.toml"
        path.write_text(path.read_text() + GATEWAY)
        roster = load_roster(path, os.environ)
        people = build_people(roster)
        for name in (*PEOPLE, "maria"):
            people.accounts.set_password(name, hash_password(PASSWORD))
        servers = Managed({name: Place(name, "embedded", "127.0.0.1", 1) for name in PEOPLE})
        board = Overview(roster, people.settings, servers, Supervisor.for_roster(team.folder / "team.toml"))
        app = build_app(people, servers, board, people.settings)
        with serving(app, protocol=guarded_by(app.guard)) as port:
            yield f"http://127.0.0.1:{port}"
        people.close()
    finally:
        run_team(folder, "stop")


def draw_gateway(browser: Browser, address: str, scheme: Any) -> None:
    """The login, an annotator's first page, and the dashboard."""
    for name, picture, size in (("joe", "landing", (1080, 620)), ("maria", "dashboard", (1180, 1400))):
        with browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, reduced_motion="reduce"
        ) as context:
            page = context.new_page()
            page.goto(f"{address}/")
            page.get_by_label("Name").fill(name)
            if name == "joe":
                page.screenshot(path=Path(__file__).parent / f"login-{scheme}.png")
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Log in").click()
            said = "You have answered" if name == "joe" else "Day by day"
            page.locator("main").filter(has_text=said).wait_for(timeout=60_000)
            page.screenshot(path=Path(__file__).parent / f"{picture}-{scheme}.png")


def main() -> None:
    """Write ner, choice, login, landing and dashboard, each in light and dark, beside this file."""
    with launched() as browser:
        with tempfile.TemporaryDirectory() as folder, gateway(Path(folder)) as address:
            for scheme in ("light", "dark"):
                draw_gateway(browser, address, scheme)
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
