"""Part a: export to JSON lines, against sqlite3's command line with the same join and against cat of the same bytes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from answered import Project, Ran, measure
from measuring import Figure, middle, ratios


def to_jsonl(project: Project, rounds: int) -> Iterator[Figure]:
    """Every dataset's answers, one command a dataset; all lines must be equal to what sqlite3 prints."""
    if shutil.which("sqlite3") is None:
        print("a   left out: there is no sqlite3 command", flush=True)
        return
    ours, theirs, cats = [], [], []
    for number in range(rounds + 1):
        each = _round(project, number)
        if number:
            for figures, ran in zip((ours, theirs, cats), each, strict=True):
                figures.append(ran)
    seconds, other, plain = ([each.seconds for each in ran] for ran in (ours, theirs, cats))
    note = f"{middle(seconds)} against {middle(other)}"
    yield Figure("a", "export to JSON lines / sqlite3 command line", ratios(seconds, other), 1.2, note=note)
    cpu = ratios([each.cpu for each in ours], [each.cpu for each in theirs])
    yield Figure("a", "the same, processor time", cpu, 1.5)
    yield Figure("a", "export / cat of the same bytes", ratios(seconds, plain), 20, note=f"{middle(plain)} for cat")
    yield Figure("a", "most memory of export, MB", tuple(each.peak_mb for each in ours), 40)


def _round(project: Project, number: int) -> tuple[Ran, Ran, Ran]:
    """Ours, sqlite3's and cat's, over all datasets; who begins changes with the round."""
    ours, theirs, copied = (project.folder / name for name in ("ours.jsonl", "theirs.jsonl", "copied.jsonl"))
    totals: dict[str, list[Ran]] = {"ours": [], "theirs": [], "cat": []}
    for dataset in project.datasets:
        query = (
            "SELECT content FROM example JOIN link ON link.example_id = example.id "
            f"JOIN dataset ON dataset.id = link.dataset_id WHERE dataset.name = '{dataset}' ORDER BY link.id"
        )
        turns = [
            ("ours", project.command("export", dataset, "--output", str(ours), "--quiet"), None),
            ("theirs", ["sqlite3", str(project.database), query], theirs),
        ]
        for name, command, output in turns if number % 2 else reversed(turns):
            totals[name].append(measure(command, project.env, output))
        if number == 0 and ours.read_bytes() != theirs.read_bytes():
            raise SystemExit(f"the export of {dataset} is not what sqlite3 prints")
        totals["cat"].append(measure(["cat", str(theirs)], project.env, copied))
    return _sum(totals["ours"]), _sum(totals["theirs"]), _sum(totals["cat"])


def _sum(parts: list[Ran]) -> Ran:
    return Ran(
        sum(each.seconds for each in parts), sum(each.cpu for each in parts), max(each.peak_mb for each in parts)
    )
