"""Agreement as lines. Pure; nothing here prints or reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from prodigy_team.cli.render import GAP, align, plural

if TYPE_CHECKING:
    from prodigy_team.curation.agreement import Agreement, Disagreement, Figure, ViewAgreement

_SHOWN_DIFFERENT = {"reopened": "sent back", "decisions": "decisions of disputes"}
_MARK = "*"
_SHOWN = 20


def agreement_lines(found: Agreement, *, by: str) -> list[str]:
    """What was read; per view the figures, a table and the worst tasks; what the marks mean.

    Args:
        by: "annotator", "label", "pair" or "week".
    """
    left_out = [f"{_SHOWN_DIFFERENT.get(key, key)} {count:,}" for key, count in found.left_out.items()]
    lines = [f"read {found.read:,} = {' + '.join([f'compared {found.counted:,}', *left_out])}"]
    for view in found.views:
        lines += ["", *_view_lines(view, by)]
    if not found.views:
        lines.append("nobody has judged anything yet")
    elif not any(view.tasks for view in found.views):
        lines += ["", "No task was answered by two people. `annotations_per_task` in [routing] asks several for each."]
    if any(_MARK in line.split(" of ")[0] for line in lines):
        lines += ["", f"{_MARK} on few tasks: chance moves it more than people do"]
    return lines


def broken_lines(found: Agreement) -> list[str]:
    """`joe.jsonl:12: no JSON object`, of the first unreadable records."""
    lines = [f"{each.source}:{each.position}: {each.reason}" for each in found.broken[:_SHOWN]]
    more = found.left_out.get("unreadable", 0) - len(lines)
    return [*lines, *([f"and {more:,} more"] if more else [])]


def figure(value: Figure | None) -> str:
    """`0.81 (0.77 to 0.85)`, `0.50 (0.10 to 0.90)*` on few tasks, or `undefined: everybody said accept`."""
    if value is None:
        return ""
    if value.value is None:
        return f"undefined: {value.undefined}"
    interval = f" ({value.low:.2f} to {value.high:.2f})" if value.low is not None and value.high is not None else ""
    # Adding zero makes of -0.0 what a reader expects.
    return f"{round(value.value, 2) + 0.0:.2f}{interval}{_MARK if value.thin else ''}"


def _view_lines(view: ViewAgreement, by: str) -> Iterator[str]:
    compared = {"answer": "accept or reject", "choice": "options", "spans": "spans", "other": "answers as a whole"}
    alone = f", {view.single:,} by one" if view.single else ""
    ignored = f"; {plural(view.ignored, 'answer')} ignored the task" if view.ignored else ""
    tasks = f"{plural(view.tasks, 'task')} judged by two people or more{alone}{ignored}"
    yield f"{view.view} ({compared[view.kind]}): {tasks}"
    if view.tasks:
        yield from align(_figure_rows(view), indent=GAP)
        yield from align(_table(view, by), indent=GAP)
    if view.disagreements:
        yield f"{GAP}They differ most on:"
        yield from align(map(_disagreement_row, view.disagreements), indent=GAP * 2)


def _figure_rows(view: ViewAgreement) -> Iterator[Sequence[str]]:
    distance = " (MASI)" if view.distance == "masi" else ""
    rows = (
        ("said the same", view.percent),
        ("Fleiss' kappa", view.fleiss),
        (f"Krippendorff's alpha{distance}", view.alpha),
        ("F1 of spans, exact", view.f1),
        ("F1 of spans, partial", view.partial_f1),
        ("kappa of tokens", view.token_kappa),
    )
    for name, value in rows:
        if value is not None:
            yield name, figure(value), f"on {plural(value.tasks, 'task')}"


def _table(view: ViewAgreement, by: str) -> Iterator[Sequence[str]]:
    spans = view.kind == "spans"
    if by == "annotator":
        yield "NAME", "TASKS", "SAME AS OTHERS", "F1" if spans else "MEAN KAPPA"
        for person in view.people:
            yield person.name, f"{person.tasks:,}", figure(person.percent), figure(person.kappa)
    elif by == "pair":
        yield "PAIR", "TASKS", "SAME", *(("F1", "PARTIAL F1", "TOKENS") if spans else ("COHEN'S KAPPA",))
        for pair in view.pairs:
            values = (pair.f1, pair.partial_f1, pair.token_kappa) if spans else (pair.kappa,)
            names = f"{pair.first}, {pair.second}"
            yield names, f"{pair.tasks:,}", figure(pair.percent), *map(figure, values)
    elif by == "label":
        yield "LABEL", "ANSWERS", "F1", "PARTIAL F1" if spans else "ALPHA"
        for label in view.labels:
            other = label.partial_f1 if spans else label.alpha
            yield label.label or "(none)", f"{label.answers:,}", figure(label.f1), figure(other)
    else:
        yield "WEEK", "TASKS", "SAME", "F1" if spans else "ALPHA"
        for week in view.weeks:
            other = week.f1 if spans else week.alpha
            yield week.week or "(no time)", f"{week.tasks:,}", figure(week.percent), figure(other)


def _disagreement_row(each: Disagreement) -> Sequence[str]:
    words = "; ".join(f"{name}: {value}" for name, value in each.said)
    return f"{each.source} {each.position}", f"{each.distance:.2f}", words, f'"{each.text}"' if each.text else ""
