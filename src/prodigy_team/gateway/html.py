"""HTML from values: whatever is not HTML already is escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TypeAlias

Content: TypeAlias = "str | int | Iterable[Content] | None"
Value: TypeAlias = "str | int | float | bool | None"

_VOID = frozenset({"meta", "link", "input", "br"})


class Html(str):
    """Text that is HTML already, and is not escaped again."""

    __slots__ = ()


def tag(name: str, /, *content: Content, **attributes: Value) -> Html:
    """One element.

    Args:
        name: Of the element; like the attributes' names never from outside.
        content: Texts, elements, and lists of both; None is nothing.
        attributes: ``class_`` is class, ``data_x`` data-x; those that are None or False are left out.
    """
    head = "".join(_attribute(key, value) for key, value in attributes.items())
    end = "" if name in _VOID else f"{join(content)}</{name}>"
    return Html(f"<{name}{head}>{end}")


def join(content: Content) -> Html:
    """Contents one after the other."""
    if content is None:
        return Html("")
    if isinstance(content, str):
        return content if isinstance(content, Html) else Html(escape(content))
    if isinstance(content, int):
        return Html(str(content))
    return Html("".join(map(join, content)))


def _attribute(key: str, value: Value) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'
