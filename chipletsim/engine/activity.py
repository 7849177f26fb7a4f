"""Activity: who spiked when. It belongs to a network, never to a mapping."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Activity:
    """Spikes of every neuron in every step of every sample.

    Attributes:
        network: Fingerprint of the (lowered) network that produced it.
        inputs: Fingerprint of the inputs.
        populations: Population name to shape, in the network's order.
        samples: Number of samples.
        steps: Number of time steps.
        rasters: Population name to uint8 [samples, steps, ceil(neurons / 8)], one bit
            a neuron, little bit order; a set bit is an event. For graded populations an
            event is a non-zero value.
        values: Population name to float32 [samples, steps, neurons], graded ones only.
        totals: Population name to int64 [neurons], events over all samples and steps.
    """

    network: str
    inputs: str
    populations: dict[str, tuple[int, ...]]
    samples: int
    steps: int
    rasters: dict[str, np.ndarray]
    values: dict[str, np.ndarray]
    totals: dict[str, np.ndarray]
