"""An input-queued router with virtual channels and credits in plain Python, cycle by cycle.

Route computation, allocation of a virtual channel, allocation of the switch and its traversal take
a cycle each. Both allocators make one round of iSLIP.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from chipletsim.noc.flit_network import Job


class Flit(NamedTuple):
    """A flit of a packet: its number, whether it is the last; its next stop, and when it came."""

    packet: int
    number: int
    tail: bool
    stop: int
    came: int = 0


class Branch(NamedTuple):
    """An output that a packet takes: port of the router, what follows, channels as bits."""

    port: int
    following: int
    channels: int


class Send(NamedTuple):
    """A flit that leaves by an output of the router in a virtual channel, to its next stop.

    Attributes:
        freed: Input and virtual channel that it leaves; None while copies of it are still to go.
    """

    output: int
    channel: int
    flit: Flit
    freed: tuple[int, int] | None


@dataclass
class Copy:
    """What the packet at the front of a lane sends by one output: copies, one after the other."""

    branches: list[Branch]
    channel: int | None = None  # virtual channel of the output that it holds
    sent: int = 0  # flits of the present copy

    def done_with(self, index: int) -> bool:
        """Return whether no copy of a flit is still to go."""
        return not self.branches or (len(self.branches) == 1 and self.sent > index)


@dataclass
class Lane:
    """A virtual channel of an input."""

    queue: list[Flit] = field(default_factory=list)
    copies: list[Copy] = field(default_factory=list)  # of the packet at the front
    routing: int = 0  # cycles of route computation that are left

    def open(self, stops: Sequence[list[Branch]], routing_delay: int) -> None:
        """A packet's head is at the front."""
        by_port = groupby(stops[self.queue[0].stop], lambda branch: branch.port)
        self.copies = [Copy(list(branches)) for _, branches in by_port]
        self.routing = routing_delay

    def ready(self, copy: Copy) -> Flit | None:
        """Return the next flit of a copy, None if it has not come."""
        if not self.queue or not copy.branches:
            return None
        place = copy.sent - self.queue[0].number
        if place >= len(self.queue) or self.queue[place].packet != self.queue[0].packet:
            return None
        return self.queue[place]


@dataclass
class Output:
    """An output port: its virtual channels, and when it may send."""

    credits: list[int]
    taken: list[tuple[int, int] | None]  # input and lane that hold each channel
    starving: list[int]  # ticks for which a channel lacks room by now
    grants: list[int]  # pointer of each channel, over lanes of inputs
    grant: int = 0  # pointer over inputs
    free_at: int = 0


def ensure(holds: bool, what: str) -> None:
    """Stop where this simulator, or its input, is wrong."""
    if not holds:
        raise AssertionError(f"{what}; this is a fault of chipletsim")


def pick(members: Iterable[int], pointer: int) -> int:
    """Return the least member that is not below the pointer; if there is none, the least."""
    return min(members, key=lambda member: (member < pointer, member))


