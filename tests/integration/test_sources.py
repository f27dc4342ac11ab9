"""Sources are indexed once, whatever is wrong with some of their lines, and read by place afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import mmh3
import pytest

from prodigy_team.annotate.preparing import remark_on
from prodigy_team.sources import (
    SourceChangedError,
    SourceError,
    SourceIndex,
    SourceReader,
    count_tasks,
    index_source,
)
from prodigy_team.sources.origins import SAMPLES
from prodigy_team.tasks import identity, with_hashes
from support import shared_data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "index"


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def as_lines(*tasks: object) -> str:
    return "".join(json.dumps(task) + "\n" for task in tasks)


def texts(index: SourceIndex) -> list[str]:
    with SourceReader(index) as reader:
        return [reader.read(place)["text"] for place in range(1, index.tasks + 1)]


def reasons(index: SourceIndex) -> dict[int, str]:
    return {each.line: each.reason for each in index.bad}


def colliding_texts() -> tuple[str, str]:
    """Two texts whose 32-bit input hashes are equal; among some 60,000 there is such a pair."""
    seen: dict[int, str] = {}
    number = 0
    while True:
        text = f"collision {number}"
        hashed = mmh3.hash(f'text="{text}"')
        if hashed in seen:
            return seen[hashed], text
        seen[hashed] = text
        number += 1


@pytest.mark.parametrize("by", ["task", "input"])
def test_tasks_come_in_order_with_both_hashes(tmp_path, folder, by):
    tasks = [{"text": f"näme {number}", "meta": {"n": number}} for number in range(5)]
    source = write(tmp_path / "source.jsonl", as_lines(*tasks))

    index = index_source(str(source), by=by, folder=folder)

    assert (index.tasks, index.lines, index.repeats, index.bad, index.by) == (5, 5, 0, (), by)
    assert index.data == source
    with SourceReader(index) as reader:
        assert [reader.read(place) for place in range(1, 6)] == [with_hashes(task) for task in tasks]
        assert [reader.identity(place) for place in range(1, 6)] == [identity(task, by) for task in tasks]


def test_the_index_is_the_table_that_others_join(tmp_path, folder):
    source = write(tmp_path / "source.jsonl", as_lines({"text": "a"}, {"text": "b"}))

    index = index_source(str(source), by="task", folder=folder)

    connection = sqlite3.connect(index.path)
    rows = connection.execute("SELECT place, offset, length, hash, identity FROM task").fetchall()
    connection.close()
    hashed = with_hashes({"text": "b"})
    assert rows[1] == (2, 14, 14, hashed["_task_hash"], identity(hashed, "task"))


def test_what_is_written_is_for_this_user_alone(tmp_path, folder):
    source = write(tmp_path / "source.txt", "a\n")

    index = index_source(str(source), by="task", folder=folder)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()} == {0o600}
    assert index.data.parent == folder


def test_repeats_collapse_to_the_first_and_are_counted(tmp_path, folder):
    lines = [{"text": "a"}, {"text": "b"}, {"text": "a"}, {"text": "c", "label": "X"}, {"text": "c"}, {"text": "a"}]
    source = write(tmp_path / "source.jsonl", as_lines(*lines))

    by_task = index_source(str(source), by="task", folder=folder)
    by_input = index_source(str(source), by="input", folder=folder)

    assert (by_task.tasks, by_task.repeats, texts(by_task)) == (4, 2, ["a", "b", "c", "c"])
    assert (by_input.tasks, by_input.repeats, texts(by_input)) == (3, 3, ["a", "b", "c"])


@pytest.mark.parametrize("by", ["task", "input"])
def test_the_real_headlines_are_178(folder, by):
    index = index_source(str(shared_data("news_headlines.jsonl")), by=by, folder=folder)

    assert (index.tasks, index.lines, index.repeats, index.bad) == (178, 200, 22, ())


def test_the_last_line_of_a_real_file_needs_no_end(folder):
    assert index_source(str(shared_data("pizza_orders_3rows.jsonl")), by="task", folder=folder).tasks == 3


@pytest.mark.parametrize("label", [{}, {"label": "X"}])
@pytest.mark.parametrize("by", ["task", "input"])
def test_inputs_whose_hashes_collide_are_two_tasks(tmp_path, folder, by, label):
    first, second = ({"text": text, **label} for text in colliding_texts())
    source = write(tmp_path / "source.jsonl", as_lines(first, second))

    index = index_source(str(source), by=by, folder=folder)

    assert (index.tasks, index.repeats) == (2, 0)
    with SourceReader(index) as reader:
        assert reader.read(1)["_input_hash"] == reader.read(2)["_input_hash"]
        for task in (first, second):
            answer = {**with_hashes(task), "tokens": [], "spans": [], "answer": "accept"}
            assert reader.find(answer) == identity(task, by)


def test_an_answer_finds_its_task_by_content(tmp_path, folder):
    """Annotating adds spans and options; a stranger that only shares the 32-bit hash is not this source's."""
    task = {"text": "a", "meta": {"n": 1}}
    source = write(tmp_path / "source.jsonl", as_lines(task, {"text": "b"}))
    answer = {**with_hashes(task), "tokens": [{"text": "a"}], "spans": [{"start": 0}], "answer": "accept"}

    with SourceReader(index_source(str(source), by="task", folder=folder)) as reader:
        assert reader.locate(answer) == (1, identity(task, "task"))
        assert reader.find({**answer, "text": "another"}) is None
        assert reader.find({"text": "c"}) is None


