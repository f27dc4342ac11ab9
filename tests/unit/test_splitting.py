"""A split is within a group of what was asked, leaks nothing, and leaves everybody's side alone when data grow."""

from __future__ import annotations

import random
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prodigy_team.curation.split import DEV, TEST, TRAIN, Shares, find_value, input_key, keys_of, split


def shares(dev: str = "0.2", test: str = "0", seed: int = 123, group_by: str | None = None) -> Shares:
    return Shares(Decimal(dev), Decimal(test), seed, group_by)


def inputs(count: int, start: int = 0) -> list[tuple[bytes, ...]]:
    return [keys_of({"text": f"text number {each}"}) for each in range(start, start + count)]


def documents(sizes: Sequence[int], start: int = 0) -> list[tuple[bytes, ...]]:
    return [
        keys_of({"text": f"paragraph {number} of {document}", "meta": {"doc_id": document}}, "doc_id")
        for document, size in enumerate(sizes, start)
        for number in range(size)
    ]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 12, 99, 100, 101, 852, 1000])
@pytest.mark.parametrize(("dev", "test"), [("0.2", "0"), ("0.2", "0.1"), ("0.1", "0.4"), ("0", "0.5"), ("0.01", "0")])
def test_every_side_is_within_one_input_of_its_share(count: int, dev: str, test: str) -> None:
    found = split(inputs(count), shares(dev, test))
    assert sum(found.inputs.values()) == count
    for side, share in ((DEV, dev), (TEST, test)):
        assert abs(found.inputs.get(side, 0) - Decimal(share) * count) <= 1
    if count >= 4:
        assert all(found.inputs.get(side, 0) >= 1 for side in shares(dev, test).sides)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=40), st.integers(0, 5))
def test_documents_of_all_sizes_come_within_half_a_group(sizes: list[int], seed: int) -> None:
    found = split(documents(sizes), shares("0.2", seed=seed, group_by="doc_id"))
    assert abs(found.inputs.get(DEV, 0) - Decimal("0.2") * sum(sizes)) <= max(Decimal(max(sizes)) / 2, 2)


def test_the_order_of_the_answers_makes_no_difference() -> None:
    answers = documents([3, 1, 7, 2, 2, 9, 4, 1, 5])
    mixed = random.Random(1).sample(answers, len(answers))
    one, other = (split(each, shares(test="0.1", group_by="doc_id")) for each in (answers, mixed))
    assert one.sides == other.sides


def test_another_seed_gives_another_split_and_the_same_seed_the_same() -> None:
    first, again, other = (split(inputs(200), shares(seed=seed)).sides for seed in (1, 1, 2))
    assert first == again
    assert first != other


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=2, max_size=6), st.sampled_from([("0.2", "0"), ("0.3", "0.15")]))
def test_nothing_earlier_changes_side_however_data_grow(steps: list[int], asked: tuple[str, str]) -> None:
    earlier: dict[bytes, str] = {}
    answers: list[tuple[bytes, ...]] = []
    for step in steps:
        answers += inputs(step, len(answers))
        found = split(random.Random(step).sample(answers, len(answers)), shares(*asked), earlier)
        assert {key: found.sides[key] for key in earlier} == earlier
        assert found.kept == len(earlier)
        assert abs(found.inputs.get(DEV, 0) - Decimal(asked[0]) * len(answers)) <= 1
        earlier = dict(found.sides)


def test_without_an_earlier_split_only_the_border_moves() -> None:
    before, after = split(inputs(1000), shares()).sides, split(inputs(1200), shares()).sides
    assert sum(before[key] != after[key] for key in before) <= 40


def test_white_space_makes_no_other_input() -> None:
    same = ["a b  c", "a b c", " a\nb\tc ", "a\u00a0b\u3000c", "abc"]
    assert len({input_key({"text": each}) for each in same}) == 1
    assert input_key({"text": "a b d"}) not in {input_key({"text": each}) for each in same}


def test_inputs_are_told_apart_by_contents_and_not_by_their_hash() -> None:
    one, other = {"text": "a", "_input_hash": 7}, {"text": "b", "_input_hash": 7}
    assert input_key(one) != input_key(other)
    assert input_key({"text": "a", "_input_hash": 8}) == input_key(one)
    assert input_key({"image": "a"}) != input_key(one) != input_key({"text": "a", "image": "x"})
    assert input_key({"_input_hash": 7, "x": 1}) == input_key({"_input_hash": 7, "x": 2})


@pytest.mark.parametrize(
    ("record", "key", "value"),
    [
        ({"meta": {"doc_id": 3}, "doc_id": 4}, "doc_id", 3),
        ({"doc_id": 4}, "doc_id", 4),
        ({"meta": {"doc": {"id": "x"}}}, "doc.id", "x"),
        ({"meta": {"doc": {"id": "x"}}}, "meta.doc.id", "x"),
        ({"meta": {"doc.id": "y"}}, "doc.id", "y"),
        ({"meta": "text"}, "doc_id", None),
        ({"meta": {"doc_id": None}}, "doc_id", None),
    ],
)
def test_the_key_of_a_group_is_looked_for_in_meta_first(record: dict[str, Any], key: str, value: Any) -> None:
    assert find_value(record, key) == value


def test_documents_that_share_a_paragraph_are_on_one_side() -> None:
    shared = [keys_of({"text": "same words", "meta": {"doc_id": each}}, "doc_id") for each in (0, 4, 8)]
    for seed in range(20):
        found = split([*documents([5] * 12), *shared], shares(seed=seed, group_by="doc_id"))
        assert len({found.sides[keys[1]] for keys in shared}) == 1
        assert sum(found.groups.values()) == 10


def test_an_answer_that_would_be_a_leak_on_either_side_is_refused() -> None:
    before = split(documents([5] * 10), shares(group_by="doc_id"))
    sides = {document: before.sides[keys_of({"text": "", "doc_id": document}, "doc_id")[1]] for document in range(10)}
    train, dev = (next(each for each, side in sides.items() if side == wanted) for wanted in (TRAIN, DEV))
    leak = keys_of({"text": f"paragraph 0 of {dev}", "meta": {"doc_id": train}}, "doc_id")
    found = split([*documents([5] * 10), leak], shares(group_by="doc_id"), before.sides)
    assert found.refused == {50}
    assert found.sides == before.sides


@pytest.mark.parametrize(("dev", "test"), [("1", "0"), ("0.5", "0.5"), ("-0.1", "0"), ("0", "1.5")])
def test_shares_that_leave_nothing_to_train_on_are_refused(dev: str, test: str) -> None:
    with pytest.raises(ValueError, match="shares"):
        shares(dev, test)
