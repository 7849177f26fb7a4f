"""Counting in a native kernel: it reads the raster itself, and its work grows with the events."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from chipletsim.cost.batch import Batch
from chipletsim.cost.incidence import TrafficModel
from chipletsim.cost.native_tables import TrafficTables, traffic_tables
from chipletsim.cost.restart import Restartable
from chipletsim.engine.activity import Activity
from chipletsim.kernels import thread_count
from chipletsim.network.pipeline import Pipeline

LEAST_ROWS, MOST_ROWS = 16, 1024
_BATCH_NUMBERS = 1 << 23
"""Numbers in a batch, rows times direct quantities, within the bounds above."""


class _Carry(NamedTuple):
    """Rows to which the next window adds: what the ones before gave them.

    Attributes:
        direct: int64 [samples, rows, direct quantities].
        spikes: int64 [samples, rows].
        longest_s: float64 [samples, rows, packages].
    """

    direct: np.ndarray
    spikes: np.ndarray
    longest_s: np.ndarray


class _Counts(NamedTuple):
    """What the kernel returns.

    Attributes:
        direct: int64 [direct quantities, rows].
        spikes: int64 [rows].
        longest_s: float64 [packages, rows].
        class_events: int64 [classes], in all of these rows.
    """

    direct: jax.Array
    spikes: jax.Array
    longest_s: jax.Array
    class_events: jax.Array


class _Block(NamedTuple):
    """Where the rows of a window lie, and which are counted; fixed when the call is compiled.

    Attributes:
        rows: Rows of the result.
        quantities: Direct quantities.
        threads: Most threads to use.
        sizes: Neurons of each population.
        stages: Row of each population's first step.
        interval: Rows from a step to the next.
        shift: Row of stage 0 in the first step of the window.
        row_begin: First of the rows of each sample that are counted.
        row_count: How many are.
        few: Whether events are counted by class first.
    """

    rows: int
    quantities: int
    threads: int
    sizes: tuple[int, ...]
    stages: tuple[int, ...]
    interval: int
    shift: int
    row_begin: int
    row_count: int
    few: bool


class NativeCounter(Restartable):
    """Counts what the events of each row add, straight from the raster; see `Counter`.

    Args:
        model: Classes and incidence.
        pipeline: In which row a population runs.
        class_routes_s: float64 [packages, classes], longest route of an event of each.
    """

    def __init__(self, model: TrafficModel, pipeline: Pipeline, class_routes_s: np.ndarray) -> None:
        network = model.mapping.network
        self._sizes = tuple(population.size for population in network.populations)
        self._names = [population.name for population in network.populations]
        self._stages = tuple(pipeline.stage.tolist())
        self._interval = pipeline.initiation_interval
        self._depth = max(self._stages, default=0)
        self._quantities = sum(model.incidence.sizes.direct)
        self._packages = class_routes_s.shape[0]
        # Where most neurons have a class of their own, counting by class first gains nothing.
        self._few = 4 * model.classes.size <= network.neurons
        with jax.enable_x64(True):
            self._tables = jax.device_put(traffic_tables(model, class_routes_s))
        self._begin()

    def _begin(self) -> None:
        self._batch = 0
        self._rows = 0
        self._carry: _Carry | None = None
        self._last: Batch | None = None
        self.class_events = np.zeros(self._tables.group.shape, np.int64)

    def further(self) -> NativeCounter:
        """Return a counter for further samples, whose batches share a program with these."""
        other = self.fresh()
        other._batch = self._batch
        return other

    def add(self, window: Activity) -> Iterator[Batch]:
        """Yield batches of the rows that are complete with the next steps of all samples."""
        if self._carry is None:
            self._carry = self._empty(window.samples, 0)
        if not window.steps:
            return
        shift = self._interval - 1 if self._rows else 0
        complete = shift + self._interval * (window.steps - 1) + 1
        self._batch = self._batch or _batch_rows(self._quantities, window.samples * complete)
        rasters = jax.device_put([window.rasters[name] for name in self._names])
        block = _Block(
            rows=self._batch,
            quantities=self._quantities,
            threads=thread_count(),
            sizes=self._sizes,
            stages=self._stages,
            interval=self._interval,
            shift=shift,
            row_begin=0,
            row_count=complete,
            few=self._few,
        )
        for batch in self._batches(block, rasters, window.samples):
            if self._last:
                yield self._last
            self._last = batch
        rest = block._replace(
            rows=window.samples * self._depth, row_begin=complete, row_count=self._depth
        )
        self._carry = self._rest(rest, rasters, window.samples)
        self._rows += complete

    def close(self) -> Iterator[Batch]:
        """Yield what is left: the last batch, and rows in which the pipeline runs empty."""
        if self._last is None or self._carry is None:
            return
        samples, rows = self._carry.spikes.shape
        left, filled = samples * rows, len(self._last.places)
        if not left:
            yield self._last
            return
        direct, spikes, longest_s = (
            np.ascontiguousarray(each.reshape(left, -1).T) for each in self._carry
        )
        if filled + left <= self._batch:
            yield self._last.filled_up(self._places(0, left, rows), direct, spikes, longest_s)
            return
        yield self._last
        for first in range(0, left, self._batch):
            part = slice(first, first + self._batch)
            yield self._empty_batch().filled_up(
                self._places(first, min(self._batch, left - first), rows),
                direct[:, part],
                spikes[:, part],
                longest_s[:, part],
            )

    def _batches(self, block: _Block, rasters: list[np.ndarray], samples: int) -> Iterator[Batch]:
        for first in range(0, samples * block.row_count, self._batch):
            counted = self._count(block, rasters, first)
            filled = min(self._batch, samples * block.row_count - first)
            places = self._places(first, filled, block.row_count)
            yield Batch(places, counted.direct, np.asarray(counted.spikes), counted.longest_s)

    def _rest(self, block: _Block, rasters: list[np.ndarray], samples: int) -> _Carry:
        """Return what the window gives to rows that are not complete yet."""
        if not samples * block.row_count:
            return self._empty(samples, 0)
        counted = self._count(block, rasters, 0)
        shape = (samples, block.row_count)
        return _Carry(
            np.ascontiguousarray(np.asarray(counted.direct).T).reshape(*shape, -1),
            np.asarray(counted.spikes).reshape(shape),
            np.ascontiguousarray(np.asarray(counted.longest_s).T).reshape(*shape, -1),
        )

    def _count(self, block: _Block, rasters: list[np.ndarray], first: int) -> _Counts:
        """Count rows from ``first`` on, and add the events of each class to those so far."""
        with jax.enable_x64(True):
            start = np.array([first], np.int64)
            counted = _call(block, start, self._carry, self._tables, tuple(rasters))
        self.class_events += np.asarray(counted.class_events)
        return counted

    def _places(self, first: int, count: int, rows: int) -> np.ndarray:
        """Return sample and row of flat row numbers, the rows counted over all windows."""
        number = np.arange(first, first + count)
        return np.stack([number // rows, self._rows + number % rows], axis=1)

    def _empty_batch(self) -> Batch:
        # As long as all others, which have their program already.
        empty = self._empty(1, self._batch)
        places = np.zeros((0, 2), np.int64)
        return Batch(places, empty.direct[0].T, empty.spikes[0], empty.longest_s[0].T)

    def _empty(self, samples: int, rows: int) -> _Carry:
        return _Carry(
            np.zeros((samples, rows, self._quantities), np.int64),
            np.zeros((samples, rows), np.int64),
            np.zeros((samples, rows, self._packages)),
        )


def _batch_rows(quantities: int, first: int) -> int:
    """Return how many rows are priced at once, so that all batches share one program.

    Args:
        quantities: Numbers of a row.
        first: Rows of the first window; so many, or the next power of two, are enough.
    """
    rows = MOST_ROWS
    while rows > LEAST_ROWS and (rows * quantities > _BATCH_NUMBERS or rows // 2 >= first):
        rows //= 2
    # Columns of whole pages would all compete for the same few lines of the caches.
    return rows + 16 if rows * 8 % 4096 == 0 else rows


@partial(jax.jit, static_argnums=0)
def _call(
    block: _Block,
    start: jax.Array,
    carry: _Carry,
    tables: TrafficTables,
    rasters: tuple[jax.Array, ...],
) -> _Counts:
    results = [
        jax.ShapeDtypeStruct((block.quantities, block.rows), jnp.int64),
        jax.ShapeDtypeStruct((block.rows,), jnp.int64),
        jax.ShapeDtypeStruct((len(tables.group_routes_s), block.rows), jnp.float64),
        jax.ShapeDtypeStruct(tables.group.shape, jnp.int64),
    ]
    call = jax.ffi.ffi_call("chipletsim_traffic", results)
    numbers = {
        name: np.int64(getattr(block, name))
        for name in ("interval", "shift", "row_begin", "row_count", "threads")
    }
    counted = call(
        start,
        *carry,
        *tables,
        *rasters,
        sizes=np.array(block.sizes, np.int64),
        stages=np.array(block.stages, np.int64),
        few=np.bool_(block.few),
        **numbers,
    )
    return _Counts(*counted)
