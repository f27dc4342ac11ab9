"""The rules of pools go to disk and come back as they were."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from prodigy_team.allocation.rules import Person, Rules, RulesError, encode_rules, pool_name, read_rules

JOE = Person("joe", "team_joe", "joe", limit=3, share=Decimal("1.5"), only={"lang": ("sv", "en")}, aliases=("j",))
RULES = Rules("ner.manual-1", "team", "ner.manual", "/data/a.jsonl", "7", (JOE,), Decimal("1.20"))


def test_they_come_back_as_they_were(tmp_path: Path) -> None:
    everybody = Rules("mark-2", "team", "mark", "dataset:x", "", (), "all", open=True, gold_rate=Decimal("0.05"))

    path = tmp_path / "routing.json"
    path.write_bytes(encode_rules([RULES, everybody]))

    assert read_rules(path) == (RULES, everybody)
    assert read_rules(path)[0].digest == RULES.digest


@pytest.mark.parametrize("content", ["", "{}", '{"version": 99, "pools": []}', '{"version": 1, "pools": [{"a": 1}]}'])
def test_a_foreign_file_is_refused_with_the_remedy(tmp_path: Path, content: str) -> None:
    path = tmp_path / "routing.json"
    path.write_text(content)

    with pytest.raises(RulesError, match="prodigy-team up writes it again"):
        read_rules(path)


def test_a_pool_is_known_by_source_recipe_and_what_tells_tasks_apart() -> None:
    names = {pool_name("mark", "/a", "task"), pool_name("mark", "/a", "input"), pool_name("match", "/a", "task")}

    assert len(names) == 3
    assert RULES.person("j") is JOE
