"""Logs: their end, following them, rotation under the feet of a writer, and why a server died."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest

from prodigy_team.servers import logs

BATCH = 200
WRITER = f"""
import os, sys
log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for first in range(0, int(sys.argv[2]), {BATCH}):
    os.read(0, 1)
    for number in range(first, first + {BATCH}): os.write(log, b"%d %s %d\\n" % (number, b"x" * 90, number))
    os.write(1, b".")
"""


@pytest.mark.parametrize("length", [5, 70_000, 200_000])
def test_tail_reads_the_end(tmp_path: Path, length: int) -> None:
    """However long the lines are, and whether or not the last one is finished."""
    log = tmp_path / "joe.log"
    lines = [f"{number} {'ä' * length}" for number in range(5)]
    log.write_text("\n".join(lines))
    assert logs.tail(log, 2) == lines[-2:]
    log.write_text("\n".join(lines) + "\n")
    assert logs.tail(log, 3) == lines[-3:]
    assert logs.tail(log, 99) == lines
    assert logs.tail(log, 0) == []
    assert logs.tail(tmp_path / "missing.log", 3) == []


def test_tail_since_a_start_leaves_out_what_came_before(tmp_path: Path) -> None:
    """An offset beyond the end is from before a rotation."""
    log = tmp_path / "joe.log"
    log.write_text("old\nnew\n")
    assert logs.tail(log, 9, since=4) == ["new"]
    assert logs.tail(log, 9, since=8) == []
    assert logs.tail(log, 9, since=999) == ["old", "new"]


def test_rotation_loses_no_line_of_a_writer_that_goes_on(tmp_path: Path) -> None:
    """Its descriptor stays good; the copies and the log together are what it wrote.

    It writes a batch while it is looked whether to rotate: however long that is interrupted, it costs no more than one.
    """
    log, pipe = tmp_path / "joe.log", subprocess.PIPE
    count, rotated = 40_000, 0
    command = [sys.executable, "-c", WRITER, str(log), str(count)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, bufsize=0) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        for _ in range(0, count, BATCH):
            writer.stdin.write(b".")
            rotated += logs.rotate(log, limit=500_000, keep=100)
            assert writer.stdout.read(1)
    assert rotated > 1
    copies = sorted(tmp_path.glob("joe.log.*"), key=lambda path: -int(path.suffix[1:]))
    lines = [line.split() for path in [*copies, log] for line in path.read_text().splitlines()]
    whole = [words for words in lines if words[1:] == ["x" * 90, words[0]]]  # a line cut in two is one at risk
    numbers = [int(words[0]) for words in whole]
    assert len(set(numbers)) == len(numbers), "no line twice"
    assert numbers == sorted(numbers)
    gaps = sum(after - before > 1 for before, after in itertools.pairwise(numbers))
    assert gaps <= rotated, "only what is written in the moment between copying and emptying is at risk"
    assert len(numbers) > 0.9 * count


def test_rotation_keeps_three_and_leaves_small_logs_alone(tmp_path: Path) -> None:
    """The newest copy is .1; copies are private as the log is."""
    log = tmp_path / "joe.log"
    assert not logs.rotate(log)
    for number in range(5):
        log.write_text(str(number) * 20)
        assert not logs.rotate(log, limit=20)
        assert logs.rotate(log, limit=10)
    assert log.read_text() == ""
    assert [(tmp_path / f"joe.log.{number}").read_text()[0] for number in (1, 2, 3)] == ["4", "3", "2"]
    assert {path.name for path in tmp_path.iterdir()} == {"joe.log", "joe.log.1", "joe.log.2", "joe.log.3"}
    assert (tmp_path / "joe.log.1").stat().st_mode & 0o777 == 0o600


def test_a_log_that_cannot_be_copied_is_left_as_it_is(tmp_path: Path) -> None:
    """Nobody who rotates looks for errors: in the gateway one would have been the last rotation."""
    log = tmp_path / "joe.log"
    log.write_text("a line\n")
    (tmp_path / "joe.log.0").mkdir()

    assert not logs.rotate(log, limit=1)
    assert log.read_text() == "a line\n"


def test_following_shows_each_line_once_across_rotations(tmp_path: Path) -> None:
    """Whatever was written before a rotation and not yet read is read from the copy; half lines wait for their end."""
    log = tmp_path / "joe.log"
    seen: list[str] = []
    followed = logs.follow(log, lines=1, wait=lambda _: seen.append("--"))
    log.write_text("one\ntwo\n")
    with log.open("a") as writer:

        def write(text: str) -> None:
            writer.write(text)
            writer.flush()

        assert next(followed) == "two"
        write("three\nfo")
        assert next(followed) == "three"
        write("ur\nfive\n")
        logs.rotate(log, limit=1)
        write("six\n")
        assert [next(followed) for _ in range(3)] == ["four", "five", "six"]
        logs.rotate(log, limit=1)
        write("seven, longer than all that was read before the log was emptied, so that its size says nothing\n")
        assert next(followed).startswith("seven")
    assert seen == [], "there was always something to show"


def test_following_a_log_that_is_not_there_yet(tmp_path: Path) -> None:
    """It appears with the server."""
    log = tmp_path / "joe.log"
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        log.write_text("here I am\n")

    assert next(logs.follow(log, wait=wait)) == "here I am"
    assert len(waits) == 1


CHAINED = """INFO:     Started server process [1]
Traceback (most recent call last):
  File "a.py", line 1, in f
    g()
