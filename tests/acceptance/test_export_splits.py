"""S14: an export to train on leaks nothing, loses nothing, and does not move when data grow."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from conflicting import PEOPLE, begin, put
from counting_support import Team, team
from databases import add_as_prodigy, make_prodigy_database
from prodigy_team.tokens import OWN
from support import PROGRAM, shared_data, team_environment

__all__ = ["team"]

ASKED = ("--dev", "0.2", "--seed", "123")


def merge(team: Team) -> dict[str, Any]:
    """The result of S13."""
    return team.json("merge", *PEOPLE, "--into", "gold", "--on-conflict", "review")


def export(team: Team, *arguments: str) -> dict[str, Any]:
    """Export by the command; the manifest."""
    team.run("export", *arguments, "--output", str(team.folder / "out"))
    manifest: dict[str, Any] = json.loads((team.folder / "out" / "manifest.json").read_text(encoding="utf-8"))
    return manifest


def rows(team: Team, side: str) -> list[dict[str, Any]]:
    """The answers on one side."""
    lines = (team.folder / "out" / f"{side}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def sides(team: Team) -> tuple[set[str], set[str]]:
    """The texts to train on and those held back, without white space."""
    train, dev = ({re.sub(r"\s", "", row["text"]) for row in rows(team, side)} for side in ("train", "dev"))
    return train, dev


def files(team: Team) -> dict[str, bytes]:
    """Everything that was written."""
    return {each.name: each.read_bytes() for each in (team.folder / "out").iterdir()}


def stored_lines(team: Team, dataset: str) -> list[bytes]:
    """A dataset's answers."""
    with team.store() as store:
        return list(store.answers(dataset))


def write_answers(path: Path, answers: list[dict[str, Any]]) -> str:
    """A file of answers; its name."""
    path.write_text("".join(json.dumps(each) + "\n" for each in answers), encoding="utf-8")
    return str(path)


def test_no_input_on_both_sides_and_none_lost_now_and_when_data_grow(team: Team) -> None:
    begin(team)
    merge(team)
    manifest = export(team, "gold", *ASKED)
    train, dev = sides(team)
    assert not train & dev
    assert (len(train | dev), len(dev)) == (943, 189)
    written = [line for side in ("train", "dev") for line in files(team)[f"{side}.jsonl"].splitlines()]
    assert sorted(written) == sorted(stored_lines(team, "gold"))
    assert (manifest["read"], manifest["exported"], manifest["dropped"]) == (943, 943, {})

    first = files(team)
    export(team, "gold", *ASKED)
    assert files(team) == first

    put(team, "joe", range(1000, 1200))
    merge(team)
    manifest = export(team, "gold", *ASKED)
    more, held_back = sides(team)
    assert train <= more
    assert dev <= held_back
    assert not more & held_back
    assert (len(more | held_back), len(held_back)) == (1143, 229)
    assert manifest["split"]["inputs"] == {"train": 914, "dev": 229}


def test_documents_stay_together(team: Team) -> None:
    """12 documents of 50 paragraphs."""
    team.write(("joe",))
    team.answer("joe", 0)
    answers = [{"text": f"{at} of {doc}", "meta": {"doc_id": doc}} for doc in "abcdefghijkl" for at in range(50)]
    manifest = export(team, write_answers(team.folder / "docs.jsonl", answers), *ASKED, "--group-by", "doc_id")
    train, dev = ({row["meta"]["doc_id"] for row in rows(team, side)} for side in ("train", "dev"))
    assert not train & dev
    assert (len(train), len(dev)) == (10, 2)
    assert manifest["split"]["inputs"] == manifest["written"] == {"train": 500, "dev": 100}


def test_texts_that_differ_in_white_space_are_one_input(team: Team) -> None:
    team.write(("joe",))
    team.answer("joe", 0)
    gaps = (" ", "  ", "\n", "\u00a0 ")
    answers = [{"text": f"a{gap}text{gap}{number} ", "answer": "accept"} for number in range(100) for gap in gaps]
    export(team, write_answers(team.folder / "spaced.jsonl", answers), *ASKED)
    train, dev = sides(team)
    assert not train & dev
    assert (len(dev), len(rows(team, "dev")), len(rows(team, "train"))) == (20, 80, 320)


