"""What is known of an indexed source, and where it is kept: an SQLite file with each task's place and identity."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from prodigy_team.errors import TeamError
from prodigy_team.presence import exists
from prodigy_team.sources.formats import BadLine
from prodigy_team.sources.origins import Origin, digest, find_source
from prodigy_team.tasks import By

FORMAT = 1
"""Part of every index's name: raised when what stands in an index changes its meaning."""


class IndexGoneError(TeamError):
    """The index was removed since it was made; making it again is all that it takes."""


@dataclass(frozen=True)
class SourceIndex:
    """What is known of an indexed source.

    Attributes:
        path: The SQLite file: ``task(place, offset, length, hash, identity)``, places 1, 2, 3 … in the source's order.
        data: The file of JSON lines that the offsets point into: the source itself where it is such a file.
        tasks: How many tasks there are, each once.
        lines: How many lines or records had something on them.
        repeats: How many tasks were left out because the same came earlier.
        bad: The lines that were skipped, the first 1,000 of them.
        bad_count: How many were skipped.
        by: What tells tasks apart here.
    """

    path: Path
    data: Path
    tasks: int
    lines: int
    repeats: int
    bad: tuple[BadLine, ...]
    by: By
    bad_count: int = 0


@dataclass(frozen=True)
class IndexFiles:
    """The files of one source, read in one way; each state of the source has an index of its own."""

    folder: Path
    origin: Origin
    by: By
    transform_key: str

    @property
    def prefix(self) -> str:
        """What the names of all these files begin with."""
        return f"{self.origin.slug}-{digest(FORMAT, self.origin.place, self.by, self.transform_key)}"

    @property
    def origin_path(self) -> Path:
        """The source's own file."""
        if self.origin.path is None:
            raise ValueError(f"{self.origin.name} is no file")
        return self.origin.path

    @property
    def lock(self) -> Path:
        """Whoever builds holds a lock on this file."""
        return self.folder / f"{self.prefix}.lock"

    @property
    def in_place(self) -> bool:
        """Whether offsets can point into the source itself."""
        return self.origin.kind == ".jsonl" and not self.transform_key

    def index(self, stamp: str) -> Path:
        """The finished index of one state of the source."""
        return self.folder / f"{self.prefix}-{stamp}.sqlite"

    def building(self, ending: str) -> Path:
        """What a build writes to before it is finished."""
        return self.folder / f"{self.prefix}-building.{ending}"

    def data(self, stamp: str) -> Path:
        """The JSON lines that the index of that state points into."""
        return self.origin_path if self.in_place else self.index(stamp).with_suffix(".jsonl")

    def ready(self, stamp: str | None) -> SourceIndex | None:
        """The index of this state, if it was finished: it gets its name only then."""
        if stamp is None or not exists(self.index(stamp)) or not exists(self.data(stamp)):
            return None
        try:
            with contextlib.closing(open_index(self.index(stamp))) as connection:
                known = dict(connection.execute("SELECT key, value FROM meta"))
            bad = tuple(BadLine(line, reason) for line, reason in json.loads(known["bad"]))
            counts = {key: int(known[key]) for key in ("tasks", "lines", "repeats", "bad_count")}
        except (sqlite3.Error, IndexGoneError, KeyError, ValueError):
            return None  # damaged by something else: build it anew
        return SourceIndex(path=self.index(stamp), data=self.data(stamp), bad=bad, by=self.by, **counts)


def open_index(path: Path) -> sqlite3.Connection:
    """Open an index for reading. A finished index never changes (a new one is a new file), so no locks are needed.

    Raises:
        IndexGoneError: It cannot be opened.
    """
    try:
        return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
    except sqlite3.OperationalError as error:
        raise IndexGoneError(
            f"The index {path} of a source cannot be read ({error}).",
            remedy="Run the command again, or: prodigy-team up",
        ) from error


def count_tasks(source: str, *, by: By, folder: Path, transform_key: str = "") -> int | None:
    """How many tasks a source has, if its present state is indexed, else None: nothing is read for it."""
    if source.startswith("dataset:"):
        return None
    origin = find_source(source)
    ready = IndexFiles(folder, origin, by, transform_key).ready(origin.stamp)
    return None if ready is None else ready.tasks
