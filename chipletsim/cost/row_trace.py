"""What happens in each hardware row of a sample: times, what tiles do, loads of links.

Pricing keeps sums alone. Here the rows of a few samples are kept, counted and timed by the same
functions, for a trace that can be looked at. For rows that overlap, see
`chipletsim.cost.sample_trace`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import copy
from typing import NamedTuple

import numpy as np

from chipletsim.cost.auto_choice import where_followed
from chipletsim.cost.batch import Batch, Window
from chipletsim.cost.counted_rows import CountedRows
from chipletsim.cost.packet_steps import AutoStepTimer, PacketStepTimer
from chipletsim.cost.row_numbers import RowNumbers
from chipletsim.cost.step_timers import MessageStepTimer, RowStepTimer, StepTimer, TimedStep
from chipletsim.engine.activity import Activity
from chipletsim.mapping.model import Mapping
from chipletsim.network.pipeline import stages
from chipletsim.noc import MESSAGE_MODELS, PACKET_MODELS, check_timing


class TracedRow(NamedTuple):
    """A hardware row of a sample.

    Attributes:
        number: Its number in the sample.
        step: How long it takes, and what is done in it.
        wire_bits: int64 [links].
    """

    number: int
    step: TimedStep
    wire_bits: np.ndarray


class RowTracer:
    """Times the rows of a single sample on a mapping, step by step.

    Args:
        mapping: Where the network lives, on a package with barriers.
        timing: Name of a timing model.

    Attributes:
        pipeline: In which row a population runs.

    Raises:
        UsageError: There is no such timing model.
        InfeasibleError: Answers leave the network but the package has no io tile.
        ConfigError: A codec of a link is too narrow for the neurons that cross it, or the package
            is none that the timing model knows.
    """

    def __init__(self, mapping: Mapping, timing: str) -> None:
        check_timing(timing)
        self.pipeline = stages(mapping.network)
        self._rows = CountedRows(mapping, self.pipeline)
        self._timer: StepTimer
        self._bound = RowStepTimer(mapping, self._rows.incidence, self._rows.constants, "bound")
        self._packets: PacketStepTimer | None = None  # that `auto` may choose
        placed = mapping, self.pipeline
        if timing in MESSAGE_MODELS:
            self._timer = MessageStepTimer(*placed, timing)
        elif timing in PACKET_MODELS:
            self._timer = PacketStepTimer(*placed, timing)
        else:
            self._timer = self._bound
        if timing == "auto":
            self._packets = where_followed(
                lambda: PacketStepTimer(*placed, timing, spares_bound=True)
            )

    def foresee(self, window: Window, sample_steps: int | None = None) -> None:
        """Choose models for all samples, where the timing is `auto` and none are chosen yet.

        Args:
            window: First window of the run.
            sample_steps: Network steps of all samples; those of the window if left out.
        """
        packets = self._packets
        if packets and isinstance(window, Activity):
            packets.choose(window, sample_steps)
            self._timer, self._packets = AutoStepTimer(self._bound, packets), None

    def fresh(self) -> RowTracer:
        """Return a tracer for another sample, which shares all that the mapping has in common."""
        other = copy(self)
        other._rows, other._timer = self._rows.fresh(), self._timer.fresh()
        return other

    def add(self, window: Window) -> Iterator[TracedRow]:
        """Yield the rows of one sample that are complete with its next steps."""
        self.foresee(window)
        self._timer.push(window)
        return self._traced(self._rows.add(window))

    def close(self) -> Iterator[TracedRow]:
        """Yield the rows that are left, in which the pipeline runs empty."""
        self._timer.end()
        return self._traced(self._rows.close())

    def _traced(self, counted: Iterable[tuple[Batch, RowNumbers]]) -> Iterator[TracedRow]:
        for batch, numbers in counted:
            timed, wire_bits = self._timer.timed(batch, numbers), np.asarray(numbers.wire_bits)
            for place, row in enumerate(batch.places[:, 1].tolist()):
                yield TracedRow(row, timed(place), wire_bits[:, place])
