"""Exports to every format: the files say what was answered, and what is left out is listed with its reason."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import random
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from prodigy_team.curation.export import FORMATS, ExportReport, Request, export_answers
from prodigy_team.curation.gathering import gather
from prodigy_team.curation.sources import Source
from prodigy_team.curation.split import Shares
from prodigy_team.errors import TeamError, UsageError
from prodigy_team.tokens import OWN
from support import PROGRAM, shared_data, team_environment

TEXTS = (
    "Joe likes New York.",
    "Uber’s  lesson\nfor Paris",
    "東京 and 👩\u200d💻 are fine",
    "Nothing here",
    '"quoted", and; more',
)


def manual(
    text: str, *spans: tuple[str, str], who: str = "joe", view: str = "ner_manual", **more: Any
) -> dict[str, Any]:
    """An answer of spans marked by hand, by their words."""
    found = [{"start": text.index(part), "end": text.index(part) + len(part), "label": label} for part, label in spans]
    return {
        "text": text,
        "tokens": OWN(text),
        "spans": found,
        "_view_id": view,
        "answer": "accept",
        "_annotator_id": who,
        **more,
    }


def label(text: str, name: str, answer: str = "accept", who: str = "joe") -> dict[str, Any]:
    """A label accepted or rejected."""
    return {"text": text, "label": name, "_view_id": "classification", "answer": answer, "_annotator_id": who}


def choice(text: str, *accept: str, who: str = "joe") -> dict[str, Any]:
    """Options chosen."""
    options = [{"id": each, "text": each.title()} for each in ("A", "B", "C")]
    return {
        "text": text,
        "options": options,
        "accept": list(accept),
        "_view_id": "choice",
        "answer": "accept",
        "_annotator_id": who,
    }


def write_answers(path: Path, answers: Iterable[Any]) -> Path:
    """A file as `db-out` writes it."""
    lines = (each if isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in answers)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def export(source: Path, kind: str, place: Path, **more: Any) -> ExportReport:
    """Export a file of answers."""
    shares = Shares(Decimal(more.pop("dev", "0")), Decimal(more.pop("test", "0")), more.pop("seed", 0))
    request = Request(FORMATS[kind], place, shares=shares, **more)
    return export_answers(gather(None, [Source(str(source), source)]), request)


def dropped(place: Path) -> list[dict[str, Any]]:
    """The lines of a drop list."""
    return [json.loads(line) for line in place.read_text(encoding="utf-8").splitlines()]


def docs(path: Path) -> list[Any]:
    """The documents of a DocBin."""
    spacy = pytest.importorskip("spacy")
    from spacy.tokens import DocBin

    return list(DocBin().from_disk(path).get_docs(spacy.blank("en").vocab))


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Answers of all views, some of them unusable."""
    return write_answers(
        tmp_path / "mixed.jsonl",
        [
            manual(TEXTS[0], ("Joe", "PERSON"), ("New York", "PLACE"), meta={"doc_id": 1}),
            manual(TEXTS[1], ("Paris", "PLACE"), meta={"doc_id": 2, "score": 0.5}),
            manual(TEXTS[2], ("東", "PLACE")),
            manual(TEXTS[3]),
            label(TEXTS[4], "NEWS"),
            label(TEXTS[4], "SPORT", "reject"),
            {**manual("refused"), "answer": "reject"},
            {**manual("left out"), "answer": "ignore"},
            {"html": "<b>no text</b>", "answer": "accept"},
            '{"broken": ',
        ],
    )


def test_spacy_entities_span_groups_and_cats_are_the_answers(tmp_path: Path, mixed: Path) -> None:
    report = export(mixed, "spacy", tmp_path / "corpus")
    found = {doc.text: doc for doc in docs(tmp_path / "corpus" / "train.spacy")}
    assert list(found) == list(TEXTS)
    for text, spans in ((TEXTS[0], [(0, 3, "PERSON"), (10, 18, "PLACE")]), (TEXTS[1], [(19, 24, "PLACE")])):
        doc = found[text]
        assert [(each.start_char, each.end_char, each.label_) for each in doc.ents] == spans
        assert [(each.start_char, each.end_char, each.label_) for each in doc.spans["sc"]] == spans
    assert found[TEXTS[3]].has_annotation("ENT_IOB")
    assert not found[TEXTS[4]].has_annotation("ENT_IOB"), "nobody looked for entities there"
    assert found[TEXTS[4]].cats == {"NEWS": 1.0, "SPORT": 0.0}
    assert report.dropped == {"ignored": 1, "no text": 1, "rejected": 1, "unreadable": 1}
    assert (report.read, report.exported, report.written) == (10, 6, {"train": 5})


