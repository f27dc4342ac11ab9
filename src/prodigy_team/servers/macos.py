"""What macOS tells of a process, asked through psutil; the same questions as `procfs` answers on Linux."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

_GONE = (psutil.Error, OSError)


def started_at(pid: int) -> str | None:
    """``created:SECONDS`` of a process that lives; None where there is none, or only a zombie."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"created:{process.create_time():.2f}"
    except _GONE:
        return None


def age(started: str) -> float | None:
    """Seconds since a process started."""
    word, _, seconds = started.partition(":")
    return max(0.0, time.time() - float(seconds)) if word == "created" else None


def live() -> Iterator[tuple[int, int]]:
    """(pid, process group) of every process that is not a zombie."""
    for pid in psutil.pids():
        group = group_of(pid)
        if group is not None:
            yield pid, group


def group_of(pid: int) -> int | None:
    """The process group of a live process."""
    try:
        return os.getpgid(pid) if started_at(pid) else None
    except OSError:
        return None


def arguments(pid: int) -> list[str]:
    """The command line, or the title a process gave itself; empty where it cannot be read."""
    try:
        return psutil.Process(pid).cmdline()
    except _GONE:
        return []


def variable(pid: int, name: str) -> str | None:
    """A variable of the environment a process was started with; None where it is unset or not ours to read."""
    try:
        return psutil.Process(pid).environ().get(name)
    except _GONE:
        return None


def holds(pid: int, path: Path) -> bool:
    """Whether a process has a file open."""
    try:
        return any(each.path == str(path) for each in psutil.Process(pid).open_files())
    except _GONE:
        return False


def memory(pid: int) -> int | None:
    """Resident bytes, as `ps` shows them."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except _GONE:
        return None


def connected_ports() -> frozenset[int]:
    """None: macOS shows connections to root only."""
    return frozenset()
