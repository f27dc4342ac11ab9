"""What is seen while servers start: a live display on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from prodigy_team.cli import output, reported

if TYPE_CHECKING:
    from prodigy_team.servers.report import Event

TOLD = frozenset({"ready", "failed", "waiting", "stopped"})


class Silence:
    """Shows nothing."""

    def __enter__(self) -> Silence:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, event: Event) -> None:
        """Take note of an event."""


class Lines(Silence):
    """A line on stderr for each server that became ready, failed or stopped."""

    def __call__(self, event: Event) -> None:
        """Print the event."""
        if event.state in TOLD:
            output.tell([reported.event_line(event)])


class Live(Silence):
    """All servers at once on a terminal, redrawn in place, and gone when the report is printed."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live as Display

        self.events: dict[str, Event] = {}
        self.display: Any = Display(
            console=Console(stderr=True, highlight=False),
            transient=True,
            refresh_per_second=8,
            vertical_overflow="ellipsis",
        )

    def __enter__(self) -> Live:
        self.display.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.display.stop()

    def __call__(self, event: Event) -> None:
        """Redraw."""
        from rich.text import Text

        self.events[event.name] = event
        self.display.update(Text("\n".join(reported.progress_lines(tuple(self.events.values())))))


def show_progress(*, silent: bool) -> Silence:
    """The display that fits: none when quiet or printing JSON, live on a terminal, else lines."""
    if silent:
        return Silence()
    return Live() if sys.stderr.isatty() else Lines()
