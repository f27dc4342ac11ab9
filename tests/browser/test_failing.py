"""The browser tests' own guard: whatever a page complains of fails the test."""

from __future__ import annotations

from typing import Any

import pytest

from browser.desk import desks, tasks_of

STYLE = """() => {
  const style = document.createElement("style");
  style.textContent = "p {}";
  document.head.append(style);
}"""
PICTURE = "() => { new Image().src = 'https://example.org/a.png' }"
MARKUP = "() => { try { document.body.innerHTML = '<p>' } catch {} }"


@pytest.mark.parametrize(
    ("script", "heard", "named"),
    [
        ("console.error('odd')", "console", "odd"),
        ("() => void setTimeout(() => { throw new Error('thrown') })", "pageerror", "thrown"),
        pytest.param("() => void Promise.reject(Error('rejected'))", "pageerror", "rejected", marks=pytest.mark.long),
        (STYLE, "console", "style-src"),
        pytest.param(PICTURE, "console", "img-src", marks=pytest.mark.long),
        (MARKUP, "console", "TrustedHTML"),
    ],
)
def test_what_a_page_complains_of_fails_the_test(start: Any, browser: Any, script: str, heard: str, named: str) -> None:
    def misbehave() -> None:
        with desks(browser) as open_desk:
            desk = open_desk(start(tasks_of(1)))
            with desk.page.expect_event(heard):
                desk.page.evaluate(script)

    with pytest.raises(AssertionError, match=named):
        misbehave()
