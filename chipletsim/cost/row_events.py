"""From windows of activity to what each neuron does in each hardware row."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chipletsim.cost.restart import Restartable
from chipletsim.cost.updates import told
from chipletsim.engine.activity import Activity
from chipletsim.network.model import Network
from chipletsim.network.pipeline import Pipeline
from chipletsim.noc.messages import RowEvents


class _Steps(NamedTuple):
    """Steps of a population that some row may still need.

    Attributes:
        events: uint8 [samples, steps, bytes], packed as rasters are; or float32 [samples, steps,
            neurons], numbers of spikes where a neuron may send several.
        updates: uint8 [samples, steps, bytes], or None where all did work in each step.
    """

    events: np.ndarray
    updates: np.ndarray | None


class StepEvents(Restartable):
    """Holds the steps of a window, and those before that reach into its rows.

    Population p in network step t runs in row ``interval * t + stage[p]`` of its sample. A row is
    complete once every step that falls in it has been pushed.

    Args:
        network: The network.
        pipeline: In which row a population runs.
    """

    def __init__(self, network: Network, pipeline: Pipeline) -> None:
        self._network, self._pipeline = network, pipeline
        self._depth = int(pipeline.stage.max(initial=0))
        self._begin()

    def _begin(self) -> None:
        self.samples = 0
        self._steps = 0  # pushed so far
        self._first_step = 0  # of those held
        self._first_row = 0  # of those complete now
        self._rows = 0  # complete before
        self._held: list[_Steps] = []

    def push(self, window: Activity) -> int:
        """Take the next steps of all samples; return how many rows are complete with them."""
        self.samples = window.samples
        kept = min(self._depth // self._pipeline.initiation_interval + 1, self._steps)
        self._first_step = self._steps - kept
        self._held = [
            _joined(self._held[number] if self._held else None, kept, self._window(window, number))
            for number in range(len(self._network.populations))
        ]
        self._steps += window.steps
        if not window.steps:
            return 0
        return self._complete(self._pipeline.initiation_interval * (self._steps - 1) + 1)

    def close(self) -> int:
        """Return how many rows are left, in which the pipeline runs empty."""
        return self._complete(self._rows + self._depth if self._steps else 0)

    def _complete(self, rows: int) -> int:
        self._first_row, self._rows = self._rows, rows
        return rows - self._first_row

    def _window(self, window: Activity, number: int) -> _Steps:
        """Return the steps of a population in a window; input channels work where they send."""
        population = self._network.populations[number]
        raster = window.rasters[population.name]
        if population.model == "input":
            return _Steps(raster, raster)
        if population.name in window.counted:
            return _Steps(window.values[population.name], told(window, population))
        return _Steps(raster, told(window, population))

    def of_rows(self, sample: np.ndarray, row: np.ndarray, order: np.ndarray) -> RowEvents:
        """Return what neurons do in some of the rows that are complete now.

        Args:
            sample: int64 [rows].
            row: int64 [rows], from the first that is complete now.
            order: int64 [neurons], the neurons in the order of the result.
        """
        shape = (row.size, self._network.neurons)
        works, updated = np.zeros(shape, bool), np.zeros(shape, bool)
        sends = np.zeros((row.size, len(self._held)), bool)
        spikes = np.zeros(shape, np.int64)
        interval = self._pipeline.initiation_interval
        for number, held in enumerate(self._held):
            step, late = np.divmod(self._first_row + row - self._pipeline.stage[number], interval)
            ticks = np.array(self._pipeline.ticks(number, 0, self._steps), np.int64)
            runs = np.flatnonzero((late == 0) & np.isin(step, ticks))
            sending = np.array(self._pipeline.sending(number, 0, self._steps), np.int64)
            sends[:, number] = (late == 0) & np.isin(step, sending)
            neurons = slice(*self._network.offsets[number : number + 2].tolist())
            at = sample[runs], step[runs] - self._first_step
            size = self._network.populations[number].size
            works[runs, neurons] = True
            events = held.events[at]
            is_packed = events.dtype == np.uint8
            spikes[runs, neurons] = _bits(events, size) if is_packed else events
            updated[runs, neurons] = True if held.updates is None else _bits(held.updates[at], size)
        return RowEvents(works[:, order], updated[:, order], spikes[:, order], sends)


def total_events(window: Activity, order: np.ndarray) -> np.ndarray:
    """Return int64 [neurons]: events of each neuron in all samples and steps of a window.

    Args:
        window: The steps.
        order: int64 [neurons], the neurons in the order of the result.
    """
    return np.concatenate([window.totals[name] for name in window.populations])[order]


def _joined(held: _Steps | None, kept: int, new: _Steps) -> _Steps:
    """Return the last steps held, with the new ones behind them."""
    if held is None or not kept:
        return new
    before = held.events[:, held.events.shape[1] - kept :]
    events = np.concatenate([before, new.events], axis=1)
    if held.updates is None or new.updates is None:
        return _Steps(events, None)
    updates = held.updates[:, held.updates.shape[1] - kept :]
    return _Steps(events, np.concatenate([updates, new.updates], axis=1))


def _bits(packed: np.ndarray, size: int) -> np.ndarray:
    return np.unpackbits(packed, axis=-1, count=size, bitorder="little")
