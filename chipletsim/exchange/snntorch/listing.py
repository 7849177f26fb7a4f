"""Synapses listed one by one, and kernels merged, where no other connection will do."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from scipy import sparse

from chipletsim.network.connections import Connection, Conv2d, Dense, Pool2d, Shape, Sparse


class RefusedError(ValueError):
    """An operation has no counterpart in a network; the message says why."""


def listed(
    sources: np.ndarray, targets: np.ndarray, weights: np.ndarray, counts: tuple[int, int]
) -> Sparse:
    """Return synapses given one by one, between so many sources and so many targets."""
    n_sources, n_targets = counts
    order = np.argsort(sources, kind="stable")
    indptr = np.searchsorted(sources[order], np.arange(n_sources + 1)).astype(np.int64)
    return Sparse(indptr, targets[order].astype(np.int32), weights[order], n_targets)


def picked_values(index: np.ndarray, gain: np.ndarray, n_sources: int) -> Sparse:
    """Return a synapse from each value picked to where it stands."""
    flat = index.ravel()
    targets = np.flatnonzero(flat >= 0)
    weights = np.broadcast_to(gain, index.shape).ravel()[targets].astype(np.float64)
    return listed(flat[targets], targets, weights, (n_sources, flat.size))


def picked_targets(
    connection: Connection, source_shape: Shape, index: np.ndarray, gain: np.ndarray
) -> Sparse:
    """Return the synapses of some targets of a connection, scaled, each in its new place.

    Args:
        connection: The connection.
        source_shape: Shape of its source, after pooling in front.
        index: int64 [places]: which of its targets stands in each place; -1 for none.
        gain: float64 [places].
    """
    places = np.flatnonzero(index >= 0)
    rows = _matrix(connection, source_shape)[index[places]].tocoo()
    targets, weights = places[rows.row], rows.data * gain[places[rows.row]]
    return listed(rows.col, targets, weights, (prod(source_shape), index.size))


def _matrix(connection: Connection, source_shape: Shape) -> Any:
    """Return csr_array float64 [targets, sources] of all synapses; zeros among them are kept."""
    n_sources = prod(source_shape)
    if isinstance(connection, Conv2d):
        sources, targets, weights = _taps(connection, source_shape)
        n_targets = prod(connection.target_shape(source_shape))
    elif isinstance(connection, Dense):
        n_targets = connection.weight.shape[0]
        targets, sources = (each.ravel() for each in np.indices(connection.weight.shape))
        weights = connection.weight.ravel()
    elif isinstance(connection, Sparse):
        n_targets = connection.n_targets
        sources = np.repeat(np.arange(n_sources), np.diff(connection.indptr))
        targets, weights = connection.targets, connection.weight
    else:
        raise RefusedError("picks from what cannot be told apart")
    return sparse.csr_array((weights, (targets, sources)), shape=(n_targets, n_sources))


def _taps(convolution: Conv2d, source_shape: Shape) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return source, target and weight of each tap of a convolution that is on a real input."""
    target_shape = convolution.target_shape(source_shape)
    out, channel, *taps, row, column = np.indices(
        (*convolution.weight.shape, *target_shape[1:]), sparse=True
    )
    per_group = target_shape[0] // convolution.groups
    channel = channel + (out // per_group) * convolution.weight.shape[1]
    seen = [
        place * window.stride + tap * window.dilation - window.before
        for place, tap, window in zip((row, column), taps, convolution.windows, strict=True)
    ]
    inside = [
        (place >= 0) & (place < length)
        for place, length in zip(seen, source_shape[1:], strict=True)
    ]
    real = np.broadcast_arrays(inside[0] & inside[1], out + channel)[0]
    sources = np.ravel_multi_index((channel, *seen), source_shape, mode="clip")
    targets = np.ravel_multi_index((out, row, column), target_shape)
    weights = convolution.weight[..., None, None]
    return tuple(np.broadcast_to(each, real.shape)[real] for each in (sources, targets, weights))


def mean_kernel(convolution: Conv2d, pool: Pool2d) -> np.ndarray:
    """Return float64 [out, in, y, x]: the kernel in all places of a window, summed or averaged."""
    weight, (down, right) = convolution.weight, convolution.stride
    height = weight.shape[2] + (pool.kernel[0] - 1) * down
    width = weight.shape[3] + (pool.kernel[1] - 1) * right
    total = np.zeros((*weight.shape[:2], height, width))
    covered = np.zeros((height, width), bool)
    for y in range(pool.kernel[0]):
        for x in range(pool.kernel[1]):
            place = np.s_[
                y * down : y * down + weight.shape[2], x * right : x * right + weight.shape[3]
            ]
            total[(..., *place)] += weight
            covered[place] = True
    if not covered.all():
        raise RefusedError("pools a convolution that skips inputs; put a neuron between")
    return total / (prod(pool.kernel) if pool.mode == "avg" else 1)
