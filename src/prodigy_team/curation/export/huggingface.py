"""A folder that `datasets.load_dataset` reads, with a data card: Parquet files, one for each side."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from prodigy_team.curation.export import parquet
from prodigy_team.curation.export.base import Kept, Terms
from prodigy_team.curation.export.columns import Kind
from prodigy_team.curation.export.formats import HUB_FILES, HUB_NAMES

CARD = "README.md"
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def write(answers: Iterator[tuple[str, Kept]], files: Mapping[str, Path], terms: Terms) -> None:
    """Write the tables and the card."""
    next(iter(files.values())).parent.mkdir(exist_ok=True)
    parquet.write(_counted(answers, terms), files, terms)
    folder = next(iter(files.values())).parent.parent
    (folder / CARD).write_text("\n".join(card(tuple(files), terms)) + "\n", encoding="utf-8")


def card(sides: tuple[str, ...], terms: Terms) -> Iterator[str]:
    """The data card: what the hub reads between the dashes, and what people read."""
    total = sum(terms.written.values())
    size = next((name for most, name in _SIZES if total < most), "1M<n<10M")
    yield from ("---", f"pretty_name: {json.dumps(terms.title)}", "size_categories:", f"- {size}")
    yield from ("configs:", "- config_name: default", "  data_files:")
    # With a side that has no rows `load_dataset` reads none of them.
    for side in [each for each in sides if terms.written[each]] or sides:
        yield from (f"  - split: {HUB_NAMES[side]}", f"    path: {HUB_FILES[side]}")
    yield from ("---", "", f"# {terms.title}", "")
    yield "Answers of annotators, exported by prodigy-team. `manifest.json` says from where, by whom and what was left"
    yield "out; `dropped.jsonl`, where there is one, names each answer that was."
    yield from ("", "| split | rows |", "| --- | --- |")
    yield from (f"| {HUB_NAMES[side]} | {terms.written[side]} |" for side in sides)
    yield from ("", "| column | type |", "| --- | --- |")
    yield from (f"| `{name}` | {said(kind)} |" for name, kind in terms.columns.items())


def said(kind: Kind) -> str:
    """A type in words: `list of {start: int, label: str}`."""
    if kind.item is not None:
        return f"list of {said(kind.item)}"
    if kind.name == "struct":
        return "{" + ", ".join(f"{name}: {said(inner)}" for name, inner in kind.fields) + "}"
    return "JSON in a string" if kind.name == "json" else kind.name


def _counted(answers: Iterator[tuple[str, Kept]], terms: Terms) -> Iterator[tuple[str, Kept]]:
    for side, kept in answers:
        terms.written[side] += 1
        yield side, kept
