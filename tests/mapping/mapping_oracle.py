"""Slow and obvious: synapses listed one by one, capacities counted from the lists."""

from __future__ import annotations

import itertools
from math import ceil, log2

import numpy as np

from chipletsim.mapping import Mapping
from chipletsim.network.connections import Conv2d, Dense, OneToOne, Pool2d, Sparse
from chipletsim.network.model import Network, Projection


def synapses(network: Network, projection: Projection) -> np.ndarray:
    """Return int64 [sources, targets]: synapses of each pair, pooling in front included."""
    shape = network.population(projection.source).shape
    target = network.population(projection.target).shape
    if projection.pool is None:
        return _direct(projection.connection, shape, target)
    pool = projection.pool
    pooled = (shape[0], *(
        (n + 2 * p - k) // s + 1
        for n, k, s, p in zip(shape[1:], pool.kernel, pool.stride, pool.padding, strict=True)
    ))  # fmt: skip
    return _direct(pool, shape, pooled) @ _direct(projection.connection, pooled, target)


def _direct(connection: object, shape: tuple[int, ...], target: tuple[int, ...]) -> np.ndarray:
    sources, targets = int(np.prod(shape)), int(np.prod(target))
    pairs = np.zeros((sources, targets), np.int64)
    if isinstance(connection, Dense):
        pairs += 1
    elif isinstance(connection, OneToOne):
        pairs += np.eye(sources, dtype=np.int64)
    elif isinstance(connection, Sparse):
        for source in range(sources):
            for entry in range(connection.indptr[source], connection.indptr[source + 1]):
                pairs[source, connection.targets[entry]] += 1
    else:
        _windows(connection, shape, target, pairs)
    return pairs


