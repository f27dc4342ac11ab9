"""One Chromium for all browser tests; a page of it must stay without errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from browser import chromium, desk
from embedded import EmbeddedServer, ForkedServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium from PT_CHROMIUM or the PATH."""
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not chromium.find_chromium():
        pytest.skip("no Chromium: set PT_CHROMIUM or install one")
    with chromium.launched() as running:
        yield running


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., EmbeddedServer]]:
    """Starts servers, and ends them."""
    started: list[EmbeddedServer] = []

    def start_one(tasks: Any, **options: Any) -> EmbeddedServer:
        folder = tmp_path / str(len(started))
        folder.mkdir()
        started.append(desk.start(folder, tasks, kind=ForkedServer, **options))
        return started[-1]

    yield start_one
    for server in started:
        server.close()


@pytest.fixture
def open_desk(browser: Browser) -> Iterator[desk.Opener]:
    """Opens pages of servers; the test fails if one of them had a problem."""
    with desk.desks(browser) as opener:
        yield opener
