"""Files and folders that are there as a whole or not at all: they are written beside their place and renamed."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from prodigy_team.curation.export.formats import FORMATS, Request
from prodigy_team.curation.export.manifest import MANIFEST, read_manifest
from prodigy_team.curation.files import true_place
from prodigy_team.curation.sources import Source
from prodigy_team.errors import TeamError, UsageError
from prodigy_team.presence import exists, is_dir, is_file

_YOUNG = 1.0  # seconds
_NAMED = 3  # of what is in the way


class WholeFile:
    """An unbuffered file may take less than it is given; this hands over the rest."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        """Write all of it."""
        left = memoryview(data)
        while left:
            left = left[self._file.write(left) :]
        return len(data)


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """An unbuffered file that takes its name at the end, if nothing failed before.

    Raises:
        TeamError: It cannot be written, or the disk is full: what was there stays.
    """
    path = true_place(path)
    with explained(path):
        descriptor, beside = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                yield file
                os.fchmod(descriptor, usual_mode(path))
                os.fsync(descriptor)
            Path(beside).replace(path)
        finally:
            Path(beside).unlink(missing_ok=True)


def placed(request: Request, sources: Iterable[Source]) -> Request:
    """The request with the place that its path leads to.

    Raises:
        UsageError: Something is there that cannot be replaced, or that is to be read.
    """
    path = true_place(request.path)
    for each in sources:
        if each.path is not None and exists(path) and (own := each.path.resolve()).is_relative_to(path.resolve()):
            where = "is" if own == path.resolve() else "holds"
            raise UsageError(
                f"{request.path} {where} what is to be exported, {each.name}, and would be replaced.",
                remedy="Choose another place with `--output`.",
            )
    return replace(request, path=path)


def earlier_manifest(request: Request) -> dict[str, Any] | None:
    """The manifest of the last export to this place, after making sure that it may be replaced.

    Raises:
        UsageError: The place holds something else.
        TeamError: It cannot be looked at.
    """
    with explained(request.path):
        return _earlier_manifest(request)


def _earlier_manifest(request: Request) -> dict[str, Any] | None:
    path = request.path
    if not request.folder:
        if is_dir(path):
            raise UsageError(f"{path} is a folder.", remedy="Name a file with `--output`.")
        return None
    if path.suffix.lstrip(".") in {each.suffix for each in FORMATS.values()} and not exists(path):
        raise UsageError(
            f"{path} is named like a file, but this export is a folder.",
            remedy=f"For example: --output {path.with_suffix('')}",
        )
    recover_folder(path)
    manifest = read_manifest(path / MANIFEST)
    refuse_foreign(path, {MANIFEST, *manifest["files"]} if manifest else ())
    return manifest


@contextmanager
def working_folder(path: Path) -> Iterator[Path]:
    """A folder beside a place, for what is not finished; gone at the end, and what killed exports left there as well.

    Raises:
        TeamError: It cannot be made, or something in it cannot be written.
    """
    with explained(path):
        _remove_abandoned(path)
        folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
        try:
            with _locked(folder):
                yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Lock a folder as long as this process lives; False where another holds it, or its file system has no locks."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        held = True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            held = False
        yield held
    finally:
        os.close(descriptor)


def _remove_abandoned(path: Path) -> None:
    """Remove the working folders whose owners were killed; the system has let go of their locks."""
    own = re.compile(rf"\.{re.escape(path.name)}\.[a-z0-9_]{{8}}\.part")
    for each in path.parent.iterdir():
        if not own.fullmatch(each.name) or not is_dir(each) or each.is_symlink():
            continue
        with suppress(OSError):
            if time.time() - each.stat().st_mtime < _YOUNG:
                continue  # may not be locked yet
            with _locked(each) as abandoned:
                if abandoned:
                    shutil.rmtree(each, ignore_errors=True)


def publish_files(folder: Path, path: Path, names: Collection[str], *, stale: Collection[str] = ()) -> None:
    """Give finished files their places beside each other; the one named as the place itself comes last.

    Args:
        stale: What an earlier export may have left beside it, and this one has not.
    """
    for name in stale:
        (path.parent / name).unlink(missing_ok=True)
    for name in sorted(names, key=lambda each: each == path.name):
        _finish(folder / name, usual_mode(path.parent / name))
        (folder / name).replace(path.parent / name)


def publish_folder(folder: Path, path: Path) -> None:
    """Give a finished folder its place; what an earlier export left there is replaced as a whole."""
    for each in sorted(folder.rglob("*")):
        if is_file(each):
            _finish(each, 0o666 & ~_mask())
        else:
            each.chmod(0o777 & ~_mask())
    folder.chmod(0o777 & ~_mask())
    old = _aside(path)
    shutil.rmtree(old, ignore_errors=True)
    if exists(path):
        path.rename(old)
    folder.rename(path)
    shutil.rmtree(old, ignore_errors=True)


def recover_folder(path: Path) -> None:
    """Bring back a folder that an export put aside, and was killed before it could put the new one there."""
    if not exists(path) and exists(_aside(path)):
        with explained(path):
            _aside(path).rename(path)


def refuse_foreign(path: Path, ours: Collection[str]) -> None:
    """Make sure that a folder may be replaced: it is not there, is empty, or holds nothing but what an export wrote.

    Args:
        ours: Names of files, relative to the folder.

    Raises:
        UsageError: It is a file, or holds something else.
    """
    if exists(path) and not is_dir(path):
        raise UsageError(f"{path} is a file; this export is a folder.", remedy="Choose another with `--output`.")
    found = _files_in(path) if exists(path) else ()
    foreign = list(islice((each for each in found if each not in ours), _NAMED))
    if foreign:
        raise UsageError(
            f"The folder {path} holds what no export wrote: {', '.join(foreign)}.",
            remedy="Choose a folder of its own with `--output`.",
        )


def _files_in(folder: Path) -> Iterator[str]:
    """What is in a folder and is none itself, one by one: below it may lie a whole disk.

    Raises:
        OSError: Something in it may not be looked into, and may hold anything.
    """
    for above, folders, files in os.walk(folder, onerror=_fail):
        folders.sort()
        links = (each for each in folders if Path(above, each).is_symlink())
        for name in sorted([*files, *links]):
            yield Path(above, name).relative_to(folder).as_posix()


def _fail(error: OSError) -> None:
    raise error


def usual_mode(path: Path) -> int:
    """The mode the file has, or that a new one gets; temporary files are readable by their owner alone."""
    return path.stat().st_mode & 0o777 if exists(path) else 0o666 & ~_mask()


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Let the system's refusals be told as what cannot be written, and why.

    Raises:
        TeamError: In place of an OSError.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise TeamError(
            f"{path} cannot be written: {reason}.",
            remedy="What was there before still is. Choose another place with `--output`.",
        ) from error


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.old")


def _finish(path: Path, mode: int) -> None:
    path.chmod(mode)
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
