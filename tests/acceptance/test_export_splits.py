"""S14: an export to train on leaks nothing, loses nothing, and does not move when data grow."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from conflicting import TEAM, add_answers, answer, make_team
from databases import add_as_prodigy, make_prodigy_database
from support import PROGRAM, run_team, team_environment

GOLD = f"{TEAM}_gold"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The team of S13, merged."""
    make_team(tmp_path)
    assert run_team(tmp_path, "merge").returncode == 0
    return tmp_path


def export(folder: Path, *arguments: str) -> dict[str, Any]:
    """Export by the command; its manifest."""
    done = run_team(folder, "export", *arguments, "--output", "out")
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "out" / "manifest.json").read_text(encoding="utf-8"))


def rows(folder: Path, side: str) -> list[dict[str, Any]]:
    """The answers on one side."""
    return [json.loads(line) for line in (folder / "out" / f"{side}.jsonl").read_text(encoding="utf-8").splitlines()]


def sides(folder: Path, key: str = "text") -> dict[str, set[Any]]:
    """What is on each side."""
    return {
        side: {re.sub(r"\s", "", row["text"]) if key == "text" else row["meta"][key] for row in rows(folder, side)}
        for side in ("train", "dev")
    }


def files(folder: Path) -> dict[str, bytes]:
    """Everything that was written."""
    return {each.name: each.read_bytes() for each in (folder / "out").iterdir()}


def test_no_input_on_both_sides_and_none_lost_now_and_when_data_grow(folder: Path) -> None:
    asked = (GOLD, "--dev", "0.2", "--seed", "123")
    manifest = export(folder, *asked)
    before = sides(folder)
    assert not before["train"] & before["dev"]
    assert len(before["train"] | before["dev"]) == 1000
    assert abs(len(before["dev"]) - 200) <= 1
    stored = run_team(folder, "export", GOLD).stdout.splitlines()
    written = [line for name in ("train.jsonl", "dev.jsonl") for line in files(folder)[name].decode().splitlines()]
    assert Counter(written) == Counter(stored)
    assert manifest["read"] == manifest["exported"] == len(stored)

    first = files(folder)
    export(folder, *asked)
    assert files(folder) == first

    add_answers(folder / "answers.db", "joe", (answer(number, "joe") for number in range(1000, 1200)))
    run_team(folder, "merge")
    manifest = export(folder, *asked)
    after = sides(folder)
    assert before["train"] <= after["train"]
    assert before["dev"] <= after["dev"]
    assert not after["train"] & after["dev"]
    assert abs(len(after["dev"]) - 240) <= 1
    assert manifest["split"]["inputs"] == {"train": len(after["train"]), "dev": len(after["dev"])}


def test_documents_stay_together(folder: Path) -> None:
    """12 documents of 50 paragraphs."""
    source = folder / "documents.jsonl"
    source.write_text("".join(json.dumps(answer(number, "joe")) + "\n" for number in range(600)))
    export(folder, "documents.jsonl", "--dev", "0.2", "--seed", "123", "--group-by", "doc_id")
    found = sides(folder, "doc_id")
    assert not found["train"] & found["dev"]
    assert len(found["train"] | found["dev"]) == 12
    assert abs(len(found["dev"]) - 2.4) <= 1
    assert len(rows(folder, "train")) + len(rows(folder, "dev")) == 600


def test_texts_that_differ_in_white_space_are_one_input(folder: Path) -> None:
    answers = [answer(number, "joe") for number in range(100)]
    spaced = [
        {**each, "text": each["text"].replace(" ", between)}
        for each in answers
        for between in (" ", "  ", "\n", "\u00a0 ")
    ]
    (folder / "spaced.jsonl").write_text("".join(json.dumps(each) + "\n" for each in spaced))
    export(folder, "spaced.jsonl", "--dev", "0.2", "--seed", "123")
    found = sides(folder)
    assert not found["train"] & found["dev"]
    assert (len(found["dev"]), len(rows(folder, "dev"))) == (20, 80)


def test_the_counts_are_those_of_merge_and_coverage(folder: Path) -> None:
    merged = json.loads(run_team(folder, "merge", "--dry-run", "--json").stdout)
    (pool,) = json.loads(run_team(folder, "coverage", "--json").stdout)["pools"]
    manifest = export(folder, f"{TEAM}_joe", f"{TEAM}_jane", "--dev", "0.2")
    assert manifest["read"] == merged["read"] == pool["read"] == 1310
    assert {each["name"]: each["answers"] for each in manifest["sources"]} == merged["read_of"]
    assert manifest["annotators"] == {"joe": 810, "jane": 500}
    assert sum(manifest["split"]["inputs"].values()) == 1000


def test_the_docbin_loads_and_its_entities_are_the_answers(folder: Path) -> None:
    spacy = pytest.importorskip("spacy")
    from spacy.tokens import DocBin

    manifest = export(folder, f"{TEAM}_joe", "--format", "spacy", "--dev", "0.2", "--seed", "123")
    assert manifest["dropped"] == {"repeated": 10}
    assert sum(manifest["written"].values()) == 800
    wanted = {each["text"]: each["spans"] for each in (answer(number, "joe") for number in range(800))}
    found = 0
    for name in ("train.spacy", "dev.spacy"):
        for doc in DocBin().from_disk(folder / "out" / name).get_docs(spacy.blank("en").vocab):
            found += 1
            spans = [(each["start"], each["end"], each["label"]) for each in wanted[doc.text]]
            assert [(each.start_char, each.end_char, each.label_) for each in doc.ents] == spans
    assert found == 800


@pytest.mark.long
@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet", "huggingface", "spacy", "conll"])
def test_twenty_datasets_of_six_thousand_rows_take_less_than_a_gigabyte(tmp_path: Path, kind: str) -> None:
    make_team(tmp_path)
    path = make_prodigy_database(tmp_path / "large.db")
    names = [f"set{number}" for number in range(20)]
    for at, name in enumerate(names):
        numbers = range(at * 6000, at * 6000 + 6000)
        add_as_prodigy(path, name, (json.dumps(answer(each, "joe")).encode() for each in numbers))
    roster = (tmp_path / "team.toml").read_text().replace("answers.db", "large.db")
    (tmp_path / "team.toml").write_text(roster)
    command = [*PROGRAM, "export", *names, "--format", kind, "--dev", "0.2", "--output", "out"]
    process = subprocess.Popen(command, cwd=tmp_path, env=team_environment(), stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    assert usage.ru_maxrss < 1_000_000, "kilobytes, as Linux counts them"
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["exported"] == 120_000
