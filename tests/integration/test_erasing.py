"""`erase`: nothing of one person is left in what is kept here, and nothing of anybody else is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from counting_support import Team, team
from databases import ask, change
from prodigy_team.allocation.ledger import Ledger, Snapshot
from prodigy_team.cli.answers import read_roster
from prodigy_team.cli.pools import roster_pools
from prodigy_team.curation.erasing import files_naming, without
from prodigy_team.errors import TeamError
from prodigy_team.gateway.accounts import Accounts
from prodigy_team.servers.gateways import keep_roster, kept_roster, roster_path

__all__ = ["team"]

ROUTING = "annotations_per_task = 3"


@pytest.fixture
def begun(team: Team) -> Team:
    """Joe, under an earlier name too, jane and cy; merged in two ways, in dispute, with a ledger and accounts."""
    people = {"joe": 'aliases = ["joseph"]', "jane": "", "cy": ""}
    team.write(people, tasks=10, routing=ROUTING, more="[gateway]\n[[manager]]\nname = 'maria'\n")
    team.run("ledger", "rebuild") if team.database.exists() else None
    team.answer("joe", 0, 1, 2, note="said by joe alone " * 1000)
    team.answer("joseph", 3, into="headlines_shared")
    team.answer("jane", 0, 1, answer="accept")
    team.answer("jane", 2, 3, answer="reject")
    team.answer("jane", 4, into="headlines_shared")
    team.answer("cy", 2, answer="reject")
    team.run("ledger", "rebuild")
    team.run("merge", "--into", "headlines_all", "--no-backup")
    policy = ("--on-conflict", "majority", "--conflicts", "headlines_conflicts")
    team.run("merge", "--into", "headlines_gold", *policy, "--no-backup")
    with closing(Accounts(team.folder / ".prodigy-team")) as accounts:
        for name in ("joe", "jane"):
            accounts.set_password(name, "hash")
            accounts.log_in(name, "192.0.2.7", seconds=60)
    return team


def rows(team: Team, dataset: str) -> list[dict[str, object]]:
    with team.store() as store:
        return [json.loads(each) for each in store.answers(dataset)]


def texts(team: Team) -> Iterator[str]:
    """All text in the database, tables and columns whatever they are."""
    tables = [name for (name,) in ask(team.database, "SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        for row in ask(team.database, f"SELECT * FROM {table}"):
            yield from (str(each if not isinstance(each, bytes) else each.decode("latin-1")) for each in row)


def test_nothing_of_them_is_left(begun: Team) -> None:
    """In no table, nor in the bytes of the file; others' answers are all there."""
    before = {name: rows(begun, name) for name in ("headlines_jane", "headlines_cy")}
    told = begun.json("erase", "joe", "--yes")

    assert told["answers"] == 4  # three in joe's own dataset, one under the earlier name
    assert not [each for each in texts(begun) if "joe" in each or "joseph" in each]
    whole = b"".join(path.read_bytes() for path in begun.folder.glob("answers.db*") if path.suffix != ".lock")
    assert b"said by joe alone" not in whole
    assert {name: rows(begun, name) for name in before} == before
    assert [each["text"] for each in rows(begun, "headlines_shared")] == ["text 4"]
    gone = {each["name"] for each in told["datasets"] if each["gone"]}
    assert "headlines_joe" in gone
    assert "headlines_jane" not in gone


def test_a_gateway_that_runs_keeps_no_name_in_its_log(begun: Team) -> None:
    state = begun.folder / ".prodigy-team"
    with closing(Accounts(state)) as of_the_gateway:
        of_the_gateway.log_in("joe", "192.0.2.9", seconds=60)
        assert b"joe" in b"".join(each.read_bytes() for each in state.glob("gateway.db*"))
        begun.run("erase", "joe", "--yes")
        assert b"joe" not in b"".join(each.read_bytes() for each in state.glob("gateway.db*"))
        assert of_the_gateway.password("jane") == "hash"


def test_merged_rows_stay_with_those_who_said_the_same(begun: Team) -> None:
    before = {each["text"]: each for each in rows(begun, "headlines_gold")}
    assert before["text 0"]["_annotator_id"] == "headlines_jane-jane"
    begun.run("erase", "jane", "--yes")
    after = {each["text"]: each for each in rows(begun, "headlines_gold")}

    assert after["text 0"]["_annotator_id"] == "joe"
    assert "_session_id" not in after["text 0"]
    assert after["text 0"]["_votes"] == [{"answer": "accept", "annotators": ["joe"]}]
    assert after["text 2"]["_annotators"] == ["cy", "joe"]
    assert set(before) - set(after) == {"text 4"}  # hers alone
    assert [each["_annotator_id"] for each in rows(begun, "headlines_conflicts")] == ["joe"]
    told = begun.json("merge", "--into", "headlines_gold", "--on-conflict", "majority", "--no-backup")
    assert (told["used"], told["conflicting"]) == (3, 2)  # text 2 is one to one now


