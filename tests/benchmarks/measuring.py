"""What every part of the benchmark shares: figures against goals, processes to time, ports, memory."""

from __future__ import annotations

import os
import random
import select
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(__file__).resolve().parent / "programs"


@dataclass(frozen=True)
class Figure:
    """One printed line: a ratio (or an absolute figure) of each round, and what it must keep to.

    Attributes:
        values: One a round.
        goal: The bound of the median.
        at_least: The median must reach the goal, instead of staying under it.
        note: The absolute figures behind it.
    """

    part: str
    text: str
    values: tuple[float, ...]
    goal: float
    at_least: bool = False
    note: str = ""

    @property
    def median(self) -> float:
        """What is held against the goal."""
        return statistics.median(self.values)

    @property
    def holds(self) -> bool:
        """Whether the goal is kept."""
        return self.median >= self.goal if self.at_least else self.median <= self.goal

    def line(self) -> str:
        """As printed."""
        spread = f"({min(self.values):.2f}-{max(self.values):.2f})"
        bound = f"{'>=' if self.at_least else '<='} {self.goal:g}"
        mark = "holds" if self.holds else "MISSED"
        return f"{self.part:<3} {self.text:<58} {self.median:>8.2f} {spread:<16} {bound:<8} {mark:<7} {self.note}"


@dataclass
class Settings:
    """How much is measured, and where."""

    folder: Path
    rounds: int
    servers: int
    lines: int
    python: str = sys.executable
    say: Callable[[str], None] = field(default=lambda text: print(text, file=sys.stderr, flush=True))


def ratios(ours: Sequence[float], other: Sequence[float]) -> tuple[float, ...]:
    """Round by round, so that a slow minute of the machine weighs on both."""
    return tuple(mine / theirs for mine, theirs in zip(ours, other, strict=True))


def middle(values: Sequence[float], unit: str = "s", digits: int = 2) -> str:
    """A median with its unit, for the note of a figure."""
    return f"{statistics.median(values):.{digits}f} {unit}"


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The shell's, with nothing of its Prodigy in it, and this checkout's package first."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PRODIGY_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)  # compiled once, as where it is installed
    own = {"PRODIGY_HOME": str(folder / "home"), "HOME": str(folder), "PYTHONPATH": str(ROOT / "src")}
    return {**kept, **own, **more}


def run(command: Sequence[str], env: Mapping[str, str], folder: Path, *, timeout: float = 240) -> tuple[float, str]:
    """Run a command to its end; seconds from its start to its exit, and what it printed."""
    began = time.perf_counter()
    done = subprocess.run(
        command, env=dict(env), cwd=folder, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        said = (done.stdout + done.stderr)[-1500:]
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{said}")
    return seconds, done.stdout


def free_range(count: int) -> range:
    """Ports in a row on loopback that nobody listens on, below those that the kernel gives to clients."""
    for _ in range(200):
        first = random.randrange(12_000, 32_000 - count)
        ports = range(first, first + count)
        if all(_is_free(port) for port in ports):
            return ports
    raise SystemExit(f"no {count} free ports in a row")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def pss_megabytes(pids: Iterable[int]) -> float:
    """Memory of processes, what they share counted once."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def peak_megabytes(pid: int) -> float:
    """The most memory a process has had resident since its start."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def cpu_seconds(pid: int) -> float:
    """What a process has used of the processors so far; says more than seconds where the machine is busy."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def end_all(pids: Iterable[int], number: int = signal.SIGINT, *, within: float = 30.0) -> float:
    """Signal processes and wait until the last has ended; seconds. What does not end in time is killed."""
    watched = {os.pidfd_open(pid): pid for pid in pids if _lives(pid)}
    began = time.perf_counter()
    for descriptor in watched:
        signal.pidfd_send_signal(descriptor, number)
    poll = select.poll()
    for descriptor in watched:
        poll.register(descriptor, select.POLLIN)
    left = set(watched)
    while left and time.perf_counter() - began < within:
        for descriptor, _ in poll.poll(1000):
            poll.unregister(descriptor)
            left.discard(descriptor)
    seconds = time.perf_counter() - began
    for descriptor in left:
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    for descriptor in watched:
        os.close(descriptor)
    if left:
        raise SystemExit(f"{len(left)} servers did not end within {within:.0f} s and were killed")
    return seconds


def _lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@contextmanager
def running(command: Sequence[str], env: Mapping[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process for as long as it is needed; ended by its pid."""
    log = folder / f"output-{random.randrange(10**9)}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, env=dict(env), cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        yield process
        if process.poll() is not None:
            raise SystemExit(f"{' '.join(command)} ended early:\n{log.read_text()[-1500:]}")
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for_port(port: int, process: subprocess.Popen[bytes], *, within: float = 60.0) -> None:
    """Until something listens on a port, or its process has ended."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.005)
