"""JSON lines: byte for byte what `prodigy db-out` prints."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from prodigy_team.curation.export.base import Kept, Terms
from prodigy_team.curation.export.placing import WholeFile, whole_file
from prodigy_team.store import Store


def write_stream(store: Store, dataset: str, stream: BinaryIO, *, leave_out: Collection[int] = frozenset()) -> int:
    """Write a dataset to an open stream; returns the number of records."""
    return store.export(dataset, stream.write, leave_out=leave_out)


def write_file(store: Store, dataset: str, path: Path, *, leave_out: Collection[int] = frozenset()) -> int:
    """Write a dataset to a file, which is complete or not there: it is written beside and renamed.

    Args:
        leave_out: Links that are not written.

    Raises:
        TeamError: The file cannot be written.
    """
    with whole_file(path) as file:
        return store.export(dataset, WholeFile(file).write, leave_out=leave_out)


def write(answers: Iterator[tuple[str, Kept]], files: Mapping[str, Path], terms: Terms) -> None:  # noqa: ARG001
    """Write answers as they are stored."""
    with ExitStack() as stack:
        streams = {side: stack.enter_context(path.open("wb", buffering=1 << 16)) for side, path in files.items()}
        for side, kept in answers:
            streams[side].write(bytes(kept.content) + b"\n")
