"""Plans, coverage and progress as lines. Pure; nothing here prints or reads a clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from prodigy_team.cli.render import GAP, ago, align, plural
from prodigy_team.curation.wording import source_name, worked

if TYPE_CHECKING:
    from prodigy_team.annotate.rebuilding import RebuiltPool
    from prodigy_team.annotate.reopening import ReopenedPool
    from prodigy_team.curation.coverage import Coverage, Gap, Impossible
    from prodigy_team.curation.planning import Changes, PersonPlan, PoolPlan, SourceFacts
    from prodigy_team.curation.progress import DayProgress, PersonProgress, PoolProgress

SHOWN_PLACES = 8


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


# plan


def plan_lines(pools: Sequence[PoolPlan], notes: Sequence[str] = ()) -> list[str]:
    """Per pool: the target, who gets what, what is out of reach, the source's faults, what has changed; what next."""
    lines: list[str] = []
    for each in pools:
        lines += [target_line(each.pool, each.source, each.tasks, each.per_task, each.wanted, each.twice)]
        lines += [f"{GAP}{one}" for one in _standing_lines(each)]
        lines += align(_plan_rows(each.people), indent=GAP)
        lines += [f"{GAP}{impossible_line(one)}" for one in each.impossible]
        lines += [f"{GAP}{one}" for one in fault_lines(each.input)]
        if each.changes is not None and each.changes.any:
            lines += [f"{GAP}{change_line(each.changes)}"]
    return [*lines, *notes, _what_next(pools)]


def _standing_lines(plan: PoolPlan) -> Iterator[str]:
    if plan.counted:
        yield f"{plan.counted:,} of {plural(plan.wanted, 'answer')} given or in hand"
    if plan.reachable < plan.wanted:
        yield f"at most {plan.reachable:,} of {plural(plan.wanted, 'answer')} can be reached"
    if plan.gold:
        yield f"{plural(plan.gold, 'task')} with known answers mixed in besides"


def _plan_rows(people: Sequence[PersonPlan]) -> Iterator[tuple[str, ...]]:
    yield "NAME", "ANSWERED", "HOLDS", "AT LEAST", "AT MOST", ""
    for each in people:
        remarks = [] if each.state == "active" else [each.state]
        remarks += [f"limit {each.limit:,}"] if each.limit is not None else []
        remarks += [f"{each.kept_away:,} not for {each.name}"] if each.kept_away else []
        counts = (each.answered, each.held, each.at_least, each.at_most)
        yield each.name, *(f"{count:,}" for count in counts), ", ".join(remarks)


def fault_lines(facts: SourceFacts) -> Iterator[str]:
    """Duplicates and unusable lines by number, and tasks that Prodigy would not ask."""
    for each in facts.duplicates[:SHOWN_PLACES]:
        yield f'lines {", ".join(f"{line:,}" for line in each.lines)} are the same task, asked once: "{each.task}"'
    if len(facts.duplicates) > SHOWN_PLACES:
        yield f"{len(facts.duplicates) - SHOWN_PLACES:,} further tasks stand in several lines (--json has all)"
    for bad in facts.unusable[:SHOWN_PLACES]:
        yield f"line {bad.line:,} is left out: {bad.reason}"
    if facts.unusable_lines > SHOWN_PLACES:
        yield f"{facts.unusable_lines - SHOWN_PLACES:,} further lines are left out"
    for one in facts.collisions[:SHOWN_PLACES]:
        yield f"{places(one.places)} differ but share the 32-bit hash {one.hash}: Prodigy asks the first one only"


def change_line(changes: Changes) -> str:
    """What the next `up` or pull changes."""
    parts = [f"{plural(len(changes.new), 'new task')} ({places(changes.new)})"] if changes.new else []
    parts += [f"{changes.gone:,} gone"] if changes.gone else []
    parts += [f"{changes.drawn:,} asked once more often"] if changes.drawn else []
    parts += [f"{changes.undrawn:,} asked once less"] if changes.undrawn else []
    edited = "; an edited text is a new task" if changes.new and changes.gone else ""
    return f"Since tasks were last dealt out: {', '.join(parts)}{edited}."


def _what_next(pools: Sequence[PoolPlan]) -> str:
    if any(each.changes is not None and each.changes.any for each in pools):
        return "Next: prodigy-team up"
    if pools and all(each.counted == each.reachable for each in pools):
        return "Next: prodigy-team coverage"
    begun = any(each.counted or each.changes is not None for each in pools)
    return "Next: prodigy-team progress" if begun else "Next: prodigy-team up"


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
            (coverage.reopened, "sent back"),
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
    if not coverage.tasks:
        return f"There is no task in {source_name(coverage.source)}. Next: prodigy-team plan names lines left out"
    if coverage.counted == coverage.wanted:
        return "Complete. Next: prodigy-team merge"
    if coverage.counted == coverage.reachable:
        return "Nothing more can be reached with these people. Next: prodigy-team merge"
    if coverage.missing is None:
        return "Next: prodigy-team coverage --missing names each task that lacks somebody"
    return f"{plural(coverage.reachable - coverage.counted, 'answer')} to come. Next: prodigy-team progress"


# progress


