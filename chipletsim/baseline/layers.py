"""The network as a dense processor runs it: one product per projection."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from chipletsim.network.connections import Connection, Pool2d, Shape, Sparse
from chipletsim.network.model import Network, Projection


@dataclass(frozen=True)
class DenseLayer:
    """One kernel of the dense network, for one sample and one evaluation.

    Attributes:
        name: Name of the projection; ``NAME.pool`` for the pooling in front of it.
        source: Name of the population it reads.
        target: Name of the population it feeds.
        macs: Multiply-accumulates. Taps on padded zeros count, pooling does not.
        flops: Floating-point operations: 2 per multiply-accumulate, 1 per pooled value.
        weights: Weight values read.
        inputs: Activation values read.
        outputs: Activation values written.
    """

    name: str
    source: str
    target: str
    macs: int
    flops: int
    weights: int
    inputs: int
    outputs: int


def dense_layers(network: Network) -> tuple[DenseLayer, ...]:
    """Return the dense layers of ``network``, in the order of its projections.

    A sparse projection becomes the full matrix, as a dense processor would run it.
    Multiply-accumulates of a convolution with kernel k and g groups over an output
    plane h x w are ``c_in / g * c_out * k_y * k_x * h * w``.
    """
    layers: list[DenseLayer] = []
    for projection in network.projections:
        layers += _projection_layers(network, projection)
    return tuple(layers)


def _projection_layers(network: Network, projection: Projection) -> list[DenseLayer]:
    source = network.population(projection.source).shape
    target = network.population(projection.target).shape
    layers = []
    if projection.pool is not None:
        pooled = projection.pool.target_shape(source)
        layers.append(_layer(projection, ".pool", projection.pool, source, pooled))
        source = pooled
    layers.append(_layer(projection, "", projection.connection, source, target))
    return layers


def _layer(
    projection: Projection, suffix: str, connection: Connection, source: Shape, target: Shape
) -> DenseLayer:
    macs, flops, weights = _work(connection, source, target)
    return DenseLayer(
        name=projection.name + suffix,
        source=projection.source,
        target=projection.target,
        macs=macs,
        flops=flops,
        weights=weights,
        inputs=prod(source),
        outputs=prod(target),
    )


def _work(connection: Connection, source: Shape, target: Shape) -> tuple[int, int, int]:
    """Return multiply-accumulates, floating-point operations and weight values."""
    if isinstance(connection, Sparse):
        matrix = prod(source) * prod(target)
        return matrix, 2 * matrix, matrix
    whole = [tuple((0, length) for length in target)]
    operations = int(connection.dense_operations(source, target, whole)[0])
    if isinstance(connection, Pool2d):
        return 0, operations, 0
    return operations, 2 * operations, connection.weights.size
