"""Maximum flow on small networks (Dinic's algorithm), kept open so that single units can be forced and taken out."""

from __future__ import annotations

from collections import deque


class Network:
    """Nodes 0 to n - 1 and edges with whole capacities; edge e's reverse is e ^ 1.

    Source: Dinitz (1970), Soviet Mathematics Doklady 11, 1277-1280; residual graphs as in Ford and Fulkerson (1956).
    """

    def __init__(self, nodes: int) -> None:
        self._edges: list[list[int]] = [[] for _ in range(nodes)]
        self._heads: list[int] = []
        self._left: list[int] = []

    def edge(self, tail: int, head: int, capacity: int) -> int:
        """Add an edge; its number."""
        number = len(self._heads)
        self._heads += (head, tail)
        self._left += (capacity, 0)
        self._edges[tail].append(number)
        self._edges[head].append(number + 1)
        return number

    def flow(self, edge: int) -> int:
        """What runs through an edge now."""
        return self._left[edge ^ 1]

    def maximise(self, source: int, sink: int) -> int:
        """Send as much more as possible from source to sink; how much that was."""
        sent = 0
        while (levels := self._levels(source))[sink] >= 0:
            tried = [0] * len(self._edges)
            while path := self._descend(source, sink, levels, tried):
                sent += self._fill(path)
        return sent

    def path(self, start: int, end: int) -> list[int] | None:
        """Edges of a shortest way with capacity left on all of it, or None."""
        came: dict[int, int] = {start: -1}
        queue = deque([start])
        while queue and end not in came:
            node = queue.popleft()
            for edge in self._edges[node]:
                head = self._heads[edge]
                if self._left[edge] and head not in came:
                    came[head] = edge
                    queue.append(head)
        return self._walk_back(came, end) if end in came else None

    def reachable(self, start: int) -> set[int]:
        """The nodes to which capacity is left from a node, itself included."""
        return {node for node, level in enumerate(self._levels(start)) if level >= 0}

    def push(self, path: list[int]) -> None:
        """Send one unit along edges that have capacity left."""
        for edge in path:
            self._left[edge] -= 1
            self._left[edge ^ 1] += 1

    def take_out(self, edges: tuple[int, ...]) -> None:
        """Take one unit of flow, and the capacity it used, out of edges that carry some."""
        for edge in edges:
            self._left[edge ^ 1] -= 1

    def _levels(self, source: int) -> list[int]:
        levels = [-1] * len(self._edges)
        levels[source] = 0
        queue = deque([source])
        heads, left = self._heads, self._left
        while queue:
            node = queue.popleft()
            below = levels[node] + 1
            for edge in self._edges[node]:
                if left[edge] and levels[heads[edge]] < 0:
                    levels[heads[edge]] = below
                    queue.append(heads[edge])
        return levels

    def _descend(self, source: int, sink: int, levels: list[int], tried: list[int]) -> list[int]:
        """A way down the levels; [] when there is none left. Edges that led nowhere are not tried again."""
        path: list[int] = []
        node = source
        while node != sink:
            edge = self._next_down(node, levels, tried)
            if edge is not None:
                path.append(edge)
                node = self._heads[edge]
            elif path:
                node = self._heads[path.pop() ^ 1]
                tried[node] += 1
            else:
                return []
        return path

    def _next_down(self, node: int, levels: list[int], tried: list[int]) -> int | None:
        edges = self._edges[node]
        while tried[node] < len(edges):
            edge = edges[tried[node]]
            if self._left[edge] and levels[self._heads[edge]] == levels[node] + 1:
                return edge
            tried[node] += 1
        return None

    def _fill(self, path: list[int]) -> int:
        amount = min(self._left[edge] for edge in path)
        for edge in path:
            self._left[edge] -= amount
            self._left[edge ^ 1] += amount
        return amount

    def _walk_back(self, came: dict[int, int], end: int) -> list[int]:
        path: list[int] = []
        node = end
        while (edge := came[node]) >= 0:
            path.append(edge)
            node = self._heads[edge ^ 1]
        return path[::-1]
