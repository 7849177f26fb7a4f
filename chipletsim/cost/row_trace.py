"""What happens in each hardware row of a sample: times, busy tiles, loads of links.

Pricing keeps sums alone. Here the rows of a few samples are kept, counted and timed by the same
functions, for a trace that can be looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import numpy as np

from chipletsim.cost.batch import Batch, Window
from chipletsim.cost.class_counter import ClassCounter
from chipletsim.cost.constants import Constants, constants_of
from chipletsim.cost.incidence import Incidence, traffic_model
from chipletsim.cost.program import busy_times, class_routes_of, row_timing
from chipletsim.cost.row_numbers import row_numbers
from chipletsim.errors import UsageError
from chipletsim.mapping.model import Mapping
from chipletsim.network.pipeline import stages
from chipletsim.noc import MESSAGE_MODELS, check_timing


@dataclass(frozen=True, eq=False)
class TracedRows:
    """Some hardware rows of a sample, one after another.

    Attributes:
        first: Number of the first row.
        latency_s: float64 [rows], the barrier included.
        resource: int [rows], what bounds each row, as in `RowTiming`.
        busy_s: float64 [rows, tiles].
        wire_bits: int64 [rows, links].
    """

    first: int
    latency_s: np.ndarray
    resource: np.ndarray
    busy_s: np.ndarray
    wire_bits: np.ndarray


class RowTracer:
    """Times the rows of a single sample on a mapping, step by step.

    Args:
        mapping: Where the network lives.
        timing: Name of a timing model.

    Attributes:
        pipeline: In which row a population runs.

    Raises:
        UsageError: There is no such timing model, or it follows single messages.
        InfeasibleError: Answers leave the network but the package has no io tile.
        ConfigError: A codec of a link is too narrow for the neurons that cross it.
    """

    def __init__(self, mapping: Mapping, timing: str) -> None:
        check_timing(timing)
        if timing in MESSAGE_MODELS:
            raise UsageError(
                f"a trace shows the times of models of whole steps, such as `bound`; `{timing}`"
                " follows single messages"
            )
        self._timing = timing
        self.pipeline = stages(mapping.network)
        model = traffic_model(mapping)
        links = np.array([link.between_dies for link in mapping.package.links], bool)
        with jax.enable_x64(True):
            self._incidence = jax.device_put(replace(model.incidence, direct=None))
            barrier_s = mapping.package.spec.barrier_of(mapping.routers_in_use)
            self._constants = jax.device_put(constants_of(mapping.package, barrier_s))
            self._between = jax.device_put(links)
            routes_s = class_routes_of(self._incidence, self._constants, model.classes.size)
        self._counter = ClassCounter(model, self.pipeline, np.asarray(routes_s)[None])

    def fresh(self) -> RowTracer:
        """Return a tracer for another sample, which shares all that the mapping has in common."""
        other = copy(self)
        other._counter = self._counter.fresh()
        return other

    def add(self, window: Window) -> Iterator[TracedRows]:
        """Yield the rows of one sample that are complete with its next steps."""
        return map(self._traced, self._counter.add(window))

    def close(self) -> Iterator[TracedRows]:
        """Yield the rows that are left, in which the pipeline runs empty."""
        return map(self._traced, self._counter.close())

    def _traced(self, batch: Batch) -> TracedRows:
        filled = len(batch.places)
        with jax.enable_x64(True):
            found = _timed(
                batch.longest_s[0],
                batch.direct,
                self._incidence,
                self._constants,
                self._between,
                timing=self._timing,
            )
        latency_s, resource, busy_s, wire_bits = (np.asarray(each) for each in found)
        return TracedRows(
            first=int(batch.places[0, 1]) if filled else 0,
            latency_s=latency_s[:filled],
            resource=resource[:filled],
            busy_s=busy_s.T[:filled],
            wire_bits=wire_bits.T[:filled],
        )


@partial(jax.jit, static_argnames="timing")
def _timed(
    longest_s: Any,
    direct: Any,
    incidence: Incidence,
    constants: Constants,
    between: Any,
    *,
    timing: str,
) -> Any:
    numbers = row_numbers(direct, incidence, between)
    rows = row_timing(longest_s, numbers, incidence, constants, timing)
    busy_s = busy_times(numbers.tiles, incidence, constants)
    return rows.latency_s, rows.resource, busy_s, numbers.wire_bits
