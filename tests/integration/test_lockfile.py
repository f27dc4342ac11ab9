"""The record of running servers is whole after any crash, private, and guarded."""

from __future__ import annotations

import json
import multiprocessing
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from prodigy_team.errors import TeamError
from prodigy_team.servers.lockfile import (
    Lockfile,
    ServerRecord,
    UnreadableLockfileError,
    guard,
    keep_aside,
    read_lockfile,
    write_lockfile,
)
from prodigy_team.servers.statefolder import prepare_state
from prodigy_team.servers.supervisor import Supervisor
from support import eventually

JOE = ServerRecord("joe", ("joe",), pid=1, started_at="boot:1", port=8081, command=("python", "-m"), failures=(1.5,))


def test_a_roster_in_the_middle_of_an_edit_keeps_nobody_from_the_servers(tmp_path: Path) -> None:
    """What runs can be looked at, stopped, and brought back by cron; `up` says what is wrong with the file."""
    roster, state = tmp_path / "team.toml", tmp_path / ".prodigy-team"
    roster.write_text('[team]\nname = "headl')
    with pytest.raises(TeamError, match="No valid TOML"):
        Supervisor.for_roster(roster, {})
    prepare_state(state)
    write_lockfile(state / "team.lock", Lockfile("headlines", "embedded", "digest", {"joe": replace(JOE, pid=None)}))

    found = Supervisor.for_roster(roster, {})

    assert (found.team, found.state) == ("headlines", state)
    status = found.status()
    assert [each.name for each in status.servers] == ["joe"]
    assert "No valid TOML" in " ".join(status.notes)
    assert [each.detail for each in found.stop().entries] == ["was not running"]
    with pytest.raises(TeamError, match="No valid TOML"):
        found.up()
    roster.write_text('[team]\nstate = "elsewhere"\nname = "headl')
    with pytest.raises(TeamError, match="No valid TOML"):
        Supervisor.for_roster(roster, {})


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    lockfile = Lockfile("headlines", "embedded", "digest", {"joe": JOE})

    write_lockfile(tmp_path / "team.lock", lockfile)

    assert read_lockfile(tmp_path / "team.lock") == lockfile
    assert (tmp_path / "team.lock").stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["team.lock"]


def test_a_state_folder_that_was_made_in_half_is_completed(tmp_path: Path) -> None:
    """Its file for git was there and empty, and `git add` took passwords and the key."""
    (tmp_path / ".gitignore").touch()
    prepare_state(tmp_path)
    assert (tmp_path / ".gitignore").read_text() == "*\n"


def test_no_lockfile_is_an_empty_one(tmp_path: Path) -> None:
    assert read_lockfile(tmp_path / "team.lock", team="headlines") == Lockfile("headlines")


BY_NAME = b'{"version": 1, "team": "x", "engine": "", "roster_digest": "", "servers": {"joe": {"name": "joe"}}}'


@pytest.mark.parametrize(
    "content", [b"", b'{"version": 1, "serv', b"\xff\xfe", b"[]", b'{"version": 1}', b"null", BY_NAME]
)
def test_garbage_is_explained_and_can_be_kept_aside(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "team.lock"
    path.write_bytes(content)

    with pytest.raises(UnreadableLockfileError) as caught:
        read_lockfile(path)

    assert str(path) in caught.value.message
    assert keep_aside(path).read_bytes() == content
    assert not path.exists()


def test_a_newer_lockfile_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "team.lock"
    path.write_text(json.dumps({"version": 99}))

    with pytest.raises(TeamError, match="newer"):
        read_lockfile(path)


def test_a_folder_that_cannot_be_written_leaves_the_old_lockfile(tmp_path: Path) -> None:
    path = tmp_path / "team.lock"
    write_lockfile(path, Lockfile("old"))
    (tmp_path / "team.lock.new").mkdir()  # in the way of the draft, for root as well

    with pytest.raises(TeamError, match="cannot be written"):
        write_lockfile(path, Lockfile("new"))

    assert read_lockfile(path).team == "old"


def _hold(path: Path, held: multiprocessing.synchronize.Event) -> None:
    with guard(path):
        held.set()
        signal.pause()


def test_the_guard_keeps_others_out_and_is_freed_by_kill(tmp_path: Path) -> None:
    path = tmp_path / "team.lock"
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    holder = context.Process(target=_hold, args=(path, held))
    holder.start()
    try:
        assert held.wait(120)
        with pytest.raises(TeamError, match="Another prodigy-team command"), guard(path, timeout=0.1):
            pass
    finally:
        holder.kill()
        holder.join()

    def free() -> bool:
        with guard(path, timeout=1):
            return True

    assert eventually(free)
