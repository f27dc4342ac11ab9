"""The plain copy: stored answers as lines, byte for byte, without looking into them."""

from __future__ import annotations

import hashlib
import queue
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from prodigy_team import __version__
from prodigy_team.curation.export.base import people_of
from prodigy_team.curation.export.formats import ExportReport, Request
from prodigy_team.curation.export.manifest import DROPPED, MANIFEST, describe, write_manifest
from prodigy_team.curation.export.placing import WholeFile, earlier_manifest, placed, publish_files, working_folder
from prodigy_team.curation.judgements import read_record
from prodigy_team.curation.sources import Source, read_lines
from prodigy_team.curation.split import TRAIN
from prodigy_team.store import Store
from prodigy_team.store.reading import one_line

if TYPE_CHECKING:
    from prodigy_team.curation.gathering import People

_LOOKED_INTO = 20_000  # answers; from there on it would take longer than the copy
_AHEAD = 4  # pieces between the reader and the writer; of pictures each has some megabytes


def copy_source(store: Store | None, source: Source, write: Callable[[bytes], object]) -> int:
    """Hand over a source's answers, one or many lines at a time; returns how many there were."""
    if source.path is None and store is not None:
        return store.export(source.name, write)
    count = 0
    for _, line in read_lines(source.path or Path(source.name)):
        write(one_line(line) + b"\n")
        count += 1
    return count


def copy_answers(
    store: Store | None,
    sources: Sequence[Source],
    request: Request,
    *,
    people: Callable[[], People] | None = None,
    writers: Mapping[str, str] | None = None,
    progress: Callable[[int], object] | None = None,
) -> ExportReport:
    """Write a plain copy to a file, with a manifest that says what can be said without looking into the answers.

    Args:
        people: Tells who gave a stored answer, where that is looked at.
        writers: Dataset to the one person who writes it; of many answers that is all that is said of people.
        progress: Told how many lines were written, now and then.

    Raises:
        UsageError: The place holds something else, or a source.
        TeamError: It cannot be written: what was there before stays.
    """
    request = placed(request, sources)
    earlier_manifest(request)
    with working_folder(request.path) as folder:
        data, place = folder / request.path.name, folder / request.place(MANIFEST)
        with data.open("wb", buffering=0) as file, _Copy(file, progress) as copy:
            counts = {source.name: copy_source(store, source, copy.write) for source in sources}
        total = sum(counts.values())
        report = ExportReport(request.path, request.format.name, total, total, {TRAIN: total}, {}, {})
        manifest = describe(
            report,
            versions={"prodigy-team": __version__},
            title=request.title,
            sources=counts,
            annotators=_annotators(store, sources, counts, people, writers or {}),
            files={data.name: {"bytes": data.stat().st_size, "sha256": copy.digest}},
        )
        write_manifest(place, manifest)
        publish_files(folder, request.path, [data.name, place.name], stale=[request.place(DROPPED)])
    return report


def _annotators(
    store: Store | None,
    sources: Sequence[Source],
    counts: Mapping[str, int],
    people: Callable[[], People] | None,
    writers: Mapping[str, str],
) -> Mapping[str, int] | None:
    """Who gave how many of the answers that were copied; None where nobody looks."""
    found: Counter[str] = Counter()
    if counts.keys() <= writers.keys():
        for name, count in counts.items():
            found[writers[name]] += count
        return found
    if sum(counts.values()) > _LOOKED_INTO:
        return None
    from prodigy_team.curation.gathering import gather

    known = people() if people is not None else None
    for source in sources:
        gathering = gather(store, [source], people=known)
        for answer in gathering:
            if gathering.counts["read"] > counts[source.name]:
                break  # somebody has answered since
            found.update(people_of(read_record(answer.content) or {}, answer.annotator))
    return found


class _Copy:
    """A file that another thread writes and hashes, while SQLite reads on."""

    def __init__(self, file: BinaryIO, progress: Callable[[int], object] | None) -> None:
        self._file, self._progress = WholeFile(file), progress
        self._lines = 0
        self._hash = hashlib.sha256()
        self._pieces: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(_AHEAD)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="copy", daemon=True)

    @property
    def digest(self) -> str:
        """Of everything written, after the end."""
        return self._hash.hexdigest()

    def __enter__(self) -> _Copy:
        self._thread.start()
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        self._pieces.put(None)
        self._thread.join()
        if self._error is not None and error is None:
            raise self._error

    def write(self, lines: bytes) -> None:
        """Append whole lines; an earlier one that could not be written fails here, or at the end."""
        self._room.acquire()
        if self._error is not None:
            raise self._error
        self._pieces.put(lines)
        if self._progress is not None:
            self._lines += lines.count(b"\n")
            self._progress(self._lines)

    def _run(self) -> None:
        while (piece := self._pieces.get()) is not None:
            try:
                if self._error is None:
                    self._file.write(piece)
                    self._hash.update(piece)
            except BaseException as error:
                self._error = error
            self._room.release()
