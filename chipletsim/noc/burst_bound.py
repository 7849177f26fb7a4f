"""Timing `bound` of a burst: no schedule of its packets is faster."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chipletsim.noc.burst_paths import delivery_ways, ways
from chipletsim.noc.flit_network import Job
from chipletsim.noc.lone_packets import EXACT_FLITS, lone_packets, port_times


class BurstBound(NamedTuple):
    """What a burst takes at least; ticks.

    Attributes:
        ticks: Tick before which the last tail cannot come.
        packet: The packet that is bound to come last, where that decides; else None.
        port: The port whose output decides; else None.
        node: The node that decides, as it sends a flit a cycle; else None.
        injected: int64 [packets]: tick before which each head cannot leave; -1 for no packet.
        arrived: int64 [deliveries]: tick before which each tail cannot come.
        waited: int64 [deliveries]: ticks that the flits of each stand in queues if nothing else is
            on the way.
        apart: Whether no two packets can meet, so that both arrays hold exactly.
    """

    ticks: int
    packet: int | None
    port: int | None
    node: int | None
    injected: np.ndarray
    arrived: np.ndarray
    waited: np.ndarray
    apart: bool


def bound(job: Job) -> BurstBound:
    """Return what a burst takes at least, whatever order its packets take.

    It is the greatest of

    - the zero-load arrival of each packet, from the earliest tick in which its node can send it;
    - of each link: the first arrival of a head before it, the flits that it moves, at one in k
      ticks, and the least way from there to a node; and the same of each node's link into its
      router.

    No packet of the burst answers another.

    Links and packets are those of `chipletsim.noc.cycle.cycle`; the bound leaves out who waits for
    whom. Work of nodes on what they receive, and steps that wait for others, are left out too:
    they only make a burst longer. On the 51 bursts of BookSim in the tests it is 20 % below the
    time until the last arrival on average, and never above.
    """
    leaves = _leaves(job)
    heads = np.where(job.burst.packet[:, 1] >= 0, leaves, -1)
    followed = _Followed(job, leaves)
    if not len(followed.packet):
        nothing = np.zeros(0, np.int64)
        return BurstBound(0, None, None, None, heads, nothing, nothing, apart=True)
    arrived = followed.arrived
    last = int(arrived.argmax())
    port, by_port = followed.busiest_link()
    node, by_node = followed.busiest_node()
    ticks = max(int(arrived[last]), by_port, by_node)
    alone = ticks == arrived[last]
    return BurstBound(
        ticks,
        int(followed.packet[last]) if alone else None,
        port if not alone and ticks == by_port else None,
        node if not alone and ticks != by_port else None,
        heads,
        arrived,
        followed.lone.waited[followed.of],
        apart=followed.alike() and followed.apart(),
    )


def zero_load(job: Job) -> np.ndarray:
    """Return how long each packet takes to each of its nodes if it is alone.

    From the tick in which the head leaves to that in which the tail comes; for packets of more
    than `chipletsim.noc.lone_packets.EXACT_FLITS` flits, and for those that are copied on their
    way, the least that it can be.

    Returns:
        int64 [deliveries], ticks.
    """
    leaves = np.zeros(len(job.burst.packet), np.int64)
    return _Followed(job, leaves).arrived


def _leaves(job: Job) -> np.ndarray:
    """Return int64 [packets]: tick before which the head of each cannot leave its node.

    A node sends in order, a flit a cycle, and makes one packet after the other.
    """
    rows, network = job.burst.packet, job.network
    cycle = network.router[network.port_router[network.node[rows[:, 0], 0]], 1]
    flits = np.where(rows[:, 1] >= 0, rows[:, 2], 0) * cycle
    first = np.searchsorted(rows[:, 0], rows[:, 0])
    made = np.cumsum(rows[:, 4])
    made -= (made - rows[:, 4])[first]
    sent = np.cumsum(flits) - flits
    sent -= sent[first]
    ready = -(-np.maximum(rows[:, 3], made) // cycle) * cycle
    found = ready.copy()
    for node in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(rows[:, 0])) + 1):
        found[node] = sent[node] + np.maximum.accumulate(ready[node] - sent[node])
    return found


class _Followed:
    """Packets of a burst, each followed to each of its nodes as if it were alone.

    Packets of like size and way share a row, from a common tick of all clocks on.

    Attributes:
        packet: int64 [deliveries]: packet of each delivery.
        of: int64 [deliveries]: row of each.
        start: int64 [deliveries]: tick from which the times of the row count.
        lone: Times of the rows.
        arrived: int64 [deliveries]: tick in which each tail comes.
    """

    def __init__(self, job: Job, leaves: np.ndarray) -> None:
        network = job.network
        found = ways(network, job.flows)
        self._job, self._leaves = job, leaves
        self.packet, way = delivery_ways(job, found)
        period = np.lcm.reduce(network.router[:, 1])
        phase = leaves[self.packet] % period
        rows = np.stack([way, job.burst.packet[self.packet, 2], phase], 1)
        key, of = np.unique(rows, axis=0, return_inverse=True)
        self.of = of.reshape(-1)
        self.start = leaves[self.packet] - phase
        self._source, self._port = found.source[key[:, 0]], found.port[key[:, 0]]
        self._flits = key[:, 1]
        self.lone = lone_packets(network, self._source, self._port, self._flits, key[:, 2])
        self.arrived = self.start + self.lone.arrived[self.of]

    def busiest_link(self) -> tuple[int, int]:
        """Return the port whose output takes longest, and the tick before which it is not done."""
        network = self._job.network
        rest = self._rest()
        delivery, hop = np.nonzero(self._port[self.of] >= 0)
        of = self.of[delivery]
        at = self._port[of, hop]
        ports = len(network.port)
        packet, sends = self.packet[delivery], at
        if (self._job.flows.deliveries > 1).any():  # copies share the links of their way
            packet, sends = np.divmod(np.unique(packet * ports + at), ports)
        flits = _sums(sends, self._job.burst.packet[packet, 2], ports)
        cycle = network.router[network.port_router, 1]
        busy = np.maximum(network.port[:, 3], cycle) * (flits - 1)
        begins = self.start[delivery] + self.lone.sent[of, hop]
        return _latest(ports, at, begins, busy, rest[of, hop])

    def busiest_node(self) -> tuple[int, int]:
        """Return the node that sends longest, and the tick before which all of it is not there."""
        network, rows = self._job.network, self._job.burst.packet
        nodes = len(network.node)
        router = network.router[network.port_router[network.node[:, 0]]]
        sends = np.flatnonzero(rows[:, 1] >= 0)
        flits = _sums(rows[sends, 0], rows[sends, 2], nodes)
        enter = network.node[self._source, 3] + router[self._source, 1]
        routing = (router[self._source, 2] + 1) * router[self._source, 1]
        rest = enter + self._rest()[:, 0] + np.where(self._flits == 1, routing, 0)
        begins = self._leaves[self.packet]
        sender = rows[self.packet, 0]
        return _latest(nodes, sender, begins, router[:, 1] * (flits - 1), rest[self.of])

    def _rest(self) -> np.ndarray:
        """Return int64 [rows, hops]: ticks from each router's sending of a tail to its arrival.

        It is what links and routers take, whoever was there before.
        """
        times = port_times(self._job.network)
        there, at = self._port >= 0, np.maximum(self._port, 0)
        link = np.where(there, (times.forward + times.next_cycle)[at], 0)
        wait = np.where(there & (self._flits[:, None] == 1), times.routing[at], 0)
        wait[:, 0] = 0
        onward = np.cumsum((link + wait)[:, ::-1], 1)[:, ::-1]
        return onward - wait

    def alike(self) -> bool:
        """Whether what packets do when they are alone is followed to the tick."""
        network, flows, burst = self._job
        every = (1 << network.channels) - 1
        return bool(
            not burst.steps
            and not burst.processing.any()
            and not network.node[:, 2].any()
            and (flows.deliveries == 1).all()
            and (self._flits <= EXACT_FLITS).all()
            and (network.router[:, 1] == network.router[0, 1]).all()
            and (flows.branch[:, 2] & every).all()
            and (flows.flow[:, 2] & every).all()
        )

    def apart(self) -> bool:
        """Whether no link is still in use by a packet when another one comes to it."""
        delivery, hop = np.nonzero(self._port[self.of] >= 0)
        of, start = self.of[delivery], self.start[delivery]
        source = self._job.burst.packet[self.packet, 0]
        link = np.concatenate([self._port[of, hop], len(self._job.network.port) + source])
        begin = np.concatenate([start + self.lone.head[of, hop], self._leaves[self.packet]])
        entered = self.start + self.lone.entered[self.of]
        end = np.concatenate([start + self.lone.settled[of, hop], entered])
        order = np.lexsort([begin, link])
        link, begin, end = link[order], begin[order], end[order]
        return not ((link[1:] == link[:-1]) & (begin[1:] <= end[:-1])).any()


def _sums(at: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    found = np.zeros(size, np.int64)
    np.add.at(found, at, values)
    return found


def _latest(
    size: int, at: np.ndarray, begins: np.ndarray, busy: np.ndarray, rest: np.ndarray
) -> tuple[int, int]:
    """Return where the first beginning, time in use and least rest are longest, and how long."""
    none = np.iinfo(np.int64).max
    first, least = np.full(size, none), np.full(size, none)
    np.minimum.at(first, at, begins)
    np.minimum.at(least, at, rest)
    used = first < none
    ticks = np.where(used, np.where(used, first, 0) + busy + np.where(used, least, 0), -1)
    best = int(ticks.argmax())
    return best, int(ticks[best])
