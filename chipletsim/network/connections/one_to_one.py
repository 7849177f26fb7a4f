"""One-to-one connections."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from chipletsim.network.connections.base import BaseConnection
from chipletsim.network.connections.boxes import (
    Box,
    Shape,
    box_owners,
    box_sizes,
    counts_by_row,
)


@dataclass(frozen=True, eq=False)
class OneToOne(BaseConnection):
    """Neuron i to neuron i, both flattened in C order.

    Attributes:
        weight: float32 [neurons].
    """

    weight: np.ndarray

    def problem(self, source_shape: Shape, target_shape: Shape) -> str | None:
        """Return why it cannot join these populations, or None where it can."""
        sources, targets = prod(source_shape), prod(target_shape)
        if sources != targets:
            return f"joins neuron to neuron, but there are {sources} sources, {targets} targets"
        if self.weight.shape != (sources,):
            return f"weight is {list(self.weight.shape)}, expected [{sources}]"
        return None

    def fan_out(self, source_shape: Shape, target_shape: Shape, boxes: list[Box]) -> Any:
        """Return csr_array int64 [sources, boxes]: 1 in the box of the same neuron."""
        owner = box_owners(target_shape, boxes)
        return counts_by_row(np.arange(owner.size + 1), owner, len(boxes))

    def positions(self, source_shape: Shape, target_shape: Shape, boxes: list[Box]) -> Any:
        """Return csr_array int64 [sources, boxes]: 1 in the box of the same neuron."""
        return self.fan_out(source_shape, target_shape, boxes)

    def synapse_count(
        self, source_shape: Shape, target_shape: Shape, boxes: list[Box]
    ) -> np.ndarray:
        """Return int64 [boxes]: neurons of each box."""
        return box_sizes(boxes)

    @property
    def weights(self) -> np.ndarray:
        """float32 [neurons]."""
        return self.weight

    def with_weights(self, weights: np.ndarray) -> OneToOne:
        """Return the same synapses with other weights."""
        return replace(self, weight=weights)
