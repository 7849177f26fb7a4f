"""Rows of networks, flows and bursts, as the native kernels take them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from chipletsim.noc.flit_network import (
    FlitNetwork,
    Flows,
    Job,
    delivery_nodes,
    delivery_starts,
)
from chipletsim.noc.kept import kept


class BurstTable(NamedTuple):
    """Rows of a burst, in the order of ``kernels/src/burst_call.h``.

    Attributes:
        network: Its number.
        packets: How many there are.
        steps: Through which the nodes run freely.
        flows: First branch of each stop; int32 [branches, 2]: port and next stop of each branch;
            its virtual channels; flows.
        packet: int64 [packets, 6].
        kind: int64 [packets], or None.
        after: int64 [packets], or None.
        delivery: int64 [packets + 1]: first delivery of each packet.
        processing: int64 [deliveries].
        expected: int64 [steps x nodes]: deliveries to each node, of each step.
        made: int64 [packets], to be filled, as all that follow.
        injected: int64 [packets].
        arrived: int64 [deliveries].
        taken: int64 [deliveries].
    """

    network: int
    packets: int
    steps: int
    flows: tuple[np.ndarray, ...]
    packet: np.ndarray
    kind: np.ndarray | None
    after: np.ndarray | None
    delivery: np.ndarray
    processing: np.ndarray
    expected: np.ndarray
    made: np.ndarray
    injected: np.ndarray
    arrived: np.ndarray
    taken: np.ndarray


NetworkRows = tuple[np.ndarray | int, ...]
"""Rows of a network: routers, ports, nodes, intervals, bits of kinds; sizes of these; channels and
quantum; whether a branch may not take every channel, and whether packets may be copied."""


def distinct_networks(jobs: Sequence[Job]) -> tuple[list[FlitNetwork], list[int]]:
    """Return the networks in the order of their appearance, and the number of each job's."""
    networks = list({id(job.network): job.network for job in jobs}.values())
    number = {id(network): number for number, network in enumerate(networks)}
    return networks, [number[id(job.network)] for job in jobs]


def network_rows(
    jobs: Sequence[Job], networks: Sequence[FlitNetwork], network_of: Sequence[int]
) -> tuple[NetworkRows, ...]:
    """Return the rows of networks, with what flows of their jobs do there."""
    used: list[dict[int, Flows]] = [{} for _ in networks]
    for number, job in zip(network_of, jobs, strict=True):
        used[number][id(job.flows)] = job.flows
    return tuple(
        (
            *_fixed_rows(network),
            int(any(_restricted(each, network) for each in flows.values())),
            int(any(each.stop.size - 1 != len(each.branch) for each in flows.values())),
        )
        for network, flows in zip(networks, used, strict=True)
    )


def burst_table(job: Job, network: int) -> BurstTable:
    """Return the rows of a burst on the network of a number."""
    burst = job.burst
    packets, delivery = len(burst.packet), delivery_starts(job.flows, burst)
    made, injected = np.empty((2, packets), np.int64)
    arrived, taken = np.empty((2, int(delivery[-1])), np.int64)
    return BurstTable(
        network,
        packets,
        burst.steps,
        _flow_rows(job.flows),
        _row(burst.packet),
        None if burst.kind is None else _row(burst.kind),
        None if burst.after is None else _row(burst.after),
        delivery,
        _row(burst.processing),
        _expected(job, delivery),
        made,
        injected,
        arrived,
        taken,
    )


def single_tables(flows: Flows, packet: np.ndarray, kind: np.ndarray) -> list[BurstTable]:
    """Return the rows of bursts of one packet each on one network; all share a few arrays.

    Args:
        flows: Ways of the packets.
        packet: int64 [packets, 6], see `chipletsim.noc.flit_network.Burst`; all take a flow.
        kind: int64 [packets], size of each by number.
    """
    packet, kind = _row(packet), _row(kind)
    counts = flows.deliveries[packet[:, 1]]
    bounds = np.stack([np.zeros_like(counts), counts], axis=1)
    ends = np.cumsum(counts).tolist()
    made, injected = np.empty((2, len(packet)), np.int64)
    processing = np.zeros(int(counts.sum()), np.int64)
    arrived, taken = np.empty((2, processing.size), np.int64)
    rows, nothing = _flow_rows(flows), np.zeros(0, np.int64)
    tables = []
    for number, (first, end) in enumerate(pairwise([0, *ends])):
        own, there = slice(number, number + 1), slice(first, end)
        tables.append(
            BurstTable(
                *(0, 1, 0, rows, packet[own], kind[own], None, bounds[number], processing[there]),
                *(nothing, made[own], injected[own], arrived[there], taken[there]),
            )
        )
    return tables


def _row(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, np.int64)


@kept
def _restricted(flows: Flows, network: FlitNetwork) -> bool:
    every = (1 << network.channels) - 1
    return bool(((flows.branch[:, 2] & every) != every).any())


@kept
def _fixed_rows(network: FlitNetwork) -> NetworkRows:
    intervals = network.port[:, 3:4] if network.intervals is None else network.intervals
    bits = np.zeros_like(intervals) if network.kind_bits is None else network.kind_bits
    links, processors = network.links, network.processors
    if links is None:
        links = np.tile(np.array([0, 0, 0, -1, 0], np.int64), (len(network.port), 1))
    if processors is None:
        processors = np.full(len(network.node), 2)
    return (
        _row(network.router),
        _row(np.concatenate([network.port[:, [0, 1, 2, 4]], links], axis=1)),
        _row(np.column_stack([network.node, processors])),
        _row(intervals),
        _row(bits),
        len(network.router),
        len(network.port),
        len(network.node),
        intervals.shape[1],
        network.channels,
        int(np.gcd.reduce(network.router[:, 1])),
    )


@kept
def _flow_rows(flows: Flows) -> tuple[np.ndarray, ...]:
    branch = np.ascontiguousarray(flows.branch[:, :2], np.int32)
    return _row(flows.stop), branch, _row(flows.branch[:, 2]), _row(flows.flow)


def _expected(job: Job, delivery: np.ndarray) -> np.ndarray:
    burst, nodes = job.burst, len(job.network.node)
    if not burst.steps:
        return np.zeros(0, np.int64)
    step = np.repeat(burst.packet[:, 5], np.diff(delivery))
    gate = step * nodes + delivery_nodes(job.flows, burst)
    return np.bincount(gate, minlength=burst.steps * nodes).astype(np.int64)
