"""How long samples take whose steps run freely, and what is done in them, for a trace."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from typing import NamedTuple, Protocol, Self

import jax
import numpy as np

from chipletsim.cost.batch import Batch, Window
from chipletsim.cost.core_rows import MOST_CELLS
from chipletsim.cost.counted_rows import CountedRows
from chipletsim.cost.fetched_weights import packet_plans
from chipletsim.cost.follows_packets import FollowsPackets
from chipletsim.cost.free_rows import check_packets, held_packets
from chipletsim.cost.latency import row_resources
from chipletsim.cost.package_rows import PackageRows, RowJobs, Shared
from chipletsim.cost.packet_rows import MOST_PACKETS
from chipletsim.cost.restart import Restartable
from chipletsim.cost.row_events import StepEvents
from chipletsim.cost.row_numbers import RowNumbers
from chipletsim.cost.running_rows import RunningRows
from chipletsim.cost.step_timers import timed_rows
from chipletsim.engine.activity import Activity
from chipletsim.mapping.model import Mapping
from chipletsim.network.pipeline import Pipeline
from chipletsim.noc.flit_network import Job
from chipletsim.noc.free_bursts import free_job
from chipletsim.noc.packet_spans import SAMPLE_BINS, Busy, packet_spans
from chipletsim.noc.spans import Doing, Span


class TimedSample(NamedTuple):
    """A sample whose steps run freely.

    Attributes:
        timing: Name of the model that timed it.
        latency_s: float64 [steps], from the end of the steps before to the end of each.
        bound_by: Name of what bounds each step.
        shown: How many first steps are shown: all, unless they have too many events.
        spans: What tiles and messages do in these; seconds since the sample began.
        busy: How busy links are, where the model has it, link by link.
        left_out: Messages on their way in these steps that are not among the spans.
    """

    timing: str
    latency_s: np.ndarray
    bound_by: list[str]
    shown: int
    spans: list[Span]
    busy: list[Busy]
    left_out: int


class SampleTimer(Protocol):
    """Times one sample."""

    def fresh(self) -> Self:
        """Return a timer for another sample."""
        ...

    def push(self, window: Window) -> None:
        """Take the next steps of the sample."""
        ...

    def end(self, most_events: int) -> TimedSample:
        """Return the sample, which is at its end.

        Args:
            most_events: Of the steps that are shown, with one for each step.
        """
        ...


class BoundSampleTimer:
    """Samples by timing `bound`: sums of work over the steps up to each.

    Args:
        mapping: Where the network lives.
        rows: Counts its rows.
    """

    def __init__(self, mapping: Mapping, rows: CountedRows) -> None:
        self._rows = rows
        self._words = row_resources(mapping.package).words
        self._begin()

    def _begin(self) -> None:
        self._running = RunningRows(np.asarray(self._rows.incidence.frames.total_bits))
        tiles = self._rows.incidence.sizes.tiles
        # When the steps up to each are done at least, what bounds that, and work of tiles in them.
        self._ends_s, self._resource = [np.zeros(0)], [np.zeros(0, np.int32)]
        self._work_s = [np.zeros((tiles, 0))]

    def fresh(self) -> Self:
        """Return a timer for another sample."""
        other = copy(self)
        other._rows = self._rows.fresh()
        other._begin()
        return other

    def push(self, window: Window) -> None:
        """Take the next steps of the sample."""
        self._take(self._rows.add(window))

    def _take(self, counted: Iterable[tuple[Batch, RowNumbers]]) -> None:
        for batch, numbers in counted:
            filled = len(batch.places)
            with jax.enable_x64(True):
                sums, longest_s = self._running.add(batch.places, numbers, batch.longest_s)
                numbers_of = self._rows.incidence, self._rows.constants
                found = timed_rows(longest_s[0], sums, *numbers_of, timing="bound")
            ends_s, resource, work_s = (np.asarray(each)[..., :filled] for each in found)
            self._ends_s.append(ends_s)
            self._resource.append(resource)
            self._work_s.append(work_s)

    def end(self, most_events: int) -> TimedSample:
        """Return the sample; each tile is shown to work as early and as densely as can be."""
        self._take(self._rows.close())
        ends_s, work_s = np.concatenate(self._ends_s), np.concatenate(self._work_s, axis=1)
        length_s = np.diff(work_s, axis=1, prepend=0.0)
        events = 1 + (length_s > 0).sum(axis=0)
        shown = int(np.searchsorted(events.cumsum(), most_events, side="right"))
        step, tile = np.nonzero(length_s[:, :shown].T > 0)
        starts_s, lengths_s = (work_s - length_s)[tile, step], length_s[tile, step]
        columns = (each.tolist() for each in (step, tile, starts_s, lengths_s))
        spans = [
            Span(Doing.BUSY, tile, start_s, length_s, step=step)
            for step, tile, start_s, length_s in zip(*columns, strict=True)
        ]
        bound_by = [self._words[at] for at in np.concatenate(self._resource).tolist()]
        return TimedSample("bound", np.diff(ends_s, prepend=0.0), bound_by, shown, spans, [], 0)


class PacketSampleTimer(FollowsPackets, Restartable):
    """Samples by a model of packets, each as one burst.

    Args:
        mapping: Where the network lives.
        pipeline: In which row a population runs.
        timing: Name of the model; `auto` for one that is chosen later.

    Raises:
        ConfigError: The model does not follow a tile in use, or what else is on the package.
        UsageError: It does not follow a packet, with `auto`; else that is said later.
    """

    def __init__(self, mapping: Mapping, pipeline: Pipeline, timing: str) -> None:
        plans, auto = packet_plans(mapping), timing == "auto"
        shared = Shared(mapping, plans)
        self._rows = PackageRows(mapping, mapping.package, shared, spares_bound=auto)
        self._words = row_resources(mapping.package).words
        self._neuron, self._timing = plans.messages.neuron, timing
        self._events = StepEvents(mapping.network, pipeline)
        cells = MOST_CELLS // max(plans.messages.neuron.size, 1)
        self._together = max(1, min(cells, MOST_PACKETS // self._rows.most_packets))
        self._begin()

    def _begin(self) -> None:
        self._events = self._events.fresh()
        self._jobs: list[Job] = []
        self._packets = 0

    def push(self, window: Window) -> None:
        """Take the next steps of the sample.

        Raises:
            UsageError: The sample has too many packets.
        """
        assert isinstance(window, Activity)  # noqa: S101 - of rates, `listed` says who spikes
        self._take(self._events.push(window))

    def _take(self, rows: int) -> None:
        """Take the rows that are complete now, some at a time."""
        for first in range(0, rows, self._together):
            row = np.arange(first, min(first + self._together, rows))
            events = self._events.of_rows(np.zeros_like(row), row, self._neuron)
            jobs = self._rows.jobs(self._rows.listed(events), events).jobs
            self._jobs += jobs
            self._packets += sum(map(held_packets, jobs))
            check_packets(self._packets)

    def end(self, most_events: int) -> TimedSample:
        """Return the sample.

        Raises:
            InfeasibleError: Packets wait for one another forever.
        """
        self._take(self._events.close())
        if not self._jobs:
            return TimedSample(self._timing, np.zeros(0), [], 0, [], [], 0)
        job = free_job(self._jobs)
        self._jobs = []
        alone = RowJobs(np.zeros(1, np.int64), [job], np.zeros(0, np.int64))
        times, timed, busy = self._follow(alone, SAMPLE_BINS)
        latency_s = timed.latency_s[0]
        bound_by = [self._words[at] for at in timed.resource[0].tolist()]
        shown = packet_spans(job, times, most_events - len(busy))
        if shown.steps < latency_s.size:
            busy = _until(busy, float(latency_s[: shown.steps].sum()))
        both = shown.spans, busy, shown.left_out
        return TimedSample(self._timing, latency_s, bound_by, shown.steps, *both)


def _until(busy: list[Busy], end_s: float) -> list[Busy]:
    """Return how busy links are until a time, at which all are idle."""
    kept = [each for each in busy if each.start_s < end_s]
    last = {each.link: each.percent for each in kept}
    return kept + [Busy(end_s, link, 0) for link, percent in last.items() if percent]
