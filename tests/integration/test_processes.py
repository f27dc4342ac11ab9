"""Who a process is, whether it lives, and whether it is a server of ours: with real processes."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from prodigy_team.servers import alive, ports, processes
from prodigy_team.servers.processes import Identity, Mark
from support import eventually, free_ports

SLEEP = [sys.executable, "-c", "import sys, time; print('up', flush=True); time.sleep(600)"]
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")


@pytest.fixture
def children() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that end with the test."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.communicate()


def start(children: list[subprocess.Popen[str]], *command: str, **options: object) -> subprocess.Popen[str]:
    """Start a process and wait until it says that it is there."""
    process = subprocess.Popen(list(command or SLEEP), stdout=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload]
    children.append(process)
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


def test_an_identity_outlives_nothing(children: list[subprocess.Popen[str]]) -> None:
    """A process is alive under its identity, a zombie and an ended one are not, nor is a stranger with its pid."""
    process = start(children)
    identity = processes.identity_of(process.pid)
    assert identity is not None
    assert processes.is_alive(identity)
    assert not processes.is_alive(Identity(process.pid, "another boot:1"))

    process.kill()
    eventually(lambda: not processes.is_alive(identity))
    assert process.returncode is None, "not waited for, so it is a zombie"
    assert processes.identity_of(process.pid) is None
    assert processes.group_of(process.pid) is None

    process.wait()
    assert processes.identity_of(process.pid) is None


@linux_only
def test_identity_liveness_and_memory_need_no_psutil_on_linux() -> None:
    """`status` does not pay for an import it has no use for."""
    code = (
        "import os, sys; from prodigy_team.servers import processes as p; i = p.identity_of(os.getpid());"
        "assert p.is_alive(i) and p.memory_bytes(i.pid) > 1e6 and 0 <= p.uptime(i) < 60; p.find_marked(p.Path('/x'));"
        "assert 'psutil' not in sys.modules and 'subprocess' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_mark_in_the_environment_proves_a_server_ours(children: list[subprocess.Popen[str]], tmp_path: Path) -> None:
    """The environment of an executed server, and of what it executes, names state folder and server."""
    mark = Mark("headlines", "joe", tmp_path)
    value = f'{{"team": "headlines", "name": "joe", "state": "{tmp_path}", "annotators": ["joe"]}}'
    process = start(children, env={**os.environ, processes.MARK_VARIABLE: value}, start_new_session=True)

    assert processes.is_ours(process.pid, mark)
    assert processes.is_ours(process.pid, Mark("renamed", "joe", tmp_path)), "the team may have another name by now"
    assert not processes.is_ours(process.pid, Mark("headlines", "jane", tmp_path))
    assert not processes.is_ours(process.pid, Mark("headlines", "joe", tmp_path / "other"))
    [found] = processes.find_marked(tmp_path)
    assert (found.name, found.pgid, found.pids) == ("joe", process.pid, (process.pid,))
    assert found.leader == processes.identity_of(process.pid)


def test_a_title_proves_a_server_ours(children: list[subprocess.Popen[str]], tmp_path: Path) -> None:
    """A title wipes the environment, so it carries the mark itself; folders may hold spaces and brackets."""
    state = tmp_path / "a folder (2)"
    state.mkdir()
    mark = Mark("headlines", "joe", state)
    code = "import sys, time, setproctitle as s; s.setproctitle(sys.argv[1]); print('up', flush=True); time.sleep(600)"
    process = start(children, sys.executable, "-c", code, mark.title, env={**os.environ, "ROOM": " " * 300})

    assert processes.mark_of(process.pid) == mark
    assert processes.is_ours(process.pid, mark)
    assert [each.name for each in processes.find_marked(state)] == ["joe"]


def test_the_alive_file_proves_a_server_ours(children: list[subprocess.Popen[str]], tmp_path: Path) -> None:
    """Whoever was handed the descriptor is the server; whoever only reads the file is not."""
    mark = Mark("headlines", "joe", tmp_path)
    held = alive.acquire(mark.alive)
    assert held is not None
    server = start(children, pass_fds=(held,))
    os.close(held)
    code = "import sys, time; file = open(sys.argv[1]); print('up', flush=True); time.sleep(600)"
    reader = start(children, sys.executable, "-c", code, str(mark.alive))

    assert processes.is_ours(server.pid, mark)
    assert not processes.is_ours(reader.pid, mark)
    if sys.platform == "linux":
        mark.alive.unlink()
        assert processes.is_ours(server.pid, mark), "a deleted state folder does not make strangers of its servers"


def test_a_group_is_ours_by_any_of_its_members(children: list[subprocess.Popen[str]], tmp_path: Path) -> None:
    """A leader that died leaves its group to a member that carries the mark."""
    mark = Mark("headlines", "joe", tmp_path)
    value = f'{{"team": "headlines", "name": "joe", "state": "{tmp_path}"}}'
    code = "import subprocess, sys; subprocess.Popen([sys.executable, *sys.argv[1:]]).wait()"
    leader = start(
        children,
        *[sys.executable, "-c", code, *SLEEP[1:]],
        env={**os.environ, processes.MARK_VARIABLE: value},
        start_new_session=True,
    )
    eventually(lambda: len(processes.group_members(leader.pid)) == 2)

    leader.kill()
    leader.wait()
    [member] = processes.group_members(leader.pid)
    assert processes.is_group_ours([member], mark)
    [found] = processes.find_marked(tmp_path)
    assert found.leader is None
    assert found.pids == (member,)
    os.killpg(leader.pid, signal.SIGKILL)
    eventually(lambda: not processes.group_members(leader.pid))


def test_the_lock_is_held_until_the_last_holder_ends(children: list[subprocess.Popen[str]], tmp_path: Path) -> None:
    """Held means alive: passed on by exec, let go by kill -9, taken again afterwards."""
    path = tmp_path / "servers" / "joe.alive"
    assert not alive.is_held(path)
    held = alive.acquire(path)
    assert held is not None
    server = start(children, pass_fds=(held,))
    os.close(held)
    alive.update(path, pid=server.pid, port=8081)
    alive.update(path, tasks=178, port=None)

    assert alive.is_held(path)
    assert alive.acquire(path) is None
    assert alive.read(path) == {"pid": server.pid, "tasks": 178}
    assert path.stat().st_mode & 0o777 == 0o600

    server.kill()
    eventually(lambda: not alive.is_held(path))
    again = alive.acquire(path)
    assert again is not None
    assert alive.read(path) == {}, "what an earlier server wrote says nothing about the next"
    os.close(again)


def test_asking_whether_a_lock_is_held_never_keeps_it_from_being_taken(
    children: list[subprocess.Popen[str]], tmp_path: Path
) -> None:
    """A `status` that looks all the time does not make `up` believe that a server runs."""
    path = tmp_path / "joe.alive"
    code = (
        "import sys; from pathlib import Path; from prodigy_team.servers import alive; path = Path(sys.argv[1]);"
        "print('up', flush=True)\nwhile True: alive.is_held(path)"
    )
    start(children, sys.executable, "-c", code, str(path))
    for _ in range(200):
        held = alive.acquire(path)
        assert held is not None
        os.close(held)


def test_who_is_stopped_while_asking_does_not_keep_the_lock_from_being_taken(tmp_path: Path) -> None:
    """As a busy machine does: whoever asks shares the lock, and a server never does."""
    path = tmp_path / "joe.alive"
    path.touch()
    with path.open() as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        goes_on = threading.Timer(5 * alive.PATIENCE, fcntl.flock, (asking, fcntl.LOCK_UN))
        goes_on.start()
        held = alive.acquire(path)
        goes_on.join()
    assert held is not None
    os.close(held)


def test_a_torn_alive_file_is_an_empty_one(tmp_path: Path) -> None:
    """Readers see the newest facts during an update, and no facts in garbage."""
    path = tmp_path / "joe.alive"
    path.write_text('{"pid": 1}: 12345}')
    assert alive.read(path) == {"pid": 1}
    path.write_bytes(b'{"pid": \xff')
    assert alive.read(path) == {}


def test_a_taken_port_names_its_holder(children: list[subprocess.Popen[str]]) -> None:
    """The message says who has the port and what to do; the stranger is left alone."""
    [port] = free_ports(1)
    code = (
        "import socket, sys, time; s = socket.create_server(('127.0.0.1', int(sys.argv[1])));"
        "print('up', flush=True); time.sleep(600)"
    )
    stranger = start(children, sys.executable, "-c", code, str(port))

    with pytest.raises(ports.PortTakenError) as caught:
        ports.bind("127.0.0.1", port, annotator="jane")
    assert f"pid {stranger.pid} (" in caught.value.message
    assert "jane" in caught.value.remedy
    assert not ports.is_free("127.0.0.1", port)
    assert not ports.is_free("0.0.0.0", port)
    assert stranger.poll() is None

    stranger.kill()
    stranger.wait()
    assert ports.is_free("127.0.0.1", port)
    assert ports.holder_of_port("127.0.0.1", port) is None
    ports.bind("localhost", port, annotator="jane").close()


def test_a_host_of_another_machine_is_no_taken_port() -> None:
    """What is wrong is said as it is."""
    with pytest.raises(ports.AddressError, match=r"203\.0\.113\.1"):
        ports.bind("203.0.113.1", free_ports(1)[0], annotator="jane")


@pytest.mark.parametrize("host", ["a..b", "a" * 70 + ".example"])
def test_what_is_no_name_of_a_machine_is_said_so(host: str) -> None:
    with pytest.raises(ports.AddressError, match="this is no name of a machine"):
        ports.bind(host, free_ports(1)[0], annotator="jane")
