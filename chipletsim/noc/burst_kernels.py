"""Bursts through the native kernels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np

from chipletsim.kernels import native_function, thread_count
from chipletsim.noc.burst_tables import burst_table, distinct_networks, network_rows
from chipletsim.noc.flit_network import BurstTimes, Busiest, Job, PortCounts
from chipletsim.noc.job_checks import check_jobs


class BurstResults(NamedTuple):
    """What bursts did.

    Attributes:
        times: Of each burst.
        counts: Of each network, in the order in which networks first appear.
        history: int64 [ports, bins] of each network: flits sent, by time; what is later than the
            last bin is in it.
        held: int64 [ports x channels, 3] of the first network, if asked for and left packets wait
            for one another: the packet at the front of each virtual channel of an input (-1 if
            there is none), the port whose output it needs, and the channel of that which it holds
            (-1 if none).
        each: int64 [bursts, ports of all networks, counts]: `PortCounts` of each burst, if asked
            for.
    """

    times: list[BurstTimes]
    counts: list[PortCounts]
    history: list[np.ndarray]
    held: np.ndarray
    each: np.ndarray


class PacketModel(Protocol):
    """Runs bursts; independent of one another."""

    def __call__(
        self, jobs: Sequence[Job], *, bins: int = 0, bin_ticks: int = 1, each: bool = False
    ) -> BurstResults:
        """Run bursts.

        Args:
            jobs: Bursts and what they run on; jobs may share networks and flows.
            bins: Of the history of each port; none if 0.
            bin_ticks: Ticks of each.
            each: Whether to tell what happened at the ports in each burst.
        """
        ...


def run_bursts(
    model: str,
    jobs: Sequence[Job],
    bins: int,
    bin_ticks: int,
    *,
    held: bool = False,
    each: bool = False,
) -> BurstResults:
    """Run bursts by a native kernel.

    Args:
        model: Name of the kernel.
        jobs: Bursts and what they run on.
        bins: Of the history of each port; none if 0.
        bin_ticks: Ticks of each.
        held: Whether to tell what is left in each queue; for one burst alone.
        each: Whether to tell what happened at the ports in each burst.
    """
    check_jobs(jobs)
    networks, network_of = distinct_networks(jobs)
    bursts = tuple(map(burst_table, jobs, network_of))
    bounds = np.cumsum([0, *(len(network.port) for network in networks)]).tolist()
    ports, kinds = bounds[-1], len(PortCounts._fields)
    undelivered = np.empty(len(jobs), np.int64)
    busiest = np.empty((len(jobs), len(Busiest._fields)), np.int64)
    left = np.full((ports * networks[0].channels if held else 0, 3), -1, np.int64)
    counts = np.empty((ports, kinds), np.int64)
    of_bursts = np.empty((len(jobs) if each else 0, ports, kinds), np.int64)
    history = np.empty((ports, bins), np.int64)
    native_function(model)(
        network_rows(jobs, networks, network_of),
        bursts,
        (
            *(bins, bin_ticks, undelivered, busiest, left if held else None),
            *(counts, of_bursts if each else None, history),
        ),
        thread_count(),
    )
    if undelivered.min(initial=0) < 0:
        raise AssertionError("flits were lost; this is a fault of chipletsim")
    times = [
        BurstTimes(row.made, row.injected, row.arrived, row.taken, lost, Busiest(*busy))
        for row, lost, busy in zip(bursts, undelivered.tolist(), busiest.tolist(), strict=True)
    ]
    spans = [slice(*pair) for pair in pairwise(bounds)]
    return BurstResults(
        times,
        [PortCounts(*counts[span].T) for span in spans],
        [history[span] for span in spans],
        left,
        of_bursts,
    )
