"""Counting with XLA: events of each class in each row, then a sparse product."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from chipletsim.cost.batch import Batch, Window
from chipletsim.cost.counts import RowQueue
from chipletsim.cost.incidence import TrafficModel
from chipletsim.cost.message_bits import last_bits, step_events
from chipletsim.cost.program import direct_amounts, longest_routes
from chipletsim.cost.restart import Restartable
from chipletsim.network.pipeline import Pipeline
from chipletsim.noc.padding import rounded_up

LEAST_ROWS, MOST_ROWS = 64, 1024
_BATCH_EVENTS = 1 << 18
"""Numbers in a batch: rows times classes, within the bounds above."""
_COUNT_BYTES = 1 << 27
"""Bytes of the table of counts made at once."""


class ClassCounter(Restartable):
    """Counts the events of each traffic class; see `Counter`.

    The size of a group of samples, whose counts are small enough to be held together, is
    settled by the first window. Where there are messages the last step so far is held back, as
    those for the whole window are sent after it.

    Args:
        model: Classes and incidence.
        pipeline: In which row a population runs.
        class_routes_s: float64 [packages, classes], longest route of an event of each.
    """

    def __init__(self, model: TrafficModel, pipeline: Pipeline, class_routes_s: np.ndarray) -> None:
        self._model = model
        self._pipeline = pipeline
        with jax.enable_x64(True):
            self._incidence = jax.device_put(model.incidence)
            self._routes_s = jnp.asarray(class_routes_s)
        self._begin()

    def _begin(self) -> None:
        width = rounded_up(self._model.classes.size)
        self._buffer = np.zeros((batch_rows(width), width), np.int64)
        self._filled = 0
        self._places: list[np.ndarray] = []
        self._queues: list[tuple[int, RowQueue]] = []
        self._held: list[np.ndarray] = []
        self._steps = 0
        self._group = 0
        self.class_events = np.zeros(self._model.classes.size, np.int64)

    def further(self) -> ClassCounter:
        """Return a counter for further samples."""
        return self.fresh()

    def add(self, window: Window) -> Iterator[Batch]:
        """Yield batches of the rows that are complete with the next steps of all samples."""
        if not self._queues:
            self._open(window)
        step, self._steps = self._steps, self._steps + window.steps
        for number, (first, _) in enumerate(self._queues):
            part = window.of_samples(first, self._group)
            network = self._model.mapping.network
            events = step_events(part, network, self._model.classes, self._pipeline, step)
            if self._model.classes.messages:
                events = np.concatenate([self._held[number], events], axis=1)
                self._held[number] = events[:, -1:].copy()
                events = events[:, :-1]
            yield from self._push(number, events)

    def close(self) -> Iterator[Batch]:
        """Yield batches of what is left."""
        classes = self._model.classes
        for number, (first, queue) in enumerate(self._queues):
            bits = last_bits(classes, self._pipeline, self._steps)
            self._held[number][..., classes.spike_classes + classes.update_classes :] += bits
            yield from self._push(number, self._held[number])
            row = queue.rows
            yield from self._fill(first, row, queue.close())
        yield from self.rest()

    def rest(self) -> Iterator[Batch]:
        """Yield the rows that are complete by now, but do not fill a batch."""
        if self._filled:
            yield self._batch()

    def _open(self, window: Window) -> None:
        row_bytes = 8 * self._model.classes.size * max(window.steps, 1)
        self._group = max(1, _COUNT_BYTES // row_bytes)
        for first in range(0, window.samples, self._group):
            samples = min(self._group, window.samples - first)
            self._queues.append((first, RowQueue(self._model.classes, self._pipeline, samples)))
            classes = self._model.classes
            width = classes.spike_classes + classes.update_classes + len(classes.messages)
            self._held.append(np.zeros((samples, 0, width), np.int64))

    def _push(self, number: int, events: np.ndarray) -> Iterator[Batch]:
        """Yield batches of the rows of a group that are complete with its next steps."""
        first, queue = self._queues[number]
        row = queue.rows
        yield from self._fill(first, row, queue.push(events))

    def _fill(self, first_sample: int, first_row: int, counts: np.ndarray) -> Iterator[Batch]:
        """Put int64 [samples, rows, classes] into the buffer, and yield it whenever it is full."""
        samples, rows, classes = counts.shape
        places = np.indices((samples, rows)).reshape(2, -1).T
        places = places + np.array([first_sample, first_row])
        flat = counts.reshape(samples * rows, classes)
        self.class_events += flat.sum(axis=0)
        done = 0
        while done < len(flat):
            taken = min(len(flat) - done, len(self._buffer) - self._filled)
            into = slice(self._filled, self._filled + taken)
            self._buffer[into, :classes] = flat[done : done + taken]
            self._places.append(places[done : done + taken])
            self._filled += taken
            done += taken
            if self._filled == len(self._buffer):
                yield self._batch()

    def _batch(self) -> Batch:
        """Return the buffer as a batch, and empty it."""
        self._buffer[self._filled :] = 0
        places, self._places, self._filled = np.concatenate(self._places), [], 0
        spikes = self._buffer[:, : self._model.classes.spike_classes].sum(axis=1)
        with jax.enable_x64(True):
            counts = jnp.asarray(self._buffer)
            longest_s = _longest(counts[:, : self._model.classes.size], self._routes_s)
            return Batch(places, _direct(counts, self._incidence), spikes, longest_s)


def batch_rows(width: int) -> int:
    """Return how many rows are priced at once.

    The last batch is filled with empty rows, so runs of any length share one program.

    Args:
        width: Numbers of a row.
    """
    rows = MOST_ROWS
    while rows > LEAST_ROWS and rows * width > _BATCH_EVENTS:
        rows //= 2
    return rows


_direct = jax.jit(direct_amounts)
_longest = jax.jit(jax.vmap(longest_routes, in_axes=(None, 0)))
