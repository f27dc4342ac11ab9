"""What `merge` does once its options are read, by the parser or without it; see `quick`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from prodigy_team.cli import merged, output
from prodigy_team.cli.shared import Shared
from prodigy_team.errors import UsageError
from prodigy_team.presence import is_file

if TYPE_CHECKING:
    from prodigy_team.curation.gathering import Marks
    from prodigy_team.curation.judgements import By
    from prodigy_team.curation.merge import MergeReport
    from prodigy_team.roster import Roster
    from prodigy_team.store import Store


@dataclass(frozen=True)
class Asked:
    """What was typed after `merge`."""

    sources: tuple[str, ...]
    into: str | None
    policy: str
    by: By
    spans: Literal["whole", "majority"]
    conflicts: str | None
    backup: bool
    dry_run: bool

    @property
    def only_files(self) -> bool:
        """Whether no database is meant, by the names alone."""
        return bool(self.sources) and self.into is not None and _files([*self.sources, self.into, self.conflicts])


@dataclass(frozen=True)
class Plan:
    """What is written.

    Attributes:
        target: A dataset or a file.
        write: The database is changed.
        backup: A copy of it is made before.
    """

    target: str
    write: bool
    backup: bool


def merge(
    shared: Shared,
    sources: Sequence[str],
    *,
    into: str | None = None,
    on_conflict: str = "all",
    by: By = "auto",
    spans: Literal["whole", "majority"] = "whole",
    conflicts: str | None = None,
    no_backup: bool = False,
    dry_run: bool = False,
) -> int:
    """Merge and show the report; returns the exit code."""
    asked = Asked(tuple(sources), into, on_conflict, by, spans, conflicts, not no_backup, dry_run)
    show(carry_out(asked, shared), shared)
    return 0


def plan(asked: Asked, team: str | None) -> Plan:
    """Decide where a merge goes to.

    Args:
        team: None where there is no roster.

    Raises:
        UsageError: Nothing says where.
    """
    if asked.into is None and team is None:
        raise UsageError("Without a roster a merge needs a place.", remedy="Name a file: --into gold.jsonl")
    target = asked.into or f"{team}_gold"
    write = not asked.dry_run and not _files([target, asked.conflicts])
    return Plan(target, write, backup=write and asked.backup and team is not None)


def carry_out(asked: Asked, shared: Shared) -> MergeReport:
    """Read the roster, where there is or has to be one, open its database unless only files are meant, and merge."""
    from prodigy_team.cli.answers import read_roster
    from prodigy_team.cli.gathered import chosen_sources, may_do_without_roster, roster_people
    from prodigy_team.curation.merge import merge

    only_files = may_do_without_roster(shared, asked.sources) or asked.only_files
    path = shared.path() if only_files else shared.existing()
    roster = read_roster(path, answers_only=True) if is_file(path) else None
    planned = plan(asked, roster.name if roster is not None else None)
    with _store(None if only_files else roster, write=planned.write) as store:
        named = chosen_sources(store, roster, asked.sources, target=planned.target, quiet=shared.quiet)
        names = [each.name for each in named]
        return merge(
            store,
            names,
            planned.target,
            asked.policy,
            by=asked.by,
            spans=asked.spans,
            conflicts=asked.conflicts,
            dry_run=asked.dry_run,
            people=roster_people(store, roster),
            marks=_marks(store, roster, names, asked),
            team=roster.name if roster is not None else None,
            before_writing=partial(_back_up, roster) if roster is not None and planned.backup else None,
        )


def _back_up(roster: Roster) -> None:
    from prodigy_team.servers.backups import backup_before

    backup_before(roster, os.environ, "merge")


def show(report: MergeReport, shared: Shared) -> None:
    """Print what was merged; quietly only what changed something."""
    if shared.as_json:
        from prodigy_team.cli.objects import values_of

        output.show_json(values_of(report))
    elif not shared.quiet or report.changed:
        output.tell(merged.merge_notes(report))
        output.say(merged.merge_lines(report))


def _files(targets: Sequence[str | None]) -> bool:
    """Whether only files are written."""
    from prodigy_team.curation.sources import is_file_name

    return all(each is None or is_file_name(each) for each in targets)


@contextmanager
def _store(roster: Roster | None, *, write: bool) -> Iterator[Store | None]:
    if roster is None:
        yield None
        return
    from prodigy_team.cli.answers import roster_store

    with roster_store(roster, write=write) as store:
        yield store


def _marks(store: Store | None, roster: Roster | None, names: Sequence[str], asked: Asked) -> dict[str, Marks]:
    """Which answers do not count; with `all` only those to known tasks."""
    from prodigy_team.cli.gathered import index_answers, roster_marks
    from prodigy_team.curation.sources import resolve_sources

    if store is None or roster is None:
        return {}
    if store.gold(roster.name) and not asked.dry_run:
        index_answers(roster, store)
    return roster_marks(store, roster, resolve_sources(store, names), surplus=asked.policy != "all")