KeyError: 'first'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "a.py", line 3, in <module>
    f()
OSError: [E050] Can't find model 'en_core_web_md'.
"""


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", ""),
        ("\n \n", ""),
        (CHAINED, "OSError: [E050] Can't find model 'en_core_web_md'."),
        (
            CHAINED + "It may be a package that has to be downloaded.\n",
            "OSError: [E050] Can't find model 'en_core_web_md'.",
        ),
        (
            "Using 2 labels: A, B\n\n✘ Can't find recipe 'ner.manul'.\n\nAvailable: a, b\n",
            "✘ Can't find recipe 'ner.manul'.",
        ),
        (
            "ERROR:    [Errno 98] address already in use\nINFO:     Shutting down\n",
            "ERROR:    [Errno 98] address already in use",
        ),
        ("Killed\nINFO:     Application startup complete.\n", "Killed"),
        ("bash: prodigy: command not found\n", "bash: prodigy: command not found"),
        ("ValueError: no traceback here\nbye\n", "ValueError: no traceback here"),
    ],
)
def test_the_cause_of_a_death(tmp_path: Path, text: str, cause: str) -> None:
    """The exception of the last traceback, else the last error, else the last line that is not chatter."""
    log = tmp_path / "joe.log"
    log.write_text(text)
    assert logs.last_cause(log) == cause


def test_an_earlier_cause_is_not_this_ones(tmp_path: Path) -> None:
    """The same log holds all starts of a server."""
    log = tmp_path / "joe.log"
    log.write_text(CHAINED)
    start = log.stat().st_size
    assert logs.last_cause(log, since=start) == ""
    with log.open("a") as file:
        file.write("MemoryError\n")
    assert logs.last_cause(log, since=start) == "MemoryError"
    assert logs.last_cause(tmp_path / "missing.log") == ""


def test_following_ends_where_its_caller_ends_it(tmp_path: Path) -> None:
    """By an exception from `wait`, Ctrl+C for instance."""
    log = tmp_path / "joe.log"
    log.write_text("one\n")

    def wait(_: float) -> None:
        raise KeyboardInterrupt

    followed = logs.follow(log, wait=wait)
    assert next(followed) == "one"
    with pytest.raises(KeyboardInterrupt):
        next(followed)
