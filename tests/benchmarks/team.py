"""A roster of many annotators in a folder of its own, driven by the real command."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from measuring import environment, free_range, run


@dataclass
class Team:
    """One roster and the commands on it."""

    folder: Path
    python: str
    size: int
    engine: str = "embedded"
    roster_python: str = ""
    more: str = ""
    env: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self.env = environment(self.folder)
        ports = free_range(self.size)
        team = [
            '[team]\nname = "bench"',
            f'engine = "{self.engine}"',
            f'ports = "{ports[0]}-{ports[-1]}"',
            'database = "answers.db"',
            f'python = "{self.roster_python}"' if self.roster_python else "",
            self.more,
            '[task]\nrecipe = "textcat.manual"\nsource = "sample:headlines"\nlabels = ["A", "B", "C"]',
        ]
        people = [f'[[annotator]]\nname = "person{number}"' for number in range(self.size)]
        (self.folder / "team.toml").write_text("\n".join([*team, *people]) + "\n")

    def __enter__(self) -> Team:
        return self

    def __exit__(self, *_: object) -> None:
        """Whatever happened, no server of this roster is left."""
        command = self.command("stop", "--force")
        subprocess.run(command, env=self.env, cwd=self.folder, capture_output=True, check=False, timeout=120)

    def command(self, *words: str) -> list[str]:
        """A command line of this package."""
        return [self.python, "-m", "prodigy_team", *words]

    def run(self, *words: str) -> tuple[float, str]:
        """Run a command; seconds and output."""
        return run(self.command(*words), self.env, self.folder)

    def up(self) -> float:
        """Bring all servers up; seconds until every one was seen to answer."""
        return self.run("up")[0]

    def stop(self) -> float:
        """Stop all; seconds."""
        return self.run("stop", "--force")[0]

    def status(self) -> list[dict[str, Any]]:
        """What `status --json` says of each server."""
        servers: list[dict[str, Any]] = json.loads(self.run("status", "--json")[1])["servers"]
        return servers

    def pids(self) -> list[int]:
        """The servers' processes; all must run."""
        found = self.status()
        if len(found) != self.size or any(each["state"] != "running" for each in found):
            raise SystemExit(f"not all {self.size} run: {[(each['name'], each['state']) for each in found]}")
        return [each["pid"] for each in found]

    def launches(self) -> list[dict[str, Any]]:
        """How `up` starts each server: command, environment, directory and port, for another starter to do the same."""
        kept = [
            json.loads(path.read_bytes()) for path in sorted((self.folder / ".prodigy-team/servers").glob("*.json"))
        ]
        log = os.fspath(self.folder / "servers.log")
        more = {"PYTHONPATH": self.env["PYTHONPATH"]}
        return [
            {
                "command": each["command"],
                "env": {**each["env"], **more},
                "cwd": each["cwd"],
                "port": each["port"],
                "log": log,
            }
            for each in kept
        ]
