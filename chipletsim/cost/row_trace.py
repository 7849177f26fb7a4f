"""What happens in each hardware row of a sample: times, what tiles do, loads of links.

Pricing keeps sums alone. Here the rows of a few samples are kept, counted and timed by the same
functions, for a trace that can be looked at. For rows that overlap, see
`chipletsim.cost.sample_trace`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Self

import numpy as np

from chipletsim.cost.batch import Batch, Window
from chipletsim.cost.counted_rows import CountedRows
from chipletsim.cost.packet_steps import AutoStepTimer, PacketStepTimer
from chipletsim.cost.row_numbers import RowNumbers
from chipletsim.cost.step_timers import MessageStepTimer, RowStepTimer, StepTimer, TimedStep
from chipletsim.cost.tracer import Tracer, where_followed
from chipletsim.mapping.model import Mapping
from chipletsim.noc import MESSAGE_MODELS, PACKET_MODELS


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


class RowTracer(Tracer[StepTimer, PacketStepTimer]):
    """Times the rows of a single sample, step by step, on a package with barriers; see `Tracer`."""

    def __init__(self, mapping: Mapping, timing: str) -> None:
        super().__init__(mapping, timing)
        placed = mapping, self.pipeline
        self._rows = CountedRows(*placed)
        self._bound = RowStepTimer(mapping, self._rows.incidence, self._rows.constants, "bound")
        self._timer = self._bound
        if timing in MESSAGE_MODELS:
            self._timer = MessageStepTimer(*placed, timing)
        elif timing in PACKET_MODELS:
            self._timer = PacketStepTimer(*placed, timing)
        elif timing == "auto":
            self._packets = where_followed(
                lambda: PacketStepTimer(*placed, timing, spares_bound=True)
            )

    def _chosen(self, packets: PacketStepTimer) -> StepTimer:
        return AutoStepTimer(self._bound, packets)

    def fresh(self) -> Self:
        """Return a tracer for another sample, which shares all that the mapping has in common."""
        other = super().fresh()
        other._rows = self._rows.fresh()
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
