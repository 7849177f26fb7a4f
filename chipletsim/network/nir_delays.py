"""The delays that NIR leaves open: which projections of a cycle act a step later."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from chipletsim.network.schedule import Edge, component_labels


def distances(count: int, edges: Iterable[Edge], inputs: list[int]) -> list[int]:
    """Return how many projections each population is away from the nearest input.

    Populations that no input reaches count from the first of them, which stands at 0.
    """
    successors: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        successors[source].append(target)
    distance: dict[int, int] = {}
    for start in (inputs, *([node] for node in range(count))):
        waiting = deque(node for node in start if node not in distance)
        distance.update(dict.fromkeys(waiting, 0))
        while waiting:
            source = waiting.popleft()
            for target in successors[source]:
                if target not in distance:
                    distance[target] = distance[source] + 1
                    waiting.append(target)
    return [distance[node] for node in range(count)]


def implied_delays(edges: list[Edge], distance: list[int]) -> list[int]:
    """Return 1 for each projection on a cycle that does not lead away from the inputs, else 0.

    Every cycle holds one, since distances cannot rise all the way round.
    """
    label = component_labels(len(distance), edges)
    return [
        int(label[source] == label[target] and distance[target] <= distance[source])
        for source, target in edges
    ]
