"""Bursts that are as long as their busiest node is busy, whatever their packets do on the way."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chipletsim.noc.burst_bound import zero_load
from chipletsim.noc.event_trees import Events
from chipletsim.noc.flit_network import (
    ALL_CHANNELS,
    Burst,
    FlitNetwork,
    Flows,
    Job,
    delivery_nodes,
    delivery_starts,
    kinds_of,
)
from chipletsim.noc.listed import distinct, listed
from chipletsim.noc.lone_packets import EXACT_FLITS
from chipletsim.noc.package_flows import package_ways
from chipletsim.noc.packet_times import PacketTimes
from chipletsim.package.model import Package

TOLERANCE = 0.01
"""By how much a burst may at most be longer than its busiest node is busy, for `certain`."""
_FOREVER = 1 << 40
"""Ticks of a packet on its way of which no limit is known."""


class Certain(NamedTuple):
    """Limits of the time of a burst, in ticks: `least` <= `cycle` <= `most`.

    Attributes:
        least: Ticks that its busiest node makes packets and works on them.
        most: Ticks that all takes if it is done one after the other.
    """

    least: int
    most: int


def lone_ticks(network: FlitNetwork, flows: Flows, flits: np.ndarray) -> np.ndarray:
    """Return int64 [flows, kinds]: ticks after which a packet that is alone is at all its nodes.

    Copies are taken to go one after the other, and a cycle of the slowest router is added for each
    router on the way and each end, as clocks may stand anywhere. Flows of one root are alike,
    whichever node of its router they start from.

    Args:
        network: The network.
        flows: Ways of packets.
        flits: int64 [kinds], flits of a packet of each kind.
    """
    root, first, of = np.unique(flows.flow[:, 1], return_index=True, return_inverse=True)
    if not root.size:
        return np.zeros((0, flits.size), np.int64)
    start = np.concatenate([[0], np.cumsum(flows.deliveries)])
    counts = flows.deliveries[first]
    chosen = listed(start[first], counts)
    alone = Flows(
        flows.stop,
        flows.branch,
        flows.flow[first],
        counts,
        flows.target[chosen],
        flows.routers[chosen],
    )
    kinds = flits.size
    rows = np.zeros((root.size * kinds, 6), np.int64)
    rows[:, 0] = np.repeat(alone.flow[:, 0], kinds)
    rows[:, 1] = np.repeat(np.arange(root.size), kinds)
    rows[:, 2] = np.tile(np.minimum(flits, EXACT_FLITS), root.size)
    deliveries = np.repeat(counts, kinds)
    found = zero_load(Job(network, alone, Burst(rows, np.zeros(int(deliveries.sum()), np.int64))))
    routers = listed(np.repeat(start[first], kinds), deliveries)
    found = found + (flows.routers[routers] + 2) * int(network.router[:, 1].max())
    owner = np.repeat(np.arange(len(rows)), deliveries)
    total = np.bincount(owner, weights=found, minlength=len(rows)).astype(np.int64)
    table = total.reshape(root.size, kinds)
    table[:, flits > EXACT_FLITS] = _FOREVER
    return table[of.reshape(-1)]


def plan_ticks(packets: PacketTimes, package: Package) -> np.ndarray:
    """Return what `lone_ticks` does of the packets of a mapping, int64 [flows, kinds].

    Each delivery goes by the route from tile to tile, so pairs of these are followed once.

    Args:
        packets: The packets.
        package: The package.
    """
    flows, tiles = packets.plan.flows, len(package.tiles)
    pair = np.repeat(flows.flow[:, 0], flows.deliveries) * tiles + flows.target
    source, target = np.divmod(pairs := distinct(pair), tiles)
    events = Events(package.tile_router[source], np.arange(pairs.size + 1), target)
    ways = package_ways(package, packets.network, events)
    flow = np.stack([source, ways.root, np.full(pairs.size, ALL_CHANNELS)], axis=1)
    single = Flows(ways.stop, ways.branch, flow, ways.deliveries, target, ways.routers)
    ticks = lone_ticks(packets.network.network, single, packets.flits)
    first = np.cumsum(flows.deliveries) - flows.deliveries
    total = np.add.reduceat(ticks[np.searchsorted(pairs, pair)], first, axis=0)
    return np.minimum(total, _FOREVER)


def certain(job: Job, lone: np.ndarray) -> Certain | None:
    """Return the limits of a burst if they are within `TOLERANCE`, else None.

    None are known of bursts in which packets answer others, or in which nodes send what others
    wait for, such as weights, and wait themselves.

    A node that still has packets to make makes them, unless its queue is full, it works on packets
    that came, or it waits for some; where nothing is made and nothing worked on, some packet is on
    its way, and one at least of those goes on as if it were alone, as networks without deadlock do.
    So a burst ends no later than

    ``most = longest making of a node + all work on packets + all packets' times alone``

    after the nodes that others wait for have made their packets, in the longest making of one of
    them, and no earlier than a node is busy.

    Args:
        job: The burst.
        lone: int64 [flows, kinds], from `lone_ticks` or `plan_ticks`.
    """
    burst, nodes = job.burst, len(job.network.node)
    if burst.after is not None:
        return None
    rows = burst.packet
    sends = rows[:, 1] >= 0
    kind = kinds_of(burst)
    making = np.zeros(nodes, np.int64)
    np.add.at(making, rows[:, 0], rows[:, 4])
    work = int(burst.processing.sum())
    awaited = _awaited_ticks(job, making)
    if awaited is None:
        return None
    most = (
        awaited + int(making.max(initial=0)) + work + int(lone[rows[sends, 1], kind[sends]].sum())
    )
    if most > (1 + TOLERANCE) * (int(making.max(initial=0)) + work):
        return None  # nodes cannot be busy for long enough
    working = np.zeros(nodes, np.int64)
    np.add.at(working, delivery_nodes(job.flows, burst), burst.processing)
    busy = np.maximum(making, working)
    if job.network.processors is not None:
        busy = np.where(job.network.processors == 1, making + working, busy)
    least = int(busy.max(initial=0))
    return Certain(least, most) if most <= (1 + TOLERANCE) * least else None


def _awaited_ticks(job: Job, making: np.ndarray) -> int | None:
    """Return the longest making of a node that others wait for; None if such a node may wait.

    Args:
        job: The burst.
        making: int64 [nodes], ticks that each makes.
    """
    burst = job.burst
    counts = np.diff(delivery_starts(job.flows, burst))
    awaited = (burst.packet[:, 5] < burst.steps - 1) & (counts > 0)
    if not awaited.any():
        return 0
    sends = np.unique(burst.packet[awaited, 0])
    waits = delivery_nodes(job.flows, burst)[np.repeat(awaited, counts)]
    return None if np.isin(sends, waits).any() else int(making[sends].max())
