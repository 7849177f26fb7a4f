"""Packets, channels, ports and links in plain Python, as the timing model `queue` has them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from chipletsim.noc.flit_network import NO_PEER, FlitNetwork

PARTS = 64
"""Of a tick, so that the rate of a link that waits for credits is kept."""


def aligned(time: int, cycle: int) -> int:
    """Return the next time that is a multiple of a cycle."""
    return -(-time // cycle) * cycle


@dataclass
class Copy:
    """A packet, or a copy of it, on its way.

    Attributes:
        stop: Where it is on its flow.
        port: Of the input where it stands.
        channel: Of that input.
        branch: Place of its branch, of all; once it is at the front of its channel.
        came: When its head came.
        tail_came: When its tail came, or comes.
        granted: Channel of the next input in which it has room; -1 if it has none yet.
        asked: When it began to wait for room.
    """

    packet: int
    stop: int
    port: int
    channel: int
    came: int
    tail_came: int
    branch: int = -1
    granted: int = -1
    asked: int = 0


@dataclass
class Lane:
    """A virtual channel of an input: a queue of packets, and what waits for room in it."""

    queue: deque[Copy] = field(default_factory=deque)  # behind the packet at the front
    copies: int = 0  # of that, still to go
    held: int = 0  # packets that have room
    parked: deque[Copy] = field(default_factory=deque)
    node_waits: bool = False
    departed: int = 0  # when the last packet was gone


@dataclass
class End:
    """A node, as it sends and as it receives."""

    next: int = 0  # when its source is free
    channel: int | None = None  # in which the next packet has room
    waits: bool = False  # for that
    planned: int | None = None  # when it is attended to next, as far as is planned
    held: int = 0  # packets that came and are not taken
    parked: deque[Copy] = field(default_factory=deque)


@dataclass
class Port:
    """An input and an output of a router, and the link behind the output. Times are in parts.

    Attributes:
        first: First port of its router.
        peer: Port at the other end, or ``-1 - node``, or none.
        channels: Virtual channels.
        cycle: Of its router.
        ready: From coming to the front until a packet may cross the switch.
        backward: From taking a flit until its credit is back, as an input.
        forward: On the wire.
        peer_cycle: Cycle at the other end.
        loop: From sending a flit that goes on at once until its credit is back, as an output.
        first_loop: Likewise for a head.
        buffer: Flits that each virtual channel holds, as an input.
        room: The same of the other end.
        interval: From one flit to the next, by kind of packet.
        kind_bits: Bits of a flit in a frame, by kind.
    """

    first: int
    peer: int
    channels: int
    cycle: int
    ready: int
    backward: int
    forward: int
    buffer: int
    interval: list[int]
    kind_bits: list[int]
    frame_bits: int
    frame_ticks: int
    frame_wait: int
    sleeps_after: int
    wakes_in: int
    peer_cycle: int = 0
    loop: int = 0
    first_loop: int = 0
    room: int = 1
    # What changes.
    free: int = 0  # as an output
    turn_free: int = 0  # as an input
    turn: int = 0  # channel of the input that the next packet takes
    busy: int = 0  # ticks in which it sent
    bits: int = 0  # of the frame that is open
    filled: int = 0  # when the last packet went into it
    due: int = 0  # when that leaves
    frame_free: int = 0  # when the frame before has left
    used: int = 0  # until when the link was in use

    def fits(self, flits: int) -> int:
        """Return how many packets of so many flits have room in a channel of the input."""
        return max(1, self.buffer // flits)

    def send(self, start: int, flits: int, kind: int) -> None:
        """Reserve the output for a packet."""
        if self.frame_bits:
            self.free = start + self.cycle * flits
            return
        per_flit = self.interval[kind]
        if self.peer >= 0:  # all channels together send what has room until a credit is back
            per_flit = max(per_flit, self.first_loop // (self.channels * self.room))
        self.free = start + max(per_flit * flits, self.cycle * (flits + 1) // self.channels)
        self.busy += self.interval[kind] // PARTS * flits
        self.used = max(self.used, start + self.interval[kind] * flits)

    def tail(self, start: int, flits: int, kind: int, tail_came: int) -> int:
        """Return when the tail of a packet is sent whose head is sent at ``start``."""
        if flits == 1:
            return start
        apart = self.cycle if self.frame_bits else max(self.interval[kind], self.cycle)
        lag = last_flit(flits, apart, self.room, self.loop, self.first_loop)
        return max(start + lag, tail_came)

    def arrival(self, time: int) -> int:
        """Return when what goes on the wire at a time may be used at the other end."""
        return aligned(time + self.forward, self.peer_cycle) + self.peer_cycle

    def frames(self, bits: int) -> int:
        """Return how many frames bits take that are sent together."""
        return max(1, -(-bits // self.frame_bits))

    def before_last(self, flits: int, kind: int) -> int:
        """Return the time of the frames of a packet but the last, which takes its tail."""
        frames = self.frames(flits * self.kind_bits[kind])
        return (frames - 1) * self.frame_ticks * PARTS

    def asleep(self, time: int) -> int:
        """Return how long the link has slept by a time."""
        if self.sleeps_after < 0:
            return 0
        return max(0, time - self.used - self.sleeps_after)


def last_flit(flits: int, apart: int, room: int, loop: int, first_loop: int) -> int:
    """Return when the last flit of a packet that is alone goes after the first.

    Args:
        flits: Of the packet.
        apart: Time from flit to flit where there is room.
        room: Flits that a channel at the other end holds; further ones wait for credits of others.
        loop: From sending a flit that goes on at once until its credit is back.
        first_loop: Likewise for a head.
    """
    rounds, rest = divmod(flits - 1, room)
    credits = first_loop + (rounds - 1) * loop + rest * apart if rounds else 0
    return max((flits - 1) * apart, credits)


def make_ports(network: FlitNetwork) -> list[Port]:
    """Return the ports of a network, none of them used."""
    owner = network.port_router.tolist()
    links = network.links
    if links is None:
        links = np.tile(np.array([0, 0, 0, -1, 0]), (len(owner), 1))
    intervals = network.port[:, 3:4] if network.intervals is None else network.intervals
    bits = np.zeros_like(intervals) if network.kind_bits is None else network.kind_bits
    ports = []
    for number, (peer, forward, backward, _, buffer) in enumerate(network.port.tolist()):
        first, cycle, routing_delay = network.router[owner[number]].tolist()
        frame_bits, frame_ticks, wait, sleeps_after, wakes_in = links[number].tolist()
        ports.append(
            Port(
                first,
                peer,
                network.channels,
                cycle * PARTS,
                (routing_delay + 1) * cycle * PARTS,
                backward * PARTS,
                forward * PARTS,
                buffer,
                [each * PARTS for each in intervals[number].tolist()],
                bits[number].tolist(),
                frame_bits,
                frame_ticks,
                wait * PARTS,
                sleeps_after * PARTS,
                wakes_in * PARTS,
            )
        )
    for port in ports:
        port.peer_cycle = port.cycle
        ready = 0
        if port.peer >= 0:
            there = ports[port.peer]
            port.peer_cycle, port.room = there.cycle, there.buffer
            back, ready = there.backward, there.ready
        elif port.peer != NO_PEER:
            _, port.room, _, _, backward = network.node[-1 - port.peer].tolist()
            back = backward * PARTS
        else:
            continue
        on_wire = port.frame_ticks * PARTS if port.frame_bits else 0
        port.loop = on_wire + port.forward + port.peer_cycle + back
        port.first_loop = port.loop + ready
    return ports
