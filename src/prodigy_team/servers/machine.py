"""What the machine says: how a database keeps its journal, and when the machine started."""

from __future__ import annotations

import re
from pathlib import Path

WAL_VERSION = 2  # bytes 18 and 19 of an SQLite file: https://www.sqlite.org/fileformat.html


def uses_wal(path: Path) -> bool:
    """Whether an SQLite file is in write-ahead mode, by its header: nothing is opened as a database."""
    with path.open("rb") as stream:
        head = stream.read(20)
    return len(head) == 20 and head[18] == WAL_VERSION


def boot_time() -> float | None:
    """When this machine started, in Unix seconds; None where nobody can tell."""
    try:
        table = Path("/proc/stat").read_text(encoding="ascii")
    except OSError:
        return None
    found = re.search(r"^btime (\d+)$", table, re.MULTILINE)
    return float(found[1]) if found else None
