"""Parts a to c: bringing servers up and stopping them, against what one would write by hand."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from measuring import PROGRAMS, Figure, Settings, end_all, middle, pss_megabytes, ratios
from team import Team


def start_with(program: str, servers: list[dict[str, Any]], settings: Settings, *words: str) -> tuple[float, list[int]]:
    """Start servers with one of our other starters; seconds to its exit, and the servers' pids."""
    began = time.perf_counter()
    done = subprocess.run(
        [settings.python, str(PROGRAMS / program), *words],
        input=json.dumps(servers),
        text=True,
        stdout=subprocess.PIPE,
        check=True,
    )
    return time.perf_counter() - began, json.loads(done.stdout)


def embedded(settings: Settings) -> list[Figure]:
    """Parts a and c: `up` and `stop` of embedded servers."""
    up, stop, exits, memory = [], [], [], []
    loop_up, loop_memory = [], []
    with Team(settings.folder / "embedded", settings.python, settings.servers) as team:
        team.up()
        launches = team.launches()
        team.stop()
        for number in range(settings.rounds):
            settings.say(f"up and stop of {settings.servers}, round {number + 1}")
            up.append(team.up())
            memory.append(pss_megabytes(team.pids()))
            stop.append(team.stop())
            seconds, pids = start_with("asyncio_starter.py", launches, settings)
            loop_up.append(seconds)
            with ended(pids):
                loop_memory.append(pss_megabytes(pids))
            team.up()
            exits.append(end_all(team.pids()))
            team.stop()
    count = settings.servers
    return [
        Figure(
            "a",
            f"up of {count}, time / asyncio loop",
            ratios(up, loop_up),
            0.25,
            note=f"{middle(up)} against {middle(loop_up)}",
        ),
        Figure(
            "a",
            f"up of {count}, memory (PSS) / asyncio loop",
            ratios(memory, loop_memory),
            0.45,
            note=f"{middle(memory, 'MB', 0)} against {middle(loop_memory, 'MB', 0)}",
        ),
        Figure(
            "c",
            f"(stop of {count} - 0.2 s) / slowest server's own exit",
            tuple((mine - 0.2) / own for mine, own in zip(stop, exits, strict=True)),
            1.3,
            note=f"{middle(stop)}, own exit {middle(exits)}",
        ),
    ]


def executed(settings: Settings) -> list[Figure]:
    """Part b: servers started by exec, as Prodigy is: as many at a time as cores (the default), and all at once.

    Each is held against a bare loop that does the same, and the default also against the one that starts all at once,
    which leaves no core idle while it waits, but has every server import at the same time.
    """
    python, cores = make_environment(settings), os.cpu_count() or 1
    count = settings.servers
    taken: dict[str, list[float]] = {"waves": [], "whole": [], "loop of waves": [], "loop": []}
    with (
        Team(settings.folder / "waves", settings.python, count, "prodigy", str(python)) as waves,
        Team(
            settings.folder / "whole", settings.python, count, "prodigy", str(python), f"start_at_once = {count}"
        ) as whole,
    ):
        whole.up()
        launches = whole.launches()
        whole.stop()
        for number in range(settings.rounds):
            settings.say(f"up of {count} by exec, round {number + 1}")
            for name, team in (("waves", waves), ("whole", whole)):
                taken[name].append(team.up())
                team.stop()
            for name, at_once in (("loop of waves", cores), ("loop", count)):
                seconds, pids = start_with("spawn_loop.py", launches, settings, str(at_once))
                taken[name].append(seconds)
                end_all(pids)
    pairs = (
        ("all at once / posix_spawn loop", "whole", "loop"),
        (f"{cores} at a time / such a loop", "waves", "loop of waves"),
        (f"{cores} at a time / loop of all at once", "waves", "loop"),
    )
    return [
        Figure(
            "b",
            f"up of {count} by exec, {text}",
            ratios(taken[ours], taken[other]),
            1.10,
            note=f"{middle(taken[ours])} against {middle(taken[other])}",
        )
        for text, ours, other in pairs
    ]


@contextmanager
def ended(pids: list[int]) -> Iterator[None]:
    """Servers that another starter left running, for as long as they are looked at."""
    try:
        yield
    finally:
        end_all(pids)


def make_environment(settings: Settings) -> Path:
    """A Python with something called Prodigy, which costs 0.2 s to import and binds its port."""
    folder = settings.folder / "python"
    subprocess.run([settings.python, "-m", "venv", "--without-pip", str(folder)], check=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    shutil.copytree(PROGRAMS / "fake" / "prodigy", packages / "prodigy")
    info = packages / "prodigy-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: prodigy\nVersion: 1.0\n")
    return folder / "bin" / "python"
