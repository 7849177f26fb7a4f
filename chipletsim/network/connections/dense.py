"""Dense connections."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from scipy import sparse

from chipletsim.network.connections.base import BaseConnection
from chipletsim.network.connections.boxes import Box, Shape, box_sizes


@dataclass(frozen=True, eq=False)
class Dense(BaseConnection):
    """Every source neuron to every target neuron; both flattened in C order.

    Attributes:
        weight: float32 [targets, sources].
    """

    weight: np.ndarray

    def problem(self, source_shape: Shape, target_shape: Shape) -> str | None:
        """Return why it cannot join these populations, or None where it can."""
        needed = (prod(target_shape), prod(source_shape))
        if self.weight.shape == needed:
            return None
        return f"weight is {list(self.weight.shape)}, expected [targets, sources] = {list(needed)}"

    def fan_out(self, source_shape: Shape, target_shape: Shape, boxes: list[Box]) -> Any:
        """Return csr_array int64 [sources, boxes]: the size of each box."""
        return _constant_rows(prod(source_shape), box_sizes(boxes))

    def positions(self, source_shape: Shape, target_shape: Shape, boxes: list[Box]) -> Any:
        """Return csr_array int64 [sources, boxes]: 1 everywhere."""
        return _constant_rows(prod(source_shape), np.ones(len(boxes), np.int64))

    def synapse_count(
        self, source_shape: Shape, target_shape: Shape, boxes: list[Box]
    ) -> np.ndarray:
        """Return int64 [boxes]: sources times neurons of each box."""
        return prod(source_shape) * box_sizes(boxes)

    @property
    def weights(self) -> np.ndarray:
        """float32 [targets, sources]."""
        return self.weight

    def with_weights(self, weights: np.ndarray) -> Dense:
        """Return the same synapses with other weights."""
        return replace(self, weight=weights)


def _constant_rows(rows: int, values: np.ndarray) -> Any:
    """Return csr_array int64 [rows, len(values)] whose rows are all ``values``."""
    columns = np.tile(np.arange(values.size), rows)
    starts = np.arange(rows + 1) * values.size
    return sparse.csr_array((np.tile(values, rows), columns, starts), shape=(rows, values.size))