def test_everything_left_out_is_listed(tmp_path: Path) -> None:
    text = "one two three four"
    source = write_answers(
        tmp_path / "a.jsonl",
        [
            manual(
                text,
                spans=[
                    {"start": 0, "end": 7, "label": "A"},
                    {"start": 4, "end": 13, "label": "B"},
                    {"start": 1, "end": 3, "label": "C"},
                    {"start": 14, "end": 99, "label": "D"},
                    {"start": 14, "end": 18},
                ],
            ),
            {**label("x", "A"), "answer": "ignore"},
        ],
    )
    report = export(source, "conll", tmp_path / "a.conll")
    assert report.spans == {"malformed": 2, "misaligned with tokens": 1, "overlapping": 1}
    lines = dropped(tmp_path / "a.conll.dropped.jsonl")
    assert (lines[0]["dropped"], lines[0]["reason"]) == ("answer", "ignored")
    assert {(each["reason"], each["span"].get("label")) for each in lines if each["dropped"] == "span"} == {
        ("malformed", "D"),
        ("malformed", None),
        ("misaligned with tokens", "C"),
        ("overlapping", "B"),
    }
    assert {each["text"] for each in lines} == {text, "x"}
    assert (tmp_path / "a.conll").read_text() == "one\tB-A\ntwo\tI-A\nthree\tO\nfour\tO\n\n"


def test_spans_that_overlap_are_kept_in_the_span_group(tmp_path: Path) -> None:
    spans = (("one two", "A"), ("two three", "B"))
    source = write_answers(
        tmp_path / "a.jsonl", [manual("one two three", *spans), manual("one two three!", *spans, view="spans_manual")]
    )
    report = export(source, "spacy", tmp_path / "a.spacy")
    ner, spancat = docs(tmp_path / "a.spacy")
    for doc in (ner, spancat):
        assert [(each.text, each.label_) for each in doc.spans["sc"]] == [("one two", "A"), ("two three", "B")]
    assert [each.text for each in ner.ents] == ["one two"]
    assert not spancat.has_annotation("ENT_IOB")
    assert report.spans == {"overlapping (kept in sc)": 1}


def test_span_groups_are_packed_as_spacy_packs_them() -> None:
    spacy = pytest.importorskip("spacy")
    from spacy.tokens import DocBin, Span

    from prodigy_team.curation.export.docbin import add_doc

    for places in (None, [], [(0, 2, "ÄB"), (1, 3, "C"), (2, 3, "C")]):
        ours, theirs = DocBin(), DocBin()
        doc = spacy.blank("en")("東京 two three")
        if places is not None:
            doc.spans["sc"] = [Span(doc, *place) for place in places]
        theirs.add(doc)
        add_doc(ours, doc)
        assert ours.to_bytes() == theirs.to_bytes()


def test_answers_to_one_text_add_up_and_contradictions_are_left_out(tmp_path: Path) -> None:
    source = write_answers(
        tmp_path / "a.jsonl",
        [
            label("a", "X"),
            label("a", "Y", "reject", who="jane"),
            choice("b", "A"),
            choice("b", "A", who="jane"),
            choice("c", "A"),
            choice("c", "B", who="jane"),
            manual("d e", ("d", "P")),
            manual("d e", ("e", "P")),
            manual("f g", ("f", "P")),
            manual("f g", ("g", "P"), who="jane"),
            {**manual("h i", ("h", "P"), view="ner")},
            {**manual("h i", ("i", "P"), view="ner", who="jane")},
        ],
    )
    report = export(source, "spacy", tmp_path / "a.spacy")
    found = {doc.text: doc for doc in docs(tmp_path / "a.spacy")}
    assert found["a"].cats == {"X": 1.0, "Y": 0.0}
    assert found["b"].cats == {"A": 1.0, "B": 0.0, "C": 0.0}
    assert [each.text for each in found["d e"].ents] == ["e"], "of one person the newest counts"
    assert [each.text for each in found["h i"].ents] == ["h", "i"]
    assert set(found) == {"a", "b", "d e", "h i"}
    assert report.dropped == {"conflicting": 4, "repeated": 1}


