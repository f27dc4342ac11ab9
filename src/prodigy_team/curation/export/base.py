"""What the formats of an export share: the answers that are kept, what is left out and why, and what a writer needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from prodigy_team.errors import TeamError

_encode = msgspec.json.encode
REPEATED = "repeated"
_EXCERPT = 80  # characters of a text, to find it again


class Kept(msgspec.Struct, gc=False):
    """An answer that is exported.

    Attributes:
        number: Its place among the answers kept, from 0.
        position: Link in the dataset, or line of the file.
        content: JSON on one line, otherwise as stored.
    """

    number: int
    source: str
    position: int
    annotator: str
    content: msgspec.Raw

    def record(self) -> dict[str, Any]:
        """The answer, decoded."""
        found: dict[str, Any] = msgspec.json.decode(self.content)
        return found


class Spool:
    """The answers kept, on disk: formats read them again, and meanwhile the database may change."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb", buffering=1 << 16)
        self._decoder = msgspec.json.Decoder(Kept)

    def add(self, kept: Kept) -> None:
        """Append an answer."""
        self._file.write(_encode(kept) + b"\n")

    def close(self) -> None:
        """Nothing is added any more."""
        self._file.close()

    def __iter__(self) -> Iterator[Kept]:
        """All answers, in order; nothing is added afterwards."""
        self.close()
        with self._path.open("rb") as file:
            for line in file:
                yield self._decoder.decode(line)


class DropList:
    """Everything that is left out, one line of JSON each with its reason, and the counts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.answers: Counter[str] = Counter()
        self.spans: Counter[str] = Counter()
        self._file: BinaryIO | None = None

    def answer(self, reason: str, source: str, position: int, annotator: str, record: Mapping[str, Any] | None) -> None:
        """An answer is left out."""
        self.answers[reason] += 1
        self._write({"dropped": "answer", "reason": reason, **_address(source, position, annotator, record)})

    def kept(self, reason: str, kept: Kept, record: Mapping[str, Any]) -> None:
        """An answer that was kept so far is left out by the format."""
        self.answer(reason, kept.source, kept.position, kept.annotator, record)

    def span(self, reason: str, kept: Kept, record: Mapping[str, Any], span: Any) -> None:
        """A span is left out; its answer is exported."""
        self.spans[reason] += 1
        address = _address(kept.source, kept.position, kept.annotator, record)
        self._write({"dropped": "span", "reason": reason, **address, "span": span})

    def close(self) -> None:
        """Finish the file; there is none where nothing was left out."""
        if self._file is not None:
            self._file.close()

    def _write(self, line: Mapping[str, Any]) -> None:
        if self._file is None:
            self._file = self.path.open("wb")
        self._file.write(_encode(line) + b"\n")


@dataclass
class Terms:
    """What a format's writer is given besides the answers.

    Attributes:
        columns: Name to type, for formats that are tables.
        language: Whose tokenizer cuts texts that come without tokens.
        title: What the export is of, for people.
        written: Filled by the writer, for each side, none too: records where these are not the answers.
    """

    drops: DropList
    columns: Mapping[str, Any] = field(default_factory=dict)
    language: str = "en"
    title: str = ""
    written: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Format:
    """A way to write answers.

    Attributes:
        suffix: Of its files.
        write: Takes answers with their sides, the file of each side, and the terms.
        libraries: What writes it, for the manifest; the first must be installed.
        extra: Of this package, that installs them.
        table: Needs the columns of all answers first.
        training: Only accepted answers are kept unless others are asked for, since what is written says how it is.
        folder: Always a folder, with these names for the sides' files.
    """

    name: str
    suffix: str
    write: Callable[[Iterator[tuple[str, Kept]], Mapping[str, Path], Terms], None]
    libraries: tuple[str, ...] = ()
    extra: str = ""
    table: bool = False
    training: bool = False
    folder: Mapping[str, str] | None = None

    def file_of(self, side: str) -> str:
        """The name of a side's file, in the folder."""
        return self.folder[side] if self.folder else f"{side}.{self.suffix}"

    def versions(self) -> dict[str, str]:
        """Of what writes it.

        Raises:
            TeamError: It is not installed.
        """
        from importlib import metadata  # takes longer than many an export

        try:
            return {name: metadata.version(name) for name in self.libraries}
        except metadata.PackageNotFoundError as error:
            raise TeamError(
                f"The format {self.name} needs {error.name}, which is not installed.",
                remedy=f"Run `pip install 'prodigy-team[{self.extra}]'`.",
            ) from error


def people_of(record: Mapping[str, Any], annotator: str) -> list[str]:
    """Who stands behind an answer: of a merged one, everybody who gave it."""
    people = record.get("_annotators")
    if isinstance(people, list) and people and all(isinstance(each, str) for each in people):
        return people
    return [annotator]


def _address(source: str, position: int, annotator: str, record: Mapping[str, Any] | None) -> dict[str, Any]:
    found: dict[str, Any] = {"source": source, "position": position, "annotator": annotator}
    text = record.get("text") if record is not None else None
    if record is not None:
        found["input_hash"] = record.get("_input_hash")
    if isinstance(text, str):
        found["text"] = text[:_EXCERPT]
    return found
