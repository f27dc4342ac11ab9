"""Values become cells: columns, counts, lengths of time. Pure; nothing here prints, asks or reads a clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

GAP = "  "


def align(rows: Iterable[Sequence[str]], *, indent: str = "") -> list[str]:
    """Columns padded to their widest cell, empty columns left out; wide characters count for the two places they take.

    Args:
        rows: May differ in length; missing cells are empty.
    """
    table = [tuple(row) for row in rows]
    columns = max(map(len, table), default=0)
    widths = [max((width_of(row[at]) for row in table if at < len(row)), default=0) for at in range(columns)]
    return [
        indent + GAP.join(pad(cell, widths[at]) for at, cell in enumerate(row) if widths[at]).rstrip() for row in table
    ]


def width_of(text: str) -> int:
    """The places a text takes on a terminal."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(each) else 2 if east_asian_width(each) in "WF" else 1 for each in text)


def pad(text: str, width: int) -> str:
    """The text with spaces up to this many places."""
    return text + " " * (width - width_of(text))


def plural(count: int, noun: str) -> str:
    """`1 task`, `2 tasks`, `1,000 tasks`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def span(seconds: float) -> str:
    """A length of time in its largest sensible unit: `5 s`, `3 min`, `2 h`, `4 d`."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"


def ago(seconds: float | None) -> str:
    """`5 s ago`, or a dash for never."""
    return "-" if seconds is None else f"{span(seconds)} ago"


def size(count: int | None) -> str:
    """A number of bytes as `61 MB`, or a dash where it is unknown."""
    if count is None:
        return "-"
    if count >= 10**9:
        return f"{count / 10**9:.1f} GB"
    return f"{count / 10**6:.0f} MB" if count >= 10**6 else f"{count / 1000:.0f} kB"


def cut(text: str, most: int) -> str:
    """A text on one line, cut to so many characters, without what would move a terminal's cursor."""
    line = "".join(each if each.isprintable() else " " for each in " ".join(text.split()))
    return line if len(line) <= most else f"{line[: most - 1]}…"
