"""The network as a dense processor runs it: one product per projection."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from chipletsim.network.connections import Connection, Conv2d, Dense, OneToOne, Pool2d, Sparse
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
    shape = network.population(projection.source).shape
    layers = []
    if projection.pool is not None:
        layers.append(_layer(projection, projection.pool, shape, ".pool"))
        shape = _pooled_shape(shape, projection.pool)
    layers.append(_layer(projection, projection.connection, shape, ""))
    return layers


def _layer(
    projection: Projection, connection: Connection, shape: tuple[int, ...], suffix: str
) -> DenseLayer:
    macs, flops, weights, outputs = _WORK[type(connection)](connection, shape)
    return DenseLayer(
        name=projection.name + suffix,
        source=projection.source,
        target=projection.target,
        macs=macs,
        flops=flops,
        weights=weights,
        inputs=prod(shape),
        outputs=outputs,
    )


def _windows(size: int, kernel: int, stride: int, padding: int, dilation: int = 1) -> int:
    """Return how many windows fit along one axis; ``padding`` is that of both ends."""
    return (size + padding - dilation * (kernel - 1) - 1) // stride + 1


def _pooled_shape(shape: tuple[int, ...], pool: Pool2d) -> tuple[int, ...]:
    planes = (
        _windows(size, kernel, stride, 2 * padding)
        for size, kernel, stride, padding in zip(
            shape[1:], pool.kernel, pool.stride, pool.padding, strict=True
        )
    )
    return (shape[0], *planes)


def _dense(connection: Dense, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    macs = connection.weight.size
    return macs, 2 * macs, macs, connection.weight.shape[0]


def _conv(connection: Conv2d, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    plane = prod(
        _windows(size, kernel, stride, sum(padding), dilation)
        for size, kernel, stride, padding, dilation in zip(
            shape[1:],
            connection.weight.shape[2:],
            connection.stride,
            connection.padding,
            connection.dilation,
            strict=True,
        )
    )
    macs = connection.weight.size * plane
    return macs, 2 * macs, connection.weight.size, connection.weight.shape[0] * plane


def _pool(connection: Pool2d, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    outputs = prod(_pooled_shape(shape, connection))
    return 0, outputs * prod(connection.kernel), 0, outputs


def _sparse(connection: Sparse, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    macs = prod(shape) * connection.n_targets
    return macs, 2 * macs, macs, connection.n_targets


def _one_to_one(connection: OneToOne, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    macs = connection.weight.size
    return macs, 2 * macs, macs, macs


_WORK: dict[type, Any] = {
    Dense: _dense,
    Conv2d: _conv,
    Pool2d: _pool,
    Sparse: _sparse,
    OneToOne: _one_to_one,
}
