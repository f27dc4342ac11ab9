"""How the targets of a merge are written: datasets and files, whole or not at all, and never what would be lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import chain, zip_longest
from pathlib import Path

import mmh3

from prodigy_team.curation.files import WholeFile, true_place
from prodigy_team.curation.rows import MARKS
from prodigy_team.curation.sources import is_file_name, read_lines
from prodigy_team.errors import TeamError
from prodigy_team.presence import exists
from prodigy_team.store import Row, Store
from prodigy_team.store.reading import one_line

_HIDDEN = "prodigy-team:merge:new:"


class Strangers:
    """Rows of a target that no merge wrote and that stand in no source: they would be lost with it."""

    def __init__(self, store: Store | None, into: str) -> None:
        self._into = into
        contents = contents_of(store, into)
        self._left = {mmh3.hash_bytes(each) for each in contents if not any(mark in each for mark in MARKS)}

    @property
    def suspected(self) -> bool:
        """Whether each answer has to be looked at."""
        return bool(self._left)

    def meet(self, content: bytes) -> None:
        """Take note of an answer of the sources."""
        if self._left:
            self._left.discard(mmh3.hash_bytes(content))

    def refuse(self) -> None:
        """Refuse to write where something would be lost.

        Raises:
            TeamError: So it is.
        """
        if self._left:
            raise TeamError(
                f"{self._into} holds {len(self._left):,} answers that no merge wrote and that are in no source.",
                remedy="Merge them too, into another target: name it among the sources, and choose another --into.",
            )


def contents_of(store: Store | None, target: str) -> Iterator[bytes]:
    """What a target holds now; nothing where it is not there."""
    if is_file_name(target):
        if exists(true_place(Path(target))):
            yield from (line for _, line in read_lines(Path(target)))
    elif store is not None:
        yield from store.answers(target)


def holds(store: Store | None, target: str, rows: Iterable[Row]) -> bool:
    """Whether a target holds just these rows, in this order."""
    wanted = _lines(rows) if is_file_name(target) else (row.content for row in rows)
    return all(have == want for have, want in zip_longest(contents_of(store, target), wanted))


def append_rows(store: Store | None, target: str, rows: Iterable[Row]) -> None:
    """Write rows behind what a target holds."""
    if is_file_name(target):
        with WholeFile(Path(target)) as file:
            file.write(chain(contents_of(store, target), _lines(rows)))
            file.put_in_place()
    elif store is not None:
        store.write_rows(f"{_HIDDEN}{target}", rows)
        store.publish(f"{_HIDDEN}{target}", target)


def replace_targets(
    store: Store | None,
    datasets: Mapping[str, Callable[[], Iterable[Row]]],
    files: Mapping[str, Callable[[], Iterable[bytes]]],
) -> None:
    """Write targets in place of what they hold: datasets in one step, then each file in one.

    Args:
        files: The lines of each, one or several at a time, without the last line feed.
    """
    with ExitStack() as stack:
        written = []
        for target, lines in files.items():
            written.append(stack.enter_context(WholeFile(Path(target))))
            written[-1].write(lines())
        hidden = {f"{_HIDDEN}{target}": target for target in datasets}
        for each, target in hidden.items():
            if store is not None:
                store.write_rows(each, datasets[target]())
        if store is not None and hidden:
            store.replace(hidden)
        for file in written:
            file.put_in_place()


def _lines(rows: Iterable[Row]) -> Iterator[bytes]:
    return (one_line(row.content) for row in rows)
