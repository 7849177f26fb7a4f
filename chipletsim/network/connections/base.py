"""What every connection kind can say about its synapses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np

from chipletsim.network.connections.boxes import Box, Shape


class BaseConnection(ABC):
    """Synapses from a source population to a target population.

    Neurons are numbered in C order. A box is (start, stop) along each axis of the target's
    shape; the boxes of one call are disjoint. Counts are int64. A synapse whose weight is
    zero counts like any other.
    """

    @abstractmethod
    def problem(self, source_shape: Shape, target_shape: Shape) -> str | None:
        """Return why it cannot join these populations, or None where it can."""

    @abstractmethod
    def fan_out(self, source_shape: Shape, target_shape: Shape, boxes: list[Box]) -> Any:
        """Return csr_array int64 [sources, boxes]: synapses of each source in each box."""

    @abstractmethod
    def positions(self, source_shape: Shape, target_shape: Shape, boxes: list[Box]) -> Any:
        """Return csr_array int64 [sources, boxes]: times each source drives an array row.

        For a convolution this is the number of output positions that the source reaches in
        the box, whatever their channel; otherwise 1 where it has any synapse.
        """

    @abstractmethod
    def synapse_count(
        self, source_shape: Shape, target_shape: Shape, boxes: list[Box]
    ) -> np.ndarray:
        """Return int64 [boxes]: synapses in each box, those on padding left out."""

    def stored_weights(
        self, source_shape: Shape, target_shape: Shape, boxes: list[Box], *, shared: bool
    ) -> np.ndarray:
        """Return int64 [boxes]: weights that a tile keeps for each box.

        Args:
            source_shape: Shape of the source (after pooling in front).
            target_shape: Shape of the target population.
            boxes: Boxes of the target.
            shared: Whether a kernel is kept once per box (else once per synapse).
        """
        return self.synapse_count(source_shape, target_shape, boxes)

    def dense_operations(
        self, source_shape: Shape, target_shape: Shape, boxes: list[Box]
    ) -> np.ndarray:
        """Return int64 [boxes]: multiply-accumulates of each box were every input active.

        Kernel taps on padding count, as a dense engine runs them.
        """
        return self.synapse_count(source_shape, target_shape, boxes)

    @property
    @abstractmethod
    def weights(self) -> np.ndarray:
        """Weights that may be quantised; empty where there are none."""

    @abstractmethod
    def with_weights(self, weights: np.ndarray) -> Self:
        """Return the same synapses with other weights, of the shape of ``weights``."""