def test_an_answer_whose_image_was_taken_out_still_finds_its_task(tmp_path, folder):
    task = {"image": "data:image/png;base64,AAAA", "meta": {"file": "a.png"}}
    source = write(tmp_path / "source.jsonl", as_lines(task))

    with SourceReader(index_source(str(source), by="task", folder=folder)) as reader:
        assert reader.find({**with_hashes(task), "image": "a.png", "answer": "accept"}) == identity(task, "task")


def test_hashes_that_the_source_brings_are_kept(tmp_path, folder):
    task = {"text": "a", "_input_hash": 5, "_task_hash": 6}
    source = write(tmp_path / "source.jsonl", as_lines(task, {"text": "a", "_input_hash": 5, "_task_hash": 7}))

    with SourceReader(index_source(str(source), by="task", folder=folder)) as reader:
        assert reader.read(1) == task
        assert reader.read(2)["_task_hash"] == 7


BAD = [
    (b'{"text": "a"', "broken JSON: Expecting ',' delimiter (column 13)"),
    (b"not json", "broken JSON"),
    (b'["a"]', "not an object but a list"),
    (b'"a"', "not an object but a string"),
    (b"null", "not an object but null"),
    (b'{"text": "\xff"}', "invalid UTF-8 at byte 11"),
    (b'{"txt": "a"}', "nothing to annotate"),
    (b'{"text": "  "}', "`text` is empty"),
    (b'{"text": 5}', "`text` is a number, not a string"),
    (b'{"text": "a", "html": ["b"]}', "`html` is a list, not a string"),
    (b'{"text": NaN}', "NaN is not JSON"),
    (b'{"text": "a\\ud83d"}', "half a surrogate pair"),
    (b'{"text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
    (b'{"text": "a", "meta": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
]


@pytest.mark.parametrize(("line", "reason"), BAD)
@pytest.mark.parametrize("transformed", [False, True])
def test_a_bad_line_is_skipped_with_number_and_reason(tmp_path, folder, line, reason, transformed):
    source = write(tmp_path / "source.jsonl", b'{"text": "first"}\n\n' + line + b'\n{"text": "last"}\n')
    more = {"transform": lambda task: [task], "transform_key": "same"} if transformed else {}

    index = index_source(str(source), by="task", folder=folder, **more)

    assert texts(index) == ["first", "last"]
    assert (index.lines, index.bad_count) == (3, 1)
    assert reason in reasons(index)[3]


def test_by_input_what_has_no_input_is_bad(tmp_path, folder):
    source = write(tmp_path / "source.jsonl", as_lines({"audio": "a.mp3"}, {"audio": "b.mp3"}))

    assert index_source(str(source), by="task", folder=folder).tasks == 2
    by_input = index_source(str(source), by="input", folder=folder)
    assert by_input.tasks == 0
    assert "exclude_by" in reasons(by_input)[1]


def test_of_very_many_bad_lines_some_are_kept_and_all_are_counted(tmp_path, folder):
    source = write(tmp_path / "source.jsonl", "broken\n" * 1500)

    index = index_source(str(source), by="task", folder=folder)

    assert (len(index.bad), index.bad_count, index.tasks) == (1000, 1500, 0)


@pytest.mark.parametrize("transformed", [False, True])
def test_byte_order_mark_carriage_returns_and_no_final_line_end(tmp_path, folder, transformed):
    source = write(
        tmp_path / "source.jsonl", b'\xef\xbb\xbf{"text": "\xc3\xa5"}\r\n\r\n  {"text": "b"}\r\n{"text": "c"}'
    )
    more = {"transform": lambda task: [task], "transform_key": "same"} if transformed else {}

    index = index_source(str(source), by="task", folder=folder, **more)

    assert texts(index) == ["å", "b", "c"]
    assert index.bad == ()


def test_an_empty_file_has_no_tasks(tmp_path, folder):
    assert index_source(str(write(tmp_path / "source.jsonl", "")), by="task", folder=folder).tasks == 0


def test_a_text_file_is_one_task_a_line(tmp_path, folder):
    source = write(tmp_path / "source.txt", b"\xef\xbb\xbf one \r\n\r\n\xff\r\ntwo {\r\none")

    index = index_source(str(source), by="task", folder=folder)

    assert texts(index) == ["one", "two {"]
    assert index.repeats == 1
    assert reasons(index) == {3: "invalid UTF-8 at byte 1"}


@pytest.mark.parametrize(
    ("rows", "line", "rest"), [('a\n"b\nc\nd\n', 3, "all 3 lines"), ('a\n\n"b', 4, "")], ids=["swallows", "last"]
)
def test_a_quotation_mark_that_is_never_closed_is_said(tmp_path, folder, rows, line, rest):
    """One stray mark makes a single cell of everything behind it, which nobody meant."""
    index = index_source(str(write(tmp_path / "source.csv", f"text\n{rows}")), by="task", folder=folder)

    assert texts(index) == ["a"]
    assert list(reasons(index)) == [line]
    assert "never closed" in reasons(index)[line]
    assert rest in reasons(index)[line]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"text": "a"}\n', ""),
        (b'[{"text": "a"}]', "1 line is left out, and no task is left. The first is line 1: not an object but a list."),
        (b"\n", "nothing is in it, and nobody has anything to annotate."),
    ],
)
def test_a_source_without_tasks_is_remarked_on(tmp_path, folder, content, said):
    path = write(tmp_path / "source.jsonl", content)

    remark = remark_on(str(path), index_source(str(path), by="task", folder=folder))

    assert remark == (said and f"source.jsonl: {said}")


