"""Networks of routers and bursts of packets, as the timing models `cycle` and `queue` take them.

Time is in ticks, whole numbers. Every router has a clock, whose cycle is some ticks long; where all
clocks are one, a tick is a cycle.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chipletsim.noc.kept import Keeper

NO_PEER = np.iinfo(np.int64).min
"""Peer of a port that is not connected."""
ALL_CHANNELS = -1
"""Any virtual channel may be taken: every bit of an int64."""
NOWHERE = -1
OWN_NODE = -2
MAX_PORTS = 1024
"""Ports of a router, at most."""
MAX_CHANNELS = 62
"""Virtual channels of a port, at most."""
MOST_TICKS = 1 << 56
"""Ticks of a burst are fewer: `queue` counts 64 parts of each in an int64."""


class _Network(NamedTuple):
    router: np.ndarray
    port: np.ndarray
    node: np.ndarray
    channels: int
    tick_s: float | None = None
    intervals: np.ndarray | None = None
    kind_bits: np.ndarray | None = None
    links: np.ndarray | None = None
    processors: np.ndarray | None = None


class FlitNetwork(_Network, Keeper):
    """Routers, their ports in the order in which they are arbitrated, and what is between them.

    A router has input and output at each of its ports. A flit that a router sends at tick t can be
    used at the other end from ``aligned(t + forward) + cycle`` on, where ``aligned`` is the next
    tick that is a multiple of the cycle at that end; the credit for one that is taken out of an
    input queue at t from ``aligned(t + backward)`` on. Once a burst has run, arrays are read-only.

    Attributes:
        router: int64 [routers, 3]: its first port, ticks of its cycle, cycles in which it computes
            a route.
        port: int64 [ports, 5]: port at the other end, or ``-1 - node``, or `NO_PEER`; ``forward``
            of its output, ``backward`` of its input, a tick or more, ticks from one flit of its
            output to the next, flits that each virtual channel of its input holds.
        node: int64 [nodes, 5]: its port; flits of each virtual channel that it holds; packets that
            it holds once they are made (0: any number), when it makes nothing more; ``forward`` and
            ``backward`` of the node, the latter a cycle or more.
        channels: Virtual channels of every port.
        tick_s: Seconds of a tick, None where ticks have no length.
        intervals: int64 [ports, kinds]: ticks from one flit of the output to the next, by the kind
            of packet, which is its size; None where all packets are of one kind.
        kind_bits: int64 [ports, kinds]: bits of a flit of each kind in a frame of the output; None
            where no link sends frames.
        links: int64 [ports, 5]: bits that a frame of the output carries (0: it sends no frames),
            ticks of a frame on the wire, ticks that the first packet of a frame waits for others
            at most; ticks without use after which the link sleeps (-1: never), ticks in which it
            is woken. A link is in use for the interval of a flit, or while a frame is on the wire.
            None where no link has any of it.
        processors: int64 [nodes]: 1 where a node makes packets and works on those that come by
            turns, 2 where it does both at once; None where all are 2.
    """

    @property
    def port_router(self) -> np.ndarray:
        """int64 [ports]: the router of each port."""
        counts = np.diff(np.append(self.router[:, 0], len(self.port)))
        return np.repeat(np.arange(len(self.router)), counts)


class _Flows(NamedTuple):
    stop: np.ndarray
    branch: np.ndarray
    flow: np.ndarray
    deliveries: np.ndarray
    target: np.ndarray
    routers: np.ndarray


class Flows(_Flows, Keeper):
    """Ways through a network: paths, or trees where packets are copied.

    A flow is a tree of stops, one for each router that it visits. At a stop it takes one output,
    or several. Once a burst has run, arrays are read-only.

    Attributes:
        stop: int64 [stops + 1]: first branch of each stop.
        branch: int64 [branches, 3]: output port, by its number at the router; the next stop, or
            ``-1 - n`` where it ends at a node, as delivery n of the flow; virtual channels that may
            be taken, as bits. Branches of a stop stand in the order of their ports.
        flow: int64 [flows, 3]: source node, first stop, virtual channels that the source may take.
        deliveries: int64 [flows]: nodes where it ends.
        target: int64 [sum of deliveries]: these nodes, flow by flow.
        routers: int64 [sum of deliveries]: routers on the way to each.
    """


class Burst(NamedTuple):
    """Packets that are sent over a network, node by node, those of a node in the order of sending.

    Attributes:
        packet: int64 [packets, 6]: source node; flow, `NOWHERE` for work that ends in no packet,
            `OWN_NODE` for one to its own node that enters no router; flits, tick before which it
            does not leave, ticks in which its node makes it, step. Of a packet that answers
            another, the fourth is ticks from the end of the work on that until it may be begun.
        processing: int64 [deliveries]: ticks that a node works on a delivery; packet by packet.
        steps: Steps through which the nodes run freely; 0 where all packets are of one.
        kind: int64 [packets], size of each by number; None where all are of one.
        after: int64 [packets], the delivery to its node that each answers, -1 for none: its node
            begins it once it has worked on that, before all that answer none, whatever steps are
            not done. None where no packet answers another.
        levels: Steps that make up one step of the network, as some of its packets wait for others.
    """

    packet: np.ndarray
    processing: np.ndarray
    steps: int = 0
    kind: np.ndarray | None = None
    after: np.ndarray | None = None
    levels: int = 1

    @property
    def network_steps(self) -> int:
        """Steps of the network."""
        return max(self.steps // self.levels, 1)

    @property
    def network_step(self) -> np.ndarray:
        """int64 [packets]: step of the network of each."""
        found: np.ndarray = self.packet[:, 5] // self.levels
        return found


def kinds_of(burst: Burst) -> np.ndarray:
    """Return int64 [packets]: size of each by number."""
    return np.zeros(len(burst.packet), np.int64) if burst.kind is None else burst.kind


class Job(NamedTuple):
    """A burst, and what it runs on."""

    network: FlitNetwork
    flows: Flows
    burst: Burst


class PortCounts(NamedTuple):
    """What happened at outputs, each int64 [ports] of one network, over all of its bursts.

    Attributes:
        flits: Flits sent.
        waited: Ticks that these stood in input queues.
        starved: Ticks that virtual channels had a flit to send and no room at the other end, until
            they had.
        most_queued: Most flits in one virtual channel of the port's input.
        frames: Frames sent.
        asleep: Ticks that the link slept.
        busy: Ticks that its flits, or frames, take on the wire.
        framed_bits: Bits of flits in its frames.
    """

    flits: np.ndarray
    waited: np.ndarray
    starved: np.ndarray
    most_queued: np.ndarray
    frames: np.ndarray
    asleep: np.ndarray
    busy: np.ndarray
    framed_bits: np.ndarray

    def plus(self, other: PortCounts) -> PortCounts:
        """Return the counts of the bursts of both."""
        sums = PortCounts(*(a + b for a, b in zip(self, other, strict=True)))
        return sums._replace(most_queued=np.maximum(self.most_queued, other.most_queued))


class Busiest(NamedTuple):
    """What worked longest in a burst.

    Attributes:
        port: Output of a link.
        port_ticks: Ticks in which it sent.
        node: A node.
        node_ticks: Ticks in which it made packets or worked on them; of two processors the busier
            one counts.
    """

    port: int
    port_ticks: int
    node: int
    node_ticks: int


class BurstTimes(NamedTuple):
    """When the packets of a burst went where.

    Attributes:
        made: int64 [packets], tick in which the node had made it; -1 if it never did.
        injected: int64 [packets], tick in which its head left the node; -1 if it never did.
        arrived: int64 [deliveries], tick in which its tail came; -1 if it never did.
        taken: int64 [deliveries], tick in which the node began to work on it; -1 if it never did.
        undelivered: Packets and deliveries that are left because packets wait for one another.
        busiest: What worked longest.
    """

    made: np.ndarray
    injected: np.ndarray
    arrived: np.ndarray
    taken: np.ndarray
    undelivered: int
    busiest: Busiest

    def end(self, burst: Burst) -> int:
        """Return the tick in which all is done."""
        last = [self.arrived, self.taken + burst.processing, self.made]
        return max((int(each.max()) for each in last if each.size), default=0)


def one_by_one(network: FlitNetwork) -> np.ndarray:
    """Return bool [nodes]: whether a node makes packets and works on others by turns."""
    if network.processors is None:
        return np.zeros(len(network.node), bool)
    return network.processors == 1


def available(job: Job, times: BurstTimes) -> np.ndarray:
    """Return int64 [packets]: tick before which each cannot be begun, as it waits for others, or 0.

    It answers another, or waits for those of lower levels of its step of the network.

    Args:
        job: The burst.
        times: What it did.
    """
    burst = job.burst
    found = _levels_done(job, times)
    if burst.after is not None:
        answers = np.flatnonzero(burst.after >= 0)
        delivery = burst.after[answers]
        ends = times.taken[delivery] + burst.processing[delivery]
        found[answers] = ends + burst.packet[answers, 3]
    return found


def _levels_done(job: Job, times: BurstTimes) -> np.ndarray:
    """Return int64 [packets]: tick in which its node has done all of lower levels, or 0."""
    burst = job.burst
    if burst.levels == 1:
        return np.zeros(len(burst.packet), np.int64)
    step = np.repeat(burst.packet[:, 5], np.diff(delivery_starts(job.flows, burst)))
    done = np.zeros((burst.steps + 1, len(job.network.node)), np.int64)
    at = step + 1, delivery_nodes(job.flows, burst)
    np.maximum.at(done, at, times.taken + burst.processing)
    found: np.ndarray = np.maximum.accumulate(done)[burst.packet[:, 5], burst.packet[:, 0]]
    return found


def delivery_starts(flows: Flows, burst: Burst) -> np.ndarray:
    """Return int64 [packets + 1]: first delivery of each packet."""
    flow = burst.packet[:, 1]
    counts = np.where(flow >= 0, flows.deliveries[np.maximum(flow, 0)], flow == OWN_NODE)
    return np.concatenate([[0], np.cumsum(counts)])


def delivery_nodes(flows: Flows, burst: Burst) -> np.ndarray:
    """Return int64 [deliveries]: node where each delivery ends."""
    starts = delivery_starts(flows, burst)
    first = np.concatenate([[0], np.cumsum(flows.deliveries)])
    counts = np.diff(starts)
    rank = np.arange(starts[-1]) - np.repeat(starts[:-1], counts)
    source, flow = np.repeat(burst.packet[:, :2], counts, axis=0).T
    found = source.copy()  # of packets for their own node
    sent = flow >= 0
    found[sent] = flows.target[first[flow[sent]] + rank[sent]]
    return found