@pytest.mark.parametrize("kind", ["spacy", "conll", "huggingface"])
def test_what_somebody_took_back_is_not_trained_on(tmp_path: Path, kind: str) -> None:
    answers = [manual("a b", ("a", "P")), manual("c d", ("c", "P")), {**manual("a b"), "answer": "ignore"}]
    answers += [{**manual("c d"), "answer": "reject"}, manual("a b", ("a", "P"), who="jane"), manual("c d", ("d", "P"))]
    report = export(write_answers(tmp_path / "a.jsonl", answers), kind, tmp_path / "out", dev="0.5")
    assert report.dropped == {"ignored": 1, "rejected": 1, "repeated": 2}
    assert (report.exported, sum(report.inputs.values())) == (2, 2)


def test_one_answer_can_be_replaced_in_part(tmp_path: Path) -> None:
    both = {**manual("a b", ("a", "P")), "options": [{"id": "X"}], "accept": ["X"], "_view_id": "blocks"}
    later = {**manual("a b", ("b", "P"))}
    export(write_answers(tmp_path / "a.jsonl", [both, later]), "spacy", tmp_path / "a.spacy")
    (doc,) = docs(tmp_path / "a.spacy")
    assert [each.text for each in doc.ents] == ["b"]
    assert doc.cats == {"X": 1.0}


def test_csv_is_read_back_as_it_was(tmp_path: Path, mixed: Path) -> None:
    pandas = pytest.importorskip("pandas")
    report = export(mixed, "csv", tmp_path / "a.csv")
    frame = pandas.read_csv(tmp_path / "a.csv", keep_default_na=False, dtype=str)
    answers = [json.loads(line) for line in mixed.read_text().splitlines()[:-1]]
    assert report.exported == len(frame) == len(answers)
    for row, answer in zip(frame.to_dict("records"), answers, strict=True):
        for name, value in answer.items():
            assert (row[name] if isinstance(value, str) else json.loads(row[name])) == value
        assert all(row[name] == "" for name in set(row) - set(answer))
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        assert next(csv.reader(file))[:3] == ["text", "html", "label"]


