"""The order in which populations run: the condensed graph of the network."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from chipletsim.network.model import Network

Edge = tuple[int, int]


class Component(NamedTuple):
    """Populations that run together.

    Attributes:
        populations: Their indices, so that delay-0 projections point forward.
        cyclic: Whether they form a cycle and must run step by step.
    """

    populations: tuple[int, ...]
    cyclic: bool


def components(network: Network) -> list[Component]:
    """Return the strongly connected components, sources before targets.

    A component that is not cyclic is a single population; it can run over all time steps at
    once, since everything it receives is known by then. Ties are broken by index, so that
    the order depends on nothing but the network.
    """
    edges = projection_edges(network)
    label = component_labels(len(network.populations), edges)
    members: dict[int, list[int]] = {}
    for index in range(len(network.populations)):
        members.setdefault(label[index], []).append(index)
    between = [(label[s], label[t]) for s, t in edges if label[s] != label[t]]
    order = topological_order(len(members), between)
    return [_component(network, members[number], edges) for number in order]


def projection_edges(network: Network, *, same_step: bool = False) -> list[Edge]:
    """Return (source, target) population indices of the projections.

    Args:
        network: The network.
        same_step: Whether to leave out projections that act in a later step.
    """
    return [
        (network.index[projection.source], network.index[projection.target])
        for projection in network.projections
        if not (same_step and projection.delay)
    ]


def topological_order(count: int, edges: Iterable[Edge]) -> list[int]:
    """Return nodes so that edges point forward, the least index first among equals.

    Nodes on a cycle, or behind one, are left out.
    """
    successors: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for source, target in edges:
        successors[source].append(target)
        waiting[target] += 1
    ready = [node for node in range(count) if not waiting[node]]
    order = []
    while ready:
        order.append(node := heapq.heappop(ready))
        for target in successors[node]:
            waiting[target] -= 1
            if not waiting[target]:
                heapq.heappush(ready, target)
    return order


def find_cycle(count: int, edges: list[Edge]) -> list[int]:
    """Return the nodes of one cycle in the order of its edges, or [] if there is none."""
    ordered = set(topological_order(count, edges))
    previous = {t: s for s, t in edges if s not in ordered and t not in ordered}
    if not previous:
        return []
    node, path = next(iter(previous)), []
    while node not in path:
        path.append(node)
        node = previous[node]
    return path[path.index(node) :][::-1]


def component_labels(count: int, edges: list[Edge]) -> list[int]:
    """Return the strongly connected component of each node, numbered by least member."""
    from scipy import sparse  # files are checked without it
    from scipy.sparse.csgraph import connected_components

    sources, targets = np.array(edges, np.int64).reshape(-1, 2).T
    graph = sparse.coo_array((np.ones(len(edges)), (sources, targets)), shape=(count, count))
    _, label = connected_components(graph.tocsr(), directed=True, connection="strong")
    number: dict[int, int] = {}
    return [number.setdefault(int(value), len(number)) for value in label]


def _component(network: Network, members: list[int], edges: list[Edge]) -> Component:
    inside = set(members)
    cyclic = any(s in inside and t in inside for s, t in edges)
    if len(members) == 1:
        return Component((members[0],), cyclic)
    local = {index: position for position, index in enumerate(members)}
    same_step = [
        (local[s], local[t])
        for s, t in projection_edges(network, same_step=True)
        if s in inside and t in inside
    ]
    order = topological_order(len(members), same_step)
    return Component(tuple(members[position] for position in order), cyclic)
