"""The wire behind an output in plain Python: it may send frames, and sleep."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chipletsim.noc.burst_steps import Tally
from chipletsim.noc.flit_network import Job
from chipletsim.noc.router_steps import Output, Send


def aligned(tick: int, cycle: int) -> int:
    """Return the next tick that is a multiple of a cycle."""
    return -(-tick // cycle) * cycle


class LinkSteps:
    """What an output sends: flit by flit, or in frames.

    A frame is opened by a flit and leaves when the frame before has left and it is full, so that
    no flit of any kind fits any more, or the first flit has waited for as long as it may. Until
    then the output sends flits into it; a full frame that has to wait blocks the output.

    A link sleeps once it was not in use for some ticks. It is in use while it sends a flit, which
    takes an interval, or a frame. What is sent to a sleeping link wakes it, and goes once it is
    awake.

    Args:
        job: A burst and its network.
        port: Number of the output in the network.
        cycle: Of its router.
        output: The output.
        tally: Counts of ports.
        travel: Called with the tick in which a flit enters the wire, and the flit.
    """

    def __init__(
        self,
        job: Job,
        port: int,
        cycle: int,
        output: Output,
        *,
        tally: Tally,
        travel: Callable[[int, Send], None],
    ) -> None:
        network = job.network
        plain = np.array([0, 0, 0, -1, 0])
        links = plain if network.links is None else network.links[port]
        self._frame_bits, self._frame_ticks, self._wait, self._sleeps_after, self._wakes_in = (
            links.tolist()
        )
        intervals = network.port[:, 3:4] if network.intervals is None else network.intervals
        self._interval = intervals[port].tolist()
        bits = network.kind_bits
        self._bits = [0] * len(self._interval) if bits is None else bits[port].tolist()
        self._port, self._cycle, self._output, self._tally = port, cycle, output, tally
        self._travel = travel
        self._frame: list[Send] = []
        self._filled = 0  # bits of it
        self._starts = 0  # when it leaves
        self._due = 0  # the same by the router's clock, which it goes by
        self._free_at = 0  # when the last frame has left
        self._used_until = 0
        self.busy = 0  # ticks in which it sent

    @property
    def until(self) -> int:
        """When what has been begun is over, as far as is known."""
        return max(self._due if self._frame else 0, self._output.free_at)

    def send(self, now: int, sent: Send, kind: int) -> None:
        """Take a flit from the router."""
        output, interval = self._output, self._interval[kind]
        # Bandwidths that are no whole number of cycles hold on average: an output that became
        # free since the cycle before goes on from there.
        goes_on = now - output.free_at < self._cycle
        output.free_at = (output.free_at if goes_on else now) + interval
        if self._frame_bits:
            self._fill(now, sent, self._bits[kind])
            return
        self.busy += interval
        starts = self._awake(now)
        if starts > now:
            output.free_at = starts + interval
        self._used_until = output.free_at
        self._travel(starts, sent)

    def leave(self, now: int) -> bool:
        """Let the frame go if it is due; return whether it does."""
        if not self._frame or self._due > now:
            return False
        starts = self._awake(self._starts)
        if starts > now:  # the next frame is filled once this one is on the wire
            self._output.free_at = max(self._output.free_at, starts)
        # A flit that is longer than a frame takes several.
        frames = max(1, -(-self._filled // self._frame_bits))
        self._free_at = self._used_until = starts + frames * self._frame_ticks
        self.busy += frames * self._frame_ticks
        self._tally.counts.frames[self._port] += frames
        self._tally.counts.framed_bits[self._port] += self._filled
        frame, self._frame, self._filled = self._frame, [], 0
        for each in frame:
            self._travel(self._free_at, each)
        return True

    def rest(self, end: int) -> None:
        """Count how long the link has slept by the end of the burst."""
        self._tally.counts.asleep[self._port] += self._asleep(end)

    def _fill(self, now: int, sent: Send, bits: int) -> None:
        if not self._frame:
            self._depart(max(now + self._wait, self._free_at))
        self._frame.append(sent)
        self._filled += bits
        if self._filled + max(self._bits) > self._frame_bits:
            self._depart(min(self._starts, max(now, self._free_at)))
            self._output.free_at = max(self._output.free_at, self._due)

    def _depart(self, time: int) -> None:
        self._starts, self._due = time, aligned(time, self._cycle)

    def _awake(self, now: int) -> int:
        """Return when the link is awake, and count how long it has slept."""
        asleep = self._asleep(now)
        self._tally.counts.asleep[self._port] += asleep
        return now + self._wakes_in if asleep else now

    def _asleep(self, now: int) -> int:
        if self._sleeps_after < 0:
            return 0
        return max(0, now - self._used_until - self._sleeps_after)
