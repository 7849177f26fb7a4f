"""Timing `queue` or `cycle` of rows on several packages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from chipletsim.cost.package_rows import PackageRows, RowJobs, Shared
from chipletsim.cost.packet_report import PacketCounter
from chipletsim.cost.row_times import PortSums, RowTimes, stacked
from chipletsim.errors import ConfigError, UsageError
from chipletsim.mapping.model import Mapping
from chipletsim.noc import packet_model
from chipletsim.noc.burst_kernels import PacketModel
from chipletsim.noc.flit_network import BurstTimes, Job, PortCounts
from chipletsim.noc.messages import MessageLists, RowEvents
from chipletsim.noc.packet_plan import PacketPlans
from chipletsim.package.model import Package

MOST_JOBS = 4096
"""Rows times packages that are timed by one call of a model."""
MOST_PACKETS = 1 << 22
"""Packets that these may have if weights are fetched and each neuron sends one event in a row."""


class Told(NamedTuple):
    """Where to tell what packets and links of rows do.

    Attributes:
        counters: Of each package.
        sample: int64 [rows], number of the sample of each.
        row: int64 [rows], number of each in its sample, or of the first where a burst has several.
    """

    counters: list[PacketCounter]
    sample: np.ndarray
    row: np.ndarray

    def of(self, part: slice) -> Told:
        """Return the same for some of the rows."""
        return self._replace(sample=self.sample[part], row=self.row[part])


class PacketRows:
    """Times rows as bursts of packets, those of all packages by one call of the model.

    Args:
        mapping: Where the network lives.
        plans: Its packets.
        packages: Of the structure of the mapping's.
        spares_bound: Whether rows are left to timing `bound` where it says all that energy depends
            on and is certain to be within `chipletsim.noc.serial.TOLERANCE` of `cycle`; and all
            rows on packages that the models do not follow.

    Attributes:
        packages: How many packages are followed.
        refused: Place of each package that is not, and why.
        most_rows: Rows that are best timed at once.
        runs_freely: Whether the rows of a sample are one burst.

    Raises:
        ConfigError: The models do not follow a tile in use, or what else is on a package.
    """

    def __init__(
        self,
        mapping: Mapping,
        plans: PacketPlans,
        packages: Sequence[Package],
        *,
        spares_bound: bool = False,
    ) -> None:
        shared = Shared(mapping, plans)
        self._packages: list[PackageRows] = []
        self.refused: dict[int, str] = {}
        for number, each in enumerate(packages):
            try:
                rows = PackageRows(mapping, each, shared, spares_bound=spares_bound)
            except (ConfigError, UsageError) as error:
                if not spares_bound:
                    raise
                self.refused[number] = (
                    error.problems[0].message if isinstance(error, ConfigError) else str(error)
                )
            else:
                self._packages.append(rows)
        self.packages = len(self._packages)
        most = [MOST_JOBS, *(MOST_PACKETS // each.most_packets for each in self._packages)]
        self.most_rows = max(min(most) // max(self.packages, 1), 1)
        self.runs_freely = mapping.package.spec.runs_freely

    def flit_hops(self, events: np.ndarray, steps: int) -> int:
        """Return flits times routers of the packets of events on one package, at most.

        Args:
            events: int64 [neurons], in the order of the message plan.
            steps: Steps of all samples.
        """
        return max(each.flit_hops(events, steps) for each in self._packages)

    def counters(self, timing: str) -> list[PacketCounter]:
        """Return what gathers packets and links of each package, none as yet.

        Args:
            timing: Name of the model.
        """
        return [each.counter(timing) for each in self._packages]

    def timed(
        self, events: RowEvents, timing: str, told: Told | None = None
    ) -> tuple[RowTimes, list[PortSums]]:
        """Return the times of rows, each [packages, rows], and what links did on each package.

        Args:
            events: What neurons did, in the order of the message plan.
            timing: Name of the model.
            told: Gathers what packets and links do; None for nothing.

        Raises:
            InfeasibleError: Packets wait for one another forever.
        """
        return self._run(self.jobs(events), timing, told)

    def jobs(self, events: RowEvents) -> list[RowJobs]:
        """Return the bursts of rows on each package."""
        lists: dict[object, MessageLists] = {}
        jobs = []
        for each in self._packages:
            if each.tiles not in lists:
                lists[each.tiles] = each.listed(events)
            jobs.append(each.jobs(lists[each.tiles], events))
        return jobs

    def timed_samples(
        self, jobs: Sequence[list[Job]], timing: str, told: Told | None
    ) -> tuple[RowTimes, list[PortSums]]:
        """Return the times of all rows of samples, each [packages, samples, rows], and port sums.

        Args:
            jobs: Of each package the burst of each sample, of all of its rows.
            timing: Name of the model.
            told: Gathers what packets and links do; None for nothing.

        Raises:
            InfeasibleError: Packets wait for one another forever.
        """
        samples = np.arange(len(jobs[0]))
        own = [RowJobs(samples, each, np.zeros(0, np.int64)) for each in jobs]
        return self._run(own, timing, told)

    def _run(
        self, jobs: list[RowJobs], timing: str, told: Told | None
    ) -> tuple[RowTimes, list[PortSums]]:
        """Return times and port sums of bursts of rows, or of samples."""
        model = packet_model(timing)
        if told:
            both = zip(jobs, told.counters, strict=True)
            done = [_counted(own, counter, told, model) for own, counter in both]
        else:
            done = _together(jobs, model)
        found, sums = [], []
        for each, own, (times, counts) in zip(self._packages, jobs, done, strict=True):
            found.append(each.times(own, times))
            sums.append(each.sums(counts))
        return stacked(found), sums


def _together(
    jobs: list[RowJobs], model: PacketModel
) -> list[tuple[list[BurstTimes], PortCounts | None]]:
    """Return what the bursts of each package did, all run by one call."""
    results = model([job for own in jobs for job in own.jobs])
    times, counts = iter(results.times), iter(results.counts)
    return [([next(times) for _ in own.jobs], next(counts) if own.jobs else None) for own in jobs]


def _counted(
    own: RowJobs, counter: PacketCounter, told: Told, model: PacketModel
) -> tuple[list[BurstTimes], PortCounts | None]:
    """Run the bursts of a package by a counter, and return what they did."""
    times: list[BurstTimes] = []
    counts: PortCounts | None = None
    for first in range(0, len(own.jobs), counter.most_rows):
        part = slice(first, first + counter.most_rows)
        rows = own.rows[part]
        results = counter.run(told.sample[rows], told.row[rows], own.jobs[part], model)
        times += results.times
        counts = results.counts[0].plus(counts) if counts else results.counts[0]
    return times, counts