def test_the_ledger_deals_their_tasks_out_again(begun: Team) -> None:
    ledger = begun.folder / ".prodigy-team" / "ledger.db"
    begun.run("erase", "joe", "--yes")
    assert b"joe" in ledger.read_bytes()  # still on the roster, as somebody who has answered nothing
    begun.write(("jane", "cy"), tasks=10, routing=ROUTING, more="[gateway]\n")
    begun.run("erase", "joseph", "--dry-run", code=2)
    with roster_pools(read_roster(begun.folder / "team.toml"), write=True) as (pools, _):
        with Snapshot(ledger) as snapshot:
            state = snapshot.pool(pools[0].rules.pool)
        assert state is not None
        assert not [each for each in state.buckets if each.tasks and each.people & 1 << state.members["joe"].number]
        with closing(Ledger(ledger, store=pools[0].setup.open_store, identify=lambda _: None)) as opened:
            opened.rebuild(forget=["joe"])
            opened.sync(pools[0].rules, pools[0].index)
    with Snapshot(ledger) as snapshot:
        state = snapshot.pool(pools[0].rules.pool)
    assert state is not None
    assert "joe" not in state.members


def test_the_roster_kept_for_the_gateway_forgets_who_left(begun: Team) -> None:
    """It is from the last `up`, when they were there."""
    state = begun.folder / ".prodigy-team"
    (state / "servers").mkdir(exist_ok=True)
    keep_roster(state, read_roster(begun.folder / "team.toml"))
    begun.run("erase", "joe", "--yes")
    kept = kept_roster(state)
    assert kept is not None
    assert [each.name for each in kept.annotators] == ["joe", "jane", "cy"], "the next `up` says who is there"
    begun.write(("jane", "cy"), tasks=10, routing=ROUTING, more="[gateway]\n")
    begun.answer("joe", 5)
    told = begun.json("erase", "joe", "--yes")
    kept = kept_roster(state)
    assert kept is not None
    assert [each.name for each in kept.annotators] == ["jane", "cy"]
    assert str(roster_path(state)) not in told["files"]


def test_account_backup_and_files(begun: Team) -> None:
    """The account is gone; what still names them is listed."""
    state = begun.folder / ".prodigy-team"
    (state / "logs").mkdir(exist_ok=True)
    (state / "logs" / "other.log").write_text("GET /joe/ 200\n")
    (state / "logs" / "clean.log").write_text("joel\n")
    told = begun.json("erase", "joseph", "--yes")

    assert (told["name"], told["account"], told["on_roster"]) == ("joe", True, True)
    with closing(Accounts(state)) as accounts:
        assert accounts.strangers(()) == ("jane",)
        assert accounts.overview(["joe"])[0].logins == 0
    assert str(state / "logs" / "other.log") in told["files"]
    assert str(state / "logs" / "clean.log") not in told["files"]
    assert told["backup"] in told["backups"]
    begun.run("erase", "joe", "--yes")
    said = begun.run("erase", "joe", "--dry-run")
    assert "rm -r" in said
    assert "0 answers" in said


def test_disputes_lose_the_name(begun: Team) -> None:
    folder = begun.folder / ".prodigy-team" / "reviews"
    folder.mkdir()
    two, three = (
        [{"answer": each, "sessions": [each]} for each in names] for names in (("joe", "cy"), ("joe", "cy", "x"))
    )
    lines = [{"text": str(n), "versions": each, "sessions": ["joe"]} for n, each in enumerate((two, three))]
    file = folder / "headlines_reviewed.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in lines))
    told = begun.json("erase", "joe", "--yes")
    assert told["reviews"] == [str(file)]
    assert [json.loads(each)["text"] for each in file.read_text().splitlines()] == ["1"]
    assert "joe" not in file.read_text()


def test_who_left_can_be_erased(begun: Team) -> None:
    """Also out of an index that was being built when its builder was killed."""
    begun.answer("zoe", 5, 6)
    (begun.folder / ".prodigy-team" / "ledger.db").unlink()
    change(
        begun.database,
        "INSERT INTO prodigy_team_dataset (id, name, dataset_id, created) VALUES (999, NULL, 1, 1)",
        "INSERT INTO prodigy_team_answer VALUES (999, x'00', 'headlines_zoe-zoe', 0, 1, x'00', NULL)",
    )
    told = begun.json("erase", "zoe", "--yes")
    assert (told["answers"], told["on_roster"]) == (2, False)
    assert not [each for each in texts(begun) if "zoe" in each]


