"""Routes: one least-cost tree per source router, fixed when the package is built."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from chipletsim.errors import ConfigError
from chipletsim.package.model import Chiplet, Link, Router

FEMTOSECONDS = 1e15
_EXACT = 2.0**53


def link_cost_fs(link: Link, routers: Sequence[Router]) -> int:
    """Return what a link costs in routing, in whole femtoseconds, at least 1.

    ``latency + latency of the receiving router + flit / bandwidth``: the time one flit
    takes in an idle network. Whole numbers make equal routes exactly equal.
    """
    spec = link.spec
    cost_s = (
        spec.latency_s
        + routers[link.target].spec.latency_s
        + spec.flit_bits / spec.bandwidth_bit_per_s
    )
    return max(1, round(cost_s * FEMTOSECONDS))


def route_all(
    chiplets: Sequence[Chiplet], routers: Sequence[Router], links: Sequence[Link]
) -> np.ndarray:
    """Return the link by which packets from each router arrive at each other one.

    Traffic inside a die stays on the die. Traffic between dies takes the least cost
    among the routes that do not come back to the die they left. Among equal costs the
    last link is one along y rather than x rather than another, one that does not wrap
    around, and the one of lowest index; so a uniform mesh has x-then-y routes.
    Parallel links between two routers are shared out by source router.

    Args:
        chiplets: All dies.
        routers: All routers.
        links: All directed links.

    Returns:
        int32 [routers, routers], see `Package.incoming_link`.

    Raises:
        ConfigError: Some router cannot be reached from another.
    """
    cost = np.array([link_cost_fs(link, routers) for link in links], np.float64)
    if np.sort(cost)[::-1][: len(routers)].sum() >= _EXACT:
        raise ConfigError("links are so slow that a route may take more than 9 seconds")
    chiplet = np.array([router.chiplet for router in routers])
    distance = _distances(chiplet, len(chiplets), links, cost)
    if not np.isfinite(distance).all():
        raise ConfigError(_unreachable(chiplets, routers, distance))
    return _choose(chiplet, links, cost, distance)


def _distances(
    chiplet: np.ndarray, chiplets: int, links: Sequence[Link], cost: np.ndarray
) -> np.ndarray:
    """Return float64 [routers, routers] least costs by routes that never re-enter a die."""
    source = np.array([link.source for link in links], np.int64)
    target = np.array([link.target for link in links], np.int64)
    count = len(chiplet)
    distance = np.full((count, count), np.inf)
    for die in range(chiplets):
        enters = (chiplet[target] == die) & (chiplet[source] != die)
        graph = _least_cost_graph(source[~enters], target[~enters], cost[~enters], count)
        members = np.flatnonzero(chiplet == die)
        distance[members] = dijkstra(graph, indices=members)
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


def _choose(
    chiplet: np.ndarray, links: Sequence[Link], cost: np.ndarray, distance: np.ndarray
) -> np.ndarray:
    """Return the preferred one of the links that lie on a least-cost route."""
    count = len(chiplet)
    incoming = np.full((count, count), -1, np.int32)  # [target, source] while filling
    reach = np.ascontiguousarray(distance.T)  # reach[v, s] is the cost from s to v
    everyone = np.arange(count)

    def preference(number: int) -> tuple[int, bool, int, int]:
        link = links[number]
        return -link.axis, link.wraps, link.source, link.target

    ordered = sorted(range(len(links)), key=lambda number: (*preference(number), number))
    groups = [list(group) for _, group in groupby(ordered, key=preference)]
    # Python's sort put parallel links side by side; between groups the index decides.
    groups.sort(key=lambda group: (*preference(group[0])[:2], group[0]))
    for group in groups:
        u, v = links[group[0]].source, links[group[0]].target
        tight = reach[u] + cost[group][:, None] == reach[v]
        if chiplet[u] != chiplet[v]:
            tight[:, chiplet == chiplet[v]] = False
        turn = (np.arange(len(group))[:, None] + everyone) % len(group)
        tight = np.take_along_axis(tight, turn, axis=0)
        pick = np.array(group, np.int32)[turn[tight.argmax(axis=0), everyone]]
        take = tight.any(axis=0) & (incoming[v] < 0)
        incoming[v, take] = pick[take]
    return np.ascontiguousarray(incoming.T)


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
