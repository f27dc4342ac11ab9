"""Whether something is at a path, with one answer on every Python.

From 3.14 on `Path.exists` and its like say no where they may not look. What an account may not look into would be taken
for what was never there: settings would not apply, and a team with answers would have none.
"""

from __future__ import annotations

import errno
import stat
from pathlib import Path


def exists(path: Path) -> bool:
    """Whether anything is there.

    Raises:
        OSError: That cannot be found out, for instance in a folder of somebody else's.
    """
    return _mode(path) is not None


def is_file(path: Path) -> bool:
    """Whether a file is there, or a link to one.

    Raises:
        OSError: As of `exists`.
    """
    return stat.S_ISREG(_mode(path) or 0)


def is_dir(path: Path) -> bool:
    """Whether a folder is there, or a link to one.

    Raises:
        OSError: As of `exists`.
    """
    return stat.S_ISDIR(_mode(path) or 0)


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):  # the last of a name with a NUL in it
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            return None
        raise
