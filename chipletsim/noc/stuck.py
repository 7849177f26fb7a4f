"""Which packets wait for one another for ever, and which virtual channels they hold."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chipletsim.kernels import native_functions
from chipletsim.noc.burst_kernels import run_bursts
from chipletsim.noc.flit_network import Job


class StuckChannel(NamedTuple):
    """A virtual channel of a link, held by a packet that waits for another one.

    Attributes:
        port: Port whose output is the link.
        channel: Which of its virtual channels.
        packet: Packet of the burst at the front of its queue, behind the link.
    """

    port: int
    channel: int
    packet: int


def stuck_channels(job: Job) -> list[StuckChannel]:
    """Return a cycle of channels in which packets of a burst wait for one another in `cycle`.

    The packet in each waits for room in the next, and that in the last for room in the first.
    Where a packet waits for any of several channels, all of them are held, and the first is taken:
    whichever it is, the way goes on until it comes back to where it was.

    Args:
        job: A burst, and what it runs on.

    Returns:
        The cycle; empty where the burst ends, or where copies of packets hide what they wait for,
        or without native kernels, which alone tell what is left in queues.
    """
    if not native_functions():
        return []
    found = run_bursts("cycle", [job], 0, 1, held=True)
    if not found.times[0].undelivered:
        return []
    channels = job.network.channels
    onward = _waits_for(job, found.held)
    seen: dict[int, int] = {}
    for start in np.flatnonzero(onward >= 0).tolist():
        lane, way = start, []
        while lane >= 0 and lane not in seen:
            seen[lane] = start
            way.append(lane)
            lane = int(onward[lane])
        if lane >= 0 and seen[lane] == start:
            return [
                StuckChannel(
                    int(job.network.port[each // channels, 0]),
                    each % channels,
                    int(found.held[each, 0]),
                )
                for each in way[way.index(lane) :]
            ]
    return []


def _waits_for(job: Job, held: np.ndarray) -> np.ndarray:
    """Return int64 [ports x channels]: queue in which each front packet waits for room, or -1."""
    channels = job.network.channels
    occupied = held[:, 0] >= 0
    peer = np.where(occupied, job.network.port[np.where(occupied, held[:, 1], 0), 0], -1)
    first = np.where(peer >= 0, peer, 0)[:, None] * channels
    behind = first + np.arange(channels)
    full = occupied[behind]
    wanted = np.where(held[:, 2] >= 0, held[:, 2], full.argmax(1))
    target = first[:, 0] + wanted
    return np.where((peer >= 0) & occupied[target], target, -1)
