"""Networks to NIR files that ``read_nir`` turns back into the same network."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from chipletsim.errors import ConfigError, Problem
from chipletsim.network.connections import Connection, Conv2d, Dense, OneToOne, Pool2d, Shape
from chipletsim.network.make_connection import explicit_padding
from chipletsim.network.model import Network, Population, Projection
from chipletsim.network.neurons import NEURON_MODELS
from chipletsim.network.nir_delays import distances, implied_delays
from chipletsim.network.nir_file import NirGraph, NirNode, write_graph
from chipletsim.network.nir_reader import MODELS
from chipletsim.network.synapses import connection_source_shape

_TYPES = {model: kind for kind, model in MODELS.items()}


def write_nir(network: Network, path: str | Path) -> None:
    """Write a network as a NIR file.

    A delay that a reader would not assume becomes a ``Delay`` node, in seconds. A bias
    becomes the bias of a dense or convolutional projection into its population. The
    network's name, its time step and the bits of graded events are not part of the format.

    Args:
        network: The network.
        path: File to write.

    Raises:
        ConfigError: The network holds what NIR cannot say; nothing is written.
    """
    write_graph(_Export(network).graph(), Path(path))


class _Export:
    """One pass over a network; faults are gathered, not raised."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.nodes: dict[str, NirNode] = {}
        self.edges: list[tuple[str, str]] = []
        self.problems: list[Problem] = []

    def graph(self) -> NirGraph:
        """Return the graph, or raise ConfigError with every fault."""
        for population in self.network.populations:
            if population.model not in _TYPES:
                message = f"NIR has no node for {population.model}"
                self.problems.append(Problem(message, f"populations.{population.name}"))
                continue
            self._add(population.name, _TYPES[population.model], _parameters(population))
        carriers = self._bias_carriers()
        for projection, implied in zip(self.network.projections, self._implied(), strict=True):
            try:
                self._project(projection, implied, carriers.get(projection.name))
            except ValueError as error:
                self.problems.append(Problem(str(error), f"projections.{projection.name}"))
        for population in self.network.populations:
            if population.output:
                fields = {"shape": np.array(population.shape, np.int64)}
                output = self._add(f"{population.name}.output", "Output", fields)
                self.edges.append((population.name, output))
        if self.problems:
            raise ConfigError(self.problems)
        return NirGraph(self.nodes, tuple(sorted(self.edges)))

    def _add(self, name: str, kind: str, fields: dict[str, Any]) -> str:
        """Add a node and return its name, made unique."""
        if "/" in name or name in ("", "."):
            self.problems.append(Problem(f"{name!r} cannot be a name in NIR files; rename it"))
        while name in self.nodes:
            name += "_"
        self.nodes[name] = NirNode(kind, fields)
        return name

    def _project(self, projection: Projection, implied: int, bias: np.ndarray | None) -> None:
        """Add a projection's nodes, and the edges through them.

        Raises:
            ValueError: NIR has no such connection.
        """
        seen = connection_source_shape(projection, self.network)
        target = self.network.population(projection.target).shape
        through = [projection.source]
        if projection.pool is not None:
            through.append(self._add(f"{projection.name}.pool", *_pool(projection.pool)))
        if isinstance(projection.connection, Dense) and len(seen) > 1:
            fields = {"start_dim": 0, "end_dim": -1, "input_type": np.array(seen, np.int64)}
            through.append(self._add(f"{projection.name}.flatten", "Flatten", fields))
        if not _is_plain_edge(projection):
            node = _connection(projection.connection, seen, bias)
            through.append(self._add(projection.name, *node))
        if projection.delay != implied:
            fields = {"delay": np.full(target, projection.delay * self.network.dt_s)}
            through.append(self._add(f"{projection.name}.delay", "Delay", fields))
        through.append(projection.target)
        self.edges += pairwise(through)

    def _implied(self) -> list[int]:
        """Return the delays that a reader assumes."""
        names = sorted(self.network.index)
        index = {name: number for number, name in enumerate(names)}
        edges = [(index[p.source], index[p.target]) for p in self.network.projections]
        inputs = [index[p.name] for p in self.network.populations if p.model == "input"]
        return implied_delays(edges, distances(len(names), sorted(edges), sorted(inputs)))

    def _bias_carriers(self) -> dict[str, np.ndarray]:
        """Return the bias along the output axis of each projection that carries one."""
        carriers = {}
        for population in self.network.populations:
            if population.bias is None:
                continue
            bias = np.broadcast_to(population.bias, population.shape)
            arriving = [p for p in self.network.projections if p.target == population.name]
            dense = [p.name for p in arriving if isinstance(p.connection, Dense)]
            conv = [p.name for p in arriving if isinstance(p.connection, Conv2d)]
            if dense:
                carriers[dense[0]] = bias.ravel()
            elif conv and np.all(bias == bias[:, :1, :1]):
                carriers[conv[0]] = bias[:, 0, 0]
            else:
                message = (
                    "NIR keeps a bias in a dense projection, or per channel in a convolution; "
                    "add one into this population"
                )
                self.problems.append(Problem(message, f"populations.{population.name}.bias"))
        return carriers


def _parameters(population: Population) -> dict[str, np.ndarray]:
    """Return a population's fields: full float32 arrays, or the shape of an input."""
    if population.model == "input":
        return {"shape": np.array(population.shape, np.int64)}
    given = {
        name: population.parameters.get(name, np.float32(parameter.default or 0.0))
        for name, parameter in NEURON_MODELS[population.model].parameters.items()
    }
    return {
        name: np.array(np.broadcast_to(value, population.shape), np.float32)
        for name, value in given.items()
    }


def _is_plain_edge(projection: Projection) -> bool:
    """Whether an edge without a node says the same."""
    return (
        isinstance(projection.connection, OneToOne)
        and projection.pool is None
        and projection.name == f"{projection.source}>{projection.target}"
        and bool(np.all(projection.connection.weight == 1))
    )


def _connection(
    connection: Connection, source: Shape, bias: np.ndarray | None
) -> tuple[str, dict[str, Any]]:
    """Return type and fields of a connection's node.

    Raises:
        ValueError: NIR has no such node.
    """
    if isinstance(connection, Dense):
        weight = {"weight": connection.weight}
        return ("Linear", weight) if bias is None else ("Affine", {**weight, "bias": bias})
    if isinstance(connection, Conv2d):
        return _conv2d(connection, source, bias)
    if isinstance(connection, Pool2d):
        if connection.mode == "max":
            raise ValueError("NIR has no pooling by maximum")
        return _pool(connection)
    if isinstance(connection, OneToOne):
        return "Scale", {"scale": connection.weight.reshape(source)}
    raise ValueError("NIR has no sparse connection; turn it into a dense one")


def _conv2d(
    connection: Conv2d, source: Shape, bias: np.ndarray | None
) -> tuple[str, dict[str, Any]]:
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
    return "Conv2d", {
        "input_shape": np.array(source[1:], np.int64),
        "weight": connection.weight,
        "stride": np.array(connection.stride, np.int64),
        "padding": padding,
        "dilation": np.array(connection.dilation, np.int64),
        "groups": connection.groups,
        "bias": np.zeros(channels, np.float32) if bias is None else bias,
    }


def _pool(pool: Pool2d) -> tuple[str, dict[str, Any]]:
    return "SumPool2d" if pool.mode == "sum" else "AvgPool2d", {
        "kernel_size": np.array(pool.kernel, np.int64),
        "stride": np.array(pool.stride, np.int64),
        "padding": np.array(pool.padding, np.int64),
    }
