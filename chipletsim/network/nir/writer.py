"""Networks to NIR files that ``read_nir`` turns back into the same network."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from chipletsim.errors import ConfigError, Problem
from chipletsim.network.build import default_value_bits
from chipletsim.network.connections import Dense
from chipletsim.network.model import Network, Population, Projection
from chipletsim.network.nir.carriers import Carried, carried_biases
from chipletsim.network.nir.delays import distances, implied_delays
from chipletsim.network.nir.file import write_graph
from chipletsim.network.nir.graph import NirGraph, NirNode
from chipletsim.network.nir.notes import ALONE_KEY, CURRENT, SHAPE_KEY, STEPS_KEY, VALUE_BITS_KEY
from chipletsim.network.nir.parts import Written, connection_node, is_line, pool_node
from chipletsim.network.nir.rewrite import Rewritten, rewritten
from chipletsim.network.presets.scheme import OPTIONS_KEY, PRESET_KEY, stored_options
from chipletsim.network.synapses import connection_source_shape


def write_nir(network: Network, path: str | Path) -> None:
    """Write a network as a NIR file.

    Neurons are written as the framework does whose they are, and the file's metadata names the
    preset that reads them. A delay that a reader would not assume becomes a ``Delay`` node. A
    bias becomes that of a dense, listed or convolutional projection into its population.
    Listed synapses become a matrix, and metadata that says which of its weights there are. The
    network's name and its time step are not part of the format.

    Args:
        network: The network.
        path: File to write.

    Raises:
        ConfigError: The network holds what NIR cannot say; nothing is written.
    """
    write_graph(graph_of(network), Path(path))


def graph_of(network: Network) -> NirGraph:
    """Return the graph of a network; errors as for ``write_nir``."""
    return _Export(network, rewritten(network)).graph()


class _Export:
    """One pass over a network; faults are gathered, not raised."""

    def __init__(self, network: Network, neurons: Rewritten) -> None:
        self.network = network
        self.neurons = neurons
        self.nodes: dict[str, NirNode] = {}
        self.edges: list[tuple[str, str]] = []
        self.exits: dict[str, str] = {}
        self.problems: list[Problem] = []
        self.loops, self.stated = self._delays()

    def graph(self) -> NirGraph:
        """Return the graph, or raise ConfigError with every fault."""
        for population in self.network.populations:
            self._populate(population)
        carriers, faults = carried_biases(self.network, self.neurons, self.loops, self.stated)
        self.problems += faults
        for number, projection in enumerate(self.network.projections):
            try:
                self._project(projection, self.stated[number], carriers.get(projection.name))
            except ValueError as error:
                self.problems.append(Problem(str(error), f"projections.{projection.name}"))
        for population in self.network.populations:
            if population.output and not self._is_end(population):
                fields = {"shape": np.array(self._shape(population), np.int64)}
                output = self._add(f"{population.name}.output", NirNode("Output", fields))
                self.edges.append((self.exits[population.name], output))
        if self.problems:
            raise ConfigError(self.problems)
        options = stored_options(self.neurons.options)
        metadata = {PRESET_KEY: self.neurons.preset.name, OPTIONS_KEY: options}
        return NirGraph(self.nodes, tuple(sorted(self.edges)), metadata)

    def _delays(self) -> tuple[list[bool], list[int | None]]:
        """Return which projections a reader delays by itself, and the delays to state."""
        network, late = self.network, self.neurons.input_delays
        index = network.index
        edges = [(index[p.source], index[p.target]) for p in network.projections]
        inputs = [index[p.name] for p in network.populations if p.model == "input"]
        distance = distances(len(index), edges, inputs)
        wanted = [p.delay - late.get(p.target, 0) for p in network.projections]
        assumed = [
            0 if late.get(p.source) and late.get(p.target) else None for p in network.projections
        ]
        stated: list[int | None] = [None] * len(edges)
        while True:
            given = [
                own if each is None else each for each, own in zip(stated, assumed, strict=True)
            ]
            read = implied_delays(edges, distance, given)
            wrong = [
                number
                for number, (own, want) in enumerate(zip(read, wanted, strict=True))
                if own != want and stated[number] is None
            ]
            if not wrong:
                loops = [
                    each is None and delay > 0 for each, delay in zip(given, read, strict=True)
                ]
                return loops, stated
            for number in wrong:
                stated[number] = wanted[number]

    def _populate(self, population: Population) -> None:
        """Add the nodes of a population."""
        name = population.name
        if population.model == "input":
            fields: dict[str, Any] = {"shape": np.array(self._shape(population), np.int64)}
            self._add(name, NirNode("Input", fields, self._notes(population)))
            self.exits[name] = name
            return
        if self._is_end(population):
            fields = {"shape": np.array(self._shape(population), np.int64)}
            self.exits[name] = self._add(name, NirNode("Output", fields, self._notes(population)))
            return
        if population.model.startswith(CURRENT):
            self.exits[name] = name
            if self._own_projection(population) is None:
                shape = np.array(population.shape, np.int64)
                fields = {"start_dim": 0, "end_dim": 0, "input_type": shape}
                notes = {ALONE_KEY: 1, **self._notes(population)}
                self._add(name, NirNode("Flatten", fields, notes))
            return
        names: list[str] = []
        for part in self.neurons.parts[name]:
            fields = {key: self._lined(population, each) for key, each in part.fields.items()}
            notes = {} if names else self.neurons.notes[name] | self._notes(population)
            names.append(self._add(f"{name}{part.suffix}", NirNode(part.type, fields, notes)))
        self.edges += pairwise(names)
        self.exits[name] = names[-1]

    def _is_end(self, population: Population) -> bool:
        """Whether values are an answer and nothing else, so that the output node is their place."""
        sends = any(p.source == population.name for p in self.network.projections)
        return population.model.startswith(CURRENT) and population.output and not sends

    def _own_projection(self, population: Population) -> Projection | None:
        """Return the one projection whose node can stand for a population of values."""
        arriving = [p for p in self.network.projections if p.target == population.name]
        if len(arriving) == 1 and arriving[0].name == population.name:
            return arriving[0]
        return None

    def _notes(self, population: Population) -> dict[str, Any]:
        notes: dict[str, Any] = {}
        if population.model.startswith(CURRENT):
            notes[SHAPE_KEY] = np.array(population.shape, np.int64)
        if population.value_bits != default_value_bits(population.model):
            notes[VALUE_BITS_KEY] = population.value_bits
        if population.steps is not None:
            notes[STEPS_KEY] = population.steps
        return notes

    def _shape(self, population: Population) -> tuple[int, ...]:
        """Return a shape as NIR has it: [C, L] in front of a convolution along one axis."""
        if is_line(population, self.network):
            return (population.shape[0], population.shape[2])
        return population.shape

    def _lined(self, population: Population, values: Any) -> Any:
        full = np.broadcast_to(values, population.shape)
        return full.reshape(self._shape(population))

    def _add(self, name: str, node: NirNode) -> str:
        """Add a node and return its name, made unique."""
        if "/" in name or name in ("", ".") or not name.isprintable():
            self.problems.append(Problem(f"{name!r} cannot be a name in NIR files; rename it"))
        while name in self.nodes:
            name += "_"
        self.nodes[name] = node
        return name

    def _project(self, projection: Projection, stated: int | None, carried: Carried | None) -> None:
        """Add a projection's nodes, and the edges through them.

        Raises:
            ValueError: NIR has no such connection.
        """
        source = self.network.population(projection.source)
        target = self.network.population(projection.target)
        seen = connection_source_shape(projection, self.network)
        through = [self.exits[projection.source]]
        behind = carried.behind if carried else 0
        if stated is not None and (stated != behind or not stated):
            through.append(self._delayed(projection.name, source.shape, stated - behind))
        if projection.pool is not None:
            both = self.neurons.preset.pads_in_all
            pool = NirNode(*pool_node(projection.pool, in_all=both))
            through.append(self._add(f"{projection.name}.pool", pool))
        if isinstance(projection.connection, Dense) and len(seen) > 1:
            fields = {"start_dim": 0, "end_dim": -1, "input_type": np.array(seen, np.int64)}
            through.append(self._add(f"{projection.name}.flatten", NirNode("Flatten", fields)))
        written = Written(self.network, self.neurons.preset)
        node = connection_node(projection, written, None if carried is None else carried.values)
        if node is not None:
            through.append(self._add(projection.name, self._marked(node, projection, target)))
        if behind:
            through.append(self._delayed(f"{projection.name}.behind", target.shape, behind))
        if through[-1] != projection.target:
            through.append(projection.target)
        self.edges += pairwise(through)

    def _marked(self, node: NirNode, projection: Projection, target: Population) -> NirNode:
        """Return a projection's node, marked where it stands for the population behind, too."""
        values = target.model.startswith(CURRENT) and not self._is_end(target)
        if not values or projection is not self._own_projection(target):
            return node
        return replace(node, metadata={**node.metadata, ALONE_KEY: 1, **self._notes(target)})

    def _delayed(self, name: str, shape: tuple[int, ...], steps: int) -> str:
        if steps < 0:
            raise ValueError("these neurons take every input at least one step later")
        fields = {"delay": np.full(shape, steps * self.neurons.dt)}
        return self._add(f"{name}.delay", NirNode("Delay", fields))
