"""In which bucket each task of a pool belongs by the rules: how often it is asked, of whom, and whom it falls to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from hashlib import blake2b
from typing import Any

from prodigy_team.allocation.buckets import ALL
from prodigy_team.allocation.draw import base, order_key, preferred
from prodigy_team.allocation.ledger.values import ReadTask, Router
from prodigy_team.allocation.rules import Person, Rules


@dataclass(frozen=True)
class Targets:
    """What the rules say of single tasks.

    Attributes:
        numbers: Of the roster's people who are not paused, by name.
        read: The task at a place; only called where `only` or a router depends on it.
    """

    rules: Rules
    numbers: Mapping[str, int]
    read: ReadTask | None
    router: Router | None

    @cached_property
    def least(self) -> int:
        """Answers that each task gets at least; `ALL`."""
        wanted = self.rules.annotations_per_task
        return ALL if wanted == "all" else base(wanted)

    @cached_property
    def judged(self) -> bool:
        """Whether who may be asked depends on the task."""
        return self.router is not None or any(each.only for each in self.rules.people)

    @cached_property
    def shares(self) -> Mapping[int, Decimal]:
        """By number; empty where they do not differ, or decide nothing."""
        shares = {self.numbers[each.name]: each.share for each in self.rules.people if each.name in self.numbers}
        return shares if len(set(shares.values())) > 1 and self.least != ALL else {}

    @cached_property
    def plain(self) -> bool:
        """Whether all tasks are alike but for how often they are asked."""
        return not self.judged and not self.shares

    @cached_property
    def digest(self) -> str:
        """What changes when tasks may belong into other buckets, beyond those that are new, gone or newly drawn."""
        judged = [(each.name, sorted(each.only.items())) for each in self.rules.people] if self.judged else []
        shares = sorted((number, str(share)) for number, share in self.shares.items())
        parts = (self.least, judged, shares, self.rules.router, self.rules.seed if shares else 0)
        return blake2b(
            repr((parts, sorted(self.numbers.items()) if self.judged else ())).encode(), digest_size=8
        ).hexdigest()

    def order(self, place: int, identity: bytes) -> int:
        """What tasks are dealt in the order of."""
        return order_key(self.rules.seed, identity) if self.rules.order == "shuffled" else place

    def target(self, *, chosen: bool) -> int:
        """How many people are asked."""
        return self.least if self.least == ALL else self.least + chosen

    def eligible(self, place: int) -> int | None:
        """Mask of those who may be asked; None: everybody."""
        if not self.judged:
            return None
        task: Mapping[str, Any] = self.read(place) if self.read is not None else {}
        people = [each for each in self.rules.people if each.name in self.numbers]
        able = [each for each in people if self._may(task, each)]
        return None if len(able) == len(people) else sum(1 << self.numbers[each.name] for each in able)

    def preferred(self, identity: bytes, target: int, eligible: int | None) -> int | None:
        """Mask of those it falls to by their shares; None where shares do not differ."""
        able = {number: share for number, share in self.shares.items() if eligible is None or eligible >> number & 1}
        return preferred(identity, target, able, self.rules.seed) if able else None

    def _may(self, task: Mapping[str, Any], person: Person) -> bool:
        meta = task.get("meta")
        values = meta if isinstance(meta, dict) else {}
        fits = all(str(values.get(key)) in wanted for key, wanted in person.only.items())
        return fits and (self.router is None or bool(self.router(task, person.name)))
