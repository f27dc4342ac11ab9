"""Which servers share a pool, what its rules are, and what is said of a change."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest

from prodigy_team.allocation.rules import Rules, read_rules, rules_path
from prodigy_team.errors import TeamError
from prodigy_team.roster import Roster, own_router_warnings, routing_problems
from prodigy_team.servers.engines import EMBEDDED, plan_server
from prodigy_team.servers.pools import read_pools, routing_notes, write_pools, written_pools
from prodigy_team.sources import index_source
from roster_lines import JANE, JOE, POOL, TASK, Load

ROUTING = '[routing]\nannotations_per_task = 1.2\nlease = "5m"\nseed = 3\n'
TEAM = '[team]\nname = "headlines"\n' + TASK + ROUTING


def pools(roster: Roster) -> tuple[Rules, ...]:
    """The pools, with nothing of the shell."""
    return read_pools(roster, {"HOME": str(roster.path.parent)})


def notes(old: Roster, new: Roster) -> list[str]:
    """What is said of a change of roster."""
    return routing_notes(pools(old), pools(new), state=new.state)


def test_servers_of_one_source_and_recipe_are_one_pool(load: Load, folder: Path) -> None:
    [rules] = pools(
        load(TEAM + JOE + 'limit = 5\nshare = 2\nonly = { lang = "sv" }\naliases = ["joey"]\n' + JANE + POOL)
    )
    assert (rules.team, rules.recipe, rules.source) == ("headlines", "ner.manual", str(folder / "headlines.jsonl"))
    assert (rules.annotations_per_task, rules.lease, rules.seed) == (Decimal("1.2"), 300.0, 3)
    assert rules.stealing
    assert not rules.open
    people = {each.name: (each.dataset, each.server) for each in rules.people}
    assert people["joe"] == ("headlines_joe", "joe")
    assert people["ana"] == people["bob"] == ("headlines_pool", "pool")
    joe = rules.people[0]
    assert (joe.limit, joe.share, joe.only, joe.aliases) == (5, Decimal(2), {"lang": ("sv",)}, ("joey",))


def test_another_source_recipe_or_question_is_another_pool(load: Load, folder: Path) -> None:
    (folder / "more.jsonl").write_text('{"text": "Another"}\n')
    textcat = 'recipe = "textcat.manual"\n'
    roster = load(
        TEAM
        + JOE
        + JANE
        + '[[annotator]]\nname = "cy"\nsource = "more.jsonl"\n'
        + '[[annotator]]\nname = "one"\nlabels = ["A"]\n'
        + textcat
        + '[[annotator]]\nname = "two"\nlabels = ["B"]\n'
        + textcat
        + '[[annotator]]\nname = "both"\n'
        + textcat
        + '[[annotator]]\nname = "sub"\nlabels = ["A"]\n'
    )
    grouped = [tuple(person.name for person in rules.people) for rules in pools(roster)]
    assert grouped == [("joe", "jane", "sub"), ("cy",), ("one",), ("two",), ("both",)]
    assert len({rules.pool for rules in pools(roster)}) == 5


def test_the_settings_say_what_tells_tasks_apart(load: Load) -> None:
    [by_task] = pools(load(TEAM + JOE))
    [by_input] = pools(load(TEAM + JOE + '[prodigy]\nexclude_by = "input"\n'))
    assert by_task.pool != by_input.pool


def test_who_is_paused_stays_in_the_pool(load: Load) -> None:
    roster = load(TEAM + JOE + JANE + "paused = true\n" + '[[annotator]]\nname = "bob"\npaused = true\n' + POOL)
    [rules] = pools(roster)
    assert [server.name for server in roster.servers] == ["joe", "pool"]
    assert {each.name: (each.paused, each.server) for each in rules.people} == {
        "joe": (False, "joe"),
        "jane": (True, "jane"),
        "bob": (True, "pool"),
        "ana": (False, "pool"),
    }


def test_nobody_is_dealt_the_same_tasks_twice(load: Load) -> None:
    other = '[[server]]\nname = "other"\nannotators = ["ana"]\n'
    with pytest.raises(TeamError, match="on pool and on other"):
        pools(load(TEAM + JOE + POOL + other))


def test_without_routing_there_are_no_pools(load: Load) -> None:
    assert pools(load('[team]\nname = "headlines"\n' + TASK + JOE)) == ()


def test_the_rules_on_disk_are_written_only_if_they_changed(load: Load, tmp_path: Path) -> None:
    found = pools(load(TEAM + JOE + JANE))
    assert written_pools(tmp_path) == ()
    write_pools(tmp_path, found)
    assert read_rules(rules_path(tmp_path)) == found == written_pools(tmp_path)
    os.utime(rules_path(tmp_path), ns=(1, 1))
    write_pools(tmp_path, pools(load(TEAM + JOE + JANE)))
    assert rules_path(tmp_path).stat().st_mtime_ns == 1
    write_pools(tmp_path, pools(load(TEAM + JOE)))
    assert len(read_rules(rules_path(tmp_path))[0].people) == 1


CHANGES = [
    (JOE + JANE, JOE + JANE, []),
    (JOE, JOE + JANE, ["Routing: jane joined."]),
    (JOE + JANE, JOE, ["Routing: jane left."]),
    (JOE + JANE, JOE + JANE + "paused = true\n", ["Routing: jane is paused."]),
    (JOE + JANE + "paused = true\n", JOE + JANE, ["Routing: jane is back."]),
    (JOE, JOE + "limit = 5\nshare = 0.5\n", ["Routing: joe's limit none -> 5; joe's share 1 -> 0.5."]),
    (JOE, JOE + 'only = { lang = ["sv", "en"] }\n', ["Routing: joe's only none -> lang = sv/en."]),
]


@pytest.mark.parametrize(("before", "after", "said"), CHANGES)
def test_what_is_said_of_a_change_of_people(load: Load, before: str, after: str, said: list[str]) -> None:
    assert notes(load(TEAM + before), load(TEAM + after)) == said


def test_what_is_said_of_other_rules(load: Load) -> None:
    other = TEAM.replace("1.2", "2").replace("5m", "90s").replace("seed = 3", 'order = "shuffled"')
    [line] = notes(load(TEAM + JOE + JANE), load(other + JOE + JANE))
    assert line == "Routing: annotations_per_task 1.2 -> 2; lease 300 -> 90; seed 3 -> 0; order source -> shuffled."
    [first] = routing_notes((), pools(load(TEAM + JOE + JANE)), state=Path("/nowhere"))
    assert first == "Routing: 1.2 answers per task, dealt out to joe, jane."


def test_lines_added_to_the_source_are_counted_where_it_was_indexed(load: Load, folder: Path) -> None:
    source = folder / "headlines.jsonl"
    old = load(TEAM + JOE)
    before = pools(old)
    index_source(str(source), by="task", folder=old.state / "index")
    with source.open("a") as file:
        file.write('{"text": "Two"}\n\n{"text": "Three"}\n')
    after = pools(load(TEAM + JOE))
    assert routing_notes(before, after, state=old.state) == ["Routing: headlines.jsonl has 2 new lines."]
    assert routing_notes(before, after, state=folder / "none") == ["Routing: headlines.jsonl has changed."]


def test_an_edited_source_or_roster_entry_of_another_is_no_change_of_a_routed_server(load: Load, folder: Path) -> None:
    def spec(text: str) -> dict[str, str]:
        roster = load(text)
        return dict(plan_server(roster, roster.servers[0], engine=EMBEDDED, environ={}).spec)

    unrouted = TEAM.replace(ROUTING, "")
    before = (spec(TEAM + JOE), spec(unrouted + JOE))
    assert "routing" not in before[1]  # as it was, so that an upgrade of this package restarts nobody
    (folder / "headlines.jsonl").write_text('{"text": "Edited"}\n')
    assert spec(TEAM + JOE + JANE) == before[0]
    assert spec(TEAM.replace("1.2", "all").replace("= all", '= "all"') + JOE) == before[0]
    assert spec(unrouted + JOE)["source"] != before[1]["source"]
    assert set(spec(TEAM + JOE).items()) ^ set(before[1].items())
    assert spec(TEAM + JOE + 'source = "labels.txt"\n')["source"] != before[0]["source"]


def test_what_routing_cannot_do_is_refused_with_the_reason(load: Load) -> None:
    own, shared = load(TEAM + JOE), load(TEAM + JOE + POOL)
    assert routing_problems(own, "embedded") == routing_problems(shared, "embedded") == []
    assert routing_problems(own, "prodigy") == []
    assert routing_problems(shared, "prodigy") == []
    without = load(TEAM.replace('source = "headlines.jsonl"\n', "").replace("ner.manual", "my.recipe") + JOE)
    [missing] = routing_problems(without, "prodigy")
    assert "joe names none" in missing.text


@pytest.mark.parametrize(
    ("task", "text"),
    [
        ('recipe = "my.recipe"\nargs = ["blank:en"]', "do not say where its source stands"),
        ('recipe = "my.recipe"\nargs = ["{source}", "--update"]', "asks none, one or several questions"),
        ('recipe = "ner.teach"\nlabels = ["A"]', "asks none, one or several questions"),
        ('recipe = "match"\npatterns = "labels.txt"', "asks none, one or several questions"),
        ('recipe = "ner.correct"\nlabels = ["A"]', "splits texts into sentences"),
        ('recipe = "ner.correct"\nargs = ["blank:en", "{source}", "-U"]', ""),
        ('recipe = "spans.correct"\nlabels = ["A"]', ""),
        ('recipe = "my.recipe"\nargs = ["{source}"]', ""),
    ],
)
def test_a_recipe_that_cannot_be_fed_task_by_task_is_refused(load: Load, task: str, text: str) -> None:
    source = 'source = "headlines.jsonl"\n' + ("" if "args" in task else 'model = "blank:en"\n')
    team = f'[team]\nname = "headlines"\n[task]\n{source}{task}\n' + ROUTING
    problems = routing_problems(load(team + JOE), "prodigy")
    assert [text in each.text for each in problems] == ([True] if text else [])


def test_prodigys_own_router_is_warned_of(load: Load) -> None:
    roster = load(TEAM.replace(ROUTING, "") + JOE + POOL)
    [warning] = own_router_warnings(roster, {"pool": "feed_overlap = false"})
    assert (warning.where, warning.warning) == ("server[0].annotators", True)
    assert "stops a lone annotator near their share" in warning.text
