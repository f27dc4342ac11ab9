"""Pictures of figures as SVG: no program, no styles of their own, and every number also in their text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from prodigy_team.gateway.html import Html, tag

WIDTH = 640
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 8, 12, 28
_HEIGHT = 220
_ROW = 26


@dataclass(frozen=True)
class Part:
    """One person's part: what they did and what is left to them."""

    name: str
    done: int
    left: int


def round_top(most: int) -> int:
    """The least of 1, 2, 4, 5, 8, 10, 20, 40 … that is no less, so that halves of an axis are whole from 2 on."""
    if most <= 1:
        return 1
    size: int = 10 ** (len(str(most)) - 1)
    return next(step * size for step in (1, 2, 4, 5, 8, 10, 20) if step * size >= most)


def days_picture(days: Sequence[tuple[str, int]]) -> Html:
    """A bar for each day.

    Args:
        days: Name and number, in order.
    """
    top = round_top(max((count for _, count in days), default=0))
    wide, high = WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    step = wide / max(1, len(days))
    bars = [
        _bar(_LEFT + step * place + step * 0.1, _TOP + high * (1 - count / top), step * 0.8, high * count / top, "done")
        for place, (_, count) in enumerate(days)
    ]
    shown = max(1, math.ceil(len(days) / 8))
    names = [
        _text(_LEFT + step * (place + 0.5), _HEIGHT - 8, day[5:] or "?", "middle")
        for place, (day, _) in enumerate(days)
        if place % shown == 0
    ]
    axis = [_tick(top * share // 2, _TOP + high * (1 - share / 2)) for share in range(3) if top > 1 or share != 1]
    said = ", ".join(f"{day or 'unknown day'}: {count:,}" for day, count in days)
    return _picture(_HEIGHT, "Answers per day", said, [*axis, *bars, *names])


def parts_picture(parts: Sequence[Part]) -> Html:
    """A bar for each person, of what they did and what is left to them."""
    most = max((each.done + each.left for each in parts), default=0) or 1
    side, wide = 150, WIDTH - 150 - 110
    rows: list[Html] = []
    for place, each in enumerate(parts):
        y = place * _ROW + 4
        done, left = wide * each.done / most, wide * each.left / most
        rows += [_text(side - 8, y + 13, _short(each.name), "end")]
        rows += [_bar(side, y, done, _ROW - 10, "done"), _bar(side + done, y, left, _ROW - 10, "left")]
        rows += [_text(side + done + left + 6, y + 13, f"{each.done:,} + {each.left:,}", "start")]
    said = ", ".join(f"{each.name}: {each.done:,} done, {each.left:,} left" for each in parts)
    return _picture(max(1, len(parts)) * _ROW + 4, "Done and left", said, rows)


def _picture(height: int, title: str, said: str, content: Sequence[Html]) -> Html:
    label = f"{title}. {said or 'Nothing yet'}."
    return tag("svg", *content, viewBox=f"0 0 {WIDTH} {height}", role="img", aria_label=label, class_="picture")


def _bar(x: float, y: float, width: float, height: float, kind: str) -> Html:
    sizes = {"x": f"{x:.1f}", "y": f"{y:.1f}", "width": f"{max(0.0, width):.1f}", "height": f"{max(0.0, height):.1f}"}
    return tag("rect", class_=kind, **sizes)


def _tick(count: int, y: float) -> Html:
    line = tag("line", x1=_LEFT, x2=WIDTH - _RIGHT, y1=f"{y:.1f}", y2=f"{y:.1f}")
    return Html(line + _text(_LEFT - 6, y + 4, f"{count:,}", "end"))


def _text(x: float, y: float, content: str, anchor: str) -> Html:
    return tag("text", content, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor)


def _short(name: str) -> str:
    return name if len(name) <= 20 else name[:19] + "…"