def test_a_table_gives_text_label_and_meta(tmp_path, folder):
    content = b'\xef\xbb\xbfText;Label;Page\r\n"a; ""b""\r\nc";X;7\r\n;X;8\r\n\r\nd;;\r\nx;y;z;z\r\n\xff;X;1\r\ne;X;'
    source = write(tmp_path / "source.csv", content)

    index = index_source(str(source), by="task", folder=folder)

    with SourceReader(index) as reader:
        read = [reader.read(place) for place in range(1, index.tasks + 1)]
    plain = [{key: value for key, value in task.items() if not key.startswith("_")} for task in read]
    assert plain == [
        {"text": 'a; "b"\r\nc', "label": "X", "meta": {"Page": "7"}},
        {"text": "d"},
        {"text": "e", "label": "X"},
    ]
    assert set(reasons(index)) == {4, 7, 8}
    assert reasons(index)[7] == "4 cells under 3 columns"
    assert "invalid UTF-8" in reasons(index)[8]


def test_a_table_with_long_cells_is_read(tmp_path, folder):
    source = write(tmp_path / "source.csv", "text,id\n" + "a" * 200_000 + ",1\n")

    assert len(texts(index_source(str(source), by="task", folder=folder))[0]) == 200_000


def test_a_table_without_text_is_refused(tmp_path, folder):
    source = write(tmp_path / "source.csv", "title,id\na,1\n")

    with pytest.raises(SourceError, match="no column `text`"):
        index_source(str(source), by="task", folder=folder)