def test_a_name_that_only_ends_a_datasets_name_is_nobodys(team: Team) -> None:
    """A shared server's, a merged dataset and somebody else's are called {team}_{name} too, and are many people's."""
    server = '[[server]]\nname = "{}"\nannotators = ["ana", "bob"]\n'
    team.write({"cy": 'dataset = "headlines_zoe"'}, routing=None, more=server.format("pool"))
    team.answer("cy", 5, into="headlines_zoe")
    for name, number in (("ana", 1), ("bob", 2)):
        team.answer(name, number, into="headlines_pool")
    team.answer("x", 3, into="headlines_left")  # of a server that is on the roster no more
    team.run("merge", "--into", "headlines_gold", "--no-backup")
    with team.store() as store:
        before = [(each.name, each.answers) for each in store.datasets()]
    for name in ("pool", "gold", "zoe", "left"):
        team.run("erase", name, "--yes", code=2)
        assert f"Nobody here is called {name}" in team.errors
    with team.store() as store:
        assert [(each.name, each.answers) for each in store.datasets()] == before


def test_what_was_begun_and_ended_is_finished_by_the_next(begun: Team) -> None:
    """Once the answers of somebody who left are gone, nothing but a mark tells that their name is to go too."""
    begun.answer("zoe", 4, into="headlines_shared")
    ledger = begun.folder / ".prodigy-team" / "ledger.db"
    kept = ledger.read_bytes()
    ledger.unlink()
    ledger.mkdir()
    with pytest.raises((TeamError, OSError, AssertionError)):
        begun.run("erase", "zoe", "--yes")
    assert "zoe" not in {str(each.get("_annotator_id")) for each in rows(begun, "headlines_shared")}
    ledger.rmdir()
    ledger.write_bytes(kept)
    begun.run("erase", "zoe", "--yes")
    assert not [each for each in texts(begun) if "zoe" in each]
    begun.run("erase", "zoe", "--yes", code=2)
    assert not list(ledger.parent.glob("erasing-*"))


def test_what_a_restore_put_aside_is_listed(begun: Team) -> None:
    """It is no backup, and lies where the database does."""
    begun.run("backup")
    backup = begun.json("restore", "--check")["backup"]
    begun.run("restore", Path(backup).name)
    aside = sorted(map(str, begun.folder.glob("answers.db.replaced-*")))
    told = begun.json("erase", "joe", "--yes")
    assert aside
    assert set(aside) <= set(told["files"])


def test_a_dry_run_changes_nothing_and_an_unknown_name_is_refused(begun: Team) -> None:
    before = sorted(texts(begun))
    dry = begun.json("erase", "joe", "--dry-run")
    assert (dry["answers"], dry["dry_run"], dry["backup"]) == (4, True, None)
    assert sorted(texts(begun)) == before
    begun.run("erase", "jo", "--yes", code=2)
    assert "Did you mean joe?" in begun.errors
    begun.run("erase", "joe", code=2)
    assert "--yes" in begun.errors
    assert sorted(texts(begun)) == before


@pytest.mark.parametrize(
    ("answer", "mine", "expected"),
    [
        ({"a": 1}, True, None),
        ({"a": 1}, False, {"a": 1}),
        ({"_annotators": ["joe"]}, False, None),
        ({"_annotators": ["joe", "x"], "_votes": [{"annotators": ["joe"]}, {"annotators": ["x"]}]}, True, None),
        ({"_annotators": ["joe", "x"], "_conflict": True, "_votes": [{"annotators": ["joe", "x"]}]}, True, None),
        ({"sessions": ["x", "joe"]}, False, {"sessions": ["x"]}),
        ({"versions": [{"sessions": ["joe"]}, {"sessions": ["joe", "x"]}]}, False, {"versions": [{"sessions": ["x"]}]}),
    ],
)
def test_what_is_left_of_a_row(answer: dict[str, object], mine: bool, expected: dict[str, object] | None) -> None:
    left = without(json.dumps(answer).encode(), lambda value: value == "joe", mine=mine)
    assert (None if left is None else json.loads(left)) == expected


def test_no_database_is_opened_beside_sqlite(tmp_path: Path) -> None:
    """A file that is closed takes all locks of the process on it along, also those of a store that is open."""
    for name in ("answers.db", "answers.db-wal", "other.sqlite", "named.odd", "joe.log"):
        (tmp_path / name).write_text("joe")
    found = files_naming(tmp_path, ["joe"], but=(tmp_path / "named.odd",))
    assert [each.name for each in found] == ["joe.log"]
