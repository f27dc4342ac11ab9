"""The building of an index: once per state of a source, by one process while others wait, and never half."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import IO

from prodigy_team.sources.formats import (
    READERS,
    BadContentError,
    BadLine,
    Record,
    SourceError,
    decode,
    encode_line,
    parse_line,
    skip_mark,
)
from prodigy_team.sources.index import IndexFiles, SourceIndex
from prodigy_team.sources.origins import Rows, file_stamp, find_source
from prodigy_team.sources.scanning import Row, Scan, scan_file
from prodigy_team.tasks import By, Task, fingerprint, with_hashes

OLDER_KEPT = 1
Transform = Callable[[Task], Iterable[Task]]

_SCHEMA = """
CREATE TABLE task (place INTEGER PRIMARY KEY, offset INTEGER NOT NULL, length INTEGER NOT NULL,
                   hash INTEGER NOT NULL, identity BLOB NOT NULL);
CREATE TABLE meta (key TEXT PRIMARY KEY, value);
"""
_COLUMNS = "offset, length, hash, identity"
# By identity as well, so that finding repeats never leaves the index, however many tasks share one hash.
_BY_HASH = "CREATE UNIQUE INDEX task_hash ON task (hash, identity)"
# Only where there are repeats: a new table without them. Places stay 1, 2, 3 ... without holes.
_WITHOUT_REPEATS = f"""
BEGIN;
CREATE INDEX with_repeats ON task (hash, identity);
CREATE TEMP TABLE first AS
SELECT hash, identity, min(place) AS place FROM task GROUP BY hash, identity HAVING count(*) > 1;
CREATE TEMP TABLE surplus (place INTEGER PRIMARY KEY);
INSERT INTO surplus
SELECT task.place FROM first JOIN task USING (hash, identity) WHERE task.place > first.place ORDER BY task.place;
DROP INDEX with_repeats;
ALTER TABLE task RENAME TO whole;
{_SCHEMA.partition(";")[0]};
INSERT INTO task ({_COLUMNS})
SELECT {_COLUMNS} FROM whole WHERE place NOT IN (SELECT place FROM surplus) ORDER BY place;
DROP TABLE whole;
{_BY_HASH};
COMMIT;
"""
ROWS_AT_ONCE = 64  # per statement: half the time of one by one


def index_source(
    source: str,
    *,
    by: By,
    folder: Path,
    transform: Transform | None = None,
    transform_key: str = "",
    rows: Rows | None = None,
    rows_stamp: str | None = None,
) -> SourceIndex:
    """The index of a source, built if there is none for the state that the source is in.

    Of several processes that come at once, one builds and the others wait for it. Each state of a source has an index
    of its own, so that servers which still work on an older one are not disturbed; those that nobody uses are removed.

    Args:
        source: A path (.jsonl, .json, .csv or .txt), ``dataset:NAME`` or ``sample:NAME``.
        by: What tells tasks apart: the 32-bit hash and the identity in the index are those of this kind.
        folder: Where indexes are kept.
        transform: Makes any number of tasks of one, as ``match`` does; it gets the task as the source has it.
        transform_key: Names the transform and all it depends on; needed with it.
        rows: Gives the rows of a dataset, as stored.
        rows_stamp: Differs whenever those rows may differ; left out, they are copied and compared each time.

    Raises:
        SourceError: The source is missing, of an unknown kind, or broken as a whole. Bad lines are no error.
    """
    if transform is not None and not transform_key:
        raise ValueError("a transform needs its key")
    origin = find_source(source, rows=rows, rows_stamp=rows_stamp)
    files = IndexFiles(folder, origin, by, transform_key)
    ready = files.ready(origin.stamp)
    if ready is not None:
        return ready
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _locked(files.lock):
            ready = files.ready(origin.stamp)  # another process may have built it while this one waited
            return ready if ready is not None else _Build(files, by, transform).run()
    except (OSError, sqlite3.Error) as error:
        raise SourceError(
            f"The source {source} cannot be indexed in {folder}: {error}.",
            remedy="Check that the disk has room and that the folder can be written.",
        ) from error


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _create(path: Path) -> None:
    """An empty file for this user alone; what a killed build left there goes."""
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass
class _Build:
    """One building of an index, under the lock of its source: written beside, then renamed."""

    files: IndexFiles
    by: By
    transform: Transform | None
    scan: Scan = field(init=False)

    def __post_init__(self) -> None:
        self.scan = Scan(self.by)

    def run(self) -> SourceIndex:
        """Whatever is killed before the last rename leaves nothing that looks finished."""
        index = self.files.building("sqlite")
        _create(index)
        stamp = self._index_in_place(index) if self.files.in_place else self._index_copy(index)
        _flush(index)
        index.replace(self.files.index(stamp))
        self._remove_older(self.files.index(stamp))
        ready = self.files.ready(stamp)
        if ready is None:
            raise OSError(f"{self.files.index(stamp)} cannot be read back")
        return ready

    def _index_in_place(self, index: Path) -> str:
        path = self.files.data("")
        with path.open("rb") as file:
            # Taken before reading: what is written meanwhile makes the next start build again.
            stamp = file_stamp(os.fstat(file.fileno()))
            skip_mark(file, path)
            self._fill(index, scan_file(self.scan, file, path, folder=self.files.folder))
        return stamp

    def _index_copy(self, index: Path) -> str:
        copy = self.files.building("jsonl")
        _create(copy)
        stamp = self._copy(copy)
        with copy.open("rb") as file:
            self._fill(index, _copied_rows(file, self.by))
        _flush(copy)
        copy.replace(self.files.data(stamp))
        return stamp

    def _fill(self, index: Path, rows: Iterator[Row]) -> None:
        with contextlib.closing(sqlite3.connect(index, isolation_level=None)) as connection:
            # The file is nobody's yet, so it needs no journal. The cache bounds the memory of sorting too.
            connection.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-16384")
            connection.executescript(_SCHEMA)
            connection.execute("BEGIN")
            inserted = _insert(connection, rows)
            connection.execute("COMMIT")
            try:
                connection.execute(_BY_HASH)
            except sqlite3.IntegrityError:
                connection.executescript(_WITHOUT_REPEATS)
            tasks = connection.execute("SELECT count(*) FROM task").fetchone()[0]
            repeats = inserted - tasks
            scan = self.scan
            bad = json.dumps([(each.line, each.reason) for each in scan.bad])
            meta = {"tasks": tasks, "lines": scan.lines, "repeats": repeats, "bad_count": scan.bad_count, "bad": bad}
            meta |= {"source": self.files.origin.place, "by": self.by}
            connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())

    def _copy(self, copy: Path) -> str:
        """Write the source as JSON lines with hashes, and return the stamp of what was read."""
        origin = self.files.origin
        with copy.open("wb") as out:
            if origin.rows is not None:
                self._write_all(out, _read_rows(origin.rows(), self.by))
            else:
                with self.files.origin_path.open("rb") as file:
                    stamp = file_stamp(os.fstat(file.fileno()))
                    self._write_all(out, READERS[origin.kind](file, self.files.origin_path, self.by))
                return stamp
        return origin.stamp or _content_stamp(copy)

    def _write_all(self, out: IO[bytes], records: Iterator[Record]) -> None:
        for line, record in records:
            self.scan.lines += 1
            if isinstance(record, BadLine):
                self.scan.note(record.line, record.reason)
            else:
                self._write(out, line, record)

    def _write(self, out: IO[bytes], line: int, task: Task) -> None:
        tasks = [task] if self.transform is None else self.transform(task)
        try:
            out.writelines([encode_line(with_hashes(each)) + b"\n" for each in tasks])
        except BadContentError as problem:
            self.scan.note(line, str(problem))
        except RecursionError:
            self.scan.note(line, "nested too deeply")

    def _remove_older(self, newest: Path) -> None:
        """Remove indexes of earlier states, but the last, which somebody may be about to open, and those in use."""
        older = [each for each in newest.parent.glob(f"{self.files.prefix}-*.sqlite") if each != newest]
        older.sort(key=lambda each: each.stat().st_mtime, reverse=True)
        for each in older[OLDER_KEPT:]:
            with each.open("rb") as file, contextlib.suppress(OSError):  # or no locks here
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # a reader shares this lock as long as it reads
                each.unlink()
                each.with_suffix(".jsonl").unlink(missing_ok=True)


def _insert(connection: sqlite3.Connection, rows: Iterator[Row]) -> int:
    """Insert all rows, and return how many there were."""
    count = 0
    while values := tuple(chain.from_iterable(islice(rows, ROWS_AT_ONCE))):
        size = len(values) // 4
        places = ",".join(["(?,?,?,?)"] * size)
        connection.execute(f"INSERT INTO task ({_COLUMNS}) VALUES {places}", values)
        count += size
    return count


def _copied_rows(file: IO[bytes], by: By) -> Iterator[Row]:
    offset = 0
    for line in file:
        yield (offset, len(line), *fingerprint(decode(line), by))
        offset += len(line)


def _read_rows(rows: Iterator[bytes], by: By) -> Iterator[Record]:
    """A dataset's rows; their numbers count from 1."""
    for number, row in enumerate(rows, 1):
        try:
            yield number, parse_line(row, by)
        except BadContentError as problem:
            yield number, BadLine(number, str(problem))


def _content_stamp(path: Path) -> str:
    content = hashlib.blake2b(digest_size=8)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            content.update(block)
    return content.hexdigest()
