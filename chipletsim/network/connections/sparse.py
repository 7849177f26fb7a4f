"""Sparse connections: synapses listed one by one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from chipletsim.network.connections.base import BaseConnection
from chipletsim.network.connections.boxes import (
    Box,
    Shape,
    box_owners,
    box_slices,
    counts_by_row,
)

_CHUNK = 1 << 22


@dataclass(frozen=True, eq=False)
class Sparse(BaseConnection):
    """Synapses listed by source neuron (compressed rows).

    Attributes:
        indptr: int64 [sources + 1].
        targets: int32 [synapses], target neuron of each synapse, flattened in C order.
        weight: float32 [synapses]; float64 in networks in double precision.
        n_targets: Number of target neurons.
    """

    indptr: np.ndarray
    targets: np.ndarray
    weight: np.ndarray
    n_targets: int

    @cached_property
    def fan_in(self) -> np.ndarray:
        """int64 [targets]: synapses that arrive at each target neuron."""
        total = np.zeros(self.n_targets, np.int64)
        # Counting takes 64-bit copies: some millions of synapses at a time, or memory is short.
        for first in range(0, self.targets.size, _CHUNK):
            part = self.targets[first : first + _CHUNK]
            total += np.bincount(part, minlength=self.n_targets)
        return total

    def problem(self, source_shape: Shape, target_shape: Shape) -> str | None:
        """Return why it cannot join these populations, or None where it can."""
        if self.n_targets != prod(target_shape):
            return f"lists {self.n_targets} targets, but the target has {prod(target_shape)}"
        if self.indptr.shape != (prod(source_shape) + 1,):
            rows = self.indptr.size - 1
            return f"lists {rows} source neurons, but the source has {prod(source_shape)}"
        return self._broken_list()

    def _broken_list(self) -> str | None:
        count = self.targets.size
        if self.targets.shape != (count,) or self.weight.shape != (count,):
            return f"needs one weight per target, got {self.weight.size} weights, {count} targets"
        if self.indptr[0] != 0 or self.indptr[-1] != count or np.any(np.diff(self.indptr) < 0):
            return f"indptr must rise from 0 to the number of synapses, {count}"
        if count and not 0 <= self.targets.min() <= self.targets.max() < self.n_targets:
            return f"targets must lie in 0..{self.n_targets - 1}"
        return None

    def fan_out(self, source_shape: Shape, target_shape: Shape, boxes: list[Box]) -> Any:
        """Return csr_array int64 [sources, boxes]: listed synapses into each box."""
        owner = box_owners(target_shape, boxes)
        return counts_by_row(self.indptr, owner[self.targets], len(boxes))

    def positions(self, source_shape: Shape, target_shape: Shape, boxes: list[Box]) -> Any:
        """Return csr_array int64 [sources, boxes]: 1 where there is any synapse."""
        counts = self.fan_out(source_shape, target_shape, boxes)
        counts.data[:] = 1
        return counts

    def synapse_count(
        self, source_shape: Shape, target_shape: Shape, boxes: list[Box]
    ) -> np.ndarray:
        """Return int64 [boxes]: listed synapses into each box."""
        fan_in = self.fan_in.reshape(target_shape)
        return np.array([fan_in[box_slices(box)].sum() for box in boxes], np.int64)

    @property
    def weights(self) -> np.ndarray:
        """float32 [synapses]."""
        return self.weight

    def with_weights(self, weights: np.ndarray) -> Sparse:
        """Return the same synapses with other weights."""
        return replace(self, weight=weights)
