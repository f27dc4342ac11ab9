"""What a pool of tasks is dealt out by: the roster's [routing] and people, as `up` writes them down for the servers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

from prodigy_team.errors import TeamError

VERSION = 1
"""Of the file's format; another one is refused."""


class RulesError(TeamError):
    """The file of rules is missing or cannot be read."""


@dataclass(frozen=True)
class Person:
    """Somebody who annotates in a pool.

    Attributes:
        dataset: Where their answers go.
        server: The server they annotate on.
        paused: They get nothing until this is taken away; what they answered counts.
        limit: At most so many tasks; None: no limit.
        share: Their part of the work relative to the others' 1, while all are active.
        only: Only tasks whose ``meta`` has one of these values under each of these keys.
        aliases: Session names under which they annotated earlier.
    """

    name: str
    dataset: str
    server: str
    paused: bool = False
    limit: int | None = None
    share: Decimal = Decimal(1)
    only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rules:
    """How one pool is dealt out: the servers with the same source and recipe.

    Attributes:
        pool: Its name, unique in the team.
        recipe: Of its servers; answers of people who left are found by it.
        source: As the roster resolved it: an absolute path, "dataset:NAME" or "sample:NAME".
        stamp: What tells the source's present state from an earlier one; "" where nothing can.
        annotations_per_task: Answers wanted per task, at least 1, exact as written; "all": one by everybody.
        lease: Seconds after which a task on somebody's screen may go to another.
        seed: Chooses which tasks are asked more often than others.
        order: "source" or "shuffled".
        stealing: Tasks may be taken over from somebody else's page, and leases run out.
        open: Whoever comes is let in; otherwise only ``people`` are.
        gold: Source of tasks with known answers, or None.
        gold_rate: Part of what each person gets that is taken from ``gold``.
        router: "FILE.py:FUNCTION" that says whether a task may go to a person, or None; the path is absolute.
    """

    pool: str
    team: str
    recipe: str
    source: str
    stamp: str
    people: tuple[Person, ...]
    annotations_per_task: Decimal | Literal["all"] = Decimal(1)
    lease: float = 1800.0
    seed: int = 0
    order: str = "source"
    stealing: bool = True
    open: bool = False
    gold: str | None = None
    gold_rate: Decimal = Decimal(0)
    router: str | None = None

    @cached_property
    def digest(self) -> str:
        """What changes whenever one of these rules does."""
        return blake2b(json.dumps(_as_json(self), sort_keys=True).encode(), digest_size=8).hexdigest()

    def person(self, name: str) -> Person | None:
        """The person of that name or alias."""
        return next((each for each in self.people if name == each.name or name in each.aliases), None)


def pool_name(recipe: str, source: str, by: str) -> str:
    """The name of the pool of servers that ask the same tasks in the same way."""
    return f"{recipe}-{blake2b(json.dumps([source, recipe, by]).encode(), digest_size=4).hexdigest()}"


def rules_path(state: Path) -> Path:
    """Where the rules of a team lie."""
    return state / "routing.json"


def encode_rules(rules: Iterable[Rules]) -> bytes:
    """What the file of rules holds for these pools: the same bytes for the same rules."""
    return json.dumps({"version": VERSION, "pools": [_as_json(each) for each in rules]}, indent=1).encode()


def read_rules(path: Path) -> tuple[Rules, ...]:
    """All pools' rules.

    Raises:
        RulesError: There is no such file, or it is none of ours.
    """
    try:
        content = json.loads(path.read_bytes())
        if content["version"] != VERSION:
            raise ValueError(f"version {content['version']}")
        return tuple(_from_json(each) for each in content["pools"])
    except (OSError, ValueError, KeyError, TypeError, ArithmeticError) as error:
        raise RulesError(
            f"{path} does not tell how tasks are dealt out ({error}).", remedy="prodigy-team up writes it again."
        ) from error


def _as_json(rules: Rules) -> dict[str, Any]:
    content = asdict(rules)
    for key in ("annotations_per_task", "gold_rate"):
        content[key] = str(content[key])
    for person in content["people"]:
        person["share"] = str(person["share"])
    return content


def _from_json(content: Mapping[str, Any]) -> Rules:
    wanted = content["annotations_per_task"]
    return Rules(
        **{
            **content,
            "people": tuple(_person(each) for each in content["people"]),
            "annotations_per_task": wanted if wanted == "all" else Decimal(wanted),
            "gold_rate": Decimal(content["gold_rate"]),
        }
    )


def _person(content: Mapping[str, Any]) -> Person:
    return Person(
        **{
            **content,
            "share": Decimal(content["share"]),
            "only": {key: tuple(values) for key, values in content["only"].items()},
            "aliases": tuple(content["aliases"]),
        }
    )
