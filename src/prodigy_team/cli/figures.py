"""Plans, coverage and progress as lines. Pure; nothing here prints or reads a clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from prodigy_team.cli.render import GAP, align, plural

if TYPE_CHECKING:
    from prodigy_team.curation.coverage import Coverage, Gap, Impossible

SHOWN_PLACES = 8


def source_name(source: str) -> str:
    """A file's name without its folders; others as they are."""
    return PurePath(source).name if source.startswith("/") else source


def names(people: Sequence[str]) -> str:
    """`joe, jane`, or `nobody`."""
    return ", ".join(people) or "nobody"


def target_line(pool: str, source: str, tasks: int, per_task: str, wanted: int, twice: int) -> str:
    """`textcat.manual, source.jsonl: 150 tasks x 1.2: 120 once, 30 twice = 180 answers`."""
    start = f"{pool.rpartition('-')[0]}, {source_name(source)}: {plural(tasks, 'task')} x"
    if per_task == "all":
        return f"{start} everybody = {plural(wanted, 'answer')}"
    least = int(per_task.partition(".")[0])
    parts = [f"{tasks - twice:,} {times(least)}"] if twice < tasks else []
    parts += [f"{twice:,} {times(least + 1)}"] if twice else []
    return f"{start} {per_task}: {', '.join(parts) or 'none'} = {plural(wanted, 'answer')}"


def times(count: int) -> str:
    """`once`, `twice`, `3 times`."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def places(numbers: Sequence[int]) -> str:
    """`task 7`, `tasks 7, 12, 30`, with the first few only of many."""
    shown = ", ".join(f"{each:,}" for each in numbers[:SHOWN_PLACES])
    more = f" and {len(numbers) - SHOWN_PLACES:,} more" if len(numbers) > SHOWN_PLACES else ""
    return f"{'task' if len(numbers) == 1 else 'tasks'} {shown}{more}"


# coverage


def coverage_lines(pools: Iterable[Coverage], *, by_version: bool) -> list[str]:
    """Per pool: the target, how many tasks have it, who did what, what cannot be completed, each gap if asked for."""
    lines: list[str] = []
    for each in pools:
        lines += [target_line(each.pool, each.source, each.tasks, each.per_task, each.wanted, each.twice)]
        lines += [f"{GAP}{each.counted:,} of {plural(each.wanted, 'answer')} given{_beside(each)}"]
        lines += [f"{GAP}{_tasks_line(each)}"]
        lines += align(_version_rows(each) if by_version else _people_rows(each), indent=GAP)
        lines += [f"{GAP}{impossible_line(one)}" for one in each.impossible]
        if each.missing is not None:
            lines += [f"{GAP}{gap_line(one)}" for one in each.missing]
        lines += [_next(each)]
    return lines


def _beside(coverage: Coverage) -> str:
    parts = [
        f"{count:,} {word}"
        for count, word in (
            (coverage.surplus, "surplus"),
            (coverage.corrections, "corrected"),
            (coverage.gold, "gold"),
            (coverage.elsewhere, "to no task of the source"),
        )
        if count
    ]
    return f"; besides {', '.join(parts)}" if parts else ""


def _tasks_line(coverage: Coverage) -> str:
    nobody = f" ({coverage.untouched:,} answered by nobody)" if coverage.untouched else ""
    return f"{plural(coverage.exact, 'task')} exact, {coverage.under:,} under{nobody}, {coverage.over:,} over"


def _people_rows(coverage: Coverage) -> Iterator[tuple[str, ...]]:
    yield "NAME", "TASKS", "SURPLUS", "MISSING", ""
    for each in coverage.people:
        missing = f"{each.missing:,}" if each.active else "-"
        yield each.name, f"{each.tasks:,}", f"{each.surplus:,}", missing, "" if each.active else "paused or left"


def _version_rows(coverage: Coverage) -> Iterator[tuple[str, ...]]:
    yield "VERSION", "ANSWERS", "TASKS", "PEOPLE"
    for each in coverage.versions:
        yield each.version or "-", f"{each.answers:,}", f"{each.tasks:,}", names(each.people)


def impossible_line(each: Impossible) -> str:
    """What will be lacking, where, and why."""
    what = f"Cannot be completed: {plural(each.answers, 'answer')} to {places(each.tasks)}"
    if each.why == "limit":
        return f"{what}: the limit of {names(each.may)} is below what is left."
    if each.why == "only":
        return f"{what}: `only` or the router keeps {names(each.away)} away."
    return f"{what}: more people are wanted than there are."


def gap_line(gap: Gap) -> str:
    """`task 17 "Headline …" lacks 1: jane; has joe`."""
    has = f"; has {names(gap.has)}" if gap.has else "; answered by nobody"
    who = names(gap.may) if len(gap.may) <= gap.lacks else f"{gap.lacks} of {names(gap.may)}"
    return f'task {gap.place:,} "{gap.task}" lacks {who}{has}'


def _next(coverage: Coverage) -> str:
    if coverage.counted == coverage.wanted:
        return "Complete. Next: prodigy-team merge"
    if coverage.counted == coverage.reachable:
        return "Nothing more can be reached with these people. Next: prodigy-team merge"
    if coverage.missing is None:
        return "Next: prodigy-team coverage --missing names each task that lacks somebody"
    return f"{plural(coverage.reachable - coverage.counted, 'answer')} to come. Next: prodigy-team progress"
