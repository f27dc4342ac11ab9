"""Merging by a policy: one row per task with who said what, the rest accounted for, files and datasets alike."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from databases import Database, ask, compact
from prodigy_team.curation.gathering import Marks
from prodigy_team.curation.merge import MergeReport, merge
from prodigy_team.curation.settling import Settled
from prodigy_team.errors import TeamError, UsageError
from prodigy_team.store import Row, Store, StoreError, open_store
from support import ROOT, full_disk

A, B, C = ({"start": at, "end": at + 1, "label": "X"} for at in (0, 2, 4))
TOKENS = [{"text": "t", "start": at, "end": at + 1, "id": at} for at in range(6)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "answers.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    opened = open_store(Database("sqlite", path), write=True, create=True)
    yield opened
    opened.close()


def answer(number: int, **more: Any) -> dict[str, Any]:
    asked = {"text": f"text {number}", "_input_hash": number, "_task_hash": number, "_view_id": "ner_manual"}
    return {**asked, "tokens": TOKENS, "spans": [A], "answer": "accept", **more}


def put(store: Store, dataset: str, *answers: dict[str, Any]) -> None:
    rows = (Row(0, each["_input_hash"], each["_task_hash"], compact(each)) for each in answers)
    store.write_rows("prodigy-team:test", rows)
    store.publish("prodigy-team:test", dataset)


def rows(store: Store, dataset: str = "gold") -> list[dict[str, Any]]:
    return [json.loads(content) for content in store.answers(dataset)]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_a_majority_with_its_votes(store: Store) -> None:
    put(store, "cy", answer(1), answer(2), answer(3, answer="ignore"), answer(4), answer(5, answer="reject"))
    put(store, "jane", answer(1), answer(2, spans=[B]), answer(3, answer="ignore"), answer(4, answer="reject"))
    put(store, "joe", answer(1, spans=[B]), answer(4, answer="reject"))
    report = merge(store, ["cy", "jane", "joe"], "gold", "majority", conflicts="open")
    assert [(row["text"], row["_annotators"]) for row in rows(store)] == [("text 1", ["cy", "jane", "joe"])]
    assert rows(store)[0]["_votes"] == [
        {"answer": "accept", "annotators": ["cy", "jane"]},
        {"answer": "accept", "annotators": ["joe"]},
    ]
    assert rows(store)[0]["spans"] == [A]
    assert [(row["text"], row["_annotator_id"]) for row in rows(store, "open")] == [
        ("text 2", "cy"),
        ("text 2", "jane"),
    ]
    counts = (report.read, report.used, report.outvoted, report.conflicting, report.ignored, report.rejected)
    assert counts == (11, 3, 1, 2, 2, 4)
    assert (report.tasks, report.unsettled, report.conflicts, report.conflicts_into) == (1, 1, 3, "open")


def test_a_rejected_task_has_a_row_only_where_rejecting_is_the_judgement(store: Store) -> None:
    """Prodigy learns from rejected yes-or-no tasks; where people mark spans, a rejected task teaches nothing."""
    binary = {"_view_id": "classification", "label": "SPORT", "spans": []}
    put(store, "joe", answer(1, answer="reject"), answer(2, answer="reject", **binary), answer(3, **binary))
    put(store, "jane", answer(3, answer="reject", **binary), answer(2, answer="reject", **binary))
    report = merge(store, ["joe", "jane"], "gold", "unanimous")
    assert [(row["text"], row["answer"], row["_annotators"]) for row in rows(store)] == [
        ("text 2", "reject", ["jane", "joe"])
    ]
    assert (report.used, report.rejected, report.conflicting) == (2, 1, 2)


def test_single_spans_by_majority(store: Store) -> None:
    put(store, "cy", answer(1, spans=[A, B]), answer(2, spans=[A]), answer(3, spans=[A]))
    put(store, "jane", answer(1, spans=[A, C]), answer(2, spans=[B]), answer(3, answer="reject"))
    put(store, "joe", answer(1, spans=[B, A]), answer(3, spans=[A, B]))
    put(store, "zoe", answer(1, spans=[C, A, B]), answer(3, answer="reject"))
    whole = merge(store, ["cy", "jane", "joe", "zoe"], "whole", "majority")
    assert (whole.tasks, whole.unsettled) == (0, 3)
    report = merge(store, ["cy", "jane", "joe", "zoe"], "gold", "majority", spans="majority")
    assert (report.tasks, report.unsettled) == (0, 3), "C and the accepting half are ties"
    put(store, "amy", answer(1, spans=[A, B, C]), answer(2, spans=[]), answer(3, spans=[B]))
    report = merge(store, ["amy", "cy", "jane", "joe", "zoe"], "gold", "majority", spans="majority")
    assert {row["text"]: [span["start"] for span in row["spans"]] for row in rows(store)} == {
        "text 1": [0, 2, 4],
        "text 2": [],
        "text 3": [0, 2],
    }
    assert rows(store)[1]["spans"] == [], "a span each, so none has a majority"


def test_spans_that_nobody_marked_together_get_their_tokens(store: Store) -> None:
    for who, spans in (("cy", [A, B]), ("jane", [A, C]), ("joe", [C, B])):
        put(store, who, answer(1, spans=spans))
    merge(store, ["cy", "jane", "joe"], "gold", "majority", spans="majority")
    (row,) = rows(store)
    assert row["spans"] == [{**each, "token_start": each["start"], "token_end": each["start"]} for each in (A, B, C)]


def test_the_people_preferred_and_the_latest(store: Store) -> None:
    put(store, "joe", answer(1, _timestamp=5), answer(2, _timestamp=5))
    put(store, "jane", answer(1, spans=[B], _timestamp=4), answer(2, spans=[B], _timestamp=6))
    merge(store, ["joe", "jane"], "gold", "prefer=jane,joe")
    assert [row["spans"] for row in rows(store)] == [[B], [B]]
    merge(store, ["joe", "jane"], "gold", "latest")
    assert sorted(row["spans"][0]["start"] for row in rows(store)) == [0, 2]
    with pytest.raises(UsageError, match=r"Nobody called jan answered any of this\. Did you mean jane"):
        merge(store, ["joe", "jane"], "gold", "prefer=jan")


def test_a_decision_settles_a_dispute_and_becomes_a_plain_row(store: Store) -> None:
    put(store, "joe", answer(1), answer(2))
    put(store, "jane", answer(1, spans=[B]), answer(2, spans=[B]))
    put(store, "reviewed", answer(1, spans=[C], _view_id="review", view_id="ner_manual", versions=[], sessions=["x"]))
    report = merge(store, ["joe", "jane", "reviewed"], "gold", "review")
    (row,) = rows(store)
    assert (row["spans"], row["_view_id"]) == ([C], "ner_manual")
    assert not {"versions", "sessions", "view_id"} & row.keys()
    assert row["_votes"][0] == {"answer": "accept", "annotators": ["reviewed"]}
    assert (report.conflicts, report.unsettled, report.outvoted) == (2, 1, 2)


def test_what_does_not_count_is_left_out_and_counted(store: Store) -> None:
    put(store, "joe", *(answer(n) for n in range(1, 6)))
    links = [row.link for row in store.rows("joe")]
    marks = {"joe": Marks(frozenset(links[:1]), frozenset(links[1:2]), frozenset(links[2:3]))}
    report = merge(store, ["joe"], "gold", "review", marks=marks)
    assert (report.used, report.gold, report.surplus, report.reopened, report.tasks) == (2, 1, 1, 1, 2)


def test_rows_that_no_merge_wrote_are_not_lost(store: Store, tmp_path: Path) -> None:
    put(store, "joe", answer(1), answer(2))
    put(store, "gold", answer(1), answer(7))
    with pytest.raises(TeamError, match="gold holds 1 answers that no merge wrote"):
        merge(store, ["joe"], "gold", "review")
    assert [row["text"] for row in rows(store)] == ["text 1", "text 7"]
    merge(store, ["joe"], "other")
    assert merge(store, ["joe"], "other", "review").changed, "what `all` wrote stands in the sources"
    file = tmp_path / "mine.jsonl"
    file.write_bytes(b'{"text":"mine"}\n')
    with pytest.raises(TeamError, match="holds 1 answers"):
        merge(store, ["joe"], str(file), "review")


def test_counts_that_do_not_balance_are_refused_before_anything_is_written(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, "joe", answer(1), answer(2))
    monkeypatch.setattr(Settled, "_leave", lambda *_: None)
    put(store, "jane", answer(1, spans=[B]))
    with pytest.raises(AssertionError, match="do not balance"):
        merge(store, ["joe", "jane"], "gold", "review")
    assert "gold" not in {info.name for info in store.datasets()}


def test_something_may_be_done_before_anything_changes(store: Store) -> None:
    """Such as a backup; where nothing is written there is no need of one."""
    put(store, "joe", answer(1))
    seen: list[int] = []
    for policy in ("all", "all", "review", "review"):
        into = f"gold-{policy}"
        merge(store, ["joe"], into, policy, before_writing=lambda name=into: seen.append(len(rows(store, name))))
    merge(store, ["joe"], "other", "review", dry_run=True, before_writing=lambda: seen.append(9))
    assert seen == [0, 0]


def test_files_come_to_the_same_as_datasets(store: Store, tmp_path: Path) -> None:
    put(store, "jane", answer(1), answer(2, spans=[B]), answer(3))
    put(store, "joe", answer(1), answer(2), answer(4))
    for name in ("joe", "jane"):
        (tmp_path / f"{name}.jsonl").write_bytes(b"\n".join(store.answers(name)) + b"\n")
    files = [str(tmp_path / f"{name}.jsonl") for name in ("joe", "jane")]
    gold, left = tmp_path / "gold.jsonl", tmp_path / "gold-conflicts.jsonl"
    report = merge(None, files, str(gold), "review")
    merge(store, ["joe", "jane"], "gold", "review")
    assert lines(gold) == rows(store)
    assert lines(left) == rows(store, "gold-conflicts")
    assert report.conflicts_into == str(left)
    before = gold.stat().st_mtime_ns, gold.read_bytes()
    assert not merge(None, files[::-1], str(gold), "review").changed
    assert (gold.stat().st_mtime_ns, gold.read_bytes()) == before
    assert merge(store, ["joe", files[1]], "mixed", "review").tasks == 3
    kept = tmp_path / "all.jsonl"
    assert [merge(None, files, str(kept)).used, merge(None, files, str(kept)).already] == [6, 6]
    assert len(lines(kept)) == 6
    assert sorted(each.name for each in tmp_path.iterdir() if each.suffix == ".part") == []


def test_a_database_that_is_locked_and_a_disk_that_is_full_leave_what_was_there(store: Store, tmp_path: Path) -> None:
    put(store, "joe", *(answer(n, pad="x" * 1000) for n in range(1, 300)))
    target = tmp_path / "gold.jsonl"
    target.write_bytes(b"")
    with full_disk(50_000):
        with pytest.raises(TeamError, match="cannot be written: File too large; nothing was changed"):
            merge(store, ["joe"], str(target), "review")
        with pytest.raises(StoreError, match="database"):
            merge(store, ["joe"], "gold", "review")
    assert target.read_bytes() == b""
    assert not list(tmp_path.glob(".*.part"))
    assert "gold" not in {info.name for info in store.datasets()}
    assert merge(store, ["joe"], "gold", "review").tasks == 299
    with pytest.raises(TeamError, match="cannot be written: No such file or directory"):
        merge(store, ["joe"], str(tmp_path / "nowhere" / "gold.jsonl"), "review")
    (tmp_path / "round.jsonl").symlink_to("round.jsonl")
    with pytest.raises(UsageError, match="leads nowhere"):
        merge(store, ["joe"], str(tmp_path / "round.jsonl"), "review")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((["joe"], "joe", "review"), "into itself"),
        ((["joe"], "gold", "review", "joe"), "into itself"),
        ((["joe"], "gold", "review", "gold"), "Conflicts cannot go to gold too"),
        ((["joe"], "gold", "all", "open"), "`all` keeps every answer"),
        ((["jo"], "gold", "review"), "Did you mean joe"),
    ],
)
def test_what_cannot_be_meant_is_refused(store: Store, arguments: tuple[Any, ...], words: str) -> None:
    put(store, "joe", answer(1))
    sources, into, policy, *conflicts = arguments
    with pytest.raises(UsageError, match=words):
        merge(store, sources, into, policy, conflicts=conflicts[0] if conflicts else None)
    with pytest.raises(UsageError, match="by majority only"):
        merge(store, ["joe"], "gold", "latest", spans="majority")


def balanced(report: MergeReport) -> bool:
    told = (report.used, report.repeated, report.already, report.conflicting, report.rejected, report.ignored)
    return report.read == sum(told) + report.surplus + report.gold + report.reopened + report.unreadable


SAID = st.tuples(
    st.sampled_from(["joe", "jane", "cy", "ann"]),
    st.integers(1, 5),
    st.sampled_from(["accept", "accept", "reject", "ignore"]),
    st.lists(st.sampled_from([0, 2, 4]), max_size=2),
    st.sampled_from(["ner_manual", "classification"]),
)
POLICY = st.sampled_from(["all", "review", "majority", "unanimous", "prefer=joe,jane", "latest"])


@settings(max_examples=60)
@given(said=st.lists(SAID, min_size=1, max_size=40), policy=POLICY, by=st.sampled_from(["auto", "input", "task"]))
def test_order_names_and_a_second_run_change_nothing(
    tmp_path_factory: Any, said: list[Any], policy: str, by: Any
) -> None:
    folder = tmp_path_factory.mktemp("merge")
    people = sorted({who for who, *_ in said})
    if policy.startswith("prefer"):
        policy = f"prefer={people[0]}"

    def written(names: dict[str, str], order: Callable[[list[str]], list[str]]) -> tuple[MergeReport, bytes]:
        sources = []
        for who in people:
            file = folder / f"{names[who]}.jsonl"
            own = [each for each in said if each[0] == who]
            contents = [
                compact(answer(n, answer=says, spans=[{**A, "start": at} for at in spans], _view_id=view, label="L"))
                for _, n, says, spans, view in own
            ]
            file.write_bytes(b"\n".join(contents))
            sources.append(str(file))
        target = folder / "gold.jsonl"
        named = policy if "=" not in policy else f"prefer={names[people[0]]}"
        report = merge(None, order(sources), str(target), named, by=by)
        assert balanced(report)
        again = merge(None, sources, str(target), named, by=by)
        assert not again.changed
        found = target.read_bytes() if target.exists() else b""
        for each in folder.iterdir():
            each.unlink()
        return report, found

    same = dict(zip(people, people, strict=True))
    first, content = written(same, lambda names: names)
    assert written(same, lambda names: names[::-1])[1] == content
    other = {who: f"{chr(122 - at)}{who}" for at, who in enumerate(people)}
    renamed, _ = written(other, lambda names: names)
    keys = ("read", "used", "repeated", "conflicting", "rejected", "ignored", "conflicts", "unsettled", "tasks")
    assert [getattr(first, key) for key in keys] == [getattr(renamed, key) for key in keys]


MERGE = (
    "import sys; sys.path.insert(0, sys.argv[2]); sys.path.insert(0, sys.argv[3])\n"
    "from pathlib import Path; from databases import Database\n"
    "from prodigy_team.store import open_store; from prodigy_team.curation.merge import merge\n"
    "store = open_store(Database('sqlite', Path(sys.argv[1])), write=True)\n"
    "print('ready', flush=True); sys.stdin.readline()\n"
    "merge(store, ['joe', 'jane'], 'gold', 'majority', conflicts='open')\n"
    "print('done', flush=True)\n"
)


@pytest.mark.parametrize("points", [5, pytest.param(50, marks=pytest.mark.long)])
def test_a_kill_leaves_the_old_or_the_new_state(store: Store, path: Path, points: int) -> None:
    put(store, "joe", *(answer(n) for n in range(1, 1200)))
    put(store, "jane", *(answer(n, spans=[B] if n % 3 == 0 else [A]) for n in range(1, 1200)))
    merge(store, ["joe"], "gold", "majority", conflicts="open")
    old = rows(store), rows(store, "open")
    merge(store, ["joe", "jane"], "new", "majority", conflicts="new-open")
    new = rows(store, "new"), rows(store, "new-open")
    command = [sys.executable, "-c", MERGE, str(path), str(ROOT / "src"), str(ROOT / "tests")]
    draw, seen = random.Random(points), set()
    with closing(sqlite3.connect(path, timeout=30)) as watching:

        def links() -> int:
            return int(watching.execute("SELECT count(*) FROM link").fetchone()[0])

        for _ in range(points):
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            assert process.stdout is not None
            assert process.stdin is not None
            assert process.stdout.readline() == "ready\n"
            ahead, start = draw.randrange(2100), links()
            process.stdin.write("\n")
            process.stdin.flush()
            while process.poll() is None and abs(links() - start) < ahead:
                pass
            process.send_signal(signal.SIGKILL)
            process.communicate()
            now = rows(store), rows(store, "open")
            assert now in (old, new)
            seen.add(now == new)
            if now == new:
                merge(store, ["joe"], "gold", "majority", conflicts="open")
    assert False in seen
    merge(store, ["joe", "jane"], "gold", "majority", conflicts="open")
    assert (rows(store), rows(store, "open")) == new
    assert not [name for (name,) in ask(path, "SELECT name FROM dataset") if name.startswith("prodigy-team:")]
    assert ask(path, "PRAGMA integrity_check") == [("ok",)]
