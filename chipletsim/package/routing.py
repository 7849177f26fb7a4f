"""Routes: one least-cost tree per source router, fixed when the package is built."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from chipletsim.errors import ConfigError, Problem
from chipletsim.package.model import Chiplet, Link, Router, Tile

FEMTOSECONDS = 1e15
_EXACT = 2.0**53


class Graph(NamedTuple):
    """All that routes depend on; packages that differ in other numbers share them.

    Attributes:
        chiplet: Chiplet of each router.
        ends: Sending and receiving router of each link.
        preference: Order of choice among links of equal cost: less is preferred.
        cost_fs: What each link costs.
        sends: Whether each router has tiles, and so sends packets.
    """

    chiplet: tuple[int, ...]
    ends: tuple[tuple[int, int], ...]
    preference: tuple[tuple[int, bool], ...]
    cost_fs: tuple[int, ...]
    sends: tuple[bool, ...]


def link_cost_fs(link: Link, routers: Sequence[Router]) -> int:
    """Return what a link costs in routing, in whole femtoseconds, at least 1.

    ``latency + latency of the receiving router + flit / bandwidth``: the time one flit
    takes in an idle network, with retransmissions. Whole numbers make equal routes exactly
    equal.
    """
    spec = link.spec
    cost_s = (
        spec.expected_latency_s
        + routers[link.target].spec.latency_s
        + spec.flit_bits / spec.expected_bandwidth_bit_per_s
    )
    return max(1, round(cost_s * FEMTOSECONDS))


def route_all(
    chiplets: Sequence[Chiplet],
    routers: Sequence[Router],
    links: Sequence[Link],
    tiles: Sequence[Tile],
) -> np.ndarray:
    """Return the link by which packets from each router arrive at each other one.

    Traffic inside a die stays on the die. Traffic between dies takes the least cost
    among the routes that do not come back to the die of their source. Among equal costs
    the last link is one along y rather than x rather than another, one that does not wrap
    around, and the one of lowest index; so a uniform mesh has x-then-y routes. The
    cheapest of parallel links between two routers are dealt out in turn to the source
    routers with tiles whose routes cross there, so the packets of one source never part.

    Args:
        chiplets: All dies.
        routers: All routers.
        links: All directed links.
        tiles: All tiles.

    Returns:
        int32 [routers, routers], see `Package.incoming_link`.

    Raises:
        ConfigError: Some router cannot be reached from another.
    """
    with_tiles = {tile.router for tile in tiles}
    graph = Graph(
        chiplet=tuple(router.chiplet for router in routers),
        ends=tuple((link.source, link.target) for link in links),
        preference=tuple((-link.axis, link.wraps) for link in links),
        cost_fs=tuple(link_cost_fs(link, routers) for link in links),
        sends=tuple(number in with_tiles for number in range(len(routers))),
    )
    if sum(sorted(graph.cost_fs)[-len(routers) :]) >= _EXACT:
        slowest = links[max(range(len(links)), key=graph.cost_fs.__getitem__)]
        die = chiplets[routers[slowest.source].chiplet].type
        where = "network" if slowest.between_dies else f"chiplet_types.{die}.network"
        message = (
            f"a flit takes {link_cost_fs(slowest, routers) / FEMTOSECONDS:g} s over link"
            f" {slowest.name}, by its latency, its bandwidth and the latency of the router behind"
            " it; routes of more than 9 seconds are not supported"
        )
        raise ConfigError([Problem(message, f"{where}.link")])
    incoming = least_cost_trees(graph)
    if incoming is None:
        raise ConfigError(_unreachable(chiplets, routers, _distances(graph)))
    return incoming


@lru_cache(maxsize=4)
def least_cost_trees(graph: Graph) -> np.ndarray | None:
    """Return int32 [routers, routers], see `Package.incoming_link`; None if some are apart.

    The array is read-only, since the trees found last are kept for the next package.
    """
    distance = _distances(graph)
    if not np.isfinite(distance).all():
        return None
    incoming = _choose(graph, distance)
    incoming.setflags(write=False)
    return incoming


def _distances(graph: Graph) -> np.ndarray:
    """Return float64 [routers, routers] least costs by routes that never come back."""
    chiplet, cost = np.array(graph.chiplet), np.array(graph.cost_fs, np.float64)
    source, target = np.array(graph.ends, np.int64).reshape(-1, 2).T
    count = len(chiplet)
    distance = np.full((count, count), np.inf)
    for die in range(chiplet.max(initial=-1) + 1):
        enters = (chiplet[target] == die) & (chiplet[source] != die)
        usable = _least_cost_graph(source[~enters], target[~enters], cost[~enters], count)
        members = np.flatnonzero(chiplet == die)
        distance[members] = dijkstra(usable, indices=members)
    return distance


def _least_cost_graph(
    source: np.ndarray, target: np.ndarray, cost: np.ndarray, count: int
) -> csr_array:
    """Return the graph with the cheapest of parallel links (a sparse array would add them)."""
    order = np.lexsort((cost, target, source))
    pair = (source * count + target)[order]
    cheapest = order[np.r_[True, pair[1:] != pair[:-1]]] if len(order) else order
    entries = (cost[cheapest], (source[cheapest], target[cheapest]))
    return csr_array(entries, shape=(count, count))


def _choose(graph: Graph, distance: np.ndarray) -> np.ndarray:
    """Return the preferred one of the links that lie on a least-cost route."""
    chiplet, sends = np.array(graph.chiplet), np.array(graph.sends)
    count = len(chiplet)
    incoming = np.full((count, count), -1, np.int32)  # [target, source] while filling
    reach = np.ascontiguousarray(distance.T)  # reach[v, s] is the cost from s to v
    for group in _parallel_groups(graph):
        u, v = graph.ends[group[0]]
        take = (reach[u] + graph.cost_fs[group[0]] == reach[v]) & (incoming[v] < 0)
        if chiplet[u] != chiplet[v]:
            take &= chiplet != chiplet[v]
        turn = np.cumsum(take & sends)[take] - sends[take]
        incoming[v, take] = np.array(group, np.int32)[turn % len(group)]
    return np.ascontiguousarray(incoming.T)


def _parallel_groups(graph: Graph) -> list[list[int]]:
    """Return the cheapest links from each router to each other, preferred ones first."""

    def preference(number: int) -> tuple[int, bool, int, int]:
        return *graph.preference[number], *graph.ends[number]

    groups = []
    ordered = sorted(range(len(graph.cost_fs)), key=lambda number: (*preference(number), number))
    for _, parallel in groupby(ordered, key=preference):
        group = list(parallel)
        least = min(graph.cost_fs[number] for number in group)
        groups.append([number for number in group if graph.cost_fs[number] == least])
    # Sorting put parallel links side by side; between groups the index decides.
    return sorted(groups, key=lambda group: (*graph.preference[group[0]], group[0]))


def _unreachable(
    chiplets: Sequence[Chiplet], routers: Sequence[Router], distance: np.ndarray
) -> str:
    source, target = (int(i) for i in np.argwhere(~np.isfinite(distance))[0])
    a, b = routers[source], routers[target]
    if a.chiplet == b.chiplet:
        name = chiplets[a.chiplet].name
        return f"chiplet {name}: no route on the die from router {a.name} to {b.name}"
    names = {
        chiplets[routers[int(i)].chiplet].name
        for i in np.flatnonzero(~np.isfinite(distance[source]))
    }
    here = chiplets[a.chiplet].name
    return f"chiplet {here} has no route to {', '.join(sorted(names))}: add die-to-die links"