def test_parquet_has_typed_columns_and_the_same_values(tmp_path: Path, mixed: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    pandas = pytest.importorskip("pandas")
    export(mixed, "parquet", tmp_path / "a.parquet")
    rows = pq.read_table(tmp_path / "a.parquet").to_pylist()
    answers = [json.loads(line) for line in mixed.read_text().splitlines()[:-1]]

    def without_nulls(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: without_nulls(each) for name, each in value.items() if each is not None}
        return [without_nulls(each) for each in value] if isinstance(value, list) else value

    assert [without_nulls(row) for row in rows] == answers
    assert pandas.read_parquet(tmp_path / "a.parquet")["text"].tolist()[:5] == list(TEXTS)


def test_values_of_several_types_stay_what_they_are(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    values = [1, "1", [1], {"a": 1}, None, 2.5]
    answers = [
        {"text": "t", "x": value, "n": number, "big": 2**63 - 1 + number, "empty": {}, "f": [1, 0.5][number % 2]}
        for number, value in enumerate(values)
    ]
    export(write_answers(tmp_path / "a.jsonl", answers), "parquet", tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet").to_pydict()
    assert [None if each is None else json.loads(each) for each in table["x"]] == values
    assert table["n"] == list(range(6))
    assert [json.loads(each) for each in table["big"]] == [2**63 - 1 + number for number in range(6)]
    assert table["f"] == [1.0, 0.5] * 3


def loaded_offline(folder: Path, *names: str) -> dict[str, dict[str, list[Any]]]:
    """The texts of each side of exported folders, as `datasets` reads them where there is no network."""
    code = (
        "import json, sys, datasets\n"
        "datasets.disable_progress_bars()\n"
        "found = {name: datasets.load_dataset('./' + name) for name in sys.argv[1:]}\n"
        "print(json.dumps({name: {side: list(rows['text']) for side, rows in each.items()}"
        " for name, each in found.items()}))\n"
    )
    env = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "cache"), "HOME": str(folder), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code, *names], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    read: dict[str, dict[str, list[Any]]] = json.loads(done.stdout)
    return read


def test_the_hugging_face_folder_loads_offline(tmp_path: Path, mixed: Path) -> None:
    pytest.importorskip("datasets")
    export(mixed, "huggingface", tmp_path / "hub", dev="0.2", test="0.2")
    found = loaded_offline(tmp_path, "hub")["hub"]
    assert list(found) == ["train", "validation", "test"]
    texts = Counter(text for rows in found.values() for text in rows)
    assert texts == Counter([*TEXTS, TEXTS[4], None])
    assert "| train |" in (tmp_path / "hub" / "README.md").read_text()


def test_a_side_without_rows_is_not_in_the_card(tmp_path: Path) -> None:
    """For its sake `load_dataset` would read none of the others."""
    pytest.importorskip("pyarrow")
    export(write_answers(tmp_path / "a.jsonl", [manual("one")]), "huggingface", tmp_path / "hub", dev="0.2")
    assert "split: train" in (card := (tmp_path / "hub" / "README.md").read_text())
    assert "split: validation" not in card


@pytest.mark.parametrize("kind", list(FORMATS))
def test_a_second_run_writes_the_same_bytes_and_the_manifest_tells_them(tmp_path: Path, mixed: Path, kind: str) -> None:
    place, again = tmp_path / "one", tmp_path / "two"
    report = export(mixed, kind, place, dev="0.2")
    assert export(mixed, kind, again, dev="0.2") == replace(report, path=again)
    assert export(mixed, kind, place, dev="0.2") == replace(report, kept=sum(report.inputs.values()))
    files = {each.relative_to(place): each.read_bytes() for each in place.rglob("*") if each.is_file()}
    assert files == {each.relative_to(again): each.read_bytes() for each in again.rglob("*") if each.is_file()}

    manifest = json.loads((place / "manifest.json").read_text())
    hashes = {str(name): hashlib.sha256(content).hexdigest() for name, content in files.items()}
    del hashes["manifest.json"]
    assert {name: each["sha256"] for name, each in manifest["files"].items()} == hashes
    assert manifest["read"] == manifest["exported"] + sum(manifest["dropped"].values()) == 10
    assert manifest["written"] == dict(report.written)
    listed = dropped(place / "dropped.jsonl")
    assert Counter(each["reason"] for each in listed if each["dropped"] == "answer") == manifest["dropped"]


def test_an_answer_that_is_asked_for_is_kept_whatever_the_format(tmp_path: Path, mixed: Path) -> None:
    assert export(mixed, "jsonl", tmp_path / "a.jsonl", answers=frozenset({"reject"})).exported == 2
    assert export(mixed, "jsonl", tmp_path / "b.jsonl").exported == 9
    report = export(mixed, "spacy", tmp_path / "c.spacy", answers=frozenset({"accept"}))
    assert report.dropped == {"ignored": 1, "no text": 1, "rejected": 2, "unreadable": 1}


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path, mixed: Path) -> None:
    place = tmp_path / "corpus"
    export(mixed, "jsonl", place, dev="0.2")
    (place / "notes.txt").write_text("mine")
    before = sorted(place.iterdir())
    with pytest.raises(UsageError, match=r"notes\.txt"):
        export(mixed, "csv", place, dev="0.2")
    assert sorted(place.iterdir()) == before
    (place / "notes.txt").unlink()
    export(mixed, "csv", place, dev="0.2")
    assert {each.name for each in place.iterdir()} >= {"train.csv", "dev.csv", "manifest.json"}
    assert not (place / "train.jsonl").exists()
    with pytest.raises(UsageError, match="is a folder"):
        export(mixed, "csv", place)
    with pytest.raises(UsageError, match="named like a file"):
        export(mixed, "csv", tmp_path / "new.csv", dev="0.2")


def test_a_split_of_other_settings_is_made_anew_and_one_that_was_changed_by_hand_is_refused(
    tmp_path: Path, mixed: Path
) -> None:
    place = tmp_path / "corpus"
    assert not export(mixed, "jsonl", place, dev="0.2").anew
    assert export(mixed, "jsonl", place, dev="0.4").anew
    assert not export(mixed, "csv", place, dev="0.4").anew
    (place / "split.tsv").write_text("")
    with pytest.raises(TeamError, match=r"split\.tsv is not as the last export left it"):
        export(mixed, "csv", place, dev="0.4")


