"""Which answers become rows of a training set, and what is added to each: in columns, since there may be a million."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import repeat
from operator import itemgetter
from typing import NamedTuple

from prodigy_team.curation.policies import Span


class Entry(NamedTuple):
    """A row to be written.

    Attributes:
        place: Source, by its number, and position in it.
        added: JSON of further keys, without braces: ``"_annotators":["joe"]``.
        spans: What stands in place of the answer's spans; None: they stay.
        annotator: Who gave it, where the row is to tell and might not; "": as it is.
    """

    place: tuple[int, int]
    added: bytes = b""
    spans: frozenset[Span] | None = None
    annotator: str = ""


@dataclass
class Columns:
    """Entries of one source.

    Attributes:
        rank: The source's number.
        spans: By position, where there are such.
        plain: 1 for each row that is known to be one that `rows.extended` leaves as it is, but for what is added.
    """

    rank: int
    positions: array[int] = field(default_factory=lambda: array("q"))
    added: list[bytes] = field(default_factory=list)
    annotators: list[str] = field(default_factory=list)
    plain: bytearray = field(default_factory=bytearray)
    spans: dict[int, frozenset[Span]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Entry]:
        for position, added, annotator in zip(self.positions, self.added, self.annotators, strict=True):
            yield Entry((self.rank, position), added, self.spans.get(position), annotator)

    def extend(self, positions: Iterable[int], added: Iterable[bytes]) -> None:
        """Add rows that are plain."""
        self.positions.extend(positions)
        self.added.extend(added)
        more = len(self.positions) - len(self.annotators)
        self.annotators.extend(repeat("", more))
        self.plain.extend(repeat(1, more))

    def part(self, start: int, end: int) -> Columns:
        """Those from the one number to before the other."""
        cut = slice(start, end)
        columns = self.positions[cut], self.added[cut], self.annotators[cut], self.plain[cut]
        return Columns(self.rank, *columns, self.spans)

    @property
    def only_added(self) -> bool:
        """Whether these rows only get further keys."""
        return not any(self.annotators) and (not self.spans or self.spans.keys().isdisjoint(self.positions))

    def sort(self) -> None:
        """Let the positions grow."""
        positions = self.positions.tolist()
        grown = sorted(positions)
        if positions != grown:
            in_order = itemgetter(*sorted(range(len(positions)), key=positions.__getitem__))
            self.positions = array("q", grown)
            self.added = list(in_order(self.added))
            self.annotators = list(in_order(self.annotators))
            self.plain = bytearray(in_order(self.plain))


class Entries:
    """Rows to be written; each place at most once."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._columns: dict[int, Columns] = {}
        for entry in entries:
            self.add(entry)

    def __len__(self) -> int:
        return sum(len(each.positions) for each in self._columns.values())

    def __iter__(self) -> Iterator[Entry]:
        """By source, and in it as they were added or sorted."""
        for rank in sorted(self._columns):
            yield from self._columns[rank]

    def add(self, entry: Entry) -> None:
        """Add one."""
        rank, position = entry.place
        own = self.of(rank)
        own.positions.append(position)
        own.added.append(entry.added)
        own.annotators.append(entry.annotator)
        own.plain.append(0)
        if entry.spans is not None:
            own.spans[position] = entry.spans

    def of(self, rank: int) -> Columns:
        """Those of the source with this number."""
        if rank not in self._columns:
            self._columns[rank] = Columns(rank)
        return self._columns[rank]

    def sort(self) -> None:
        """Put them into the order of their places."""
        for own in self._columns.values():
            own.sort()
