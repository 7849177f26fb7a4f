"""Busy times of tiles in rows that are given as events of neurons."""

from __future__ import annotations

import jax
import numpy as np

from chipletsim.cost.constants import Constants, constants_of
from chipletsim.cost.incidence import Incidence, TrafficModel
from chipletsim.cost.program import busy_times, count, direct_amounts
from chipletsim.noc.messages import RowEvents
from chipletsim.noc.padding import rounded_up
from chipletsim.package.model import Package


class RowBusy:
    """Tells how long tiles are busy in a row, as their cost functions say.

    Args:
        model: Traffic of a mapping, whose classes count spikes and steps alone.
        package: A package of the mapping's structure.
        neuron: int64 [neurons], number of each neuron of the rows' events.
    """

    def __init__(self, model: TrafficModel, package: Package, neuron: np.ndarray) -> None:
        self._classes = model.classes
        self._incidence = model.incidence
        self._constants = constants_of(package, 0.0)
        self._spike_class = model.classes.neuron_class[neuron].astype(np.int64)
        spikes = model.classes.spike_classes
        first = np.unique(model.classes.population[self._spike_class], return_index=True)
        self._clock, self._member = spikes + first[0].astype(np.int64), first[1]

    def of(self, events: RowEvents) -> np.ndarray:
        """Return float64 [rows, tiles]: busy time of each tile in each row."""
        rows = len(events.spikes)
        counts = np.zeros((rounded_up(rows), self._classes.size), np.int64)
        cells = np.arange(rows)[:, None] * self._classes.size + self._spike_class
        added = np.bincount(
            cells.ravel(), events.spikes.ravel(), minlength=rows * self._classes.size
        )
        counts[:rows] = added.astype(np.int64).reshape(rows, -1)
        counts[:rows, self._clock] = events.works[:, self._member]
        with jax.enable_x64(True):
            busy_s = _busy(counts, self._incidence, self._constants)
        return np.asarray(busy_s)[:, :rows].T


@jax.jit
def _busy(counts: jax.Array, incidence: Incidence, constants: Constants) -> jax.Array:
    return busy_times(
        count(direct_amounts(counts, incidence), incidence).tiles, incidence, constants
    )
