"""Rows of networks, flows and bursts, joined for one call of the native kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from chipletsim.noc.flit_network import (
    Burst,
    FlitNetwork,
    Flows,
    Job,
    delivery_nodes,
    delivery_starts,
)
from chipletsim.noc.job_checks import check_jobs
from chipletsim.noc.listed import distinct, listed

Rows = TypeVar("Rows", FlitNetwork, Flows)


class BurstTables(NamedTuple):
    """Rows of all networks, flows and bursts.

    Attributes:
        networks: Distinct networks, in the order in which they first appear.
        packet_start: int64 [bursts + 1]: first packet of each.
        delivery_start: int64 [bursts + 1]: first delivery of each.
        arrays: Rows of networks, routers, ports, nodes, intervals, bits of kinds, stops, branches,
            flows, bursts and packets, first delivery of each packet, processing and expected
            deliveries; see ``kernels/src/burst.h``.
    """

    networks: list[FlitNetwork]
    packet_start: np.ndarray
    delivery_start: np.ndarray
    arrays: list[np.ndarray]


def burst_tables(jobs: Sequence[Job]) -> BurstTables:
    """Return the rows of bursts; what they share stands there once.

    Raises:
        UsageError: They are not as `chipletsim.noc.flit_network` says.
    """
    check_jobs(jobs)
    networks, network_of = _distinct([job.network for job in jobs])
    every, flows_of = _distinct([job.flows for job in jobs])
    taken = [np.zeros(len(each.flow), bool) for each in every]
    for job, place in zip(jobs, flows_of, strict=True):
        taken[place][job.burst.packet[job.burst.packet[:, 1] >= 0, 1]] = True
    flows, numbers = zip(*map(_taken, every, taken), strict=True)
    pairs = sorted(set(zip(network_of, flows_of, strict=True)))
    network = _network_rows(networks, [(number, flows[place]) for number, place in pairs])
    stop, branch, flow, first_flow = _flow_rows(flows)
    packets = [_packet_rows(job.burst) for job in jobs]
    starts, processing, expected, burst = [], [], [], []
    packet_first = delivery_first = gate_first = 0
    for number, job in enumerate(jobs):
        rows, place = packets[number], flows_of[number]
        sent = rows[:, 1] >= 0
        rows[sent, 1] = numbers[place][rows[sent, 1]] + first_flow[place]
        start = delivery_starts(job.flows, job.burst)
        starts.append(start[:-1] + delivery_first)
        processing.append(job.burst.processing)
        expected.append(_expected(job))
        burst.append([network_of[number], packet_first, len(rows), gate_first, job.burst.steps])
        packet_first += len(rows)
        delivery_first += int(start[-1])
        gate_first += expected[-1].size
    arrays = [
        *network,
        stop,
        branch,
        flow,
        np.array(burst, np.int64),
        np.concatenate(packets),
        np.append(np.concatenate(starts), delivery_first),
        np.concatenate(processing),
        np.concatenate(expected),
    ]
    bounds = np.cumsum([0, *(len(each) for each in packets)])
    deliveries = np.cumsum([0, *(each.size for each in processing)])
    return BurstTables(networks, bounds, deliveries, arrays)


def _distinct(items: Sequence[Rows]) -> tuple[list[Rows], list[int]]:
    """Return distinct objects in the order of their appearance, and the number of each item."""
    number: dict[int, int] = {}
    found: list[Rows] = []
    for item in items:
        if id(item) not in number:
            number[id(item)] = len(found)
            found.append(item)
    return found, [number[id(item)] for item in items]


def _taken(flows: Flows, taken: np.ndarray) -> tuple[Flows, np.ndarray]:
    """Return the flows that are taken, and the number of each flow among these.

    All of them where those are the most, as it takes time to leave the others out.
    """
    numbers = np.arange(taken.size)
    if 2 * np.count_nonzero(taken) >= taken.size:
        return flows, numbers
    count = np.diff(flows.stop)
    reached = np.zeros(count.size, bool)
    stop = flows.flow[taken, 1]
    while stop.size:
        reached[stop] = True
        following = flows.branch[listed(flows.stop[stop], count[stop]), 1]
        following = following[following >= 0]
        stop = distinct(following[~reached[following]])
    branch, flow = flows.branch[np.repeat(reached, count)], flows.flow[taken]
    number = np.cumsum(reached) - 1
    onward = branch[:, 1] >= 0
    branch[onward, 1] = number[branch[onward, 1]]
    flow[:, 1] = number[flow[:, 1]]
    of = np.repeat(taken, flows.deliveries)
    kept = Flows(
        np.concatenate([[0], np.cumsum(count[reached])]),
        branch,
        flow,
        flows.deliveries[taken],
        flows.target[of],
        flows.routers[of],
    )
    return kept, np.cumsum(taken) - 1


def _network_rows(
    networks: Sequence[FlitNetwork], flows: Sequence[tuple[int, Flows]]
) -> list[np.ndarray]:
    """Return rows of networks, and of their parts.

    Args:
        networks: The networks.
        flows: Flows, each with the number of a network on which they run.
    """
    every = [(1 << each.channels) - 1 if each.channels < 63 else -1 for each in networks]
    restricted, forks = [False] * len(networks), [False] * len(networks)
    for number, used in flows:
        restricted[number] |= bool(((used.branch[:, 2] & every[number]) != every[number]).any())
        forks[number] |= used.stop.size - 1 != len(used.branch)
    rows, first = [], [0, 0, 0]
    interval_first = 0
    for number, each in enumerate(networks):
        sizes = [len(each.router), len(each.port), len(each.node)]
        spans = [value for pair in zip(first, sizes, strict=True) for value in pair]
        kinds = _intervals(each).shape[1]
        flags = [int(restricted[number]), int(any(forks))]
        quantum = int(np.gcd.reduce(each.router[:, 1]))
        rows.append([*spans, each.channels, quantum, *flags, kinds, interval_first])
        first = [a + b for a, b in zip(first, sizes, strict=True)]
        interval_first += len(each.port) * kinds
    return [
        np.array(rows, np.int64),
        np.concatenate([each.router for each in networks]),
        np.concatenate([_port_rows(each) for each in networks]),
        np.concatenate([_node_rows(each) for each in networks]),
        np.concatenate([_intervals(each).reshape(-1) for each in networks]),
        np.concatenate([_kind_bits(each).reshape(-1) for each in networks]),
    ]


def _intervals(network: FlitNetwork) -> np.ndarray:
    return network.port[:, 3:4] if network.intervals is None else network.intervals


def _kind_bits(network: FlitNetwork) -> np.ndarray:
    if network.kind_bits is None:
        return np.zeros(_intervals(network).shape, np.int64)
    return network.kind_bits


def _port_rows(network: FlitNetwork) -> np.ndarray:
    links = network.links
    if links is None:
        links = np.tile(np.array([0, 0, 0, -1, 0], np.int64), (len(network.port), 1))
    return np.concatenate([network.port[:, [0, 1, 2, 4]], links], axis=1)


def _node_rows(network: FlitNetwork) -> np.ndarray:
    processors = network.processors
    if processors is None:
        processors = np.full(len(network.node), 2)
    return np.column_stack([network.node, processors])


def _packet_rows(burst: Burst) -> np.ndarray:
    packets = len(burst.packet)
    kind = np.zeros(packets, np.int64) if burst.kind is None else burst.kind
    after = np.full(packets, -1) if burst.after is None else burst.after
    return np.column_stack([burst.packet, kind, after])


def _flow_rows(
    flows: Sequence[Flows],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[int]]:
    stops, branches, rows, first_flow = [], [], [], []
    stop_first = branch_first = flow_first = 0
    for each in flows:
        branch, flow = each.branch.copy(), each.flow.copy()
        branch[:, 1] = np.where(branch[:, 1] >= 0, branch[:, 1] + stop_first, branch[:, 1])
        flow[:, 1] += stop_first
        stops.append(each.stop[:-1] + branch_first)
        branches.append(branch)
        rows.append(flow)
        first_flow.append(flow_first)
        stop_first += each.stop.size - 1
        branch_first += len(branch)
        flow_first += len(flow)
    stop = np.append(np.concatenate(stops), branch_first)
    return stop, np.concatenate(branches), np.concatenate(rows), first_flow


def _expected(job: Job) -> np.ndarray:
    """Return int64 [steps x nodes]: deliveries to each node, of each step."""
    burst, nodes = job.burst, len(job.network.node)
    if not burst.steps:
        return np.zeros(0, np.int64)
    step = np.repeat(burst.packet[:, 5], np.diff(delivery_starts(job.flows, burst)))
    gate = step * nodes + delivery_nodes(job.flows, burst)
    return np.bincount(gate, minlength=burst.steps * nodes).astype(np.int64)
