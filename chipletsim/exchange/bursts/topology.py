"""Routers, ports and links of a burst file, checked against one another."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from chipletsim.exchange.bursts.document import Document, shown
from chipletsim.noc.flit_network import MAX_PORTS

MAX_ROUTERS = 1 << 20
MAX_LATENCY = 1 << 20
"""Cycles of a link: of its latency, and from flit to flit."""
KINDS = ("none", "router", "node")
KNOWN = {
    "n_routers", "n_nodes", "node_router", "ports", "links", "inject_latency", "eject_latency",
    "type", "name", "routing", "k", "chiplets", "chiplet_k", "d2d_latency", "d2d_interval",
}  # fmt: skip
LINK_KNOWN = {"src", "dst", "latency", "interval", "kind"}


class Topology(NamedTuple):
    """A network as its file states it.

    Attributes:
        node_router: int64 [nodes]: router of each node.
        first_port: int64 [routers + 1]: first port of each router.
        router: int64 [ports]: router of each port.
        kind: int64 [ports], of `KINDS`.
        other: int64 [ports]: router or node at the other end.
        links: Cycles of latency, and from flit to flit, by source and destination router.
        inject: Cycles from a node to its router.
        eject: Cycles from a router to its node.
        columns: Routers of a row of a mesh, or None.
    """

    node_router: np.ndarray
    first_port: np.ndarray
    router: np.ndarray
    kind: np.ndarray
    other: np.ndarray
    links: dict[tuple[int, int], tuple[int, int]]
    inject: int
    eject: int
    columns: int | None

    @property
    def routers(self) -> int:
        """Number of routers."""
        return len(self.first_port) - 1

    @property
    def nodes(self) -> int:
        """Number of nodes."""
        return len(self.node_router)

    def ports_to(self, kind: str) -> dict[tuple[int, int], int]:
        """Return the first port of each router, and router or node at the other end of it."""
        at = np.flatnonzero(self.kind == KINDS.index(kind))[::-1]
        pairs = zip(self.router[at].tolist(), self.other[at].tolist(), strict=True)
        return dict(zip(pairs, at.tolist(), strict=True))


def read_topology(document: Document) -> Topology | None:
    """Return the network of a file; None, and faults of the document, if it is not consistent."""
    section = document.section("topology", KNOWN)
    if section is None:
        return None
    reader = _Reader(document, section)
    routers = reader.number("n_routers", 1, MAX_ROUTERS)
    nodes = reader.number("n_nodes", 1, MAX_ROUTERS)
    inject = reader.number("inject_latency", 1, MAX_LATENCY)
    eject = reader.number("eject_latency", 1, MAX_LATENCY)
    columns = reader.number("k", 1, MAX_ROUTERS) if "k" in section else None
    if routers is None or nodes is None:
        return None
    node_router = reader.node_router(routers, nodes)
    ports = reader.ports(routers, nodes)
    links = reader.links(routers)
    if node_router is None or ports is None or links is None or inject is None or eject is None:
        return None
    router = np.repeat(np.arange(routers), np.diff(ports[0]))
    kind, other = ports[1].T
    found = Topology(node_router, ports[0], router, kind, other, links, inject, eject, columns)
    before = document.sound
    _check_nodes(document, found)
    _check_links(document, found)
    return found if before and document.sound else None


class _Reader:
    def __init__(self, document: Document, section: dict[str, Any]) -> None:
        self._document = document
        self._section = section

    def number(self, key: str, least: int, most: int) -> int | None:
        if not self._document.needed(self._section, ("topology",), key, KNOWN):
            return None
        return self._document.whole(self._section[key], least, most, "topology", key)

    def _many(self, key: str, length: int | None, what: str) -> list[Any] | None:
        if not self._document.needed(self._section, ("topology",), key, KNOWN):
            return None
        return self._document.many(self._section[key], length, what, "topology", key)

    def node_router(self, routers: int, nodes: int) -> np.ndarray | None:
        """Return int64 [nodes]."""
        place = ("topology", "node_router")
        value = self._many("node_router", nodes, "routers")
        if value is None:
            return None
        found = [
            self._document.whole(each, 0, routers - 1, *place, number)
            for number, each in enumerate(value)
        ]
        return None if None in found else np.array(found, np.int64)

    def ports(self, routers: int, nodes: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Return int64 [routers + 1], first port of each, and [ports, 2], kind and other end."""
        document = self._document
        place = ("topology", "ports")
        value = self._many("ports", routers, "lists of ports")
        if value is None:
            return None
        first: list[int] = [0]
        rows: list[tuple[int, int] | None] = []
        for router, own in enumerate(value):
            if document.many(own, None, "", *place, router) is None:
                rows.append(None)
                continue
            if len(own) > MAX_PORTS:
                message = f"has {len(own):,} ports, at most {MAX_PORTS:,} are supported"
                document.fault(message, *place, router)
            for number, port in enumerate(own):
                rows.append(self._port(port, routers, nodes, *place, router, number))
            first.append(len(rows))
        if None in rows:
            return None
        return np.array(first, np.int64), np.array(rows, np.int64).reshape(-1, 2)

    def _port(
        self, port: Any, routers: int, nodes: int, *place: str | int
    ) -> tuple[int, int] | None:
        pair = isinstance(port, list) and len(port) == 2 and isinstance(port[0], str)
        if not pair or port[0] not in KINDS:
            what = shown(port[0]) if pair else shown(port)
            self._document.fault(
                f'expected ["router", r], ["node", d] or ["none", -1], got {what}', *place
            )
            return None
        kind, other = port
        if kind == "none":
            return 0, -1
        most = (routers if kind == "router" else nodes) - 1
        if self._document.whole(other, 0, most, *place, 1) is None:
            return None
        return KINDS.index(kind), other

    def links(self, routers: int) -> dict[tuple[int, int], tuple[int, int]] | None:
        document = self._document
        place = ("topology", "links")
        value = self._many("links", None, "")
        if value is None:
            return None
        found: dict[tuple[int, int], tuple[int, int]] = {}
        for number, link in enumerate(value):
            row = self._link(link, routers, *place, number)
            if row is None:
                continue
            source, target, latency, interval = row
            if source == target:
                document.fault(f"leads from router {source} to itself", *place, number)
            elif (source, target) in found:
                message = f"is a second link from router {source} to router {target}"
                document.fault(message, *place, number)
            found[source, target] = latency, interval
        return found if len(found) == len(value) else None

    def _link(self, link: Any, routers: int, *place: str | int) -> list[int] | None:
        """Return source, destination, latency and interval."""
        document = self._document
        if not isinstance(link, dict):
            document.fault(f"expected an object, got {shown(link)}", *place)
            return None
        found = []
        for key in ("src", "dst", "latency", "interval"):
            least, most = (0, routers - 1) if key in ("src", "dst") else (1, MAX_LATENCY)
            if not document.needed(link, place, key, LINK_KNOWN):
                continue
            number = document.whole(link[key], least, most, *place, key)
            if number is not None:
                found.append(number)
        return found if len(found) == 4 else None


