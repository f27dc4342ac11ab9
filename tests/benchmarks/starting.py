"""Parts a to c: bringing servers up and stopping them, against what one would write by hand."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from measuring import PROGRAMS, Figure, Settings, end_all, middle, pss_megabytes, ratios
from team import Team


def start_with(program: str, servers: list[dict[str, Any]], settings: Settings) -> tuple[float, list[int]]:
    """Start servers with one of our other starters; seconds to its exit, and the servers' pids."""
    began = time.perf_counter()
    done = subprocess.run(
        [settings.python, str(PROGRAMS / program)],
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
    """Part b: servers started by exec, as Prodigy is: as many at once as cores (the default), and all.

    On a busy machine the first gets less of the processors than a loop that starts them all; the second shows what
    the starter itself costs.
    """
    python = make_environment(settings)
    count = settings.servers
    waves, whole, loop = [], [], []
    with (
        Team(settings.folder / "waves", settings.python, count, "prodigy", str(python)) as team,
        Team(
            settings.folder / "whole", settings.python, count, "prodigy", str(python), f"start_at_once = {count}"
        ) as other,
    ):
        other.up()
        launches = other.launches()
        other.stop()
        for number in range(settings.rounds):
            settings.say(f"up of {count} by exec, round {number + 1}")
            for each, seconds in ((team, waves), (other, whole)):
                seconds.append(each.up())
                each.stop()
            taken, pids = start_with("spawn_loop.py", launches, settings)
            loop.append(taken)
            end_all(pids)
    return [
        Figure(
            "b",
            f"up of {count} by exec, {text} / posix_spawn loop",
            ratios(times, loop),
            1.10,
            note=f"{middle(times)} against {middle(loop)}",
        )
        for text, times in (("all at once", whole), ("by cores", waves))
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
