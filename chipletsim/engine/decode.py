"""From events to answers: which class a sample belongs to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chipletsim.engine.activity import Activity
from chipletsim.errors import ConfigError, UsageError


@dataclass(frozen=True, eq=False)
class Predictions:
    """The answer for each sample.

    Attributes:
        scores: float64 [samples, classes]: spikes, or summed values of graded outputs.
        classes: int64 [samples]: class of the highest score, the lowest one among equals.
        ties: Samples whose highest score is shared by several classes.
    """

    scores: np.ndarray
    classes: np.ndarray
    ties: int

    def accuracy(self, labels: np.ndarray) -> float:
        """Return the fraction of samples whose class is their label.

        Raises:
            ConfigError: There is not one label for each sample.
        """
        if np.shape(labels) != self.classes.shape:
            needed = len(self.classes)
            raise ConfigError(f"labels have shape {list(np.shape(labels))}, expected [{needed}]")
        return float(np.mean(self.classes == labels))


def predict(activity: Activity, population: str) -> Predictions:
    """Return the answers that a population gives over all steps of each sample.

    Args:
        activity: Activity of the network.
        population: Name of the output population; one neuron for each class.

    Raises:
        UsageError: There is no such population.
    """
    if population in activity.values:
        scores = activity.values[population].sum(axis=1, dtype=np.float64)
    elif population in activity.rasters:
        scores = _spike_counts(activity, population).astype(np.float64)
    else:
        known = ", ".join(activity.populations)
        raise UsageError(f"there is no population {population!r}; there are: {known}")
    highest = scores.max(axis=1, keepdims=True)
    ties = int(np.count_nonzero((scores == highest).sum(axis=1) > 1))
    return Predictions(scores, scores.argmax(axis=1), ties)


def _spike_counts(activity: Activity, population: str) -> np.ndarray:
    """Return int64 [samples, neurons], one sample at a time to spare memory."""
    raster, size = activity.rasters[population], activity.totals[population].size
    return np.array(
        [
            np.unpackbits(sample, axis=-1, count=size, bitorder="little").sum(axis=0, dtype=int)
            for sample in raster
        ],
        np.int64,
    ).reshape(activity.samples, size)
