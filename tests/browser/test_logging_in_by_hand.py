"""The gateway's pages as people use them: without scripts, by keyboard, in light and dark, on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from browser.test_accessible import AXE, violations
from gateway_support import PASSWORD, Entrance, entrance, write_roster


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Entrance]:
    """Nobody has a password yet."""
    with entrance(write_roster(tmp_path, 'base_path = "/annot"')) as opened:
        yield opened


def test_from_an_invitation_to_work_and_out_and_in_again_without_scripts(browser: Any, door: Entrance) -> None:
    """All of it by keyboard alone; what goes wrong is said at the place where the eye is."""
    link = f"{door.root}/invitation/{door.people.accounts.invite('Jane')}"
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(link)
        page.focus("#password")
        type_in(page, PASSWORD, "Tab", PASSWORD + "?", "Enter")
        assert "differ" in page.inner_text("[role=alert]")
        page.focus("#password")
        type_in(page, PASSWORD, "Tab", PASSWORD, "Enter")
        page.wait_for_url(f"{door.root}/")
        page.goto(f"{door.root}/me")
        assert '"Jane"' in page.content()
        page.goto(f"{door.root}/logout")
        type_in(page, "Tab", "Enter")
        page.wait_for_url("**/login")
        page.wait_for_selector("#name:focus")
        type_in(page, "jane", "Tab", "wrong wrong", "Enter")
        assert "did not work" in page.inner_text("[role=alert]")
        assert page.input_value("#name") == "jane"
        page.wait_for_selector("#password:focus")
        type_in(page, PASSWORD, "Enter")
        page.wait_for_url(f"{door.root}/")


def type_in(page: Any, *words: str) -> None:
    """Text, and keys by their names."""
    for word in words:
        if word in ("Tab", "Enter"):
            page.keyboard.press(word)
        else:
            page.keyboard.type(word)


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.long)])
def test_axe_finds_nothing_and_a_phone_shows_all(browser: Any, door: Entrance, scheme: str) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci in the page's folder")
    axe = AXE.read_text(encoding="utf-8")
    door.set_password("joe")
    token = door.people.accounts.invite("Jane")
    phone = {"viewport": {"width": 320, "height": 560}, "is_mobile": True, "has_touch": True}
    with browser.new_context(color_scheme=scheme, **phone) as context:
        page = context.new_page()
        seen = SimpleNamespace(page=page)
        page.on("console", lambda message: pytest.fail(message.text) if "Refused" in message.text else None)
        for path in ("login", f"invitation/{token}", "invitation/void"):
            page.goto(f"{door.root}/{path}")
            look(seen, axe)
        page.goto(f"{door.root}/login")
        page.fill("#name", "joe")
        page.fill("#password", "wrong wrong")
        page.tap("button")
        page.wait_for_selector("[role=alert]")
        look(seen, axe)
        page.fill("#password", PASSWORD)
        page.tap("button")
        page.wait_for_url(f"{door.root}/")
        page.goto(f"{door.root}/logout")
        look(seen, axe)


def look(seen: Any, axe: str) -> None:
    """Nothing is cut off, fingers hit, the style is not refused, and axe has nothing to say."""
    page = seen.page
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.evaluate("getComputedStyle(document.querySelector('main')).borderRadius") == "12px"
    low = "[...document.querySelectorAll('button, .button, input:not([type=hidden])')]"
    assert page.evaluate(f"Math.min(99, ...{low}.map(each => each.getBoundingClientRect().height))") >= 44
    assert violations(seen, axe) == []
