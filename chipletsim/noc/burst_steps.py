"""What followers of bursts in plain Python share: they stand in where there are no kernels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from chipletsim.noc.burst_kernels import BurstResults
from chipletsim.noc.flit_network import BurstTimes, Busiest, FlitNetwork, Job, PortCounts
from chipletsim.noc.job_checks import check_jobs
from chipletsim.noc.node_steps import BurstRecord, NodeSteps


class Tally:
    """Counts of the ports of a network, over all of its bursts.

    Attributes:
        counts: Of each port.
        history: int64 [ports, bins], flits sent by time.
    """

    def __init__(self, network: FlitNetwork, bins: int, bin_ticks: int) -> None:
        ports = len(network.port)
        self.counts = PortCounts(*np.zeros((len(PortCounts._fields), ports), np.int64))
        self.history = np.zeros((ports, bins), np.int64)
        self._bin_ticks = bin_ticks

    def send(self, port: int, tick: int, flits: int) -> None:
        """Flits are sent."""
        self.counts.flits[port] += flits
        if bins := self.history.shape[1]:
            self.history[port, min(tick // self._bin_ticks, bins - 1)] += flits

    def add(self, other: Tally) -> None:
        """Add what happened in another burst."""
        most = np.maximum(self.counts.most_queued, other.counts.most_queued)
        for name, more in other.counts._asdict().items():
            getattr(self.counts, name)[:] += more
        self.counts.most_queued[:] = most
        self.history += other.history

    def queued(self, port: int, flits: int) -> None:
        """So many flits stand in a virtual channel of the port's input."""
        self.counts.most_queued[port] = max(self.counts.most_queued[port], flits)


def follow(
    jobs: Sequence[Job],
    bins: int,
    bin_ticks: int,
    run: Callable[[Job, Tally], BurstTimes],
    *,
    each: bool = False,
) -> BurstResults:
    """Run bursts one after the other, as ``run`` follows one; see `run_bursts`."""
    check_jobs(jobs)
    networks = list({id(job.network): job.network for job in jobs}.values())
    totals = {id(network): Tally(network, bins, bin_ticks) for network in networks}
    times, of_bursts = [], []
    for job in jobs:
        tallies = [Tally(network, bins, bin_ticks) for network in networks]
        own = tallies[[network is job.network for network in networks].index(True)]
        times.append(run(job, own))
        totals[id(job.network)].add(own)
        of_bursts.append(np.concatenate([np.stack(tally.counts, axis=1) for tally in tallies]))
    counts = [tally.counts for tally in totals.values()]
    histories = [tally.history for tally in totals.values()]
    ports = sum(len(network.port) for network in networks)
    found = np.array(of_bursts if each else [], np.int64)
    found = found.reshape(-1, ports, len(PortCounts._fields))
    return BurstResults(times, counts, histories, np.zeros((0, 3), np.int64), found)


def burst_times(
    record: BurstRecord, nodes: Sequence[NodeSteps], busy: Sequence[int], parts: int = 1
) -> BurstTimes:
    """Return the times of a burst at its end.

    Args:
        record: What is known of it.
        nodes: Those of the network.
        busy: Ticks in which each port sent; 0 for those that are no links.
        parts: Of a tick, as nodes count.
    """
    working = [-(-node.busy // parts) for node in nodes]
    port, node = (int(np.argmax(each)) if len(each) else 0 for each in (busy, working))
    ticks = busy[port] if busy else 0, working[node] if working else 0
    return BurstTimes(
        record.made,
        record.injected,
        record.arrived,
        record.taken,
        record.flying + sum(len(node.rows) - node.gone for node in nodes),
        Busiest(port, ticks[0], node, ticks[1]),
    )
