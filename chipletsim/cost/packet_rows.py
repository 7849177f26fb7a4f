"""Timing `queue` or `cycle` of rows on a package."""

from __future__ import annotations

import numpy as np

from chipletsim.cost.incidence import traffic_model
from chipletsim.cost.row_busy import RowBusy
from chipletsim.cost.row_times import RowTimes
from chipletsim.mapping.model import Mapping
from chipletsim.noc import packet_model
from chipletsim.noc.message_plan import MessagePlan
from chipletsim.noc.messages import RowEvents, message_lists
from chipletsim.noc.packet_bursts import packet_jobs, row_timing, with_work_first
from chipletsim.noc.packet_times import packet_times
from chipletsim.package.model import Package


class PacketRows:
    """Times rows as bursts of packets.

    Args:
        mapping: Where the network lives.
        plan: Its messages.
        package: Of the structure of the mapping's.
        timing: Name of the model.

    Raises:
        ConfigError: The model does not follow a tile in use, or what else is on the package.
    """

    def __init__(self, mapping: Mapping, plan: MessagePlan, package: Package, timing: str) -> None:
        self._packets = packet_times(mapping, plan, package)
        self._model = packet_model(timing)
        self._barrier_s = package.spec.barrier_of(mapping.routers_in_use)
        self._tile = plan.tile
        whole = np.flatnonzero(self._packets.whole_steps[plan.tile])
        self._whole_cores = whole[np.isin(whole, np.concatenate([plan.core, plan.axon_core]))]
        self._busy = (
            RowBusy(traffic_model(mapping), package, plan.neuron)
            if self._whole_cores.size
            else None
        )

    def timed(self, events: RowEvents) -> RowTimes:
        """Return the times of rows, see `RowModel`.

        Raises:
            InfeasibleError: Packets wait for one another forever.
        """
        lists = message_lists(self._packets.plan.messages, self._packets.times, events)
        if self._busy is not None:
            busy_s = self._busy.of(events)[:, self._tile[self._whole_cores]]
            lists = with_work_first(lists, self._tile.size, self._whole_cores, busy_s)
        jobs = packet_jobs(lists, self._packets)
        timed = row_timing(jobs, self._model(jobs), self._packets)
        return RowTimes(timed.latency_s + self._barrier_s, timed.resource)
