"""Which inputs are trained on and which are held back: sides that stay as they are when data grow.

Answers that share an input, or a value of the metadata key that is asked for, form a group, and a group is on one side.
Groups are ordered by a hash of the seed and their keys, so the order of answers and sources does not matter. Dev takes
groups from the beginning of that order and test from its end, each as long as one more brings it nearer to its share
of the inputs; so both are within half a group of what was asked. That alone would move the border when data grow, so
groups that have a side from an earlier export keep it, and only new ones are dealt out, to what is still lacking.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import mmh3
import msgspec

from prodigy_team.tasks import INPUT_KEYS

TRAIN, DEV, TEST = "train", "dev", "test"
_encode = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True)
class Shares:
    """How much of the inputs is held back, and by what rule.

    Attributes:
        dev: Share of the inputs, 0 to 1; with ``test`` less than 1.
        test: The same.
        seed: Another one gives another split.
        group_by: Metadata key whose value keeps answers together; None: by input alone.
    """

    dev: Decimal = Decimal(0)
    test: Decimal = Decimal(0)
    seed: int = 0
    group_by: str | None = None

    def __post_init__(self) -> None:
        if min(self.dev, self.test) < 0 or self.dev + self.test >= 1:
            raise ValueError(f"dev {self.dev} and test {self.test} must be shares from 0 to below 1 together")

    @property
    def sides(self) -> tuple[str, ...]:
        """Those there are, in the order in which they are told."""
        return (TRAIN, *((DEV,) if self.dev else ()), *((TEST,) if self.test else ()))


@dataclass(frozen=True)
class Split:
    """Which side everything is on.

    Attributes:
        sides: Key to side, for every key of the answers that were dealt out.
        groups: Groups on each side.
        inputs: Different inputs on each side.
        kept: Groups that had a side from an earlier export.
        refused: Places of the answers that belong to groups on both sides: on either they would be a leak.
    """

    sides: Mapping[bytes, str]
    groups: Mapping[str, int] = field(default_factory=dict)
    inputs: Mapping[str, int] = field(default_factory=dict)
    kept: int = 0
    refused: frozenset[int] = frozenset()


def keys_of(record: Mapping[str, Any], group_by: str | None = None) -> tuple[bytes, ...]:
    """What binds an answer to others: its input, first, and the value of the metadata key where it has one.

    Returns:
        16 bytes each, over contents: of a million real inputs a hundred share a 32-bit hash.
    """
    value = None if group_by is None else find_value(record, group_by)
    own = input_key(record)
    return (own,) if value is None else (own, mmh3.hash_bytes(b"group:" + _encode(value)))


def input_key(record: Mapping[str, Any]) -> bytes:
    """What is asked about, 16 bytes: text, image, HTML and input; white space in a text makes no difference."""
    shown = {key: _squeezed(record[key]) for key in INPUT_KEYS if record.get(key) is not None}
    if shown:
        return mmh3.hash_bytes(b"input:" + _encode(shown))
    given = record.get("_input_hash")
    return mmh3.hash_bytes(f"hash:{given}" if isinstance(given, int) else b"record:" + _encode(record))


def find_value(record: Mapping[str, Any], key: str) -> Any:
    """The value of a metadata key: in `meta`, else of the answer itself; `a.b` looks inside `a`. None: it has none."""
    for start in (record.get("meta"), record):
        value: Any = start
        for part in key.split(".") if isinstance(start, dict) and key not in start else (key,):
            value = value.get(part) if isinstance(value, dict) else None
        if value is not None:
            return value
    return None


def split(answers: Iterable[Sequence[bytes]], shares: Shares, earlier: Mapping[bytes, str] | None = None) -> Split:
    """Deal answers out to the sides.

    Args:
        answers: Of each answer its keys, the input's first.
        earlier: Key to side, as an earlier split of fewer answers left it.
    """
    groups = _Groups(earlier or {})
    refused = frozenset(place for place, keys in enumerate(answers) if not groups.join(keys))
    members = groups.members()
    kept = sum(groups.side[root] is not None for root in members)
    sides = _deal(members, groups, shares)
    found = {key: sides[groups.root(number)] for key, number in groups.numbers.items()}
    inputs: Counter[str] = Counter()
    for root, side in sides.items():
        inputs[side] += groups.inputs[root]
    return Split(found, Counter(sides.values()), inputs, kept, refused)


def _deal(members: Mapping[int, bytes], groups: _Groups, shares: Shares) -> dict[int, str]:
    """Root of each group to its side."""
    sides = {root: side for root in members if (side := groups.side[root]) is not None}
    mark = f"{shares.seed}:".encode()
    order = sorted(
        (root for root in members if root not in sides), key=lambda root: mmh3.hash_bytes(mark + members[root])
    )
    total = sum(groups.inputs[root] for root in members)
    for side, share, candidates in ((DEV, shares.dev, order), (TEST, shares.test, order[::-1])):
        have = sum(groups.inputs[root] for root, its in sides.items() if its == side)
        lacking = share * total - have
        # Whoever asks for a dev set of three texts does not mean an empty one.
        if share and not have and 2 * lacking < 1 and len(members) > len(shares.sides):
            lacking = Decimal(1)
        for root in candidates:
            size = groups.inputs[root]
            if root not in sides and size <= 2 * lacking:
                sides[root] = side
                lacking -= size
    return {root: sides.get(root, TRAIN) for root in members}


class _Groups:
    """Keys that hang together, as a forest; a group's side is that of its earliest export."""

    def __init__(self, earlier: Mapping[bytes, str]) -> None:
        self._earlier = earlier
        self.numbers: dict[bytes, int] = {}
        self._parent: list[int] = []
        self.side: list[str | None] = []
        self.inputs: list[int] = []
        self._is_input: list[bool] = []

    def join(self, keys: Sequence[bytes]) -> bool:
        """Let an answer's keys hang together; False where that would join two sides, and then nothing is changed."""
        roots = {self.root(self.numbers[key]) for key in keys if key in self.numbers}
        sides = {side for root in roots if (side := self.side[root])}
        sides |= {self._earlier[key] for key in keys if key not in self.numbers and key in self._earlier}
        if len(sides) > 1:
            return False
        numbers = [self._number(key) for key in keys]
        self._count_input(numbers[0])
        first = self.root(numbers[0])
        for other in {self.root(each) for each in numbers[1:]} - {first}:
            self._parent[other] = first
            self.side[first] = self.side[first] or self.side[other]
            self.inputs[first] += self.inputs[other]
        return True

    def root(self, number: int) -> int:
        """The number that stands for a key's group."""
        parent = self._parent
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    def members(self) -> dict[int, bytes]:
        """Each group's root with its smallest key, which names it whatever the order of the answers was."""
        found: dict[int, bytes] = {}
        for key, number in self.numbers.items():
            root = self.root(number)
            if root not in found or key < found[root]:
                found[root] = key
        return found

    def _number(self, key: bytes) -> int:
        number = self.numbers.setdefault(key, len(self._parent))
        if number == len(self._parent):
            self._parent.append(number)
            self.side.append(self._earlier.get(key))
            self.inputs.append(0)
            self._is_input.append(False)
        return number

    def _count_input(self, number: int) -> None:
        if not self._is_input[number]:
            self._is_input[number] = True
            self.inputs[self.root(number)] += 1


def _squeezed(value: Any) -> Any:
    return "".join(value.split()) if isinstance(value, str) else value
