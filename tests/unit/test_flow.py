"""The largest flow, against the smallest cut over all cuts of small networks, and what stays true when units move."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as some

from prodigy_team.allocation.flow import Network

Edges = list[tuple[int, int, int]]
NODES = 6
EDGES = some.lists(
    some.tuples(some.integers(0, NODES - 1), some.integers(0, NODES - 1), some.integers(0, 9)), max_size=18
)


def build(edges: Edges) -> tuple[Network, list[int]]:
    network = Network(NODES)
    return network, [network.edge(*each) for each in edges]


def smallest_cut(edges: Edges) -> int:
    inner = range(1, NODES - 1)
    sides = ({0, *some_of} for size in range(NODES - 1) for some_of in combinations(inner, size))
    return min(sum(most for tail, head, most in edges if tail in side and head not in side) for side in sides)


@settings(max_examples=300, deadline=None)
@given(EDGES)
def test_the_largest_flow_is_the_smallest_cut(edges: Edges) -> None:
    network, numbers = build(edges)
    total = network.maximise(0, NODES - 1)
    assert total == smallest_cut(edges)
    balance = [0] * NODES
    for number, (tail, head, most) in zip(numbers, edges, strict=True):
        assert 0 <= network.flow(number) <= most
        balance[tail] -= network.flow(number)
        balance[head] += network.flow(number)
    assert balance == [-total, 0, 0, 0, 0, total]
    assert NODES - 1 not in network.reachable(0)
    assert network.path(0, NODES - 1) is None
    assert network.maximise(0, NODES - 1) == 0


def test_a_unit_is_moved_and_taken_out() -> None:
    """Two tasks, two people: who answers which is exchanged, then one answer is given."""
    network = Network(6)  # source 0, tasks 1 and 2, people 3 and 4, sink 5
    supply = [network.edge(0, task, 1) for task in (1, 2)]
    asked = {(task, person): network.edge(task, person, 1) for task in (1, 2) for person in (3, 4)}
    limits = {person: network.edge(person, 5, 1) for person in (3, 4)}
    assert network.maximise(0, 5) == 2
    theirs, other = (1, 2) if network.flow(asked[1, 3]) else (2, 1)
    way = network.path(3, other)
    assert way is not None
    network.push([*way, asked[other, 3]])
    assert network.flow(asked[other, 3]) == network.flow(asked[theirs, 4]) == 1
    network.take_out((supply[other - 1], asked[other, 3], limits[3]))
    assert [network.flow(edge) for edge in (*supply, *limits.values())].count(1) == 2
    assert network.maximise(0, 5) == 0
