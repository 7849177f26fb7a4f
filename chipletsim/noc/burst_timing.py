"""One door to the timing models of bursts, and which of them suits a burst."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from chipletsim.errors import DeadlockError, UsageError
from chipletsim.noc.auto_timing import packet_timing
from chipletsim.noc.burst_bound import BurstBound, bound
from chipletsim.noc.cycle import cycle
from chipletsim.noc.flit_network import Job, PortCounts
from chipletsim.noc.queue import queue
from chipletsim.noc.stuck import stuck_channels

BURST_TIMINGS = ("bound", "queue", "cycle", "auto")
MOST_CHANNELS = 12


class TimedBurst(NamedTuple):
    """A burst, timed.

    Attributes:
        timing: Model that was used: `bound`, `queue` or `cycle`.
        why: Why it was, in a few words.
        exact: Whether `injected` and `arrived` are those of the routers of `cycle`, to the tick.
        injected: int64 [packets], tick in which each head leaves its node.
        arrived: int64 [deliveries], tick in which each tail comes.
        flits: int64 [ports], flits that each output sends.
        counts: What else happened at outputs; None of `bound`.
        bound: What the burst takes at least.
    """

    timing: str
    why: str
    exact: bool
    injected: np.ndarray
    arrived: np.ndarray
    flits: np.ndarray
    counts: PortCounts | None
    bound: BurstBound

    @property
    def makespan(self) -> int:
        """Tick in which the last tail comes; of `bound`, the tick before which it cannot."""
        return self.bound.ticks if self.timing == "bound" else int(self.arrived.max())


def time_burst(job: Job, timing: str, outputs: Sequence[str]) -> TimedBurst:
    """Time a burst.

    Args:
        job: The burst, and what it runs on.
        timing: One of `BURST_TIMINGS`. `auto` is `bound` where that is exact, as no packet meets
            another; else as `packet_timing` says.
        outputs: Name of each port's output, for messages.

    Raises:
        UsageError: There is no such model, or the burst is not one that it follows.
        DeadlockError: Packets wait for one another for ever.
    """
    if timing not in BURST_TIMINGS:
        known = ", ".join(BURST_TIMINGS)
        raise UsageError(f"there is no timing {timing!r} of bursts; there are: {known}")
    least = bound(job)
    model, why = _chosen(job, least) if timing == "auto" else (timing, "as asked for")
    if model == "bound":
        flits = _flits(job)
        return TimedBurst(
            model, why, least.apart, least.injected, least.arrived, flits, None, least
        )
    found = {"queue": queue, "cycle": cycle}[model]([job])
    times, counts = found.times[0], found.counts[0]
    if times.undelivered:
        raise _deadlock(job, model, outputs)
    exact = model == "cycle"
    return TimedBurst(model, why, exact, times.injected, times.arrived, counts.flits, counts, least)


def flit_hops(job: Job) -> int:
    """Return flits times routers that send them, over all packets of a burst."""
    return int(_flits(job).sum())


def _chosen(job: Job, least: BurstBound) -> tuple[str, str]:
    if least.apart:
        return "bound", "no two packets meet, so it is exact"
    hops = flit_hops(job)
    if packet_timing(hops) == "cycle":
        return "cycle", f"packets meet, and {hops:,} flit hops are few enough to follow"
    return "queue", f"packets meet, and `cycle` would follow {hops:,} flit hops"


def _flits(job: Job) -> np.ndarray:
    """Return int64 [ports]: flits that each output sends."""
    network, flows, burst = job
    sends = burst.packet[:, 1] >= 0
    of_flow = np.zeros(len(flows.flow), np.int64)
    np.add.at(of_flow, burst.packet[sends, 1], burst.packet[sends, 2])
    found = np.zeros(len(network.port), np.int64)
    port_router = network.port_router
    router = port_router[network.node[flows.flow[:, 0], 0]]
    stop, flits = flows.flow[:, 1], of_flow
    while len(stop):
        counts = flows.stop[stop + 1] - flows.stop[stop]
        rank = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        branch = np.repeat(flows.stop[stop], counts) + rank
        flits = np.repeat(flits, counts)
        port = np.repeat(network.router[router, 0], counts) + flows.branch[branch, 0]
        np.add.at(found, port, flits)
        stop = flows.branch[branch, 1]
        onward = stop >= 0
        stop, flits = stop[onward], flits[onward]
        router = port_router[network.port[port[onward], 0]]
    return found


def _deadlock(job: Job, model: str, outputs: Sequence[str]) -> DeadlockError:
    stuck = stuck_channels(job)
    if not stuck and model == "queue":
        return DeadlockError(
            "timing `queue` ends with packets that wait for one another for ever; `cycle` may not,"
            " or tells which"
        )
    names = tuple(f"{outputs[each.port]} (channel {each.channel})" for each in stuck)
    shown = names if len(names) <= MOST_CHANNELS else (*names[:MOST_CHANNELS], "...")
    which = f"; each of these waits for room in the next: {', '.join(shown)}, and so on"
    return DeadlockError("packets wait for one another for ever" + (which if names else ""), names)
