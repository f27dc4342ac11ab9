"""Prodigy's database in an SQLite file.

`status` opens it to read only, so that what writes and joins is imported by the methods that do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from prodigy_team.store import counting, reading
from prodigy_team.store.base import (
    Activity,
    DatasetInfo,
    Identify,
    Mark,
    NewAnswer,
    News,
    Outcome,
    Page,
    Routed,
    Row,
    Sight,
    Store,
    TeamDataset,
)
from prodigy_team.store.connection import connect_to_read, connect_to_write
from prodigy_team.store.handle import Handle
from prodigy_team.store.locking import hold_alone, lock_path


def open_sqlite(
    path: Path | None, *, write: bool, create: bool = False, clock: Callable[[], float] = time.time
) -> Store:
    """Open a file, or a database in memory where the path is None or `:memory:`."""
    file = None if path is None or str(path) == ":memory:" else path
    if file is not None and not write:
        return SqliteStore(Handle(connect_to_read(file), file, write=False, clock=clock))
    return SqliteStore(Handle(connect_to_write(file, create=create), file, write=write, clock=clock))


class SqliteStore:
    """The store protocol on one SQLite file; `base.Store` says what each member does."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    def datasets(self) -> list[DatasetInfo]:
        """See `Store.datasets`."""
        return reading.read_datasets(self._handle)

    def names(self) -> dict[str, bool]:
        """See `Store.names`."""
        return reading.read_names(self._handle)

    def answers(self, dataset: str) -> Iterator[bytes]:
        """See `Store.answers`."""
        return reading.read_answers(self._handle, dataset)

    def rows(self, dataset: str) -> Iterator[Row]:
        """See `Store.rows`."""
        return reading.read_rows(self._handle, dataset)

    def pages(self, dataset: str) -> Iterator[Page]:
        """See `Store.pages`."""
        from prodigy_team.store import pages

        return pages.read_pages(self._handle, dataset)

    def pages_at(self, dataset: str, links: Sequence[int]) -> Iterator[Page]:
        """See `Store.pages_at`."""
        from prodigy_team.store import pages

        return pages.read_pages_at(self._handle, dataset, links)

    def rows_at(self, dataset: str, links: Sequence[int]) -> Iterator[Row]:
        """See `Store.rows_at`."""
        return reading.read_rows_at(self._handle, dataset, links)

    def newest_rows(self, dataset: str, *, before: int | None, limit: int) -> list[Row]:
        """See `Store.newest_rows`."""
        return reading.read_newest(self._handle, dataset, before, limit)

    def export(
        self, dataset: str, write: Callable[[bytes], object], *, leave_out: Collection[int] = frozenset()
    ) -> int:
        """See `Store.export`."""
        return reading.export(self._handle, dataset, write, leave_out)

    def activity(self, datasets: Iterable[str]) -> dict[str, Activity]:
        """See `Store.activity`."""
        return counting.read_activity(self._handle, datasets)

    def ensure_dataset(
        self, name: str, *, session: bool = False, team: str | None = None, kind: str = "answers"
    ) -> None:
        """See `Store.ensure_dataset`."""
        with self._handle.writing() as connection:
            self._handle.ensure(name, session=session)
            if team is not None:
                connection.execute(
                    "INSERT OR IGNORE INTO prodigy_team_writer (team, dataset, kind, since) VALUES (?, ?, ?, ?)",
                    (team, name, kind, int(self._handle.clock())),
                )

    def team_datasets(self, team: str) -> list[TeamDataset]:
        """See `Store.team_datasets`."""
        return reading.read_team_datasets(self._handle, team)

    def append(self, dataset: str, batches: Sequence[Sequence[NewAnswer]]) -> list[list[Outcome]]:
        """See `Store.append`."""
        from prodigy_team.store import appending

        return appending.append(self._handle, dataset, batches)

    def reconcile(self, dataset: str, identify: Identify) -> None:
        """See `Store.reconcile`."""
        from prodigy_team.store import answered

        answered.reconcile(self._handle, dataset, identify)

    def replaced(self) -> bool:
        """See `Store.replaced`."""
        return self._handle.replaced()

    def version(self) -> int:
        """See `Store.version`."""
        return int(self._handle.one("PRAGMA data_version"))

    def touched(self, since: Sight | None) -> tuple[Sight, frozenset[str] | None]:
        """See `Store.touched`."""
        from prodigy_team.store import following

        return following.touched(self._handle, since)

    def follow(self, datasets: Mapping[str, Mark | None], identify: Identify | None) -> dict[str, News]:
        """See `Store.follow`."""
        from prodigy_team.store import following

        return following.follow(self._handle, datasets, identify)

    def register_routed(self, team: str, recipe: str, routed: Iterable[Routed]) -> None:
        """See `Store.register_routed`."""
        from prodigy_team.store import following

        following.register_routed(self._handle, team, recipe, routed)

    def routed(self, team: str, recipe: str) -> list[Routed]:
        """See `Store.routed`."""
        from prodigy_team.store import following

        return following.read_routed(self._handle, team, recipe)

    def register_gold(self, team: str, identities: Iterable[bytes]) -> None:
        """See `Store.register_gold`."""
        from prodigy_team.store import following

        following.register_gold(self._handle, team, identities)

    def gold(self, team: str) -> frozenset[bytes]:
        """See `Store.gold`."""
        from prodigy_team.store import following

        return following.read_gold(self._handle, team)

    def gold_links(self, team: str, dataset: str) -> frozenset[int]:
        """See `Store.gold_links`."""
        from prodigy_team.store import following

        return following.gold_links(self._handle, team, dataset)

    def reopen(self, dataset: str, links: Iterable[int]) -> int:
        """See `Store.reopen`."""
        from prodigy_team.store import reopening

        return reopening.reopen(self._handle, dataset, links)

    def reopened(self, dataset: str) -> frozenset[int]:
        """See `Store.reopened`."""
        from prodigy_team.store import reopening

        return reopening.read_reopened(self._handle, dataset)

    def unanswered(self, index: Path, dataset: str, annotator: str | None, *, after: int, limit: int) -> list[int]:
        """See `Store.unanswered`."""
        from prodigy_team.store import places

        return places.unanswered(self._handle, index, dataset, annotator, after=after, limit=limit)

    def count_answered(self, index: Path, dataset: str, annotator: str | None) -> int:
        """See `Store.count_answered`."""
        from prodigy_team.store import places

        return places.count_answered(self._handle, index, dataset, annotator)

    def write_rows(self, hidden: str, rows: Iterable[Row]) -> int:
        """See `Store.write_rows`."""
        from prodigy_team.store import bulk

        return bulk.write_rows(self._handle, hidden, rows)

    def publish(self, hidden: str, dataset: str) -> None:
        """See `Store.publish`."""
        from prodigy_team.store import bulk

        bulk.publish(self._handle, hidden, dataset)

    def replace(self, hidden: Mapping[str, str]) -> None:
        """See `Store.replace`."""
        from prodigy_team.store import bulk

        bulk.replace(self._handle, hidden)

    def discard(self, hidden: str) -> int:
        """See `Store.discard`."""
        from prodigy_team.store import bulk

        return bulk.discard(self._handle, hidden)

    def leftovers(self, purpose: str) -> list[str]:
        """See `Store.leftovers`."""
        from prodigy_team.store import bulk

        return bulk.leftovers(self._handle, purpose)

    def sessions_of(self, dataset: str) -> list[DatasetInfo]:
        """See `Store.sessions_of`."""
        from prodigy_team.store import bulk

        return bulk.read_sessions(self._handle, dataset)

    def drop(self, dataset: str) -> int:
        """See `Store.drop`."""
        from prodigy_team.store import bulk

        return bulk.drop(self._handle, dataset)

    def erase_answers(self, links: Collection[int], contents: Mapping[int, bytes]) -> None:
        """See `Store.erase_answers`."""
        from prodigy_team.store import erasing

        erasing.erase_answers(self._handle, links, contents)

    def forget(
        self, team: str, is_theirs: Callable[[str, str], bool], names: Collection[str], datasets: Collection[str]
    ) -> None:
        """See `Store.forget`."""
        from prodigy_team.store import erasing

        erasing.forget(self._handle, team, is_theirs, names, datasets)

    def alone(self, purpose: str) -> AbstractContextManager[None]:
        """See `Store.alone`."""
        path = self._handle.path
        return hold_alone(lock_path(path, purpose), purpose) if path is not None else nullcontext()

    def close(self) -> None:
        """See `Store.close`."""
        self._handle.close()
