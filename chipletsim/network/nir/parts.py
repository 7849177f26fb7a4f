"""Connections as nodes of a NIR file."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from chipletsim.network.connections import Conv2d, Dense, OneToOne, Pool2d, Shape, Sparse
from chipletsim.network.make_connection import explicit_padding
from chipletsim.network.model import Network, Population, Projection
from chipletsim.network.nir.chain import channels_last_order
from chipletsim.network.nir.graph import NirNode
from chipletsim.network.nir.notes import sparse_notes
from chipletsim.network.presets import Preset
from chipletsim.network.synapses import connection_source_shape

MAX_WEIGHTS = 2**26
"""Most weights of a matrix that stands for listed synapses."""


class Written(NamedTuple):
    """What a connection is written for."""

    network: Network
    preset: Preset


def connection_node(
    projection: Projection, written: Written, bias: np.ndarray | None
) -> NirNode | None:
    """Return the node of a projection's connection; None where an edge alone says the same.

    Args:
        projection: The projection.
        written: Its network, and the preset that it is written for.
        bias: float32 along the output axis, or None.

    Raises:
        ValueError: NIR has no such node.
    """
    connection = projection.connection
    source = connection_source_shape(projection, written.network)
    if isinstance(connection, Dense):
        weight = connection.weight
        if written.preset.channels_last and len(source) == 3:
            weight = weight[:, channels_last_order(source)]
        return _matrix(weight, bias, {})
    if isinstance(connection, Sparse):
        return _matrix(_full(connection), bias, sparse_notes(connection))
    if isinstance(connection, Conv2d):
        own = written.network.population(projection.source)
        line = projection.pool is None and is_line(own, written.network)
        fields = _conv2d(connection, source, bias)
        return NirNode("Conv1d", _last_axis(fields)) if line else NirNode("Conv2d", fields)
    if isinstance(connection, Pool2d):
        return NirNode(*pool_node(connection, in_all=written.preset.pads_in_all))
    if isinstance(connection, OneToOne):
        if _is_plain(projection):
            return None
        return NirNode("Scale", {"scale": connection.weight.reshape(source)})
    raise ValueError(f"NIR has no connection of type {type(connection).__name__}")


def pool_node(pool: Pool2d, *, in_all: bool) -> tuple[str, dict[str, Any]]:
    """Return type and fields of a pooling; padding of sums on both sides together, if so asked.

    Raises:
        ValueError: NIR has no such pooling.
    """
    if pool.mode == "max":
        raise ValueError("NIR has no pooling by maximum")
    sides = 2 if in_all and pool.mode == "sum" else 1
    return "SumPool2d" if pool.mode == "sum" else "AvgPool2d", {
        "kernel_size": np.array(pool.kernel, np.int64),
        "stride": np.array(pool.stride, np.int64),
        "padding": sides * np.array(pool.padding, np.int64),
    }


def is_line(population: Population, network: Network) -> bool:
    """Whether a population of shape [C, 1, L] is written as [C, L].

    So it is where convolutions along the last axis alone lead from it or to it, and no others
    from it.
    """
    if len(population.shape) != 3 or population.shape[1] != 1:
        return False
    return _sends_lines(population.name, network) or (
        not _planes(population.name, network)
        and any(
            p.target == population.name and _along_last(p) and _sends_lines(p.source, network)
            for p in network.projections
        )
    )


def _sends_lines(name: str, network: Network) -> bool:
    planes = _planes(name, network)
    return bool(planes) and all(_along_last(p) for p in planes)


def _planes(name: str, network: Network) -> list[Projection]:
    """Return the projections that need a population to be planes."""
    return [
        p
        for p in network.projections
        if p.source == name and (p.pool is not None or isinstance(p.connection, Conv2d | Pool2d))
    ]


def _along_last(projection: Projection) -> bool:
    conv = projection.connection
    if projection.pool is not None or not isinstance(conv, Conv2d):
        return False
    first = (conv.weight.shape[2], conv.stride[0], conv.dilation[0], conv.padding[0])
    return first == (1, 1, 1, (0, 0))


def _is_plain(projection: Projection) -> bool:
    """Whether an edge without a node says the same."""
    return (
        projection.pool is None
        and projection.name == f"{projection.source}>{projection.target}"
        and bool(np.all(projection.connection.weights == 1))
    )


def _matrix(weight: np.ndarray, bias: np.ndarray | None, notes: dict[str, Any]) -> NirNode:
    if bias is None:
        return NirNode("Linear", {"weight": weight}, notes)
    return NirNode("Affine", {"weight": weight, "bias": bias}, notes)


def _full(connection: Sparse) -> np.ndarray:
    """Return listed synapses as float32 [targets, sources].

    Raises:
        ValueError: It would be too large, or two synapses join the same pair of neurons.
    """
    sources = connection.indptr.size - 1
    if sources * connection.n_targets > MAX_WEIGHTS:
        raise ValueError(
            f"NIR has no listed synapses, and a matrix of {connection.n_targets:,} by {sources:,}"
            " weights is too large to stand for them; keep this network as YAML"
        )
    rows = np.repeat(np.arange(sources), np.diff(connection.indptr))
    places = connection.targets.astype(np.int64) * sources + rows
    if np.unique(places).size != places.size:
        raise ValueError(
            "NIR has no listed synapses, and a matrix cannot hold several of one pair of neurons;"
            " add their weights up, or keep this network as YAML"
        )
    weight = np.zeros((connection.n_targets, sources), np.float32)
    weight[connection.targets, rows] = connection.weight
    return weight


def _conv2d(connection: Conv2d, source: Shape, bias: np.ndarray | None) -> dict[str, Any]:
    channels, _, *kernel = connection.weight.shape
    (top, bottom), (left, right) = connection.padding
    padding: Any = np.array([top, left], np.int64)
    if (top, left) != (bottom, right):
        padding = "same"
        kept = (kernel[0], kernel[1])
        same = connection.stride == (1, 1) and explicit_padding(
            "same", kept, connection.stride, connection.dilation
        )
        if same != connection.padding:
            raise ValueError(
                f"NIR pads both sides alike, or keeps the size; not {connection.padding}"
            )
    return {
        "input_shape": np.array(source[1:], np.int64),
        "weight": connection.weight,
        "stride": np.array(connection.stride, np.int64),
        "padding": padding,
        "dilation": np.array(connection.dilation, np.int64),
        "groups": connection.groups,
        "bias": np.zeros(channels, np.float32) if bias is None else bias,
    }


def _last_axis(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a convolution along the last axis alone."""
    padding = fields["padding"]
    return {
        **fields,
        "weight": fields["weight"][:, :, 0],
        "padding": padding if isinstance(padding, str) else int(padding[1]),
        **{name: int(fields[name][1]) for name in ("input_shape", "stride", "dilation")},
    }


def output_axis(connection: object, bias: np.ndarray) -> np.ndarray | None:
    """Return a bias along the output axis of a connection; None where it cannot carry it."""
    if isinstance(connection, Dense | Sparse):
        return bias.ravel()
    if isinstance(connection, Conv2d) and np.all(bias == bias[:, :1, :1]):
        return bias[:, 0, 0]
    return None
