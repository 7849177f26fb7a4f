"""Timing `cycle`: routers with virtual channels and credits, flit by flit."""

from __future__ import annotations

from collections.abc import Sequence

from chipletsim.noc.burst_kernels import BurstResults, require_native_kernels, run_bursts
from chipletsim.noc.flit_network import Job


def cycle(jobs: Sequence[Job], *, bins: int = 0, bin_ticks: int = 1) -> BurstResults:
    """Run bursts through networks of routers, flit by flit.

    A router is input-queued, with virtual channels and credits. Route computation, allocation of a
    virtual channel, allocation of the switch and its traversal take a cycle each; both allocators
    make one round of iSLIP (N. McKeown, IEEE/ACM Trans. Networking 7(2), 1999). It is the router
    of BookSim 2 (N. Jiang et al., ISPASS 2013), revision 28f43299, cycle by cycle, with `islip`,
    one iteration and speedup 1. Beyond BookSim, packets are copied where their flow parts (one copy
    a cycle, each as soon as its output takes it), nodes take time to make packets and to work on
    them, and routers have clocks of their own.

    Bursts are independent, and share threads.

    Args:
        jobs: Bursts and what they run on; jobs may share networks and flows.
        bins: Of the history of each port; none if 0.
        bin_ticks: Ticks of each.

    Raises:
        UsageError: There are no native kernels.
    """
    require_native_kernels("cycle")
    return run_bursts("chipletsim_flits", jobs, bins, bin_ticks)
