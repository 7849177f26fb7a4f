"""Routes of a burst file: from a router, towards a node, to the next router."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from chipletsim.exchange.bursts.document import Document, shown
from chipletsim.exchange.bursts.topology import Topology

NextRouters = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Next router of each router towards each node; the router itself where the node is to be."""
MAX_TABLE = 1 << 26


class Paths(NamedTuple):
    """Ways from nodes to nodes.

    Attributes:
        routers: int64 [paths]: routers that each visits.
        port: int64 [sum of routers]: output port of the network at each, path by path.
    """

    routers: np.ndarray
    port: np.ndarray


def read_routes(document: Document, topology: Topology) -> NextRouters | None:
    """Return the routes of a file; None, and faults of the document, if there are none."""
    if not document.needed(document.root, (), "routes", ()):
        return None
    routes = document.root["routes"]
    if routes == "XY":
        return _xy(document, topology)
    if routes == "up-down":
        return _up_down(document, topology)
    if not isinstance(routes, list):
        document.fault(f'expected "XY", "up-down" or a table, got {shown(routes)}', "routes")
        return None
    if document.many(routes, topology.routers, "rows, one of each router", "routes") is None:
        return None
    table = document.rows(routes, [(0, topology.routers - 1)] * topology.nodes, "routes")
    return None if table is None else _table(table)


def _table(table: np.ndarray) -> NextRouters:
    return lambda router, node: table[router, node]


def _xy(document: Document, topology: Topology) -> NextRouters | None:
    """First along x until that is right, then along y; router = y * columns + x."""
    columns = topology.columns
    if columns is None:
        document.fault('routes "XY" need `k`, the routers of a row', "topology")
        return None

    def towards(router: np.ndarray, node: np.ndarray) -> np.ndarray:
        target = topology.node_router[node]
        along_x = np.sign(target % columns - router % columns)
        along_y = np.sign(target // columns - router // columns) * columns
        return router + np.where(along_x != 0, along_x, along_y)

    return towards


def _up_down(document: Document, topology: Topology) -> NextRouters | None:
    """Up links to where only down links are left: no cycle of channels, on any topology.

    Routers are ranked by their distance from router 0, then by number; a link to a lower rank
    leads up. From a router that reaches another by down links alone, the least of them are taken;
    else the least way that goes up first. So a packet that came down never goes up again (M.
    Schroeder et al., IEEE J. Selected Areas in Communications 9(8), 1991).
    """
    routers = topology.routers
    if routers * routers > MAX_TABLE:
        message = f'routes "up-down" are made for at most {int(MAX_TABLE**0.5):,} routers'
        document.fault(message, "routes")
        return None
    neighbours: list[list[int]] = [[] for _ in range(routers)]
    for source, target in sorted(topology.links):
        neighbours[source].append(target)
    order = _from_root(neighbours)
    if len(order) < routers:
        alone = min(set(range(routers)) - set(order))
        document.fault(f"router {alone} is not linked to router 0", "routes")
        return None
    rank = {router: place for place, router in enumerate(order)}
    far = 2 * routers
    steps = np.full((routers, routers), far, np.int32)
    table = np.tile(np.arange(routers, dtype=np.int32)[:, None], routers)
    for router in reversed(order):
        steps[router, router] = 0
        _improve(steps, table, router, [q for q in neighbours[router] if rank[q] > rank[router]])
    for router in order:
        up = [q for q in neighbours[router] if rank[q] < rank[router]]
        only_up = steps[router] == far
        _improve(steps, table, router, up, only_up)
    return lambda router, node: table[router, topology.node_router[node]].astype(np.int64)


def _from_root(neighbours: list[list[int]]) -> list[int]:
    """Return routers by distance from router 0, then by number."""
    level, order, seen = [0], [0], {0}
    while level:
        level = sorted({q for router in level for q in neighbours[router]} - seen)
        seen.update(level)
        order += level
    return order


def _improve(
    steps: np.ndarray,
    table: np.ndarray,
    router: int,
    by: list[int],
    where: np.ndarray | bool = True,
) -> None:
    """Go by the first of some neighbours that makes the least steps."""
    for neighbour in by:
        better = (steps[neighbour] + 1 < steps[router]) & where
        steps[router][better] = steps[neighbour][better] + 1
        table[router][better] = neighbour


def follow(
    document: Document, topology: Topology, towards: NextRouters, pairs: np.ndarray
) -> Paths | None:
    """Return the ways between nodes; None, and faults of the document, if routes do not lead there.

    Args:
        document: The file.
        topology: Its network.
        towards: Its routes.
        pairs: int64 [paths, 2]: source and destination node.
    """
    port_to, port_of = topology.ports_to("router"), topology.ports_to("node")
    key = np.array([r * topology.routers + q for r, q in port_to], np.int64)
    by_key = np.argsort(key)
    key, ports = key[by_key], np.array(list(port_to.values()), np.int64)[by_key]
    node_port = np.array([port_of[int(r), d] for d, r in enumerate(topology.node_router)], np.int64)
    path, node = np.arange(len(pairs)), pairs[:, 1]
    router = topology.node_router[pairs[:, 0]]
    visited: list[tuple[np.ndarray, np.ndarray]] = []
    while len(path):
        following = towards(router, node)
        ends = following == router
        wrong = ends != (router == topology.node_router[node])
        at = np.searchsorted(key, router * topology.routers + following)
        at = np.minimum(at, max(len(key) - 1, 0))
        linked = key[at] == router * topology.routers + following if len(key) else ends
        wrong |= ~(linked | ends)
        if wrong.any() or len(visited) > topology.routers:
            first = int(np.argmax(wrong))
            _astray(document, topology, pairs[path[first]], int(router[first]),
                    int(following[first]), loops=not wrong.any())  # fmt: skip
            return None
        port = node_port[node]
        port[~ends] = ports[at[~ends]]
        visited.append((path, port))
        path, node, router = path[~ends], node[~ends], following[~ends]
    if not visited:
        return Paths(np.zeros(0, np.int64), np.zeros(0, np.int64))
    every = np.concatenate([each for each, _ in visited])
    port = np.concatenate([each for _, each in visited])
    return Paths(np.bincount(every, minlength=len(pairs)), port[np.argsort(every, kind="stable")])


def _astray(
    document: Document,
    topology: Topology,
    pair: np.ndarray,
    router: int,
    following: int,
    *,
    loops: bool,
) -> None:
    source, node = pair.tolist()
    target = int(topology.node_router[node])
    if loops:
        what = "go round in a loop"
    elif following == router:
        what = f"end at router {router}, but node {node} is at router {target}"
    elif router == target:
        what = f"go on from router {router}, where node {node} is, to router {following}"
    else:
        what = f"go from router {router} to router {following}, and there is no such link"
    place: tuple[str | int, ...] = ("routes",)
    if isinstance(document.root.get("routes"), list):
        place = ("routes", router, node)
    document.fault(f"routes from node {source} to node {node} {what}", *place)
