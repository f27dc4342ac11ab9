"""The course of an export: choose answers, split them, let a format write them, and put all of it in place at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import mmh3
import msgspec

from prodigy_team import __version__
from prodigy_team.curation.export import jsonl
from prodigy_team.curation.export.base import REPEATED, DropList, Kept, Spool, Terms, people_of
from prodigy_team.curation.export.columns import Columns
from prodigy_team.curation.export.formats import ExportReport, Request
from prodigy_team.curation.export.manifest import (
    DROPPED,
    MANIFEST,
    SPLIT,
    describe,
    describe_file,
    describe_split,
    read_split,
    write_manifest,
    write_split,
)
from prodigy_team.curation.export.placing import (
    earlier_manifest,
    placed,
    publish_files,
    publish_folder,
    working_folder,
)
from prodigy_team.curation.judgements import read_record
from prodigy_team.curation.split import TRAIN, Split, keys_of, split
from prodigy_team.errors import UsageError
from prodigy_team.presence import is_file
from prodigy_team.store import Store
from prodigy_team.store.reading import one_line

if TYPE_CHECKING:
    from prodigy_team.curation.gathering import Gathered, Gathering

_REASONS = {"accept": "accepted", "reject": "rejected", "ignore": "ignored"}
_BOTH_SIDES, _UNREADABLE = "on both sides", "unreadable"
_TOLD_EVERY = 1000


def export_dataset(
    store: Store, dataset: str, output: Path | BinaryIO, *, leave_out: Collection[int] = frozenset()
) -> int:
    """Write a dataset as JSON lines to a file or to an open binary stream, byte for byte as it is stored.

    Args:
        leave_out: Links that are not written, such as answers to tasks with known answers: `Store.gold_links`.

    Returns:
        Number of records written.

    Raises:
        UsageError: There is no such dataset.
        TeamError: The file cannot be written.
    """
    have = store.names()
    if dataset not in have:
        raise UsageError(f"There is no dataset {dataset}.", remedy=f"There is: {', '.join(have) or 'none'}.")
    if isinstance(output, Path):
        return jsonl.write_file(store, dataset, output, leave_out=leave_out)
    return jsonl.write_stream(store, dataset, output, leave_out=leave_out)


def export_answers(
    answers: Gathering,
    request: Request,
    *,
    progress: Callable[[int], object] | None = None,
) -> ExportReport:
    """Write answers as files with a manifest, and a list of what was left out.

    What is there of an earlier export is replaced as a whole at the end, and its split is kept up. The same answers
    give the same bytes.

    Args:
        answers: As they were stored; read once.
        progress: Told how many answers were read, now and then.

    Raises:
        UsageError: The place holds something else, or a source.
        TeamError: It cannot be written, or the format needs a package that is not installed.
    """
    request = placed(request, answers.sources)
    versions = {"prodigy-team": __version__, **request.format.versions()}
    before = earlier_manifest(request)
    earlier, anew = read_split(before, request.path / SPLIT, request.shares) if request.split else ({}, False)
    with working_folder(request.path) as folder:
        with closing(_Export(request, folder, progress)) as export:
            export.read(answers)
            export.split(earlier)
            export.write()
        report = export.report(anew=anew)
        export.finish(versions, report)
    return report


class _Export:
    """One export on its way, in a folder that is not seen yet."""

    def __init__(self, request: Request, folder: Path, progress: Callable[[int], object] | None) -> None:
        self._request, self._folder, self._progress = request, folder, progress
        (folder / "files").mkdir()
        self._spool = Spool(folder / "kept")
        self._drops = DropList(self._place(DROPPED))
        self._columns = Columns()
        self._keys: list[tuple[bytes, ...]] = []
        self._marks: list[tuple[bytes, int]] = []
        self._newest: dict[bytes, int] = {}
        self._stale: frozenset[int] = frozenset()
        self._refused: frozenset[int] = frozenset()
        self._sources: Counter[str] = Counter()
        self._read = self._kept = self._ungrouped = 0
        self._people: Counter[str] = Counter()
        self._split = Split({})
        self._terms = Terms(self._drops)
        self._exported: Counter[str] = Counter()

    def read(self, answers: Gathering) -> None:
        """Choose what is kept."""
        answers.watch_broken = lambda each: self._drops.answer(_UNREADABLE, each.source, each.position, "", None)
        for number, answer in enumerate(answers, 1):
            if self._progress is not None and number % _TOLD_EVERY == 0:
                self._progress(number)
            record = read_record(answer.content)
            if self._request.format.training and record is not None and not answer.left_out:
                # What somebody took back, by an answer that is not kept, is not trained on either.
                self._newest[_mark(answer)] = number
            reason = _UNREADABLE if record is None else answer.left_out or self._unwanted(record)
            if reason or record is None:
                self._drops.answer(reason, answer.source.name, answer.position, answer.annotator, record)
            else:
                self._keep(answer, record, number)
        self._read = answers.counts["read"]
        self._sources = answers.read_of

    def close(self) -> None:
        """Let go of the files that were written on the way."""
        self._spool.close()
        self._drops.close()

    def split(self, earlier: Mapping[bytes, str]) -> None:
        """Find what was answered anew by the same person, and the side of everything else.

        Raises:
            UsageError: No answer has the key by which they are to be grouped: split by input, documents would leak.
        """
        self._stale = frozenset(at for at, (mark, number) in enumerate(self._marks) if self._newest[mark] != number)
        key = self._request.shares.group_by
        if self._request.split:
            if key is not None and self._keys and self._ungrouped == len(self._keys):
                raise UsageError(
                    f"No answer has the key {key!r}, neither in `meta` nor beside it.",
                    remedy="Name another with --group-by, or leave it out to split by input.",
                )
            places = [at for at in range(self._kept) if at not in self._stale]
            self._split = split([self._keys[at] for at in places], self._request.shares, earlier)
            self._refused = frozenset(places[at] for at in self._split.refused)
            write_split(self._place(SPLIT), {**earlier, **self._split.sides})

    def write(self) -> None:
        """Let the format write what is kept."""
        request = self._request
        terms = self._terms = Terms(self._drops, self._columns.kinds(), request.language, request.title)
        request.format.write(self._with_sides(), self._files(), terms)
        if not terms.written:
            terms.written.update(self._exported)

    def report(self, *, anew: bool) -> ExportReport:
        """The counts."""
        dropped = sum(self._drops.answers.values())
        return ExportReport(
            path=self._request.path,
            format=self._request.format.name,
            read=self._read,
            exported=self._read - dropped,
            written=self._by_side(self._terms.written),
            dropped=_sorted(self._drops.answers),
            spans=_sorted(self._drops.spans),
            inputs=self._by_side(self._split.inputs) if self._request.split else {},
            kept=self._split.kept,
            anew=anew,
            ungrouped=self._ungrouped,
        )

    def finish(self, versions: Mapping[str, str], report: ExportReport) -> None:
        """Write the manifest, and put everything in place."""
        files = self._folder / "files"
        names = sorted(each.relative_to(files).as_posix() for each in files.rglob("*") if is_file(each))
        manifest = describe(
            report,
            versions=versions,
            title=self._request.title,
            sources=self._sources,
            annotators=self._people,
            files={name: describe_file(files / name) for name in names},
            answers=self._request.answers,
            labels=self._terms.labels,
            split=describe_split(self._request.shares, self._split) if self._request.split else None,
        )
        write_manifest(self._place(MANIFEST), manifest)
        if self._request.folder:
            publish_folder(files, self._request.path)
        else:
            place = self._request.place
            stale = [] if place(DROPPED) in names else [place(DROPPED)]
            publish_files(files, self._request.path, [*names, place(MANIFEST)], stale=stale)

    def _keep(self, answer: Gathered, record: dict[str, Any], number: int) -> None:
        content = msgspec.Raw(one_line(answer.content))
        self._spool.add(Kept(self._kept, answer.source.name, answer.position, answer.annotator, content))
        if self._request.format.training:
            self._marks.append((_mark(answer), number))
        self._kept += 1
        self._people.update(people_of(record, answer.annotator))
        if self._request.format.table:
            self._columns.see(record)
        if self._request.split:
            keys = keys_of(record, self._request.shares.group_by)
            self._keys.append(keys)
            self._ungrouped += self._request.shares.group_by is not None and len(keys) == 1

    def _unwanted(self, record: Mapping[str, Any]) -> str:
        """Why an answer is not kept: what it says was not asked for."""
        said = record.get("answer", "accept")
        wanted = self._request.answers
        if wanted is None and self._request.format.training:
            # A label that does not apply is as good to learn from as one that does.
            wanted = frozenset({"accept", "reject"} if _is_label(record) else {"accept"})
        return "" if wanted is None or str(said) in wanted else _REASONS.get(str(said), "answered otherwise")

    def _with_sides(self) -> Iterator[tuple[str, Kept]]:
        for kept in self._spool:
            if kept.number in self._stale or kept.number in self._refused:
                reason = REPEATED if kept.number in self._stale else _BOTH_SIDES
                self._drops.kept(reason, kept, kept.record())
                continue
            side = self._split.sides[self._keys[kept.number][0]] if self._request.split else TRAIN
            self._exported[side] += 1
            yield side, kept

    def _files(self) -> dict[str, Path]:
        form, sides = self._request.format, self._request.shares.sides
        if not self._request.folder:
            return {TRAIN: self._folder / "files" / self._request.path.name}
        return {side: self._folder / "files" / form.file_of(side) for side in sides}

    def _place(self, name: str) -> Path:
        return self._folder / "files" / self._request.place(name)

    def _by_side(self, counts: Mapping[str, int]) -> dict[str, int]:
        return {side: counts.get(side, 0) for side in self._request.shares.sides}


def _mark(answer: Gathered) -> bytes:
    """Equal for the answers of one person to one task."""
    return mmh3.hash_bytes(answer.task + answer.annotator.encode("utf-8", "replace"))


def _is_label(record: Mapping[str, Any]) -> bool:
    """Whether a label was accepted or rejected."""
    shown = record.get("_view_id")
    manual = "options" in record or (shown is None and "tokens" in record)
    return isinstance(record.get("label"), str) and not manual and shown not in ("ner", "spans")


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in sorted(counts.items()) if count}