def test_the_counts_are_those_of_merge_and_coverage(team: Team) -> None:
    begin(team, annotations_per_task=1)
    merged, covered = team.json("merge", *PEOPLE, "--on-conflict", "review", "--into", "gold"), team.pool("coverage")
    manifest = export(team, *PEOPLE, *ASKED)
    assert manifest["read"] == merged["read"] == covered["read"] == 1410
    assert {each["name"]: each["answers"] for each in manifest["sources"]} == merged["read_of"]
    assert (
        manifest["dropped"] == {"gold": merged["gold"], "surplus": merged["surplus"]} == {"gold": 100, "surplus": 300}
    )
    assert manifest["exported"] == covered["counted"] + covered["corrections"] == 1010
    assert manifest["annotators"] == {"jane": 200, "joe": 810}
    of_gold = export(team, "gold", *ASKED)
    assert (of_gold["read"], of_gold["exported"]) == (merged["tasks"], merged["tasks"])


def test_the_docbin_loads_and_its_entities_are_the_answers(team: Team) -> None:
    spacy = pytest.importorskip("spacy")
    from spacy.tokens import DocBin

    begin(team)
    merge(team)
    manifest = export(team, "gold", "--format", "spacy", *ASKED)
    answers = [json.loads(line) for line in stored_lines(team, "gold")]
    wanted = {
        each["text"]: [(span["start"], span["end"], span["label"]) for span in each["spans"]]
        for each in answers
        if each["answer"] == "accept"
    }
    assert manifest["exported"] == len(wanted)
    found = {}
    for name in ("train.spacy", "dev.spacy"):
        for doc in DocBin().from_disk(team.folder / "out" / name).get_docs(spacy.blank("en").vocab):
            assert doc.text not in found
            found[doc.text] = [(each.start_char, each.end_char, each.label_) for each in doc.ents]
    assert found == wanted


LARGE = [f"set{number}" for number in range(20)]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A team with 20 datasets of 6,000 answers."""
    tmp_path = tmp_path_factory.mktemp("large")
    path = make_prodigy_database(tmp_path / "answers.db")
    (tmp_path / "source.jsonl").write_text('{"text": "one"}\n')
    (tmp_path / "team.toml").write_text(
        '[team]\nname = "large"\nengine = "embedded"\ndatabase = "answers.db"\n'
        '[task]\nrecipe = "ner.manual"\nmodel = "blank:en"\nsource = "source.jsonl"\nlabels = ["A"]\n'
        '[[annotator]]\nname = "joe"\n'
    )
    text = "Company opens its office in a Town that nobody knows, number "
    common = {"spans": [{"start": 0, "end": 7, "label": "A"}], "_view_id": "ner_manual", "answer": "accept"}
    for at, name in enumerate(LARGE):
        numbers = range(at * 6000, at * 6000 + 6000)
        answers = ({**common, "text": f"{text}{each}", "tokens": OWN(f"{text}{each}")} for each in numbers)
        add_as_prodigy(path, name, (json.dumps(each).encode() for each in answers))
    return tmp_path


@pytest.mark.long
@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet", "huggingface", "spacy", "conll"])
def test_twenty_datasets_of_six_thousand_rows_take_less_than_a_gigabyte(large: Path, kind: str) -> None:
    """S14's variant of size."""
    command = [*PROGRAM, "export", *LARGE, "--format", kind, "--dev", "0.2", "--output", kind]
    process = subprocess.Popen(command, cwd=large, env=team_environment(), stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    assert usage.ru_maxrss < 1_000_000, "kilobytes, as Linux counts them"
    assert json.loads((large / kind / "manifest.json").read_text())["exported"] == 120_000


@pytest.mark.long
def test_spacy_finds_nothing_wrong_with_real_answers_and_trains_on_them(team: Team) -> None:
    pytest.importorskip("spacy")
    source = shared_data("annotated_news_headlines-ORG-PERSON-LOCATION-ner.jsonl")
    team.write(("joe",))
    team.answer("joe", 0)
    export(team, str(source), "--format", "spacy", *ASKED)
    out, config = team.folder / "out", team.folder / "config.cfg"
    paths = ["--paths.train", str(out / "train.spacy"), "--paths.dev", str(out / "dev.spacy")]
    spacy(team, "init", "config", str(config), "--lang", "en", "--pipeline", "ner", "--optimize", "efficiency")
    said = spacy(team, "debug", "data", str(config), *paths)
    assert "Corpus is loadable" in said
    assert "No overlap between training and evaluation data" in said
    assert "No entities consisting of or starting/ending with whitespace" in said
    assert not re.search(r"^✘", said, re.MULTILINE), said
    steps = ["--training.max_steps", "60", "--training.eval_frequency", "30"]
    spacy(team, "train", str(config), *paths, *steps, "--output", str(team.folder / "model"))
    assert (team.folder / "model" / "model-best" / "meta.json").exists()


def spacy(team: Team, *arguments: str) -> str:
    """Run spaCy's command line."""
    command = [*PROGRAM[:2], "spacy", *arguments]
    env = {**team_environment(), "HOME": str(team.folder)}
    done = subprocess.run(command, cwd=team.folder, env=env, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout
