"""Bursts through the native kernels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np

from chipletsim.kernels import native_function, thread_count
from chipletsim.noc.burst_tables import (
    BurstTable,
    NetworkRows,
    burst_table,
    distinct_networks,
    network_rows,
    single_tables,
)
from chipletsim.noc.flit_network import (
    Burst,
    BurstTimes,
    Busiest,
    FlitNetwork,
    Flows,
    Job,
    PortCounts,
)
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
    ports = bounds[-1]
    left = np.full((ports * networks[0].channels if held else 0, 3), -1, np.int64)
    of_bursts = np.empty((len(jobs) if each else 0, ports, len(PortCounts._fields)), np.int64)
    history = np.empty((ports, bins), np.int64)
    told = _Told(bin_ticks, left if held else None, of_bursts if each else None, history)
    found = _call(model, network_rows(jobs, networks, network_of), bursts, told)
    ends = zip(bursts, found.undelivered.tolist(), found.busiest.tolist(), strict=True)
    times = [
        BurstTimes(row.made, row.injected, row.arrived, row.taken, lost, Busiest(*busy))
        for row, lost, busy in ends
    ]
    spans = [slice(*pair) for pair in pairwise(bounds)]
    return BurstResults(
        times,
        [PortCounts(*found.counts[span].T) for span in spans],
        [history[span] for span in spans],
        left,
        of_bursts,
    )


def run_singly(
    model: str, network: FlitNetwork, flows: Flows, packet: np.ndarray, kind: np.ndarray
) -> np.ndarray:
    """Return int64 [packets]: ticks from when the head of each leaves until its last tail comes.

    Each is a burst of its own, but not an object of its own, and is not checked: packets are such
    as were run before.

    Args:
        model: Name of the kernel.
        network: What the packets run on.
        flows: Their ways.
        packet: int64 [packets, 6], see `chipletsim.noc.flit_network.Burst`; each takes a flow.
        kind: int64 [packets], size of each by number.
    """
    bursts = single_tables(flows, packet, kind)
    any_job = Job(network, flows, Burst(packet, packet[:0, 0]))
    told = _Told(1, None, None, np.empty((len(network.port), 0), np.int64))
    found = _call(model, network_rows([any_job], [network], [0]), tuple(bursts), told)
    if found.undelivered.any():
        raise AssertionError("a packet alone did not arrive; this is a fault of chipletsim")
    return np.array([each.arrived.max() - each.injected[0] for each in bursts], np.int64)


class _Told(NamedTuple):
    """What a kernel is asked to tell, and where; see `BurstResults`."""

    bin_ticks: int
    held: np.ndarray | None
    each: np.ndarray | None
    history: np.ndarray


class _Found(NamedTuple):
    """What a kernel tells of all bursts, int64 [bursts], [bursts, 4] and [ports, counts]."""

    undelivered: np.ndarray
    busiest: np.ndarray
    counts: np.ndarray


def _call(
    model: str, networks: tuple[NetworkRows, ...], bursts: tuple[BurstTable, ...], told: _Told
) -> _Found:
    """Run the rows of bursts by a native kernel."""
    ports, bins = told.history.shape
    found = _Found(
        np.empty(len(bursts), np.int64),
        np.empty((len(bursts), len(Busiest._fields)), np.int64),
        np.empty((ports, len(PortCounts._fields)), np.int64),
    )
    native_function(model)(
        networks,
        bursts,
        (
            *(bins, told.bin_ticks, found.undelivered, found.busiest, told.held),
            *(found.counts, told.each, told.history),
        ),
        thread_count(),
    )
    if found.undelivered.min(initial=0) < 0:
        raise AssertionError("flits were lost; this is a fault of chipletsim")
    return found
