"""Timing `cycle` in plain Python: tick by tick, router by router.

It is the obvious form of the native kernel, which has to give the same, and stands in for it where
there is none. It asserts in every cycle that credits and queues are within their bounds and that a
channel of an output has one holder.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import numpy as np

from chipletsim.noc.burst_steps import Tally, burst_times
from chipletsim.noc.flit_network import NO_PEER, BurstTimes, Job
from chipletsim.noc.link_steps import LinkSteps, aligned
from chipletsim.noc.node_steps import BurstRecord, NodeSteps
from chipletsim.noc.router_steps import Branch, Flit, Output, RouterSteps, Send, ensure, pick

Coming = tuple[int, int, Flit]
"""A flit on its way: the port or node that it comes to, its virtual channel, and the flit."""


class Source:
    """A node as it sends: what room its router has, and which packet is under way."""

    def __init__(self, channels: int, room: int) -> None:
        self.credits = [room] * channels
        self.sent = 0  # flits of the packet under way
        self.channel: int | None = None  # that it takes
        self.last = -1  # channel of the packet before


def flit_steps(job: Job, tally: Tally) -> BurstTimes:
    """Follow a burst flit by flit.

    Args:
        job: The burst, and what it runs on.
        tally: Counts of the network's ports, which are added to.
    """
    return _Run(job, tally).run()


class _Run:
    def __init__(self, job: Job, tally: Tally) -> None:
        network = job.network
        self._job, self._tally, self._record = job, tally, BurstRecord(job)
        self._port, self._node = network.port.tolist(), network.node.tolist()
        self._owner = network.port_router.tolist()
        kinds = job.burst.kind
        self._kind = [0] * len(job.burst.packet) if kinds is None else kinds.tolist()
        self._routers = self._make_routers()
        self._cycle = [self._routers[router].cycle for router in self._owner]
        self._links = [
            LinkSteps(
                job,
                port,
                self._cycle[port],
                self._output(port),
                tally=tally,
                travel=self._travel(port),
            )
            for port in range(len(self._port))
        ]
        self._nodes = [NodeSteps(job, node, self._record) for node in range(len(self._node))]
        self._sources = [Source(network.channels, self._port[node[0]][4]) for node in self._node]
        # What comes in a tick.
        self._flits: dict[int, list[Coming]] = defaultdict(list)  # to routers
        self._tails: dict[int, list[Coming]] = defaultdict(list)  # and other flits, to nodes
        self._credits: dict[int, list[tuple[int, int]]] = defaultdict(list)  # to outputs
        self._refunds: dict[int, list[tuple[int, int]]] = defaultdict(list)  # to sources

    def run(self) -> BurstTimes:
        quantum = int(np.gcd.reduce(self._job.network.router[:, 1]))
        slowest = max(router.cycle for router in self._routers)
        ready = int(self._job.burst.packet[:, 3].max(initial=0))
        now, changed = 0, 0
        while now <= max(changed, ready, self._busy_until()) + slowest:
            if self._tick(now) or self._on_the_way():
                changed = now
            now += quantum
        for link, row in zip(self._links, self._port, strict=True):
            if row[0] != NO_PEER:
                link.rest(self._record.last)
        self._tally.counts.busy[:] += [link.busy for link in self._links]
        times = burst_times(
            self._record,
            self._nodes,
            [link.busy * (row[0] >= 0) for link, row in zip(self._links, self._port, strict=True)],
        )
        if times.undelivered == 0:
            ensure(all(router.idle() for router in self._routers), "flits were lost")
        return times

    def _make_routers(self) -> list[RouterSteps]:
        network, flows = self._job.network, self._job.flows
        branches = [Branch(*row) for row in flows.branch.tolist()]
        stops = [branches[a:b] for a, b in zip(flows.stop[:-1], flows.stop[1:], strict=True)]
        room = [self._room(*row) for row in self._port]
        bounds = [*network.router[:, 0].tolist(), len(room)]
        return [
            RouterSteps(self._job, number, room[bounds[number] : bounds[number + 1]], stops)
            for number in range(len(network.router))
        ]

    def _room(self, peer: int, *own: int) -> int:
        """Return the flits that a channel at the other end of a port holds."""
        if peer == NO_PEER:
            return own[-1]
        return int(self._port[peer][4] if peer >= 0 else self._node[-1 - peer][1])

    def _output(self, port: int) -> Output:
        router = self._routers[self._owner[port]]
        return router.outputs[port - router.first]

    def _travel(self, port: int) -> Callable[[int, Send], None]:
        """Return what takes a flit over the wire behind a port, from a tick on."""
        peer, forward = self._port[port][:2]
        cycle = self._cycle[port if peer < 0 else peer]

        def travel(starts: int, sent: Send) -> None:
            comes = aligned(starts + forward, cycle) + cycle
            to = self._tails if peer < 0 else self._flits
            to[comes].append((-1 - peer if peer < 0 else peer, sent.channel, sent.flit))

        return travel

    def _busy_until(self) -> int:
        """Return until when links and nodes are at work."""
        return max(
            *(link.until for link in self._links),
            *(node.busy_until for node in self._nodes),
        )

    def _on_the_way(self) -> bool:
        return bool(self._flits or self._tails or self._credits or self._refunds)

    def _tick(self, now: int) -> bool:
        """Let a tick pass; return whether anything happens but arrivals."""
        changed = [link.leave(now) for link in self._links]
        for node, channel, flit in self._tails.pop(now, ()):
            self._receive(now, node, channel, flit)
        for node, channel in self._refunds.pop(now, ()):
            source = self._sources[node]
            source.credits[channel] += 1
            room = self._port[self._node[node][0]][4]
            ensure(source.credits[channel] <= room, "a credit came twice")
        for node in range(len(self._nodes)):
            if now % self._cycle[self._node[node][0]] == 0:
                self._work(now, node)
                changed.append(self._send(now, node))
        for port, channel, flit in self._flits.pop(now, ()):
            router = self._routers[self._owner[port]]
            router.arrive(now, port - router.first, channel, flit)
            self._tally.queued(port, len(router.lanes[port - router.first][channel].queue))
        for port, channel in self._credits.pop(now, ()):
            router = self._routers[self._owner[port]]
            ticks = router.credit(port - router.first, channel)
            self._tally.counts.starved[port] += ticks
        for router in self._routers:
            if now % router.cycle == 0:
                changed.append(self._route(now, router))
        changed += [link.leave(now) for link in self._links]
        return any(changed)

    def _receive(self, now: int, node: int, channel: int, flit: Flit) -> None:
        if flit.tail:
            self._nodes[node].deliver(now, flit.packet, -1 - flit.stop, channel)
        else:
            self._give_back(now, node, channel)

    def _give_back(self, taken: int, node: int, channel: int) -> None:
        port = self._node[node][0]
        back = aligned(taken + self._node[node][4], self._cycle[port])
        self._credits[back].append((port, channel))

    def _work(self, now: int, node: int) -> None:
        self._nodes[node].work(now, lambda taken, channel: self._give_back(taken, node, channel))

    def _send(self, now: int, number: int) -> bool:
        """Let a source send a flit, if it may."""
        front, source = self._nodes[number].front(), self._sources[number]
        if front is None or front[1] > now:
            return False
        packet, flow = front[0], self._job.burst.packet[front[0], 1]
        _, root, channels = self._job.flows.flow[flow].tolist()
        if source.channel is None:
            free = [w for w, room in enumerate(source.credits) if room and channels >> w & 1]
            if not free:
                return False
            source.channel = pick(free, source.last + 1)
        if not source.credits[source.channel]:
            return False
        if source.sent == 0:
            self._nodes[number].inject(now, packet)
        source.credits[source.channel] -= 1
        flits = int(self._job.burst.packet[packet, 2])
        flit = Flit(packet, source.sent, source.sent + 1 == flits, root)
        port, _, _, forward, _ = self._node[number]
        cycle = self._cycle[port]
        self._flits[aligned(now + forward, cycle) + cycle].append((port, source.channel, flit))
        source.sent += 1
        if flit.tail:
            source.last, source.channel, source.sent = source.channel, None, 0
            self._nodes[number].sent(now)
        return True

    def _route(self, now: int, router: RouterSteps) -> bool:
        sends, changed = router.run(now)
        for each in sends:
            port = router.first + each.output
            self._tally.send(port, now, 1)
            self._tally.counts.waited[port] += now - each.flit.came
            self._links[port].send(now, each, self._kind[each.flit.packet])
            if each.freed is not None:
                self._free(now, router.first + each.freed[0], each.freed[1])
        return changed

    def _free(self, now: int, port: int, channel: int) -> None:
        """Give back the room of a flit that has left an input."""
        peer, _, backward, _, _ = self._port[port]
        back = aligned(now + backward, self._cycle[port if peer < 0 else peer])
        to = self._refunds if peer < 0 else self._credits
        to[back].append((-1 - peer if peer < 0 else peer, channel))