def test_a_folder_put_aside_by_an_export_that_was_killed_comes_back(tmp_path: Path, mixed: Path) -> None:
    place = tmp_path / "corpus"
    export(mixed, "jsonl", place, dev="0.2")
    place.rename(tmp_path / ".corpus.old")
    assert export(mixed, "jsonl", place, dev="0.2").kept > 0
    assert not (tmp_path / ".corpus.old").exists()


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_a_full_disk_leaves_what_was_there(tmp_path: Path, kind: str) -> None:
    """A limit on the size of files stands for the disk."""
    noise = random.Random(0)
    answers = [{"text": "".join(noise.choices("abcdefgh ", k=800)), "answer": "accept"} for _ in range(400)]
    source = write_answers(tmp_path / "a.jsonl", answers)
    (tmp_path / f"out.{kind}").write_text("before")
    done = subprocess.run(
        [*PROGRAM, "export", str(source), "--format", kind, "--output", str(tmp_path / f"out.{kind}")],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)),
        cwd=tmp_path,
        env=team_environment(PYTHONDONTWRITEBYTECODE="1"),  # cut off by the limit, it could not be read again
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "cannot be written: File too large." in done.stderr
    assert len(done.stderr.splitlines()) == 2
    assert {each.name for each in tmp_path.iterdir()} == {"a.jsonl", f"out.{kind}"}
    assert (tmp_path / f"out.{kind}").read_text() == "before"


REAL = (
    "annotated_news_headlines-ORG-PERSON-LOCATION-ner.jsonl",
    "annotated_github-issues-DOCUMENTATION-textcat.jsonl",
    "prodigy14_ner_fashion_10rows.jsonl",
    "prodigy14_textcat_binary_25rows.jsonl",
    "prodigy14_textcat_choice_25rows.jsonl",
    "bio_events.jsonl",
    "plot_summaries.jsonl",
)


@pytest.mark.parametrize("kind", list(FORMATS))
@pytest.mark.parametrize("name", REAL)
def test_real_answers_come_out_in_every_format(tmp_path: Path, kind: str, name: str) -> None:
    source = shared_data(name)
    answers = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
    report = export(source, kind, tmp_path / "out", dev="0.2")
    if FORMATS[kind].training:
        kept = [each for each in answers if each.get("answer", "accept") != "ignore"]
        assert report.exported <= len(kept)
        assert not report.spans
    else:
        assert report.exported == len(answers)
    if kind == "jsonl":
        files = [tmp_path / "out" / f"{side}.jsonl" for side in ("train", "dev")]
        lines = sorted(line for path in files for line in path.read_bytes().splitlines())
        assert lines == sorted(source.read_bytes().splitlines())
    if kind == "spacy":
        found = {doc.text: doc for side in ("train", "dev") for doc in docs(tmp_path / "out" / f"{side}.spacy")}
        for answer in answers:
            if answer.get("spans") and answer.get("answer", "accept") == "accept":
                wanted = {(each["start"], each["end"], each["label"]) for each in answer["spans"]}
                assert {(e.start_char, e.end_char, e.label_) for e in found[answer["text"]].ents} == wanted


