"""Ways from a population to a neuron: what linear operations make of the events it sends.

A module of PyTorch passes tensors on. Here each tensor is known by where it comes from: events
of a population, pooled, through one connection, picked and scaled. All arithmetic on weights is
in float64; they are rounded to float32 once, as they enter the network.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Literal

import numpy as np

from chipletsim.exchange.snntorch.listing import (
    RefusedError,
    listed,
    mean_kernel,
    picked_targets,
    picked_values,
)
from chipletsim.network.connections import (
    Connection,
    Conv2d,
    Dense,
    OneToOne,
    Pool2d,
    Shape,
    Sparse,
)

Picked = Callable[[np.ndarray], np.ndarray]
"""Takes an array of the signal's shape to another one without computing: reshapes, slices."""


@dataclass(frozen=True, eq=False)
class Path:
    """The way from the events of a population to a tensor: pool, connect, pick, scale.

    Attributes:
        source: Name of the sending population.
        step: Step of its events; None for a signal that is the same in all steps.
        source_shape: Shape as which its events are read.
        index: int64 of the tensor's shape: which value stands where, numbered in C order behind
            the last of source, pool and connection; -1 where there is none.
        gain: float64 that broadcasts to the tensor's shape.
        pool: Pooling in front of the connection, or None.
        connection: The connection, with float64 weights, or None.
        named_by: Module that holds the connection's weights.
    """

    source: str
    step: int | None
    source_shape: Shape
    index: np.ndarray
    gain: np.ndarray
    pool: Pool2d | None = None
    connection: Connection | None = None
    named_by: str = ""

    @classmethod
    def of(cls, source: str, step: int | None, shape: Shape) -> Path:
        """Return the events of a population themselves."""
        return cls(source, step, shape, _numbered(shape), np.ones(()))

    @property
    def shape(self) -> Shape:
        """Shape of the tensor without batch and time."""
        return self.index.shape

    @property
    def inner_shape(self) -> Shape:
        """Shape behind the last of source, pool and connection."""
        if self.connection is not None:
            return _connected_shape(self.connection, self._pooled_shape)
        return self._pooled_shape

    @property
    def _pooled_shape(self) -> Shape:
        return self.source_shape if self.pool is None else self.pool.target_shape(self.source_shape)

    @property
    def whole(self) -> bool:
        """Whether every value stands in its own place."""
        return self.index.size == prod(self.inner_shape) and np.array_equal(
            self.index.ravel(), np.arange(self.index.size)
        )

    @property
    def plain(self) -> bool:
        """Whether these are a population's events in their own places, maybe scaled."""
        return self.pool is None and self.connection is None and self.whole

    def picked(self, pick: Picked) -> Path:
        """Return the path with values moved, left out, repeated or (with -1) filled up."""
        gain = pick(np.broadcast_to(self.gain, self.shape)) if self.gain.ndim else self.gain
        return replace(self, index=pick(self.index), gain=gain)

    def scaled(self, factor: np.ndarray, shape: Shape) -> Path:
        """Return the path times numbers, broadcast to ``shape``."""
        index = np.broadcast_to(self.index, shape)
        gain = self.gain * factor
        if gain.ndim > len(shape):
            gain = gain.reshape(gain.shape[gain.ndim - len(shape) :])
        return replace(self, index=index, gain=gain)

    @property
    def closed(self) -> bool:
        """Whether weights can follow only behind another population."""
        return self.connection is not None or self.largest

    @property
    def largest(self) -> bool:
        """Whether it is a maximum over windows."""
        return self.pool is not None and self.pool.mode == "max"

    def linear(self, weight: np.ndarray, name: str) -> Path:
        """Return the path through a matrix float64 [out, in] on its last axis."""
        if self.index.ndim != 1:
            raise RefusedError(f"acts on the last axis of {list(self.shape)} alone; flatten first")
        columns, sources = self.index, prod(self._pooled_shape)
        scaled = weight * self.gain
        here = columns >= 0
        connection: Connection
        if self.whole:
            connection = Dense(scaled)
        elif np.unique(columns[here]).size == sources:
            spread = np.zeros((weight.shape[0], sources))
            np.add.at(spread.T, columns[here], scaled.T[here])
            connection = Dense(spread)
        else:
            rows, place = np.arange(weight.shape[0]), np.flatnonzero(here)
            out, given = np.repeat(rows, place.size), np.tile(place, rows.size)
            connection = listed(columns[given], out, scaled[out, given], (sources, rows.size))
        return self._through(connection, (weight.shape[0],), name)

    def convolved(self, convolution: Conv2d, name: str) -> Path:
        """Return the path through a convolution; ``convolution`` has float64 weights."""
        if self.index.ndim != 3:
            raise RefusedError(f"convolves a signal of shape {list(self.shape)}, not [C, H, W]")
        if self.pool is None and self.index.size == prod(self.source_shape):
            path = self.viewed(self.shape)
        else:
            path = self
        channels, gains = path._channels()
        weight = convolution.weight
        if path.whole and np.all(gains == gains[0]):
            spread = weight if gains[0] == 1 else weight * gains[0]
        elif convolution.groups == 1:
            if set(channels) - {-1} != set(range(path.inner_shape[0])):
                raise RefusedError("convolves some channels of a population; take all of them")
            spread = np.zeros((weight.shape[0], path.inner_shape[0], *weight.shape[2:]))
            for number, channel in enumerate(channels):
                if channel >= 0:
                    spread[:, channel] += weight[:, number] * gains[number]
        else:
            raise RefusedError("convolves groups of channels that were moved or scaled")
        moved = replace(convolution, weight=spread)
        problem = moved.source_problem(path.inner_shape)
        if problem:
            raise RefusedError(problem)
        return path._through(moved, moved.target_shape(path.inner_shape), name)

    def pooled(self, pool: Pool2d) -> Path:
        """Return the path through sums or averages over windows."""
        if self.index.ndim != 3:
            raise RefusedError(f"pools a signal of shape {list(self.shape)}, not [C, H, W]")
        if self.connection is not None:
            return self._pooled_after_convolution(pool)
        path = self if self.pool is not None else self.viewed(self.shape)
        if not path.whole:
            raise RefusedError("pools values that were moved or left out")
        _, gains = path._channels()
        merged = pool if path.pool is None else merged_pools(path.pool, pool)
        problem = merged.window_problem(path.source_shape)
        if problem:
            raise RefusedError(problem)
        shape = merged.target_shape(path.source_shape)
        gain = np.ones(()) if np.all(gains == 1) else gains[:, None, None]
        return replace(path, pool=merged, index=_numbered(shape), gain=gain)

    def viewed(self, shape: Shape) -> Path:
        """Return the path with its source read as ``shape``, if it is whole."""
        return replace(self, source_shape=shape) if self.plain else self

    def ending(self) -> tuple[Connection, Pool2d | None]:
        """Return connection and pooling of the projection that ends here, weights in float64."""
        if self.connection is not None:
            return self._connection_picked(self.connection), self.pool
        if self.whole:
            gain = np.broadcast_to(self.gain, self.shape).ravel()
            if self.pool is not None and np.all(gain == 1):
                return self.pool, None
            if self.largest:
                raise RefusedError("scales a maximum")
            return OneToOne(np.array(gain, np.float64)), self.pool
        if self.largest:
            raise RefusedError("picks from maxima")
        return picked_values(self.index, self.gain, prod(self.inner_shape)), self.pool

    def _pooled_after_convolution(self, pool: Pool2d) -> Path:
        """Return one convolution for a convolution and an average of its outputs.

        The average of ``p`` outputs, ``s`` inputs apart, is a convolution with the mean of
        the kernel in ``p`` places; its stride is ``s`` times that of the pooling.
        """
        if not isinstance(self.connection, Conv2d) or not self.whole:
            raise RefusedError(f"pools what {self.named_by!r} gives; put a neuron between")
        before = self._convolution_picked(self.connection)
        if pool.padding != (0, 0) or before.dilation != (1, 1):
            raise RefusedError("pools a convolution with padding of its own, or dilated")
        weight = mean_kernel(before, pool)
        stride = (before.stride[0] * pool.stride[0], before.stride[1] * pool.stride[1])
        merged = replace(before, weight=weight, stride=stride)
        problem = pool.window_problem(self.shape)
        if problem:
            raise RefusedError(problem)
        unpicked = replace(self, connection=None, gain=np.ones(()))
        return unpicked._through(merged, merged.target_shape(self._pooled_shape), self.named_by)

    def _through(self, connection: Connection, shape: Shape, name: str) -> Path:
        index = _numbered(shape)
        return replace(self, connection=connection, index=index, gain=np.ones(()), named_by=name)

    def _channels(self) -> tuple[np.ndarray, np.ndarray]:
        """Return for each plane of the signal the channel it is (-1 for none) and its gain."""
        planes = self.index.reshape(len(self.index), -1)
        size, first = planes.shape[1], planes[:, 0]
        there = first >= 0
        expected = np.where(there[:, None], first[:, None] + np.arange(size), -1)
        if not np.array_equal(planes, expected) or np.any(first[there] % size):
            raise RefusedError("acts on planes whose values were moved")
        if self.inner_shape[1:] != self.shape[1:]:
            raise RefusedError(f"reads {list(self.inner_shape)} as {list(self.shape)}")
        gains = np.broadcast_to(self.gain, self.shape).reshape(planes.shape)
        if np.any(gains != gains[:, :1]):
            raise RefusedError("acts on planes whose values are scaled one by one")
        return np.where(there, first // size, -1), gains[:, 0]

    def _connection_picked(self, connection: Connection) -> Connection:
        """Return the connection with the picking and scaling behind it folded in."""
        if self.whole and np.all(self.gain == 1):
            return connection
        if isinstance(connection, Conv2d) and np.all(self.index >= 0):
            try:
                return self._convolution_picked(connection)
            except RefusedError:  # not by whole channels, so one by one
                pass
        gain = np.broadcast_to(self.gain, self.shape).ravel()
        if isinstance(connection, Dense) and np.all(self.index >= 0):
            return Dense(connection.weight[self.index.ravel()] * gain[:, None])
        return picked_targets(connection, self._pooled_shape, self.index.ravel(), gain)

    def _convolution_picked(self, convolution: Conv2d) -> Conv2d:
        """Return a convolution with the channels picked and scaled behind it."""
        channels, gains = self._channels()
        if (convolution.groups > 1 and not self.whole) or np.any(channels < 0):
            raise RefusedError("picks outputs of a convolution in groups")
        weight = convolution.weight[channels] * gains[:, None, None, None]
        return replace(convolution, weight=weight)


def merged_pools(first: Pool2d, second: Pool2d) -> Pool2d:
    """Return one pooling for two that follow one another without overlap or padding."""
    alike = first.mode == second.mode != "max" and first.padding == second.padding == (0, 0)
    if not alike or first.stride != first.kernel or second.stride != second.kernel:
        raise RefusedError("pools what was pooled, with windows that overlap; put a neuron between")
    kernel = (first.kernel[0] * second.kernel[0], first.kernel[1] * second.kernel[1])
    return replace(first, kernel=kernel, stride=kernel)


def pool_of(kernel: Any, stride: Any, padding: Any, mode: Literal["sum", "avg", "max"]) -> Pool2d:
    """Return a pooling from numbers or pairs, as PyTorch takes them."""
    size = pair(kernel)
    return Pool2d(size, size if stride is None else pair(stride), pair(padding), mode)


def pair(value: Any) -> tuple[int, int]:
    """Return a number, or two, as (y, x)."""
    values = tuple(value) if isinstance(value, tuple | list) else (value,)
    return (int(values[0]), int(values[-1]))


def _numbered(shape: Shape) -> np.ndarray:
    return np.arange(prod(shape), dtype=np.int64).reshape(shape)


def _connected_shape(connection: Connection, source_shape: Shape) -> Shape:
    if isinstance(connection, Conv2d):
        return connection.target_shape(source_shape)
    if isinstance(connection, Dense):
        return (connection.weight.shape[0],)
    if isinstance(connection, Sparse):
        return (connection.n_targets,)
    return source_shape
