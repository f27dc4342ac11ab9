"""What `export` says of what it did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from prodigy_team.cli.render import GAP, align, plural

if TYPE_CHECKING:
    from prodigy_team.curation.export import ExportReport
    from prodigy_team.store import DatasetInfo


def export_lines(report: ExportReport, sources: str, place: object) -> Iterator[str]:
    """`wrote 534 answers of headlines_gold to corpus: train 427, dev 107`, and what was left out."""
    sides = ", ".join(f"{side} {count:,}" for side, count in report.written.items())
    split = f": {sides}" if len(report.written) > 1 else ""
    yield f"wrote {plural(report.exported, 'answer')} of {sources} to {place}{split}"
    if not report.read:
        yield f"There are no answers in {sources}."
    if report.anew:
        yield "The last export there was split by other settings; this one is split anew."
    if report.ungrouped:
        yield f"{plural(report.ungrouped, 'answer')} without the key to group by: split by input."
    yield from dropped_lines(report)


def dropped_lines(report: ExportReport) -> Iterator[str]:
    """`left out 12 answers: 8 ignored, 4 rejected`, and the same of spans."""
    if report.dropped:
        yield f"left out {plural(sum(report.dropped.values()), 'answer')}: {_reasons(report.dropped)}"
    if report.spans:
        yield f"left out {plural(sum(report.spans.values()), 'span')}: {_reasons(report.spans)}"


def _reasons(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in counts.items())


def dataset_lines(datasets: Sequence[DatasetInfo]) -> list[str]:
    """Every dataset with its number of answers, and what to do next."""
    if not datasets:
        return ["No dataset yet. Next: prodigy-team up"]
    rows = [(each.name, plural(each.answers, "answer")) for each in datasets]
    return [*align(rows, indent=GAP), f"Next: prodigy-team export {datasets[0].name} --output {datasets[0].name}.jsonl"]
