"""A large file is read by two processes, and its index is the one that a single process makes."""

from __future__ import annotations

import json
import random
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from prodigy_team.sources.formats import skip_mark
from prodigy_team.sources.origins import file_stamp
from prodigy_team.sources.scanning import Row, Scan, scan_file
from prodigy_team.tasks import By

BAD = [
    b"{",
    b"[]",
    b'{"text": ""}',
    b'{"text": "half a pair \\ud800"}',
    b'{"text": "\xff"}',
    b'{"x": ' + b"[" * 2000,
    b"  ",
]


def write_source(path: Path, count: int, *, seed: int, mark: bytes = b"", end: bytes = b"\n") -> Path:
    """Lines of all sorts, some bad, some blank, some repeated, of very different lengths."""
    chance = random.Random(seed)
    lines = []
    for number in range(count):
        kind = chance.random()
        task: dict[str, object] = {
            "text": f'{number % 900} "ü" ' + "x\r" * chance.randrange(30),
            "meta": {"line": number % 7},
        }
        if kind < 0.05:
            lines.append(chance.choice(BAD))
        else:
            task |= {"label": "A"} if kind < 0.2 else {"_task_hash": number} if kind < 0.25 else {}
            lines.append(json.dumps(task, ensure_ascii=chance.random() < 0.5).encode())
    path.write_bytes(mark + b"\n".join(lines) + end)
    return path


def scanned(path: Path, *, large: int, by: By = "task") -> tuple[list[Row], Scan]:
    scan = Scan(by)
    with path.open("rb") as file:
        skip_mark(file, path)
        return list(scan_file(scan, file, path, folder=path.parent, large=large)), scan


@pytest.mark.parametrize(("seed", "mark", "end"), [(1, b"", b"\n"), (2, b"\xef\xbb\xbf", b""), (3, b"", b"\n\n \n")])
@pytest.mark.parametrize("by", ["task", "input"])
def test_two_processes_find_what_one_finds(tmp_path: Path, by: By, seed: int, mark: bytes, end: bytes) -> None:
    path = write_source(tmp_path / "source.jsonl", 5000, seed=seed, mark=mark, end=end)
    alone, together = scanned(path, large=2**40, by=by), scanned(path, large=0, by=by)
    assert together == alone
    assert alone[1].bad_count > 100
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"", b"\n", b'{"text": "a"}', b'{"text": "a"}\n{"text": "b"}', b"{}\n" * 3000])
def test_small_and_bad_files_are_no_exception(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "source.jsonl"
    path.write_bytes(content)
    assert scanned(path, large=0) == scanned(path, large=2**40)


@pytest.mark.parametrize("program", ["import sys; sys.exit(1)", "import os; os.kill(os.getpid(), 9)", "print(1)"])
def test_without_the_other_process_the_rows_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    path = write_source(tmp_path / "source.jsonl", 500, seed=4)
    alone = scanned(path, large=2**40)
    broken = tmp_path / "python"
    broken.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{program}"\n')
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    assert scanned(path, large=0) == alone
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
    assert scanned(path, large=0) == alone


def test_the_other_process_reads_to_the_end_of_the_file_it_was_asked_for(tmp_path: Path) -> None:
    path = write_source(tmp_path / "source.jsonl", 3000, seed=5)
    rows, scan = scanned(path, large=2**40)
    stamp = file_stamp(path.stat())
    program = "from prodigy_team.sources import scanning; scanning.main()"
    command = [sys.executable, "-c", program, str(path), stamp, str(rows[1000][0]), "task"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    assert len(done.stdout) > 40 * len(rows[1000:])
    assert struct.unpack("<qqq16s", done.stdout[:40]) == rows[1000]
    assert f'"rows": {len(rows) - 1000}'.encode() in done.stdout[-200:]
    assert scan.lines > 2000
    command[4] = "another"
    assert subprocess.run(command, capture_output=True, timeout=120).returncode == 1
