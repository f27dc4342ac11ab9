"""Which judgement stands where people differ."""

from __future__ import annotations

import pytest

from prodigy_team.curation.policies import Vote, read_policy, spans_of_majority
from prodigy_team.errors import UsageError

ONE, TWO, THREE = (0, 1, "A"), (2, 3, "A"), (2, 3, "B")


def votes(said: str, *, times: str = "") -> list[Vote]:
    """`aab`: people 0 and 1 said a, 2 said b; in this order, at these times."""
    stamps = [None if each == "-" else float(each) for each in times or "-" * len(said)]
    return [Vote(f"p{at}", each.encode(), stamps[at]) for at, each in enumerate(said)]


@pytest.mark.parametrize(
    ("policy", "said", "stands"),
    [
        ("majority", "aab", b"a"),
        ("majority", "ab", None),
        ("majority", "aabb", None),
        ("majority", "aabcd", None),
        ("majority", "aaabc", b"a"),
        ("unanimous", "aab", None),
        ("review", "aab", None),
        ("latest", "abc", None),
        ("prefer=p1", "abc", b"b"),
        ("prefer=p9, p2", "abc", b"c"),
        ("prefer=p9", "abc", None),
    ],
)
def test_what_stands(policy: str, said: str, stands: bytes | None) -> None:
    assert read_policy(policy).settle(votes(said)) == stands


def test_the_latest_is_told_by_time_stamps() -> None:
    assert read_policy("latest").settle(votes("abc", times="352")) == b"b"
    assert read_policy("latest").settle(votes("abc", times="3--")) == b"a"
    assert read_policy("latest").settle(votes("abc", times="233")) is None, "a tie"
    assert read_policy("latest").settle(votes("abb", times="233")) == b"b"


@pytest.mark.parametrize("name", ["most", "prefer", "prefer=", "prefer= ,", "majority=joe", ""])
def test_what_is_no_policy(name: str) -> None:
    with pytest.raises(UsageError, match="no merge policy"):
        read_policy(name)


@pytest.mark.parametrize(
    ("marked", "stands"),
    [
        ([{ONE, TWO}, {ONE, THREE}, {ONE}], {ONE}),
        ([{ONE, TWO}, {ONE, TWO}, {ONE}], {ONE, TWO}),
        ([{ONE}, {TWO}, {THREE}], set()),
        ([{ONE, TWO}, {ONE}], None),
        ([{ONE}, {ONE}], {ONE}),
    ],
)
def test_spans_by_majority(marked: list[set[tuple[int, int, str]]], stands: set[tuple[int, int, str]] | None) -> None:
    found = spans_of_majority([frozenset(each) for each in marked])
    assert found == (None if stands is None else frozenset(stands))
