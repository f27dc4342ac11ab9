"""Nobody's home is touched by a test: PRODIGY_HOME and HOME lead to a temporary folder."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# A deadline per example measures the machine, which runs other tests beside.
settings.register_profile("beside others", deadline=None)
settings.load_profile("beside others")

# A run in the background ignores SIGINT, and so would what the tests start and then interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test has its own Prodigy home and none of the shell's PRODIGY_* variables."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith("PRODIGY_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PRODIGY_HOME", str(home / ".prodigy"))
    monkeypatch.setenv("HOME", str(home))
    return home


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: Playwright's event loop stays until the end, and no other can run beside it.

    That holds for each of several processes too, as long as they are given tests in this order.
    """
    items.sort(key=lambda item: "browser" in item.path.parts)
