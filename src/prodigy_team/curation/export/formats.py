"""The formats there are, and what is asked of one export."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from prodigy_team.curation.export.base import Format, Kept, Terms
from prodigy_team.curation.split import DEV, TEST, TRAIN, Shares

HUB_NAMES = {TRAIN: "train", DEV: "validation", TEST: "test"}
"""The sides as Hugging Face calls them."""
HUB_FILES = {side: f"data/{name}-00000-of-00001.parquet" for side, name in HUB_NAMES.items()}


def _format(name: str, module: str, suffix: str = "", **more: Any) -> Format:
    def write(answers: Iterator[tuple[str, Kept]], files: Mapping[str, Path], terms: Terms) -> None:
        import_module(f"prodigy_team.curation.export.{module}").write(answers, files, terms)

    return Format(name, suffix or name, write, **more)


FORMATS: Mapping[str, Format] = {
    each.name: each
    for each in (
        _format("jsonl", "jsonl"),
        _format("csv", "csv_rows", table=True),
        _format("parquet", "parquet", table=True, libraries=("pyarrow",), extra="parquet"),
        _format("spacy", "docbin", training=True, libraries=("spacy",), extra="spacy"),
        _format("conll", "conll", training=True),
        _format(
            "huggingface",
            "huggingface",
            "parquet",
            table=True,
            training=True,
            libraries=("pyarrow",),
            extra="parquet",
            folder=HUB_FILES,
        ),
    )
}


@dataclass(frozen=True)
class Request:
    """What is to be written, and where.

    Attributes:
        path: A file, or a folder where there is a split or the format is always one.
        answers: Which are kept; None: all, but of formats that models are trained on the accepted ones, with those
            rejected where that is what is learnt from: a label that does not apply.
        language: Whose tokenizer the spaCy format uses for texts without tokens.
        title: What it is of.
    """

    format: Format
    path: Path
    shares: Shares = field(default_factory=Shares)
    answers: frozenset[str] | None = None
    language: str = "en"
    title: str = "answers"

    @property
    def split(self) -> bool:
        """Whether there is more than one side."""
        return len(self.shares.sides) > 1

    @property
    def folder(self) -> bool:
        """Whether the export is a folder."""
        single = self.path.suffix == f".{self.format.suffix}" and not self.format.folder
        return self.split or bool(self.format.folder) or (self.format.name == "spacy" and not single)

    def place(self, name: str) -> str:
        """What a file beside the data is called: in a folder by its own name, else by the data's with it."""
        return name if self.folder else f"{self.path.name}.{name}"


@dataclass(frozen=True)
class ExportReport:
    """What was written; `read = exported + dropped`.

    Attributes:
        exported: Answers that were written, on all sides.
        written: Side -> records in its file; fewer than the answers where those to one text become one.
        dropped: Reason -> answers that were left out.
        spans: Reason -> spans that were left out of answers that were exported.
        kept: Groups that kept the side they had in an earlier export.
        anew: There was an earlier export that was split by other settings.
        ungrouped: Answers without the key that they are to be grouped by; they are grouped by input.
    """

    path: Path
    format: str
    read: int
    exported: int
    written: Mapping[str, int]
    dropped: Mapping[str, int]
    spans: Mapping[str, int]
    inputs: Mapping[str, int] = field(default_factory=dict)
    kept: int = 0
    anew: bool = False
    ungrouped: int = 0

    def __post_init__(self) -> None:
        if self.read != self.exported + sum(self.dropped.values()):
            raise AssertionError(f"the counts of this export do not balance: {self}")
