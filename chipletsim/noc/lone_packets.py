"""How a packet goes along its way if it is alone: its times at zero load."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chipletsim.noc.flit_network import NO_PEER, FlitNetwork

EXACT_FLITS = 128
"""Flits of a packet that are followed one by one; later ones at the rate of the slowest link."""
_CHUNK_NUMBERS = 1 << 22


class PortTimes(NamedTuple):
    """What flits take at each output, and at the other end of it; ticks.

    Attributes:
        cycle: int64 [ports]: of the router.
        routing: int64 [ports]: from a head's arrival in a queue until it may be sent.
        forward: int64 [ports]: from sending a flit until the other end's clock may take it.
        interval: int64 [ports]: from one flit to the next.
        next_cycle: int64 [ports]: of the router at the other end; at a node, of its own.
        room: int64 [ports]: flits that a virtual channel of the other end holds.
        credit: int64 [ports]: from taking a flit there until its credit may be used.
        to_node: bool [ports]: whether a node is there, or nothing.
    """

    cycle: np.ndarray
    routing: np.ndarray
    forward: np.ndarray
    interval: np.ndarray
    next_cycle: np.ndarray
    room: np.ndarray
    credit: np.ndarray
    to_node: np.ndarray


class LonePackets(NamedTuple):
    """When a packet goes where, if it is alone.

    Attributes:
        head: int64 [packets, hops]: tick in which the head is in the queue of each router.
        sent: int64 [packets, hops]: tick in which each router sends the head.
        last: int64 [packets, hops]: tick in which each router sends the tail.
        arrived: int64 [packets]: tick in which the tail comes to its node.
        waited: int64 [packets]: ticks that its flits stand in queues, all together.
        settled: int64 [packets, hops]: tick from which on the link behind each router is as if no
            packet had been there.
        entered: int64 [packets]: the same, of the link from the source.
    """

    head: np.ndarray
    sent: np.ndarray
    last: np.ndarray
    arrived: np.ndarray
    waited: np.ndarray
    settled: np.ndarray
    entered: np.ndarray


def lone_packets(
    network: FlitNetwork,
    source: np.ndarray,
    port: np.ndarray,
    flits: np.ndarray,
    leaves: np.ndarray,
) -> LonePackets:
    """Return how packets go that are alone, each in one virtual channel of every link.

    Flit n leaves router m at

    ``d(m,n) = max(a(m,n) + (R + 1 if n = 0), d(m,n-1) + k, d(m+1,n-B) + credit)``

    and is at the next in ``a(m+1,n) = d(m,n) + L + 2``, for a link of latency L that takes a flit
    in k, B flits of a channel behind it, and R cycles of route computation; all at the next tick
    of the router's clock. Beyond `EXACT_FLITS` flits, ``last`` and ``arrived`` are the least that
    the links allow, and ``waited`` counts the first ones alone.

    Args:
        network: What the packets run on.
        source: int64 [packets]: node of each.
        port: int64 [packets, hops]: output port at each router of its way; -1 beyond the last.
        flits: int64 [packets].
        leaves: int64 [packets]: tick in which the head of each leaves its node.
    """
    steps = int(min(flits.max(initial=1), EXACT_FLITS))
    size = max(1, _CHUNK_NUMBERS // (steps * port.shape[1]))
    spans = [slice(at, at + size) for at in range(0, max(len(flits), 1), size)]
    parts = [
        _Lone(network, source[span], port[span], flits[span], leaves[span]).run() for span in spans
    ]
    return LonePackets(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def port_times(network: FlitNetwork) -> PortTimes:
    """Return what flits of a network take at each output."""
    peer = network.port[:, 0]
    to_node = peer < 0
    behind = network.port[np.where(to_node, 0, peer)]
    node = network.node[np.where(to_node & (peer != NO_PEER), -1 - np.maximum(peer, -1 << 62), 0)]
    router = network.router[network.port_router]
    cycle = router[:, 1]
    return PortTimes(
        cycle,
        (router[:, 2] + 1) * cycle,
        network.port[:, 1],
        network.port[:, 3],
        np.where(to_node, cycle, cycle[np.where(to_node, 0, peer)]),
        np.where(to_node, node[:, 1], behind[:, 4]),
        np.where(to_node, node[:, 4], behind[:, 2]),
        to_node,
    )


class _Lone:
    """A chunk of packets. Arrays are [hops, packets], or [flits, hops, packets]."""

    def __init__(
        self,
        network: FlitNetwork,
        source: np.ndarray,
        port: np.ndarray,
        flits: np.ndarray,
        leaves: np.ndarray,
    ) -> None:
        self._flits, self._leaves = flits, leaves
        at = np.ascontiguousarray(port.T)
        self._there = at >= 0
        self._at = np.where(self._there, at, 0)
        self._times = port_times(network)
        self._to_node = self._times.to_node[self._at] & self._there
        entry = network.node[source]
        self._enter, self._entry_room = entry[:, 3], network.port[entry[:, 0], 4]
        self._entry_credit = network.port[entry[:, 0], 2]
        self._steps = int(min(flits.max(initial=1), EXACT_FLITS))

    def run(self) -> LonePackets:
        """Follow the flits of all packets, one after the other."""
        shape = (self._steps, *self._at.shape)
        self._sent, self._came = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        self._injected = np.tile(self._leaves, (self._steps, 1))
        self._free = np.zeros(shape[1:], np.int64)
        head, last = np.zeros(shape[1:], np.int64), np.zeros(shape[1:], np.int64)
        waited, arrived = np.zeros_like(self._leaves), np.zeros_like(self._leaves)
        for n in range(self._steps):
            goes = n < self._flits
            came = self._leave_source(n)
            for m in range(len(self._at)):
                here = goes & self._there[m]
                if n == 0:
                    head[m] = came
                sent = self._leave(n, m, came)
                waited += np.where(here, sent - came, 0)
                cycle = self._times.next_cycle[self._at[m]]
                came = _next_tick(sent + self._times.forward[self._at[m]], cycle) + cycle
                self._sent[n, m], self._came[n, m] = sent, came
                arrived = np.where(here & self._to_node[m], came, arrived)
                last[m] = np.where(goes, sent, last[m])
        last, arrived = self._prolonged(last, arrived)
        settled, entered = self._settled(last, arrived)
        return LonePackets(head.T, self._sent[0].T, last.T, arrived, waited, settled.T, entered)

    def _settled(self, last: np.ndarray, arrived: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return when links are free, and all room behind them is known to be there again."""
        times, at = self._times, self._at
        gone = np.where(self._to_node, arrived, np.roll(last, -1, 0))
        back = _next_tick(gone + times.credit[at], times.cycle[at])
        entered = _next_tick(last[0] + self._entry_credit, times.cycle[at[0]])
        return np.maximum(back, last + times.interval[at]), entered

    def _leave_source(self, n: int) -> np.ndarray:
        """Return when flit n is in the queue of the first router."""
        cycle = self._times.cycle[self._at[0]]
        if n:
            leaves = self._injected[n - 1] + cycle
            back = _back(n, self._entry_room, self._sent[:, 0]) + self._entry_credit
            credited = np.maximum(leaves, _next_tick(back, cycle))
            self._injected[n] = np.where(n >= self._entry_room, credited, leaves)
        return _next_tick(self._injected[n] + self._enter, cycle) + cycle

    def _leave(self, n: int, m: int, came: np.ndarray) -> np.ndarray:
        """Return when router m sends flit n, and note when its output is free again."""
        port, free = self._at[m], self._free[m]
        cycle = self._times.cycle[port]
        at = came
        if n == 0:
            at = came + self._times.routing[port]
        else:
            at = np.maximum(np.maximum(at, self._sent[n - 1, m] + cycle), free)
            room = self._times.room[port]
            onward = self._sent[:, min(m + 1, len(self._at) - 1)]
            behind = np.where(self._to_node[m], self._came[:, m], onward)
            back = _next_tick(_back(n, room, behind) + self._times.credit[port], cycle)
            at = np.where(n >= room, np.maximum(at, back), at)
        at = _next_tick(at, cycle)
        # Bandwidths that are no whole number of cycles hold on average.
        self._free[m] = np.where(at - free < cycle, free, at) + self._times.interval[port]
        return at

    def _prolonged(self, last: np.ndarray, arrived: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return when tails pass whose packets have more flits than were followed."""
        more = np.maximum(self._flits - self._steps, 0)
        longer = more > 0
        if not longer.any():
            return last, arrived
        times, at = self._times, self._at
        by_rate = np.where(longer, self._free + (more - 1) * times.interval[at], 0)
        last = np.maximum(last + more * times.cycle[at], by_rate)
        for m in range(len(at)):
            came = last[m] + times.forward[at[m]] + times.next_cycle[at[m]]
            if m + 1 < len(at):
                onward = longer & self._there[m + 1]
                last[m + 1, onward] = np.maximum(last[m + 1, onward], came[onward])
            arrived = np.where(longer & self._to_node[m], came, arrived)
        return last, arrived


def _back(n: int, room: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Return when the flit left that was ``room`` before flit n; left is [flits, packets]."""
    if (room == room[0]).all():
        return left[max(n - int(room[0]), 0)]
    return np.take_along_axis(left, np.maximum(n - room, 0)[None], 0)[0]


def _next_tick(time: np.ndarray, cycle: np.ndarray) -> np.ndarray:
    return -(-time // cycle) * cycle
