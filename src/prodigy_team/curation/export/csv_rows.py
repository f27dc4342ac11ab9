"""CSV: a row an answer, a column for each of its fields; what is nested stands there as JSON."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec

from prodigy_team.curation.export.base import Kept, Terms

_encode = msgspec.json.encode


def write(answers: Iterator[tuple[str, Kept]], files: Mapping[str, Path], terms: Terms) -> None:
    """Write answers as rows; what is missing or null is an empty field."""
    with ExitStack() as stack:
        writers = {}
        for side, path in files.items():
            file = stack.enter_context(path.open("w", encoding="utf-8", newline=""))
            # As RFC 4180 has it; with a bare line feed, Python before 3.13 leaves a carriage return in a text unquoted.
            writers[side] = csv.writer(file, lineterminator="\r\n")
            writers[side].writerow(terms.columns)
        for side, kept in answers:
            record = kept.record()
            writers[side].writerow([cell(record.get(name)) for name in terms.columns])


def cell(value: Any) -> str:
    """A value as a field: a string as it is, everything else as JSON, nothing for null."""
    if value is None:
        return ""
    return value if isinstance(value, str) else _encode(value).decode()