def test_real_answers_load_in_pandas_and_datasets(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    pytest.importorskip("datasets")
    wanted = {}
    for name in REAL:
        source = shared_data(name)
        place = tmp_path / source.stem
        texts = [json.loads(line)["text"] for line in source.read_text(encoding="utf-8").splitlines()]
        export(source, "csv", place.with_suffix(".csv"))
        export(source, "parquet", place.with_suffix(".parquet"))
        assert pandas.read_csv(place.with_suffix(".csv"), keep_default_na=False)["text"].tolist() == texts
        assert pandas.read_parquet(place.with_suffix(".parquet"))["text"].tolist() == texts
        report = export(source, "huggingface", place, dev="0.2")
        wanted[place.name] = {
            {"dev": "validation"}.get(side, side): count for side, count in report.written.items() if count
        }
    found = loaded_offline(tmp_path, *wanted)
    assert {name: {side: len(texts) for side, texts in each.items()} for name, each in found.items()} == wanted


def test_what_a_killed_export_left_goes_with_the_next(tmp_path: Path) -> None:
    source = write_answers(tmp_path / "a.jsonl", [label("a", "X")])
    code = (
        "import os, sys, time; from pathlib import Path\n"
        "from prodigy_team.curation.export.placing import working_folder\n"
        "with working_folder(Path(sys.argv[1])) as folder: print(folder, flush=True); sys.stdin.read()\n"
    )
    command = [*PROGRAM[:1], "-c", code, str(tmp_path / "out.csv")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=team_environment(), text=True, **pipes) as owner:
        assert owner.stdout is not None
        left = Path(owner.stdout.readline().strip())
        (left / "half").write_text("")
        os.utime(left, (0, 0))
        export(source, "csv", tmp_path / "out.csv")
        assert left.is_dir(), "its owner lives"
        owner.kill()
    mine = tmp_path / ".out.csv.notes.part"
    mine.mkdir()
    export(source, "csv", tmp_path / "out")
    assert left.is_dir(), "of another name"
    export(source, "csv", tmp_path / "out.csv")
    assert not left.exists()
    assert mine.is_dir()


@pytest.mark.parametrize("form", ["csv", "parquet", "huggingface"])
def test_a_table_without_rows_can_be_read(tmp_path: Path, form: str) -> None:
    pandas = pytest.importorskip("pandas")
    export(write_answers(tmp_path / "a.jsonl", []), form, tmp_path / "out", dev="0.2")
    read = pandas.read_csv if form == "csv" else pandas.read_parquet
    for path in (tmp_path / "out").rglob(f"*.{FORMATS[form].suffix}"):
        assert list(read(path).columns) == ["text", "answer"]


def test_every_unreadable_line_is_listed(tmp_path: Path) -> None:
    source = write_answers(tmp_path / "a.jsonl", ["{"] * 1500)
    assert export(source, "csv", tmp_path / "out", dev="0.2").dropped == {"unreadable": 1500}
    assert [each["position"] for each in dropped(tmp_path / "out" / "dropped.jsonl")] == list(range(1, 1501))


@pytest.mark.parametrize("form", ["spacy", "conll"])
def test_where_nothing_can_be_written_no_records_are_told(tmp_path: Path, form: str) -> None:
    source = write_answers(tmp_path / "a.jsonl", [{"html": f"<b>{n}</b>", "answer": "accept"} for n in range(10)])
    report = export(source, form, tmp_path / "out", dev="0.2")
    assert (report.exported, report.dropped, report.written) == (0, {"no text": 10}, {"train": 0, "dev": 0})


@pytest.mark.parametrize("form", ["spacy", "conll"])
def test_answers_of_no_known_form_end_nothing(tmp_path: Path, form: str) -> None:
    """JSON by other programs may have anything anywhere; it is left out with a reason, or taken for what it is."""
    odd: list[dict[str, Any]] = [
        {"text": "a", "answer": ["accept"]},
        {"text": "b", "answer": {"accept": 1}},
        {"text": "c", "answer": "accept", "_view_id": ["ner_manual"]},
        {"text": "d", "answer": "accept", "_view_id": {}, "options": [{"id": "A"}], "accept": 5},
        {"text": "e", "answer": "accept", "_view_id": "choice", "options": [{"id": "A"}], "accept": "A"},
    ]
    found = export(write_answers(tmp_path / "odd.jsonl", odd), form, tmp_path / "out")
    assert found.read == 5
    assert found.dropped["answered otherwise"] == 2


def test_a_folder_of_something_else_is_refused_before_all_of_it_was_gone_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be the root of a disk."""
    source = write_answers(tmp_path / "a.jsonl", [label("a", "X")])
    for name in "abcd":
        (tmp_path / "disk" / name / "below" / "more").mkdir(parents=True)
        (tmp_path / "disk" / name / "file").touch()
    looked_into, scandir = [], os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: (looked_into.append(path), scandir(path))[1])
    with pytest.raises(UsageError, match=r"holds what no export wrote: a/file, b/file, c/file\."):
        export(source, "csv", tmp_path / "disk", dev="0.2")
    assert 0 < len(looked_into) < 10


def test_a_link_to_a_folder_is_something_else(tmp_path: Path) -> None:
    source = write_answers(tmp_path / "a.jsonl", [label("a", "X")])
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "link").symlink_to(tmp_path)
    with pytest.raises(UsageError, match="holds what no export wrote: link"):
        export(source, "csv", tmp_path / "out", dev="0.2")