def progress_lines(pools: Sequence[PoolProgress], *, now: float, time_zone: str, by_day: bool) -> list[str]:
    """Per pool: how far it is and when it ends, then a line for each annotator or day; the time zone at the end."""
    lines: list[str] = []
    for each in pools:
        end = f", done about {local_time(each.expected_end)}" if each.expected_end else ""
        start = f"{each.pool.rpartition('-')[0]}, {source_name(each.source)}"
        lines += [f"{start}: {each.counted:,} of {plural(each.wanted, 'answer')}{end}"]
        if each.reachable < each.wanted:
            lines += [f"{GAP}at most {each.reachable:,} can be reached; why: prodigy-team plan"]
        rows = _day_rows(each.days) if by_day else _person_rows(each.annotators, now)
        lines += align(rows, indent=GAP)
    return [*lines, f"Times are in {time_zone}; working time is told from the times of answers."]


def _person_rows(people: Sequence[PersonProgress], now: float) -> Iterator[tuple[str, ...]]:
    gold = any(each.gold_judged for each in people)
    versions = len({version for each in people for version in each.versions}) > 1
    yield (
        *("NAME", "DONE", "HOLDS", "LEFT", "ACC/REJ/IGN", "LAST SEEN", "S/TASK", "WORKED", "TASKS/H", "DONE ABOUT"),
        *(("GOLD",) if gold else ()),
        *(("VERSIONS",) if versions else ()),
    )
    for each in people:
        name = each.name if each.state == "active" else f"{each.name} ({each.state})"
        seen = "-" if each.last_seen is None else ago(now - unix_time(each.last_seen))
        yield (
            name,
            *(f"{count:,}" for count in (each.done, each.leased, each.left)),
            f"{each.accept:,}/{each.reject:,}/{each.ignore:,}",
            seen,
            number(each.median_seconds),
            worked(each.active_seconds),
            number(each.pace),
            local_time(each.expected_end) if each.expected_end else "-",
            *((f"{each.gold_right} of {each.gold_judged}",) if gold else ()),
            *((", ".join(f"{key or '-'}: {count:,}" for key, count in each.versions.items()),) if versions else ()),
        )


def _day_rows(days: Sequence[DayProgress]) -> Iterator[tuple[str, ...]]:
    yield "DAY", "DONE", "ACC/REJ/IGN", "S/TASK", "WORKED", "PEOPLE"
    for each in days:
        says = f"{each.accept:,}/{each.reject:,}/{each.ignore:,}"
        seconds = number(each.median_seconds), worked(each.active_seconds)
        yield each.day or "unknown", f"{each.done:,}", says, *seconds, names(each.people)


def csv_lines(pools: Sequence[PoolProgress], *, by_day: bool) -> list[str]:
    """The values of `--json`, a line each, under a line of their names; lists are joined by spaces."""
    import csv
    import io
    from dataclasses import asdict

    rows: list[dict[str, object]] = []
    for pool in pools:
        for each in pool.days if by_day else pool.annotators:
            rows.append({"pool": pool.pool, **{key: csv_value(value) for key, value in asdict(each).items()}})
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return text.getvalue().splitlines()


def csv_value(value: object) -> object:
    """A value as one cell."""
    if isinstance(value, dict):
        return " ".join(f"{key or '-'}:{each}" for key, each in value.items())
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else value


def unix_time(moment: str) -> float:
    """Unix seconds of a time as objects have it."""
    return datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()


def local_time(moment: str) -> str:
    """`2026-11-22 14:30` in the machine's time zone."""
    return datetime.fromisoformat(moment.replace("Z", "+00:00")).astimezone().strftime("%Y-%m-%d %H:%M")


def number(value: float | None) -> str:
    """`3.2`, or a dash."""
    return "-" if value is None else f"{value:,.1f}"


# ledger


def rebuilt_lines(pools: Sequence[RebuiltPool]) -> list[str]:
    """What the new ledger knows, and what it took from the old one."""
    lines = []
    for each in pools:
        had = "the old ledger could not be read" if each.leases_before is None else f"of {each.leases_before:,}"
        lines.append(
            f"{each.pool.rpartition('-')[0]}, {source_name(each.source)}: {plural(each.tasks, 'task')}, "
            f"{each.twice:,} asked once more often, {plural(each.answers, 'answer')}, "
            f"{plural(each.leases, 'lease')} kept ({had})"
        )
    return [*lines, "The ledger is new; servers that run go on with it."]


# reopen


def _of_version(version: str | None) -> str:
    return "" if version is None else f"of version {version or '-'} "


def reopened_lines(pools: Sequence[ReopenedPool], *, routed: bool) -> list[str]:
    """How many tasks go back to whom."""
    lines = []
    for each in pools:
        whom = ", ".join(f"{name} {count:,}" for name, count in each.people.items()) or "nobody"
        lines.append(
            f"{each.pool.rpartition('-')[0]}, {source_name(each.source)}: {plural(each.tasks, 'task')} "
            f"{_of_version(each.version)}back to {whom}"
        )
    if not any(each.tasks for each in pools):
        versions = any(each.version is not None for each in pools)
        more = " Which versions there are: prodigy-team coverage --by version" if versions else ""
        return [*lines, f"Nothing is to be sent back.{more}"]
    if any(each.dry_run for each in pools):
        return [*lines, "Nothing was sent back (--dry-run)."]
    again = "a page that is reloaded" if routed else "`prodigy-team restart`"
    return [*lines, f"The old answers stay and no longer count. They are asked again after {again}."]