def test_a_json_list_is_read_with_line_numbers(tmp_path, folder):
    content = '\ufeff[\n {"text": "a"},\n 5, {"text":\n"b"},\n {"text": "c", "meta": {"x": NaN}},\n {"text": ""}\n]\n'
    source = write(tmp_path / "source.json", content)

    index = index_source(str(source), by="task", folder=folder)

    assert texts(index) == ["a", "b"]
    assert reasons(index) == {3: "not an object but a number", 5: "NaN is not JSON", 6: "`text` is empty"}
    assert index.lines == 5


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"text": "a"}', "line 1, column 1"),
        ('[{"text": "a"},\n{"text" "b"}]', "line 2, column 9"),
        ('[{"text": "a"}\n{"text": "b"}]', "line 2, column 1"),
        ('[{"text": "a"}', "column 15"),
        ('[{"text": "a"}] x', "column 17"),
        ("", "line 1"),
        (b'[\n"\xff"]', "line 2"),
    ],
)
def test_a_broken_json_list_is_refused_with_its_place(tmp_path, folder, content, words):
    source = write(tmp_path / "source.json", content)

    with pytest.raises(SourceError) as caught:
        index_source(str(source), by="task", folder=folder)

    assert words in caught.value.message
    assert caught.value.remedy


def test_an_empty_json_list_has_no_tasks(tmp_path, folder):
    assert index_source(str(write(tmp_path / "source.json", " [ ] ")), by="task", folder=folder).tasks == 0


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("none.jsonl", "does not exist"),
        ("source.xlsx", ".jsonl, .json, .csv, .txt"),
        ("source", "ends in nothing"),
        ("folder.jsonl", "is no file"),
        ("utf16.jsonl", "UTF-16"),
    ],
)
def test_what_is_no_source_is_refused_with_a_remedy(tmp_path, folder, name, words):
    (tmp_path / "folder.jsonl").mkdir()
    write(tmp_path / "utf16.jsonl", '{"text": "a"}'.encode("utf-16"))

    with pytest.raises(SourceError) as caught:
        index_source(str(tmp_path / name), by="task", folder=folder)

    assert words in str(caught.value)
    assert caught.value.remedy


def test_the_shipped_samples_are_whole(folder):
    names = [each.stem for each in SAMPLES.glob("*.jsonl")]
    if not names:
        pytest.skip("this checkout has no samples")
    for name in names:
        index = index_source(f"sample:{name}", by="task", folder=folder)
        assert index.tasks >= 150
        assert (index.repeats, index.bad) == (0, ())


def test_an_unknown_sample_is_refused(folder):
    with pytest.raises(SourceError, match="no sample 'nothing'"):
        index_source("sample:nothing", by="task", folder=folder)


@pytest.mark.parametrize("name", ["100%.jsonl", "two words?.jsonl", "a#b'\".jsonl", "åäö.JSONL"])
def test_names_with_odd_characters(tmp_path, folder, name):
    source = write(tmp_path / name, as_lines({"text": "a"}))

    assert texts(index_source(str(source), by="task", folder=folder / "50% of? #it")) == ["a"]


def test_an_index_is_used_again_until_the_file_changes(tmp_path, folder):
    source = write(tmp_path / "source.jsonl", as_lines({"text": "a"}))
    first = index_source(str(source), by="task", folder=folder)
    inode = first.path.stat().st_ino

    assert index_source(str(source), by="task", folder=folder) == first
    assert first.path.stat().st_ino == inode

    write(source, as_lines({"text": "b"}, {"text": "a"}))
    second = index_source(str(source), by="task", folder=folder)

    assert texts(second) == ["b", "a"]
    assert second.path != first.path


def test_count_tasks_knows_what_is_indexed(tmp_path, folder):
    source = write(tmp_path / "source.jsonl", as_lines({"text": "a"}, {"text": "a"}))

    assert count_tasks(str(source), by="task", folder=folder) is None
    index_source(str(source), by="task", folder=folder)
    assert count_tasks(str(source), by="task", folder=folder) == 1
    write(source, as_lines({"text": "b"}))
    assert count_tasks(str(source), by="task", folder=folder) is None


