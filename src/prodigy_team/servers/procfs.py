"""What Linux tells of a process, read from /proc: cheap enough to ask for 64 servers at every `status`."""

# ruff: noqa: PTH115, PTH123, PTH208
# pathlib would double what a look at every process costs

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

_ENDED = (b"Z", b"X", b"x")  # a zombie keeps its pid and answers to signals, but runs nothing any more
_ESTABLISHED = b"01"
_PROC = "/proc"


@lru_cache(maxsize=1)
def boot_id() -> str:
    """The kernel's name for this boot: start ticks of another boot mean nothing."""
    return Path(_PROC, "sys/kernel/random/boot_id").read_text().strip()


def started_at(pid: int) -> str | None:
    """``BOOTID:TICKS`` of a process that lives; None where there is none, or only a zombie."""
    fields = _stat(pid)
    return f"{boot_id()}:{fields[19].decode()}" if fields else None


def age(started: str) -> float | None:
    """Seconds since a process started, by the kernel's own clock; None where it belongs to another boot."""
    boot, _, ticks = started.partition(":")
    if boot != boot_id() or not ticks.isdigit():
        return None
    uptime = float(Path(_PROC, "uptime").read_text().split()[0])
    return max(0.0, uptime - int(ticks) / os.sysconf("SC_CLK_TCK"))


def live() -> Iterator[tuple[int, int]]:
    """(pid, process group) of every process that is not a zombie, other users' included."""
    for entry in os.listdir(_PROC):
        if entry.isdigit() and (fields := _stat(int(entry))):
            yield int(entry), int(fields[2])


def group_of(pid: int) -> int | None:
    """The process group of a live process."""
    fields = _stat(pid)
    return int(fields[2]) if fields else None


def arguments(pid: int) -> list[str]:
    """The command line, or the title a process gave itself as its one element; empty where it cannot be read."""
    words = _read(pid, "cmdline").rstrip(b"\0").split(b"\0")
    return [os.fsdecode(word) for word in words] if words != [b""] else []


def variable(pid: int, name: str) -> str | None:
    """A variable of the environment a process was started with; None where it is unset or not ours to read."""
    start = name.encode() + b"="
    found = next((each for each in _read(pid, "environ").split(b"\0") if each.startswith(start)), None)
    return os.fsdecode(found[len(start) :]) if found is not None else None


def holds(pid: int, path: Path) -> bool:
    """Whether a process has a file open for writing, though it may have been deleted since."""
    wanted = {str(path), f"{path} (deleted)"}
    folder = f"{_PROC}/{pid}/fd"
    try:
        descriptors = os.listdir(folder)
    except OSError:
        return False
    return any(_link(f"{folder}/{each}") in wanted and _is_writable(pid, each) for each in descriptors)


def memory(pid: int) -> int | None:
    """Resident bytes, shared pages included, as `ps` shows them."""
    fields = _read(pid, "statm").split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") if len(fields) > 1 else None


def _stat(pid: int) -> list[bytes] | None:
    """The fields of /proc/PID/stat from the state on (proc(5) counts it as the third)."""
    raw = _read(pid, "stat")
    fields = raw[raw.rfind(b")") + 2 :].split()  # the name before may hold spaces and brackets
    return fields if len(fields) > 19 and fields[0] not in _ENDED else None


def _read(pid: int, name: str) -> bytes:
    try:
        with open(f"{_PROC}/{pid}/{name}", "rb", buffering=0) as file:
            return file.read() or b""
    except OSError:  # gone meanwhile, or another user's
        return b""


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _is_writable(pid: int, descriptor: str) -> bool:
    """Whoever only reads the file (another `status`) has it open without the right to write."""
    line = next(
        (each for each in _read(pid, f"fdinfo/{descriptor}").splitlines() if each.startswith(b"flags:")), b"flags: 0"
    )
    return int(line.split()[1], 8) & os.O_ACCMODE != os.O_RDONLY


def connected_ports() -> frozenset[int]:
    """This machine's TCP ports at which somebody is connected."""
    found = set()
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError), open(f"{_PROC}/net/{table}", "rb") as file:
            next(file)
            rows = (row.split(None, 4) for row in file)
            found |= {int(row[1].rpartition(b":")[2], 16) for row in rows if row[3] == _ESTABLISHED}
    return frozenset(found)
