"""Part a: export to JSON lines, against sqlite3's command line with the same join and against cat of the same bytes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from filecmp import cmp

from answered import Project, Ran, measure
from measuring import Figure, middle, ratios


def to_jsonl(project: Project, rounds: int) -> Iterator[Figure]:
    """All answers by one command, into a file with its manifest; the lines must be what sqlite3 prints."""
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
    ours_cpu, their_cpu = (middle([each.cpu for each in ran]) for ran in (ours, theirs))
    note = f"{middle(seconds)} against {middle(other)}; processor {ours_cpu} against {their_cpu}"
    yield Figure("a", "export to JSON lines / sqlite3 command line", ratios(seconds, other), 1.2, note=note)
    yield Figure("a", "export / cat of the same bytes", ratios(seconds, plain), 20, note=f"{middle(plain)} for cat")
    yield Figure("a", "most memory of export, MB", tuple(each.peak_mb for each in ours), 40)


def _round(project: Project, number: int) -> tuple[Ran, Ran, Ran]:
    """Ours, sqlite3's and cat's, each all datasets in one process; who begins changes with the round."""
    ours, theirs, copied = (project.folder / name for name in ("ours.jsonl", "theirs.jsonl", "copied.jsonl"))
    names = sorted(project.datasets)
    query = "".join(
        "SELECT content FROM example JOIN link ON link.example_id = example.id "
        f"JOIN dataset ON dataset.id = link.dataset_id WHERE dataset.name = '{name}' ORDER BY link.id;"
        for name in names
    )
    turns = [
        ("ours", project.command("export", *names, "--output", str(ours), "--quiet"), None),
        ("theirs", ["sqlite3", str(project.database), query], theirs),
    ]
    ran = {name: measure(command, project.env, output) for name, command, output in turns[:: 1 if number % 2 else -1]}
    if number == 0 and not cmp(ours, theirs, shallow=False):
        raise SystemExit("the export is not what sqlite3 prints")
    return ran["ours"], ran["theirs"], measure(["cat", str(theirs)], project.env, copied)