def test_a_server_on_an_older_state_keeps_its_index_and_notices_the_change(tmp_path, folder):
    """The file is rewritten in place under a running server: it must never show a wrong task."""
    source = write(tmp_path / "source.jsonl", as_lines({"text": "one"}, {"text": "two"}))
    index = index_source(str(source), by="task", folder=folder)

    with SourceReader(index) as reader:
        for number in range(4):
            write(source, as_lines({"text": f"new {number}"}, {"text": "one"}, {"text": "two"}))
            index_source(str(source), by="task", folder=folder)

        assert index.path.exists()
        with pytest.raises(SourceChangedError) as caught:
            reader.read(1)
        assert "restart" in caught.value.remedy
    index_source(str(write(source, as_lines({"text": "last"}))), by="task", folder=folder)
    assert len(list(folder.glob("*.sqlite"))) <= 3


def test_a_source_replaced_by_another_file_is_still_read(tmp_path, folder):
    """An editor that writes beside and renames takes nothing away from a server that has the file open."""
    source = write(tmp_path / "source.jsonl", as_lines({"text": "one"}))

    with SourceReader(index_source(str(source), by="task", folder=folder)) as reader:
        write(tmp_path / "new", as_lines({"text": "two"})).replace(source)
        assert reader.read(1)["text"] == "one"


def test_places_and_sources_that_do_not_exist_are_said(tmp_path, folder):
    source = write(tmp_path / "source.jsonl", as_lines({"text": "one"}))
    index = index_source(str(source), by="task", folder=folder)
    with SourceReader(index) as reader, pytest.raises(ValueError, match="no task at place 2"):
        reader.read(2)

    source.unlink()
    with pytest.raises(SourceError, match="cannot be opened"):
        SourceReader(index)


def test_a_transform_makes_tasks_of_tasks(tmp_path, folder):
    """As `match` does: one question per match, none for a text without."""
    source = write(tmp_path / "source.jsonl", as_lines({"text": "a b"}, {"text": "none"}, {"text": "c d"}))

    def each_letter(task):
        assert "_task_hash" not in task
        return [] if task["text"] == "none" else [{**task, "label": letter} for letter in task["text"].split()]

    index = index_source(str(source), by="task", folder=folder, transform=each_letter, transform_key="letters 1")

    with SourceReader(index) as reader:
        read = [reader.read(place) for place in range(1, 5)]
    assert [task["label"] for task in read] == ["a", "b", "c", "d"]
    assert read[0] == with_hashes({"text": "a b", "label": "a"})
    other = index_source(str(source), by="task", folder=folder, transform=lambda task: [task], transform_key="same")
    assert other.tasks == 3


def test_a_transform_needs_its_key(tmp_path, folder):
    source = write(tmp_path / "source.jsonl", as_lines({"text": "a"}))

    with pytest.raises(ValueError, match="key"):
        index_source(str(source), by="task", folder=folder, transform=lambda task: [task])


@pytest.mark.parametrize("stamped", [False, True])
def test_a_dataset_is_a_source_as_its_rows_are(folder, stamped):
    rows = [b'{"text":"a","_input_hash":1,"_task_hash":2}', b'{"text":"b"}', b"broken", b'{"text":"b"}']
    asked = []

    def give():
        asked.append(1)
        return iter(rows)

    def index(stamp):
        more = {"rows_stamp": stamp} if stamped else {}
        return index_source("dataset:old one", by="task", folder=folder, rows=give, **more)

    first = index("1")
    assert texts(first) == ["a", "b"]
    assert (first.lines, first.repeats, set(reasons(first))) == (4, 1, {3})
    assert index("1") == first
    assert len(asked) == (1 if stamped else 2)
    rows.append(b'{"text":"c"}')
    assert texts(index("2")) == ["a", "b", "c"]
    assert texts(first) == ["a", "b"]


def test_a_damaged_index_is_built_anew(tmp_path, folder):
    source = write(tmp_path / "source.jsonl", as_lines({"text": "a"}))
    index = index_source(str(source), by="task", folder=folder)
    index.path.write_bytes(b"garbage")

    assert texts(index_source(str(source), by="task", folder=folder)) == ["a"]


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    source = write(tmp_path / "source.jsonl", as_lines({"text": "a"}))
    blocked = write(tmp_path / "blocked", "")

    with pytest.raises(SourceError, match="cannot be indexed"):
        index_source(str(source), by="task", folder=blocked / "index")


