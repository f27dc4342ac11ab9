"""What is wrong with a source, by line: tasks that it has several times, and different ones that share a hash."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator

from prodigy_team.sources.formats import READERS, BadContentError, BadLine, parse_line
from prodigy_team.sources.index import SourceIndex, open_index
from prodigy_team.sources.origins import Rows, find_source
from prodigy_team.tasks import By, Task, identity, with_hashes

Transform = Callable[[Task], Iterable[Task]]


def find_repeats(
    source: str, index: SourceIndex, *, transform: Transform | None = None, rows: Rows | None = None
) -> Iterator[tuple[bytes, list[int]]]:
    """Tasks that stand in several lines, with the numbers of these lines, the first first.

    Reads the source once more, and only where its index counted repeats.

    Args:
        source: As it was indexed, with the same ``transform`` and ``rows``.
    """
    if not index.repeats:
        return
    first: dict[bytes, int] = {}
    again: dict[bytes, list[int]] = {}
    for line, each in _identities(source, index.by, transform, rows):
        if each in first:
            again.setdefault(each, [first[each]]).append(line)
        else:
            first[each] = line
    yield from again.items()


def find_collisions(index: SourceIndex) -> list[tuple[int, list[int]]]:
    """32-bit hashes that several tasks share, with the tasks' places. Prodigy tells tasks apart by that hash alone."""
    with contextlib.closing(open_index(index.path)) as connection:
        rows = connection.execute(
            "SELECT hash, place FROM task WHERE hash IN (SELECT hash FROM task GROUP BY hash HAVING count(*) > 1) "
            "ORDER BY hash, place"
        )
        found: dict[int, list[int]] = {}
        for number, place in rows:
            found.setdefault(number, []).append(place)
    return sorted(found.items(), key=lambda each: each[1])


def first_task(source: str, by: By) -> Task | None:
    """The first task that can be read of a file or sample; None where there is none.

    Raises:
        SourceError: It is missing, cannot be read, or has an ending that nobody knows.
    """
    return next((task for _, task in _tasks(source, by, None)), None)


def _identities(source: str, by: By, transform: Transform | None, rows: Rows | None) -> Iterator[tuple[int, bytes]]:
    for line, task in _tasks(source, by, rows):
        with contextlib.suppress(ValueError, RecursionError):
            # A transform gets the task as the source has it; its questions are hashed as the index hashes its copy.
            made = [task] if transform is None else [with_hashes(each) for each in transform(task)]
            yield from ((line, identity(each, by)) for each in made)


def _tasks(source: str, by: By, rows: Rows | None) -> Iterator[tuple[int, Task]]:
    origin = find_source(source, rows=rows)
    if origin.path is None:
        for number, content in enumerate(origin.rows() if origin.rows is not None else (), 1):
            with contextlib.suppress(BadContentError):
                yield number, parse_line(content, by)
        return
    with origin.path.open("rb") as file:
        for number, record in READERS[origin.kind](file, origin.path, by):
            if not isinstance(record, BadLine):
                yield number, record
