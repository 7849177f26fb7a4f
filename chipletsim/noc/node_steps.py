"""What a node does in a burst, in plain Python: it makes packets and works on those that come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from chipletsim.noc.flit_network import OWN_NODE, Job, delivery_nodes, delivery_starts


class BurstRecord:
    """What becomes known of a burst while it is followed.

    Attributes:
        made: int64 [packets], -1 until the node has made it; so with the others.
        injected: int64 [packets].
        arrived: int64 [deliveries].
        taken: int64 [deliveries].
        start: int64 [packets + 1], first delivery of each packet.
        target: int64 [deliveries], node of each.
        last: Time in which the last work ends, so far.
        flying: Deliveries of packets that have left, not yet taken.
        answers: Packets that answer each delivery.
    """

    def __init__(self, job: Job) -> None:
        packets = len(job.burst.packet)
        self.start = delivery_starts(job.flows, job.burst)
        self.target = delivery_nodes(job.flows, job.burst)
        self.made, self.injected = np.full((2, packets), -1)
        self.arrived, self.taken = np.full((2, self.target.size), -1)
        self.last = 0
        self.flying = 0
        self.answers: dict[int, list[int]] = {}
        if job.burst.after is not None:
            for packet in np.flatnonzero(job.burst.after >= 0).tolist():
                self.answers.setdefault(int(job.burst.after[packet]), []).append(packet)


@dataclass
class Incoming:
    """A packet that has come to a node: when, as which delivery, and by which virtual channel."""

    came: int
    delivery: int
    packet: int
    channel: int


class NodeSteps:
    """A node with one processor, which makes packets and works on others by turns, or with two.

    With one, work on what has come goes first. Packets that answer others are made before those
    that answer none, in the order in which they may be begun. Times are in parts of a tick.
    """

    def __init__(self, job: Job, node: int, record: BurstRecord, parts: int = 1) -> None:
        self._burst, self._record, self._parts = job.burst, record, parts
        processors = job.network.processors
        self._one = processors is not None and int(processors[node]) == 1
        self._room = int(job.network.node[node, 2])
        self.rows: list[int] = np.flatnonzero(job.burst.packet[:, 0] == node).tolist()
        self.gone = 0  # of them, those that have left
        after = job.burst.after
        self._listed = [packet for packet in self.rows if after is None or after[packet] < 0]
        self._answers: list[tuple[int, int]] = []  # that may be begun from a time on
        self._order: list[int] = []  # those that are made, or being made
        self._ends: list[int] = []  # when each of these is made
        self._held = 0  # of these, those for other nodes
        self._left: list[int] = []  # when those that left for other nodes did so
        self._inbox: list[Incoming] = []
        self._making_until = self._working_until = 0
        self._making = self._working = 0  # time spent
        self._own = -1  # packet for this node that is being made
        steps = job.burst.packet[:, 5].repeat(np.diff(record.start))
        self._missing = Counter(steps[record.target == node].tolist())
        self._step_end = [0] * max(job.burst.steps, 1)

    @property
    def busy(self) -> int:
        """Time that it worked; that of the busier processor of two."""
        return self._making + self._working if self._one else max(self._making, self._working)

    @property
    def busy_until(self) -> int:
        """When all that has begun ends, and all that answers what came may be begun."""
        begins = max((begins for begins, _ in self._answers), default=0)
        return max(self._making_until, self._working_until, begins)

    def deliver(self, now: int, packet: int, rank: int, channel: int) -> None:
        """Take the tail of a packet into the inbox; what comes in one tick stays in order."""
        delivery = int(self._record.start[packet]) + rank
        self._record.arrived[delivery] = self._ticks(now)
        self._record.last = max(self._record.last, now)
        self._inbox.append(Incoming(now, delivery, packet, channel))
        self._inbox.sort(key=lambda each: each.came)

    def work(self, now: int, give: Callable[[int, int], None]) -> int | None:
        """Begin all that can begin by now, in the order of time.

        Args:
            now: Present time.
            give: Called with the time and the channel when a packet from elsewhere is taken.

        Returns:
            When it may go on; None if that depends on others.
        """
        while True:
            choices: list[tuple[int | None, int, Callable[[int], None]]] = [
                (self._own_time(), 0, self._finish_own),
                (self._take_time(), 1, lambda _: self._take(give)),
                (self._make_time(), 2, self._make),
            ]
            possible = [(time, rank, action) for time, rank, action in choices if time is not None]
            if not possible:
                return None
            time, _, action = min(possible, key=lambda each: each[:2])
            if time > now:
                return time
            action(time)

    def front(self) -> tuple[int, int] | None:
        """Return the packet at the front of the queue and when it may leave; None if it is empty.

        What goes to no other node leaves by itself.
        """
        while self.gone < len(self._order) and self._flow(self._order[self.gone]) < 0:
            self.gone += 1
        if self.gone == len(self._order):
            return None
        packet = self._order[self.gone]
        return packet, max(int(self._burst.packet[packet, 3]) * self._parts, self._ends[self.gone])

    def inject(self, now: int, packet: int) -> None:
        """The head of the packet at the front leaves."""
        self._record.injected[packet] = self._ticks(now)
        self._record.flying += int(self._record.start[packet + 1] - self._record.start[packet])

    def sent(self, now: int) -> None:
        """The tail of the packet at the front has left."""
        self._left.append(now)
        self.gone += 1

    def _ticks(self, time: int) -> int:
        return -(-time // self._parts)

    def _flow(self, packet: int) -> int:
        return int(self._burst.packet[packet, 1])

    def _own_time(self) -> int | None:
        return self._making_until if self._own >= 0 else None

    def _take_time(self) -> int | None:
        if not self._inbox:
            return None
        came = self._inbox[0].came
        return max(came, self._working_until) if self._one else came

    def _make_time(self) -> int | None:
        """Return when the next packet can be begun; None if that is not known."""
        if self._own >= 0:
            return None
        begins = self._making_until
        if self._room and self._held >= self._room:  # full: it stops computing
            if self._held - len(self._left) >= self._room:
                return None
            begins = max(begins, self._left[self._held - self._room])
        answer, listed = self._answer_time(), self._listed_time()
        times = [time for time in (answer, listed) if time is not None]
        return max(begins, min(times)) if times else None

    def _answer_time(self) -> int | None:
        return self._answers[0][0] if self._answers else None

    def _listed_time(self) -> int | None:
        """Return when the next packet that answers none can be begun, as far as steps tell."""
        if not self._listed:
            return None
        earlier = range(int(self._burst.packet[self._listed[0], 5]) if self._burst.steps else 0)
        if any(self._missing[step] for step in earlier):
            return None
        return max((self._step_end[step] for step in earlier), default=0)

    def _finish_own(self, time: int) -> None:
        packet, self._own = self._own, -1
        self.deliver(time, packet, 0, -1)

    def _take(self, give: Callable[[int, int], None]) -> None:
        each = self._inbox.pop(0)
        ticks = int(self._burst.processing[each.delivery]) * self._parts
        begins = max(each.came, self._working_until)
        self._working_until = begins + ticks
        self._working += ticks
        if self._one:
            self._making_until = self._working_until
        self._record.taken[each.delivery] = self._ticks(begins)
        self._record.last = max(self._record.last, self._working_until)
        self._record.flying -= 1
        for packet in self._record.answers.get(each.delivery, ()):
            later = int(self._burst.packet[packet, 3]) * self._parts
            self._answers.append((self._working_until + later, packet))
            self._answers.sort(key=lambda answer: answer[0])
        if self._burst.steps:
            step = int(self._burst.packet[each.packet, 5])
            self._missing[step] -= 1
            self._step_end[step] = max(self._step_end[step], self._working_until)
        if each.channel >= 0:
            give(begins, each.channel)

    def _make(self, begins: int) -> None:
        if self._answers and self._answers[0][0] <= begins:
            packet = self._answers.pop(0)[1]
        else:
            packet = self._listed.pop(0)
        ticks = int(self._burst.packet[packet, 4]) * self._parts
        self._making_until = begins + ticks
        self._making += ticks
        if self._one:
            self._working_until = self._making_until
        self._order.append(packet)
        self._ends.append(self._making_until)
        self._held += self._flow(packet) >= 0
        self._record.made[packet] = self._ticks(self._making_until)
        self._record.last = max(self._record.last, self._making_until)
        if self._flow(packet) == OWN_NODE:
            self._own = packet
            self._record.flying += 1
