"""What every store of answers does. A second kind of database joins by another parameter of `opened`."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from databases import PRODIGY_DDL, Database, add_as_prodigy, ask, change, identify, make_index, new_answer
from prodigy_team.store import Outcome, Store, StoreError, open_store
from prodigy_team.store.connection import filesystem_type, store_error
from prodigy_team.store.locking import WriteLock, lock_path
from prodigy_team.store.sqlite import open_sqlite
from support import ROOT, open_files

STORED, REPEATED, REFUSED = Outcome.STORED, Outcome.REPEATED, Outcome.REFUSED


MOUNTS = """\
/dev/sda1 / ext4 rw,relatime 0 0
server:/home ROOT/home nfs4 rw 0 0
tmpfs ROOT/home/joe/with\\040space tmpfs rw 0 0
/dev/sdb1 ROOT/data ext4 rw 0 0
joe@host: ROOT/data fuse.sshfs rw 0 0
/dev/sdc1 ROOT/media/Данные vfat rw 0 0
"""


@pytest.fixture(params=["sqlite"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    return Database(request.param, tmp_path / "answers.db")


@pytest.fixture
def store(database: Database) -> Iterator[Store]:
    opened = open_store(database, write=True, create=True)
    yield opened
    opened.close()


def exported(store: Store, dataset: str) -> bytes:
    parts: list[bytes] = []
    store.export(dataset, parts.append)
    return b"".join(parts)


def test_answers_come_back_in_order_as_they_were_stored(store: Store) -> None:
    sent = [new_answer(f"text {number} ü", sessions=("d-joe",)) for number in range(300)]

    assert store.append("d", [sent[:100], sent[100:]]) == [[STORED] * 100, [STORED] * 200]

    assert list(store.answers("d")) == list(store.answers("d-joe")) == [answer.content for answer in sent]
    assert [(row.input_hash, row.task_hash) for row in store.rows("d")] == [(a.input_hash, a.task_hash) for a in sent]
    assert [(info.name, info.session, info.answers) for info in store.datasets()] == [
        ("d", False, 300),
        ("d-joe", True, 300),
    ]
    assert exported(store, "d") == b"".join(answer.content + b"\n" for answer in sent)


def test_a_dataset_that_does_not_exist_is_empty(store: Store) -> None:
    assert list(store.answers("none")) == []
    assert exported(store, "none") == b""
    assert store.activity(["none"])["none"].answers == 0
    assert store.drop("none") == 0


def test_the_rules_hold_across_batches_transactions_and_people(store: Store) -> None:
    first, other = new_answer("a", key="1"), new_answer("a", who="jane", key="2")
    assert store.append("d", [[first, first], [other]]) == [[STORED, REPEATED], [STORED]]
    assert store.append("d", [[first, new_answer("a", "reject", key="1")]]) == [[REPEATED, REFUSED]]
    assert store.append("d", [[new_answer("a", "reject", key="3")]]) == [[REFUSED]]
    assert store.append("d", [[new_answer("a", "reject", key="3", replaces="1")]]) == [[STORED]]
    assert store.append("d", [[new_answer("b", key="3")]]) == [[REFUSED]]
    assert store.append("other", [[first]]) == [[STORED]]
    assert len(list(store.answers("d"))) == 3
    # A known task, and a known id, among others that are new.
    known = [first, new_answer("c", key="4")], [new_answer("e", key="5"), new_answer("f", key="4")]
    assert store.append("d", known) == [[REPEATED, STORED], [STORED, REFUSED]]
    assert store.append("d", [[new_answer("g", key="6"), new_answer("h", key="4")]]) == [[STORED, REFUSED]]


ENTRIES = "SELECT identity, annotator, version, link, digest, answer_id FROM prodigy_team_answer ORDER BY link"
GIVEN = st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["joe", "jane"]), st.sampled_from(["accept", "reject"]))
KEYS = st.sampled_from([None, *"123456789"])


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.tuples(GIVEN, KEYS, KEYS), max_size=20), max_size=3))
def test_answers_together_are_judged_and_stored_as_one_by_one(
    tmp_path: Path, batches: list[list[tuple[tuple[str, str, str], str | None, str | None]]]
) -> None:
    given = [
        [
            new_answer(text, decision, who=who, key=key, replaces=replaces)
            for (text, who, decision), key, replaces in each
        ]
        for each in batches
    ]
    with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
        found = []
        for name in ("together", "alone"):
            database = Database("sqlite", Path(folder) / name)
            with closing(open_store(database, write=True, create=True)) as store:
                if name == "together":
                    outcomes = store.append("d", given)
                else:
                    outcomes = [[store.append("d", [[answer]])[0][0] for answer in batch] for batch in given]
                found.append((outcomes, ask(database.path, ENTRIES), list(store.rows("d"))))
    assert found[0] == found[1]


LINKS = "SELECT link.id, example_id, name FROM link JOIN dataset ON dataset.id = dataset_id ORDER BY 1"


def test_links_lie_as_prodigy_lays_them(store: Store, database: Database) -> None:
    store.append(
        "d", [[new_answer("a", sessions=("d-joe", "2026-01-01_00-00-00")), new_answer("b", sessions=("d-joe",))]]
    )
    assert ask(database.path, LINKS) == [
        (1, 1, "d"),
        (2, 1, "d-joe"),
        (3, 1, "2026-01-01_00-00-00"),
        (4, 2, "d"),
        (5, 2, "d-joe"),
    ]
    assert ask(database.path, "SELECT DISTINCT typeof(content) FROM example") == [("blob",)]
    assert ask(database.path, "SELECT typeof(meta), json(meta) FROM dataset LIMIT 1") == [("blob", "{}")]


def test_two_processes_with_the_same_first_answers_make_one_row_each(store: Store, database: Database) -> None:
    program = (
        "import sys; sys.path[:0] = sys.argv[2:]\n"
        "from pathlib import Path; from databases import Database, new_answer\n"
        "from prodigy_team.store import open_store\n"
        "store = open_store(Database('sqlite', Path(sys.argv[1])), write=True)\n"
        "sys.stdin.readline()\n"
        "for number in range(100): store.append('d', [[new_answer(f'text {number}', key=f'{number}')]])\n"
    )
    command = [sys.executable, "-c", program, str(database.path), str(ROOT / "src"), str(ROOT / "tests")]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE) for _ in range(2)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
    assert [process.wait(200) for process in processes] == [0, 0]
    assert len(list(store.answers("d"))) == 100
    assert len(set(store.answers("d"))) == 100


def test_activity_counts_and_tells_the_newest_time(store: Store) -> None:
    names = [f"d{number}" for number in range(64)]
    for number, name in enumerate(names):
        store.append(name, [[new_answer(f"{row}", _timestamp=1000 + row) for row in range(number)]])
    activity = store.activity([*names, "none"])
    assert [activity[name].answers for name in names] == list(range(64))
    assert activity["d0"].last_answer_at is None
    assert activity["d9"].last_answer_at == 1008.0
    store.append("meta", [[new_answer("x", meta={"_timestamp": 5}, _timestamp=77)], [new_answer("y")]])
    assert store.activity(["meta"])["meta"].last_answer_at is None
    store.append("meta", [[new_answer("z", meta={"_timestamp": 5}, _timestamp=77)]])
    assert store.activity(["meta"])["meta"].last_answer_at == 77.0
    for odd in (1_732_269_600_000, 10**400):  # milliseconds; `status` makes a date of it
        store.append("meta", [[new_answer(f"at {odd}", _timestamp=odd)]])
        assert store.activity(["meta"])["meta"].last_answer_at is None


def test_a_correction_counts_with_the_answer_it_corrects(store: Store) -> None:
    store.append("d", [[new_answer("a", key="1"), new_answer("b", key="2")]])
    store.append("d", [[new_answer("a", "reject", key="3", replaces="1")]])
    assert store.activity(["d"])["d"].answers == 2
    assert len(list(store.answers("d"))) == 3


def test_the_register_tells_one_team_from_another_that_begins_alike(store: Store) -> None:
    store.ensure_dataset("headlines_joe", team="headlines")
    store.ensure_dataset("headlines_2_joe", team="headlines_2")
    store.ensure_dataset("headlines_gold", team="headlines", kind="merged")
    store.ensure_dataset("headlines_joe", team="headlines")
    store.append("headlines_joe", [[new_answer("a")]])
    store.drop("headlines_gold")
    found = [(each.name, each.kind, each.exists, each.answers) for each in store.team_datasets("headlines")]
    assert found == [("headlines_gold", "merged", False, 0), ("headlines_joe", "answers", True, 1)]


def test_what_is_open_comes_in_order(store: Store, tmp_path: Path) -> None:
    index = make_index(tmp_path / "index.db", [f"{number}" for number in range(10)])
    assert store.unanswered(index, "d", None, after=-1, limit=3) == [0, 1, 2]
    store.append(
        "d", [[new_answer("0"), new_answer("1", who="jane"), new_answer("3"), new_answer("not in the source")]]
    )
    assert store.unanswered(index, "d", None, after=-1, limit=3) == [2, 4, 5]
    assert store.unanswered(index, "d", "joe", after=-1, limit=3) == [1, 2, 4]
    assert store.unanswered(index, "d", "jane", after=4, limit=20) == [5, 6, 7, 8, 9]
    assert [store.count_answered(index, "d", who) for who in (None, "joe", "jane", "cy")] == [3, 2, 1, 0]
    assert store.unanswered(make_index(tmp_path / "index.db", ["3", "2"]), "d", None, after=-1, limit=9) == [1]


@pytest.mark.parametrize("read_ahead", [50, 100_000])
@pytest.mark.parametrize("order", ["as asked", "backwards", "mixed", "twice"])
def test_open_places_are_found_in_whatever_order_answers_came(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: str, read_ahead: int
) -> None:
    monkeypatch.setattr("prodigy_team.store.places._WINDOW", 64)
    monkeypatch.setattr("prodigy_team.store.places._READ_AHEAD", read_ahead)
    generator = random.Random(order)
    texts = [f"{number}" for number in range(1000)]
    index = make_index(tmp_path / "index.db", texts)
    answered = sorted(generator.sample(range(900), 700))
    sent = {"backwards": answered[::-1], "mixed": generator.sample(answered, 700), "twice": answered * 2}.get(
        order, answered
    )
    store.append("d", [[new_answer(f"{n}", who=generator.choice(["joe", "jane"])) for n in sent]])
    joes = {int(json.loads(c)["text"]) for c in store.answers("d") if json.loads(c)["who"] == "joe"}
    for who, done in ((None, set(answered)), ("joe", joes)):
        expected = [n for n in range(1000) if n not in done]
        assert store.count_answered(index, "d", who) == len(done)
        assert store.unanswered(index, "d", who, after=-1, limit=9) == expected[:9]
        assert store.unanswered(index, "d", who, after=-1, limit=9999) == expected
        assert store.unanswered(index, "d", who, after=500, limit=9999) == [n for n in expected if n > 500]


def test_a_long_answered_stretch_is_skipped_until_answers_go(store: Store, tmp_path: Path, database: Database) -> None:
    texts = [f"{number}" for number in range(3000)]
    index = make_index(tmp_path / "index.db", texts)
    store.append("d", [[new_answer(text) for text in texts[:2500]]])
    for _ in range(2):
        assert store.unanswered(index, "d", "joe", after=-1, limit=2) == [2500, 2501]
    assert ask(database.path, "SELECT place FROM prodigy_team_frontier") == [(2499,)]
    assert store.unanswered(index, "d", None, after=2600, limit=1) == [2601]

    change(database.path, "DELETE FROM link WHERE id = 8")
    store.reconcile("d", identify)
    assert store.unanswered(index, "d", "joe", after=-1, limit=2) == [7, 2500]


def test_answers_of_a_licensed_prodigy_are_indexed(store: Store, database: Database, tmp_path: Path) -> None:
    index = make_index(tmp_path / "index.db", ["a", "b", "c", "d"])
    store.append("x", [[new_answer("a", key="1")]])
    add_as_prodigy(database.path, "x", [new_answer("b").content, b'{"text":"nobody\'s"}'], session="x-joe")
    store.append("x", [[new_answer("c", key="2")]])
    assert store.unanswered(index, "x", "joe", after=-1, limit=9) == [1, 3]

    store.reconcile("x", identify)

    assert store.unanswered(index, "x", "joe", after=-1, limit=9) == [3]
    assert store.append("x", [[new_answer("c", "reject", key="3", replaces="2")]]) == [[STORED]]


REUSES = {
    "one in the middle deleted": ("DELETE FROM link WHERE id = 5",),
    "the last three deleted": ("DELETE FROM link WHERE id > 7",),
    "dropped by Prodigy": ("DELETE FROM link", "DELETE FROM dataset"),
}


@pytest.mark.parametrize("again", [0, 1, 3, 10, 12])
@pytest.mark.parametrize("statements", REUSES.values(), ids=REUSES.keys())
def test_the_index_follows_deletions_although_ids_come_back(
    store: Store, database: Database, tmp_path: Path, statements: tuple[str, ...], again: int
) -> None:
    index = make_index(tmp_path / "index.db", [f"{number}" for number in range(30)])
    store.append("d", [[new_answer(f"{number}", key=f"k{number}") for number in range(10)]])
    change(database.path, *statements)
    if again:
        add_as_prodigy(
            database.path,
            "d",
            [new_answer(f"{20 + number}" if number < 10 else "1").content for number in range(again)],
        )

    store.reconcile("d", identify)

    left = {json.loads(content)["text"] for content in store.answers("d")}
    expected = [place for place in range(30) if str(place) not in left]
    assert store.unanswered(index, "d", "joe", after=-1, limit=99) == expected
    assert store.count_answered(index, "d", None) == len(left)
    names = ask(database.path, "SELECT count(*) FROM prodigy_team_dataset")
    assert names in ([(1,)], [(0,)])
    # Ids that the contents do not carry are kept for what is still there.
    if "1" in left and again != 12 and "dataset" not in statements[-1]:
        assert store.append("d", [[new_answer("1", "reject", key="n", replaces="k1")]]) == [[STORED]]


def test_an_answer_is_not_refused_for_one_that_was_deleted(store: Store, database: Database) -> None:
    store.append("d", [[new_answer("a", key="1"), new_answer("b", key="2")]])
    change(database.path, "DELETE FROM link WHERE id = 1")
    assert store.append("d", [[new_answer("a", "reject", key="3"), new_answer("b", key="2")]]) == [[STORED, REPEATED]]
    change(database.path, "DELETE FROM link", "DELETE FROM dataset", "DELETE FROM example")
    assert store.append("d", [[new_answer("b", key="2")]]) == [[STORED]]


Step = tuple[str, int]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(["append", "prodigy", "delete", "drop", "forget", "reconcile"]), st.integers(0, 9)),
        max_size=12,
    )
)
@example(
    [("append", 1), ("forget", 0), ("append", 1), ("append", 9), ("forget", 0), ("append", 1), ("prodigy", 6)],
)
def test_after_whatever_happened_the_index_says_what_the_links_say(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step]
) -> None:
    """A dataset that was removed and made again is told by when it was made, to the second: nobody is as quick."""
    seconds = count(1_700_000_000)
    folder = tmp_path_factory.mktemp("history")
    path = folder / "a.db"
    index = make_index(folder / "index.db", [f"{number}" for number in range(10)])
    with closing(open_sqlite(path, write=True, create=True, clock=lambda: float(next(seconds)))) as store:
        for what, number in steps:
            if what == "append":
                store.append("d", [[new_answer(f"{number}"), new_answer(f"{(number * 3) % 10}", sessions=("s",))]])
            elif what == "prodigy":
                add_as_prodigy(path, "d", [new_answer(f"{(number + at) % 10}").content for at in range(3)])
            elif what == "delete":
                change(path, f"DELETE FROM link WHERE id > (SELECT coalesce(max(id), 0) FROM link) - {number}")
            elif what == "drop":
                store.drop("d")
            elif what == "forget":
                change(path, "DELETE FROM link", "DELETE FROM example", "DELETE FROM dataset WHERE name = 'd'")
            else:
                store.reconcile("d", identify)
        store.reconcile("d", identify)
        have = {json.loads(content)["text"] for content in store.answers("d")}
        assert store.unanswered(index, "d", "joe", after=-1, limit=99) == [n for n in range(10) if str(n) not in have]
        [(rows,)] = ask(path, "SELECT count(*) FROM prodigy_team_answer")
        assert rows == len(list(store.answers("d")))


def test_reconciling_while_others_answer_loses_nothing(store: Store, database: Database, tmp_path: Path) -> None:
    index = make_index(tmp_path / "index.db", [f"{number}" for number in range(3000)])
    add_as_prodigy(database.path, "d", [new_answer(f"{number}").content for number in range(2500)])

    def answer() -> None:
        with closing(open_store(database, write=True)) as other:
            for number in range(2500, 3000):
                other.append("d", [[new_answer(f"{number}", key=f"k{number}")]])

    thread = threading.Thread(target=answer)
    thread.start()
    while thread.is_alive():
        # Of those that lay there before, however seldom the other gets a turn.
        change(database.path, "DELETE FROM link WHERE id = (SELECT min(id) FROM link WHERE id <= 2500)")
        store.reconcile("d", identify)
    thread.join()
    store.reconcile("d", identify)
    left = [json.loads(content)["text"] for content in store.answers("d")]
    assert store.count_answered(index, "d", "joe") == len(left) == len(set(left))
    assert ask(database.path, "SELECT count(*) FROM prodigy_team_answer WHERE answer_id IS NOT NULL") == [(500,)]


def test_a_file_of_ours_has_a_write_ahead_log_and_its_tables_are_prodigys(database: Database, store: Store) -> None:
    assert ask(database.path, "PRAGMA journal_mode") == [("wal",)]
    stored = {sql for (sql,) in ask(database.path, "SELECT sql FROM sqlite_master")}
    assert set(PRODIGY_DDL) <= stored
    assert store.append("d", [[new_answer("a")]]) == [[STORED]]


def test_reading_cannot_write(database: Database, store: Store) -> None:
    store.append("d", [[new_answer("a")]])
    with closing(open_store(database, write=False)) as reader:
        with pytest.raises(ValueError, match="opened for reading"):
            reader.append("d", [[new_answer("b")]])
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader._handle.connection.execute("DELETE FROM link")  # type: ignore[attr-defined]
        assert len(list(reader.answers("d"))) == 1


@pytest.mark.skipif(os.getuid() != 0, reason="needs the right to become somebody else")
@pytest.mark.parametrize("unfinished", [False, True])
def test_a_file_with_a_log_in_a_folder_nobody_may_write_is_read_or_explained(unfinished: bool) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        path = folder / "a.db"
        with closing(open_store(Database("sqlite", path), write=True, create=True)) as store:
            store.append("d", [[new_answer("a")]])
            if unfinished:
                left = path.with_name("a.db-wal").read_bytes()
        if unfinished:
            path.with_name("a.db-wal").write_bytes(left)
        folder.chmod(0o555)
        for file in folder.iterdir():
            file.chmod(0o444)
        told, tell = os.pipe()
        child = os.fork()
        if child == 0:
            os.setgid(65534)
            os.setuid(65534)
            try:
                with closing(open_store(Database("sqlite", path), write=False)) as reader:
                    os.write(tell, b"%d answers" % len(list(reader.answers("d"))))
            except StoreError as error:
                os.write(tell, str(error).encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        said = os.read(told, 4096).decode()
        os.close(told)
        os.close(tell)
        folder.chmod(0o755)
    assert ("cannot be read by this account" in said) if unfinished else (said == "1 answers")


def test_what_is_no_database_is_explained(tmp_path: Path) -> None:
    text = tmp_path / "text.db"
    text.write_text("this is no database, but long enough to be looked at as one" * 20, encoding="utf-8")
    for write in (False, True):
        with pytest.raises(StoreError, match="not an SQLite file"):
            open_store(Database("sqlite", text), write=write)
        with pytest.raises(StoreError, match="There is no database"):
            open_store(Database("sqlite", tmp_path / "none.db"), write=write)
    for kind, words in (("postgresql", "comes in a later release"), ("mysql", "only a licensed Prodigy")):
        with pytest.raises(StoreError, match=words):
            open_store(Database(kind, None), write=False)


def test_a_file_deleted_under_running_programs_is_explained(tmp_path: Path) -> None:
    """SQLite has one sentence for it and for a broken disk."""
    said = store_error(tmp_path / "answers.db", sqlite3.OperationalError("disk I/O error"))
    assert "answers.db cannot be read or written any more (disk I/O error)." in said.message
    assert "prodigy-team restart" in said.remedy


def test_names_and_paths_of_every_kind(tmp_path: Path) -> None:
    path = tmp_path / "a b%20#?é" / "x&mode=memory.db"
    with closing(open_store(Database("sqlite", path), write=True, create=True)) as store:
        store.append('quote" and ü', [[new_answer("a")]])
        index = make_index(path.with_name("in?dex#%.db"), ["a", "b"])
        assert store.unanswered(index, 'quote" and ü', None, after=-1, limit=9) == [1]
    assert path.is_file()
    with closing(open_store(Database("sqlite", path), write=False)) as store:
        assert store.activity(['quote" and ü'])['quote" and ü'].answers == 1


def test_a_database_in_memory() -> None:
    with closing(open_store(Database("sqlite", Path(":memory:")), write=True, create=True)) as store:
        assert store.append("d", [[new_answer("a")]]) == [[STORED]]
        assert len(list(store.answers("d"))) == 1


def test_the_lock_says_who_to_look_for_when_it_is_held_for_ever(database: Database) -> None:
    assert database.path is not None
    holder, waiter = WriteLock(lock_path(database.path)), WriteLock(lock_path(database.path), timeout=0.05)
    with holder, pytest.raises(StoreError, match="has held the write lock"), waiter:
        pass
    with waiter:
        pass
    holder.close()
    waiter.close()
    assert stat.S_ISREG(lock_path(database.path).stat().st_mode)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("etc", "ext4"),
        ("home/jane", "nfs4"),
        ("homework", "ext4"),
        ("home/joe/with space/a.db", "tmpfs"),
        ("data/a.db", "fuse.sshfs"),
        ("media/Данные/a.db", "vfat"),
    ],
)
def test_the_type_of_a_file_system(tmp_path: Path, path: str, kind: str) -> None:
    """The longest mount point decides, and of two on one place the later; only a blank and the like are escaped."""
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS.replace("ROOT", str(tmp_path)), encoding="utf-8")

    assert filesystem_type(tmp_path / path, mounts) == kind
    assert filesystem_type(tmp_path, tmp_path / "none") == ""


def test_a_store_that_is_closed_holds_nothing(tmp_path: Path) -> None:
    """Neither its file nor its locks: a notebook may open thousands."""
    with closing(open_store(Database("sqlite", tmp_path / "a.db"), write=True, create=True)) as store:
        store.append("d", [[new_answer("a")]])
    assert [each for each in open_files(os.getpid()) if each.startswith(str(tmp_path))] == []


def test_a_file_on_a_network_file_system_gets_a_rollback_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = filesystem_type(tmp_path)
    if not kind:
        pytest.skip("/proc/mounts does not tell what file system this is, as in a chroot")
    monkeypatch.setattr("prodigy_team.store.connection.NETWORK_FILE_SYSTEMS", {kind})
    path = tmp_path / "a.db"
    with closing(open_store(Database("sqlite", path), write=True, create=True)) as store:
        store.append("d", [[new_answer("a")]])
    assert ask(path, "PRAGMA journal_mode") == [("delete",)]


def test_dropping_takes_the_sessions_share_and_leaves_what_others_hold(store: Store, database: Database) -> None:
    store.append("d", [[new_answer(f"{n}", sessions=("d-joe",)) for n in range(50)]])
    store.append("e", [[new_answer(f"{n}", sessions=("both",)) for n in range(5)]])
    store.append("d", [[new_answer("z", sessions=("both",))]])
    assert [(info.name, info.answers) for info in store.sessions_of("d")] == [("d-joe", 50), ("both", 1)]
    assert store.drop("d") == 51
    assert [(info.name, info.answers) for info in store.datasets()] == [("e", 5), ("both", 5)]
    assert ask(database.path, "SELECT count(*) FROM example") == [(5,)]
