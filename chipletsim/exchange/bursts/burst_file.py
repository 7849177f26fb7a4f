"""A burst file as what the timing models of bursts take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chipletsim.exchange.bursts.document import Document
from chipletsim.exchange.bursts.packets import MAX_TIME, Packets, make_flows, read_packets
from chipletsim.exchange.bursts.recorded import Recorded, read_recorded
from chipletsim.exchange.bursts.router import RouterParameters, read_router
from chipletsim.exchange.bursts.routes import read_routes
from chipletsim.exchange.bursts.topology import KINDS, Topology, read_topology
from chipletsim.noc.flit_network import NO_PEER, Burst, FlitNetwork, Job

MAX_QUEUED = 1 << 24
"""Flits that all queues together hold, at most."""
MAX_CELLS = 1 << 25
"""Pairs of an input and an output of a router, times virtual channels, at most."""
MAX_LAST = 1 << 50
"""Cycle in which everything has come, at most, if packets went one after the other."""


@dataclass(frozen=True)
class BurstFile:
    """What a burst file holds.

    Attributes:
        name: Name of the case; that of the file if it states none.
        job: Network, flows and packets; a tick is a cycle.
        order: int64 [packets]: place in the file of each packet of the job.
        outputs: What each port's output is of, such as ``router 3 > node 5``; empty if unused.
        recorded: What another simulator recorded, or None.
    """

    name: str
    job: Job
    order: np.ndarray
    outputs: tuple[str, ...]
    recorded: Recorded | None


def read_burst(path: str | Path) -> BurstFile:
    """Read a burst file.

    Args:
        path: JSON with `topology`, `routes`, `router` and `traffic`.

    Raises:
        ConfigError: It is no such file, is not consistent, or asks for another router than that
            of `chipletsim.noc.cycle.cycle`.
    """
    path = Path(path)
    document = Document(path)
    topology = read_topology(document)
    router = read_router(document)
    packets = None if topology is None else read_packets(document, topology.nodes)
    towards = None if topology is None else read_routes(document, topology)
    if topology is None or router is None or packets is None or towards is None:
        document.check()
        raise AssertionError("what is missing has a fault")
    _check_sizes(document, topology, router, packets)
    made = make_flows(document, topology, towards, packets)
    many = bool((packets.copies > 1).any())
    recorded = read_recorded(document, len(packets.source), copies=many)
    document.check()
    assert made is not None  # noqa: S101  (a fault is noted otherwise)
    flows, flow_of = made
    burst, order = _burst(packets, flow_of)
    job = Job(_network(topology, router), flows, burst)
    return BurstFile(_name(document.root, path), job, order, _outputs(topology), recorded)


def _name(root: dict[str, Any], path: Path) -> str:
    name = root.get("case")
    usable = isinstance(name, str) and name.isprintable() and 0 < len(name) <= 100
    return name if usable and isinstance(name, str) else path.stem


def _check_sizes(
    document: Document, topology: Topology, router: RouterParameters, packets: Packets
) -> None:
    """Bound what the kernels allocate and count, before they do."""
    queued = len(topology.kind) * router.channels * router.buffer
    if queued > MAX_QUEUED:
        document.fault(
            f"queues of {queued:,} flits in all, at most {MAX_QUEUED:,} are supported", "router"
        )
    own = np.diff(topology.first_port)
    cells = int((own * own).sum()) * router.channels
    if cells > MAX_CELLS:
        document.fault(
            f"{cells:,} pairs of inputs and outputs of a router, times virtual channels; at most"
            f" {MAX_CELLS:,} are supported",
            "topology",
            "ports",
        )
    slowest = max((latency + interval for latency, interval in topology.links.values()), default=0)
    flit = slowest + router.routing_delay + topology.inject + topology.eject + 8
    last = MAX_TIME + int(packets.flits.sum()) * topology.routers * flit
    if last > MAX_LAST:
        document.fault(f"packets may take more than {MAX_LAST:,} cycles in all", "traffic")


def _network(topology: Topology, router: RouterParameters) -> FlitNetwork:
    to_router = topology.ports_to("router")
    port = np.ones((len(topology.kind), 5), np.int64)
    port[:, 0] = NO_PEER
    port[:, 4] = router.buffer
    for (own, other), number in to_router.items():
        latency, interval = topology.links[own, other]
        back, _ = topology.links[other, own]
        port[number, :4] = to_router[other, own], latency + 1, back + 1, interval
    at_node = topology.kind == KINDS.index("node")
    port[at_node, 0] = -1 - topology.other[at_node]
    port[at_node, 1:3] = topology.eject + 1, topology.inject + 1
    node = np.zeros((topology.nodes, 5), np.int64)
    node[topology.other[at_node], 0] = np.flatnonzero(at_node)
    node[:, 1] = router.buffer
    node[:, 3:] = topology.inject, topology.eject + 1
    rows = [[first, 1, router.routing_delay] for first in topology.first_port[:-1].tolist()]
    return FlitNetwork(np.array(rows, np.int64), port, node, router.channels)


def _burst(packets: Packets, flow_of: np.ndarray) -> tuple[Burst, np.ndarray]:
    order = np.argsort(packets.source, kind="stable")
    nothing = np.zeros(len(order), np.int64)
    columns = [packets.source, flow_of, packets.flits, packets.ready, nothing, nothing]
    deliveries = np.zeros(int(packets.copies.sum()), np.int64)
    return Burst(np.stack(columns, 1)[order], deliveries), order


def _outputs(topology: Topology) -> tuple[str, ...]:
    columns = (topology.router.tolist(), topology.kind.tolist(), topology.other.tolist())
    return tuple(
        f"router {router} > {KINDS[kind]} {other}" if kind else ""
        for router, kind, other in zip(*columns, strict=True)
    )
