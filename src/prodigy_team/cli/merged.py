"""What a merge did becomes lines: the balance of its counts, what it wrote, and what else one should know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prodigy_team.cli.render import plural

if TYPE_CHECKING:
    from prodigy_team.curation.merge import MergeReport

BROKEN_SHOWN = 10


def merge_lines(report: MergeReport) -> list[str]:
    """The counts, which balance; how many tasks were answered differently; what to do next."""
    keys = ("already", "conflicting", "rejected", "ignored", "surplus", "gold", "reopened", "unreadable")
    shown = {"already": "already there", "reopened": "sent back"}
    parts = [f"used {report.used:,}", f"repeated {report.repeated:,}"]
    parts += [f"{shown.get(key, key)} {getattr(report, key):,}" for key in keys if getattr(report, key)]
    counts = f"read {report.read:,} = {' + '.join(parts)}{differing(report)}"
    if report.dry_run:
        return [counts, *written(report, "would write"), f"{report.into} was not written (--dry-run)"]
    if not report.changed and not report.used and not report.already:
        nothing = f"there are no answers in {', '.join(report.sources)}" if not report.read else "none of these counts"
        return [counts, f"nothing to write: {nothing}"]
    if not report.changed:
        return [counts, f"nothing to do: {report.into} is as it should be"]
    done = [f"wrote {report.into}"] if report.policy == "all" else written(report, "wrote")
    from prodigy_team.curation.sources import is_file_name

    if is_file_name(report.into):
        return [counts, *done]
    return [counts, *done, f"Next: prodigy-team export {report.into} --output {report.into}.jsonl"]


def differing(report: MergeReport) -> str:
    """How many tasks people answered differently, and what to do about it."""
    if not report.conflicts:
        return ""
    tasks = f"; {plural(report.conflicts, 'task')} answered differently by different people"
    if report.policy == "all":
        return f"{tasks} (--on-conflict review lists them)"
    if report.unsettled == report.conflicts:
        return tasks
    return f"{tasks}, {report.unsettled:,} of them unsettled"


def written(report: MergeReport, verb: str) -> list[str]:
    """What one row per task comes to, and where the rest went."""
    if report.policy == "all":
        return []
    lines = [f"{verb} {plural(report.tasks, 'task')} to {report.into}"]
    if report.conflicts_into is not None:
        rest = f"{plural(report.conflicting, 'answer')} to {plural(report.unsettled, 'unsettled task')}"
        lines.append(f"{verb} {rest} to {report.conflicts_into}")
    elif report.unsettled:
        lines.append(f"{plural(report.unsettled, 'unsettled task')} left out (--conflicts NAME keeps their answers)")
    return lines


def merge_notes(report: MergeReport) -> list[str]:
    """What somebody who merges should know besides: records that are no answers, tasks kept apart."""
    lines = [f"{each.source}:{each.position}: {each.reason}" for each in report.broken[:BROKEN_SHOWN]]
    if report.unreadable > BROKEN_SHOWN:
        lines.append(f"and {report.unreadable - BROKEN_SHOWN:,} more unreadable records")
    if report.views:
        listed = ", ".join(f"{view} {count:,}" for view, count in report.views.items())
        lines.append(f"Answers of different views are different tasks: {listed}")
    if report.collisions:
        lines.append(
            f"{plural(report.collisions, '32-bit hash value')} shared by different tasks, which were kept apart"
        )
    return lines