def _check_nodes(document: Document, topology: Topology) -> None:
    """Each node has one port, at its router."""
    ports = np.flatnonzero(topology.kind == KINDS.index("node"))
    nodes = topology.other[ports]
    for port in ports[topology.router[ports] != topology.node_router[nodes]].tolist():
        router, node = int(topology.router[port]), int(topology.other[port])
        document.fault(
            f"is a port to node {node}, which is at router {topology.node_router[node]}",
            *_place(topology, port, router),
        )
    counts = np.bincount(nodes, minlength=topology.nodes)
    for node in np.flatnonzero(counts != 1).tolist():
        router = int(topology.node_router[node])
        document.fault(
            f'router {router} needs one port ["node", {node}], it has {counts[node]}',
            "topology", "ports", router,
        )  # fmt: skip


def _check_links(document: Document, topology: Topology) -> None:
    """Ports to routers are there once, as are links in both directions behind them."""
    ports = topology.ports_to("router")
    linked = np.flatnonzero(topology.kind == KINDS.index("router"))
    if len(ports) < len(linked):
        for port in sorted(set(linked.tolist()) - set(ports.values())):
            router, other = int(topology.router[port]), topology.other[port]
            document.fault(
                f"router {router} has a second port to router {other}",
                *_place(topology, port, router),
            )
    for (router, other), port in ports.items():
        for link in ((router, other), (other, router)):
            if link not in topology.links:
                document.fault(
                    f"needs a link from router {link[0]} to router {link[1]}, there is none",
                    *_place(topology, port, router),
                )
    for number, (source, target) in enumerate(topology.links):
        for router, other in ((source, target), (target, source)):
            if (router, other) not in ports:
                document.fault(
                    f'router {router} has no port ["router", {other}] for this link',
                    "topology", "links", number,
                )  # fmt: skip


def _place(topology: Topology, port: int, router: int) -> tuple[str | int, ...]:
    return "topology", "ports", router, port - int(topology.first_port[router])
