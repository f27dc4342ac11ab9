"""Eight servers on one SQLite file while somebody reads for long: every row is there, no save waits long (S9)."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from databases import Database, ask
from prodigy_team.store import open_store
from support import ROOT

WRITER = """
import json, sys, time
sys.path[:0] = sys.argv[3:]
from pathlib import Path
from databases import Database, new_answer
from prodigy_team.store import open_store
name = sys.argv[2]
store = open_store(Database("sqlite", Path(sys.argv[1])), write=True)
print("ready", flush=True)
sys.stdin.readline()
waits = []
for save in range(40):
    batch = [new_answer(f"{save}-{row}", who=name, pad="x" * 2000, sessions=(f"d_{name}-{name}",)) for row in range(10)]
    started = time.monotonic()
    store.append(f"d_{name}", [batch])
    waits.append(time.monotonic() - started)
print(json.dumps(waits))
"""

READER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN")
connection.execute("SELECT count(*) FROM dataset").fetchone()
print("ready", flush=True)
sys.stdin.readline()
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    connection.execute("SELECT count(*) FROM example").fetchone()
    time.sleep(0.01)
connection.execute("COMMIT")
"""


def start(program: str, *arguments: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.alone
@pytest.mark.parametrize("reading", [1.0, pytest.param(7.0, marks=pytest.mark.long)])
def test_eight_writers_and_a_long_reader(tmp_path: Path, reading: float) -> None:
    path = tmp_path / "answers.db"
    open_store(Database("sqlite", path), write=True, create=True).close()
    names = [f"p{number}" for number in range(8)]
    paths = (str(ROOT / "src"), str(ROOT / "tests"))
    processes = [start(READER, str(path), str(reading))] + [start(WRITER, str(path), name, *paths) for name in names]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=120)[0] for process in processes]

    assert [process.returncode for process in processes] == [0] * 9
    waits = [wait for text in said[1:] for wait in json.loads(text)]
    assert len(waits) == 320
    assert max(waits) < 2.0
    with closing(open_store(Database("sqlite", path), write=False)) as store:
        for name in names:
            texts = [json.loads(content)["text"] for content in store.answers(f"d_{name}")]
            assert texts == [f"{save}-{row}" for save in range(40) for row in range(10)]
            assert len(list(store.answers(f"d_{name}-{name}"))) == 400
    assert ask(path, "SELECT count(*) FROM example") == [(3200,)]
    assert ask(path, "PRAGMA integrity_check") == [("ok",)]
    print(f"worst save {max(waits):.3f} s")
