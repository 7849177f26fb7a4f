"""Ways of packets written out, delivery by delivery."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chipletsim.noc.flit_network import FlitNetwork, Flows, Job, delivery_starts


class Ways(NamedTuple):
    """Ways of flows, each from its source to one of the nodes where it ends.

    Attributes:
        source: int64 [ways]: node.
        port: int64 [ways, hops]: output port of the network at each router; -1 beyond the last.
        first: int64 [flows + 1]: first way of each flow.
    """

    source: np.ndarray
    port: np.ndarray
    first: np.ndarray


def ways(network: FlitNetwork, flows: Flows) -> Ways:
    """Return the ways of all flows, delivery by delivery."""
    first_port = network.router[:, 0]
    branches = np.diff(flows.stop)
    stop_of = np.repeat(np.arange(len(branches)), branches)
    # The branch by which each stop is reached; none at the first of a flow.
    before = np.full(len(branches), -1, np.int64)
    onward = np.flatnonzero(flows.branch[:, 1] >= 0)
    before[flows.branch[onward, 1]] = onward
    first = np.concatenate([[0], np.cumsum(flows.deliveries)])
    roots = flows.flow[:, 1]
    flow_of = _flow_of_stops(roots, flows, stop_of)
    ends = np.flatnonzero(flows.branch[:, 1] < 0)
    way = first[flow_of[stop_of[ends]]] - 1 - flows.branch[ends, 1]
    at = np.empty(int(first[-1]), np.int64)
    at[way] = ends
    hops = int(flows.routers.max(initial=1))
    branch = np.full((len(at), hops), -1, np.int64)
    column = flows.routers - 1
    rows = np.arange(len(at))
    while len(rows):
        branch[rows, column] = at
        at = before[stop_of[at]]
        going = at >= 0
        rows, column, at = rows[going], column[going] - 1, at[going]
    return _with_ports(network, flows, branch, first, first_port)


def _flow_of_stops(roots: np.ndarray, flows: Flows, stop_of: np.ndarray) -> np.ndarray:
    """Return int64 [stops]: the flow of each."""
    found = np.full(len(flows.stop) - 1, -1, np.int64)
    found[roots] = np.arange(len(roots))
    onward = np.flatnonzero(flows.branch[:, 1] >= 0)
    source, target = stop_of[onward], flows.branch[onward, 1]
    while (left := found[target] < 0).any():
        found[target[left]] = found[source[left]]
    return found


def _with_ports(
    network: FlitNetwork,
    flows: Flows,
    branch: np.ndarray,
    first: np.ndarray,
    first_port: np.ndarray,
) -> Ways:
    """Return ways by the output ports of the network that their branches take."""
    flow = np.repeat(np.arange(len(flows.flow)), flows.deliveries)
    source = flows.flow[flow, 0]
    port_router = network.port_router
    router = port_router[network.node[source, 0]]
    port = np.full(branch.shape, -1, np.int64)
    for hop in range(branch.shape[1]):
        there = branch[:, hop] >= 0
        port[there, hop] = first_port[router[there]] + flows.branch[branch[there, hop], 0]
        peer = np.where(there, network.port[port[:, hop], 0], -1)
        router = np.where(peer >= 0, port_router[np.maximum(peer, 0)], router)
    return Ways(source, port, first)


def delivery_ways(job: Job, found: Ways) -> tuple[np.ndarray, np.ndarray]:
    """Return int64 [deliveries] twice: the packet, and the way of each."""
    starts = delivery_starts(job.flows, job.burst)
    counts = np.diff(starts)
    packet = np.repeat(np.arange(len(counts)), counts)
    rank = np.arange(starts[-1]) - starts[packet]
    return packet, found.first[job.burst.packet[packet, 1]] + rank
