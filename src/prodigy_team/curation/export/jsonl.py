"""JSON lines: byte for byte what `prodigy db-out` prints."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

from prodigy_team.errors import TeamError
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
    try:
        descriptor, beside = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            count = store.export(dataset, _Whole(file).write, leave_out=leave_out)
            os.fchmod(descriptor, _usual_mode(path))
            os.fsync(descriptor)
        Path(beside).replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        Path(beside).unlink(missing_ok=True)
    return count


class _Whole:
    """An unbuffered file may take less than it is given; this hands over the rest."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        left = memoryview(data)
        while left:
            left = left[self._file.write(left) :]
        return len(data)


def _usual_mode(path: Path) -> int:
    """The mode the file has, or that a new one gets; temporary files are readable by their owner alone."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _unwritable(path: Path, error: OSError) -> TeamError:
    return TeamError(f"The file {path} cannot be written: {error.strerror}.", remedy="Choose another with `--output`.")
