"""What a stream gives next: leased tasks as Prodigy is to see them, and when it waits or ends."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from prodigy_team.allocation.rules import Person, Rules, encode_rules, pool_name, rules_path
from prodigy_team.feeding.leasing import Leases, Nothing, Order
from prodigy_team.servers.pools import source_stamp
from prodigy_team.settings import Database


class Team:
    """A state folder, its rules and its source."""

    def __init__(self, folder: Path, cleanup: ExitStack) -> None:
        self.source = folder / "source.jsonl"
        self._state, self._cleanup = folder / "state", cleanup
        self._database = Database("sqlite", folder / "answers.db", "a test")
        self.rules = Rules(
            pool_name("textcat.manual", str(self.source), "input"), "team", "textcat.manual", str(self.source), "", ()
        )

    def write(self, tasks: Sequence[Mapping[str, Any]], **changes: Any) -> None:
        """Write the source, and the rules as `up` would."""
        self.source.write_text("".join(json.dumps(each) + "\n" for each in tasks))
        changes.setdefault("people", (Person("joe", "d_joe", "joe"), Person("jane", "d_jane", "jane")))
        self.rules = replace(self.rules, stamp=source_stamp(str(self.source)), **changes)
        self._state.mkdir(exist_ok=True)
        new = self._state / "new"
        new.write_bytes(encode_rules([self.rules]))
        new.replace(rules_path(self._state))

    def stream(self, name: str, *, label: str | None = None) -> Leases:
        """The stream of somebody's server, from its beginning."""
        by = "task" if label else "input"
        order = Order(name, self._state, "textcat.manual", str(self.source), by, label, self._database)
        leases = Leases(order)
        self._cleanup.callback(leases.close)
        return leases


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    with ExitStack() as cleanup:
        yield Team(tmp_path, cleanup)


def texts(count: int) -> list[dict[str, Any]]:
    """So many tasks."""
    return [{"text": f"text {number}"} for number in range(count)]


def take(stream: Leases) -> dict[str, Any]:
    """The next task."""
    line = stream.next_line()
    assert isinstance(line, bytes), line
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_stream_waits_for_what_others_hold_and_ends_where_nothing_can_come(team: Team) -> None:
    team.write(texts(3))
    joe, jane = team.stream("joe"), team.stream("jane")
    assert [take(joe)["text"], take(jane)["text"], take(joe)["text"]] == ["text 0", "text 1", "text 2"]
    assert joe.next_line() is Nothing.WAIT
    late = team.stream("nobody there")
    with pytest.raises(Exception, match="no rules for nobody there"):
        late.next_line()
    assert team.stream("jane").next_line() != Nothing.END  # her own open task comes first after a restart
    assert jane.next_line() is Nothing.WAIT
    team.write(texts(3), people=(Person("joe", "d_joe", "joe"), Person("jane", "d_jane", "jane", paused=True)))
    assert take(joe)["text"] == "text 1"
    assert joe.next_line() is Nothing.END  # what is left it was given already
    assert jane.next_line() is Nothing.END
    assert (joe.fed, joe.tasks) == (3, 3)


def test_who_was_given_nothing_is_told_at_once(team: Team) -> None:
    """Prodigy does not serve before it has its first task."""
    team.write(texts(1))
    take(team.stream("joe"))
    assert team.stream("jane").next_line() is Nothing.END


def test_an_edited_source_is_read_anew_by_whoever_notices_it_last(team: Team) -> None:
    team.write(texts(2))
    joe, jane = team.stream("joe"), team.stream("jane")
    assert take(joe)["text"] == "text 0"
    team.write([{"text": "put in front"}, *texts(2)])
    assert take(jane)["text"] == "put in front"
    assert take(joe)["text"] == "text 1"
    assert joe.tasks == 3


def test_known_answers_are_left_out(team: Team, tmp_path: Path) -> None:
    gold = tmp_path / "gold.jsonl"
    gold.write_text(json.dumps({"text": "known", "accept": ["A"], "answer": "accept", "meta": {"n": 1}}) + "\n")
    team.write(texts(4), gold=str(gold), gold_rate=Decimal("0.9"))
    joe = team.stream("joe")
    found = {each["text"]: each for each in (take(joe) for _ in range(3))}
    known = {key: value for key, value in found["known"].items() if not key.endswith("_hash")}
    assert known == {"text": "known", "meta": {"n": 1}}


def test_a_single_label_is_part_of_the_question(team: Team) -> None:
    """As the recipe makes it, so that its answers are known as answers to these tasks."""
    team.write(texts(1))
    first = take(team.stream("joe", label="A"))
    assert first["label"] == "A"
    assert {"_input_hash", "_task_hash"} <= first.keys()
