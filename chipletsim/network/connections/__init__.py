"""Connections: which synapses a projection has, and their weights.

A connection kind is one file here with a line in ``CONNECTIONS``, one function in
``chipletsim.engine.projections`` that turns spikes into currents, and, to be written in
files, one section in ``chipletsim.spec.network``.
"""

from __future__ import annotations

from chipletsim.network.connections.base import BaseConnection
from chipletsim.network.connections.boxes import Box, Shape
from chipletsim.network.connections.conv2d import Conv2d
from chipletsim.network.connections.dense import Dense
from chipletsim.network.connections.one_to_one import OneToOne
from chipletsim.network.connections.pool2d import Pool2d
from chipletsim.network.connections.sparse import Sparse

Connection = Dense | Conv2d | Pool2d | Sparse | OneToOne

CONNECTIONS: dict[str, type[BaseConnection]] = {
    "dense": Dense,
    "conv2d": Conv2d,
    "pool2d": Pool2d,
    "sparse": Sparse,
    "one_to_one": OneToOne,
}

__all__ = [
    "CONNECTIONS",
    "BaseConnection",
    "Box",
    "Connection",
    "Conv2d",
    "Dense",
    "OneToOne",
    "Pool2d",
    "Shape",
    "Sparse",
]