class RouterSteps:
    """One router. Lanes are numbered by input and virtual channel, both from 0."""

    def __init__(self, job: Job, router: int, room: list[int], stops: list[list[Branch]]) -> None:
        network = job.network
        self.cycle, self.routing_delay = network.router[router, 1:].tolist()
        self.first = int(network.router[router, 0])
        self.size = len(room)
        self.channels = network.channels
        self._stops = stops
        self._buffer = network.port[self.first : self.first + self.size, 4].tolist()
        self._room = room
        every = range(network.channels)
        self.lanes = [[Lane() for _ in every] for _ in room]
        self.outputs = [
            Output([each] * len(every), [None] * len(every), [0] * len(every), [0] * len(every))
            for each in room
        ]
        self._accept_channel = [[0 for _ in every] for _ in room]  # pointers of lanes
        self._accept = [0] * self.size  # pointers of inputs over outputs
        self._turn = [0] * self.size  # pointers of inputs over their lanes

    def arrive(self, now: int, port: int, channel: int, flit: Flit) -> None:
        """A flit comes into a queue."""
        lane = self.lanes[port][channel]
        lane.queue.append(flit._replace(came=now))
        ensure(len(lane.queue) <= self._buffer[port], "a queue overflows")
        if not lane.copies:
            ensure(flit.number == 0, "a packet comes without its head")
            lane.open(self._stops, self.routing_delay)

    def credit(self, port: int, channel: int) -> int:
        """Room for a flit comes back; return the ticks for which the channel had lacked it."""
        output = self.outputs[port]
        output.credits[channel] += 1
        ensure(output.credits[channel] <= self._room[port], "a credit came twice")
        ticks, output.starving[channel] = output.starving[channel], 0
        return ticks

    def run(self, now: int) -> tuple[list[Send], bool]:
        """Run a cycle; return what is sent, and whether anything has changed."""
        if not any(lane.copies for lanes in self.lanes for lane in lanes):
            return [], False
        moves = self._allocate_switch(now)
        grants = self._allocate_channels()
        routed = self._compute_routes()
        for (p, v), (o, w) in grants.items():
            self._take_channel(p, v, o, w)
        sends = [self._send(p, v, o) for p, (v, o) in moves.items()]
        self._count_starving()
        return sends, bool(moves or grants or routed)

    def idle(self) -> bool:
        """Return whether nothing is queued, held or owed."""
        return all(
            each.credits == [room] * self.channels and not any(each.taken)
            for each, room in zip(self.outputs, self._room, strict=True)
        ) and not any(lane.queue for lanes in self.lanes for lane in lanes)

    def _copies(self) -> list[tuple[int, int, Lane, Copy]]:
        """Return what lanes whose route is known send, or will send, by each output."""
        return [
            (p, v, lane, copy)
            for p, lanes in enumerate(self.lanes)
            for v, lane in enumerate(lanes)
            if lane.routing == 0
            for copy in lane.copies
            if copy.branches
        ]

    def _allocate_switch(self, now: int) -> dict[int, tuple[int, int]]:
        """Return the lane and the output of each input that sends."""
        asking: dict[int, dict[int, list[int]]] = {}  # by output, by input: lanes
        for p, v, lane, copy in self._copies():
            if copy.channel is None or lane.ready(copy) is None:
                continue
            o = copy.branches[0].port
            if now >= self.outputs[o].free_at and self.outputs[o].credits[copy.channel] > 0:
                asking.setdefault(o, {}).setdefault(p, []).append(v)
        granted: dict[int, list[int]] = {}  # by input: outputs
        for o, inputs in asking.items():
            granted.setdefault(pick(inputs, self.outputs[o].grant), []).append(o)
        accepted = {p: pick(outputs, self._accept[p]) for p, outputs in granted.items()}
        return {p: (pick(asking[o][p], self._turn[p]), o) for p, o in accepted.items()}

    def _allocate_channels(self) -> dict[tuple[int, int], tuple[int, int]]:
        """Return the output and the channel of it that lanes are given."""
        asking: dict[int, list[int]] = {}  # by output and channel: lanes
        for p, v, _, copy in self._copies():
            if copy.channel is not None:
                continue
            branch = copy.branches[0]
            for w in range(self.channels):
                if branch.channels >> w & 1 and self.outputs[branch.port].taken[w] is None:
                    place = branch.port * self.channels + w
                    asking.setdefault(place, []).append(p * self.channels + v)
        granted: dict[int, list[int]] = {}  # by lane: outputs and channels
        for place, lanes in asking.items():
            o, w = divmod(place, self.channels)
            granted.setdefault(pick(lanes, self.outputs[o].grants[w]), []).append(place)
        found = {}
        for lane, places in granted.items():
            p, v = divmod(lane, self.channels)
            place = pick(places, self._accept_channel[p][v])
            found[p, v] = divmod(place, self.channels)
        return found

    def _compute_routes(self) -> bool:
        routing = [lane for lanes in self.lanes for lane in lanes if lane.routing]
        for lane in routing:
            lane.routing -= 1
        return bool(routing)

    def _take_channel(self, p: int, v: int, o: int, w: int) -> None:
        output = self.outputs[o]
        ensure(output.taken[w] is None, "an output channel is held twice")
        output.taken[w] = p, v
        lanes = self.size * self.channels
        output.grants[w] = (p * self.channels + v + 1) % lanes
        self._accept_channel[p][v] = (o * self.channels + w + 1) % lanes
        self._copy(p, v, o).channel = w

    def _copy(self, p: int, v: int, o: int) -> Copy:
        copies = self.lanes[p][v].copies
        return next(each for each in copies if each.branches and each.branches[0].port == o)

    def _send(self, p: int, v: int, o: int) -> Send:
        lane, output, copy = self.lanes[p][v], self.outputs[o], self._copy(p, v, o)
        output.grant = (p + 1) % self.size
        self._accept[p] = (o + 1) % self.size
        self._turn[p] = (v + 1) % self.channels
        flit, channel = lane.ready(copy), copy.channel
        if flit is None or channel is None:
            raise AssertionError("a flit was sent that has not come")
        ensure(output.taken[channel] == (p, v), "another lane holds the channel")
        output.credits[channel] -= 1
        ensure(output.credits[channel] >= 0, "a flit was sent without room")
        sent = flit._replace(stop=copy.branches[0].following)
        copy.sent += 1
        if flit.tail:
            output.taken[channel] = None
            copy.channel = None
            if len(copy.branches) > 1:
                copy.branches.pop(0)
                copy.sent = 0
        left = all(each.done_with(lane.queue[0].number) for each in lane.copies)
        if left:
            lane.queue.pop(0)
        if flit.tail:
            self._close(lane, copy, flit.number)
        return Send(o, channel, sent, (p, v) if left else None)

    def _close(self, lane: Lane, copy: Copy, last: int) -> None:
        """A copy may be the last by its output, and the packet's last."""
        if copy.sent == last + 1:
            copy.branches = []
        if any(each.branches for each in lane.copies):
            return
        lane.copies = []
        if lane.queue:
            lane.open(self._stops, self.routing_delay)

    def _count_starving(self) -> None:
        """Count the time until the next cycle in which a lane has a flit to send and no room."""
        for _, _, lane, copy in self._copies():
            if copy.channel is None or lane.ready(copy) is None:
                continue
            output = self.outputs[copy.branches[0].port]
            if output.credits[copy.channel] == 0:
                output.starving[copy.channel] += self.cycle
