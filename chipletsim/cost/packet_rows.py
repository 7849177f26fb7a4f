"""Timing `queue` or `cycle` of rows on several packages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chipletsim.cost.package_rows import PackageRows, Shared
from chipletsim.cost.row_times import PortSums, RowTimes, stacked
from chipletsim.errors import ConfigError, UsageError
from chipletsim.mapping.model import Mapping
from chipletsim.noc import packet_model
from chipletsim.noc.message_plan import MessagePlan
from chipletsim.noc.messages import MessageLists, RowEvents
from chipletsim.package.model import Package

MOST_JOBS = 4096
"""Rows times packages that are timed by one call of a model."""


class PacketRows:
    """Times rows as bursts of packets, those of all packages by one call of the model.

    Args:
        mapping: Where the network lives.
        plan: Its messages.
        packages: Of the structure of the mapping's.
        spares_bound: Whether rows are left to timing `bound` where it says all that energy depends
            on and is certain to be within `chipletsim.noc.serial.TOLERANCE` of `cycle`; and all
            rows on packages that the models do not follow.

    Attributes:
        packages: How many packages are followed.
        refused: Place of each package that is not, and why.
        most_rows: Rows that are best timed at once.

    Raises:
        ConfigError: The models do not follow a tile in use, or what else is on a package.
    """

    def __init__(
        self,
        mapping: Mapping,
        plan: MessagePlan,
        packages: Sequence[Package],
        *,
        spares_bound: bool = False,
    ) -> None:
        shared = Shared(mapping, plan)
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
        self.most_rows = max(MOST_JOBS // max(self.packages, 1), 1)

    def flit_hops(self, events: np.ndarray) -> int:
        """Return flits times routers of the packets of events on one package, at most.

        Args:
            events: int64 [neurons], in the order of the message plan.
        """
        return max(each.flit_hops(events) for each in self._packages)

    def timed(self, events: RowEvents, timing: str) -> tuple[RowTimes, list[PortSums]]:
        """Return the times of rows, each [packages, rows], and what links did on each package.

        Args:
            events: What neurons did, in the order of the message plan.
            timing: Name of the model.

        Raises:
            InfeasibleError: Packets wait for one another forever.
        """
        lists: dict[object, MessageLists] = {}
        jobs = []
        for each in self._packages:
            if each.tiles not in lists:
                lists[each.tiles] = each.listed(events)
            jobs.append(each.jobs(lists[each.tiles]))
        results = packet_model(timing)([job for own in jobs for job in own.jobs])
        times, counts = iter(results.times), iter(results.counts)
        found, sums = [], []
        for each, own in zip(self._packages, jobs, strict=True):
            part = results._replace(times=[next(times) for _ in own.jobs])
            found.append(each.times(own, part))
            sums.append(each.sums(next(counts) if own.jobs else None))
        return stacked(found), sums
