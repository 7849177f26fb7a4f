"""Connections as the compact arrays that the native kernels read.

To add a kind: a function here with a line in ``FORMATS``, and its loop in
``kernels/src/accumulate.h``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from chipletsim.engine.exact import exact_sum
from chipletsim.engine.native.geometry import NUMBERS, NativeGeometry
from chipletsim.engine.native.layout import WORD, Layout
from chipletsim.engine.native.weights import Weights, narrowest
from chipletsim.network.connections import Conv2d, Dense, OneToOne, Pool2d, Sparse
from chipletsim.network.model import Projection

Shape = tuple[int, ...]
_MOST_IN_BLOCK = 2**32 - 64  # the kernel looks up to 64 synapses ahead, in 32 bits
_CHUNK = 1 << 22
_ALIGNMENT = 64
_VECTOR = 16
"""``kFilled`` of ``convolution.h``."""


Arrays = dict[str, np.ndarray]


def native_format(
    projection: Projection,
    source_shape: Shape,
    target_shape: Shape,
    layouts: tuple[Layout, Layout],
    *,
    graded: bool,
) -> tuple[NativeGeometry, Arrays]:
    """Return the geometry and the arrays of a projection.

    Args:
        projection: The projection.
        source_shape: Shape of the source population.
        target_shape: Shape of the target population.
        layouts: Layouts of the two.
        graded: Whether events of the source are values.
    """
    if not graded:
        projection = _exact(projection)
    pool, behind, window, average, rounds = projection.pool, source_shape, 1, 1.0, False
    if pool is not None:
        behind, window = pool.target_shape(source_shape), prod(pool.kernel)
        # An average in front that is not part of the weights is rounded before it is used.
        average = float(np.float32(1 / window)) if pool.mode == "avg" else 1.0
        rounds = graded or pool.mode == "avg"
    with_values = graded or rounds
    events, largest = _event_map(layouts[0], source_shape, pool)
    connection = projection.connection
    weights = np.asarray(_weights(connection), np.float32)
    terms = _most_terms(connection) * window
    narrow = Weights(weights, 1.0) if with_values else narrowest(weights, terms)
    kind, shape, arrays = FORMATS[type(connection)](connection, narrow.values, behind, layouts[1])
    scale = narrow.scale
    if isinstance(connection, Pool2d) and connection.mode == "avg":
        scale = float(np.float32(1 / prod(connection.kernel)))
    geometry = NativeGeometry(
        kind=kind,
        numbers=NUMBERS[narrow.values.dtype],
        with_values=with_values,
        sources=prod(behind),
        largest=max(largest, prod(behind)) if rounds else largest,
        pooled=prod(behind) if rounds else 0,
        pooled_weight=average,
        shape=shape,
    )
    # An array, so that networks whose weights have another step share a program.
    return geometry, {**events, **arrays, "scale": np.array([scale], np.float32)}


def pool_targets(pool: Pool2d, source_shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Return the windows of each neuron as int32 (start [sources + 1], window numbers)."""
    windows = pool.matrix(source_shape)
    return windows.indptr.astype(np.int32), windows.indices.astype(np.int32)


def _event_map(layout: Layout, shape: Shape, pool: Pool2d | None) -> tuple[Arrays, int]:
    """Return by which numbers a projection knows its source, and the most of them in a row."""
    if pool is None:
        if layout.channels == 1:
            return {}, layout.size
        start = np.arange(layout.size + 1, dtype=np.int32)
        return {"map_start": start, "map_number": layout.order.astype(np.int32)}, layout.size
    start, number = pool_targets(pool, shape)
    order = layout.order
    counts = np.diff(start)[order]
    arranged = np.concatenate([[0], np.cumsum(counts)])
    chosen = np.arange(arranged[-1]) + np.repeat(start[order] - arranged[:-1], counts)
    return {"map_start": arranged.astype(np.int32), "map_number": number[chosen]}, number.size


def _exact(projection: Projection) -> Projection:
    """Return a projection of spikes with weights whose sums are exact in float64.

    They are both parts of ``exact_sum`` together, which is float32 again: rounding a weight
    to a coarser step never needs more bits.
    """
    projection, low = exact_sum(projection)
    if low is None:
        return projection
    low += projection.connection.weights
    return replace(projection, connection=projection.connection.with_weights(low))


def _weights(connection: Any) -> np.ndarray:
    return np.ones(1, np.float32) if isinstance(connection, Pool2d) else connection.weights


def _most_terms(connection: Any) -> int:
    """Return the most synapses of a target."""
    if isinstance(connection, Sparse):
        return int(connection.fan_in.max(initial=0))
    if isinstance(connection, Pool2d):
        return prod(connection.kernel)
    return prod(connection.weights.shape[1:])


