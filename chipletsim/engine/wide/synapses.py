"""All synapses of a network in one table, in the order in which their events are added."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import NamedTuple

import numpy as np

from chipletsim.errors import ConfigError
from chipletsim.network.connections import Conv2d, Dense, OneToOne, Shape, Sparse
from chipletsim.network.model import Network, Projection

MOST_NEURONS = 2**31 - 1


class Synapses(NamedTuple):
    """Synapses by delay, block of target neurons, and source.

    Attributes:
        delays: The delays that there are, the longest first.
        start: int64 [delays, blocks, neurons + 1]: where the synapses of each source begin,
            by its rank, and where the last ones end.
        target: int32 [synapses], neuron.
        weight: float64 [synapses]; no weight is a negative zero.
    """

    delays: tuple[int, ...]
    start: np.ndarray
    target: np.ndarray
    weight: np.ndarray


class Listed(NamedTuple):
    """Synapses one by one.

    Attributes:
        source: int64 [synapses], neuron of the source population.
        target: Integers [synapses], neuron of the target population.
        weight: float64 [synapses].
    """

    source: np.ndarray
    target: np.ndarray
    weight: np.ndarray


def synapse_table(network: Network, bounds: np.ndarray) -> Synapses:
    """Return the synapses of a network.

    Args:
        network: A checked network in double precision.
        bounds: int64 [blocks + 1], first neuron of each block of targets, and their number.

    Raises:
        ConfigError: There are more neurons than 32 bits can number.
    """
    if network.neurons > MOST_NEURONS:
        raise ConfigError(f"{network.neurons:,} neurons; most are {MOST_NEURONS:,}")
    delays = tuple(sorted({each.delay for each in network.projections}, reverse=True))
    blocks, neurons = bounds.size - 1, network.neurons
    inner = bounds[1:-1].astype(np.int32)
    keys, targets, weights = [np.zeros(0, np.int64)], [np.zeros(0, np.int32)], [np.zeros(0)]
    for projection in network.projections:
        listed = projection_listed(projection, network)
        source = listed.source + network.offsets[network.index[projection.source]]
        if network.summation_rank is not None:
            source = network.summation_rank[source].astype(np.int64)
        first = network.offsets[network.index[projection.target]]
        targets.append(listed.target.astype(np.int32) + np.int32(first))
        # Sorted by these numbers, synapses lie by delay, by block, by rank.
        source += delays.index(projection.delay) * blocks * neurons
        if inner.size:
            source += np.searchsorted(inner, targets[-1], side="right") * neurons
        keys.append(source)
        weights.append(listed.weight)
    key, target, weight = np.concatenate(keys), np.concatenate(targets), np.concatenate(weights)
    start = _starts(key, (len(delays), blocks, neurons))
    if np.any(key[1:] < key[:-1]):
        order = np.argsort(key, kind="stable")
        target, weight = target[order], weight[order]
    return Synapses(delays, start, target, weight + 0.0)


def _starts(key: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Return int64 [delays, blocks, neurons + 1]: where those of each key begin, and end."""
    *outer, neurons = shape
    count = np.bincount(key, minlength=prod(shape)).reshape(*outer, neurons)
    start = np.zeros((*outer, neurons + 1), np.int64)
    np.cumsum(count, axis=-1, out=start[..., 1:])
    sizes = start[..., -1].reshape(-1)
    start += (np.cumsum(sizes) - sizes).reshape(*outer, 1)
    return start


def projection_listed(projection: Projection, network: Network) -> Listed:
    """Return the synapses of a projection, source by source."""
    connection = projection.connection
    source = network.population(projection.source).shape
    if isinstance(connection, Sparse):
        sources = np.repeat(np.arange(connection.indptr.size - 1), np.diff(connection.indptr))
        return _listed(sources, connection.targets, connection.weight)
    if isinstance(connection, Dense):
        n_targets, n_sources = connection.weight.shape
        sources = np.repeat(np.arange(n_sources), n_targets)
        return _listed(sources, np.tile(np.arange(n_targets), n_sources), connection.weight.T)
    if isinstance(connection, OneToOne):
        neurons = np.arange(connection.weight.size)
        return _listed(neurons, neurons, connection.weight)
    if isinstance(connection, Conv2d):
        return _convolution(connection, source)
    raise ConfigError(f"networks in double precision have no {type(connection).__name__}")


def _listed(source: np.ndarray, target: np.ndarray, weight: np.ndarray) -> Listed:
    return Listed(source, target, np.ravel(weight).astype(np.float64, copy=False))


def _convolution(connection: Conv2d, shape: Shape) -> Listed:
    """Return the synapses of a convolution; a source and a target have one at most."""
    sources, targets, weights = [], [], []
    for source, target, weight in _taps(connection, shape):
        sources.append(source)
        targets.append(target)
        weights.append(np.broadcast_to(weight, source.shape))
    source, target, weight = (np.concatenate(each) for each in (sources, targets, weights))
    order = np.argsort(source, kind="stable")
    return _listed(source[order], target[order], weight[order])


def _taps(connection: Conv2d, shape: Shape) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield sources, targets and weights of each pair of channels and each weight of a kernel."""
    outputs, per_group, kernel_y, kernel_x = connection.weight.shape
    _, height, width = shape
    _, out_height, out_width = connection.target_shape(shape)
    along_y = [_line(connection, 0, tap, height, out_height) for tap in range(kernel_y)]
    along_x = [_line(connection, 1, tap, width, out_width) for tap in range(kernel_x)]
    for output in range(outputs):
        group = output // (outputs // connection.groups)
        for channel in range(per_group):
            inside = group * per_group + channel
            for y, (in_y, out_y) in enumerate(along_y):
                for x, (in_x, out_x) in enumerate(along_x):
                    source = (inside * height + in_y[:, None]) * width + in_x
                    target = (output * out_height + out_y[:, None]) * out_width + out_x
                    yield source.ravel(), target.ravel(), connection.weight[output, channel, y, x]


def _line(
    connection: Conv2d, axis: int, tap: int, length: int, outputs: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return where a tap of the kernel reads along an axis, and the outputs it reads for."""
    output = np.arange(outputs)
    place = output * connection.stride[axis] + tap * connection.dilation[axis]
    place = place - connection.padding[axis][0]
    real = (place >= 0) & (place < length)
    return place[real], output[real]
