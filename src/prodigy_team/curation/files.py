"""Files that are whole or not there: written beside, and put in place in one step."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from prodigy_team.errors import TeamError, UsageError
from prodigy_team.presence import exists, is_dir, is_file

_CHUNK = 1 << 18


class WholeFile:
    """A file on its way. A context manager: what was not put in place is gone at the end."""

    def __init__(self, path: Path) -> None:
        self._path = true_place(path)
        self._beside: Path | None = None

    def __enter__(self) -> WholeFile:
        return self

    def __exit__(self, *_: object) -> None:
        if self._beside is not None:
            self._beside.unlink(missing_ok=True)

    def write(self, lines: Iterable[bytes]) -> None:
        """Write all lines to a file beside, and see to it that they are on the disk.

        Raises:
            TeamError: They cannot be written: no room, no right, no folder.
        """
        path = self._path
        try:
            descriptor, beside = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
            self._beside = Path(beside)
            with os.fdopen(descriptor, "wb", buffering=_CHUNK) as file:
                for line in lines:
                    file.write(line + b"\n")
                file.flush()
                os.fchmod(descriptor, _usual_mode(path))
                os.fsync(descriptor)
        except OSError as error:
            raise _unwritable(path, error) from error

    def put_in_place(self) -> None:
        """Let it take the name, in place of what was there."""
        if self._beside is not None:
            try:
                self._beside.replace(self._path)
            except OSError as error:
                raise _unwritable(self._path, error) from error
            self._beside = None


def true_place(path: Path) -> Path:
    """Where something is to be written: what a link leads to is replaced, and not the link.

    Raises:
        UsageError: There is what nobody can replace, such as /dev/null or a pipe.
        TeamError: It cannot be looked at.
    """
    nowhere = UsageError(f"{path} is a link that leads nowhere.", remedy="Name another file.")
    try:
        found = path.resolve() if path.is_symlink() else path
        if found.is_symlink():  # links that lead to each other; before Python 3.13 that was a RuntimeError
            raise nowhere
        if exists(found) and not (is_file(found) or is_dir(found)):
            raise UsageError(f"{path} is neither a file nor a folder.", remedy="Name a file that may be replaced.")
    except OSError as error:
        raise _unwritable(path, error) from error
    except RuntimeError as error:
        raise nowhere from error
    return found


def _usual_mode(path: Path) -> int:
    """The mode the file has, or that a new one gets; temporary files are readable by their owner alone."""
    if exists(path):
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _unwritable(path: Path, error: OSError) -> TeamError:
    return TeamError(
        f"The file {path} cannot be written: {error.strerror}; nothing was changed.",
        remedy="Make room, or choose another file.",
    )