def sparse_rows(
    indptr: np.ndarray, targets: np.ndarray, weights: np.ndarray, target: Layout
) -> tuple[str, tuple[int, ...], Arrays]:
    """Return rows of synapses of each block of targets, whose neurons are counted from its first.

    Built in chunks of synapses, so that little is held beside the arrays themselves.
    """
    indptr = np.asarray(indptr, np.int64)
    sources, blocks = indptr.size - 1, target.blocks
    place = target.place if target.channels > 1 else None
    per_row = np.zeros((blocks, sources), np.int64)
    parts = _source_chunks(indptr)

    def located(part: slice) -> tuple[np.ndarray, np.ndarray]:
        within = targets[indptr[part.start] : indptr[part.stop]]
        return np.divmod(within if place is None else place[within], target.block)

    for part in parts:
        row = np.repeat(
            np.arange(part.stop - part.start), np.diff(indptr[part.start : part.stop + 1])
        )
        block, _ = located(part)
        key = block.astype(np.int64) * (part.stop - part.start) + row
        counts = np.bincount(key, minlength=blocks * (part.stop - part.start))
        per_row[:, part] = counts.reshape(blocks, -1)
    row_start = np.zeros((blocks, sources + 1), np.int64)
    np.cumsum(per_row, axis=1, out=row_start[:, 1:])
    if row_start.max(initial=0) > _MOST_IN_BLOCK:
        raise ValueError("a block of targets has more than 2^32 synapses")
    block_start = np.concatenate([[0], np.cumsum(row_start[:, -1])])[:-1]
    local = _aligned(targets.size, np.dtype(np.uint16))
    ordered = _aligned(targets.size, weights.dtype)
    for part in parts:
        block, within = located(part)
        span = slice(indptr[part.start], indptr[part.stop])
        for number in range(blocks):
            chosen = np.flatnonzero(block == number)
            first = block_start[number] + row_start[number, part.start]
            local[first : first + chosen.size] = within[chosen]
            ordered[first : first + chosen.size] = weights[span][chosen]
    arrays = {
        "weight": ordered,
        "target": local,
        "row_start": row_start.astype(np.uint32),
        # Bytes, since JAX keeps no 64-bit integers by itself.
        "block_start": block_start.astype(np.int64).view(np.uint8),
    }
    return "sparse", (), arrays


def _aligned(size: int, dtype: np.dtype) -> np.ndarray:
    """Return an array that JAX takes over as it is; it copies those that are not aligned."""
    room = np.empty(size * dtype.itemsize + _ALIGNMENT, np.uint8)
    first = -room.ctypes.data % _ALIGNMENT
    return room[first : first + size * dtype.itemsize].view(dtype)


def _source_chunks(indptr: np.ndarray) -> list[slice]:
    """Return slices of sources of some millions of synapses each, at least a source each."""
    cuts = np.searchsorted(indptr, np.arange(0, indptr[-1], _CHUNK), side="left")
    cuts = np.unique(np.concatenate([[0], cuts, [indptr.size - 1]]))
    return [slice(first, stop) for first, stop in pairwise(cuts.tolist())]


def _sparse_format(connection: Sparse, weights: np.ndarray, source: Shape, target: Layout) -> Any:
    return sparse_rows(connection.indptr, connection.targets, weights, target)


def _one_to_one_format(
    connection: OneToOne, weights: np.ndarray, source: Shape, target: Layout
) -> Any:
    every = np.arange(target.size + 1)
    return sparse_rows(every, every[:-1], weights, target)


def _pool_format(connection: Pool2d, weights: np.ndarray, source: Shape, target: Layout) -> Any:
    start, number = pool_targets(connection, source)
    return sparse_rows(start, number, np.broadcast_to(weights, number.size), target)


def _dense_format(connection: Dense, weights: np.ndarray, source: Shape, target: Layout) -> Any:
    """Return panels of 64 targets, each [sources, 64]."""
    rows = weights if target.channels == 1 else weights[target.order]
    padded = np.zeros((target.padded, rows.shape[1]), rows.dtype)
    padded[: target.size] = rows
    panels = padded.reshape(target.words, WORD, -1).transpose(0, 2, 1)
    return "dense", (), {"weight": np.ascontiguousarray(panels)}


def conv_stride(channels: int) -> int:
    """Return the weights from one tap's row of out channels to the next."""
    return -(-channels // _VECTOR) * _VECTOR if channels >= _VECTOR // 2 else channels


def _conv_format(connection: Conv2d, weights: np.ndarray, source: Shape, target: Layout) -> Any:
    """Return weights as [groups, in channels, kernel y, kernel x, out channels of the group].

    Rows of enough channels are filled up with zeros, so that they are whole vectors.
    """
    groups, (out, per_group, kernel_y, kernel_x) = connection.groups, weights.shape
    by_group = weights.reshape(groups, out // groups, per_group, kernel_y, kernel_x)
    stride = conv_stride(out // groups)
    taps = np.zeros((groups, per_group, kernel_y, kernel_x, stride), weights.dtype)
    taps[..., : out // groups] = by_group.transpose(0, 2, 3, 4, 1)
    _, height, width = connection.target_shape(source)
    (top, _), (left, _) = connection.padding
    shape = (
        *(source[1], source[2], height, width, out, kernel_y, kernel_x),
        *(*connection.stride, top, left, *connection.dilation, per_group, out // groups, stride),
    )
    return "conv", shape, {"weight": taps}


FORMATS: dict[type, Callable[[Any, np.ndarray, Shape, Layout], tuple[str, tuple[int, ...], Arrays]]]
FORMATS = {
    Dense: _dense_format,
    Conv2d: _conv_format,
    Pool2d: _pool_format,
    Sparse: _sparse_format,
    OneToOne: _one_to_one_format,
}
