"""Use of links over the time of free-running samples, each of which is one burst."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chipletsim.cost.link_history import TimeHistory
from chipletsim.cost.load_history import LoadHistory
from chipletsim.noc.burst_kernels import BurstResults, PacketModel
from chipletsim.noc.flit_network import Job, PortCounts
from chipletsim.noc.link_work import flit_by_flit, spread
from chipletsim.noc.package_network import PackageNetwork

_NUMBERS = 1 << 22
"""Numbers of the history of all ports, at most."""


class SampleHistory:
    """Runs samples, and keeps when links were in use, in a table of bounded size.

    Bins hold a power of two of ticks, the least for which they suffice, whatever the order in which
    samples come.

    Args:
        network: The package as routers and ports.
        most_bins: Bins at most, a power of two; there are fewer where ports are very many.
    """

    def __init__(self, network: PackageNetwork, most_bins: int) -> None:
        ports = max(len(network.network.port), 1)
        room = max(_NUMBERS // ports, 2)
        self._bins = min(most_bins, 1 << (room.bit_length() - 1))
        self._port = network.link_port
        self._flits = LoadHistory(self._port.size, self._bins)
        self._bin_ticks = 1
        self._ends: list[int] = []

    def run(self, jobs: Sequence[Job], model: PacketModel) -> BurstResults:
        """Run samples, and add them.

        Args:
            jobs: Burst of each sample.
            model: What runs them.
        """
        if not self._ends and len(jobs) > 1:  # one tells how long others may be
            self._reach(_ends(jobs[:1], model(jobs[:1])))
        results = model(jobs, bins=self._bins, bin_ticks=self._bin_ticks, each=True)
        (history,), ends = results.history, _ends(jobs, results)
        if self._reach(ends):
            (history,) = model(jobs, bins=self._bins, bin_ticks=self._bin_ticks).history
        filled = -(-max(ends, default=0) // self._bin_ticks)
        first_ticks = np.arange(filled) * self._bin_ticks
        self._flits.add(first_ticks, history[self._port, :filled].T)
        self._ends += ends
        return results

    def _reach(self, ends: list[int]) -> bool:
        """Widen the bins until they reach to all ends; return whether that was necessary."""
        before = self._bin_ticks
        while max(ends, default=0) > self._bins * self._bin_ticks:
            self._bin_ticks *= 2
        return self._bin_ticks > before

    def close(self, counts: PortCounts, tick_s: float) -> TimeHistory:
        """Return what links did over time.

        Args:
            counts: Of links, in all samples.
            tick_s: Seconds of a tick.
        """
        flits, width = self._flits.table(), self._flits.rows_per_bin
        left = np.array(self._ends, np.int64)[:, None] - np.arange(len(flits)) * width
        run = np.clip(left, 0, width).sum(axis=0)
        work = flit_by_flit(flits, counts.busy / np.maximum(counts.flits, 1), width)
        busy = spread(work, run.astype(float))
        return TimeHistory(run * tick_s, busy * tick_s, width * tick_s, flits)


def _ends(jobs: Sequence[Job], results: BurstResults) -> list[int]:
    """Return the tick in which each burst ends."""
    return [times.end(job.burst) for job, times in zip(jobs, results.times, strict=True)]
