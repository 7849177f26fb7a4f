"""Bursts of packets one by one, for a trace: by the model that was asked for, or `auto` chose."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chipletsim.cost.auto_timer import foreseen
from chipletsim.cost.package_rows import PackageRows, RowJobs
from chipletsim.cost.row_events import total_events
from chipletsim.cost.row_times import RowTimes
from chipletsim.engine.activity import Activity
from chipletsim.noc import packet_model
from chipletsim.noc.auto_timing import packet_timing
from chipletsim.noc.flit_network import BurstTimes
from chipletsim.noc.packet_spans import Busy, busy_links


class Followed(NamedTuple):
    """What happened in a burst.

    Attributes:
        times: What packets did.
        timed: Times of its rows.
        busy: How busy links were, link by link.
    """

    times: BurstTimes
    timed: RowTimes
    busy: list[Busy]


class FollowsPackets:
    """A timer of packets on a package, by a model that can be chosen later."""

    _rows: PackageRows
    _neuron: np.ndarray
    _timing: str

    def choose(self, window: Activity, sample_steps: int | None) -> None:
        """Have packets followed by the model that a run by `auto` takes.

        Args:
            window: First window of the run.
            sample_steps: Network steps of all samples; those of the window if left out.
        """
        events = total_events(window, self._neuron)
        hops = self._rows.flit_hops(events, window.samples * window.steps)
        self._timing = packet_timing(foreseen(hops, window, sample_steps))

    def _follow(self, jobs: RowJobs, bins: int) -> Followed:
        """Run a burst twice: to know how long it takes, and to see when links are in use.

        Args:
            jobs: The burst alone.
            bins: Parts of its time in which these are told apart, at most.

        Raises:
            InfeasibleError: Packets wait for one another forever.
        """
        model = packet_model(self._timing)
        (job,) = jobs.jobs
        (times,) = model([job]).times
        timed = self._rows.times(jobs, [times])
        end = times.end(job.burst)
        bin_ticks = max(1, -(-end // bins))
        again = model([job], bins=bins, bin_ticks=bin_ticks)
        network = self._rows.packets.network
        busy = busy_links(network, again.counts[0], again.history[0], bin_ticks, end)
        return Followed(times, timed, busy)
