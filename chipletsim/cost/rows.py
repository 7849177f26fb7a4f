"""Rows through the cost program in batches, and what is kept of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from chipletsim.cost.batch import Batch
from chipletsim.cost.constants import Constants, constants_of
from chipletsim.cost.in_use import in_use
from chipletsim.cost.incidence import Incidence, TrafficModel
from chipletsim.cost.load_history import LoadHistory
from chipletsim.cost.native_rows import RowTables, native_row_numbers, row_tables
from chipletsim.cost.program import (
    Counted,
    Energies,
    TimedRows,
    class_routes_of,
    energy,
    row_timing,
)
from chipletsim.cost.restart import Restartable
from chipletsim.cost.row_numbers import STEP_TOTALS, RowNumbers, counted_of, row_numbers
from chipletsim.cost.running_rows import RunningNumbers, RunningRows
from chipletsim.kernels import native_kernels, thread_count
from chipletsim.package.model import Package

BATCH_PACKAGES = 16
"""Most packages priced by one call of the program."""


@dataclass(frozen=True, eq=False)
class RowTotals:
    """What is left of all rows of a run.

    Attributes:
        samples: Number of samples.
        rows: Hardware rows of a sample.
        counted: Whole numbers summed over all rows, each NumPy int64 with one row.
        class_events: int64 [classes], events of each class.
        steps: Name to int64 [samples, rows]: spikes, synaptic operations and traffic of
            each row.
        link_load: int64 [bins, links], bits on the wire by row, summed over samples.
        rows_per_bin: Rows in a bin of ``link_load``.
        busiest_row_bits: int64 [links], most bits on the wire in a row of a sample.
        latency_s: float64 [packages, samples, rows]; of free-running packages from the end of the
            rows before to the end of each.
        resource: int32 [packages, samples, rows], what bounds each row; of free-running packages,
            each and all before it.
    """

    samples: int
    rows: int
    counted: Counted
    class_events: np.ndarray
    steps: dict[str, np.ndarray]
    link_load: np.ndarray
    rows_per_bin: int
    busiest_row_bits: np.ndarray
    latency_s: np.ndarray
    resource: np.ndarray


class RowPricer(Restartable):
    """Prices batches of rows, for several packages of one structure at once.

    Whole numbers are added in 64 bits, which is exact in any order; times are kept row
    by row. So it does not matter how the rows are grouped.

    Args:
        model: Classes and incidence.
        packages: Packages of one structure.
        timing: Name of a timing model of rows; None where rows are timed elsewhere.

    Attributes:
        model: The part of the model that is in use, whose quantities batches have.
        class_routes_s: float64 [packages, classes], time of the longest route of an event
            of each class.
    """

    def __init__(self, model: TrafficModel, packages: list[Package], timing: str | None) -> None:
        self._full = model.incidence
        self._used = in_use(model)
        self.model = self._used.model(model)
        links = np.array([link.between_dies for link in model.mapping.package.links], bool)
        self._between = links[self._used.links]
        self._timing = timing
        routers = model.mapping.routers_in_use
        constants = [constants_of(each, each.spec.barrier_of(routers)) for each in packages]
        kinds = self._full.kinds
        with jax.enable_x64(True):
            # What events add by themselves is known to the counter alone.
            self._incidence = jax.device_put(replace(self.model.incidence, direct=None))
            self._constants = _batches([self._used.constants(each, kinds) for each in constants])
            self._tables: RowTables | None = None
            if native_kernels():
                self._tables = jax.device_put(row_tables(self.model.incidence, self._between))
            self._all_kinds = jax.device_put(kinds)
            self._all_constants = _batches(constants)
            routes = [
                _routes(self._incidence, each, model.classes.size) for each in self._constants
            ]
        self._packages = len(packages)
        self._runs_freely = packages[0].spec.runs_freely
        self.class_routes_s = np.concatenate([np.asarray(each) for each in routes])
        self._begin()

    def _begin(self) -> None:
        self._places: list[np.ndarray] = []
        self._sums: list[np.ndarray] = []
        self._steps: list[np.ndarray] = []
        self._times: list[tuple[np.ndarray, np.ndarray]] = []
        self._load = LoadHistory(self._between.size)
        self._busiest = np.zeros(self._between.size, np.int64)
        self._running = RunningRows(np.asarray(self._incidence.frames.total_bits))

    def add(self, batch: Batch) -> None:
        """Price the rows of a batch."""
        filled = len(batch.places)
        times = []
        with jax.enable_x64(True):
            numbers = self._numbers(batch.direct)
            timed: tuple[RowNumbers | RunningNumbers, Any] = numbers, batch.longest_s
            if self._timing and self._runs_freely:
                timed = self._running.add(batch.places, numbers, batch.longest_s)
            for number, constants in enumerate(self._constants if self._timing else ()):
                width = constants.barrier_s.shape[0]
                longest_s = timed[1][number * width : (number + 1) * width]
                times.append(_timed(longest_s, timed[0], self._incidence, constants, self._timing))
        self._places.append(batch.places)
        self._sums.append(np.asarray(numbers.total))
        steps = np.concatenate([batch.spikes[None], numbers.steps])
        self._steps.append(steps[:, :filled])
        self._load.add(batch.places[:, 1], np.asarray(numbers.wire_bits)[:, :filled].T)
        self._busiest = np.maximum(self._busiest, numbers.busiest_bits)
        if self._timing:
            latency_s, resource = (np.concatenate(each) for each in zip(*times, strict=True))
            kept = np.s_[: self._packages, :filled]
            self._times.append((latency_s[kept], resource[kept]))

    def next_samples(self) -> None:
        """Take that the samples of the rows so far are at their end."""
        self._running.forget()

    def _numbers(self, direct: Any) -> RowNumbers:
        if self._tables is None:
            return row_numbers(direct, self._incidence, self._between)
        return native_row_numbers(direct, self._tables, self._incidence.sizes, thread_count())

    def close(self, class_events: np.ndarray) -> RowTotals:
        """Return what is left of all rows added.

        Args:
            class_events: int64 [classes], events of each class.
        """
        if not self._places:
            self.add(self._nothing())
        places = np.concatenate([np.zeros((0, 2), np.int64), *self._places])
        samples, rows = places.max(axis=0, initial=-1) + 1
        where = (places[:, 0], places[:, 1])

        def arranged(values: list[np.ndarray]) -> np.ndarray:
            joined = np.concatenate(values, axis=-1)
            result = np.zeros((*joined.shape[:-1], samples, rows), joined.dtype)
            result[..., *where] = joined
            return result

        latency_s, resource = np.zeros((self._packages, samples, rows)), None
        if self._timing:
            latency_s = arranged([latency for latency, _ in self._times])
            if self._runs_freely:
                latency_s = np.diff(latency_s, axis=-1, prepend=0.0)
            resource = self._used.resource(arranged([each for _, each in self._times]), self._full)
        counted = counted_of(np.sum(self._sums, axis=0), self._incidence.sizes)
        return RowTotals(
            samples=int(samples),
            rows=int(rows),
            counted=self._used.whole(counted, self._full),
            class_events=class_events,
            steps=dict(zip(("spikes", *STEP_TOTALS), arranged(self._steps), strict=True)),
            link_load=self._of_all_links(self._load.table()),
            rows_per_bin=self._load.rows_per_bin,
            busiest_row_bits=self._of_all_links(self._busiest),
            latency_s=latency_s,
            resource=np.zeros(latency_s.shape, np.int32) if resource is None else resource,
        )

    def _of_all_links(self, bits: np.ndarray) -> np.ndarray:
        result = np.zeros((*bits.shape[:-1], self._full.sizes.derived[0]), np.int64)
        result[..., self._used.links] = bits
        return result

    def _nothing(self) -> Batch:
        """Return a batch of no rows but one that is empty, for runs without any."""
        direct = np.zeros((sum(self._incidence.sizes.direct), 1), np.int64)
        packages = len(self.class_routes_s)
        places = np.zeros((0, 2), np.int64)
        return Batch(places, direct, np.zeros(1, np.int64), np.zeros((packages, 1)))

    def energies(self, time_s: np.ndarray, counted: Counted) -> list[Energies]:
        """Return the energies of each package, as NumPy arrays.

        Args:
            time_s: float64 [packages], time over which static power is drawn.
            counted: Whole numbers summed over all rows.
        """
        found: list[Energies] = []
        with jax.enable_x64(True):
            for start, constants in enumerate(self._all_constants):
                times = time_s[start * BATCH_PACKAGES : (start + 1) * BATCH_PACKAGES]
                width = constants.barrier_s.shape[0]
                padded = np.pad(times, (0, width - times.size))
                found_here = _energies(counted, padded, self._all_kinds, constants)
                batch = jax.tree.map(np.asarray, found_here)
                found += [jax.tree.map(lambda x, i=i: x[i], batch) for i in range(times.size)]
        return found


@partial(jax.jit, static_argnames="timing")
def _timed(
    longest_s: Any, numbers: TimedRows, incidence: Incidence, constants: Constants, timing: str
) -> Any:
    """Time a batch of rows for a batch of packages."""
    return jax.vmap(
        lambda longest, constant: row_timing(longest, numbers, incidence, constant, timing)
    )(longest_s, constants)


@partial(jax.jit, static_argnums=2)
def _routes(incidence: Incidence, constants: Constants, classes: int) -> Any:
    return jax.vmap(lambda numbers: class_routes_of(incidence, numbers, classes))(constants)


@jax.jit
def _energies(counted: Counted, time_s: Any, kinds: dict[str, Any], constants: Constants) -> Any:
    return jax.vmap(lambda time, numbers: energy(counted, time, kinds, numbers))(time_s, constants)


def _batches(numbers: list[Constants]) -> list[Constants]:
    """Stack constants in batches of one size, a power of two up to the largest batch.

    The last batch repeats its last package, so that all share one compiled program.
    """
    width = 1
    while width < min(len(numbers), BATCH_PACKAGES):
        width *= 2
    batches = []
    for start in range(0, len(numbers), width):
        batch = numbers[start : start + width]
        batch += [batch[-1]] * (width - len(batch))
        batches.append(jax.tree.map(lambda *values: jnp.asarray(np.stack(values)), *batch))
    return batches
