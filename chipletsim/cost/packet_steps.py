"""Steps by a model of packets, for a trace."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Self

from chipletsim.cost.batch import Batch, Window
from chipletsim.cost.fetched_weights import packet_plans
from chipletsim.cost.follows_packets import FollowsPackets
from chipletsim.cost.latency import row_resources
from chipletsim.cost.package_rows import PackageRows, Shared
from chipletsim.cost.row_numbers import RowNumbers
from chipletsim.cost.step_timers import ListedStepTimer, RowStepTimer, TimedStep
from chipletsim.mapping.model import Mapping
from chipletsim.network.pipeline import Pipeline
from chipletsim.noc.messages import RowEvents
from chipletsim.noc.packet_spans import BUSY_BINS, packet_spans


class PacketStepTimer(FollowsPackets, ListedStepTimer):
    """Steps by a model of packets.

    Args:
        mapping: Where the network lives.
        pipeline: In which row a population runs.
        timing: Name of the model; `auto` for one that is chosen later.
        spares_bound: Whether steps are left to timing `bound` as `PacketRows` says: their latencies
            are then lower limits, and nothing more is told of them.

    Raises:
        ConfigError: The model does not follow a tile in use, or what else is on the package.
        UsageError: It does not follow a packet, with ``spares_bound``; else that is said later.
    """

    def __init__(
        self, mapping: Mapping, pipeline: Pipeline, timing: str, *, spares_bound: bool = False
    ) -> None:
        plans = packet_plans(mapping)
        super().__init__(mapping, pipeline, timing, plans.messages.neuron)
        shared = Shared(mapping, plans)
        self._rows = PackageRows(mapping, mapping.package, shared, spares_bound=spares_bound)
        self._words = row_resources(mapping.package).words

    def step(self, events: RowEvents) -> TimedStep:
        """Return a step, see `ListedStepTimer`.

        Raises:
            InfeasibleError: Packets wait for one another forever.
        """
        rows = self._rows
        jobs = rows.jobs(rows.listed(events), events)
        if not jobs.jobs:
            return TimedStep(float(rows.times(jobs, []).latency_s[0]), "", "bound", [])
        followed = self._follow(jobs, BUSY_BINS)
        shown = packet_spans(jobs.jobs[0], followed.times)
        return TimedStep(
            float(followed.timed.latency_s[0]),
            self._words[int(followed.timed.resource[0])],
            self._timing,
            shown.spans,
            followed.busy,
            shown.left_out,
        )


class AutoStepTimer:
    """Steps by the models that timing `auto` takes for them, see `AutoTimer`.

    Args:
        bound: Steps by `bound`.
        packets: Steps by the model of packets that `auto` chose, and lower limits of those that it
            leaves to `bound`.
    """

    def __init__(self, bound: RowStepTimer, packets: PacketStepTimer) -> None:
        self._bound, self._packets = bound, packets

    def fresh(self) -> Self:
        """Return a timer for another sample."""
        other = copy(self)
        other._packets = self._packets.fresh()
        return other

    def push(self, window: Window) -> None:
        """Take the next steps of the sample."""
        self._packets.push(window)

    def end(self) -> None:
        """Take that the sample is at its end."""
        self._packets.end()

    def timed(self, batch: Batch, numbers: RowNumbers) -> Callable[[int], TimedStep]:
        """Return the steps of a batch, see `StepTimer`."""
        by_bound = self._bound.timed(batch, numbers)
        by_packets = self._packets.timed(batch, numbers)

        def step(place: int) -> TimedStep:
            followed = by_packets(place)
            if followed.timing != "bound":
                return followed
            left = by_bound(place)
            return left._replace(latency_s=max(left.latency_s, followed.latency_s))

        return step
