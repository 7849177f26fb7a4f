"""Timing `cycle`: routers with virtual channels and credits, flit by flit."""

from __future__ import annotations

from collections.abc import Sequence

from chipletsim.kernels import native_functions
from chipletsim.noc.burst_kernels import BurstResults, run_bursts
from chipletsim.noc.burst_steps import follow
from chipletsim.noc.flit_network import Job
from chipletsim.noc.flit_steps import flit_steps


def cycle(
    jobs: Sequence[Job], *, bins: int = 0, bin_ticks: int = 1, each: bool = False
) -> BurstResults:
    """Run bursts through networks of routers, flit by flit.

    A router is input-queued, with virtual channels and credits. Route computation, allocation of a
    virtual channel, allocation of the switch and its traversal take a cycle each; both allocators
    make one round of iSLIP (N. McKeown, IEEE/ACM Trans. Networking 7(2), 1999). It is the router
    of BookSim 2 (N. Jiang et al., ISPASS 2013), revision 28f43299, cycle by cycle, with `islip`,
    one iteration and speedup 1. Beyond BookSim, packets are copied where their flow parts (one copy
    a cycle, each as soon as its output takes it), nodes take time to make packets and to work on
    them, and routers have clocks of their own. A packet may answer another: its node makes it once
    it has worked on that and some ticks have passed, before what it has to send anyway. So a tile
    asks a memory for the weights of an event that came, and the memory answers.

    Bursts are independent, and share threads. Without native kernels they are followed in Python,
    see `chipletsim.noc.flit_steps`, which gives the same and takes some hundred times as long.

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
        return follow(jobs, bins, bin_ticks, flit_steps, each=each)
    return run_bursts("cycle", jobs, bins, bin_ticks, each=each)
