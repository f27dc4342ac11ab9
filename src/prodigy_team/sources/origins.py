"""What a roster's `source` names (a file, a sample of the package, or a dataset), and what state it is in."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from prodigy_team.sources.formats import READERS, SourceError

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
Rows = Callable[[], Iterator[bytes]]


@dataclass(frozen=True)
class Origin:
    """Where tasks come from.

    Attributes:
        name: As the roster has it, for messages.
        path: The file; None for a dataset.
        kind: The file's ending, in lower case; ``dataset``.
        rows: What gives a dataset's rows; None for a file.
        stamp: Differs whenever the content may differ; None where nobody can tell without reading all of it.
    """

    name: str
    path: Path | None
    kind: str
    rows: Rows | None
    stamp: str | None

    @property
    def slug(self) -> str:
        """A short name for files made from this source."""
        name = self.path.stem if self.path else self.name.partition(":")[2]
        return re.sub(r"[^A-Za-z0-9._-]+", "_", name)[:40] or "source"

    @property
    def place(self) -> str:
        """What tells this source from every other."""
        return str(self.path) if self.path else self.name


def digest(*parts: object) -> str:
    """A short name for a list of values."""
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=8).hexdigest()


def file_stamp(state: os.stat_result) -> str:
    """Differs whenever a file was written or replaced, as far as the file system tells."""
    return digest(state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns)


def find_source(source: str, *, rows: Rows | None = None, rows_stamp: str | None = None) -> Origin:
    """What a source's name stands for.

    Raises:
        SourceError: It is missing, cannot be read, or has an ending that nobody knows.
    """
    if source.startswith("dataset:"):
        if rows is None:
            raise ValueError(f"{source} needs its rows")
        return Origin(source, None, "dataset", rows, rows_stamp)
    path = _sample(source) if source.startswith("sample:") else Path(source).absolute()
    kind = path.suffix.lower()
    if kind not in READERS:
        raise SourceError(
            f"The source {source} ends in {kind or 'nothing'}, which is no kind of source.",
            remedy=f"Use one of {', '.join(READERS)}, dataset:NAME or sample:NAME.",
        )
    return Origin(source, path, kind, None, file_stamp(_state(path, source)))


def _sample(source: str) -> Path:
    name = source.removeprefix("sample:")
    known = sorted(each.stem for each in SAMPLES.glob("*.jsonl"))
    if name not in known:
        raise SourceError(f"There is no sample {name!r}.", remedy=f"Those that exist: {', '.join(known) or 'none'}.")
    return SAMPLES / f"{name}.jsonl"


def _state(path: Path, source: str) -> os.stat_result:
    try:
        state = path.stat()
        if stat.S_ISREG(state.st_mode):
            path.open("rb").close()
    except FileNotFoundError:
        raise SourceError(
            f"The source {path} does not exist.",
            remedy="Correct `source` in team.toml (paths are relative to its folder), or put the file there.",
        ) from None
    except OSError as error:
        raise SourceError(
            f"The source {path} cannot be read: {error.strerror}.", remedy="Check its permissions."
        ) from error
    if not stat.S_ISREG(state.st_mode):
        raise SourceError(f"The source {source} is no file.", remedy="Name one file, dataset:NAME or sample:NAME.")
    return state
