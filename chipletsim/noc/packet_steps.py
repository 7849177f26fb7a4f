"""Timing `queue` in plain Python: packets reserve the links of their way one after the other.

It is the obvious form of the native kernel, which has to give the same, and stands in for it where
there is none. What happens is kept in a heap, by the tick in which it does so, in whole quanta, and
within one in the order in which it became known. Times are in parts of a tick.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from heapq import heappop, heappush

import numpy as np

from chipletsim.noc.burst_steps import Tally, burst_times
from chipletsim.noc.flit_network import NO_PEER, BurstTimes, Job
from chipletsim.noc.node_steps import BurstRecord, NodeSteps
from chipletsim.noc.packet_ports import (
    PARTS,
    Copy,
    End,
    Lane,
    Port,
    aligned,
    last_flit,
    make_ports,
)


def packet_steps(job: Job, tally: Tally) -> BurstTimes:
    """Follow a burst packet by packet.

    Args:
        job: The burst, and what it runs on.
        tally: Counts of the network's ports, which are added to.
    """
    return _Run(job, tally).run()


class _Run:
    def __init__(self, job: Job, tally: Tally) -> None:
        network = job.network
        self._job, self._tally, self._record = job, tally, BurstRecord(job)
        self._channels = network.channels
        self._packet = job.burst.packet.tolist()
        kinds = job.burst.kind
        self._kind = [0] * len(self._packet) if kinds is None else kinds.tolist()
        self._stop, self._branch = job.flows.stop.tolist(), job.flows.branch.tolist()
        self._ports = make_ports(network)
        self._nodes = [
            NodeSteps(job, node, self._record, PARTS) for node in range(len(network.node))
        ]
        self._node = network.node.tolist()
        every = range(self._channels)
        self._lanes = [[Lane() for _ in every] for _ in self._ports]
        self._ends = [End() for _ in self._node]
        self._frames: list[list[Copy]] = [[] for _ in self._ports]
        self._quantum = int(np.gcd.reduce(network.router[:, 1])) * PARTS
        self._heap: list[tuple[int, int, int, Callable[[int], None]]] = []
        self._order = 0

    def run(self) -> BurstTimes:
        for node, each in enumerate(self._nodes):
            if each.rows:
                self._wake(0, node)
        while self._heap:
            _, _, time, action = heappop(self._heap)
            action(time)
        for number, port in enumerate(self._ports):
            if port.peer != NO_PEER:
                idle = port.asleep(self._record.last)
                self._tally.counts.asleep[number] += idle // PARTS
        self._tally.counts.busy[:] += [port.busy for port in self._ports]
        busy = [port.busy * (port.peer >= 0) for port in self._ports]
        return burst_times(self._record, self._nodes, busy, PARTS)

    def _at(self, time: int, action: Callable[[int], None]) -> None:
        heappush(self._heap, (time // self._quantum, self._order, time, action))
        self._order += 1

    def _wake(self, time: int, node: int) -> None:
        self._at(time, lambda now: self._attend(now, node))

    # Nodes.

    def _attend(self, now: int, node: int) -> None:
        each, end = self._nodes[node], self._ends[node]

        def give(taken: int, _: int) -> None:
            if not self._grant(end.parked, 0, taken + self._node[node][4] * PARTS):
                end.held -= 1

        if end.planned is not None and end.planned <= now:
            end.planned = None
        after = each.work(now, give)
        if after is not None:
            self._plan(after, node)
        if end.waits:
            return
        when: int | None = end.next
        if end.next <= now:
            front = each.front()
            when = front[1] if front and front[1] > now else None
            if front and front[1] <= now:
                self._inject(now, node, front[0])
                when = None if end.waits else end.next
        if when is not None and each.gone < len(each.rows):
            self._plan(when, node)

    def _plan(self, time: int, node: int) -> None:
        """See to it that a node is attended to at a time; one before that is enough."""
        end = self._ends[node]
        if end.planned is None or end.planned > time:
            end.planned = time
            self._wake(time, node)

    def _inject(self, now: int, node: int, packet: int) -> None:
        """Send the packet at the front of a node's queue, once it has room at its router."""
        end, number = self._ends[node], self._node[node][0]
        port, flits = self._ports[number], self._packet[packet][2]
        _, root, may = self._job.flows.flow[self._packet[packet][1]].tolist()
        if end.channel is None:
            room = port.fits(flits)
            channel = self._choose(number, may, room)
            if not self._hold(number, channel, room, flits):
                self._lanes[number][channel].node_waits = end.waits = True
                return
            end.channel = channel
        self._nodes[node].inject(aligned(now, port.cycle), packet)
        forward = self._node[node][3] * PARTS
        leaves = aligned(now, port.cycle)
        comes = aligned(leaves + forward, port.cycle) + port.cycle
        loop = forward + port.cycle + port.backward
        lag = last_flit(flits, port.cycle, port.buffer, loop, loop + port.ready)
        copy = Copy(packet, root, number, end.channel, comes, comes + lag)
        end.channel = None
        self._enter(copy)
        per_flit = max(port.cycle, (loop + port.ready) // (self._channels * port.buffer))
        end.next = now + max(
            per_flit * flits, lag + port.cycle, port.cycle * (flits + 1) // self._channels
        )
        self._nodes[node].sent(leaves + lag)

    # Inputs.

    def _choose(self, port: int, may: int, room: int) -> int:
        """Return the next channel in turn that has room, else the next in turn."""
        turn = self._ports[port].turn
        order = [(turn + step) % self._channels for step in range(self._channels)]
        order = [channel for channel in order if may >> channel & 1]
        free = [channel for channel in order if self._lanes[port][channel].held < room]
        chosen = (free or order)[0]
        self._ports[port].turn = (chosen + 1) % self._channels
        return chosen

    def _hold(self, port: int, channel: int, room: int, flits: int) -> bool:
        """Take room in a channel, if there is some."""
        lane = self._lanes[port][channel]
        if lane.held >= room:
            return False
        lane.held += 1
        self._tally.queued(port, min(lane.held * flits, self._ports[port].buffer))
        return True

    def _enter(self, copy: Copy) -> None:
        """A packet comes into a channel in which it has room."""
        lane = self._lanes[copy.port][copy.channel]
        if lane.copies:
            lane.queue.append(copy)
        else:
            self._stand_in_front(copy, lane)

    def _stand_in_front(self, copy: Copy, lane: Lane) -> None:
        first, last = self._stop[copy.stop], self._stop[copy.stop + 1]
        lane.copies = last - first
        time = max(copy.came, lane.departed) + self._ports[copy.port].ready
        for branch in range(first, last):
            each = replace(copy, branch=branch)
            self._at(time, partial(self._advance, copy=each))

    def _advance(self, now: int, copy: Copy) -> None:
        """A copy at the front of its channel goes on, once it has room behind its output."""
        output, following, may = self._branch[copy.branch]
        number = self._ports[copy.port].first + output
        flits, kind = self._packet[copy.packet][2], self._kind[copy.packet]
        port, into = self._ports[number], self._ports[copy.port]
        if copy.granted < 0 and not self._find_room(now, copy, port, may, flits):
            return
        start = max(now, port.free, into.turn_free)
        leaves = aligned(start, port.cycle)
        if not port.frame_bits and (awake := self._woken(leaves, number)) > leaves:
            start = leaves = awake
        port.send(start, flits, kind)
        into.turn_free = start + port.cycle * flits
        self._tally.send(number, start // PARTS, flits)
        self._tally.counts.waited[number] += (start - copy.came) // PARTS * flits
        tail = port.tail(start, flits, kind, copy.tail_came)
        leaving = replace(copy, stop=following, branch=-1, granted=-1)
        if port.frame_bits:
            leaving.granted = copy.granted
            if flits == 1:
                self._fill(leaves, number, leaving)
            else:
                whole = max(leaves, aligned(tail - port.before_last(flits, kind), port.cycle))
                self._at(whole, partial(self._fill, number=number, copy=leaving))
        else:
            last = leaves if flits == 1 else max(leaves, aligned(tail, port.cycle))
            self._arrive(leaving, port, copy.granted, leaves, last)
        self._leave(copy, start, tail)

    def _arrive(self, copy: Copy, port: Port, channel: int, head: int, tail: int) -> None:
        """The head and the tail of a packet go on the wire behind a port."""
        comes, ends = port.arrival(head), port.arrival(tail)
        if port.peer < 0:
            node = -1 - port.peer
            self._at(ends, lambda now: self._receive(now, node, copy))
            return
        self._enter(
            replace(copy, port=port.peer, channel=channel, came=comes, tail_came=ends, granted=-1)
        )

    def _receive(self, now: int, node: int, copy: Copy) -> None:
        self._nodes[node].deliver(now, copy.packet, -1 - copy.stop, 0)
        self._attend(now, node)

    def _find_room(self, now: int, copy: Copy, port: Port, may: int, flits: int) -> bool:
        """Take room behind an output for a copy, or leave it waiting for that."""
        if port.peer < 0:
            end, copy.granted = self._ends[-1 - port.peer], 0
            if end.held < self._node[-1 - port.peer][1] * self._channels:
                end.held += 1
                return True
            parked = end.parked
        else:
            room = self._ports[port.peer].fits(flits)
            copy.granted = self._choose(port.peer, may, room)
            if self._hold(port.peer, copy.granted, room, flits):
                return True
            parked = self._lanes[port.peer][copy.granted].parked
        copy.granted = -1
        copy.asked = now
        parked.append(copy)
        return False

    def _grant(self, parked: deque[Copy], channel: int, time: int) -> bool:
        """Give room to the first that waits for it; return whether any does."""
        if not parked:
            return False
        copy = parked.popleft()
        copy.granted = channel
        time = max(time, copy.asked)
        number = self._ports[copy.port].first + self._branch[copy.branch][0]
        self._tally.counts.starved[number] += (time - copy.asked) // PARTS
        self._at(time, lambda now: self._advance(now, copy))
        return True

    def _leave(self, copy: Copy, start: int, tail: int) -> None:
        """A copy leaves the front of its channel."""
        lane, port = self._lanes[copy.port][copy.channel], self._ports[copy.port]
        lane.departed = max(lane.departed, tail + port.cycle)
        lane.copies -= 1
        if lane.copies:
            return
        time = start + port.backward + port.cycle
        if lane.node_waits:
            lane.node_waits = False
            end = self._ends[-1 - port.peer]
            end.channel, end.waits = copy.channel, False
            self._wake(max(time, end.next), -1 - port.peer)
        elif not self._grant(lane.parked, copy.channel, time):
            lane.held -= 1
        if lane.queue:
            self._stand_in_front(lane.queue.popleft(), lane)

    # Frames.

    def _fill(self, now: int, number: int, copy: Copy) -> None:
        """A packet goes into the frame that a link is to send next."""
        port = self._ports[number]
        flits, kind = self._packet[copy.packet][2], self._kind[copy.packet]
        if self._frames[number] and port.due <= now:
            self._close(number)
        if not self._frames[number]:
            port.due = max(now + port.frame_wait, port.frame_free)
            self._at(port.due, lambda time: self._due(time, number))
            port.filled = now
        self._frames[number].append(copy)
        port.filled = max(port.filled, now)
        port.bits += flits * port.kind_bits[kind]
        if port.bits + flits * max(port.kind_bits) > port.frame_bits:
            port.due = min(port.due, max(port.filled, port.frame_free))
            port.free = max(port.free, port.due)
            self._close(number)

    def _due(self, time: int, number: int) -> None:
        if self._frames[number] and self._ports[number].due == time:
            self._close(number)

    def _close(self, number: int) -> None:
        port = self._ports[number]
        starts = self._woken(port.due, number)
        frames = port.frames(port.bits)
        port.frame_free = port.used = starts + frames * port.frame_ticks * PARTS
        port.busy += frames * port.frame_ticks
        self._tally.counts.frames[number] += frames
        self._tally.counts.framed_bits[number] += port.bits
        frame, self._frames[number], port.bits = self._frames[number], [], 0
        for copy in frame:
            self._arrive(copy, port, copy.granted, port.frame_free, port.frame_free)

    def _woken(self, time: int, number: int) -> int:
        """Return when a link is awake, and count how long it has slept."""
        port = self._ports[number]
        asleep = port.asleep(time)
        self._tally.counts.asleep[number] += asleep // PARTS
        return time + port.wakes_in if asleep else time
