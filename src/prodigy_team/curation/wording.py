"""How figures are worded wherever people see them: on the command line and on the dashboard. Pure."""

from __future__ import annotations

from pathlib import PurePath


def source_name(source: str) -> str:
    """A file's name without its folders; others as they are."""
    return PurePath(source).name if source.startswith("/") else source


def worked(seconds: float) -> str:
    """`2 h 05`, `12 min`, `40 s`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02}" if minutes >= 60 else f"{minutes} min"
