"""The population graph as a dense processor schedules it."""

from __future__ import annotations

from graphlib import TopologicalSorter

import numpy as np

from chipletsim.network.model import Network


def components(network: Network) -> np.ndarray:
    """Return int32 [populations]: the strongly connected component of each population.

    A projection lies on a cycle if and only if both its ends share a component.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ends = np.array(_edges(network), dtype=np.int64).reshape(-1, 2)
    shape = (len(network.populations),) * 2
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=shape)
    return connected_components(graph, directed=True, connection="strong")[1]


def topological_order(network: Network, component: np.ndarray) -> list[int]:
    """Return the components, each after all that feed it."""
    before: dict[int, set[int]] = {int(part): set() for part in component}
    for source, target in _edges(network):
        if component[source] != component[target]:
            before[int(component[target])].add(int(component[source]))
    return list(TopologicalSorter(before).static_order())


def _edges(network: Network) -> list[tuple[int, int]]:
    index = network.index
    return [(index[p.source], index[p.target]) for p in network.projections]