def _windows(connection, shape, target, pairs) -> None:
    if isinstance(connection, Pool2d):
        kernel, stride, dilation = connection.kernel, connection.stride, (1, 1)
        before, per_group = connection.padding, 1
        into = {c: [c] for c in range(shape[0])}
    else:
        assert isinstance(connection, Conv2d)
        kernel, stride, dilation = (
            connection.weight.shape[2:],
            connection.stride,
            connection.dilation,
        )
        before = tuple(sides[0] for sides in connection.padding)
        per_group = connection.weight.shape[1]
        outs = target[0] // connection.groups
        into = {
            c: range(c // outs * per_group, (c // outs + 1) * per_group) for c in range(target[0])
        }
    for out, oy, ox in itertools.product(*map(range, target)):
        for ky, kx in itertools.product(*map(range, kernel)):
            y = oy * stride[0] + ky * dilation[0] - before[0]
            x = ox * stride[1] + kx * dilation[1] - before[1]
            if 0 <= y < shape[1] and 0 <= x < shape[2]:
                for channel in into[out]:
                    source = np.ravel_multi_index((channel, y, x), shape)
                    pairs[source, np.ravel_multi_index((out, oy, ox), target)] += 1


def members(mapping: Mapping, number: int) -> np.ndarray:
    """Return the neurons of a slice, numbered within its population."""
    part = mapping.slices[number]
    shape = mapping.network.populations[part.population].shape
    numbers = np.arange(int(np.prod(shape))).reshape(shape)
    return numbers[tuple(slice(*bounds) for bounds in part.box)].ravel()


def assert_sound(mapping: Mapping) -> None:
    """Assert that the slices partition every population and exceed no capacity."""
    network, tiles = mapping.network, mapping.package.tiles
    owned = [np.zeros(item.size, int) for item in network.populations]
    neurons, bits = np.zeros(len(tiles), int), np.zeros(len(tiles), int)
    sources: list[set] = [set() for _ in tiles]
    sent: list[set] = [set() for _ in tiles]
    tile_of = {}
    for number, part in enumerate(mapping.slices):
        held = members(mapping, number)
        owned[part.population][held] += 1
        neurons[part.tile] += held.size
        tile_of |= {(part.population, int(neuron)): part.tile for neuron in held}
    assert all((count == 1).all() for count in owned), "slices do not partition a population"
    tables = [synapses(network, edge) for edge in network.projections]
    for number, part in enumerate(mapping.slices):
        held, kind = members(mapping, number), tiles[part.tile].parameters
        for edge, table in zip(network.projections, tables, strict=True):
            if network.index[edge.target] != part.population:
                continue
            source = network.index[edge.source]
            firing = np.flatnonzero(table[:, held].any(axis=1))
            sources[part.tile] |= {(source, int(neuron)) for neuron in firing}
            for neuron in firing:
                sent[tile_of[source, int(neuron)]].add((source, int(neuron), part.tile))
            keeps = arrays if kind.kind == "crossbar" else stored
            bits[part.weight_tile] += keeps(network, edge, held, kind)
        if part.weight_tile != part.tile:
            assert kind.streams_weights
            assert tiles[part.weight_tile].kind == "memory"
        if network.populations[part.population].output:
            sent[part.tile] |= {(part.population, int(neuron), "answer") for neuron in held}
        model = network.populations[part.population].model
        assert tiles[part.tile].kind == "io" if model == "input" else kind.computes
    for index, tile in enumerate(tiles):
        limits = tile.parameters
        assert neurons[index] <= limits.neurons
        assert bits[index] <= limits.synaptic_memory_bits
        assert limits.fan_in is None or len(sources[index]) <= limits.fan_in
        assert limits.fan_out is None or len(sent[index]) <= limits.fan_out


def arrays(network: Network, edge: Projection, held: np.ndarray, kind) -> int:
    """Return the bits of the crossbar arrays that a projection into ``held`` takes at least.

    Each matrix (one per group of channels) has arrays of its own, zeros included.
    """
    connection = edge.connection
    places = np.unravel_index(held, network.population(edge.target).shape)
    copies = 1
    if isinstance(connection, Conv2d | Pool2d):
        if isinstance(connection, Conv2d):
            rows = connection.weight[0].size
            per_group = connection.weight.shape[0] // connection.groups
        else:
            rows, per_group = int(np.prod(connection.kernel)), 1
        groups = {int(channel) // per_group for channel in places[0]}
        matrices = [(rows, len({c for c in places[0] if c // per_group == g})) for g in groups]
        if not kind.shares_weights:
            copies = len(set(zip(places[1], places[2], strict=True)))
    else:
        shape = network.population(edge.source).shape
        shape = edge.pool.target_shape(shape) if edge.pool else shape
        table = _direct(connection, shape, network.population(edge.target).shape)[:, held]
        matrices = [(int(table.any(axis=1).sum()), held.size)]
    cells = ceil(kind.weight_bits / kind.cell_bits) * kind.differential_columns
    number = sum(
        ceil(rows / kind.array_rows) * ceil(columns * cells / kind.array_columns)
        for rows, columns in matrices
    )
    return copies * number * kind.array_rows * kind.array_columns * kind.cell_bits


def stored(network: Network, edge: Projection, held: np.ndarray, kind) -> int:
    """Return the bits that the neurons ``held`` of the target keep for a projection."""
    connection = edge.connection
    target = network.population(edge.target).shape
    if isinstance(connection, Conv2d) and kind.shares_weights:
        channels = {int(np.unravel_index(neuron, target)[0]) for neuron in held}
        return len(channels) * connection.weight[0].size * kind.weight_bits
    if isinstance(connection, Pool2d) and kind.shares_weights:
        return kind.weight_bits
    plain = Projection(edge.name, edge.source, edge.target, connection, None, edge.delay)
    shape = network.population(edge.source).shape
    if edge.pool is not None:
        shape = edge.pool.target_shape(shape)
    count = int(_direct(plain.connection, shape, target)[:, held].sum())
    index = ceil(log2(kind.neurons)) if isinstance(connection, Sparse) and kind.neurons > 1 else 0
    return count * (kind.weight_bits + index)
