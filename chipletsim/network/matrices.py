"""The weight matrix of a block, as tiles with arrays of multipliers or cells see it."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np

from chipletsim.network.connections import Box, Conv2d, OneToOne, Pool2d, Sparse
from chipletsim.network.model import Network, Projection
from chipletsim.network.synapses import connection_source_shape


class BlockMatrix(NamedTuple):
    """Weight matrices of a block: one projection into one slice.

    Attributes:
        rows: Inputs of each matrix.
        columns: Outputs of each matrix.
        positions: How often each matrix is used in a step.
        groups: Matrices of this size, one for each group of channels.
    """

    rows: int
    columns: int
    positions: int
    groups: int


def block_matrix(network: Network, projection: Projection, box: Box) -> BlockMatrix:
    """Return the matrices of the synapses of ``projection`` into ``box``.

    A convolution has a matrix per group that the box touches; its rows are the kernel,
    its columns the output channels of a group, its positions the output pixels.
    Pooling is a convolution with a group per channel. Other projections are one
    matrix: its rows are the source neurons with a synapse in the box, its columns the
    neurons of the box.
    """
    connection = projection.connection
    if isinstance(connection, Conv2d):
        rows = prod(connection.weight.shape[1:])
        per_group = connection.weight.shape[0] // connection.groups
        return _planes(box, rows, per_group)
    if isinstance(connection, Pool2d):
        return _planes(box, prod(connection.kernel), 1)
    columns = prod(stop - start for start, stop in box)
    if isinstance(connection, Sparse):
        target = network.population(projection.target).shape
        source = connection_source_shape(projection, network)
        synapses = np.diff(connection.fan_out(source, target, [box]).indptr)
        return BlockMatrix(int(np.count_nonzero(synapses)), columns, 1, 1)
    if isinstance(connection, OneToOne):
        return BlockMatrix(columns, columns, 1, 1)
    return BlockMatrix(prod(connection_source_shape(projection, network)), columns, 1, 1)


def _planes(box: Box, rows: int, channels_per_group: int) -> BlockMatrix:
    """Return the matrices of a convolution on a box of (channels, y, x)."""
    (first, last), *plane = box
    groups = (last - 1) // channels_per_group - first // channels_per_group + 1
    columns = min(last - first, channels_per_group)
    return BlockMatrix(rows, columns, prod(stop - start for start, stop in plane), groups)
