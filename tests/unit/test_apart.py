"""Shared servers that Prodigy runs as one server for each annotator: what they are, how one shape follows another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from prodigy_team.roster import apart_notes, gateway_problems, routing_problems, taken_apart
from prodigy_team.servers.engines import PRODIGY, plan_server
from prodigy_team.servers.lockfile import ServerRecord
from prodigy_team.servers.plan import UpOptions, plan_up
from prodigy_team.servers.pools import read_pools
from prodigy_team.servers.standing import Seen
from roster_lines import ANA, JOE, POOL, TASK, Load

ROUTING = "[routing]\nannotations_per_task = 1.2\n"
TEAM = '[team]\nname = "headlines"\nports = "8081-8084"\n' + TASK + ROUTING


def test_each_annotator_gets_a_server_and_all_of_them_one_dataset(load: Load) -> None:
    roster = load(TEAM + JOE + POOL + 'port = 9000\nenv = { A = "b" }\n')
    apart = taken_apart(roster, PRODIGY)
    assert [(each.name, each.annotators, each.port, each.part_of) for each in apart.servers] == [
        ("joe", ("joe",), None, ""),
        ("pool-ana", ("ana",), 9000, "pool"),
        ("pool-bob", ("bob",), None, "pool"),
    ]
    whole, (_, ana, bob) = roster.servers[1], apart.servers
    same = {"name": "pool", "annotators": ("ana", "bob"), "shared": True, "port": 9000, "part_of": ""}
    assert replace(ana, **same) == replace(bob, **same) == whole  # type: ignore[arg-type]
    assert {each.name: each.server for each in apart.annotators} == {"joe": "joe", "ana": "pool-ana", "bob": "pool-bob"}
    assert taken_apart(apart, PRODIGY) == apart
    [note] = apart_notes(apart)
    assert note.startswith("pool runs as one Prodigy for each of its annotators (pool-ana, pool-bob), all on dataset")
    assert apart_notes(roster) == []


def test_nothing_else_is_taken_apart(load: Load) -> None:
    shared = load(TEAM + POOL)
    assert taken_apart(shared, "embedded") is shared
    for text in (TEAM.replace(ROUTING, "") + POOL, TEAM + POOL.replace(', "bob"', ""), TEAM + JOE):
        roster = load(text)
        assert taken_apart(roster, PRODIGY) == roster


def test_who_is_paused_rests_and_leaves_the_others_where_they_are(load: Load) -> None:
    text = TEAM + ANA + "paused = true\n" + POOL + "port = 9000\n"
    apart = taken_apart(load(text), PRODIGY)
    assert [(each.name, each.port) for each in apart.servers] == [("pool-bob", None)]
    assert [(each.name, each.port) for each in apart.resting] == [("pool-ana", 9000)]
    everybody = taken_apart(load(text + '[[annotator]]\nname = "bob"\npaused = true\n'), PRODIGY)
    assert everybody.servers == ()
    assert {each.name for each in everybody.resting} == {"pool-ana", "pool-bob"}


def test_everybody_is_dealt_to_on_their_own_server(load: Load) -> None:
    roster = load(TEAM + JOE + ANA + "paused = true\n" + POOL)
    [rules] = read_pools(taken_apart(roster, PRODIGY), {})
    assert [(each.name, each.server, each.dataset, each.paused) for each in rules.people] == [
        ("joe", "joe", "headlines_joe", False),
        ("ana", "pool-ana", "headlines_pool", True),
        ("bob", "pool-bob", "headlines_pool", False),
    ]
    [whole] = read_pools(roster, {})
    assert whole.pool == rules.pool


@pytest.mark.parametrize(
    ("text", "where", "said", "remedy"),
    [
        (POOL.replace("pool", "p" * 38), "server[0].name", "42 characters", "Shorten a name."),
        (
            POOL + JOE.replace("joe", "Pool-Bob"),
            "server[0].name",
            "pool-bob, which is taken",
            "Rename pool or Pool-Bob.",
        ),
        (
            '[[server]]\nname = "a"\nannotators = ["b-c", "d"]\n'
            '[[server]]\nname = "a-b"\nannotators = ["c", "e"]\ndataset = "x"\n',
            "server[1].name",
            "a-b-c, which is taken",
            "Rename a-b or a-b-c.",
        ),
        (POOL.replace('"bob"', '"b", "c", "d", "e"'), "team.ports", "4 free ports for 5 servers", "8081-8085"),
    ],
    ids=["too long", "somebody's name", "another part's name", "ports"],
)
def test_what_keeps_a_server_together_is_refused(load: Load, text: str, where: str, said: str, remedy: str) -> None:
    roster = load(TEAM + text)
    assert routing_problems(roster, "embedded") == []
    [problem] = routing_problems(roster, PRODIGY)
    assert problem.where == where
    assert said in problem.text
    assert remedy in problem.remedy


def test_behind_a_gateway_parts_are_let_in(load: Load) -> None:
    gateway = '[gateway]\nport = 8070\npublic_url = "https://example.org"\n'
    roster = load(TEAM + POOL + gateway)
    assert gateway_problems(taken_apart(roster, PRODIGY), PRODIGY) == []
    [problem] = gateway_problems(load(TEAM.replace(ROUTING, "") + POOL + gateway), PRODIGY)
    assert "add [routing]" in problem.remedy


def test_a_part_is_started_for_its_annotator_alone(load: Load, folder: Path) -> None:
    text = (
        TEAM.replace("[task]\n", '[task]\nargs = ["{server}", "{annotator}", "{source}"]\n')
        .replace('model = "blank:en"\n', "")
        .replace('labels = ["A", "B"]\n', "")
    )
    (folder / "prodigy.json").write_text('{"feed_overlap": false}')
    _, bob = taken_apart(load(text + POOL), PRODIGY).servers
    plan = plan_server(load(text + POOL), bob, engine=PRODIGY, environ={}).with_port(9001)
    assert plan.argv == ("ner.manual", "headlines_pool", "pool", "bob", "-")
    assert plan.env["PRODIGY_ALLOWED_SESSIONS"] == "bob"
    assert json.loads(plan.env["PRODIGY_CONFIG_OVERRIDES"])["feed_overlap"] is True
    assert plan.url == "http://127.0.0.1:9001/?session=bob"
    own = plan_server(load(text + JOE), load(text + JOE).servers[0], engine=PRODIGY, environ={})
    assert "feed_overlap" not in json.loads(own.env["PRODIGY_CONFIG_OVERRIDES"])


@dataclass(frozen=True)
class Want:
    name: str
    port: int | None = None
    spec_hash: str = ""
    spec: Mapping[str, str] = field(default_factory=dict)
    part_of: str = ""


EVERYTHING = UpOptions()
ALIVE, IN_USE = Seen(alive=True), Seen(alive=True, idle_seconds=30)
WHOLE = ServerRecord("pool", ("ana", "bob"), pid=1, port=8081)
PARTS = {name: ServerRecord(f"pool-{name}", (name,), pid=1, port=8081, part_of="pool") for name in ("ana", "bob")}
APART = [Want("joe"), *(Want(each.name, part_of="pool") for each in PARTS.values())]
TOGETHER = [Want("joe"), Want("pool")]
PORTS = {each.name: 8081 for each in (*APART, *TOGETHER)}


def decided(
    wanted: list[Want], records: list[ServerRecord], seen: dict[str, Seen], options: UpOptions = EVERYTHING
) -> dict[str, str]:
    """What `up` decides for each server."""
    steps = plan_up(wanted, {each.name: each for each in records}, seen, PORTS, options)
    assert all(step.problem for step in steps if step.action == "keep" and seen[step.name].in_use)
    assert all(step.forget == (step.name not in options.resting) for step in steps if step.action == "stop")
    return {step.name: step.action for step in steps}


@pytest.mark.parametrize("seen", [ALIVE, Seen(), Seen(leftovers=True)], ids=["runs", "stopped", "leftovers"])
def test_the_shape_before_goes_when_its_place_is_taken(seen: Seen) -> None:
    assert decided(APART, [WHOLE], {"pool": seen}) == {
        "pool": "stop",
        "joe": "start",
        "pool-ana": "start",
        "pool-bob": "start",
    }
    parts = {each.name: seen for each in PARTS.values()}
    assert decided(TOGETHER, [*PARTS.values()], parts) == {
        "pool-ana": "stop",
        "pool-bob": "stop",
        "joe": "start",
        "pool": "start",
    }


def test_it_stays_while_somebody_is_in_the_middle_and_all_of_it() -> None:
    assert decided(APART, [WHOLE], {"pool": IN_USE}) == {"pool": "keep", "joe": "start"}
    parts = {"pool-ana": IN_USE, "pool-bob": ALIVE}
    assert decided(TOGETHER, [*PARTS.values()], parts) == {"pool-ana": "keep", "pool-bob": "keep", "joe": "start"}
    gone = UpOptions(now=True)
    assert decided(APART, [WHOLE], {"pool": IN_USE}, gone)["pool"] == "stop"
    assert decided(TOGETHER, [*PARTS.values()], parts, gone)["pool-ana"] == "stop"


def test_who_names_one_part_means_the_change_of_all_and_others_mean_none() -> None:
    whole = {"pool": ALIVE}
    everything = {"pool": "stop", "pool-ana": "start", "pool-bob": "start"}
    assert decided(APART, [WHOLE], whole, UpOptions(names=("pool-bob",))) == everything
    assert decided(APART, [WHOLE], whole, UpOptions(names=("joe",))) == {"joe": "start"}


def test_a_part_of_somebody_who_left_or_is_paused_is_no_other_shape() -> None:
    cy = ServerRecord("pool-cy", ("cy",), pid=1, port=8082, part_of="pool")
    records, seen = [*PARTS.values(), cy], dict.fromkeys(("pool-ana", "pool-bob", "pool-cy"), ALIVE)
    assert decided(APART, records, seen)["pool-cy"] == "leave"
    assert decided(APART, records, seen, UpOptions(resting=frozenset({"pool-cy"})))["pool-cy"] == "stop"
