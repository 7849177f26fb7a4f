"""Pooling."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import numpy as np
from scipy import sparse

from chipletsim.network.connections.base import BaseConnection
from chipletsim.network.connections.boxes import Box, Shape, box_sizes, outer_products
from chipletsim.network.connections.windows import Window, channel_counts, plane_problem


@dataclass(frozen=True)
class Pool2d(BaseConnection):
    """Sum, average or maximum over windows of each channel of a [C, H, W] plane.

    Attributes:
        kernel: (y, x).
        stride: (y, x).
        padding: (y, x) zeros on both sides; an average counts them.
        mode: ``sum`` (weight 1), ``avg`` (weight 1 / window size) or ``max``, of graded events
            as a connection of its own: 0 where a source has no event, padding left out.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] = (0, 0)
    mode: Literal["sum", "avg", "max"] = "sum"

    @property
    def windows(self) -> tuple[Window, Window]:
        """The window along y and x."""
        y, x = (
            Window(kernel, stride, padding, padding)
            for kernel, stride, padding in zip(self.kernel, self.stride, self.padding, strict=True)
        )
        return y, x

    def target_shape(self, source_shape: Shape) -> Shape:
        """Return (C, H, W) of the outputs on a source of (C, H, W)."""
        planes = zip(self.windows, source_shape[1:], strict=True)
        return (source_shape[0], *(window.outputs(length) for window, length in planes))

    def window_problem(self, source_shape: Shape) -> str | None:
        """Return why it cannot pool a source of this shape, or None where it can."""
        if self.mode not in ("sum", "avg", "max"):
            return f"mode must be 'sum', 'avg' or 'max', not {self.mode!r}"
        if self.mode == "max" and any(
            2 * side > size for side, size in zip(self.padding, self.kernel, strict=True)
        ):
            return f"padding of {self.padding} is more than half of the window {self.kernel}"
        return plane_problem(self.windows, source_shape)

    def problem(self, source_shape: Shape, target_shape: Shape) -> str | None:
        """Return why it cannot join these populations, or None where it can."""
        problem = self.window_problem(source_shape)
        if problem:
            return problem
        result = self.target_shape(source_shape)
        if result == tuple(target_shape):
            return None
        return f"gives shape {list(result)}, but the target has {list(target_shape)}"

    def matrix(self, source_shape: Shape) -> Any:
        """Return csr_array int64 [sources, outputs]: 1 where the output sees the source."""
        _, *outputs = self.target_shape(source_shape)
        y, x = (
            sparse.csr_array(window.taps(inputs, length))
            for window, inputs, length in zip(self.windows, source_shape[1:], outputs, strict=True)
        )
        plane = sparse.kron(y, x, format="csr")
        channels = sparse.eye_array(source_shape[0], dtype=np.int64)
        return sparse.csr_array(sparse.kron(channels, plane, format="csr"))

    def fan_out(self, source_shape: Shape, target_shape: Shape, boxes: list[Box]) -> Any:
        """Return csr_array int64 [sources, boxes]: windows of each box that see each source."""
        channels, *_ = source_shape
        own = channel_counts(channels, channels, channels, [box[0] for box in boxes])
        return outer_products(source_shape, [own, *self._planes(source_shape, boxes)])

    def positions(self, source_shape: Shape, target_shape: Shape, boxes: list[Box]) -> Any:
        """Return csr_array int64 [sources, boxes]: output positions reached in each box."""
        return self.fan_out(source_shape, target_shape, boxes)

    def synapse_count(
        self, source_shape: Shape, target_shape: Shape, boxes: list[Box]
    ) -> np.ndarray:
        """Return int64 [boxes]: window members that are real inputs."""
        channels = np.array([box[0][1] - box[0][0] for box in boxes], np.int64)
        y, x = (plane.sum(axis=0) for plane in self._planes(source_shape, boxes))
        return channels * y * x

    def stored_weights(
        self, source_shape: Shape, target_shape: Shape, boxes: list[Box], *, shared: bool
    ) -> np.ndarray:
        """Return int64 [boxes]: a single weight where shared, else one per synapse."""
        if shared:
            return np.ones(len(boxes), np.int64)
        return self.synapse_count(source_shape, target_shape, boxes)

    def dense_operations(
        self, source_shape: Shape, target_shape: Shape, boxes: list[Box]
    ) -> np.ndarray:
        """Return int64 [boxes]: outputs times window size, padding included."""
        return box_sizes(boxes) * prod(self.kernel)

    @property
    def weights(self) -> np.ndarray:
        """Empty: the one weight is given by the mode."""
        return np.zeros(0, np.float32)

    def with_weights(self, weights: np.ndarray) -> Pool2d:
        """Return itself: pooling has no weights to change."""
        return self

    def _planes(self, source_shape: Shape, boxes: list[Box]) -> list[np.ndarray]:
        return [
            window.counts(source_shape[axis], [box[axis] for box in boxes])
            for axis, window in enumerate(self.windows, start=1)
        ]
