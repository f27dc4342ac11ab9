"""Part c: agreement over all answers, against a merge of them by majority."""

from __future__ import annotations

from collections.abc import Iterator

from answered import Project, Ran, measure
from measuring import Figure, middle, ratios


def against_merge(project: Project, rounds: int) -> Iterator[Figure]:
    """All coefficients with their intervals, pairs, people and worst tasks; the merge writes one row per task."""
    gold = project.folder / "gold.jsonl"
    turns = {
        "agreement": project.command("agreement", "--json"),
        "by label": project.command("agreement", "--by", "label", "--json"),
        "merge": project.command("merge", "--on-conflict", "majority", "--into", str(gold), "--json"),
    }
    ran: dict[str, list[Ran]] = {name: [] for name in turns}
    for number in range(rounds + 1):
        for name, command in turns.items() if number % 2 else reversed(turns.items()):
            gold.unlink(missing_ok=True)
            each = measure(command, project.env)
            ran[name] += [each] if number else []
    seconds = {name: [each.seconds for each in found] for name, found in ran.items()}
    cpu = {name: [each.cpu for each in found] for name, found in ran.items()}
    note = f"{middle(seconds['agreement'])} against {middle(seconds['merge'])}"
    yield Figure("c", "agreement / merge by majority", ratios(seconds["agreement"], seconds["merge"]), 1.0, note=note)
    note = f"{middle(cpu['agreement'])} against {middle(cpu['merge'])}"
    yield Figure("c", "the same, processor time", ratios(cpu["agreement"], cpu["merge"]), 1.0, note=note)
    yield Figure("c", "most memory of agreement, MB", tuple(each.peak_mb for each in ran["agreement"]), 200)
    # Every answer is parsed for it: told beside, without a goal of its own.
    print(f"c   agreement --by label: {middle(seconds['by label'])}, {ran['by label'][-1].peak_mb:.0f} MB", flush=True)