INDEXER = """
import sys
from pathlib import Path
from prodigy_team.sources import index_source
index = index_source(sys.argv[1], by="task", folder=Path(sys.argv[2]))
print(index.tasks, index.path.stat().st_ino)
"""
# Linux counts in `ru_maxrss` how large the process was that executed this one: here, the one that runs the tests.
PEAK = """
import resource
status = Path("/proc/self/status")
lines = status.read_text().splitlines() if status.exists() else []
print(*[line.split()[1] for line in lines if line.startswith("VmHWM:")] or [resource.getrusage(0).ru_maxrss])
"""


def start_indexer(source: Path, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", INDEXER, str(source), str(folder)], stdout=subprocess.PIPE, text=True
    )


def build(source: Path, folder: Path, *, kill_after: float) -> float | None:
    """How many seconds a build took; None where it was killed after so many."""
    started = time.monotonic()
    process = start_indexer(source, folder)
    try:
        process.wait(timeout=kill_after)
        return time.monotonic() - started
    except subprocess.TimeoutExpired:
        process.kill()
        return None
    finally:
        process.communicate()


def unfinish(folder: Path) -> None:
    """Take finished indexes away, not what a killed build has left."""
    for finished in folder.glob("*.sqlite"):
        if "building" not in finished.name:
            finished.unlink()


def big_source(path: Path, lines: int) -> Path:
    with path.open("w") as file:
        for number in range(lines):
            file.write(f'{{"text": "some words that make line number {number} a little longer"}}\n')
    return path


@pytest.mark.parametrize("ending", [".jsonl", ".txt"])
def test_a_build_killed_at_any_point_leaves_nothing_that_looks_finished(tmp_path, folder, ending):
    source = big_source(tmp_path / f"source{ending}", 10_000)
    whole = build(source, folder, kill_after=200)
    assert whole is not None
    for part in range(1, 11):
        unfinish(folder)
        # One that ended by itself was faster than the last that did: the machine has more time for it now.
        while (took := build(source, folder, kill_after=whole * part / 10.5)) is not None:
            whole = took
            unfinish(folder)
        # Either nobody would take it for an index, or it is whole.
        assert count_tasks(str(source), by="task", folder=folder) in (None, 10_000)

    unfinish(folder)
    assert index_source(str(source), by="task", folder=folder).tasks == 10_000
    assert not list(folder.glob("*-building.*"))


def test_of_several_that_come_at_once_one_builds(tmp_path, folder):
    source = big_source(tmp_path / "source.jsonl", 20_000)
    processes = [start_indexer(source, folder) for _ in range(4)]
    try:
        outputs = {process.communicate(timeout=200)[0].strip() for process in processes}
    finally:
        for process in processes:
            process.kill()
            process.wait()

    assert len(outputs) == 1, "they all use one file"
    assert outputs.pop().startswith("20000 ")
    assert len(list(folder.glob("*.sqlite"))) == 1


def test_memory_stays_flat(tmp_path, folder):
    """Ten times the lines, no more memory: what is read goes to the index and is forgotten."""
    code = INDEXER + PEAK
    peaks = []
    for lines in (15_000, 150_000):
        source = big_source(tmp_path / f"{lines}.jsonl", lines)
        found = subprocess.run([sys.executable, "-c", code, str(source), str(folder)], capture_output=True, check=True)
        peaks.append(int(found.stdout.split()[-1]) / (1024 * 1024 if sys.platform == "darwin" else 1024))

    assert peaks[1] < peaks[0] + 25  # the database's cache fills; a list of the lines would take 40 more


def test_a_reader_lets_go_of_its_files(tmp_path, folder):
    source = write(tmp_path / "source.jsonl", as_lines({"text": "a"}))
    index = index_source(str(source), by="task", folder=folder)

    for _ in range(5):
        with SourceReader(index) as reader:
            reader.read(1)
            assert times_open(source) + times_open(index.path) > 0
    reader.close()

    assert times_open(source) + times_open(index.path) == 0


def times_open(path: Path) -> int:
    """How often this process has a file open; what else it opens and closes meanwhile does not matter."""
    found = 0
    for descriptor in Path("/dev/fd").iterdir():
        with contextlib.suppress(OSError):
            found += os.path.samestat(os.fstat(int(descriptor.name)), path.stat())
    return found
