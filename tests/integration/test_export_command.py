"""export as a command: where it writes, what it says, and what it refuses."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import pty
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from counting_support import Team, team
from prodigy_team.curation.export import FORMATS, Request, export_answers
from prodigy_team.curation.gathering import gather
from prodigy_team.errors import TeamError
from support import PROGRAM, run_team, team_environment

__all__ = ["team"]


@pytest.fixture
def answered(team: Team) -> Team:
    """A team whose joe accepted three tasks, and rejected and ignored one."""
    team.write(("joe", "jane"))
    team.answer("joe", 0, 1, 2)
    team.answer("joe", 3, answer="reject")
    team.answer("joe", 4, answer="ignore")
    return team


def test_what_was_written_and_left_out_is_told(answered: Team) -> None:
    out = answered.folder / "out"
    assert answered.run("export", "headlines_joe", "--format", "conll", "--output", str(out)) == ""
    assert answered.errors.splitlines() == [
        f"wrote 0 answers of headlines_joe to {out}",
        "left out 5 answers: 1 ignored, 3 no spans, 1 rejected",
    ]
    answered.run("export", "headlines_joe", "--dev", "0.4", "--output", str(answered.folder / "split"))
    assert answered.errors == f"wrote 5 answers of headlines_joe to {answered.folder / 'split'}: train 3, dev 2\n"
    answered.run("export", "headlines_joe", "--dev", "0.2", "--output", str(answered.folder / "split"))
    assert "The last export there was split by other settings; this one is split anew." in answered.errors
    answered.run("export", "headlines_joe", "--dev", "0.2", "--output", str(answered.folder / "split"), "--quiet")
    assert answered.errors == ""


def test_the_report_as_an_object(answered: Team) -> None:
    out = answered.folder / "out.csv"
    told = answered.json("export", "headlines_joe", "--format", "csv", "--answers", "accept", "--output", str(out))
    assert told == {
        "version": 1,
        "path": str(out),
        "format": "csv",
        "read": 5,
        "exported": 3,
        "written": {"train": 3},
        "dropped": {"ignored": 1, "rejected": 1},
        "spans": {},
        "inputs": {},
        "kept": 0,
        "anew": False,
        "ungrouped": 0,
    }


def test_a_plain_copy_has_a_manifest_with_its_hash(answered: Team) -> None:
    out = answered.folder / "joe.jsonl"
    answered.run("export", "headlines_joe", "--output", str(out))
    manifest = json.loads((answered.folder / "joe.jsonl.manifest.json").read_text())
    described = {"bytes": out.stat().st_size, "sha256": hashlib.sha256(out.read_bytes()).hexdigest()}
    assert manifest["files"] == {"joe.jsonl": described}
    assert (manifest["read"], manifest["exported"], manifest["annotators"]) == (5, 5, {"joe": 5})


def test_the_manifest_of_a_merged_copy_names_everybody(answered: Team) -> None:
    answered.answer("jane", 0, 1)
    answered.run("merge", "--on-conflict", "majority", "--into", "gold")
    answered.run("export", "gold", "--output", str(answered.folder / "gold.jsonl"))
    manifest = json.loads((answered.folder / "gold.jsonl.manifest.json").read_text())
    assert (manifest["exported"], manifest["annotators"]) == (4, {"jane": 2, "joe": 4})


def test_a_key_to_group_by_that_nothing_has_is_refused_and_one_that_some_lack_is_told(answered: Team) -> None:
    answered.answer("joe", {"text": "a", "meta": {"doc_id": 1}}, {"text": "b", "meta": {"doc_id": 1}})
    place = ("--dev", "0.3", "--output", str(answered.folder / "out"))
    answered.run("export", "headlines_joe", *place, "--group-by", "docid", code=2)
    assert "No answer has the key 'docid'" in answered.errors
    answered.run("export", "headlines_joe", *place, "--group-by", "doc_id")
    assert "5 answers without the key to group by: split by input." in answered.errors


def test_files_need_no_roster_and_tables_go_to_stdout(answered: Team, tmp_path: Path) -> None:
    answered.run("export", "headlines_joe", "--output", str(tmp_path / "joe.jsonl"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    told = run_team(elsewhere, "export", "../joe.jsonl", "--format", "csv", "--answers", "accept,ignore")
    assert told.returncode == 0, told.stderr
    assert [row["answer"] for row in csv.DictReader(io.StringIO(told.stdout))] == ["accept"] * 3 + ["ignore"]
    assert told.stderr == "left out 1 answer: 1 rejected\n"
    again = run_team(elsewhere, "export", "../joe.jsonl")
    assert again.stdout == (tmp_path / "joe.jsonl").read_text()
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--format", "parquet"), "needs a place"),
        (("--dev", "0.2"), "needs a place"),
        (("--dev", "0.6", "--test", "0.4", "-o", "x"), "together below 1"),
        (("--answers", "yes", "-o", "x"), "names no answers"),
        (("--format", "spacy", "--lang", "zz", "-o", "x"), "spaCy has no language 'zz'"),
        (("--dev", "0.2", "-o", "x.jsonl"), "named like a file"),
        (("-o", "nowhere/x.jsonl"), "No such file or directory"),
        (("--json",), "Only the list of datasets"),
    ],
)
def test_what_cannot_be_done_is_said_in_two_lines(
    answered: Team, arguments: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(answered.folder)
    code = 1 if "nowhere/x.jsonl" in arguments else 2
    assert answered.run("export", "headlines_joe", *arguments, code=code) == ""
    assert said in answered.errors
    assert len(answered.errors.splitlines()) == 2
    assert not [each.name for each in answered.folder.iterdir() if each.name.lstrip(".").startswith("x")]


def test_a_missing_package_is_named_with_the_extra(tmp_path: Path) -> None:
    form = replace(FORMATS["parquet"], libraries=("no-such-package",))
    with pytest.raises(TeamError, match=r"needs no-such-package.*pip install 'prodigy-team\[parquet\]'"):
        export_answers(gather(None, []), Request(form, tmp_path / "x.parquet"))


def test_a_terminal_shows_a_bar(answered: Team) -> None:
    """On stderr, and none is left in what a file gets."""
    ours, theirs = pty.openpty()
    command = [*PROGRAM, "export", "headlines_joe", "--format", "csv", "--output", "out.csv"]
    env = {**team_environment(), "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen(command, cwd=answered.folder, env=env, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 4096):
            shown += piece
    except OSError:
        pass  # so the end of a terminal reads
    os.close(ours)
    assert process.communicate()[0] == b""
    assert process.returncode == 0
    assert "━".encode() in shown
    assert b"wrote 5 answers" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("export joe.json", "There is no file joe.json.\nDid you mean joe.jsonl"),
        ("export headlines_joe", "There is no file headlines_joe.\nDatasets need a roster: name it with -f PATH, or"),
        ("export joe.jsonl headlines_joe", "There is no file headlines_joe."),
        ("-f no.toml export headlines_joe", "There is no roster"),
        ("export folder", "folder is a folder.\nName the files in it: folder/jane.jsonl"),
        ("export empty.jsonl", "There are no answers in empty.jsonl."),
        ("export empty.jsonl -o out.csv", "There are no answers in empty.jsonl."),
        ("merge joe.jsonl", "Without a roster a merge needs a place.\nName a file: --into gold.jsonl"),
        ("merge joe.jsonl --into gold", "Name a file: --into gold.jsonl"),
        ("merge joe.jsonl jan.jsonl --into gold.jsonl", "There is no file jan.jsonl.\nDid you mean"),
        ("merge folder --into gold.jsonl", "folder is a folder."),
        ("merge empty.jsonl --into gold.jsonl", "nothing to write: there are no answers in empty.jsonl"),
        ("merge broken.jsonl --into gold.jsonl", "nothing to write: none of these counts"),
    ],
)
def test_without_a_roster_it_is_said_what_to_do_next(tmp_path: Path, arguments: str, said: str) -> None:
    (tmp_path / "folder").mkdir()
    contents = {"joe": '{"text": "a"}', "folder/jane": '{"text": "a"}', "empty": "", "broken": "no JSON"}
    for name, content in contents.items():
        (tmp_path / f"{name}.jsonl").write_text(content)
    told = run_team(tmp_path, *arguments.split())
    assert said in told.stderr + told.stdout
    assert told.returncode == (0 if "empty" in arguments or "broken" in arguments else 2)
    assert not list(tmp_path.glob("gold*"))


def test_a_number_beyond_all_that_python_reads_keeps_no_other_answer_back(tmp_path: Path) -> None:
    """Answers that Prodigy stored may hold one: copied as it is, and left out where it would have to be read."""
    numbers = (1, "1" * 5000, 3)
    hashes = '"_input_hash": 7, "_task_hash": '
    lines = [f'{{"text": "a", "answer": "accept", {hashes}{n}, "n": {each}}}\n' for n, each in enumerate(numbers)]
    (tmp_path / "joe.jsonl").write_text("".join(lines))
    copied = run_team(tmp_path, "export", "joe.jsonl", "--output", "copy.jsonl", "--json")
    assert (copied.returncode, json.loads(copied.stdout)["exported"]) == (0, 3), copied.stderr
    assert (tmp_path / "copy.jsonl").read_text() == "".join(lines)
    table = run_team(tmp_path, "export", "joe.jsonl", "--format", "csv", "--output", "copy.csv", "--json")
    assert (table.returncode, json.loads(table.stdout)["dropped"]) == (0, {"unreadable": 1}), table.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="to root every folder is open")
@pytest.mark.parametrize(
    "words", ["export shut/a.jsonl", "export joe.jsonl -o shut/x", "merge joe.jsonl --into shut/g.jsonl"]
)
def test_a_folder_that_may_not_be_looked_into_is_told(tmp_path: Path, words: str) -> None:
    (tmp_path / "joe.jsonl").write_text('{"text": "a"}')
    (tmp_path / "shut").mkdir(mode=0)
    try:
        told = run_team(tmp_path, *words.split())
    finally:
        (tmp_path / "shut").chmod(0o700)  # else pytest could not remove what older runs left
    assert (told.returncode, len(told.stderr.splitlines())) == (1, 2)
    assert "Permission denied" in told.stderr


def test_a_link_leads_to_the_place_and_stays_one(tmp_path: Path) -> None:
    """Folders too, and again: a link that was replaced would leave the old export where it leads."""
    (tmp_path / "joe.jsonl").write_text('{"text": "a", "answer": "accept"}\n')
    (tmp_path / "disk").mkdir()
    for name, there in (("corpus", "disk"), ("out.csv", "there.csv"), ("gold.jsonl", "merged.jsonl")):
        (tmp_path / name).symlink_to(there)
    folder = ("export", "joe.jsonl", "--dev", "0.4", "--output", "corpus")
    file = ("export", "joe.jsonl", "--format", "csv", "--output", "out.csv")
    for each in (folder, folder, file, ("merge", "joe.jsonl", "--into", "gold.jsonl")):
        told = run_team(tmp_path, *each)
        assert told.returncode == 0, told.stderr
    assert all((tmp_path / name).is_symlink() for name in ("corpus", "out.csv", "gold.jsonl"))
    assert (tmp_path / "disk" / "train.jsonl").exists()
    assert (tmp_path / "there.csv").exists()
    assert (tmp_path / "merged.jsonl").exists()


def test_what_cannot_be_replaced_or_is_read_is_refused(tmp_path: Path) -> None:
    """For root, a rename would make a file of /dev/null; a filtered export would take a source's answers with it."""
    line = '{"text": "a", "answer": "accept"}\n'
    (tmp_path / "in").mkdir()
    for name in ("joe.jsonl", "in/jane.jsonl"):
        (tmp_path / name).write_text(line)
    os.mkfifo(tmp_path / "pipe")
    for command in (("export", "joe.jsonl", "--output"), ("merge", "joe.jsonl", "--into")):
        told = run_team(tmp_path, *command, "./pipe")
        assert (told.returncode, "neither a file nor a folder" in told.stderr) == (2, True), told
    own = run_team(tmp_path, "export", "joe.jsonl", "--answers", "reject", "--output", "joe.jsonl")
    assert (own.returncode, "joe.jsonl is what is to be exported" in own.stderr) == (2, True), own
    inside = run_team(tmp_path, "export", "in/jane.jsonl", "--dev", "0.2", "--output", "in")
    assert (inside.returncode, "holds what is to be exported" in inside.stderr) == (2, True), inside
    assert (tmp_path / "joe.jsonl").read_text() == (tmp_path / "in" / "jane.jsonl").read_text() == line
    share = run_team(tmp_path, "export", "joe.jsonl", "--dev", "nan", "--output", "out")
    assert (share.returncode, "shares of the inputs" in share.stderr) == (2, True), share
