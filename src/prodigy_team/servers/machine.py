"""What the machine says: which file system a path lies on, how a database keeps its journal, when it started."""

from __future__ import annotations

import re
from pathlib import Path

WAL_VERSION = 2  # bytes 18 and 19 of an SQLite file: https://www.sqlite.org/fileformat.html
NETWORK_KINDS = frozenset(
    {
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "afs",
        "9p",
        "ceph",
        "lustre",
        "gpfs",
        "beegfs",
        "glusterfs",
        "fuse.sshfs",
        "fuse.glusterfs",
        "fuse.ceph",
    }
)


def network_kind(path: Path) -> str:
    """The network file system a path lies on, or "" for a local one or where nobody can tell."""
    try:
        table = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
    kind = mount_kind(path.resolve(), table)
    return kind if kind in NETWORK_KINDS else ""


def mount_kind(path: Path, table: str) -> str:
    """The type of the file system that holds a path. Pure.

    Source: proc_pid_mountinfo(5): the mount point is field 5, the type follows the lone dash; spaces are octal.
    """
    best, kind = -1, ""
    for line in table.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4])
        # Of two mounts on one point the later covers the earlier.
        if (path == Path(point) or Path(point) in path.parents) and len(point) >= best:
            best, kind = len(point), after.split(" ")[0]
    return kind


def uses_wal(path: Path) -> bool:
    """Whether an SQLite file is in write-ahead mode, by its header: nothing is opened as a database."""
    with path.open("rb") as stream:
        head = stream.read(20)
    return len(head) == 20 and head[18] == WAL_VERSION


def boot_time() -> float | None:
    """When this machine started, in Unix seconds; None where nobody can tell."""
    try:
        table = Path("/proc/stat").read_text(encoding="ascii")
    except OSError:
        return None
    found = re.search(r"^btime (\d+)$", table, re.MULTILINE)
    return float(found[1]) if found else None
