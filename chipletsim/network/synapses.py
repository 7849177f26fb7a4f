"""Where the synapses of a projection lie, pooling in front included."""

from __future__ import annotations

from typing import Any

import numpy as np

from chipletsim.network.connections import Box, Shape
from chipletsim.network.model import Network, Projection


def connection_source_shape(projection: Projection, network: Network) -> Shape:
    """Return the shape that the connection sees: the source's, after pooling in front."""
    shape = network.population(projection.source).shape
    return projection.pool.target_shape(shape) if projection.pool else shape


def projection_fan_out(projection: Projection, network: Network, boxes: list[Box]) -> Any:
    """Return csr_array int64 [sources, boxes]: synapses of each source neuron in each box.

    Pooling in front translates addresses: a source that falls in several windows has the
    synapses of each of them.

    Args:
        projection: A projection of ``network``.
        network: The network.
        boxes: Disjoint boxes of the target population, (start, stop) along each axis.
    """
    shapes = _shapes(projection, network)
    return _behind_pool(projection, network, projection.connection.fan_out(*shapes, boxes))


def projection_positions(projection: Projection, network: Network, boxes: list[Box]) -> Any:
    """Return csr_array int64 [sources, boxes]: array rows driven by an event of each source.

    A row is one input of the connection at one output position; see
    ``BaseConnection.positions``.
    """
    shapes = _shapes(projection, network)
    return _behind_pool(projection, network, projection.connection.positions(*shapes, boxes))


def projection_synapses(projection: Projection, network: Network, boxes: list[Box]) -> np.ndarray:
    """Return int64 [boxes]: synapses in each box, pooling in front being address translation."""
    return projection.connection.synapse_count(*_shapes(projection, network), boxes)


def projection_stored_weights(
    projection: Projection, network: Network, boxes: list[Box], *, shared: bool
) -> np.ndarray:
    """Return int64 [boxes]: weights kept for each box, kernels once per box where ``shared``."""
    shapes = _shapes(projection, network)
    return projection.connection.stored_weights(*shapes, boxes, shared=shared)


def projection_dense_operations(
    projection: Projection, network: Network, boxes: list[Box]
) -> np.ndarray:
    """Return int64 [boxes]: multiply-accumulates of each box were every input active."""
    return projection.connection.dense_operations(*_shapes(projection, network), boxes)


def _shapes(projection: Projection, network: Network) -> tuple[Shape, Shape]:
    target = network.population(projection.target).shape
    return connection_source_shape(projection, network), target


def _behind_pool(projection: Projection, network: Network, counts: Any) -> Any:
    """Return ``counts`` per source neuron, given counts per input of the connection."""
    if projection.pool is None:
        return counts
    source = network.population(projection.source).shape
    return projection.pool.matrix(source) @ counts
