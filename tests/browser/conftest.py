"""One Chromium for all browser tests; a page of it must stay without errors."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from browser import desk
from embedded import EmbeddedServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium from PT_CHROMIUM or the PATH."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = os.environ.get("PT_CHROMIUM") or shutil.which("chromium")
    if not chromium:
        pytest.skip("no Chromium: set PT_CHROMIUM or install one")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., EmbeddedServer]]:
    """Starts servers, and ends them."""
    started: list[EmbeddedServer] = []

    def start_one(tasks: Any, **options: Any) -> EmbeddedServer:
        folder = tmp_path / str(len(started))
        folder.mkdir()
        started.append(desk.start(folder, tasks, **options))
        return started[-1]

    yield start_one
    for server in started:
        server.close()


@pytest.fixture
def open_desk(browser: Browser) -> Iterator[desk.Opener]:
    """Opens pages of servers; the test fails if one of them had a problem."""
    with desk.desks(browser) as opener:
        yield opener
