"""merge, export and drop as commands, on a real database."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from prodigy_team.settings import Database
from prodigy_team.store import NewAnswer, open_store
from prodigy_team.tasks import identity, with_hashes
from support import PROGRAM, run_team, small_roster, team_environment

ROSTER = small_roster("joe", "jane", team='database = "answers.db"\n')


def answer(text: str, annotator: str, *, verdict: str = "accept") -> NewAnswer:
    """One person's answer to one task."""
    task = {**with_hashes({"text": text}), "answer": verdict, "_annotator_id": annotator}
    content = json.dumps(task, ensure_ascii=False).encode()
    return NewAnswer(content, task["_input_hash"], task["_task_hash"], annotator, identity(task, "task"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A team whose joe answered three tasks and jane two, one of them differently; zoe has left."""
    (tmp_path / "headlines.jsonl").write_text('{"text": "A headline"}\n', encoding="utf-8")
    (tmp_path / "team.toml").write_text(ROSTER, encoding="utf-8")
    store = open_store(Database("sqlite", tmp_path / "answers.db", "test"), write=True, create=True)
    for name, texts in (("joe", ["one", "zwei ü", "three"]), ("jane", ["one", "four"]), ("zoe", ["five"])):
        store.ensure_dataset(f"headlines_{name}", team="headlines")
        verdict = "reject" if name == "jane" else "accept"
        store.append(f"headlines_{name}", [[answer(text, name, verdict=verdict) for text in texts]])
    store.close()
    return tmp_path


def test_merge_brings_everything_together_once(folder):
    """Counts balance, who left is named, and a second run adds nothing."""
    first, second = run_team(folder, "merge"), run_team(folder, "merge")

    assert first.returncode == second.returncode == 0, first.stderr
    assert first.stdout.splitlines()[:2] == [
        "read 6 = used 6 + repeated 0; 1 task answered differently by different people "
        "(--on-conflict review lists them)",
        "wrote headlines_gold",
    ]
    assert first.stderr == "Also of people no longer on the roster: headlines_zoe\n"
    assert second.stdout.splitlines()[0].startswith("read 6 = used 0 + repeated 0 + already there 6;")
    assert run_team(folder, "merge", "--quiet").stdout == ""


def test_a_dry_merge_writes_nothing(folder):
    """And says so."""
    assert "was not written" in run_team(folder, "merge", "headlines_joe", "--dry-run").stdout
    assert "gold" not in run_team(folder, "export").stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("headlines_jo",), 2),
        (("headlines_joe", "--on-conflict", "vote"), 2),
        (("headlines_joe", "--into", "headlines_joe"), 2),
    ],
)
def test_merges_that_cannot_be_meant(folder, arguments, code):
    ended = run_team(folder, "merge", *arguments)

    assert ended.returncode == code
    assert ended.stdout == ""
    assert 1 <= len(ended.stderr.splitlines()) <= 2


def test_export_to_a_file_and_to_stdout_are_the_same_bytes(folder):
    """What is stored, one a line."""
    said = run_team(folder, "export", "headlines_joe", "--output", "joe.jsonl")

    assert said.returncode == 0
    assert said.stdout == ""
    assert said.stderr == "wrote 3 answers of headlines_joe to joe.jsonl\n"
    written = (folder / "joe.jsonl").read_text(encoding="utf-8")
    assert run_team(folder, "export", "headlines_joe").stdout == written
    assert [json.loads(line)["text"] for line in written.splitlines()] == ["one", "zwei ü", "three"]


def test_export_without_a_name_lists_the_datasets(folder):
    """With their counts; as an object too."""
    assert "headlines_joe   3 answers" in run_team(folder, "export").stdout
    listed = json.loads(run_team(folder, "export", "--json").stdout)
    assert {each["name"]: each["answers"] for each in listed["datasets"]}["headlines_jane"] == 2


def test_a_reader_that_leaves_early_is_no_error(folder):
    """`export | head` says nothing on stderr."""
    store = open_store(Database("sqlite", folder / "answers.db", "test"), write=True)
    store.append("headlines_joe", [[answer(f"{at} {'x' * 2000}", "joe") for at in range(500)]])
    store.close()
    writer = subprocess.Popen(
        [*PROGRAM, "export", "headlines_joe"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=team_environment(),
    )
    assert writer.stdout
    assert writer.stderr
    writer.stdout.readline()
    writer.stdout.close()

    assert writer.stderr.read() == b""
    writer.wait(timeout=30)
    writer.stderr.close()


def test_a_dataset_that_does_not_exist(folder):
    """The nearest is named."""
    ended = run_team(folder, "export", "headlines_jo")

    assert ended.returncode == 2
    assert "Did you mean headlines_joe" in ended.stderr


def test_nothing_is_dropped_unasked(folder):
    """Without a terminal and --yes the counts are shown and the dataset stays."""
    ended = run_team(folder, "drop", "headlines_joe")

    assert ended.returncode == 2
    assert "headlines_joe has 3 answers" in ended.stderr
    assert "Nothing was dropped." in run_team(folder, "drop", "headlines_joe", "--dry-run").stdout
    assert run_team(folder, "export", "headlines_joe").stdout.count("\n") == 3


def test_drop_keeps_a_copy(folder):
    """Byte for byte what an export gives."""
    before = run_team(folder, "export", "headlines_joe").stdout

    dropped = json.loads(run_team(folder, "drop", "headlines_joe", "--yes", "--json").stdout)

    assert dropped["answers"] == 3
    assert Path(dropped["copy"]).read_text(encoding="utf-8") == before
    assert "headlines_joe" not in run_team(folder, "export").stdout


def test_before_there_is_a_database(folder):
    """It says how one comes to be."""
    (folder / "answers.db").unlink()

    ended = run_team(folder, "merge")

    assert ended.returncode == 1
    assert "prodigy-team up" in ended.stderr
    assert not (folder / "answers.db").exists()


def flag(folder: Path, annotator: str, text: str, **more: object) -> None:
    """Store an answer with further keys, as the page of a server does."""
    task = {**with_hashes({"text": text}), "answer": "accept", "_annotator_id": annotator, **more}
    keys = {"answer_id": task.get("_answer_id"), "replaces": task.get("_replaces")}
    content = json.dumps(task, ensure_ascii=False).encode()
    new = NewAnswer(content, task["_input_hash"], task["_task_hash"], annotator, identity(task, "task"), **keys)
    store = open_store(Database("sqlite", folder / "answers.db", "test"), write=True)
    store.append(f"headlines_{annotator}", [[new]])
    store.close()


def test_flagged_lists_who_flagged_what_and_why(folder: Path) -> None:
    assert run_team(folder, "flagged").stdout == "Nothing is flagged.\n"
    flag(folder, "joe", "odd", flagged=True, flag_note="two\nnames?", _timestamp=1700000000)
    flag(folder, "zoe", "of somebody who left", flagged=True)
    flag(folder, "jane", "taken back", flagged=False)
    flag(folder, "jane", "corrected", flagged=True, _answer_id="a" * 32)
    flag(folder, "jane", "corrected", _answer_id="b" * 32, _replaces="a" * 32)
    lines = run_team(folder, "flagged").stdout.splitlines()
    assert [line.split() for line in lines] == [
        ["ANNOTATOR", "ANSWER", "NOTE", "TASK"],
        ["joe", "accept", "two", "names?", "odd"],
        ["zoe", "accept", "of", "somebody", "who", "left"],
    ]
    found = json.loads(run_team(folder, "flagged", "headlines_joe", "--json").stdout)
    assert found["version"] == 1
    [only] = found["flags"]
    assert (only["annotator"], only["note"], only["text"]) == ("joe", "two\nnames?", "odd")
    assert (only["answered_at"], only["task_hash"]) == (1700000000.0, with_hashes({"text": "odd"})["_task_hash"])
    assert "Did you mean headlines_joe" in run_team(folder, "flagged", "headlines_jo").stderr
