"""Timing `queue`: packets reserve the links of their way one after the other."""

from __future__ import annotations

from collections.abc import Sequence

from chipletsim.kernels import native_functions
from chipletsim.noc.burst_kernels import BurstResults, run_bursts
from chipletsim.noc.burst_steps import follow
from chipletsim.noc.flit_network import Job
from chipletsim.noc.packet_steps import packet_steps


def queue(
    jobs: Sequence[Job], *, bins: int = 0, bin_ticks: int = 1, each: bool = False
) -> BurstResults:
    """Run bursts through networks of routers, packet by packet.

    Packets reserve one link after the other, in the order of time. A packet stands in a virtual
    channel of each input, taken in turn among those with room, and goes on once it is at the front
    of it, its output and its input are free and there is room behind its output:

    ``start = max(front + (R + 1) c, output free, input free, room)``, and then
    ``output free = start + max(F k, F (loop / (V B)), (F + 1) c / V)`` and
    ``input free = start + F c``

    for F flits, a link that takes one in k, routers of cycle c that compute a route in R cycles,
    V virtual channels of B flits, and a time ``loop`` from sending a flit until its credit is back.
    The tail follows the head F - 1 intervals later, or as late as it came. The routers are those of
    `chipletsim.noc.cycle.cycle`, with which it shares the time of a packet that is alone and fits
    in the buffers, but for frames, in which it sends packets whole. What it leaves out is how
    allocators match inputs to outputs and that flits of packets wait one by one; room is counted in
    packets of the size that asks for it. On the 51 bursts of BookSim in the tests the time until
    the last arrival is off by 2.3 % on average and by 13 % at most. With frames, packets of several
    flits may take half or twice as long as by `cycle`, and fewer frames: about 0.8 of its frames
    with packets of one flit, 0.6 with longer ones, on drawn networks.

    Packets that answer others are made as `chipletsim.noc.cycle.cycle` says.

    Without native kernels, bursts are followed in Python, see `chipletsim.noc.packet_steps`, which
    gives the same and takes some hundred times as long.

    Args:
        jobs: Bursts and what they run on; jobs may share networks and flows.
        bins: Of the history of each port; none if 0.
        bin_ticks: Ticks of each.
        each: Whether to tell what happened at the ports in each burst.

    Raises:
        UsageError: A job is not as `chipletsim.noc.flit_network` says, or a packet is copied at a
            router where it does not fit in a buffer.
    """
    if not native_functions():
        return follow(jobs, bins, bin_ticks, packet_steps, each=each)
    return run_bursts("queue", jobs, bins, bin_ticks, each=each)
