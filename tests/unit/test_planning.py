"""What `up` decides, from the roster, the lockfile and what runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from prodigy_team.servers.lockfile import ServerRecord
from prodigy_team.servers.plan import (
    UpOptions,
    assign_ports,
    plan_revive,
    plan_up,
    record_failure,
    retry_delay,
)
from prodigy_team.servers.standing import Seen


@dataclass(frozen=True)
class Want:
    name: str
    port: int | None = None
    spec_hash: str = "same"
    spec: Mapping[str, str] = field(default_factory=lambda: {"recipe": "1"})
    part_of: str = ""


RUNNING = ServerRecord("joe", pid=10, started_at="boot:1", port=8081, spec_hash="same", spec={"recipe": "1"})
DEAD = replace(RUNNING)
STOPPED = replace(RUNNING, pid=None, wanted=False)
GIVEN_UP = replace(RUNNING, pid=None, given_up=True, problem="exited 1 five times in 10 minutes, given up.")
ALIVE = Seen(alive=True)
IN_USE = Seen(alive=True, idle_seconds=30)
AGAIN = Seen(alive=True, work_again=True)
CHANGED = Want("joe", spec_hash="other", spec={"recipe": "2"})

CASES = {
    "a new server is started": (Want("joe"), None, None, UpOptions(), "start"),
    "a running one is kept": (Want("joe"), RUNNING, ALIVE, UpOptions(), "keep"),
    "a dead one is started": (Want("joe"), DEAD, Seen(), UpOptions(), "start"),
    "one whose child lives on is started": (Want("joe"), DEAD, Seen(leftovers=True), UpOptions(), "start"),
    "a stopped one is started": (Want("joe"), STOPPED, Seen(), UpOptions(), "start"),
    "one in the middle of a stop is restarted": (
        Want("joe"),
        replace(RUNNING, stopping=True),
        ALIVE,
        UpOptions(),
        "restart",
    ),
    "one given up is left": (Want("joe"), GIVEN_UP, Seen(), UpOptions(), "given-up"),
    "one given up is started when named": (Want("joe"), GIVEN_UP, Seen(), UpOptions(names=("joe",)), "start"),
    "one given up is started when its entry changed": (CHANGED, GIVEN_UP, Seen(), UpOptions(), "start"),
    "one whose stream ended is restarted when there is work": (Want("joe"), RUNNING, AGAIN, UpOptions(), "restart"),
    "one whose stream ended is kept while somebody answers": (
        Want("joe"),
        RUNNING,
        replace(AGAIN, idle_seconds=30),
        UpOptions(),
        "keep",
    ),
    "one whose stream ended is restarted with --now": (
        Want("joe"),
        RUNNING,
        replace(AGAIN, idle_seconds=30),
        UpOptions(now=True),
        "restart",
    ),
    "a changed one is restarted when idle": (CHANGED, RUNNING, ALIVE, UpOptions(), "restart"),
    "a changed one is kept while somebody answers": (CHANGED, RUNNING, IN_USE, UpOptions(), "keep"),
    "a changed one is restarted at once with --now": (CHANGED, RUNNING, IN_USE, UpOptions(now=True), "restart"),
}


@pytest.mark.parametrize("case", CASES)
def test_up_decides(case: str) -> None:
    want, record, seen, options, action = CASES[case]

    (step,) = plan_up([want], {"joe": record} if record else {}, {"joe": seen} if seen else {}, {"joe": 8081}, options)

    assert step.action == action


def test_a_kept_but_changed_server_names_the_keys_and_what_to_do() -> None:
    (step,) = plan_up([CHANGED], {"joe": RUNNING}, {"joe": IN_USE}, {"joe": 8081}, UpOptions())

    assert step.changed == ("recipe",)
    assert "recipe" in step.problem
    assert "30 s ago" in step.problem
    assert "--now" in step.remedy


def test_only_named_servers_are_touched() -> None:
    steps = plan_up([Want("joe"), Want("jane")], {}, {}, {"joe": 1, "jane": 2}, UpOptions(names=("jane",)))

    assert [step.name for step in steps] == ["jane"]


@pytest.mark.parametrize(
    ("seen", "options", "expected"),
    [
        (ALIVE, UpOptions(), [("leave", False)]),
        (Seen(), UpOptions(), []),
        (ALIVE, UpOptions(remove_orphans=True), [("stop", True)]),
        (Seen(), UpOptions(remove_orphans=True), [("stop", True)]),
    ],
)
def test_a_server_that_left_the_roster_is_stopped_only_on_request(
    seen: Seen, options: UpOptions, expected: list[tuple[str, bool]]
) -> None:
    steps = plan_up([], {"joe": RUNNING}, {"joe": seen}, {}, options)

    assert [(step.action, step.forget) for step in steps] == expected


def test_without_a_port_a_server_is_blocked_with_the_remedy() -> None:
    (step,) = plan_up([Want("joe")], {}, {}, {"joe": None}, UpOptions())

    assert step.action == "blocked"
    assert "ports" in step.remedy


def record(name: str, port: int) -> ServerRecord:
    return replace(RUNNING, name=name, port=port)


@pytest.mark.parametrize(
    ("wanted", "records", "taken", "expected"),
    [
        ([Want("a"), Want("b")], [], (), {"a": 8081, "b": 8082}),
        ([Want("a"), Want("b")], [], (8081,), {"a": 8082, "b": 8083}),
        ([Want("a"), Want("b")], [record("b", 8081)], (), {"a": 8082, "b": 8081}),
        ([Want("a"), Want("b", 8081)], [record("a", 8081)], (), {"a": 8082, "b": 8081}),
        ([Want("a")], [record("gone", 8081)], (), {"a": 8082}),
        ([Want("a")], [record("a", 8081)], (8081,), {"a": 8081}),
        ([Want("a", 9000)], [record("a", 8081)], (), {"a": 9000}),
        ([Want(name) for name in "abcd"], [], (), {"a": 8081, "b": 8082, "c": 8083, "d": None}),
    ],
)
def test_ports_are_fixed_then_kept_then_the_next_free(
    wanted: list[Want], records: list[ServerRecord], taken: tuple[int, ...], expected: dict[str, int | None]
) -> None:
    assert assign_ports(wanted, {each.name: each for each in records}, range(8081, 8084), taken=taken) == expected


def test_revive_brings_back_only_what_died() -> None:
    records = {
        "died": replace(RUNNING, name="died"),
        "alive": replace(RUNNING, name="alive"),
        "ended": replace(RUNNING, name="ended"),
        "in the middle": replace(RUNNING, name="in the middle"),
        "stopped": replace(STOPPED, name="stopped"),
        "never came up": replace(RUNNING, name="never came up", pid=None),
        "given up": replace(GIVEN_UP, name="given up"),
    }

    seen = {"alive": ALIVE, "ended": AGAIN, "in the middle": replace(AGAIN, idle_seconds=30)}
    steps = plan_revive(records, seen)

    assert [(step.name, step.action) for step in steps] == [
        ("died", "start"),
        ("ended", "restart"),
        ("never came up", "start"),
        ("given up", "given-up"),
    ]


def test_the_fifth_failure_within_ten_minutes_gives_up_and_says_why() -> None:
    failing = RUNNING
    for minute in range(5):
        assert not failing.given_up
        failing = record_failure(failing, at=60.0 * minute, exit_code=1, cause="Can't find model")

    assert failing.given_up
    assert failing.problem == 'exited 1 five times in 10 minutes, given up: "Can\'t find model".'
    assert failing.pid is None


def test_failures_far_apart_never_give_up() -> None:
    failing = RUNNING
    for hour in range(20):
        failing = record_failure(failing, at=3600.0 * hour, exit_code=None, cause="")

    assert not failing.given_up
    assert failing.problem == "died."


def test_watch_brings_back_at_once_and_then_ever_later() -> None:
    assert [retry_delay(failures, jitter=1.0) for failures in (1, 2, 3, 4, 9)] == [0.0, 2.0, 4.0, 8.0, 60.0]


@pytest.mark.parametrize(
    ("seen", "now", "action"),
    [(ALIVE, False, "stop"), (IN_USE, False, "leave"), (IN_USE, True, "stop"), (Seen(), False, None)],
)
def test_the_server_of_somebody_paused_is_stopped_and_stays_theirs(seen: Seen, now: bool, action: str | None) -> None:
    """It has not left the roster, and whoever is in the middle of something goes on."""
    options = UpOptions(now=now, resting=frozenset({"joe"}))
    steps = plan_up([], {"joe": RUNNING}, {"joe": seen}, {}, options)
    assert [(step.action, step.forget) for step in steps] == ([] if action is None else [(action, False)])
    assert all(step.reason.startswith("paused") for step in steps)
