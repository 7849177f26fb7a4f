"""Convolutions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from chipletsim.network.connections.base import BaseConnection
from chipletsim.network.connections.boxes import Box, Shape, box_sizes, outer_products
from chipletsim.network.connections.windows import Window, channel_counts, plane_problem


@dataclass(frozen=True, eq=False)
class Conv2d(BaseConnection):
    """Cross-correlation of [C, H, W] planes, as in NIR and PyTorch.

    Attributes:
        weight: float32 [out channels, in channels / groups, kernel y, kernel x].
        stride: (y, x).
        padding: ((top, bottom), (left, right)) zeros.
        dilation: (y, x).
        groups: Channel groups.
    """

    weight: np.ndarray
    stride: tuple[int, int] = (1, 1)
    padding: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    @property
    def windows(self) -> tuple[Window, Window]:
        """The kernel along y and x."""
        y, x = (
            Window(self.weight.shape[2 + axis], self.stride[axis], *self.padding[axis], dilation)
            for axis, dilation in enumerate(self.dilation)
        )
        return y, x

    def target_shape(self, source_shape: Shape) -> Shape:
        """Return (C, H, W) of the outputs on a source of (C, H, W)."""
        planes = zip(self.windows, source_shape[1:], strict=True)
        return (self.weight.shape[0], *(window.outputs(length) for window, length in planes))

    def problem(self, source_shape: Shape, target_shape: Shape) -> str | None:
        """Return why it cannot join these populations, or None where it can."""
        problem = self.source_problem(source_shape)
        if problem:
            return problem
        result = self.target_shape(source_shape)
        if result == tuple(target_shape):
            return None
        return f"gives shape {list(result)}, but the target has {list(target_shape)}"

    def source_problem(self, source_shape: Shape) -> str | None:
        """Return why it cannot run on a source of this shape, or None where it can."""
        if self.weight.ndim != 4:
            return f"weight has {self.weight.ndim} axes, expected [out, in / groups, y, x]"
        problem = plane_problem(self.windows, source_shape)
        if problem:
            return problem
        if self.groups < 1 or self.weight.shape[0] % self.groups:
            return f"{self.weight.shape[0]} output channels do not divide into {self.groups} groups"
        channels = self.weight.shape[1] * self.groups
        if channels != source_shape[0]:
            return f"weight takes {channels} input channels, the source has {source_shape[0]}"
        return None

    def fan_out(self, source_shape: Shape, target_shape: Shape, boxes: list[Box]) -> Any:
        """Return csr_array int64 [sources, boxes]: channels times outputs along y and x."""
        channels = self._channels(source_shape, target_shape, boxes)
        return outer_products(source_shape, [channels, *self._planes(source_shape, boxes)])

    def positions(self, source_shape: Shape, target_shape: Shape, boxes: list[Box]) -> Any:
        """Return csr_array int64 [sources, boxes]: output positions reached in each box."""
        reached = np.minimum(self._channels(source_shape, target_shape, boxes), 1)
        return outer_products(source_shape, [reached, *self._planes(source_shape, boxes)])

    def synapse_count(
        self, source_shape: Shape, target_shape: Shape, boxes: list[Box]
    ) -> np.ndarray:
        """Return int64 [boxes]: taps on real inputs times channels in and out."""
        y, x = (plane.sum(axis=0) for plane in self._planes(source_shape, boxes))
        return _out_channels(boxes) * self.weight.shape[1] * y * x

    def stored_weights(
        self, source_shape: Shape, target_shape: Shape, boxes: list[Box], *, shared: bool
    ) -> np.ndarray:
        """Return int64 [boxes]: the box's kernels where shared, else one per synapse."""
        if shared:
            return _out_channels(boxes) * prod(self.weight.shape[1:])
        return self.synapse_count(source_shape, target_shape, boxes)

    def dense_operations(
        self, source_shape: Shape, target_shape: Shape, boxes: list[Box]
    ) -> np.ndarray:
        """Return int64 [boxes]: outputs times taps, padding included."""
        return box_sizes(boxes) * prod(self.weight.shape[1:])

    @property
    def weights(self) -> np.ndarray:
        """float32 [out channels, in channels / groups, kernel y, kernel x]."""
        return self.weight

    def with_weights(self, weights: np.ndarray) -> Conv2d:
        """Return the same synapses with other weights."""
        return replace(self, weight=weights)

    def _channels(self, source_shape: Shape, target_shape: Shape, boxes: list[Box]) -> np.ndarray:
        ranges = [box[0] for box in boxes]
        return channel_counts(source_shape[0], self.groups, target_shape[0], ranges)

    def _planes(self, source_shape: Shape, boxes: list[Box]) -> list[np.ndarray]:
        return [
            window.counts(source_shape[axis], [box[axis] for box in boxes])
            for axis, window in enumerate(self.windows, start=1)
        ]


def _out_channels(boxes: list[Box]) -> np.ndarray:
    """Return int64 [boxes]: output channels of each box."""
    return np.array([box[0][1] - box[0][0] for box in boxes], np.int64)
