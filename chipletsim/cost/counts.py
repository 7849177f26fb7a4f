"""From activity to events of each traffic class in each hardware row."""

from __future__ import annotations

import numpy as np

from chipletsim.cost.classes import TrafficClasses
from chipletsim.network.pipeline import Pipeline


class RowQueue:
    """Turns windows of steps into hardware rows, and keeps those not yet complete.

    Population p in network step t counts in row ``interval * t + stage[p]`` of its
    sample, so a row holds events of several steps. A row is complete once every step
    that falls in it has been pushed.

    Attributes:
        rows: Rows given out so far, per sample.

    Example:
        Two populations of one class each, the second a stage later, and two rows per
        step. Three steps take 2 x 2 + 1 + 1 = 6 rows, of which five are complete once
        the last step is pushed. Columns: both spike classes, then both clocks.

        >>> from types import SimpleNamespace
        >>> classes = SimpleNamespace(
        ...     population=np.array([0, 1, 0, 1]), spike_classes=2, size=4, clock=lambda p: 2 + p,
        ...     messages=(), update_classes=0, update=lambda number: 4 + number,
        ... )
        >>> queue = RowQueue(classes, Pipeline(np.array([0, 1]), 2), samples=1)
        >>> queue.push(np.array([[[5, 7], [0, 0], [6, 8]]]))[0].tolist()
        [[5, 0, 1, 0], [0, 7, 0, 1], [0, 0, 1, 0], [0, 0, 0, 1], [6, 0, 1, 0]]
        >>> queue.close()[0].tolist()
        [[0, 8, 0, 1]]
    """

    def __init__(self, classes: TrafficClasses, pipeline: Pipeline, samples: int) -> None:
        self._classes = classes
        self._pipeline = pipeline
        self._depth = int(pipeline.stage.max(initial=0))
        self._pending = np.zeros((samples, 0, classes.size), np.int64)
        self.rows = 0
        self._steps = 0

    def push(self, events: np.ndarray) -> np.ndarray:
        """Add the next steps and return the rows that are complete now.

        Args:
            events: int64 [samples, steps, spike classes + update classes + messages], events
                and updates of each class, then bits of each message.

        Returns:
            int64 [samples, rows, classes], following those returned before.
        """
        samples, steps, _ = events.shape
        interval = self._pipeline.initiation_interval
        if not steps:
            return self._pending[:, :0]
        first = interval - 1 if self.rows else 0
        complete = first + interval * (steps - 1) + 1
        block = np.zeros((samples, complete + self._depth, self._classes.size), np.int64)
        block[:, : self._pending.shape[1]] = self._pending
        self._place(block[:, first:], events)
        self._pending = block[:, complete:].copy()
        self.rows += complete
        self._steps += steps
        return block[:, :complete]

    def close(self) -> np.ndarray:
        """Return the last rows, in which the pipeline runs empty."""
        rest, self._pending = self._pending, self._pending[:, :0]
        self.rows += rest.shape[1]
        return rest

    def _place(self, block: np.ndarray, events: np.ndarray) -> None:
        """Add events, and ticks of the clock classes, at the rows of their population."""
        steps, interval = events.shape[1], self._pipeline.initiation_interval
        spiking = self._classes.population[: self._classes.spike_classes]
        update = self._classes.update(0)
        updating = self._classes.population[update : update + self._classes.update_classes]
        for population, stage in enumerate(self._pipeline.stage):
            first, last = np.searchsorted(spiking, [population, population + 1])
            rows = slice(int(stage), int(stage) + interval * (steps - 1) + 1, interval)
            block[:, rows, first:last] += events[:, :, first:last]
            ticks = np.array(self._pipeline.ticks(population, self._steps, steps), np.int64)
            block[:, int(stage) + interval * ticks, self._classes.clock(population)] += 1
            started, stopped = np.searchsorted(updating, [population, population + 1]).tolist()
            into = slice(self._classes.update(started), self._classes.update(stopped))
            block[:, rows, into] += events[:, :, spiking.size + started : spiking.size + stopped]
            for number, message in enumerate(self._classes.messages):
                if message.population == population:
                    bits = events[:, :, spiking.size + updating.size + number]
                    block[:, rows, self._classes.message(number)] += bits
