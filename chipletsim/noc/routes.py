"""Static routes as flat tables: paths link by link, and trees for latencies."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from chipletsim.noc.padding import padded, rounded_up
from chipletsim.package.model import Package

CHUNK = 8192
"""Class routes handled at once, which bounds the memory of a sweep over many packages."""
NO_CLASS = 2**31 - 1
_LEAST_ROUNDS = 5


def links_on_routes(
    package: Package, sources: np.ndarray, targets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the links of many routes.

    Args:
        package: The package with its routes.
        sources: int [routes], router where each route starts.
        targets: int [routes], router where it ends.

    Returns:
        int64 [hops], the route of each hop; int64 [hops], the link it takes.
    """
    link_source = package.link_source
    route = np.flatnonzero(sources != targets)
    here = np.asarray(targets, np.int64)[route]
    found = []
    while route.size:
        link = package.incoming_link[sources[route], here].astype(np.int64)
        found.append((route, link))
        here = link_source[link]
        away = here != sources[route]
        route, here = route[away], here[away]
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return np.concatenate([f[0] for f in found]), np.concatenate([f[1] for f in found])


class RouteTables(NamedTuple):
    """Routes in use, as trees of nodes; a node is a router as seen from a source router.

    Arrays of the host or of a device. Parents stand ``2^k`` hops up the tree in round k
    of ``jump``, so that sums along paths take as many rounds as jumps.

    Sizes are rounded up: nodes beyond the last are roots of nothing, and class routes
    beyond the last are of class `NO_CLASS`, which is out of range and dropped.

    Attributes:
        node_link: int32 [nodes], link by which packets arrive; -1 at a source router.
        node_source: int32 [nodes], the source router of the tree.
        jump: int32 [rounds, nodes], the node ``2^k`` hops nearer to the source, or -1.
        node_ends: bool [nodes], whether a route ends there.
        link_target: int32 [links], router that receives.
        route_class: int32 [chunks, CHUNK], class of events that take a route.
        route_node: int32 [chunks, CHUNK], node where that route ends.
    """

    node_link: Any
    node_source: Any
    jump: Any
    node_ends: Any
    link_target: Any
    route_class: Any
    route_node: Any


def route_tables(
    package: Package, route_class: np.ndarray, sources: np.ndarray, targets: np.ndarray
) -> RouteTables:
    """Return the tables of the routes that classes of events use.

    Args:
        package: The package with its routes.
        route_class: int [class routes], class of each route; classes repeat.
        sources: int [class routes], router where the route starts.
        targets: int [class routes], router where it ends.
    """
    count = len(package.routers)
    pair = np.asarray(sources, np.int64) * count + targets
    ends = np.zeros(count * count, bool)
    ends[pair] = True
    pairs = np.flatnonzero(ends)
    route, link = links_on_routes(package, pairs // count, pairs % count)
    used = ends.copy()
    used[0] = True  # so that the tables are never empty
    used[pairs // count * count + pairs // count] = True
    used[pairs[route] // count * count + package.link_target[link]] = True
    nodes = np.flatnonzero(used)
    number = np.full(used.size, -1, np.int32)
    number[nodes] = np.arange(nodes.size)
    source, router = nodes // count, nodes % count
    arriving = package.incoming_link[source, router]
    parent = np.full(nodes.size, -1, np.int32)
    inner = arriving >= 0
    parent[inner] = number[source[inner] * count + package.link_source[arriving[inner]]]
    size = rounded_up(nodes.size)
    chunks = rounded_up(-(-pair.size // CHUNK)) if pair.size > CHUNK else 1
    routes = chunks * CHUNK
    return RouteTables(
        node_link=padded(arriving.astype(np.int32), size, -1),
        node_source=padded(source.astype(np.int32), size, 0),
        jump=padded(_jumps(parent), size, -1),
        node_ends=padded(ends[nodes], size, 0),
        link_target=package.link_target.astype(np.int32),
        route_class=padded(np.asarray(route_class, np.int32), routes, NO_CLASS).reshape(-1, CHUNK),
        route_node=padded(number[pair], routes, 0).reshape(-1, CHUNK),
    )


def _jumps(parent: np.ndarray) -> np.ndarray:
    """Return int32 [rounds, nodes]: ancestors 1, 2, 4, ... hops up, -1 beyond the root."""
    rounds = [parent]
    while (rounds[-1] >= 0).any() or len(rounds) < _LEAST_ROUNDS:
        last = rounds[-1]
        rounds.append(np.where(last >= 0, last[last], -1))
    return np.stack(rounds).astype(np.int32)
