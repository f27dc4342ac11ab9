"""The tasks of an indexed source, read one at a time, each checked to be still the one that was indexed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

import msgspec

from prodigy_team.errors import TeamError
from prodigy_team.sources.formats import SourceError, decode
from prodigy_team.sources.index import SourceIndex, open_index
from prodigy_team.tasks import INPUT_KEYS, Task, fingerprint, with_hashes

_COLUMNS = "SELECT place, offset, length, hash, identity FROM task"


class SourceChangedError(TeamError):
    """A source was edited after it was indexed: what stands at a task's place is no longer that task."""

    def __init__(self, data: Path, place: int) -> None:
        super().__init__(
            f"The source {data} has changed since it was indexed: task {place} is no longer where it was.",
            remedy="Restart the servers that use it, with `prodigy-team restart`, so that it is read anew.",
        )


class SourceReader:
    """The tasks of a source by place. Safe to use from several threads; not to be carried through a fork."""

    def __init__(self, index: SourceIndex) -> None:
        self.index = index
        self._guard = threading.Lock()
        self._open = contextlib.ExitStack()
        try:
            self._data = self._descriptor(index.data)
            index_file = self._descriptor(index.path)
            with contextlib.suppress(OSError):  # where there are no locks, nothing is removed
                fcntl.flock(index_file, fcntl.LOCK_SH)  # shared by all readers: an index in use is not removed
            self._connection = self._open.enter_context(contextlib.closing(open_index(index.path)))
        except (OSError, sqlite3.Error) as error:
            self._open.close()
            raise SourceError(
                f"The source {index.data} or its index cannot be opened: {error}.",
                remedy="Restart the server that uses it.",
            ) from error

    def _descriptor(self, path: Path) -> int:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._open.callback(os.close, descriptor)
        return descriptor

    def close(self) -> None:
        """Let go of the files; a second time does nothing."""
        self._open.close()

    def __enter__(self) -> SourceReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, place: int) -> Task:
        """The task at a place, with both hashes.

        Raises:
            ValueError: There is no such place.
            SourceChangedError: The source was edited, and this task is no longer where it was.
        """
        return with_hashes(self._read_row(*self._row(place)))

    def identity(self, place: int) -> bytes:
        """The identity of the task at a place, as the index has it."""
        return bytes(self._row(place)[4])

    def locate(self, task: Task) -> tuple[int, bytes] | None:
        """Place and identity of the source's task that a task or an answer belongs to; None where the source has none.

        Candidates are those with its 32-bit hash; they are compared by content, since the hash alone joins strangers.
        """
        number, exact = fingerprint(task, self.index.by)
        rows = self._rows("hash = ?", number)
        same = [row for row in rows if row[4] == exact]
        if same:
            return same[0][0], bytes(same[0][4])
        candidates = []
        for row in rows:
            with contextlib.suppress(SourceChangedError):
                candidate = self._read_row(*row)
                if not _differs(candidate, task):
                    candidates.append((_likeness(candidate, task), -row[0], bytes(row[4])))
        if not candidates:
            return None
        _, negative, identity = max(candidates)
        return -negative, identity

    def find(self, task: Task) -> bytes | None:
        """The identity of the source's task that a task or an answer belongs to; None where the source has none."""
        located = self.locate(task)
        return None if located is None else located[1]

    def _rows(self, condition: str, value: int) -> list[tuple[Any, ...]]:
        with self._guard:
            return self._connection.execute(f"{_COLUMNS} WHERE {condition} ORDER BY place", (value,)).fetchall()

    def _row(self, place: int) -> tuple[Any, ...]:
        rows = self._rows("place = ?", place)
        if not rows:
            raise ValueError(f"no task at place {place} of {self.index.data}")
        return rows[0]

    def _read_row(self, place: int, offset: int, length: int, number: int, identity: bytes) -> Task:
        try:
            task = decode(os.pread(self._data, length, offset))
        except (msgspec.DecodeError, ValueError):
            raise SourceChangedError(self.index.data, place) from None
        if not isinstance(task, dict) or fingerprint(task, self.index.by) != (number, identity):
            raise SourceChangedError(self.index.data, place)
        return task


def _differs(candidate: Task, answer: Task) -> bool:
    """Whether an answer is to another input. Data URIs prove nothing: many take them out before answers are stored."""
    for key in INPUT_KEYS:
        if key in candidate and key in answer and candidate[key] != answer[key]:
            value = candidate[key]
            if not (isinstance(value, str) and value.startswith("data:")):
                return True
    return False


def _likeness(candidate: Task, answer: Task) -> tuple[bool, int]:
    """How much of a task an answer still shows: its label first, which annotating never changes, then any key."""
    return candidate.get("label") == answer.get("label"), sum(
        answer.get(key) == value for key, value in candidate.items()
    )
