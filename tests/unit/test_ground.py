"""The rules a server deals tasks out by: from the team's file, read again when it changes, or from its own settings."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from prodigy_team.allocation.routers import RouterError, load_router
from prodigy_team.allocation.rules import Person, Rules, RulesError, encode_rules
from prodigy_team.annotate.arguments import read_arguments
from prodigy_team.annotate.ground import RulesFile, own_rules

JOE, JANE = Person("joe", "t_joe", "joe"), Person("jane", "t_jane", "jane")
POOL = Rules("pool-1", "t", "mark", "/s.jsonl", "a", (JOE, JANE))
OTHER = replace(POOL, pool="pool-2", people=(Person("cy", "t_cy", "cy"),))


def written(path: Path, *pools: Rules) -> Path:
    """The file with these pools, put in place as `up` does."""
    draft = path.with_suffix(".new")
    draft.write_bytes(encode_rules(pools))
    draft.replace(path)
    return path


def test_a_server_finds_its_pool_and_notices_an_edit(tmp_path: Path) -> None:
    path = written(tmp_path / "routing.json", OTHER, POOL)
    find = RulesFile(path, "joe")
    first = find()
    assert first == POOL
    assert find() is first  # nothing is read again for nothing
    written(path, OTHER, replace(POOL, lease=5.0))
    assert find().lease == 5.0


def test_rules_known_once_outlast_a_broken_or_missing_file(tmp_path: Path) -> None:
    path = written(tmp_path / "routing.json", POOL)
    find = RulesFile(path, "joe")
    find()
    path.write_text("{")
    assert find() == POOL
    path.unlink()
    assert find() == POOL
    written(path, replace(POOL, lease=5.0))
    assert find().lease == 5.0


def test_who_left_the_roster_gets_nothing_on_a_server_that_runs_on(tmp_path: Path) -> None:
    path = written(tmp_path / "routing.json", POOL)
    find = RulesFile(path, "joe")
    find()
    written(path, OTHER, replace(POOL, people=(JANE,), lease=5.0))
    assert (find().pool, find().people, find().lease) == ("pool-1", (JANE,), 5.0)
    written(path, OTHER)
    assert JOE not in find().people


def test_a_server_without_rules_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match="does not tell"):
        RulesFile(tmp_path / "routing.json", "joe")()
    written(tmp_path / "routing.json", OTHER)
    with pytest.raises(RulesError, match="no rules for joe"):
        RulesFile(tmp_path / "routing.json", "joe")()


def test_the_rules_that_settings_come_to(tmp_path: Path) -> None:
    options = read_arguments(["mark", "ds", "s.jsonl", "--view-id", "text"], directory=tmp_path)
    open_to_all = own_rules(options, {}, (), by="task", team="")
    assert (open_to_all.open, open_to_all.people, open_to_all.annotations_per_task) == (True, (), 1)
    assert open_to_all.stealing
    settings = {"annotations_per_task": 1.2, "allow_work_stealing": False}
    named = own_rules(options, settings, ("ana", "bob"), by="task", team="")
    assert (named.open, named.annotations_per_task, named.stealing) == (False, Decimal("1.2"), False)
    assert [(each.name, each.dataset) for each in named.people] == [("ana", "ds"), ("bob", "ds")]
    assert named.pool != open_to_all.pool
    other = read_arguments(["mark", "ds2", "s.jsonl", "--view-id", "text"], directory=tmp_path)
    assert own_rules(other, {}, (), by="task", team="").pool != open_to_all.pool
    assert own_rules(options, {}, (), by="input", team="").pool != open_to_all.pool


def test_the_users_own_function_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "rules.py"
    path.write_text("def may(task, annotator):\n    return task['text'] != annotator\nnumber = 3\n")
    may = load_router(f"{path}:may")
    assert may is not None
    assert may({"text": "joe"}, "jane")
    assert not may({"text": "joe"}, "joe")
    assert load_router(None) is None
    with pytest.raises(RouterError, match="failed for joe: KeyError"):
        may({}, "joe")
    with pytest.raises(RouterError, match="no function"):
        load_router(f"{path}:number")
    with pytest.raises(RouterError, match="AttributeError"):
        load_router(f"{path}:missing")
    path.write_text("def may(task, annotator):\n    raise SystemExit(1)\n")
    leaving = load_router(f"{path}:may")
    assert leaving is not None
    with pytest.raises(RouterError, match="failed for joe: SystemExit"):
        leaving({}, "joe")
    path.write_text("import sys\nsys.exit(3)\n")
    with pytest.raises(RouterError, match="SystemExit"):
        load_router(f"{path}:may")
    path.write_text("def may(task, annotator:\n")
    with pytest.raises(RouterError, match="SyntaxError"):
        load_router(f"{path}:may")
