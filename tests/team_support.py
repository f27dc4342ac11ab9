"""A team on disk and its command line, run as a person or cron runs it: real processes, real ports, a certain end."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from command_nursery import run_command
from prodigy_team.servers import alive, processes
from support import PROGRAM, ROOT, eventually, free_ports

TASKS = 12


@dataclass
class Project:
    """A folder with a roster, its source and its servers.

    Attributes:
        environ: What its commands see; no more of the shell than a crontab line gets.
        ports: The roster's range, free when the project was made.
    """

    folder: Path
    ports: list[int]
    environ: dict[str, str]
    engine: str = "embedded"
    strangers: list[subprocess.Popen[Any]] = field(default_factory=list)

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.folder / ".prodigy-team"

    @property
    def lockfile(self) -> Path:
        """The lockfile."""
        return self.state / "team.lock"

    @property
    def roster(self) -> Path:
        """The roster."""
        return self.folder / "team.toml"

    def write_source(self, count: int = TASKS, *, name: str = "source.jsonl") -> Path:
        """Write so many tasks."""
        path = self.folder / name
        path.write_text("".join(json.dumps({"text": f"text {number}"}) + "\n" for number in range(count)))
        return path

    def write_roster(
        self,
        names: Iterable[str] = ("joe", "jane", "cy"),
        *,
        keys: Mapping[str, str] | None = None,
        team: str = "",
        task: str = "",
        more: str = "",
    ) -> None:
        """Write a roster.

        Args:
            keys: Further lines of single annotators, by name.
            team: Further lines of [team].
            task: Further lines of [task].
            more: What follows the annotators, such as a [[server]].
        """
        people = "".join(f'[[annotator]]\nname = "{name}"\n{(keys or {}).get(name, "")}\n' for name in names)
        own_ports = "" if "ports" in team else f'ports = "{self.ports[0]}-{self.ports[-1]}"\n'
        own_recipe = "" if "recipe =" in task else 'recipe = "textcat.manual"\nlabels = ["A", "B"]\n'
        own_source = "" if "source =" in task else 'source = "source.jsonl"'
        self.roster.write_text(
            f'[team]\nname = "headlines"\nengine = "{self.engine}"\ndatabase = "answers.db"\n{own_ports}{team}\n'
            f"[task]\n{own_recipe}{own_source}\n{task}\n"
            f"{people}{more}"
        )

    def run(
        self, *arguments: str, code: int | None = 0, within: float = 200, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, and check its exit code unless that is None."""
        done = run_command(arguments, cwd=self.folder, env={**self.environ, **environ}, within=within)
        assert "Traceback" not in done.stderr, done.stderr
        assert code is None or done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *arguments: str, code: int | None = 0, **environ: str) -> Any:
        """Run a command with --json and return what it printed."""
        return json.loads(self.run(*arguments, "--json", code=code, **environ).stdout)

    def begin(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start a command and go on."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL, **options}
        process = subprocess.Popen([*PROGRAM, *arguments], cwd=self.folder, env=self.environ, text=True, **options)
        self.strangers.append(process)
        return process

    def entries(self, *arguments: str, code: int | None = 0, **environ: str) -> dict[str, dict[str, Any]]:
        """What a command did, by server."""
        return {each["name"]: each for each in self.json(*arguments, code=code, **environ)["servers"]}

    def status(self, *names: str) -> dict[str, dict[str, Any]]:
        """How the servers stand, by name; the exit code is whatever it is."""
        return self.entries("status", *names, code=None)

    def states(self) -> dict[str, str]:
        """The state of each server."""
        return {name: each["state"] for name, each in self.status().items()}

    def pids(self) -> dict[str, int]:
        """The pid of each server that lives, by name."""
        return {name: each["pid"] for name, each in self.status().items() if each["pid"]}

    def marked(self) -> dict[str, list[int]]:
        """Every process that carries this project's mark, by server: what really runs, whatever the lockfile says."""
        found: dict[str, list[int]] = {}
        for group in processes.find_marked(self.state):
            found.setdefault(group.name, []).extend(group.pids)
        return found

    def listeners(self) -> list[int]:
        """The ports of this project on which somebody listens."""
        return sorted(port for port, _ in listening() if port in self.ports)

    def record(self) -> dict[str, Any]:
        """The lockfile's content."""
        content: dict[str, Any] = json.loads(self.lockfile.read_text())
        return content

    def edit_record(self, name: str, **values: Any) -> None:
        """Change a server's record by hand."""
        content = self.record()
        for each in content["servers"]:
            if each["name"] == name:
                each.update(values)
        self.lockfile.write_text(json.dumps(content))

    def kill(self, *names: str) -> None:
        """End servers as a power cut would, and wait for their death: a busy machine takes its time to clear away."""
        pids = self.pids()
        for name in names:
            os.kill(pids[name], signal.SIGKILL)
        for name in names:
            eventually(lambda pid=pids[name]: processes.identity_of(pid) is None, message=f"the death of {name}")
            # One of its threads may outlive the first one for a moment, and with it what the process has open.
            path = self.state / "servers" / f"{name}.alive"
            eventually(lambda path=path: not alive.is_held(path), message=f"the end of what {name} holds")

    def client(self, name: str) -> httpx.Client:
        """A client of one server."""
        url = self.status(name)[name]["url"].partition("?")[0]
        return httpx.Client(base_url=url, timeout=60, trust_env=False)

    def stranger(self, *command: str) -> subprocess.Popen[Any]:
        """A process that is none of ours: whatever happens, it must live on."""
        words = command or ("sleep", "1000")
        process = subprocess.Popen(words, start_new_session=True, stdin=subprocess.DEVNULL)
        self.strangers.append(process)
        return process

    def foreign_listener(self, port: int) -> subprocess.Popen[Any]:
        """A foreign program that listens on a port."""
        code = f"import socket, time; s = socket.create_server(('127.0.0.1', {port})); time.sleep(1000)"
        process = self.stranger(sys.executable, "-c", code)
        eventually(lambda: port in self.listeners(), message=f"a listener on {port}")
        return process

    def end(self) -> None:
        """End the servers and helpers that this project started, by pid and only with its mark."""
        for process in self.strangers:
            if process.poll() is None:
                process.kill()
            process.wait(60)
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()
        eventually(self._nothing_left, message="an end of all servers")

    def _nothing_left(self) -> bool:
        pids = [pid for each in self.marked().values() for pid in each]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not pids


def listening() -> list[tuple[int, int]]:
    """(port, inode) of every listening TCP socket of this machine's IPv4."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    # A table that changes while it is read may show a row twice.
    return list({(int(row[1].rpartition(":")[2], 16), int(row[9])) for row in rows if row[3] == "0A"})


def files_in(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file with its content, but for drafts that are put in another's place meanwhile."""
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            if path.is_file():
                yield path, path.read_bytes()


def listen(terminal: int, awaited: bytes | None) -> bytes:
    """What a program writes to a terminal until some words have come, or until it ends; they may come in pieces."""
    heard, ready = b"", select.poll()  # select() takes no descriptor beyond 1023
    ready.register(terminal, select.POLLIN)

    def has_come() -> bool:
        nonlocal heard
        if not ready.poll(100):
            return False
        try:
            heard += os.read(terminal, 4096)
        except OSError:  # nobody has its other end any more
            assert awaited is None, heard
            return True
        return awaited is not None and awaited in heard

    eventually(has_come, message=f"{awaited!r}, or an end, on a terminal")
    return heard


def plain_environment(folder: Path) -> dict[str, str]:
    """What a command gets: little, and nothing of the person who runs the tests."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR", "VIRTUAL_ENV") if name in os.environ}
    home = folder / "home"
    home.mkdir(exist_ok=True)
    own = {"HOME": str(home), "PRODIGY_HOME": str(home / ".prodigy"), "PYTHONPATH": str(ROOT / "src")}
    return {**kept, **own, "PYTHONWARNINGS": "error"}


@contextlib.contextmanager
def a_project(folder: Path, *, ports: int = 12, engine: str = "embedded") -> Iterator[Project]:
    """A project of three with a small source; its servers are ended whatever becomes of the test."""
    project = Project(folder, free_ports(ports), plain_environment(folder), engine)
    project.write_source()
    project.write_roster()
    try:
        yield project
    finally:
        project.end()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """See ``a_project``."""
    with a_project(tmp_path) as found:
        yield found


def pull(client: httpx.Client, session: str | None = None) -> list[dict[str, Any]]:
    """The tasks a browser would get next."""
    reply = client.post("/get_session_questions", json={"session_id": session} if session else {})
    assert reply.status_code == 200, reply.text
    tasks: list[dict[str, Any]] = reply.json()["tasks"]
    return tasks


def give(client: httpx.Client, tasks: Sequence[Mapping[str, Any]], session: str | None = None) -> httpx.Response:
    """Answer tasks, as a page does."""
    answers = [{**task, "answer": "accept"} for task in tasks]
    body = {"answers": answers, **({"session_id": session} if session else {})}
    return client.post("/give_answers", json=body)


def annotate_all(client: httpx.Client, session: str | None = None) -> int:
    """Answer until nothing is left; the number of answers."""
    count = 0
    while tasks := pull(client, session):
        assert give(client, tasks, session).status_code == 200
        count += len(tasks)
    return count
