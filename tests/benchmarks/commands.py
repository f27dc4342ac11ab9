"""Parts d and e: what a command costs before and besides its work."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from measuring import PROGRAMS, Figure, Settings, environment, middle, ratios, run, running
from team import Team

REPEATS = 5
"""Runs of a short command in each round; their mean is the round's time."""


def status(settings: Settings) -> list[Figure]:
    """Part d: `status` of running servers, answers counted, against `supervisorctl status` of as many programs."""
    tools = supervisor(settings)
    if tools is None:
        print("d   left out: supervisor cannot be installed here", flush=True)
        return []
    folder = settings.folder / "supervisor"
    folder.mkdir()
    configuration = write_configuration(folder, settings.servers)
    env = environment(folder)
    ctl = [str(tools / "supervisorctl"), "-c", str(configuration), "status"]
    ours, theirs = [], []
    with (
        running([str(tools / "supervisord"), "-n", "-c", str(configuration)], env, folder),
        Team(settings.folder / "status", settings.python, settings.servers) as team,
    ):
        wait_until_all_run(ctl, env, folder, settings.servers)
        team.up()
        team.pids()
        for number in range(settings.rounds):
            settings.say(f"status of {settings.servers}, round {number + 1}")
            ours.append(sum(team.run("status")[0] for _ in range(REPEATS)) / REPEATS)
            theirs.append(sum(run(ctl, env, folder)[0] for _ in range(REPEATS)) / REPEATS)
    note = (
        f"{middle([1000 * each for each in ours], 'ms', 0)} against {middle([1000 * each for each in theirs], 'ms', 0)}"
    )
    return [Figure("d", f"status of {settings.servers} / supervisorctl status", ratios(ours, theirs), 1.5, note=note)]


def supervisor(settings: Settings) -> Path | None:
    """The folder of supervisor's commands, installed beside the benchmark; None where it cannot be had."""
    folder = settings.folder / "supervisor-python"
    try:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True)
        install = [str(folder / "bin/pip"), "install", "-q", "supervisor>=4.2", "setuptools<81"]
        subprocess.run(install, check=True, capture_output=True, timeout=120)
    except (subprocess.SubprocessError, OSError):
        return None
    return folder / "bin"


def write_configuration(folder: Path, count: int) -> Path:
    """Supervisor's own configuration: as many programs as servers, on a socket of its own."""
    socket = folder / "s.sock"
    parts = [
        f"[unix_http_server]\nfile={socket}",
        f"[supervisord]\nlogfile={folder}/log\npidfile={folder}/pid\nnodaemon=true",
        "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
        f"[supervisorctl]\nserverurl=unix://{socket}",
        *[f"[program:person{number}]\ncommand=sleep 3600\nstartsecs=0" for number in range(count)],
    ]
    path = folder / "supervisord.conf"
    path.write_text("\n".join(parts) + "\n")
    return path


def wait_until_all_run(ctl: list[str], env: dict[str, str], folder: Path, count: int) -> None:
    """Until supervisor says that each of its programs runs."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        done = subprocess.run(ctl, env=env, cwd=folder, capture_output=True, text=True)
        if done.stdout.count("RUNNING") == count:
            return
        time.sleep(0.2)
    raise SystemExit(f"supervisor does not run its programs:\n{done.stdout}{done.stderr}")


def help_text(settings: Settings) -> list[Figure]:
    """Part e: `--help` against the smallest program that the same typer makes in the same interpreter."""
    folder = settings.folder / "help"
    folder.mkdir()
    env = environment(folder)
    ours = [settings.python, "-m", "prodigy_team", "--help"]
    minimal = [settings.python, str(PROGRAMS / "minimal_typer.py"), "--help"]
    for command in (ours, minimal):
        run(command, env, folder)  # compiles
    mine, theirs = [], []
    settings.say("--help")
    for _ in range(max(settings.rounds, 3)):
        pairs = [(run(ours, env, folder)[0], run(minimal, env, folder)[0]) for _ in range(REPEATS)]
        mine.append(min(pair[0] for pair in pairs))
        theirs.append(min(pair[1] for pair in pairs))
    note = (
        f"{middle([1000 * each for each in mine], 'ms', 0)} against {middle([1000 * each for each in theirs], 'ms', 0)}"
    )
    return [Figure("e", "--help / minimal typer program", ratios(mine, theirs), 1.1, note=note)]
