"""The ledger's write-ahead log: copied into the file while others claim, and never longer than it need be."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ledgers import World, people_per_task, texts, work
from prodigy_team.allocation.ledger import log
from prodigy_team.store.locking import WriteLock, hold_alone, lock_path
from support import eventually


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def test_a_log_is_as_long_as_what_was_written_since_it_began_anew(tmp_path: Path) -> None:
    path = tmp_path / "some.db"
    assert not log.is_longer(path, 0)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; CREATE TABLE some (content)")
        connection.execute("INSERT INTO some VALUES (zeroblob(100000))")
        assert log.is_longer(path, 100_000)
        assert not log.is_longer(path, 120_000)
        assert log.copy_log(connection)[0] == 0
        connection.execute("INSERT INTO some VALUES (1)")
        assert log.is_longer(path, 4000)
        assert not log.is_longer(path, 50_000)
        assert path.with_name("some.db-wal").stat().st_size > 100_000


def test_a_long_log_begins_anew_while_others_claim(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_LONG_BYTES", 1 << 18)
    monkeypatch.setattr(log, "_PAUSE_SECONDS", 0.0)
    world.write(texts(900))
    rules = world.rules("joe", "jane", k="2")
    joe, jane = world.ledger(rules), world.ledger(rules)
    for _ in range(3):
        work(world, joe, "joe", most=300, count=30)
        work(world, jane, "jane", most=300, count=30)
    eventually(lambda: joe.confirm("joe", [], screen="any") == [] and not log.is_longer(world.path, 1 << 18))
    assert people_per_task(world) == {2: 900}


def test_a_log_that_cannot_be_copied_stops_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody reads an older state all the time: claims go on, and the log is copied when that has ended."""
    monkeypatch.setattr(log, "_LONG_BYTES", 1 << 16)
    monkeypatch.setattr(log, "_MOST_BYTES", 1 << 17)
    monkeypatch.setattr(log, "_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(log, "_PASSES", 3)
    world.write(texts(600))
    ledger = world.ledger(world.rules("joe"))
    with closing(sqlite3.connect(world.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM pool").fetchall()
        assert work(world, ledger, "joe", count=20) == 600
        assert log.is_longer(world.path, 1 << 17)
        reader.execute("COMMIT")
        eventually(lambda: ledger.confirm("joe", [], screen="any") == [] and not log.is_longer(world.path, 1 << 16))
    assert people_per_task(world) == {1: 600}


def test_who_finds_another_at_the_log_does_not_ask_for_the_claims_lock(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.write(texts(10))
    assert len(world.ledger(world.rules("joe")).pull("joe", count=10).leases) == 10
    monkeypatch.setattr(log, "_LONG_BYTES", 0)
    copier = log.LogCopier(world.path)
    with hold_alone(lock_path(world.path, "log"), "copy"), closing(WriteLock(lock_path(world.path))) as claims, claims:
        copier.copy_beside()
        eventually(lambda: all(each.name != "ledger-log" for each in threading.enumerate()))
    copier.close()
