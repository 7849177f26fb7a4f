"""How long the hardware steps of a sample take, and what is done in them, for a trace.

Models of rows and models of messages are asked in one way: `StepTimer`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol, Self

import jax
import numpy as np

from chipletsim.cost.batch import Batch, Window
from chipletsim.cost.constants import Constants
from chipletsim.cost.core_rows import cores_of, resources_of
from chipletsim.cost.incidence import Incidence
from chipletsim.cost.latency import message_resources, row_resources
from chipletsim.cost.program import TimedRows, busy_times, row_timing
from chipletsim.cost.restart import Restartable
from chipletsim.cost.row_events import StepEvents
from chipletsim.cost.row_numbers import RowNumbers
from chipletsim.engine.activity import Activity
from chipletsim.mapping.model import Mapping
from chipletsim.network.pipeline import Pipeline
from chipletsim.noc import message_spans, row_spans
from chipletsim.noc.message_plan import message_plan
from chipletsim.noc.messages import RowEvents, message_lists
from chipletsim.noc.packet_spans import Busy
from chipletsim.noc.spans import Span
from chipletsim.noc.traffic import RowTraffic


class TimedStep(NamedTuple):
    """A hardware step.

    Attributes:
        latency_s: How long it takes, the barrier included.
        bound_by: Name of what bounds it.
        timing: Name of the model that timed it.
        spans: What tiles and messages do in it; places are numbers of tiles.
        busy: How busy links are in it, where the model has it, link by link.
        left_out: Messages on their way that are not among the spans.
    """

    latency_s: float
    bound_by: str
    timing: str
    spans: list[Span]
    busy: Sequence[Busy] = ()
    left_out: int = 0


class StepTimer(Protocol):
    """Times the steps of one sample."""

    def fresh(self) -> Self:
        """Return a timer for another sample."""
        ...

    def push(self, window: Window) -> None:
        """Take the next steps of the sample; rows that are complete with them are asked next."""
        ...

    def end(self) -> None:
        """Take that the sample is at its end."""
        ...

    def timed(self, batch: Batch, numbers: RowNumbers) -> Callable[[int], TimedStep]:
        """Return the steps of a batch, by their place in it; asked once each, in order.

        Args:
            batch: The rows.
            numbers: Whole numbers of the rows.
        """
        ...


class RowStepTimer:
    """Steps by a model of rows.

    Args:
        mapping: Where the network lives.
        incidence: What each event adds.
        constants: Numbers of the package.
        timing: Name of the model.
    """

    def __init__(
        self, mapping: Mapping, incidence: Incidence, constants: Constants, timing: str
    ) -> None:
        self._incidence, self._constants, self._timing = incidence, constants, timing
        self._words = row_resources(mapping.package).words
        self._spans = row_spans(timing)

    def fresh(self) -> Self:
        """Return itself, which holds nothing of a sample."""
        return self

    def push(self, window: Window) -> None:
        """Need nothing but batches."""

    def end(self) -> None:
        """Need nothing but batches."""

    def timed(self, batch: Batch, numbers: RowNumbers) -> Callable[[int], TimedStep]:
        """Return the steps of a batch, see `StepTimer`."""
        with jax.enable_x64(True):
            found = timed_rows(
                batch.longest_s[0], numbers, self._incidence, self._constants, timing=self._timing
            )
        latency_s, resource, busy_s = (np.asarray(each) for each in found)
        longest_s, wire_bits = np.asarray(batch.longest_s[0]), np.asarray(numbers.wire_bits)

        def step(place: int) -> TimedStep:
            traffic = RowTraffic(longest_s[place], wire_bits[:, place], busy_s[:, place])
            bound_by = self._words[int(resource[place])]
            spans = self._spans(traffic)
            return TimedStep(float(latency_s[place]), bound_by, self._timing, spans)

        return step


class ListedStepTimer(Restartable):
    """Steps by a model that is told what each neuron did.

    Args:
        mapping: Where the network lives.
        pipeline: In which row a population runs.
        timing: Name of the model.
        neuron: int64 [neurons], number of each neuron, in the order in which the model takes them.
    """

    def __init__(
        self, mapping: Mapping, pipeline: Pipeline, timing: str, neuron: np.ndarray
    ) -> None:
        self._timing = timing
        self._neuron = neuron
        self._events = StepEvents(mapping.network, pipeline)
        self._begin()

    @abstractmethod
    def step(self, events: RowEvents) -> TimedStep:
        """Return the step in which neurons did something."""

    def _begin(self) -> None:
        self._events = self._events.fresh()
        self._first = 0  # of the rows that are complete now
        self._stop = 0
        self._next = 0  # that is asked for
        self._kept: dict[int, RowEvents] = {}

    def push(self, window: Window) -> None:
        """Take the next steps of the sample."""
        assert isinstance(window, Activity)  # noqa: S101 - of rates, `listed` says who spikes
        self._keep()
        self._complete(self._events.push(window))

    def end(self) -> None:
        """Take that the sample is at its end."""
        self._keep()
        self._complete(self._events.close())

    def _keep(self) -> None:
        """Hold rows that are complete but not asked for: other counts may lag behind."""
        for row in range(max(self._next, self._first), self._stop):
            self._kept[row] = self._listed(row)

    def _complete(self, rows: int) -> None:
        self._first, self._stop = self._stop, self._stop + rows

    def _listed(self, row: int) -> RowEvents:
        """Return what neurons did in a row that is complete now."""
        at = np.array([row - self._first])
        return self._events.of_rows(np.zeros(1, np.int64), at, self._neuron)

    def timed(self, batch: Batch, numbers: RowNumbers) -> Callable[[int], TimedStep]:
        """Return the steps of a batch, see `StepTimer`."""
        return lambda place: self._step(int(batch.places[place, 1]))

    def _step(self, row: int) -> TimedStep:
        events = self._kept.pop(row) if row in self._kept else self._listed(row)
        self._next = row + 1
        return self.step(events)


class MessageStepTimer(ListedStepTimer):
    """Steps by a model of messages.

    Args:
        mapping: Where the network lives.
        pipeline: In which row a population runs.
        timing: Name of the model.

    Raises:
        ConfigError: A tile in use has no times for single messages, or the model needs a mesh.
    """

    def __init__(self, mapping: Mapping, pipeline: Pipeline, timing: str) -> None:
        self._plan = message_plan(mapping)
        super().__init__(mapping, pipeline, timing, self._plan.neuron)
        self._cores = cores_of(self._plan, mapping.package, timing, mapping.routers_in_use)
        self._words = message_resources(mapping.package).words
        self._resource = resources_of(self._plan)
        self._spans = message_spans(timing)

    def step(self, events: RowEvents) -> TimedStep:
        """Return a step, see `ListedStepTimer`."""
        lists = message_lists(self._plan, self._cores.times, events)
        shown = self._spans(lists, self._cores.mesh)
        tile = self._plan.tile
        spans = [
            span._replace(
                place=int(tile[span.place]), other=int(tile[span.other]) if span.other >= 0 else -1
            )
            for span in shown.spans
        ]
        bound_by = self._words[int(self._resource[shown.resource])]
        return TimedStep(shown.latency_s + self._cores.barrier_s, bound_by, self._timing, spans)


@partial(jax.jit, static_argnames="timing")
def timed_rows(
    longest_s: Any, numbers: TimedRows, incidence: Incidence, constants: Constants, *, timing: str
) -> Any:
    """Return latency and resource of rows, each [rows], and busy times of tiles, [tiles, rows].

    Args:
        longest_s: float64 [rows], longest route of an event of each.
        numbers: Whole numbers of the rows.
        incidence: What each event adds.
        constants: Numbers of the package.
        timing: Name of a model of rows.
    """
    rows = row_timing(longest_s, numbers, incidence, constants, timing)
    return rows.latency_s, rows.resource, busy_times(numbers.tiles, incidence, constants)
