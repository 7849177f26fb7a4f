"""Times of rows by models that follow single messages, window by window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from chipletsim.cost.batch import Window
from chipletsim.cost.core_rows import MOST_CELLS, CoreRows
from chipletsim.cost.fetched_weights import packet_plans
from chipletsim.cost.free_rows import FreeRows
from chipletsim.cost.interconnect import Interconnect
from chipletsim.cost.packet_report import PacketCounter
from chipletsim.cost.packet_rows import PacketRows, Told
from chipletsim.cost.restart import Restartable
from chipletsim.cost.row_events import StepEvents, total_events
from chipletsim.cost.row_times import PortSums, RowTimes, joined
from chipletsim.engine.activity import Activity
from chipletsim.mapping.model import Mapping
from chipletsim.network.pipeline import Pipeline
from chipletsim.noc import MESSAGE_MODELS, PACKET_MODELS
from chipletsim.noc.message_plan import message_plan
from chipletsim.noc.messages import RowEvents
from chipletsim.noc.packet_plan import PacketPlans
from chipletsim.package.model import Package

Say = Callable[[str], None]


def listed(window: Window, timing: str, neuron_class: np.ndarray) -> Window:
    """Return who spikes, where that is drawn from rates and the timing follows single messages.

    With `auto` rates at which spikes are too many to list stay as they are.

    Args:
        window: Steps of activity.
        timing: Name of a timing model.
        neuron_class: int32 [neurons], traffic class of each neuron.

    Raises:
        UsageError: Spikes are too many to list.
    """
    follows = (*MESSAGE_MODELS, *PACKET_MODELS, "auto")
    if isinstance(window, Activity) or timing not in follows:
        return window
    if timing == "auto" and not window.may_be_listed:
        return window
    return window.listed(neuron_class)


class RowModel(Protocol):
    """Timing models that follow single messages, on several packages.

    Attributes:
        packages: How many packages are followed.
        refused: Place of each package that is not, and why.
        most_rows: Rows that are best timed at once.
    """

    packages: int
    refused: dict[int, str]
    most_rows: int

    def timed(
        self, events: RowEvents, timing: str, told: Told | None = None
    ) -> tuple[RowTimes, list[PortSums]]:
        """Return the times of rows, each [packages, rows], the barrier included.

        And what links did on each package, nothing where the model does not tell.

        Args:
            events: What neurons did, in the order of the message plan.
            timing: Name of the model.
            told: Gathers what packets and links do, where the model follows them.
        """
        ...

    def flit_hops(self, events: np.ndarray, steps: int) -> int:
        """Return flits times routers of the packets of events on one package, at most.

        Args:
            events: int64 [neurons], in the order of the message plan.
            steps: Steps of all samples.
        """
        ...


class MessageTimer(Restartable):
    """Lists the messages of rows, and times them on several packages.

    Args:
        mapping: Where the network lives.
        packages: Packages with tiles like those of the mapping's.
        pipeline: In which row a population runs.
        timing: Name of a model of messages, or of packets; `auto` for one of packets that `follow`
            names, and which leaves rows to `bound`, see `PacketRows`.
        say: Called with a line of text as rows are timed.
        interconnect: Whether to gather what packets and links do, where the model follows them.
        plans: Packets of the mapping, for models that follow them; made if left out.

    Attributes:
        refused: Place of each package that `auto` leaves to `bound`, and why; there are no rows of
            it here.
        ports: What links did on each package in all rows so far; empty where models do not tell.

    Raises:
        ConfigError: The model does not follow a tile in use, or what else is on a package.
    """

    def __init__(
        self,
        mapping: Mapping,
        packages: Sequence[Package],
        pipeline: Pipeline,
        timing: str,
        say: Say | None = None,
        *,
        interconnect: bool = False,
        plans: PacketPlans | None = None,
    ) -> None:
        self._events = StepEvents(mapping.network, pipeline)
        self._timing, self._say = timing, say
        self._interconnect = interconnect
        self._model: RowModel
        if timing in MESSAGE_MODELS:
            plan = message_plan(mapping)
            self._model = CoreRows(plan, packages, timing, mapping.routers_in_use)
        else:
            plans = plans or packet_plans(mapping)
            plan = plans.messages
            self._model = PacketRows(mapping, plans, packages, spares_bound=timing == "auto")
        self._neuron = plan.neuron
        self._packages, self.refused = self._model.packages, self._model.refused
        self._begin()

    def _begin(self) -> None:
        self._events = self._events.fresh()
        self._found: list[RowTimes] = []
        self._done: list[RowTimes] = []
        self._rows = 0
        self._counters: list[PacketCounter] | None = None
        self._samples_done = self._rows_done = 0
        self._free = self._free_rows()
        self.ports: list[PortSums] = []

    def _free_rows(self) -> FreeRows | None:
        """Return what holds rows until their samples are whole, where they are timed together."""
        model = self._model
        return FreeRows(model) if isinstance(model, PacketRows) and model.runs_freely else None

    def follow(self, timing: str) -> None:
        """Take a model of packets for all rows from now on.

        Args:
            timing: Its name.
        """
        self._timing = timing

    def flit_hops(self, window: Activity) -> int:
        """Return flits times routers of the packets of a window on one package, at most."""
        events = total_events(window, self._neuron)
        return self._model.flit_hops(events, window.samples * window.steps)

    def add(self, window: Activity) -> None:
        """Time the rows that are complete with the next steps of all samples."""
        self._time(self._events.push(window))

    def next_samples(self) -> None:
        """End the samples added so far: what is added from now on is of further samples."""
        self._time(self._events.close())
        if self._free:
            self._time_samples(self._free)
        else:
            self._done.append(joined(self._found, axis=2))
        self._samples_done += self._events.samples
        self._rows_done = 0
        self._events, self._found = self._events.fresh(), []
        self._free = self._free_rows()

    def close(self) -> RowTimes:
        """Return the times of all rows of the samples that are ended, one batch after the other."""
        return joined(self._done, axis=1)

    def interconnect(
        self, number: int, latency_s: np.ndarray, bound_s: np.ndarray, by_bound: np.ndarray
    ) -> Interconnect | None:
        """Return what packets and links did on a package, None if that was not gathered.

        Args:
            number: Of the package, among those that are followed.
            latency_s: float64 [samples, rows], as ``close`` has them of that package.
            bound_s: float64 [samples, rows], by timing `bound`.
            by_bound: bool [samples, rows], as ``close`` has them; if all are, nothing is told.
        """
        if not self._counters or by_bound.all():
            return None
        return self._counters[number].close(latency_s, bound_s, ~by_bound)

    def _time(self, rows: int) -> None:
        """Time rows that are complete, some at a time, or hold them until their samples are."""
        samples = self._events.samples
        found = [_none(self._packages)]
        width = max(min(MOST_CELLS // max(self._neuron.size, 1), self._model.most_rows), 1)
        for first in range(0, samples * rows, width):
            part = np.arange(first, min(first + width, samples * rows))
            sample, row = part // rows, part % rows
            events = self._events.of_rows(sample, row, self._neuron)
            if self._free:
                self._free.add(events, sample)
            else:
                told = self._told(sample, row + self._rows_done)
                timed, ports = self._model.timed(events, self._timing, told)
                found.append(timed)
                self._add_ports(ports)
                self._tell(part.size)
        if not self._free:
            self._found.append(joined(found, axis=1).shaped(self._packages, samples, rows))
        self._rows_done += rows

    def _time_samples(self, free: FreeRows) -> None:
        """Time whole samples, some at a time."""
        samples = np.arange(self._events.samples)
        told = self._told(samples, np.zeros_like(samples))
        for count, timed, ports in free.timed(self._timing, told):
            self._done.append(timed)
            self._add_ports(ports)
            self._tell(count * self._rows_done)

    def _add_ports(self, ports: list[PortSums]) -> None:
        before = self.ports
        self.ports = [a.plus(b) for a, b in zip(before, ports, strict=True)] if before else ports

    def _told(self, sample: np.ndarray, row: np.ndarray) -> Told | None:
        """Return where to tell what packets of rows do, if anybody asks."""
        if not self._interconnect or not isinstance(self._model, PacketRows):
            return None
        if self._counters is None:
            self._counters = self._model.counters(self._timing)
        return Told(self._counters, sample + self._samples_done, row)

    def _tell(self, rows: int) -> None:
        self._rows += rows
        if self._say:
            designs = f" on {self._packages:,} packages" if self._packages > 1 else ""
            self._say(f"timed {self._rows:,} hardware steps{designs}")


def _none(packages: int) -> RowTimes:
    """Return the times of no rows."""
    shape = packages, 0
    return RowTimes(np.zeros(shape), np.zeros(shape, np.int32), np.zeros(shape, bool))
